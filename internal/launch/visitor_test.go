package launch

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
	"slipway/internal/release"
	"slipway/internal/visit"
)

const private = "name: shop\nenvironments: [{name: prod, entry: {internal: true}}]\n"

// visited is a bench whose image builds make the image of the task that asks, too, and whose tasks really ask.
func visited(t *testing.T, slipway string) *bench {
	t.Helper()
	b := newBench(t).given().asking(t, slipway)
	b.double.TasksOnLoopback()
	b.double.OnBuild(func(build awsdouble.Build) awsdouble.BuildResult {
		b.visitorOf(build.Environment[contract.VarIdentity])
		b.double.PutImage(b.double.PhysicalID("shop-foundation", "Repository"), build.Environment[contract.VarIdentity], "")
		return awsdouble.BuildResult{}
	})
	b.double.RunOneOff(awsdouble.OneOff{Run: asks})
	return b
}

func asks(command []string, variables map[string]string) (int, []string) {
	var log bytes.Buffer
	code := visit.Command(context.Background(), command, variables[contract.VarChecks], &log)
	return code, strings.Split(strings.TrimSpace(log.String()), "\n")
}

// visitorOf pushes the image of the task that asks, of a source.
func (b *bench) visitorOf(identity string) {
	b.double.PutImage(b.double.PhysicalID("shop-foundation", "Repository"), contract.VisitorTag(identity), "")
}

// An internal load balancer is asked all that slipway.yaml lists, by a task that nobody reaches and that has a group of its own.
func TestInternalEntryIsAskedFromInside(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ slipway, said string }{
		"the contract": {private, "answers, from all 2 tasks"},
		"a list": {"name: shop\nservice: {acceptance: [{path: /healthz}, {path: /time, contains: Automation}]}\nenvironments: [{name: prod, entry: {internal: true}}]\n",
			"answers as service.acceptance says, 2 times in a row"},
		"some ranges": {"name: shop\nenvironments: [{name: prod, entry: {internal: true, allow: [10.0.0.0/8]}}]\n", "answers, from all 2 tasks"},
		"a domain":    {"name: shop\nenvironments: [{name: prod, entry: {internal: true, domain: www.example.com, hostedZone: Z0123456789ABCDEFGHIJ}}]\n", "the name and the dates in it are all"},
	} {
		t.Run(name, func(t *testing.T) {
			b := visited(t, c.slipway)
			b.mustDeploy(t, DeployOptions{})
			b.told(t, "is internal: a task inside its VPC asks it", c.said, "ended well")
			root := b.root(t, "shop-prod")
			runs := b.double.CallsTo("RunTask")
			network := runs[0].In["networkConfiguration"].(map[string]any)["awsvpcConfiguration"].(map[string]any)
			if groups := network["securityGroups"].([]any); len(runs) != 1 || len(groups) != 1 || groups[0] != root.outputs[contract.KeyVisitorSecurityGroupID] {
				t.Errorf("%d tasks ran, in the groups %v", len(runs), groups)
			}
			if image := b.double.OneOffTasks()[0]; image != root.parameters[contract.KeyVisitorImageURI] || image == root.parameters[contract.KeyImageURI] {
				t.Errorf("the task is of %s", image)
			}
			digest := image(root.parameters[contract.KeyVisitorImageURI])
			if tags := b.double.ImageTags(b.double.PhysicalID("shop-foundation", "Repository"), digest); !slices.Contains(tags, contract.ReleaseTag(digest)) {
				t.Errorf("its image has the tags %v: it will expire", tags)
			}
			if _, err := b.asking(t, c.slipway).with("b").Plan(t.Context(), DeployOptions{}); err != nil {
				t.Error(err) // of an image that is not built yet
			}
			if err := b.Accept(t.Context(), "prod"); err != nil || len(b.double.OneOffTasks()) != 2 {
				t.Errorf("asked again: %v", err)
			}
			b.mustDestroy(t)
		})
	}
}

func image(reference string) string { return reference[strings.Index(reference, "@")+1:] }

// What the task says of a success is shown, too, where it comes after the end of the task is known.
func TestWhatAVisitorSaysLateIsShown(t *testing.T) {
	t.Parallel()
	b := visited(t, private)
	b.double.RunOneOff(awsdouble.OneOff{Run: asks, Late: 50 * time.Millisecond})
	b.mustDeploy(t, DeployOptions{})
	b.told(t, "| http://", "answers, from all 2 tasks", "ended well")
}

const restricted = "name: shop\nenvironments: [{name: prod, entry: {allow: [203.0.113.0/24]}}]\n"

// Where a load balancer with public addresses lets in some ranges only, each task behind it is asked, from inside.
func TestRestrictedEntryIsAskedBehind(t *testing.T) {
	t.Parallel()
	b := visited(t, restricted)
	asked := map[string]int{}
	var mu sync.Mutex
	b.double.ServeApp(func(w http.ResponseWriter, r *http.Request, task awsdouble.Task) {
		mu.Lock()
		asked[task.ID+r.URL.Path]++
		mu.Unlock()
		awsdouble.DefaultApp(w, r, task)
	})
	b.mustDeploy(t, DeployOptions{})
	b.told(t, "lets in [203.0.113.0/24] only: a task inside its VPC asks each of the tasks behind its load balancer", "each of the 2 tasks of http://", "ended well")
	if len(asked) != 4 { // two paths of each
		t.Errorf("asked were %v", asked)
	}
	b.double.ServeApp(func(w http.ResponseWriter, r *http.Request, task awsdouble.Task) {
		if strings.HasSuffix(task.Hostname, "11.ec2.internal") {
			http.Error(w, "no", http.StatusInternalServerError)
			return
		}
		awsdouble.DefaultApp(w, r, task)
	})
	again := b.asking(t, restricted)
	again.wrong = 50 * time.Millisecond
	want(t, again.Accept(t.Context(), "prod"), "acceptance of http://", "the task at 127.0.0.1:", "answered 500", "cause: acceptance-refused")
	b.mustDestroy(t)
}

// What the task finds wrong is said as where the launcher asks, with a cause and the task's last lines.
func TestInternalEntryIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		how  awsdouble.OneOff
		says []string
	}{
		"a wrong answer": {awsdouble.OneOff{Run: asks}, []string{"acceptance of http://127.0.0.1", "GET http://127.0.0.1", "answered 500", "cause: acceptance-refused"}},
		"cannot start": {awsdouble.OneOff{Failure: &awsdouble.TaskFailure{StoppedReason: "CannotPullContainerError: pull image manifest has been retried", ExitCode: -1}},
			[]string{"the task that asks from inside the VPC failed", "cause: image-unpullable"}},
		"no capacity": {awsdouble.OneOff{Refused: "Capacity is unavailable at this time. Please try again later or in a different availability zone"},
			[]string{"could not be started: Capacity is unavailable", "cause: no-capacity"}},
		"no end": {awsdouble.OneOff{Looks: -1, Log: []string{"asking"}}, []string{"did not end within", "and was stopped", "cause: acceptance-timeout", "| asking"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := visited(t, private)
			b.double.ServeApp(func(w http.ResponseWriter, _ *http.Request, _ awsdouble.Task) {
				http.Error(w, "no", http.StatusInternalServerError)
			})
			b.double.RunOneOff(c.how)
			b.patience, b.visiting = 200*time.Millisecond, 100*time.Millisecond
			if c.how.Run != nil {
				b.visiting = time.Minute
			}
			want(t, b.Deploy(t.Context(), DeployOptions{}), c.says...)
			records := b.releasesOf(t, "prod")
			wantOutcomes(t, records, release.Failed)
			if !records[0].Stands || !strings.HasPrefix(records[0].Error, "acceptance of http://") || records[0].Cause == "" {
				t.Errorf("recorded is %+v", records[0])
			}
			b.double.ServeApp(nil)
			b.double.RunOneOff(awsdouble.OneOff{Run: asks})
			b.asking(t, private).mustDeploy(t, DeployOptions{})
			b.mustDestroy(t)
		})
	}
}

// In the pipeline the release before comes back, and is asked in the same way. The pipeline's role may do all of that.
func TestRefusedInsideIsTakenBack(t *testing.T) {
	t.Parallel()
	b := visited(t, private)
	var fail atomic.Bool
	fail.Store(true)
	b.failingSecond(&fail)
	b.deployedFrom(t, private, "a").mustDeploy(t, DeployOptions{})
	o := b.released(t)
	first := o.Image
	b.visitorOf(tree("b").Identity())
	o.Image, o.Execution = b.pushed("b"), "run-1"
	b.patience = 300 * time.Millisecond
	want(t, b.Deploy(t.Context(), o), "acceptance of http://", "answered 500", "cause: acceptance-refused", "release 1, which was there before, is back")
	if got := b.root(t, "shop-prod").parameters[contract.KeyImageURI]; got != first {
		t.Errorf("it runs %s, want %s", got, first)
	}
	if tasks := b.double.OneOffTasks(); len(tasks) != 3 || tasks[0] == tasks[1] || tasks[0] != tasks[2] {
		t.Errorf("tasks asked of %v: want each release's own", tasks)
	}
}

// A task goes with its run, and where the run could not stop it the next one follows it.
func TestVisitIsCutOff(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]bool{"interrupted": false, "killed": true} {
		t.Run(name, func(t *testing.T) {
			b := visited(t, private)
			b.double.RunOneOff(awsdouble.OneOff{Looks: -1, Log: []string{"it answers"}})
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				b.untilTaskIsFollowed()
				if killed {
					b.double.Fail("StopTask", "AccessDeniedException", "not now", 1)
				}
				cancel()
			}()
			err := b.Deploy(ctx, DeployOptions{})
			want(t, err, map[bool]string{false: "it was stopped, and the same command asks again", true: "the next run follows it"}[killed])
			if !errors.Is(err, ErrInterrupted) {
				t.Errorf("the error is %v", err)
			}
			again := b.asking(t, private)
			go func() {
				for range 5000 {
					if !killed || strings.Contains(b.progress.String(), "following it") {
						break
					}
					time.Sleep(time.Millisecond)
				}
				b.double.RunOneOff(awsdouble.OneOff{Log: []string{"it answers"}})
			}()
			again.mustDeploy(t, DeployOptions{})
			if n := len(b.double.OneOffTasks()); n != map[bool]int{false: 2, true: 1}[killed] {
				t.Errorf("%d tasks ran", n)
			}
		})
	}
}

// A task that still asks when the environment is destroyed is stopped.
func TestDestroyStopsTheVisitor(t *testing.T) {
	t.Parallel()
	b := visited(t, private)
	b.killedInItsTask(t)
	b.asking(t, private).mustDestroy(t)
	b.told(t, "stopping the acceptance task (", "), which still runs")
}

// A load balancer on this machine whose tasks are elsewhere, as they are in containers, is asked from here.
func TestInternalEntryOnThisMachine(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, private)
	b.mustDeploy(t, DeployOptions{})
	b.told(t, "is on this machine, and its tasks are not: it is asked from here", "answers, from all 2 tasks")
	if n := len(b.double.OneOffTasks()); n != 0 {
		t.Errorf("%d tasks ran", n)
	}
}

// A build of the pipeline's acceptance that is stopped stops its task, says so and takes nothing back.
func TestVisitOfThePipelineIsInterrupted(t *testing.T) {
	t.Parallel()
	b := visited(t, private)
	b.deployedFrom(t, private, "a").mustDeploy(t, DeployOptions{})
	o := b.released(t)
	o.Execution = "run-1"
	b.double.RunOneOff(awsdouble.OneOff{Looks: -1})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for len(b.double.OneOffTasks()) < 2 {
			time.Sleep(time.Millisecond)
		}
		b.untilTaskIsFollowed()
		cancel()
	}()
	heard := len(b.progress.String())
	err := b.AcceptRelease(ctx, o)
	want(t, err, "it was stopped, and the same command asks again")
	if n := len(b.releasesOf(t, "prod")); !errors.Is(err, ErrInterrupted) || n != 1 {
		t.Errorf("the error is %v, and there are %d releases", err, n)
	}
	if said := b.progress.String()[heard:]; strings.Count(said, "AWS account") != 1 {
		t.Errorf("it says\n%s", said)
	}
}

// Who may not run the task is told so once, with what to do.
func TestVisitThatMayNotBegin(t *testing.T) {
	t.Parallel()
	b := visited(t, private)
	b.mustDeploy(t, DeployOptions{})
	b.double.Fail("RunTask", "AccessDeniedException", "User: arn:aws:iam::123456789012:user/tester is not authorized to perform: ecs:RunTask because no identity-based policy allows the ecs:RunTask action", 1)
	err := b.Accept(t.Context(), "prod")
	want(t, err, "could not be started: ", "cause: permission-missing", "next: ")
	if n := strings.Count(err.Error(), "\ncause: "); n != 1 {
		t.Errorf("the cause is told %d times: %v", n, err)
	}
}

// A log that may not be read is missing with its reason, and is not waited for.
func TestVisitWhoseLogMayNotBeRead(t *testing.T) {
	t.Parallel()
	b := visited(t, private)
	b.mustDeploy(t, DeployOptions{})
	b.double.ServeApp(func(w http.ResponseWriter, _ *http.Request, _ awsdouble.Task) {
		http.Error(w, "no", http.StatusInternalServerError)
	})
	b.patience = 200 * time.Millisecond
	b.double.Fail("GetLogEvents", "AccessDeniedException", "not you", 1000)
	began := time.Now()
	want(t, b.Accept(t.Context(), "prod"), "the task that asks from inside the VPC failed", "cause: acceptance-refused", "could not ask for log of container app: AccessDeniedException: not you")
	if n := strings.Count(b.progress.String(), "cannot be read, and is not shown: AccessDeniedException: not you"); n != 1 {
		t.Errorf("it is said %d times that the log cannot be read:\n%s", n, b.progress.String())
	}
	if took := time.Since(began); took > lateLines {
		t.Errorf("it took %s", took)
	}
}
