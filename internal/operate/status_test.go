package operate

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/google/go-cmp/cmp"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
)

func TestStatusOfWhatIsWell(t *testing.T) {
	b := launched(t)
	head, err := exec.CommandContext(t.Context(), "git", "-C", b.tree.Root, "rev-parse", "HEAD").Output()
	if err != nil {
		t.Fatal(err)
	}
	report, err := b.Status(t.Context(), []string{"prod"})
	if err != nil {
		t.Fatal(err)
	}
	if report.Application != "slipway-demo" || report.Account != b.double.AccountID || report.Region != b.double.Region || report.Foundation.Status != "CREATE_COMPLETE" {
		t.Errorf("%+v", report)
	}
	e := report.Environments[0]
	if e.State != Healthy || len(e.Problems)+len(e.Changes)+len(e.Notes) > 0 || e.Drift != "" {
		t.Errorf("state %s, problems %q, changes %q, notes %q, drift %q", e.State, e.Problems, e.Changes, e.Notes, e.Drift)
	}
	if e.Image.Commit != strings.TrimSpace(string(head)) || e.Image.Dirty || e.Image.Source != b.tree.Identity() || !contract.IsDigest(e.Image.Reference) || !strings.HasSuffix(e.Image.Reference, "@"+e.Image.Digest) {
		t.Errorf("image %+v, want commit %s of source %s", e.Image, head, b.tree.Identity())
	}
	if e.Tasks.Desired != 2 || e.Tasks.Running != 2 || e.Tasks.Pending != 0 || len(e.Tasks.List) != 2 || e.Tasks.List[0].Status != "RUNNING" || e.Tasks.List[0].Started == nil {
		t.Errorf("tasks %+v", e.Tasks)
	}
	if e.Targets.Healthy != 2 || e.Targets.Total != 2 || e.Deployment.State != "COMPLETED" || e.Deployment.Started == nil || !strings.HasPrefix(e.URL, "http://") {
		t.Errorf("targets %+v, deployment %+v, URL %q", e.Targets, e.Deployment, e.URL)
	}
	var places []string
	for _, s := range e.Stacks {
		places = append(places, s.Place+" "+s.Status)
	}
	want := []string{"slipway-demo-prod CREATE_COMPLETE", "slipway-demo-prod.Network CREATE_COMPLETE", "slipway-demo-prod.ECS CREATE_COMPLETE", "slipway-demo-prod.Pipeline CREATE_COMPLETE"}
	slices.Sort(places)
	slices.Sort(want)
	if diff := cmp.Diff(want, places); diff != "" {
		t.Errorf("stacks (-want +got):\n%s", diff)
	}
}

// What is not there is told from what is there and is another's, and from what a launch left that was cut off.
func TestStatusOfWhatIsAbsent(t *testing.T) {
	for name, c := range map[string]struct {
		stack *awsdouble.StackSpec
		said  string
	}{
		"nothing":   {nil, "there is no stack slipway-demo-prod"},
		"review":    {&awsdouble.StackSpec{Name: "slipway-demo-prod", Status: "REVIEW_IN_PROGRESS"}, "cut off"},
		"foreign":   {&awsdouble.StackSpec{Name: "slipway-demo-prod", Status: "CREATE_COMPLETE"}, "not slipway's"},
		"destroyed": {&awsdouble.StackSpec{Name: "slipway-demo-prod", Status: "DELETE_COMPLETE"}, "there is no stack"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if c.stack != nil {
				b.double.PutStack(*c.stack)
			}
			e := b.status(t)
			if e.State != Absent {
				t.Errorf("state %s", e.State)
			}
			wantText(t, strings.Join(e.Notes, "\n"), c.said)
			_, err := b.present(t.Context(), "prod")
			absent, ok := errors.AsType[*AbsentError](err)
			if !ok || absent.Environment != "prod" {
				t.Errorf("got %v", err)
			}
			wantText(t, err.Error(), c.said, "./scripts/deploy.sh")
		})
	}
}

// Each way of not being well is told, and how the whole is judged by it.
func TestStatusOfWhatIsNotWell(t *testing.T) {
	service := func(b *bench) string { return b.double.PhysicalID("slipway-demo-prod", "ECS.Service") }
	count := func(t *testing.T, b *bench, n int32) {
		t.Helper()
		cluster := b.double.PhysicalID("slipway-demo-prod", "ECS.Cluster")
		name := lastPart(service(b))
		b.unrestricted()
		if _, err := ecs.NewFromConfig(b.double.Config()).UpdateService(t.Context(), &ecs.UpdateServiceInput{Cluster: &cluster, Service: &name, DesiredCount: &n}); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		befall   func(t *testing.T, b *bench)
		state    State
		problems string // parts of them
		changes  string
	}{
		"unhealthy targets": {func(_ *testing.T, b *bench) { b.double.Unhealthy(lastPart(service(b))) }, Unhealthy, "is unhealthy: Target.ResponseCodeMismatch (Health checks failed with these codes: [500])", ""},
		"no tasks":          {func(t *testing.T, b *bench) { count(t, b, 0) }, Unhealthy, "set to run no task", ""},
		"failed stack": {func(_ *testing.T, b *bench) {
			b.double.SetStackStatus("slipway-demo-prod", "UPDATE_ROLLBACK_FAILED", "stuck")
		}, Unhealthy, "slipway-demo-prod is UPDATE_ROLLBACK_FAILED: stuck", ""},
		"failed nested stack": {func(_ *testing.T, b *bench) {
			b.double.SetStackStatus(b.double.PhysicalID("slipway-demo-prod", "Network"), "UPDATE_FAILED", "")
		}, Unhealthy, "slipway-demo-prod.Network is UPDATE_FAILED", ""},
		"stack at work":      {func(_ *testing.T, b *bench) { b.double.SetStackStatus("slipway-demo-prod", "UPDATE_IN_PROGRESS", "") }, Changing, "", "slipway-demo-prod is UPDATE_IN_PROGRESS"},
		"tasks starting":     {func(_ *testing.T, b *bench) { b.double.TasksStart(1) }, Changing, "", "1 of 2 tasks run, 1 are starting"},
		"a task lost":        {func(_ *testing.T, b *bench) { b.double.LoseTasks(1) }, Unhealthy, "1 of 2 tasks run, 0 are starting", ""},
		"deployment begun":   {func(_ *testing.T, b *bench) { b.double.Rollout("IN_PROGRESS", 0) }, Changing, "", "a deployment is under way"},
		"deployment failing": {func(_ *testing.T, b *bench) { b.double.Rollout("IN_PROGRESS", 2) }, Unhealthy, "2 of its tasks have failed", ""},
		"deployment failed":  {func(_ *testing.T, b *bench) { b.double.Rollout("FAILED", 3) }, Unhealthy, "the last deployment failed: ", ""},
		"service gone":       {func(_ *testing.T, b *bench) { b.double.Delete(service(b)) }, Unhealthy, "it has no ECS service", ""},
		"target group gone": {func(_ *testing.T, b *bench) {
			b.double.Delete(b.double.PhysicalID("slipway-demo-prod", "ECS.TargetGroup"))
		}, Unhealthy, "no target group", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := launched(t)
			c.befall(t, b)
			b.double.Restrict(b.policy())
			e := b.status(t)
			if e.State != c.state {
				t.Errorf("state %s, want %s", e.State, c.state)
			}
			for said, want := range map[string]string{strings.Join(e.Problems, "\n"): c.problems, strings.Join(e.Changes, "\n"): c.changes} {
				if !strings.Contains(said, want) || want == "" && said != "" {
					t.Errorf("said %q, want %q", said, want)
				}
			}
		})
	}
}

// A rollback by the circuit breaker leaves an environment that is well, and not what was deployed last.
func TestStatusAfterARollback(t *testing.T) {
	b := launched(t)
	b.tree = committedTree(t)
	b.double.FailResource("ECS.Service", "it did not come up")
	b.tree.Files[0].SHA256 = strings.Repeat("0", 64) // another source
	b.double.PutImage(b.double.PhysicalID("slipway-demo-foundation", "Repository"), b.tree.Identity(), "")
	if err := b.tryDeploy(t); err == nil {
		t.Fatal("the deployment did not fail")
	}
	e := b.status(t)
	if e.State != Healthy || e.Drift != "" || e.Stacks[0].Status != "UPDATE_ROLLBACK_COMPLETE" {
		t.Errorf("state %s, drift %q, problems %q, stack %s", e.State, e.Drift, e.Problems, e.Stacks[0].Status)
	}
	wantText(t, strings.Join(e.Notes, "\n"), "failed and was rolled back")
}

// Who deploys past the stack is found out.
func TestDrift(t *testing.T) {
	b := launched(t)
	other := b.double.Redeploy("registry.example.com/other@sha256:" + strings.Repeat("a", 64))
	e := b.status(t)
	wantText(t, e.Drift, "the task definition's image is registry.example.com/other@sha256:aaa", "the service runs "+lastPart(other), "the stack names ", "release 1 has the image ")
	if e.State != Healthy || e.Image.Commit != "" {
		t.Errorf("state %s, image %+v", e.State, e.Image)
	}
	b.double.SetStackStatus("slipway-demo-prod", "UPDATE_IN_PROGRESS", "")
	if e := b.status(t); e.Drift != "" {
		t.Errorf("drift %q while the stack changes", e.Drift)
	}
}

// The source may have expired, and the registry may have forgotten its image: all else is told.
func TestStatusWithoutTheSource(t *testing.T) {
	b := launched(t)
	b.removeSource(t)
	if e := b.status(t); e.Image.Source != b.tree.Identity() || e.Image.Commit != "" || e.State != Healthy {
		t.Errorf("image %+v, state %s", e.Image, e.State)
	}
}

// What is asked is not refused, and an answer that fails is not taken for one.
func TestStatusPassesErrorsOn(t *testing.T) {
	operations := []string{"DescribeStacks", "ListStackResources", "DescribeServices", "DescribeTaskDefinition", "ListTasks", "DescribeTasks",
		"DescribeTargetHealth", "DescribeImages", "GetObject", "GetCallerIdentity"}
	b := launched(t)
	for _, operation := range operations {
		b.double.Fail(operation, "AccessDeniedException", "not today", 1)
		if _, err := b.Status(t.Context(), []string{"prod"}); err == nil || !strings.Contains(err.Error(), "not today") {
			t.Errorf("%s fails: got %v", operation, err)
		}
		b.double.Throttle(operation, 3)
	}
	if e := b.status(t); e.State != Healthy {
		t.Errorf("throttled: %+v", e)
	}
}
