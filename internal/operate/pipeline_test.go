package operate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/awsdouble"
)

// followRun looks at a run of the pipeline.
func (b *bench) followRun(t *testing.T) Run {
	t.Helper()
	pipeline := b.double.PhysicalID("slipway-demo-prod", "Pipeline.Pipeline")
	b.double.SetRun(pipeline, "v1", "Failed",
		awsdouble.ActionRun{Stage: "Source", Action: "Source", Status: "Succeeded"},
		awsdouble.ActionRun{Stage: "Checks", Action: "Lint", Status: "Failed", Build: "lint:1", Summary: "it ran", Message: "Build terminated with state: FAILED"})
	if id, err := b.RunOf(t.Context(), pipeline, "v2"); id != "" || err != nil {
		t.Errorf("a run of another version: %q, %v", id, err)
	}
	id, err := b.RunOf(t.Context(), pipeline, "v1")
	if err != nil || id == "" {
		t.Fatalf("no run: %v", err)
	}
	r, err := b.Run(t.Context(), pipeline, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRun(t *testing.T) {
	b := launched(t, awsdouble.WithPageSize(1))
	r := b.followRun(t)
	want := []Action{
		{Stage: "Source", Name: "Source", Status: "Succeeded"},
		{Stage: "Checks", Name: "Lint", Status: "Failed", Said: "Build terminated with state: FAILED", Build: "lint:1"},
	}
	if diff := cmp.Diff(want, r.Actions); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !r.Over() || r.Well() || r.Failed().Place() != "Checks/Lint" {
		t.Errorf("%+v", r)
	}
}
