package operate

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

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

// A run is found on whatever page it is told, and not beyond what is looked through.
func TestRunOnAnotherPage(t *testing.T) {
	b := launched(t, awsdouble.WithPageSize(3))
	pipeline := b.double.PhysicalID("slipway-demo-prod", "Pipeline.Pipeline")
	b.double.SetRun(pipeline, "wanted", "InProgress")
	for n := range 99 {
		b.double.SetRun(pipeline, fmt.Sprint("v", n), "Succeeded")
	}
	if id, err := b.RunOf(t.Context(), pipeline, "wanted"); err != nil || id == "" {
		t.Errorf("%q, %v", id, err)
	}
	b.double.SetRun(pipeline, "one more", "Succeeded")
	asked := len(b.double.CallsTo("ListPipelineExecutions"))
	if id, err := b.RunOf(t.Context(), pipeline, "wanted"); err != nil || id != "" {
		t.Errorf("the 101st is %q, %v", id, err)
	}
	if n := len(b.double.CallsTo("ListPipelineExecutions")) - asked; n != 34 {
		t.Errorf("%d pages were asked for", n)
	}
}

// nothing answers every request with an object that has nothing in it.
type nothing struct{}

func (nothing) Do(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
}

// An answer that says nothing is an error.
func TestRunOfWhichNothingIsSaid(t *testing.T) {
	b := newBench(t)
	settings := b.double.Config()
	settings.HTTPClient = nothing{}
	if _, err := New(b.cfg, settings, time.Millisecond).Run(t.Context(), "pipeline", "one"); err == nil || !strings.Contains(err.Error(), "ask about execution one of pipeline pipeline: the answer says nothing of it") {
		t.Errorf("%v", err)
	}
}

// What was tried again since is not what a run failed of.
func TestFailedOfTriedAgain(t *testing.T) {
	lint := Action{Stage: "Checks", Name: "Lint", Status: "Failed"}
	again := Action{Stage: "Checks", Name: "Lint", Status: "Succeeded"}
	plan := Action{Stage: "Deploy-prod", Name: "Plan", Status: "Failed"}
	rejected := Action{Stage: "Deploy-prod", Name: "Approve", Status: "Abandoned"}
	for name, c := range map[string]struct {
		actions []Action
		want    string
	}{
		"none":          {[]Action{again}, ""},
		"the only one":  {[]Action{again, plan}, "Deploy-prod/Plan"},
		"tried again":   {[]Action{lint, again}, ""},
		"the one after": {[]Action{lint, again, plan}, "Deploy-prod/Plan"},
		"the first":     {[]Action{lint, plan}, "Checks/Lint"},
		"twice":         {[]Action{lint, lint}, "Checks/Lint"},
		"one given up":  {[]Action{again, rejected}, "Deploy-prod/Approve"},
	} {
		got := ""
		if failed := (Run{Actions: c.actions}).Failed(); failed != nil {
			got = failed.Place()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// So it is of a session of ECS Exec.
func TestSessionOfWhichNothingIsSaid(t *testing.T) {
	b := newBench(t)
	settings := b.double.Config()
	settings.HTTPClient = nothing{}
	if _, err := New(b.cfg, settings, time.Millisecond).Open(t.Context(), Target{Task: "t", Container: "app"}, "sh"); err == nil || !strings.Contains(err.Error(), "container app of task t: the answer says nothing of it") {
		t.Errorf("%v", err)
	}
}
