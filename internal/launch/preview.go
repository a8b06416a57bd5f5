package launch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"slipway/internal/changes"
	"slipway/internal/config"
	"slipway/internal/lease"
	"slipway/internal/plan"
	"slipway/internal/schema"
)

// Plan says what a deployment with these options would do: of the foundation, unless the pipeline deploys, and of each
// environment to deploy to. It changes nothing that lives. It uploads templates, which nothing uses yet, and makes change sets
// and deletes them again; since these get in the way of another run's, it takes its turn as a deployment does.
func (l *Launcher) Plan(ctx context.Context, o DeployOptions) ([]plan.Plan, error) {
	if err := l.check(o); err != nil {
		return nil, err
	}
	if err := l.parametersFit(); err != nil {
		return nil, err
	}
	if err := l.identify(ctx, l.regionHasAll); err != nil {
		return nil, err
	}
	bucket, err := l.bucket(ctx)
	if err != nil {
		return nil, err
	}
	var plans []plan.Plan
	err = l.turn(ctx, bucket, "./scripts/deploy.sh --plan", o.Wait, func(ctx context.Context, _ *lease.Lease) error {
		forecasts, err := l.forecasts(ctx, o, func(plan.Plan) bool { return true })
		for _, f := range forecasts {
			plans = append(plans, f.shown())
		}
		return err
	})
	return plans, err
}

// gateBefore stops a deployment before it changes anything. Here the templates alone tell what is at risk, and CloudFormation is
// asked only where they find something: each change set that is executed later is looked at once more.
func (l *Launcher) gateBefore(ctx context.Context, o DeployOptions) error {
	forecasts, err := l.forecasts(ctx, o, func(p plan.Plan) bool { return len(o.gate.unmet(p)) > 0 })
	if err != nil {
		return err
	}
	var risky []plan.Plan
	for _, f := range forecasts {
		if len(f.protected) > 0 {
			return replacesProtected(f.plan.Stack, f.protected)
		}
		if len(o.gate.unmet(f.plan)) > 0 {
			risky = append(risky, f.plan)
			l.tell(f.plan)
		}
	}
	if err := o.gate.pass(risky...); err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	return nil
}

// tell writes a plan as lines of progress.
func (l *Launcher) tell(p plan.Plan) {
	var b strings.Builder
	_ = p.Text(&b) // a builder takes everything
	for line := range strings.Lines(b.String()) {
		l.Progress.Line("%s", strings.TrimRight(line, "\n"))
	}
}

// forecast is the plan of one root stack, or of the foundation.
type forecast struct {
	plan      plan.Plan
	protected []string // what is replaced and could not be deleted
}

// shown is the plan, with what would be refused.
func (f forecast) shown() plan.Plan {
	if len(f.protected) > 0 {
		f.plan.Notes = append(f.plan.Notes, "it would be refused: "+replacesProtected(f.plan.Stack, f.protected).Error())
	}
	return f.plan
}

// forecasts are those of all that a deployment would bring up to date. Where sure asks for it, CloudFormation is asked too.
func (l *Launcher) forecasts(ctx context.Context, o DeployOptions, sure func(plan.Plan) bool) ([]forecast, error) {
	roots, err := l.roots(ctx)
	if err != nil {
		return nil, err
	}
	f, base, err := l.foundationAhead(ctx, o)
	if err != nil {
		return nil, err
	}
	var all []forecast
	if !o.ByPipeline {
		first, err := l.forecast(ctx, base, sure)
		if err != nil {
			return nil, fmt.Errorf("foundation: %w", err)
		}
		all = append(all, first)
	}
	for _, env := range l.targets(o, roots) {
		next, err := l.forecastOf(ctx, f, env, roots[env.Name], o, sure)
		if err != nil {
			return all, fmt.Errorf("environment %s: %w", env.Name, err)
		}
		all = append(all, next)
	}
	return all, nil
}

// forecastOf is that of one environment.
func (l *Launcher) forecastOf(ctx context.Context, f foundation, env config.Environment, root stack, o DeployOptions, sure func(plan.Plan) bool) (forecast, error) {
	r, err := l.requestAhead(ctx, f, env, root, o)
	if err != nil {
		return forecast{}, err
	}
	next, err := l.forecast(ctx, r, sure)
	if err == nil && f.bucket != "" {
		err = l.tellReleases(ctx, &next.plan, f, env, root, r, o)
	}
	return next, err
}

// foundationAhead is the foundation as a deployment will find or make it, and what its stack should hold. What it gives out only once it
// is made or changed has a stand-in.
func (l *Launcher) foundationAhead(ctx context.Context, o DeployOptions) (foundation, request, error) {
	if o.ByPipeline {
		f, err := l.foundationThere(ctx)
		return f, request{}, err
	}
	t, parameters, s, err := l.foundationStack(ctx)
	if err != nil {
		return foundation{}, request{}, err
	}
	f := readFoundation(s)
	f.outputs = maps.Clone(f.outputs)
	if f.outputs == nil {
		f.outputs = map[string]string{}
	}
	for key := range t.Outputs {
		if f.outputs[key] == "" {
			f.outputs[key] = standIn
		}
	}
	return f, l.foundationRequest(t, parameters, o), nil
}

// standIn is the value of what is not made yet.
const standIn = "(not made yet)"

// requestAhead is what an environment's root should come to hold, as far as that is known before the foundation is changed and
// the image is built.
func (l *Launcher) requestAhead(ctx context.Context, f foundation, env config.Environment, root stack, o DeployOptions) (request, error) {
	if f.bucket == "" {
		return request{name: root.name, environment: env.Name}, nil // nothing is there to be compared with
	}
	root, err := l.settle(ctx, root)
	if err != nil {
		return request{}, err
	}
	image, note, err := l.imageAhead(ctx, f, root, o)
	if err != nil {
		return request{}, err
	}
	r, err := l.rootRequest(ctx, f, env, root, image, o)
	if note != "" {
		r.notes = append(r.notes, note)
	}
	for _, key := range slices.Sorted(maps.Keys(r.parameters)) {
		if r.parameters[key] == standIn {
			r.blind = true
			r.notes = append(r.notes, "the foundation gives "+key+" only once it is changed: CloudFormation cannot be asked before")
		}
	}
	return r, err
}

// unbuilt stands for the digest of an image that is not built yet.
var unbuilt = "sha256:" + strings.Repeat("0", 64)

// imageAhead is the image that a deployment would take. One that is not built yet has no digest to tell.
func (l *Launcher) imageAhead(ctx context.Context, f foundation, root stack, o DeployOptions) (image, note string, err error) {
	if o.Image != "" {
		return o.Image, "", nil
	}
	if o.KeepImage {
		image, err = l.runningImage(ctx, root)
		return image, "", err
	}
	identity := l.Source.Identity()
	digest, err := l.digestOf(ctx, f, identity)
	if err != nil || digest != "" {
		return f.repositoryURI + "@" + digest, "", err
	}
	return f.repositoryURI + "@" + unbuilt, fmt.Sprintf("the image of source %s is not built yet: sha256:000... stands for its digest", identity[:12]), nil
}

// forecast is what a request would do to its stack, which it leaves alone.
func (l *Launcher) forecast(ctx context.Context, r request, sure func(plan.Plan) bool) (forecast, error) {
	current, err := l.describe(ctx, r.name)
	if err == nil {
		current, err = l.settle(ctx, current)
	}
	if err != nil {
		return forecast{}, err
	}
	todo, why := next(current.status)
	if todo == refuse {
		return forecast{}, refused(current, why)
	}
	p, err := l.planAhead(ctx, r, current, sure)
	if err != nil {
		return forecast{}, err
	}
	p.Notes = append(p.Notes, r.notes...)
	if todo.takesBack() {
		p.Notes = append(p.Notes, fmt.Sprintf("stack %s is in status %s: a deployment first takes its last update back, and CloudFormation cannot be asked before", r.name, current.status))
	}
	f := forecast{plan: p}
	if current.protected {
		f.protected = p.Replaced(balancerType)
	}
	return f, nil
}

// planAhead is the plan of a request. CloudFormation is asked where it can answer and sure wants to know more than the templates tell.
func (l *Launcher) planAhead(ctx context.Context, r request, current stack, sure func(plan.Plan) bool) (plan.Plan, error) {
	same, err := l.holds(ctx, current, r.template, r.parameters)
	if err != nil {
		return plan.Plan{}, err
	}
	if same {
		return l.unchanged(r)
	}
	p, err := l.planOf(ctx, r, current, nil)
	todo, _ := next(current.status)
	if err != nil || r.blind || todo != update || !sure(p) {
		return p, err
	}
	return l.surePlan(ctx, r, current, p)
}

// surePlan asks CloudFormation, through a change set that is never executed, about what the templates tell. Whoever may not ask is told
// that alone.
func (l *Launcher) surePlan(ctx context.Context, r request, current stack, p plan.Plan) (plan.Plan, error) {
	set, err := l.changeSet(ctx, r, update)
	switch {
	case errors.Is(err, errNoChanges):
		p, err := l.unchanged(r)
		p.Notes = append(p.Notes, "the templates differ, but in nothing that CloudFormation takes for a change")
		return p, err
	case is(err, notAllowed):
		p.Notes = append(p.Notes, fmt.Sprintf("CloudFormation was not asked, for which there is no right: templates and parameters alone tell of stack %s", r.name))
		return p, nil
	case err != nil:
		return p, err
	}
	p, err = l.planOf(ctx, r, current, l.changeSets(ctx, r.environment, set))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	return p, errors.Join(err, l.dropChangeSet(ctx, set, update))
}

// unchanged is the plan of a stack that holds already what it should.
func (l *Launcher) unchanged(r request) (plan.Plan, error) {
	return plan.Live(l.update(r, l.Templates, r.parameters))
}

func (l *Launcher) update(r request, before fs.FS, parameters map[string]string) plan.Update {
	u := plan.Update{Environment: r.environment, Stack: r.name, Before: before, After: l.Templates, Was: parameters, Is: r.parameters}
	if l.Cost != nil {
		u.Region = l.AWS.Region
	}
	return u
}

// planOf joins CloudFormation's change sets with what its live templates and parameters tell.
func (l *Launcher) planOf(ctx context.Context, r request, current stack, sets []plan.ChangeSet) (plan.Plan, error) {
	dir, err := os.MkdirTemp("", "slipway-running-")
	if err != nil {
		return plan.Plan{}, err
	}
	defer os.RemoveAll(dir)
	if err := l.writeRunning(ctx, r, current, dir); err != nil {
		return plan.Plan{}, err
	}
	u := l.update(r, os.DirFS(dir), current.parameters)
	u.Sets = sets
	return plan.Live(u)
}

// writeRunning writes a templates folder with what a stack and those nested in it were last made from.
func (l *Launcher) writeRunning(ctx context.Context, r request, current stack, dir string) error {
	if err := os.CopyFS(dir, l.Templates); err != nil {
		return err
	}
	root := filepath.Join(dir, filepath.FromSlash(plan.RootOf(r.environment)))
	if err := os.RemoveAll(filepath.Join(dir, r.environment)); err != nil {
		return err
	}
	if err := os.Remove(root + ".yaml"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !hasRun(current) {
		return nil
	}
	texts := map[string]string{root: current.id}
	if r.nested {
		resources, err := l.resources(ctx, current.id, current.name)
		if err != nil {
			return err
		}
		for _, nested := range resources {
			if nested.Type == stackType {
				texts[filepath.Join(dir, filepath.FromSlash(plan.NestedIn(r.environment, nested.LogicalID)))] = nested.PhysicalID
			}
		}
	}
	if err := os.MkdirAll(filepath.Dir(root), 0o700); err != nil {
		return err
	}
	for file, id := range texts {
		text, err := l.templateOf(ctx, id)
		if err != nil {
			return err
		}
		if err := os.WriteFile(file+".yaml", []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// changeSets are a change set and those nested in it, as the plan reads them.
func (l *Launcher) changeSets(ctx context.Context, environment string, set *cloudformation.DescribeChangeSetOutput) []plan.ChangeSet {
	root := plan.ChangeSet{Stack: plan.RootOf(environment), Warnings: l.warnings(ctx, set)}
	var below []plan.ChangeSet
	for _, c := range set.Changes {
		if c.ResourceChange == nil || c.ResourceChange.Action == types.ChangeActionSyncWithActual {
			continue
		}
		claim := toClaim(c.ResourceChange)
		if id := aws.ToString(c.ResourceChange.ChangeSetId); id != "" && claim.Type == stackType {
			nested, err := l.wholeChangeSet(ctx, "", id)
			if err != nil {
				l.Progress.Line("the change set of the nested stack %s cannot be read: %v", claim.LogicalID, err)
			} else {
				claim.HasSet = true
				below = append(below, nestedSet(environment, claim.LogicalID, nested, l.warnings(ctx, nested)))
			}
		}
		root.Claims = append(root.Claims, claim)
	}
	return append([]plan.ChangeSet{root}, below...)
}

// nestedSet is that of a stack right below the root; there are none below these.
func nestedSet(environment, logicalID string, set *cloudformation.DescribeChangeSetOutput, warnings []string) plan.ChangeSet {
	s := plan.ChangeSet{Stack: plan.NestedIn(environment, logicalID), Warnings: warnings}
	for _, c := range set.Changes {
		if c.ResourceChange != nil && c.ResourceChange.Action != types.ChangeActionSyncWithActual {
			s.Claims = append(s.Claims, toClaim(c.ResourceChange))
		}
	}
	return s
}

func toClaim(c *types.ResourceChange) plan.Claim {
	claim := plan.Claim{
		LogicalID: aws.ToString(c.LogicalResourceId), Type: aws.ToString(c.ResourceType), Action: changes.Modify,
		Retained: c.PolicyAction == types.PolicyActionRetain || c.PolicyAction == types.PolicyActionReplaceAndRetain,
	}
	switch c.Action {
	case types.ChangeActionAdd, types.ChangeActionImport:
		claim.Action = changes.Add
	case types.ChangeActionRemove:
		claim.Action = changes.Remove
	}
	switch c.Replacement {
	case types.ReplacementTrue:
		claim.Replacement = schema.Always
	case types.ReplacementConditional:
		claim.Replacement = schema.Sometimes
	}
	for _, d := range c.Details {
		if d.Target != nil {
			claim.Properties = append(claim.Properties, toClaimed(d))
		}
	}
	return claim
}

func toClaimed(d types.ResourceChangeDetail) plan.ClaimedProperty {
	t := d.Target
	p := plan.ClaimedProperty{Before: aws.ToString(t.BeforeValue), After: aws.ToString(t.AfterValue)}
	switch {
	case aws.ToString(t.Path) != "":
		p.Path = strings.Split(strings.TrimPrefix(*t.Path, "/"), "/")
	case aws.ToString(t.Name) != "":
		p.Path = []string{string(t.Attribute), *t.Name}
	default:
		p.Path = []string{string(t.Attribute)}
	}
	switch t.RequiresRecreation {
	case types.RequiresRecreationAlways:
		p.Replacement = schema.Always
	case types.RequiresRecreationConditionally:
		p.Replacement = schema.Sometimes
	}
	p.Unknown = d.Evaluation == types.EvaluationTypeDynamic || strings.Contains(p.After, knownAfterApply)
	if d.ChangeSource == types.ChangeSourceParameterReference {
		p.Parameter = aws.ToString(d.CausingEntity)
	}
	return p
}

// knownAfterApply is in the new value of a property where that comes from what is not made yet.
const knownAfterApply = "KNOWN_AFTER_APPLY"
