package launch

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
	"slipway/internal/release"
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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

// failingSecond has the second version of the service answer wrongly, whatever task it is in, while fail says so.
func (b *bench) failingSecond(fail *atomic.Bool) {
	var mu sync.Mutex
	var first, second string
	b.double.ServeApp(func(w http.ResponseWriter, r *http.Request, task awsdouble.Task) {
		mu.Lock()
		if first == "" {
			first = task.TaskDefinition
		}
		if second == "" && task.TaskDefinition != first {
			second = task.TaskDefinition
		}
		wrong := task.TaskDefinition == second && fail.Load()
		mu.Unlock()
		if wrong {
			http.Error(w, "wrong", http.StatusInternalServerError)
			return
		}
		awsdouble.DefaultApp(w, r, task)
	})
}

// secondByPipeline has the pipeline deploy a second image to shop, which has one by hand.
func (b *bench) secondByPipeline(t *testing.T, execution string) (o DeployOptions, first string) {
	t.Helper()
	b.deployedFrom(t, shop, "a").mustDeploy(t, DeployOptions{})
	o = b.released(t)
	first = o.Image
	o.Image, o.Execution = b.pushed("b"), execution
	b.patience = 100 * time.Millisecond
	return o, first
}

// What fails acceptance in the pipeline is taken back: the release before runs again, and the run fails and says both. That is
// recorded, and the same run cannot go on as if nothing had been.
func TestFailedAcceptanceIsTakenBack(t *testing.T) {
	t.Parallel()
	for name, later := range map[string]bool{"in the deployment": false, "afterwards": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).asking(t, shop)
			var fail atomic.Bool
			fail.Store(!later)
			b.failingSecond(&fail)
			o, first := b.secondByPipeline(t, "run-1")
			err := b.Deploy(t.Context(), o)
			if later {
				if err != nil {
					t.Fatal(err)
				}
				fail.Store(true)
				err = b.AcceptRelease(t.Context(), o)
			}
			want(t, err, "acceptance of http://", "answered 500", "release 1, which was there before, is back")
			if got := b.root(t, "shop-prod").parameters[contract.KeyImageURI]; got != first {
				t.Errorf("it runs %s, want %s", got, first)
			}
			want(t, b.AcceptRelease(t.Context(), o), "was taken back", "retry all actions of the stage")
			bucket, err := b.bucket(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			records, err := b.releases(bucket).List(t.Context(), "prod", 0)
			if err != nil {
				t.Fatal(err)
			}
			if len(records) != 3 || records[0].Kind != release.Rollback || records[0].Result != release.Succeeded || records[0].Of.Number != 1 || records[1].Execution != "run-1" {
				t.Errorf("the records: %+v", records)
			}
		})
	}
}

// A run that changed nothing takes nothing back, and neither does one that a person's deployment has overtaken.
func TestWhatARunHasNotDeployedItDoesNotTakeBack(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	o, first := b.secondByPipeline(t, "run-1")
	b.mustDeploy(t, o)
	wrongly := func(w http.ResponseWriter, _ *http.Request, _ awsdouble.Task) {
		http.Error(w, "wrong", http.StatusInternalServerError)
	}
	b.double.ServeApp(wrongly)
	sets := len(b.double.CallsTo("CreateChangeSet"))
	again := o
	again.Execution = "run-2"
	want(t, b.Deploy(t.Context(), again), "acceptance of http://", "has changed nothing there")
	want(t, b.AcceptRelease(t.Context(), again), "acceptance of http://", "has changed nothing there")
	other := o
	other.Image = first
	want(t, b.AcceptRelease(t.Context(), other), "somebody has deployed since")
	if n := len(b.double.CallsTo("CreateChangeSet")); n != sets {
		t.Errorf("%d change sets were made", n-sets)
	}
}

// What a person deploys and fails acceptance stays, and it is said how to go back, where there is something to go back to.
func TestRefusedByHandIsLeft(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	broken := func(w http.ResponseWriter, _ *http.Request, _ awsdouble.Task) {
		http.Error(w, "no", http.StatusInternalServerError)
	}
	b.double.ServeApp(broken)
	if err := b.deployedFrom(t, shop, "a").impatient().Deploy(t.Context(), DeployOptions{}); err == nil || strings.Contains(err.Error(), "goes back") {
		t.Errorf("the first: %v", err)
	}
	b.double.ServeApp(nil)
	b.deployedFrom(t, shop, "b").mustDeploy(t, DeployOptions{})
	b.double.ServeApp(broken)
	want(t, b.deployedFrom(t, shop, "c").impatient().Deploy(t.Context(), DeployOptions{}), "acceptance of http://", "it runs all the same; ./scripts/rollback.sh --environment prod goes back to release 2")
}
