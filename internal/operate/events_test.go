package operate

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/internal/awsdouble"
)

// The events of all stacks come in one order, over several pages, with their place in the tree.
func TestEvents(t *testing.T) {
	b := launched(t, awsdouble.WithPageSize(3))
	events, err := b.EnvironmentEvents(t.Context(), "prod", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(events, func(a, b Event) int { return a.Time.Compare(b.Time) }) {
		t.Error("they are not in the order of time")
	}
	first, last := events[0], events[len(events)-1]
	if first.Stack != "slipway-demo-prod" || first.Resource != "" || first.Status != "CREATE_IN_PROGRESS" || last.Status != "CREATE_COMPLETE" || last.Resource != "" {
		t.Errorf("from %+v to %+v", first, last)
	}
	for _, stack := range []string{"slipway-demo-prod.Network", "slipway-demo-prod.ECS", "slipway-demo-prod.Pipeline"} {
		ended := slices.ContainsFunc(events, func(e Event) bool { return e.Stack == stack && e.Resource == "" && e.Status == "CREATE_COMPLETE" })
		if !ended {
			t.Errorf("no end of %s", stack)
		}
	}
	if !slices.ContainsFunc(events, func(e Event) bool {
		return e.Stack == "slipway-demo-prod.ECS" && e.Resource == "Service" && e.Type == "AWS::ECS::Service" && e.ID != ""
	}) {
		t.Error("nothing of the service")
	}
	if slices.ContainsFunc(events, func(e Event) bool { return e.Failed }) {
		t.Error("failures, where all went well")
	}
	foundation, err := b.FoundationEvents(t.Context(), time.Time{})
	if err != nil || len(foundation) == 0 || foundation[0].Stack != "slipway-demo-foundation" {
		t.Errorf("%v, %v", foundation, err)
	}
}

// Without a time only the last operation is shown, with one all since; a failure is marked.
func TestEventsOfTheLastOperation(t *testing.T) {
	b := launched(t)
	begun := time.Now()
	b.tree = committedTree(t)
	b.tree.Files[0].SHA256 = strings.Repeat("0", 64) // another source
	b.double.PutImage(b.double.PhysicalID("slipway-demo-foundation", "Repository"), b.tree.Identity(), "")
	b.double.FailResource("ECS.Service", "it did not come up")
	if err := b.tryDeploy(t); err == nil {
		t.Fatal("the deployment did not fail")
	}
	events, err := b.EnvironmentEvents(t.Context(), "prod", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if e := events[0]; e.Status != "UPDATE_IN_PROGRESS" || e.Resource != "" || e.Stack != "slipway-demo-prod" {
		t.Errorf("it begins with %+v", e)
	}
	failed := slices.IndexFunc(events, func(e Event) bool { return e.Failed })
	if failed < 0 || events[failed].Resource != "Service" || events[failed].Reason != "it did not come up" {
		t.Errorf("the first failure is %d of %+v", failed, events)
	}
	if slices.ContainsFunc(events, func(e Event) bool { return strings.HasPrefix(e.Status, "CREATE_") && e.Resource == "" }) {
		t.Error("it goes back to the launch")
	}
	whole, err := b.EnvironmentEvents(t.Context(), "prod", begun.Add(-time.Hour))
	if err != nil || len(whole) <= len(events) || whole[0].Status != "CREATE_IN_PROGRESS" && whole[0].Status != "REVIEW_IN_PROGRESS" {
		t.Errorf("%d events since an hour, %d of the last operation: %v, %v", len(whole), len(events), whole[0], err)
	}
	none, err := b.EnvironmentEvents(t.Context(), "prod", time.Now().Add(time.Hour))
	if err != nil || len(none) > 0 {
		t.Errorf("since the future: %v, %v", none, err)
	}
}

func TestEventsOfWhatIsAbsent(t *testing.T) {
	b := newBench(t)
	_, err := b.EnvironmentEvents(t.Context(), "prod", time.Time{})
	if _, ok := errors.AsType[*AbsentError](err); !ok {
		t.Errorf("got %v", err)
	}
	if events, err := b.FoundationEvents(t.Context(), time.Time{}); err != nil || len(events) > 0 {
		t.Errorf("%v, %v", events, err)
	}
}
