package launch

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"slipway/internal/awsdouble"
	"slipway/internal/deployer"
	"slipway/internal/release"
)

// passingWeather does not last: whatever of it befalls calls, the launcher gets through.
var passingWeather = []awsdouble.Weather{
	awsdouble.Throttled, awsdouble.Broken, awsdouble.CutOff, awsdouble.Lost, awsdouble.Twice, awsdouble.Stale, awsdouble.Silent,
}

// seeds is how many times chance is tried: a few, and with SLIPWAY_LONG=1 (test.sh --long) many.
func seeds(few, many int) int {
	if os.Getenv("SLIPWAY_LONG") == "" {
		return few
	}
	return many
}

// hurried gives up on a call that is not answered in a moment, as a real launcher does after minutes.
func (b *bench) hurried() *bench {
	o := b.Options
	o.AWS.HTTPClient = awshttp.NewBuildableClient().WithTimeout(500 * time.Millisecond)
	b.Launcher = New(o)
	return b
}

// life launches, changes and destroys.
func (b *bench) life(t *testing.T) {
	t.Helper()
	b.hurried().mustDeploy(t, DeployOptions{})
	image := imageOf(b.output.String())
	b.again("b").hurried().mustDeploy(t, DeployOptions{})
	if imageOf(b.output.String()) == image {
		t.Errorf("the update did not change the image:\n%s", b.progress)
	}
	b.again("b").hurried().mustDestroy(t)
}

// A third of all calls meet with the same. Silence is not among it: the test would wait for its end as long as a user.
func TestWeather(t *testing.T) {
	t.Parallel()
	for _, weather := range passingWeather[:len(passingWeather)-1] {
		for seed := range seeds(1, 20) {
			t.Run(fmt.Sprint(weather, seed), func(t *testing.T) {
				b := newBench(t)
				random := rand.New(rand.NewPCG(uint64(seed), 0))
				b.double.Forecast(func(int, string, string) awsdouble.Weather {
					if random.IntN(3) > 0 {
						return awsdouble.Fair
					}
					return weather
				})
				b.life(t)
			})
		}
	}
}

// In a storm every tenth call meets with something, each time with something else.
func TestStorm(t *testing.T) {
	t.Parallel()
	for seed := range seeds(2, 100) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.double.Forecast(storm(uint64(seed)))
			b.life(t)
		})
	}
}

func storm(seed uint64) func(int, string, string) awsdouble.Weather {
	random := rand.New(rand.NewPCG(seed, 1))
	return func(int, string, string) awsdouble.Weather {
		if random.IntN(10) > 0 {
			return awsdouble.Fair
		}
		return passingWeather[random.IntN(len(passingWeather))]
	}
}

// Every operation that a launch, an update and a destroy call meets with every weather, at its first call and at its last.
func TestEveryCall(t *testing.T) {
	t.Parallel()
	everyCall(t, (*bench).life, 199)
}

// So does every operation that brings a release somewhere: by the pipeline, by a promotion and by a rollback.
func TestEveryCallOfADelivery(t *testing.T) {
	t.Parallel()
	everyCall(t, (*bench).delivery, 397)
}

// delivery has the pipeline bring a source to dev that somebody pushes, brings that to prod, and dev back.
func (b *bench) delivery(t *testing.T) {
	t.Helper()
	b.deployedFrom(t, devAndProd, "a").hurried().mustDeploy(t, DeployOptions{})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v\n%s", err, b.progress)
		}
	}
	pushed, err := b.deployedFrom(t, devAndProd, "b").hurried().Push(t.Context(), "")
	if must(err); !pushed.New {
		t.Errorf("pushed is %+v", pushed)
	}
	o := DeployOptions{Environments: []string{"dev"}, ByPipeline: true, Image: b.pushed("b"), Execution: "run-1"}
	b.double.Restrict(b.double.RolePolicies(t, b.double.PhysicalID("shop-prod", "Pipeline.DeployRole"))...)
	plans, err := b.hurried().PlanRelease(t.Context(), o)
	must(err)
	must(b.hurried().Deploy(t.Context(), o.Planned(plans...)))
	must(b.hurried().AcceptRelease(t.Context(), o))
	b.may(deployer.Names...)
	must(b.withoutSource().hurried().Promote(t.Context(), "dev", "prod", DeployOptions{}))
	must(b.withoutSource().hurried().Rollback(t.Context(), "dev", 0, DeployOptions{}))
	b.double.Forecast(nil)
	dev, prod := b.releasesIn(t, "dev"), b.releasesIn(t, "prod")
	wantOutcomes(t, dev, release.Succeeded, release.Succeeded, release.Succeeded)
	wantOutcomes(t, prod, release.Succeeded, release.Succeeded)
	if dev[0].Number != 3 || prod[0].Number != 2 || dev[0].Image != dev[2].Image || prod[0].Image != o.Image {
		t.Errorf("the releases are %+v and %+v", dev, prod)
	}
}

// everyCall has a part of the calls that a life makes meet with something: all of them with SLIPWAY_LONG=1.
func everyCall(t *testing.T, life func(*bench, *testing.T), part int) {
	t.Helper()
	calm := newBench(t)
	var mu sync.Mutex
	times := map[string]int{}
	calm.double.Forecast(func(_ int, service, operation string) awsdouble.Weather {
		mu.Lock()
		defer mu.Unlock()
		times[service+"."+operation]++
		return awsdouble.Fair
	})
	life(calm, t)
	i := 0
	for _, operation := range slices.Sorted(maps.Keys(times)) {
		for _, weather := range passingWeather {
			for _, at := range slices.Compact([]int{1, times[operation]}) {
				if i++; i%part != 0 && os.Getenv("SLIPWAY_LONG") == "" {
					continue
				}
				t.Run(fmt.Sprintf("%s %d %s", operation, at, weather), func(t *testing.T) {
					t.Parallel()
					b, seen := newBench(t), 0
					b.double.Forecast(func(_ int, service, called string) awsdouble.Weather {
						if service+"."+called == operation {
							if seen++; seen == at {
								return weather
							}
						}
						return awsdouble.Fair
					})
					life(b, t)
				})
			}
		}
	}
}

// Whatever the caller may not do ends in an error that names the action, or, where it does no harm, in a remark; with the
// right, the same commands go on from there.
func TestEveryRefusal(t *testing.T) {
	t.Parallel()
	calm := newBench(t)
	calm.life(t)
	var operations []string
	for _, c := range calm.double.Calls() {
		if operation := c.Service + "." + c.Operation; !slices.Contains(operations, operation) {
			operations = append(operations, operation)
		}
	}
	for i, operation := range operations {
		if i%13 != 0 && os.Getenv("SLIPWAY_LONG") == "" {
			continue
		}
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			service, called, _ := strings.Cut(operation, ".")
			refuse := func(_ int, s, o string) awsdouble.Weather {
				if s == service && (o == called || s == "s3") {
					return awsdouble.Denied
				}
				return awsdouble.Fair
			}
			b.double.Forecast(refuse)
			namesRight(t, b.hurried().Deploy(t.Context(), DeployOptions{}), service)
			b.double.Forecast(nil)
			b.again("a").mustDeploy(t, DeployOptions{})
			b.double.Forecast(refuse)
			namesRight(t, b.again("b").hurried().Deploy(t.Context(), DeployOptions{}), service)
			namesRight(t, b.again("b").hurried().Destroy(t.Context(), DestroyOptions{}), service)
			b.double.Forecast(nil)
			b.again("b").mustDestroy(t)
		})
	}
}

// namesRight checks that an error, if there is one, says what was not allowed.
func namesRight(t *testing.T, err error, service string) {
	t.Helper()
	if err != nil && (!strings.Contains(err.Error(), "not authorized to perform: "+service+":") || !strings.Contains(err.Error(), "docs/permissions.md")) {
		t.Errorf("does not name the right that is missing: %v", err)
	}
}

// For a moment ECS tells what was before the deployment; that is no sign that it went back.
func TestOldAnswerAboutTheService(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	image := imageOf(b.output.String())
	b.double.Redeploy(image)
	waiting := make(chan error)
	asked := 0
	b.double.Forecast(func(_ int, _, operation string) awsdouble.Weather {
		if operation == "DescribeServices" {
			asked++
		}
		return awsdouble.Fair
	})
	go func() { waiting <- b.Accept(t.Context(), "prod") }()
	want(t, <-waiting, "which its stack names: ECS went back, or somebody deployed past the stack")
	if asked < sureLooks {
		t.Errorf("it was asked %d times, and may have told what was before", asked)
	}
}

// A line that is down for longer than a call is tried is no failure of what is followed.
func TestOutage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var down sync.Once
	until := time.Now().Add(time.Hour)
	b.double.Forecast(func(_ int, _, operation string) awsdouble.Weather {
		if operation == "DescribeStackEvents" {
			down.Do(func() { until = time.Now().Add(300 * time.Millisecond) })
		}
		if time.Now().After(until.Add(-300*time.Millisecond)) && time.Now().Before(until) {
			return awsdouble.CutOff
		}
		return awsdouble.Fair
	})
	b.mustDeploy(t, DeployOptions{})
	if !strings.Contains(b.progress.String(), "trying again") {
		t.Errorf("it does not say that the line was down:\n%s", b.progress)
	}
}
