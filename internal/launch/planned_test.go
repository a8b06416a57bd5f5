package launch

import (
	"strings"
	"testing"

	"slipway/internal/plan"
	"slipway/internal/release"
)

// Where an environment has no approval, the pipeline has nobody who could allow a risk; what only costs more goes on.
func TestRisksNeedSomebody(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	b.mustDeploy(t, DeployOptions{})
	o := b.asking(t, inside).released(t)
	plans, err := b.PlanRelease(t.Context(), o)
	want(t, err, "has no approval in slipway.yaml", "run: ./scripts/deploy.sh --environment prod --image keep --allow replace:prod.ECS.LoadBalancer")
	if len(plans) != 1 {
		t.Errorf("the plans are not there to be shown: %+v", plans)
	}
	b.Config.Environments[0].Approval = true
	if _, err := b.PlanRelease(t.Context(), o); err != nil {
		t.Errorf("with approval: %v", err)
	}
}

// What somebody deploys by hand between a run's plan and its deployment is not replaced: nobody has planned that. The next plan
// says what it takes the place of.
func TestPlanIsOverARelease(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	o, _ := b.secondByPipeline(t, "run-1")
	plans, err := b.PlanRelease(t.Context(), o)
	if err != nil || plans[0].Over == nil || plans[0].Over.Number != 1 || plans[0].Over.ByHand == "" {
		t.Fatalf("%v, %+v", err, plans)
	}
	b.deployedFrom(t, shop, "c").mustDeploy(t, DeployOptions{})
	byHand := b.released(t).Image
	o = o.Planned(plans...)
	want(t, b.Deploy(t.Context(), o), "the plan was made over release 1", "release 2, a deployment by", "retry all actions of the stage")
	if got := b.double.Running("shop-prod", "ECS.Service"); len(got) != 1 || got[0] != byHand {
		t.Errorf("it runs %v, want %s", got, byHand)
	}
	wantOutcomes(t, b.releasesOf(t, "prod"), release.Succeeded, release.Succeeded)
	plans, err = b.PlanRelease(t.Context(), o)
	if err != nil || !strings.Contains(strings.Join(plans[0].Notes, "\n"), "it takes the place of release 2, a deployment that was made by hand") {
		t.Fatalf("%v, %+v", err, plans)
	}
	planned := DeployOptions{Environments: o.Environments, ByPipeline: true, Image: o.Image, Execution: o.Execution}.Planned(plans...)
	b.mustDeploy(t, planned)
	plans, err = b.PlanRelease(t.Context(), planned)
	if err != nil || plans[0].Over == nil || *plans[0].Over != (plan.Over{Number: 3}) {
		t.Errorf("%v, %+v", err, plans)
	}
	b.mustDeploy(t, planned) // nothing changes, so nothing is replaced
}
