package launch

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"slipway/internal/awsdouble"
	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/deployer"
	"slipway/internal/operate"
	"slipway/internal/plan"
	"slipway/internal/release"
)

// commit is what somebody pushes.
type commit struct {
	source, slipway string
	defect          string // the gate at which it fails; empty: none
}

// gates are where commits fail; at none of them where that is empty. Chance prefers the first.
var gates = []string{contract.StageDeploy, "", contract.StageAcceptance, "", "risk that is approved", "risk", "pipeline", "lint", contract.StageImage}

// deliveries is the application in an account, what its pipelines are at, and what must be so.
type deliveries struct {
	*bench
	t         *testing.T
	queued    bool
	pipelines []*codePipeline         // one, or one of each branch
	templates map[string]fstest.MapFS // by slipway.yaml
	base      string                  // of slipway.yaml, with a verb for service, dev, prod and the pipeline's mode
	changes   int

	promoted bool // somebody brought what dev has to prod, and with it another pipeline perhaps

	mu    sync.Mutex
	wrong map[string]bool // images that answer wrongly

	past    map[string]bool   // images that somebody deployed past slipway
	written map[string]string // the records, as they were first seen
	cut     map[string]bool   // records that have no end since a run was killed
}

// Whatever the pipeline and people do one after the other, these hold after each step: releases are numbered without gaps, are
// never changed, and have an end unless their run was killed; the newest tells just what runs, by image and templates, unless
// somebody deployed past slipway, and then status says so; all that they name is kept; an execution brings the same everywhere; and
// nothing is replaced over which no plan was made. Where there are branches, each has its pipeline, which changes its own environments
// and no others.
func TestAnyPipelineHistory(t *testing.T) {
	repeated(t, seeds(10, 100), seeds(6, 16))
	rapid.Check(t, func(rt *rapid.T) {
		d := newDeliveries(t, rt)
		rt.Repeat(map[string]func(*rapid.T){
			"push":         d.push,
			"push again":   d.push,
			"work":         d.work,
			"go on":        d.aLittle,
			"killed build": d.isKilled,
			"approve":      d.decides,
			"retry":        d.retries,
			"hold":         d.holdsUp,
			"person":       d.person,
			"trespass":     d.trespasses,
			"":             d.holds,
		})
	})
}

// repeated sets how many histories there are, and how many steps one has. These are flags of the process: of the tests that set them one
// at most runs side by side with others.
func repeated(t *testing.T, histories, steps int) {
	t.Helper()
	for name, value := range map[string]int{"rapid.checks": histories, "rapid.steps": steps} {
		before := flag.Lookup(name).Value.String()
		if err := flag.Set(name, fmt.Sprint(value)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = flag.Set(name, before) })
	}
}

func newDeliveries(t *testing.T, rt *rapid.T) *deliveries {
	queued, approval := rapid.Bool().Draw(rt, "queued"), rapid.Bool().Draw(rt, "approval")
	branches := rapid.IntRange(0, 2).Draw(rt, "branches at 0") == 0
	d := &deliveries{bench: newBench(t, awsdouble.WithEventDelay(100*time.Microsecond)), t: t, queued: queued, templates: map[string]fstest.MapFS{}, wrong: map[string]bool{}, past: map[string]bool{}, written: map[string]string{}, cut: map[string]bool{}}
	deploy := func(environment string, approval bool) pipelineStage {
		s := pipelineStage{name: "Deploy-" + environment, environment: environment, actions: []string{contract.StagePlan, contract.StageDeploy, contract.StageAcceptance}}
		if approval {
			s.actions = slices.Insert(s.actions, 1, approveAction)
		}
		return s
	}
	through := func(branch string, deploys ...pipelineStage) {
		stages := []pipelineStage{{name: "Checks", actions: []string{"lint"}}, {name: "Image", actions: []string{contract.StageImage}}}
		d.pipelines = append(d.pipelines, &codePipeline{branch: branch, queued: queued, stages: append(stages, deploys...)})
	}
	more := ""
	if branches {
		through("develop", deploy("dev", false))
		through("main", deploy("prod", approval))
		more = ", branches: [{name: develop, environments: [dev]}, {name: main, environments: [prod]}]"
	} else {
		through("", deploy("dev", false), deploy("prod", approval))
	}
	d.base = fmt.Sprintf("name: shop\nservice: {healthInterval: %%d}\nenvironments:\n  - {name: dev, entry: {internal: %%t}, tasks: {min: 1, max: 1}}\n"+
		"  - {name: prod, approval: %t, entry: {internal: %%t}, tasks: {min: 1, max: 1}}\npipeline: {environment: prod, mode: %%s%s}\n", approval, more)
	d.double.ServeApp(d.answer)
	first := d.next(rt, "")
	d.at(first)
	d.mustDeploy(t, DeployOptions{})
	for _, p := range d.pipelines {
		p.start(first)
	}
	return d
}

// answer is what the tasks say.
func (d *deliveries) answer(w http.ResponseWriter, r *http.Request, task awsdouble.Task) {
	d.mu.Lock()
	wrong := d.wrong[task.Image]
	d.mu.Unlock()
	if wrong {
		http.Error(w, "wrong", http.StatusInternalServerError)
		return
	}
	awsdouble.DefaultApp(w, r, task)
}

// next is a change that nobody has pushed yet.
func (d *deliveries) next(rt *rapid.T, defect string) commit {
	d.changes++
	mode := map[bool]config.Mode{false: config.ModeSuperseded, true: config.ModeQueued}
	interval := rapid.SampledFrom([]int{10, 20}).Draw(rt, "interval")
	return commit{
		source: fmt.Sprintf("commit%d.", d.changes), defect: defect,
		slipway: fmt.Sprintf(d.base, interval, defect == "risk", defect == "risk that is approved", mode[d.queued != (defect == "pipeline")]),
	}
}

// at is another run, of a person, with a change as its working tree.
func (d *deliveries) at(c commit) {
	if d.templates[c.slipway] == nil {
		d.templates[c.slipway] = rendered(d.t, mustParse(d.t, c.slipway))
	}
	d.again(c.source)
	d.Config, d.Templates, d.Slipway = mustParse(d.t, c.slipway), d.templates[c.slipway], c.slipway
	d.may(deployer.Names...)
	d.Launcher.wrong = 5 * time.Millisecond
}

// asBuild is another run, of a build of the pipeline's with its rights alone.
func (d *deliveries) asBuild(p *codePipeline, c commit) {
	d.at(c)
	role := contract.OfBranch("Pipeline.DeployRole", contract.BranchSlug(p.branch))
	d.double.Restrict(d.double.RolePolicies(d.t, d.double.PhysicalID("shop-prod", role))...)
}

// branch is one of the pipelines.
func (d *deliveries) branch(rt *rapid.T) *codePipeline {
	return rapid.SampledFrom(d.pipelines).Draw(rt, "branch")
}

// goesTo says whether a pipeline deploys to an environment.
func (p *codePipeline) goesTo(environment string) bool {
	return slices.ContainsFunc(p.stages, func(s pipelineStage) bool { return s.environment == environment })
}

func (d *deliveries) push(rt *rapid.T) {
	d.goOn(rt, d.branch(rt).start(d.next(rt, rapid.SampledFrom(gates).Draw(rt, "fails at"))), 8)
}

// some is one of the executions for which this holds, if there is one.
func (d *deliveries) some(rt *rapid.T, holds func(*pipelineRun) bool) *pipelineRun {
	var all []*pipelineRun
	for _, p := range d.pipelines {
		all = append(all, p.those(holds)...)
	}
	if len(all) == 0 {
		rt.Skip("there is none")
	}
	return rapid.SampledFrom(all).Draw(rt, "execution")
}

func (d *deliveries) works(r *pipelineRun) bool {
	next := r.of.next(r)
	return next != "" && next != approveAction
}

// work does an execution's next actions.
func (d *deliveries) work(rt *rapid.T) {
	d.goOn(rt, d.some(rt, d.works), 8)
}

// aLittle leaves an execution where others may come between.
func (d *deliveries) aLittle(rt *rapid.T) {
	d.goOn(rt, d.some(rt, d.works), 1)
}

// goOn does some of an execution's next actions, most often all that may be done.
func (d *deliveries) goOn(rt *rapid.T, r *pipelineRun, most int) {
	for range most - rapid.IntRange(0, most-1).Draw(rt, "actions, off the most") {
		if !d.works(r) {
			return
		}
		d.act(rt, d.t.Context(), r)
	}
}

// isKilled ends a build at some call.
func (d *deliveries) isKilled(rt *rapid.T) {
	r := d.some(rt, func(r *pipelineRun) bool { return d.works(r) && r.of.stages[r.stage].environment != "" })
	ctx, done := d.killed(rt)
	defer done()
	d.act(rt, ctx, r)
}

// killed is a context that ends at some call; done waits until CloudFormation is at rest, and takes what has no end by now.
func (d *deliveries) killed(rt *rapid.T) (ctx context.Context, done func()) {
	ctx, kill := context.WithCancel(d.t.Context())
	at := (50 + 37*rapid.IntRange(0, 120).Draw(rt, "calls until it is killed, shuffled")) % 121
	d.double.Forecast(func(n int, _, _ string) awsdouble.Weather {
		if n == at {
			kill()
		}
		return awsdouble.Fair
	})
	return ctx, func() {
		kill()
		d.double.Forecast(nil)
		d.rest()
		for _, environment := range []string{"dev", "prod"} {
			for _, r := range d.releasesOf(d.t, environment) {
				if r.Result == release.Unfinished {
					d.cut[fmt.Sprint(environment, r.Number)] = true
				}
			}
		}
	}
}

// act does the next action of an execution, as its build does.
func (d *deliveries) act(rt *rapid.T, ctx context.Context, r *pipelineRun) {
	environment := r.of.stages[r.stage].environment
	action := r.of.next(r)
	var err error
	switch action {
	case "lint":
		if r.commit.defect == action {
			err = errors.New("it is not formatted")
		}
	case contract.StageImage:
		err = d.image(r)
	default:
		d.asBuild(r.of, r.commit)
		o := DeployOptions{Environments: []string{environment}, ByPipeline: true, Image: r.image, TemplateSet: r.set, Execution: r.id}
		switch action {
		case contract.StagePlan:
			err = d.plan(ctx, r, environment, o)
		case contract.StageDeploy:
			err = d.deploy(rt, ctx, r, environment, o)
		case contract.StageAcceptance:
			err = d.AcceptRelease(ctx, o)
		}
		d.judge(rt, ctx, r, environment, action, err)
	}
	r.of.done(r, err)
}

// image builds the image of a change once.
func (d *deliveries) image(r *pipelineRun) (err error) {
	d.at(r.commit)
	if r.commit.defect == contract.StageImage {
		return errors.New("its binary is vulnerable")
	}
	if r.set, err = TemplateSet(d.Templates); err != nil {
		return err
	}
	r.image = d.pushed(r.commit.source)
	if r.commit.defect == contract.StageAcceptance {
		d.mu.Lock()
		d.wrong[r.image] = true
		d.mu.Unlock()
	}
	return nil
}

func (d *deliveries) plan(ctx context.Context, r *pipelineRun, environment string, o DeployOptions) error {
	plans, stopped := d.PlanRelease(ctx, o)
	if plans == nil {
		return stopped
	}
	text, err := json.Marshal(plans)
	r.plans[environment] = text
	return errors.Join(stopped, err)
}

// deploy does what the plan says, and checks that it replaces nothing else.
func (d *deliveries) deploy(rt *rapid.T, ctx context.Context, r *pipelineRun, environment string, o DeployOptions) error {
	var plans []plan.Plan
	if err := json.Unmarshal(r.plans[environment], &plans); err != nil {
		rt.Fatalf("the plan of %s: %v", environment, err)
	}
	if r.commit.defect == contract.StageDeploy {
		d.double.FailResource("ECS.Service", "it did not come up")
		defer d.double.FailResource("ECS.Service", "")
		defer d.rest()
	}
	before := d.releasesOf(d.t, environment)
	newest := release.Newest(before)
	err := d.Deploy(ctx, o.Planned(plans...))
	after := d.releasesOf(d.t, environment)
	if len(after) == len(before) {
		return err
	}
	made := after[len(after)-len(before)-1]
	switch over := plans[0].Over; {
	case newest.Execution == r.id, len(made.Plan) == 0: // its own, or nothing was changed: it records what is there
	case over == nil || over.Number != newest.Number:
		rt.Fatalf("%s replaces release %d of %s, and its plan was made over %+v: %+v", r.id, newest.Number, environment, over, made)
	case newest.Execution == "" && over.ByHand == "":
		rt.Fatalf("the plan of %s does not say that release %d of %s was made by hand", r.id, newest.Number, environment)
	}
	return err
}

// rest waits until CloudFormation is.
func (d *deliveries) rest() {
	for _, environment := range []string{"dev", "prod"} {
		for strings.HasSuffix(d.double.StackStatus("shop-"+environment), "_IN_PROGRESS") {
			time.Sleep(time.Millisecond)
		}
	}
}

// judge checks that an action failed only for a reason, and that what is wrong does not pass its gate.
func (d *deliveries) judge(rt *rapid.T, ctx context.Context, r *pipelineRun, environment, action string, err error) {
	defect := r.commit.defect
	stops := map[string]bool{
		"risk/dev/plan":             true,
		"pipeline/prod/plan":        true,
		"acceptance/dev/acceptance": true, "acceptance/prod/acceptance": true,
	}[defect+"/"+environment+"/"+action]
	if err == nil && stops && (defect != "pipeline" || !d.promoted) {
		rt.Fatalf("%s, which is wrong at %s, passed %s of %s", r.id, defect, action, environment)
	}
	if err == nil || ctx.Err() != nil || defect != "" {
		return
	}
	for _, reason := range []string{
		"somebody deployed past", "the plan was made over", "somebody has deployed since", "has no approval in slipway.yaml",
		"the pipeline's definition changed", // back, after a promotion by hand
	} {
		if strings.Contains(err.Error(), reason) {
			return
		}
	}
	rt.Fatalf("%s of %s fails in %s, and nothing is wrong with it: %v\n%s", action, r.id, environment, err, d.progress)
}

// trespasses has a branch's build try to deploy to an environment of another branch, in any commit of its own.
func (d *deliveries) trespasses(rt *rapid.T) {
	p, environment := d.branch(rt), environmentOf(rt)
	if p.goesTo(environment) {
		rt.Skip("it is its own")
	}
	c := d.next(rt, "")
	d.at(c)
	image, before := d.pushed(c.source), len(d.releasesOf(d.t, environment))
	d.asBuild(p, c)
	o := DeployOptions{Environments: []string{environment}, ByPipeline: true, Image: image, Execution: p.branch + "astray", Decide: func(...plan.Risk) error { return nil }}
	err := d.Deploy(d.t.Context(), o)
	d.at(c)
	if err == nil || len(d.releasesOf(d.t, environment)) != before || slices.Contains(d.double.Running("shop-"+environment, "ECS.Service"), image) {
		rt.Fatalf("the pipeline of %s has changed %s: %v", p.branch, environment, err)
	}
}

// decides approves or rejects what waits for it.
func (d *deliveries) decides(rt *rapid.T) {
	r := d.some(rt, func(r *pipelineRun) bool { return r.of.next(r) == approveAction })
	if rapid.IntRange(0, 3).Draw(rt, "rejected at 0") == 0 {
		r.of.done(r, errors.New("rejected"))
		return
	}
	r.of.done(r, nil)
}

func (d *deliveries) retries(rt *rapid.T) {
	r := d.some(rt, func(r *pipelineRun) bool { return r.of.retryable(r) })
	r.of.retry(r, rapid.Bool().Draw(rt, "all actions"))
}

// holdsUp disables a stage's transition, enables it again, or stops an execution between two actions.
func (d *deliveries) holdsUp(rt *rapid.T) {
	p := d.branch(rt)
	if i := rapid.IntRange(0, len(p.stages)-1).Draw(rt, "stage, or stop at 0"); i > 0 {
		p.stages[i].held = !p.stages[i].held
		return
	}
	d.some(rt, func(r *pipelineRun) bool { return r.status == inProgressRun }).status = stoppedRun
}

// person does something by hand.
func (d *deliveries) person(rt *rapid.T) {
	rapid.SampledFrom([]func(*rapid.T){d.deploysByHand, d.isKilledByHand, d.goesBack, d.promotes, d.deploysPast}).Draw(rt, "what")(rt)
}

// allowing is what a person says to all risks.
func allowing(environments ...string) DeployOptions {
	return DeployOptions{Environments: environments, Decide: func(...plan.Risk) error { return nil }}
}

func environmentOf(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"dev", "prod"}).Draw(rt, "environment")
}

// deploysByHand is a person's deployment of a change, which the pipeline gets, too, or of another slipway.yaml alone.
func (d *deliveries) deploysByHand(rt *rapid.T) {
	c, o := d.next(rt, ""), allowing(environmentOf(rt))
	o.KeepImage = rapid.Bool().Draw(rt, "keep the image")
	d.at(c)
	d.byHand(rt, o.Environments[0], d.Deploy(d.t.Context(), o))
	if o.KeepImage {
		return
	}
	for _, p := range d.pipelines {
		if p.goesTo(o.Environments[0]) {
			p.start(c)
		}
	}
}

func (d *deliveries) isKilledByHand(rt *rapid.T) {
	d.at(d.next(rt, ""))
	ctx, done := d.killed(rt)
	defer done()
	_ = d.Deploy(ctx, allowing(environmentOf(rt)))
}

// byHand checks that what a person does works, unless what runs there is wrong.
func (d *deliveries) byHand(rt *rapid.T, environment string, err error) {
	if err == nil || strings.Contains(err.Error(), "somebody deployed past the stack") {
		return
	}
	for _, image := range d.double.Running("shop-"+environment, "ECS.Service") {
		if d.wrong[image] {
			return
		}
	}
	rt.Fatalf("by hand in %s: %v\n%s", environment, err, d.progress)
}

// goesBack is a person's rollback, to one before or to one that is named.
func (d *deliveries) goesBack(rt *rapid.T) {
	environment, number := environmentOf(rt), 0
	if records := d.releasesOf(d.t, environment); rapid.Bool().Draw(rt, "named") {
		r := rapid.SampledFrom(records).Draw(rt, "release")
		if r.Result != release.Succeeded {
			rt.Skip("it is none to go back to")
		}
		number = r.Number
	}
	d.may(deployer.Names...)
	err := d.withoutSource().Rollback(d.t.Context(), environment, number, allowing())
	if !errors.Is(err, release.ErrNone) {
		d.byHand(rt, environment, err)
	}
}

func (d *deliveries) promotes(rt *rapid.T) {
	records := d.releasesOf(d.t, "dev")
	stands, unfinished := release.Current(records)
	if unfinished != nil || stands.Result != release.Succeeded || d.strayIn("dev", records) {
		rt.Skip("it is none to promote")
	}
	d.promoted = true
	d.may(deployer.Names...)
	d.byHand(rt, "prod", d.withoutSource().Promote(d.t.Context(), "dev", "prod", allowing()))
}

// deploysPast deploys to all environments without slipway.
func (d *deliveries) deploysPast(rt *rapid.T) {
	d.changes++
	image := d.pushed(fmt.Sprintf("past%d.", d.changes))
	d.double.Redeploy(image)
	d.past[image] = true
}

// strayIn says whether an environment runs what no record of it that may stand names.
func (d *deliveries) strayIn(environment string, records []release.Record) bool {
	running := d.double.Running("shop-"+environment, "ECS.Service")
	stands, _ := release.Current(records)
	return !slices.ContainsFunc(records, func(r release.Record) bool {
		return len(running) == 1 && r.Image == running[0] && (r.Number == stands.Number || r.Number > stands.Number && r.Result == release.Unfinished)
	})
}

// holds checks what must be so after each step.
func (d *deliveries) holds(rt *rapid.T) {
	d.at(commit{source: "none", slipway: fmt.Sprintf(d.base, 10, false, false, config.ModeSuperseded)})
	brought, stray := map[string]release.Record{}, map[string]bool{}
	for _, environment := range []string{"dev", "prod"} {
		records := d.releasesOf(d.t, environment)
		d.areKept(rt, environment, records)
		for _, r := range records {
			if r.Execution == "" || r.Kind != release.Deployment {
				continue
			}
			if other, found := brought[r.Execution]; found && (other.Image != r.Image || other.TemplateSet != r.TemplateSet) {
				rt.Fatalf("%s brings %s to %s and %s to %s", r.Execution, r.Image, environment, other.Image, other.Environment)
			}
			brought[r.Execution] = r
			if !slices.ContainsFunc(d.pipelines, func(p *codePipeline) bool { return p.branch == r.Branch && p.goesTo(environment) }) {
				rt.Fatalf("release %d of %s is of branch %q", r.Number, environment, r.Branch)
			}
		}
		running := d.double.Running("shop-"+environment, "ECS.Service")
		switch stray[environment] = d.strayIn(environment, records); {
		case !stray[environment]:
			d.runsAsRecorded(rt, environment, records)
		case len(running) != 1 || !d.past[running[0]]:
			rt.Fatalf("%s runs %v, by hand of nobody and by no record: %+v", environment, running, records[0])
		}
	}
	d.statusSays(rt, stray)
}

// areKept checks that records are numbered, complete and as they were, and that what they name is there.
func (d *deliveries) areKept(rt *rapid.T, environment string, records []release.Record) {
	bucket := d.double.PhysicalID("shop-foundation", "Bucket")
	there := map[string]string{}
	for _, key := range d.double.Keys(bucket) {
		if strings.HasPrefix(key, contract.ReleasesPrefix+environment+"/") {
			text, _ := d.double.Object(bucket, key)
			there[key] = string(text)
		}
	}
	for key, text := range d.written {
		if strings.HasPrefix(key, contract.ReleasesPrefix+environment+"/") && there[key] != text {
			rt.Fatalf("%s was changed", key)
		}
	}
	maps.Copy(d.written, there)
	for i, r := range records {
		number, key := len(records)-i, fmt.Sprintf("%s%s/%d", contract.ReleasesPrefix, environment, len(records)-i)
		if r.Number != number || there[key+".begun.json"] == "" {
			rt.Fatalf("release %d of %s is number %d: %v", number, environment, r.Number, slices.Sorted(maps.Keys(there)))
		}
		if (r.Result == release.Unfinished) != (there[key+".json"] == "") || r.Result == release.Unfinished && !d.cut[fmt.Sprint(environment, number)] {
			rt.Fatalf("release %d of %s has no end, and nobody killed its run", number, environment)
		}
		_, digest, _ := strings.Cut(r.Image, "@")
		if tags := d.double.ImageTags(d.double.PhysicalID("shop-foundation", "Repository"), digest); !slices.Contains(tags, contract.ReleaseTag(digest)) {
			rt.Fatalf("the image of release %d of %s may expire: %v", number, environment, tags)
		}
	}
}

// runsAsRecorded checks what runs, by the account's own state: image, and the templates of all stacks.
func (d *deliveries) runsAsRecorded(rt *rapid.T, environment string, records []release.Record) {
	stands, unfinished := release.Current(records)
	running := d.double.Running("shop-"+environment, "ECS.Service")
	if unfinished != nil {
		return // strayIn has looked: one of both
	}
	if len(running) != 1 || running[0] != stands.Image {
		rt.Fatalf("%s runs %v, and release %d is %s", environment, running, stands.Number, stands.Image)
	}
	store := d.releases(d.double.PhysicalID("shop-foundation", "Bucket"))
	text, err := store.Object(d.t.Context(), stands.Set)
	if err != nil {
		rt.Fatalf("the templates of release %d of %s: %v", stands.Number, environment, err)
	}
	set, err := release.DecodeSet(stands.Set, text)
	if err != nil || set.Hash() != stands.TemplateSet {
		rt.Fatalf("the templates of release %d of %s: %v, %s", stands.Number, environment, err, set.Hash())
	}
	root := d.root(d.t, "shop-"+environment)
	live := map[string]string{environment + "/root.yaml": root.id}
	resources, err := d.resources(d.t.Context(), root.id, root.name)
	if err != nil {
		rt.Fatal(err)
	}
	for _, r := range resources {
		if r.Type == stackType {
			live[plan.NestedIn(environment, r.LogicalID)+".yaml"] = r.PhysicalID
		}
	}
	for file, id := range live {
		text, err := d.templateOf(d.t.Context(), id)
		if err != nil || hashOf([]byte(text)) != set.Files[file] {
			rt.Fatalf("%s of %s is not that of release %d: %v", file, environment, stands.Number, err)
		}
	}
}

// statusSays checks that status tells of drift where there is some, and nowhere else.
func (d *deliveries) statusSays(rt *rapid.T, stray map[string]bool) {
	d.may(deployer.Operate)
	report, err := operate.New(d.Config, d.double.Config(), time.Millisecond).Status(d.t.Context(), []string{"dev", "prod"})
	if err != nil {
		rt.Fatal(err)
	}
	for _, e := range report.Environments {
		if stray[e.Name] != (e.Drift != "") {
			rt.Fatalf("%s runs something else: %t, and status says %q", e.Name, stray[e.Name], e.Drift)
		}
	}
}
