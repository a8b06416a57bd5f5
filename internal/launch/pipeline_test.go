package launch

import (
	"strings"
	"testing"

	"slipway/internal/contract"
)

// released is what the pipeline deploys, with the image that runs. From here on the caller has the rights of its builds.
func (b *bench) released(t *testing.T) DeployOptions {
	t.Helper()
	b.double.Restrict(b.double.RolePolicies(t, b.double.PhysicalID("shop-prod", "Pipeline.DeployRole"))...)
	image := b.root(t, "shop-prod").parameters[contract.KeyImageURI]
	return DeployOptions{Environments: []string{"prod"}, ByPipeline: true, Image: image}
}

// A commit that changes the pipeline, what holds it in check or what it is given stops in the pipeline's plan and again in
// its deployment, before anything is changed.
func TestPipelineDoesNotChangeItself(t *testing.T) {
	const topic = "arn:aws:sns:us-east-1:123456789012:alerts"
	const told = "name: shop\nenvironments: [{name: prod, watch: {topic: \"" + topic + "\"}}]\n"
	for name, c := range map[string]struct{ before, after string }{
		"foundation":          {shop, "name: shop\nenvironments: [{name: prod}]\nservice: {permissions: [{actions: [\"s3:GetObject\"], resources: [\"*\"]}]}\n"},
		"pipeline":            {shop, "name: shop\nenvironments: [{name: prod}]\npipeline: {mode: queued}\n"},
		"what it is given":    {told, strings.Replace(told, "alerts", "others", 1)},
		"what it may be told": {shop, told},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).asking(t, c.before)
			b.double.Put("AWS::SNS::Topic", topic, nil)
			b.double.Put("AWS::SNS::Topic", strings.Replace(topic, "alerts", "others", 1), nil)
			b.mustDeploy(t, DeployOptions{})
			o := b.asking(t, c.after).released(t)
			sets := len(b.double.CallsTo("ExecuteChangeSet"))
			_, err := b.Plan(t.Context(), o)
			want(t, err, "the pipeline's definition changed: run ./scripts/deploy.sh --environment prod --image keep")
			want(t, b.Deploy(t.Context(), o), "the pipeline's definition changed: run ./scripts/deploy.sh --environment prod --image keep")
			if n := len(b.double.CallsTo("ExecuteChangeSet")); n != sets {
				t.Errorf("%d change sets were executed", n-sets)
			}
		})
	}
}

// The pipeline plans and deploys what a commit may change by itself.
func TestPipelineDeploysAChange(t *testing.T) {
	b := newBench(t).asking(t, shop)
	b.mustDeploy(t, DeployOptions{})
	o := b.asking(t, slower).released(t)
	plans, err := b.Plan(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(plans) != 1 || plans[0].Environment != "prod" || len(plans[0].Risks) > 0 {
		t.Errorf("the plans: %+v", plans)
	}
	change(t, plans[0], "prod/ecs.yaml", "TargetGroup")
	b.mustDeploy(t, o)
}

// Every environment gets the templates that the image was released with.
func TestTemplatesAreTheReleased(t *testing.T) {
	b := newBench(t).asking(t, shop)
	b.mustDeploy(t, DeployOptions{})
	set, err := TemplateSet(b.Templates)
	if err != nil {
		t.Fatal(err)
	}
	o := b.released(t)
	o.TemplateSet = set
	b.mustDeploy(t, o)
	b.asking(t, slower).released(t)
	want(t, b.Deploy(t.Context(), o), set, "release again")
	if _, err := b.Plan(t.Context(), o); err == nil {
		t.Error("other templates are planned")
	}
}
