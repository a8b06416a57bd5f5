package launch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
	"slipway/internal/release"
)

// killedAt has a run killed at its call of this number, so hard that nothing it sends afterwards arrives: it gives no lease back
// and records nothing. It returns how many calls there were, and waits until CloudFormation is at rest.
func (b *bench) killedAt(t *testing.T, call int, stacks []string, run func(context.Context) error) (calls int, err error) {
	t.Helper()
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	var made atomic.Int64
	b.double.Forecast(func(n int, _, _ string) awsdouble.Weather {
		made.Store(int64(n + 1))
		if n < call {
			return awsdouble.Fair
		}
		kill()
		return awsdouble.CutOff
	})
	err = run(ctx)
	b.double.Forecast(nil)
	for _, name := range stacks {
		for strings.HasSuffix(b.double.StackStatus(name), "_IN_PROGRESS") {
			time.Sleep(time.Millisecond)
		}
	}
	return int(made.Load()), err
}

const never = 1 << 30

// What goes back to a release, or promotes one, may be killed at any of its calls: the same command does it when it is run again. No
// number is lost or given twice, what was cut off is told, and no change set stays.
func TestRedeliveryKilledAnywhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		environment, source string // and what it runs in the end
		run                 func(*bench) func(context.Context) error
	}{
		"rollback": {"dev", "a", func(b *bench) func(context.Context) error {
			return func(ctx context.Context) error { return b.Rollback(ctx, "dev", 0, DeployOptions{}) }
		}},
		"promotion": {"prod", "b", func(b *bench) func(context.Context) error {
			return func(ctx context.Context) error { return b.Promote(ctx, "dev", "prod", DeployOptions{}) }
		}},
	} {
		up := func(t *testing.T) *bench {
			b := newBench(t, awsdouble.WithEventDelay(100*time.Microsecond))
			b.deployedFrom(t, devAndProd, "a").mustDeploy(t, DeployOptions{})
			b.deployedFrom(t, devAndProd, "b").mustDeploy(t, DeployOptions{})
			return b.withoutSource()
		}
		b := up(t)
		calls, err := b.killedAt(t, never, nil, c.run(b))
		if err != nil {
			t.Fatal(err)
		}
		for at := range calls {
			if (at+len(name))%seeds(59, 1) != 0 {
				continue
			}
			t.Run(fmt.Sprintf("%s at call %d of %d", name, at, calls), func(t *testing.T) {
				t.Parallel()
				b := up(t)
				before := b.releasesIn(t, c.environment)
				_, _ = b.killedAt(t, at, []string{"shop-dev", "shop-prod"}, c.run(b))
				after := b.releasesIn(t, c.environment)
				if over := len(after) > len(before) && after[0].Result != release.Unfinished; !over { // or who wants it again goes further back
					b.withoutSource()
					if err := c.run(b)(t.Context()); err != nil {
						t.Fatalf("%v\n%s", err, b.progress)
					}
					after = b.releasesIn(t, c.environment)
				}
				stands, unfinished := release.Current(after)
				if stands == nil || unfinished != nil || stands.Result != release.Succeeded || stands.Source.Identity != tree(c.source).Identity() {
					t.Errorf("the releases are %+v", after)
				}
				for i, r := range after {
					if cut := r.Result == release.Unfinished; r.Number != len(after)-i || cut && i == 0 || r.Of == nil && len(after)-i > len(before) {
						t.Errorf("release %d of %d: %+v", r.Number, len(after), r)
					}
				}
				if len(after) > len(before)+2 {
					t.Errorf("%d releases were made of one that was cut off", len(after)-len(before))
				}
				if running := b.double.Running("shop-"+c.environment, "ECS.Service"); len(running) != 1 || running[0] != stands.Image {
					t.Errorf("it runs %v, and release %d is %s", running, stands.Number, stands.Image)
				}
			})
		}
	}
}

// releasesIn are the releases of shop's environment, newest first.
func (b *bench) releasesIn(t *testing.T, environment string) []release.Record {
	t.Helper()
	records, err := b.Launcher.releases(b.double.PhysicalID(contract.FoundationStackName("shop"), "Bucket")).List(t.Context(), environment, 0)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// A build that takes back what failed acceptance may be killed at any of its calls: tried again, it leaves what was there before, and never
// takes what failed for that.
func TestTakingBackKilledAnywhere(t *testing.T) {
	t.Parallel()
	up := func(t *testing.T) (b *bench, o DeployOptions, first string) {
		b = newBench(t, awsdouble.WithEventDelay(100*time.Microsecond)).asking(t, shop)
		var fail atomic.Bool
		b.failingSecond(&fail)
		o, first = b.secondByPipeline(t, "run-1")
		b.patience, b.wrong = acceptanceTimeout, 5*time.Millisecond
		b.mustDeploy(t, o)
		fail.Store(true)
		return b, o, first
	}
	b, o, _ := up(t)
	calls, err := b.killedAt(t, never, nil, func(ctx context.Context) error { return b.AcceptRelease(ctx, o) })
	want(t, err, "release 1, which was there before, is back")
	for at := range calls {
		if (at+1)%seeds(63, 1) != 0 {
			continue
		}
		t.Run(fmt.Sprintf("at call %d of %d", at, calls), func(t *testing.T) {
			t.Parallel()
			b, o, first := up(t)
			_, err := b.killedAt(t, at, []string{"shop-prod"}, func(ctx context.Context) error { return b.AcceptRelease(ctx, o) })
			for try := 0; err == nil || !strings.Contains(err.Error(), "is back") && !strings.Contains(err.Error(), "was taken back"); try++ {
				if err = b.AcceptRelease(t.Context(), o); err == nil || try == 2 {
					t.Fatalf("%v\n%s", err, b.progress)
				}
			}
			if running := b.double.Running("shop-prod", "ECS.Service"); len(running) != 1 || running[0] != first {
				t.Errorf("it runs %v, want %s: %v", running, first, err)
			}
			for i, r := range b.releasesIn(t, "prod") {
				if want := len(b.releasesIn(t, "prod")) - i; r.Number != want || r.Kind == release.Rollback && r.Of.Number != 1 {
					t.Errorf("release %d of those: %+v", want, r)
				}
			}
		})
	}
}

// How a deployment came out is recorded also where S3 is out of reach for longer than a run that was interrupted would wait.
func TestEndIsRecordedThoughItTakesLong(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	tries := 0
	b.through(func(request *http.Request) (*http.Response, error) {
		if request.Method == http.MethodPut && strings.HasSuffix(request.URL.Path, "/releases/prod/2.json") {
			if tries++; tries < 4 {
				time.Sleep(20 * time.Millisecond)
				return nil, &net.OpError{Op: "dial", Err: errors.New("no route to host")}
			}
		}
		return http.DefaultClient.Do(request)
	})
	b.Source, b.recording = tree("b"), 10*time.Millisecond
	b.mustDeploy(t, DeployOptions{})
	wantOutcomes(t, b.releasesOf(t, "prod"), release.Succeeded, release.Succeeded)
}

// The pipeline's build that deploys may be killed at any of its calls, in the middle of an update too: tried again with the plan that it has,
// it goes on from there, and no later one of the pipeline's is held up.
func TestDeployActionKilledAnywhere(t *testing.T) {
	t.Parallel()
	up := func(t *testing.T) (*bench, DeployOptions) {
		b := newBench(t, awsdouble.WithEventDelay(100*time.Microsecond)).asking(t, shop)
		o, _ := b.secondByPipeline(t, "run-1")
		b.patience = acceptanceTimeout
		plans, err := b.PlanRelease(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return b, o.Planned(plans...)
	}
	b, o := up(t)
	calls, err := b.killedAt(t, never, nil, func(ctx context.Context) error { return b.Deploy(ctx, o) })
	if err != nil {
		t.Fatal(err)
	}
	for at := range calls {
		if (at+1)%seeds(60, 1) != 0 {
			continue
		}
		t.Run(fmt.Sprintf("at call %d of %d", at, calls), func(t *testing.T) {
			t.Parallel()
			b, o := up(t)
			_, _ = b.killedAt(t, at, []string{"shop-prod"}, func(ctx context.Context) error { return b.Deploy(ctx, o) })
			if err := b.Deploy(t.Context(), o); err != nil {
				t.Fatalf("%v\n%s", err, b.progress)
			}
			records := b.releasesIn(t, "prod")
			if stands, unfinished := release.Current(records); unfinished != nil || stands.Image != o.Image || stands.Execution != "run-1" || len(records) > 3 || records[0].Number != len(records) {
				t.Errorf("the releases are %+v", records)
			}
			if running := b.double.Running("shop-prod", "ECS.Service"); len(running) != 1 || running[0] != o.Image {
				t.Errorf("it runs %v", running)
			}
			if err := b.AcceptRelease(t.Context(), o); err != nil {
				t.Error(err)
			}
		})
	}
}
