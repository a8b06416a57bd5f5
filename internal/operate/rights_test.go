package operate

import (
	"errors"
	"slices"
	"testing"
	"time"

	"slipway/internal/deployer"
	"slipway/internal/iampolicy"
)

// Every action of the policy operate is there for something that is asked, and would be refused without it.
func TestPolicyIsMinimal(t *testing.T) {
	b := withExec(t, true, false)
	before := len(b.double.Requests())
	b.status(t)
	if _, err := b.EnvironmentEvents(t.Context(), "prod", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := b.Logs(t.Context(), LogOptions{Environment: "prod"}, func(Line) error { return nil }); err != nil {
		t.Fatal(err)
	}
	target, err := b.Find(t.Context(), "prod", "", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Open(t.Context(), target, "sh"); err != nil {
		t.Fatal(err)
	}
	b.followRun(t)
	if err := errors.Join(b.Hold(t.Context(), "prod", "freeze"), b.Lift(t.Context(), "prod")); err != nil {
		t.Fatal(err)
	}
	b.removeSource(t)
	b.status(t)
	requests := b.double.Requests()[before:]
	rights := deployer.Operating(b.cfg, b.place())
	for i, r := range rights {
		for j, action := range r.Action {
			var lessened iampolicy.Document
			for k, other := range rights {
				if k == i {
					other.Action = slices.Delete(slices.Clone(other.Action), j, j+1)
				}
				lessened.Statement = append(lessened.Statement, other.Statement)
			}
			if !slices.ContainsFunc(requests, func(request iampolicy.Request) bool {
				return request.Action == action && !iampolicy.Allowed(request, lessened)
			}) {
				t.Errorf("statement %s: nothing that is asked needs %s", r.Sid, action)
			}
		}
	}
}
