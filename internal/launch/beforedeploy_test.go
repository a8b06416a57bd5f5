package launch

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
	"slipway/internal/plan"
	"slipway/internal/release"
)

const (
	migrates = "name: shop\nservice: {beforeDeploy: {command: [/app, migrate], timeout: 10}}\nenvironments: [{name: prod}]\n"
	rescales = "name: shop\nservice: {beforeDeploy: {command: [/app, migrate]}}\nenvironments: [{name: prod, tasks: {min: 2, max: 4}}]\n"
	needs    = "name: shop\nservice: {beforeDeploy: {command: [/app, migrate]}, environment: {SCHEMA: \"2\"}}\nenvironments: [{name: prod}]\n"
)

// with is another run with another source.
func (b *bench) with(source string) *bench {
	b.Source = tree(source)
	return b
}

// serving is the image of the tasks that the load balancer has.
func (b *bench) serving(t *testing.T) string {
	t.Helper()
	image, err := b.deployedImage(t.Context(), b.root(t, "shop-prod"))
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestTaskRunsBeforeTheFirstTasks(t *testing.T) {
	t.Parallel()
	for name, slipway := range map[string]string{"fixed": migrates, "scaled": rescales} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).asking(t, slipway)
			b.double.RunOneOff(awsdouble.OneOff{Log: []string{"made 12 tables"}})
			b.mustDeploy(t, DeployOptions{})
			b.told(t, "running /app migrate before the deployment", "| made 12 tables", "ended well")
			tasks := b.double.OneOffTasks()
			if len(tasks) != 1 || tasks[0] != b.serving(t) {
				t.Errorf("one task of the image ran before: %v, want %s", tasks, b.serving(t))
			}
			s, err := b.service(t.Context(), b.root(t, "shop-prod").outputs[contract.KeyClusterName], b.root(t, "shop-prod").outputs[contract.KeyServiceName])
			if err != nil || s.RunningCount != 2 {
				t.Errorf("%d tasks run, %v", s.RunningCount, err)
			}
			sets := len(b.double.CallsTo("ExecuteChangeSet"))
			b.mustDeploy(t, DeployOptions{})
			if n := len(b.double.OneOffTasks()); n != 1 || len(b.double.CallsTo("ExecuteChangeSet")) != sets {
				t.Errorf("where nothing changes %d tasks ran", n-1)
			}
			for _, action := range []string{"ecs:RunTask", "iam:PassRole"} {
				if !asked(b.double.Requests(), action) {
					t.Errorf("nobody asked for %s", action)
				}
			}
			b.mustDestroy(t)
		})
	}
}

// Until the task has ended no task of the service runs, and its definition is all that has changed.
func TestServiceWaitsForTheTask(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, migrates)
	b.mustDeploy(t, DeployOptions{})
	first := b.serving(t)
	b.double.RunOneOff(awsdouble.OneOff{Looks: -1})
	done := make(chan error)
	b.asking(t, needs).with("b")
	go func() { done <- b.Deploy(t.Context(), DeployOptions{}) }()
	for len(b.double.OneOffTasks()) < 2 {
		time.Sleep(time.Millisecond)
	}
	root := b.root(t, "shop-prod")
	if b.serving(t) != first || root.parameters[contract.KeyImageURI] != first {
		t.Error("the service has another image already")
	}
	has := func(nested string) bool {
		text, err := b.templateOf(t.Context(), b.double.PhysicalID("shop-prod", nested))
		return err == nil && strings.Contains(text, "SCHEMA")
	}
	if !has("BeforeDeploy") {
		t.Error("the task lacks the variable that comes with its release")
	}
	if has("ECS") {
		t.Error("the service has the variable that comes with the release")
	}
	b.double.RunOneOff(awsdouble.OneOff{})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if tasks := b.double.OneOffTasks(); b.serving(t) == first || tasks[1] != b.serving(t) {
		t.Errorf("tasks of %v ran before, and %s serves", tasks, b.serving(t))
	}
	if n := strings.Count(b.progress.String(), "BeforeDeploy.TaskDefinition"); n == 0 {
		t.Errorf("the plan lacks the task:\n%s", b.progress)
	}
}

func TestTaskThatFailsStopsTheDeployment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		how  awsdouble.OneOff
		says []string
	}{
		"exit code": {awsdouble.OneOff{Failure: &awsdouble.TaskFailure{StoppedReason: "Essential container in task exited", ExitCode: 3}, Log: []string{"column exists"}},
			[]string{"the task before the deployment to shop-prod failed; the service was not changed", "cause: container-exits", "exit code 3", "| column exists"}},
		"cannot start": {awsdouble.OneOff{Failure: &awsdouble.TaskFailure{StoppedReason: "CannotPullContainerError: pull image manifest has been retried", ExitCode: -1}},
			[]string{"cause: image-unpullable"}},
		"no capacity": {awsdouble.OneOff{Refused: "Capacity is unavailable at this time. Please try again later or in a different availability zone"},
			[]string{"could not be started: Capacity is unavailable", "cause: no-capacity"}},
		"sidecar took it down": {awsdouble.OneOff{Failure: &awsdouble.TaskFailure{StoppedReason: "Task stopped by somebody", ExitCode: 137}},
			[]string{"exit code 137", "cause: container-killed"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).asking(t, migrates)
			b.mustDeploy(t, DeployOptions{})
			first := b.serving(t)
			b.double.RunOneOff(c.how)
			err := b.with("b").Deploy(t.Context(), DeployOptions{})
			want(t, err, c.says...)
			if b.serving(t) != first {
				t.Error("the service has another image")
			}
			records, err := b.releases(b.root(t, "shop-foundation").outputs[contract.KeyBucketName]).List(t.Context(), "prod", 0)
			if err != nil || len(records) != 2 || records[0].Result != release.Failed || records[0].Stands || records[0].Cause == "" {
				t.Errorf("the newest release is %+v, %v", records[0], err)
			}
			b.double.RunOneOff(awsdouble.OneOff{})
			b.mustDeploy(t, DeployOptions{})
			if b.serving(t) == first {
				t.Error("the second try left the image as it was")
			}
			b.mustDestroy(t)
		})
	}
}

// A first launch whose task fails leaves an environment without tasks, which the next run goes on with.
func TestTaskThatFailsOnTheFirstLaunch(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, migrates)
	b.double.RunOneOff(awsdouble.OneOff{Failure: &awsdouble.TaskFailure{StoppedReason: "Essential container in task exited", ExitCode: 1}})
	want(t, b.Deploy(t.Context(), DeployOptions{}), "the task before the deployment to shop-prod failed", "cause: container-exits")
	root := b.root(t, "shop-prod")
	s, err := b.service(t.Context(), root.outputs[contract.KeyClusterName], root.outputs[contract.KeyServiceName])
	if err != nil || s.DesiredCount != 0 {
		t.Errorf("the service wants %d tasks, %v", s.DesiredCount, err)
	}
	b.double.RunOneOff(awsdouble.OneOff{})
	b.mustDeploy(t, DeployOptions{})
	if n := len(b.double.OneOffTasks()); n != 2 {
		t.Errorf("%d tasks ran", n)
	}
	b.mustDestroy(t)
}

func TestTaskIsStoppedWhenItTakesTooLong(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, migrates)
	b.Config.Service.BeforeDeploy.Timeout = 1
	b.double.RunOneOff(awsdouble.OneOff{Looks: -1, Log: []string{"waiting for a lock"}})
	want(t, b.Deploy(t.Context(), DeployOptions{}), "did not end within 1s and was stopped", "cause: task-timeout", "| waiting for a lock")
	if n := strings.Count(b.progress.String(), "| waiting for a lock"); n != 1 {
		t.Errorf("the line was shown %d times", n)
	}
	if stops := b.double.CallsTo("StopTask"); len(stops) != 1 {
		t.Errorf("%d calls stop a task", len(stops))
	}
	b.double.RunOneOff(awsdouble.OneOff{})
	b.mustDestroy(t)
}

func TestTaskIsStoppedWhenTheRunIsInterrupted(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, migrates)
	b.double.RunOneOff(awsdouble.OneOff{Looks: -1})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		b.untilTaskIsFollowed()
		cancel()
	}()
	err := b.Deploy(ctx, DeployOptions{})
	want(t, err, "it was stopped, and the service is as it was")
	if n := len(b.double.CallsTo("StopTask")); n != 1 {
		t.Errorf("%d calls stop a task", n)
	}
	if !errors.Is(err, ErrInterrupted) {
		t.Errorf("the error is %v", err)
	}
	b.double.RunOneOff(awsdouble.OneOff{})
	b.asking(t, migrates).mustDeploy(t, DeployOptions{})
	if n := len(b.double.OneOffTasks()); n != 2 {
		t.Errorf("%d tasks ran: the one that was stopped, and another", n)
	}
}

// untilTaskIsFollowed waits until a task was started and has been looked at since.
func (b *bench) untilTaskIsFollowed() {
	for len(b.double.OneOffTasks()) == 0 {
		time.Sleep(time.Millisecond)
	}
	for looks := len(b.double.CallsTo("DescribeTasks")); len(b.double.CallsTo("DescribeTasks")) <= looks; {
		time.Sleep(time.Millisecond)
	}
}

// killedInItsTask is a first launch that ends while its task runs, which it does not get to stop.
func (b *bench) killedInItsTask(t *testing.T) {
	t.Helper()
	b.double.RunOneOff(awsdouble.OneOff{Looks: -1})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		b.untilTaskIsFollowed()
		b.double.Fail("StopTask", "AccessDeniedException", "not now", 1)
		cancel()
	}()
	want(t, b.Deploy(ctx, DeployOptions{}), "the next run follows it")
}

// A run that is killed stops nothing: the next one finds its task, and follows it.
func TestTaskOfAKilledRunIsFollowed(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, migrates)
	b.killedInItsTask(t)
	again := b.asking(t, migrates)
	go func() {
		for range 5000 {
			if strings.Contains(b.progress.String(), "following it") {
				break
			}
			time.Sleep(time.Millisecond)
		}
		b.double.RunOneOff(awsdouble.OneOff{})
	}()
	again.mustDeploy(t, DeployOptions{})
	if n := len(b.double.OneOffTasks()); n != 1 {
		t.Errorf("%d tasks ran", n)
	}
}

// Turned on where the service runs already, the option changes the rest first, with the image that runs.
func TestOptionIsTurnedOn(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	b.mustDeploy(t, DeployOptions{})
	first := b.serving(t)
	b.double.RunOneOff(awsdouble.OneOff{Failure: &awsdouble.TaskFailure{StoppedReason: "Essential container in task exited", ExitCode: 1}})
	taking := DeployOptions{Decide: func(...plan.Risk) error { return nil }} // it makes roles
	want(t, b.asking(t, migrates).with("b").Deploy(t.Context(), taking), "the task before the deployment to shop-prod failed")
	if b.serving(t) != first {
		t.Error("the service has another image")
	}
	b.double.RunOneOff(awsdouble.OneOff{})
	b.mustDeploy(t, taking)
	b.asking(t, shop).mustDeploy(t, taking)
	if n := len(b.double.OneOffTasks()); n != 2 {
		t.Errorf("%d tasks ran", n)
	}
	b.mustDestroy(t)
}

func TestTaskRunsInThePipelineAndAtARollback(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, migrates)
	b.mustDeploy(t, DeployOptions{})
	first := b.serving(t)
	image := b.pushed("b")
	o := b.with("b").released(t)
	o.Image = image
	b.mustDeploy(t, o)
	b.asking(t, migrates)
	if err := b.Rollback(t.Context(), "prod", 0, DeployOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, want := b.double.OneOffTasks(), []string{first, image, first}; !slices.Equal(got, want) {
		t.Errorf("tasks ran of %v, want %v", got, want)
	}
	sets := b.double.CallsTo("ExecuteChangeSet")
	if len(sets) == 0 {
		t.Error("nothing was executed")
	}
	b.mustDestroy(t)
}

// What still runs when the environment is destroyed is stopped: a cluster with a task cannot be deleted.
func TestDestroyStopsTheTask(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, migrates)
	b.killedInItsTask(t)
	b.asking(t, migrates).mustDestroy(t)
	b.told(t, "stopping the task before the deployment (", "), which still runs")
}

// Wherever a run is cut off around its task the next one brings the release up, and no two tasks ever run at once.
func TestRunIsCutOffAroundItsTask(t *testing.T) {
	t.Parallel()
	calls := func() int {
		b := newBench(t).asking(t, migrates)
		b.mustDeploy(t, DeployOptions{})
		return slices.Index(b.operations(), "RunTask")
	}()
	offsets := []int{0, 3}
	if os.Getenv("SLIPWAY_LONG") != "" {
		offsets = []int{-40, -20, -8, -3, -2, -1, 0, 1, 2, 3, 4, 6, 9, 20, 40}
	}
	for _, offset := range offsets {
		b := newBench(t).asking(t, migrates)
		b.double.RunOneOff(awsdouble.OneOff{Looks: 3})
		if err := b.Deploy(cancelledAt(t, b.double, calls+offset), DeployOptions{}); err == nil {
			t.Logf("the run that was to be cut off at call %d was faster", calls+offset)
		}
		b.asking(t, migrates).mustDeploy(t, DeployOptions{})
		if most := b.double.OneOffsAtOnce(); most != 1 {
			t.Errorf("cut off at call %d: %d tasks ran at once", calls+offset, most)
		}
		if serving := b.serving(t); !slices.Contains(b.double.OneOffTasks(), serving) {
			t.Errorf("cut off at call %d: %s serves, and tasks ran of %v", calls+offset, serving, b.double.OneOffTasks())
		}
	}
}
