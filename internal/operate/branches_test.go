package operate

import (
	"errors"
	"testing"

	"slipway/internal/config"
)

// Each branch's pipeline is held by itself; a branch whose pipeline there is not yet hides the others' not.
func TestHeldBranches(t *testing.T) {
	b := newBench(t)
	b.tree = committedTree(t)
	dev := b.cfg.Environments[0]
	dev.Name = "dev"
	b.cfg.Environments = append([]config.Environment{dev}, b.cfg.Environments...)
	b.cfg.Pipeline.Branches = []config.Branch{{Name: "develop", Environments: []string{"dev"}}, {Name: "main", Environments: []string{"prod"}}}
	b.generate(t)
	b.deploy(t)
	b.look()
	if err := b.Hold(t.Context(), "prod", "freeze"); err != nil {
		t.Fatal(err)
	}
	held, err := b.Held(t.Context())
	if _, is := held["prod"]; err != nil || !is || len(held) != 1 {
		t.Errorf("%v, %v", held, err)
	}
	if calls := b.double.CallsTo("DisableStageTransition"); len(calls) != 1 || calls[0].In["pipelineName"] != b.double.PhysicalID("slipway-demo-prod", "Pipeline.PipelineMain") {
		t.Errorf("held: %v", calls)
	}

	b.cfg.Pipeline.Branches = []config.Branch{{Name: "next", Environments: []string{"dev"}}, {Name: "main", Environments: []string{"prod"}}}
	b.look()
	if held, err = b.Held(t.Context()); err != nil || len(held) != 1 {
		t.Errorf("with a branch that is not there yet: %v, %v", held, err)
	}
	var absent *AbsentError
	if err := b.Hold(t.Context(), "dev", "freeze"); !errors.As(err, &absent) || absent.Error() == "" {
		t.Errorf("a pipeline that is not there is held: %v", err)
	}
}
