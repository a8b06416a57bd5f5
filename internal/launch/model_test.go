package launch

import (
	"context"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
	"slipway/internal/plan"
	"slipway/internal/release"
)

// histories are what people make of slipway.yaml over time: nothing of it replaces what holds data.
var histories = []string{
	"name: shop\nenvironments: [{name: test}, {name: prod}]\n",
	"name: shop\nenvironments: [{name: test, tasks: {min: 2, max: 5}}, {name: prod, watch: {insights: true}}]\n",
	"name: shop\nservice: {cpu: 512, memory: 1024}\nenvironments: [{name: test}, {name: prod, tasks: {min: 3}}]\n",
	"name: shop\nenvironments: [{name: dev}, {name: test}, {name: prod}]\n",
}

// model is what should be so, beside the account in which it is.
type model struct {
	*bench
	rt      *rapid.T
	t       *testing.T
	runs    map[string]string // the image of each environment that is surely up
	unsure  map[string]bool   // where a run was killed
	running int               // which of histories
}

// Whatever people and machines do one after the other, these hold after each step: an environment runs what the last
// deployment to it that succeeded said, whatever failed since; what fails says which resource and why; a neighbour's stacks
// stay; and in the end destroy leaves nothing.
func TestAnyHistory(t *testing.T) {
	t.Parallel()
	repeated(t, seeds(2, 40), 8)
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{bench: newBench(t), rt: rt, t: t, runs: map[string]string{}, unsure: map[string]bool{}}
		m.double.PutStack(awsdouble.StackSpec{Name: "shop-api-prod", Status: "CREATE_COMPLETE", Tags: tagsOf("shop-api", "prod", contract.StackRoot)})
		rt.Repeat(map[string]func(*rapid.T){
			"deploy":         m.deploys,
			"broken deploy":  m.failsToDeploy,
			"killed deploy":  m.isKilledDeploying,
			"stuck rollback": m.failsToGoBack,
			"keep the image": m.keepsImage,
			"go back":        m.goesBack,
			"promote":        m.promotes,
			"destroy":        m.destroys,
			"stuck destroy":  m.failsToDestroy,
			"killed destroy": m.isKilledDestroying,
			"weather":        m.meetsWeather,
			"":               m.holds,
		})
		m.double.Forecast(nil)
		m.destroys(rt)
	})
}

// begin is a new run of the command, with another slipway.yaml perhaps, and some source.
func (m *model) begin(rt *rapid.T) {
	m.running = rapid.IntRange(0, len(histories)-1).Draw(rt, "slipway.yaml")
	m.asking(m.t, histories[m.running])
	m.Source = tree(rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "source"))
	m.hurried()
}

// allowing lets roles grow with the environments; nothing of these histories may be replaced or lost.
func (m *model) allowing(rt *rapid.T) DeployOptions {
	return DeployOptions{Decide: func(risks ...plan.Risk) error {
		for _, r := range risks {
			if r.Kind != plan.IAM {
				rt.Fatalf("nothing asked for %s: %s", r.Name, r.Text)
			}
		}
		return nil
	}}
}

func (m *model) deploys(rt *rapid.T) {
	m.begin(rt)
	o := m.allowing(rt)
	if rapid.Bool().Draw(rt, "everywhere") {
		o.Environments = m.environmentNames()
	}
	if err := m.Deploy(m.t.Context(), o); err != nil {
		rt.Fatalf("deploy: %v\n%s", err, m.progress)
	}
	m.deployed(rt)
}

// deployed takes what the outputs say for what runs from now on.
func (m *model) deployed(rt *rapid.T) {
	environment := ""
	for line := range strings.Lines(m.output.String()) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "Environment":
			environment = value
		case contract.KeyImageURI:
			m.runs[environment] = value
			delete(m.unsure, environment)
		}
	}
	if environment == "" {
		rt.Fatalf("it deployed to no environment:\n%s", m.progress)
	}
}

// up is an environment of this slipway.yaml that is surely up.
func (m *model) up(rt *rapid.T) string {
	for _, name := range m.environmentNames() {
		if m.runs[name] != "" && !m.unsure[name] {
			return name
		}
	}
	rt.Skip("nothing is up")
	return ""
}

func (m *model) keepsImage(rt *rapid.T) {
	m.begin(rt)
	environment := m.up(rt)
	was := m.runs[environment]
	o := m.allowing(rt)
	o.KeepImage, o.Environments = true, []string{environment}
	if err := m.Deploy(m.t.Context(), o); err != nil {
		rt.Fatalf("deploy --image keep: %v\n%s", err, m.progress)
	}
	if m.deployed(rt); m.runs[environment] != was {
		rt.Fatalf("it changed the image from %s to %s", was, m.runs[environment])
	}
}

// goesBack brings an environment to the newest release of those before that has something else.
func (m *model) goesBack(rt *rapid.T) {
	m.begin(rt)
	environment := m.up(rt)
	before := release.Before(m.releasesOf(m.t, environment))
	m.withoutSource().hurried()
	err := m.Rollback(m.t.Context(), environment, 0, m.allowing(rt))
	if before == nil && errors.Is(err, release.ErrNone) {
		return
	}
	if err != nil || before == nil {
		rt.Fatalf("going back to %+v: %v\n%s", before, err, m.progress)
	}
	if m.deployed(rt); m.runs[environment] != before.Image {
		rt.Fatalf("it runs %s and not %s of release %d", m.runs[environment], before.Image, before.Number)
	}
}

// promotes takes what runs in one environment to another one.
func (m *model) promotes(rt *rapid.T) {
	m.begin(rt)
	from := m.up(rt)
	records := m.releasesOf(m.t, from)
	m.withoutSource().hurried()
	to := "prod"
	if from == to || m.runs[to] == "" || m.unsure[to] {
		rt.Skip("there are no two")
	}
	err := m.Promote(m.t.Context(), from, to, m.allowing(rt))
	if stands, _ := release.Current(records); stands == nil {
		rt.Fatalf("%s has no release, and is up", from)
	}
	if err != nil {
		rt.Fatalf("promoting: %v\n%s", err, m.progress)
	}
	if m.deployed(rt); m.runs[to] != m.runs[from] {
		rt.Fatalf("%s runs %s, and %s %s", from, m.runs[from], to, m.runs[to])
	}
}

// isAsRecorded checks that the newest release that stands tells just what an environment holds.
func (m *model) isAsRecorded(rt *rapid.T, environment string) {
	root := m.root(m.t, contract.EnvironmentStackName("shop", environment))
	records := m.releasesOf(m.t, environment)
	stands, unfinished := release.Current(records)
	if stands == nil || unfinished != nil || stands.Result != release.Succeeded || stands.Image != m.runs[environment] {
		rt.Fatalf("environment %s runs %s, and its newest release is %+v, an unfinished one %+v", environment, m.runs[environment], stands, unfinished)
	}
	if other, differ := release.Astray(records, m.runs[environment], root.parameters); other || len(differ) > 0 {
		rt.Fatalf("environment %s differs from release %d in %v", environment, stands.Number, differ)
	}
}

func (m *model) failsToDeploy(rt *rapid.T) {
	m.begin(rt)
	m.Source = tree("x") // which nothing runs, so the service changes
	m.double.FailResource("ECS.Service", "it did not come up")
	err := m.Deploy(m.t.Context(), m.allowing(rt))
	m.double.FailResource("ECS.Service", "")
	if err == nil || !strings.Contains(err.Error(), "ECS.Service") || !strings.Contains(err.Error(), "it did not come up") {
		rt.Fatalf("the error does not tell what failed and why: %v", err)
	}
}

// failsToGoBack leaves an environment half-way, from where the next deployment goes on.
func (m *model) failsToGoBack(rt *rapid.T) {
	m.begin(rt)
	environment := m.up(rt)
	m.Source = tree("y")
	m.double.FailResource("ECS.Service", "it did not come up")
	m.double.FailRollback("ECS.Service", "nor did the one before")
	o := m.allowing(rt)
	o.Environments = []string{environment}
	err := m.Deploy(m.t.Context(), o)
	m.double.FailResource("ECS.Service", "")
	m.double.FailRollback("ECS.Service", "")
	if err == nil || !strings.Contains(err.Error(), "it did not come up") {
		rt.Fatalf("the error does not tell what failed and why: %v", err)
	}
	m.unsure[environment] = true
}

// isKilledDeploying leaves what the run was about open: CloudFormation may bring it to an end, or not have begun.
func (m *model) isKilledDeploying(rt *rapid.T) {
	m.begin(rt)
	err := m.Deploy(m.cut(rt), m.allowing(rt))
	for _, name := range m.environmentNames() {
		m.unsure[name] = true
	}
	if err != nil && !errors.Is(err, ErrInterrupted) && !errors.Is(err, context.Canceled) {
		rt.Fatalf("a killed deployment says %v", err)
	}
}

func (m *model) cut(rt *rapid.T) context.Context {
	return cancelledAt(m.t, m.double, len(m.double.Calls())+rapid.IntRange(1, 220).Draw(rt, "calls until it is killed"))
}

func (m *model) destroys(rt *rapid.T) {
	m.asking(m.t, histories[m.running]).hurried()
	if err := m.Destroy(m.t.Context(), DestroyOptions{}); err != nil {
		rt.Fatalf("destroy: %v\n%s", err, m.progress)
	}
	if living := m.double.Living(); len(living) > 0 {
		rt.Fatalf("after destroy there is still %v", living)
	}
	clear(m.runs)
	clear(m.unsure)
}

func (m *model) failsToDestroy(rt *rapid.T) {
	m.asking(m.t, histories[m.running]).hurried()
	m.up(rt)
	m.double.FailDelete("Network.VPC", "The vpc has dependencies and cannot be deleted.")
	err := m.Destroy(m.t.Context(), DestroyOptions{})
	m.double.FailDelete("Network.VPC", "")
	if err == nil || !strings.Contains(err.Error(), "Network.VPC") || !strings.Contains(err.Error(), "has dependencies") {
		rt.Fatalf("the error does not tell what stands in the way: %v", err)
	}
	m.destroys(rt) // a stack whose deletion has begun can only go
}

// isKilledDestroying is followed by either command. What was half deleted may only be deleted to its end, and deploy says so.
func (m *model) isKilledDestroying(rt *rapid.T) {
	m.asking(m.t, histories[m.running]).hurried()
	_ = m.Destroy(m.cut(rt), DestroyOptions{})
	if rapid.Bool().Draw(rt, "destroyed again") {
		m.destroys(rt)
		return
	}
	for name := range m.runs {
		m.unsure[name] = true
	}
	m.begin(rt)
	o := m.allowing(rt)
	o.Environments = m.environmentNames()
	err := m.Deploy(m.t.Context(), o)
	switch {
	case err == nil:
		m.deployed(rt)
	case strings.Contains(err.Error(), "finish that with ./scripts/destroy.sh"):
		m.destroys(rt)
	default:
		rt.Fatalf("deploy after a destroy that was killed: %v\n%s", err, m.progress)
	}
}

func (m *model) meetsWeather(rt *rapid.T) {
	if seed := rapid.Uint64().Draw(rt, "storm, or none at an even number"); seed%2 == 1 {
		m.double.Forecast(storm(seed))
		return
	}
	m.double.Forecast(nil)
}

// holds checks what must be so after each step.
func (m *model) holds(rt *rapid.T) {
	if got := m.double.StackStatus("shop-api-prod"); got != "CREATE_COMPLETE" {
		rt.Fatalf("the neighbour's stack is %s", got)
	}
	for name, image := range m.runs {
		if m.unsure[name] {
			continue
		}
		running, err := m.runningImage(m.t.Context(), m.root(m.t, contract.EnvironmentStackName("shop", name)))
		if err != nil || running != image {
			rt.Fatalf("environment %s runs %s (%v), and was last deployed with %s", name, running, err, image)
		}
		m.isAsRecorded(rt, name)
	}
}
