package launch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/lease"
	"slipway/internal/plan"
)

// DeployOptions say how far a deployment goes.
type DeployOptions struct {
	// Environments to deploy to, by name. None named: those that are not up yet, and the first.
	Environments []string
	// KeepImage leaves in each environment the image that runs there and changes the rest.
	KeepImage bool
	// Image is deployed as it is, where given: repository@sha256:...
	Image string
	// TemplateSet is the hash that the templates must have, where given: TemplateSet's of those that were released.
	TemplateSet string
	// ByPipeline deploys with the pipeline's rights: the foundation and the pipeline itself stay as they are.
	ByPipeline bool
	// Execution is the id of the pipeline's execution that deploys; empty where a person does.
	Execution string
	// Wait is how long to wait for another run that has its turn.
	Wait time.Duration
	// Confirm is asked before a first launch creates anything; nil never asks.
	Confirm func(what string) error
	// Allow are the names of risks that may be taken, as plan.Risk has them.
	Allow []string
	// Decide is asked about risks that are not allowed; an error stops the deployment. Nil refuses them all.
	Decide func(...plan.Risk) error
	// Command is how the command was called, for whoever has to call it again with --allow; empty where nobody can.
	Command string

	targets []config.Environment // all that are deployed to
	gate    *gate
	planned *plan.Plan // of the environment, where the pipeline has made one
}

// Deploy brings the foundation and the environments to what the templates and the source say, and returns when the
// service answers. A second call with nothing new changes nothing.
func (l *Launcher) Deploy(ctx context.Context, o DeployOptions) error {
	if err := l.check(o); err != nil {
		return err
	}
	if err := l.parametersFit(); err != nil {
		return err
	}
	if err := l.identify(ctx, l.regionHasAll); err != nil {
		return err
	}
	o.gate = newGate(o)
	bucket, err := l.bucket(ctx)
	if err != nil {
		return err
	}
	if bucket == "" {
		f, err := l.beginning(ctx, o)
		if err != nil {
			return err
		}
		return l.turn(ctx, f.bucket, o.what(), o.Wait, func(ctx context.Context, _ *lease.Lease) error {
			return l.rollOut(ctx, o, f)
		})
	}
	return l.turn(ctx, bucket, o.what(), o.Wait, func(ctx context.Context, _ *lease.Lease) error {
		f, err := l.beginning(ctx, o)
		if err != nil {
			return err
		}
		return l.rollOut(ctx, o, f)
	})
}

// what names the command to whoever waits for it.
func (o DeployOptions) what() string {
	if o.ByPipeline {
		return "the pipeline's deployment to " + strings.Join(o.Environments, ", ")
	}
	return "./scripts/deploy.sh"
}

// rollOut brings the environments to what the templates and the source say. It looks at them itself: another run may have
// changed them until this one had its turn.
func (l *Launcher) rollOut(ctx context.Context, o DeployOptions, f foundation) error {
	roots, err := l.roots(ctx)
	if err != nil {
		return err
	}
	image := o.Image
	if image == "" && !o.KeepImage {
		if image, err = l.image(ctx, f); err != nil {
			return err
		}
	}
	o.targets = l.targets(o, roots)
	for _, env := range o.targets {
		err := l.deployEnvironment(ctx, f, env, roots[env.Name], image, o, l.newDelivery(f, o))
		if err := l.takeBack(ctx, f, env.Name, o, err); err != nil {
			return fmt.Errorf("environment %s: %w", env.Name, err)
		}
	}
	if unknown := o.gate.unknown(); len(unknown) > 0 && !o.ByPipeline {
		l.Progress.Line("note: there was no such risk as %s, which --allow names", strings.Join(unknown, ", "))
	}
	if !o.ByPipeline && !o.KeepImage && o.Image == "" {
		return l.feedPipelines(ctx, f.bucket, l.routesTo(o.targets))
	}
	return nil
}

// routesTo are those that end in one of the environments.
func (l *Launcher) routesTo(environments []config.Environment) []config.Route {
	return slices.DeleteFunc(l.Config.Routes(), func(r config.Route) bool {
		return !slices.ContainsFunc(environments, func(e config.Environment) bool { return r.Goes(e.Name) })
	})
}

// check refuses what cannot be meant.
func (l *Launcher) check(o DeployOptions) error {
	for _, name := range o.Environments {
		if !slices.ContainsFunc(l.Config.Environments, func(e config.Environment) bool { return e.Name == name }) {
			return fmt.Errorf("slipway.yaml has no environment %q; it has %s", name, strings.Join(l.environmentNames(), ", "))
		}
	}
	if o.Image != "" && !contract.IsDigest(o.Image) {
		return fmt.Errorf("image %q: an image is deployed by its digest (repository@sha256:...), never by a tag", o.Image)
	}
	if o.TemplateSet == "" {
		return nil
	}
	set, err := TemplateSet(l.Templates)
	if err == nil && set != o.TemplateSet {
		err = fmt.Errorf("the templates are the set %s and not %s, with which the image was released: every environment gets the same; release again", set, o.TemplateSet)
	}
	return err
}

func (l *Launcher) environmentNames() []string {
	var names []string
	for _, e := range l.Config.Environments {
		names = append(names, e.Name)
	}
	return names
}

// environment is that of the name, which check has found to be there.
func (l *Launcher) environment(name string) config.Environment {
	i := slices.IndexFunc(l.Config.Environments, func(e config.Environment) bool { return e.Name == name })
	return l.Config.Environments[i]
}

// roots describes each environment's root stack, by the environment's name.
func (l *Launcher) roots(ctx context.Context) (map[string]stack, error) {
	roots := map[string]stack{}
	for _, env := range l.Config.Environments {
		s, err := l.describe(ctx, contract.EnvironmentStackName(l.Config.Name, env.Name))
		if err != nil {
			return nil, err
		}
		roots[env.Name] = s
	}
	return roots, nil
}

// beginning is everything before the first environment: the pipeline only looks at it, a person brings it up.
func (l *Launcher) beginning(ctx context.Context, o DeployOptions) (foundation, error) {
	if o.ByPipeline {
		if err := l.gateBefore(ctx, o); err != nil {
			return foundation{}, err
		}
		return l.foundationThere(ctx)
	}
	roots, err := l.roots(ctx)
	if err != nil {
		return foundation{}, err
	}
	if err := l.preflight(ctx, l.targets(o, roots), roots); err != nil {
		return foundation{}, err
	}
	first := !slices.ContainsFunc(l.Config.Environments, func(e config.Environment) bool { return roots[e.Name].exists() })
	if first && o.Confirm != nil {
		if err := l.confirm(o); err != nil {
			return foundation{}, err
		}
	}
	if err := l.gateBefore(ctx, o); err != nil {
		return foundation{}, err
	}
	if err := l.serviceLinkedRoles(ctx); err != nil {
		return foundation{}, err
	}
	return l.raiseFoundation(ctx, o)
}

// confirm tells what a first launch makes and costs, and asks.
func (l *Launcher) confirm(o DeployOptions) error {
	money, err := l.cost(l.environmentNames()...)
	if err != nil {
		return err
	}
	if money != "" {
		money = ": " + money
	}
	return o.Confirm(fmt.Sprintf("This creates %s (environments: %s) in account %s, Region %s, and costs money until ./scripts/destroy.sh%s.",
		l.Config.Name, strings.Join(l.environmentNames(), ", "), l.account, l.AWS.Region, money))
}

// cost words what environments cost a month, and is empty where nothing costs anything.
func (l *Launcher) cost(environments ...string) (string, error) {
	if l.Cost == nil {
		return "", nil
	}
	text, err := l.Cost(environments...)
	if err != nil {
		return "", fmt.Errorf("estimate the cost: %w", err)
	}
	return text + " (details: ./scripts/deploy.sh --cost)", nil
}

// targets are the environments to deploy to, in the order of slipway.yaml.
func (l *Launcher) targets(o DeployOptions, roots map[string]stack) []config.Environment {
	var list []config.Environment
	for i, env := range l.Config.Environments {
		wanted := slices.Contains(o.Environments, env.Name)
		if len(o.Environments) == 0 {
			todo, _ := next(roots[env.Name].status)
			wanted = i == 0 || todo == create || todo == recreate
		}
		if wanted {
			list = append(list, env)
		}
	}
	return list
}

// deployEnvironment brings one root stack to what the templates say, with the image given or, without one, the running one.
func (l *Launcher) deployEnvironment(ctx context.Context, f foundation, env config.Environment, root stack, image string, o DeployOptions, d *delivery) error {
	root, err := l.rest(ctx, root, l.role(f, o))
	if err != nil {
		return err
	}
	if image == "" {
		if image, err = l.runningImage(ctx, root); err != nil {
			return err
		}
	}
	if l.Config.IsPipelineHome(env) && !o.ByPipeline && o.Image == "" && !o.KeepImage && l.past == nil {
		if err := l.feedNew(ctx, f.bucket, root, o.targets); err != nil {
			return err
		}
	}
	r, err := l.rootRequest(ctx, f, env, root, image, o)
	if err != nil {
		return err
	}
	return l.deliver(ctx, d, env, root, r, o)
}

func hasRun(s stack) bool {
	todo, _ := next(s.status)
	return todo == update || todo.takesBack()
}

// role is CloudFormation's for an environment.
func (l *Launcher) role(f foundation, o DeployOptions) string {
	if o.ByPipeline {
		return f.outputs[contract.KeyPipelineExecutionRoleARN]
	}
	return f.outputs[contract.KeyExecutionRoleARN]
}

// applyRoot makes the change, or finds that there is none to make.
func (l *Launcher) applyRoot(ctx context.Context, r request, root stack) (stack, error) {
	same, err := l.holds(ctx, root, r.template, r.parameters)
	if err != nil {
		return root, err
	}
	if !same {
		l.Progress.Line("%s: preparing the change", r.name)
		changed, err := l.apply(ctx, r)
		if !errors.Is(err, errNoChanges) {
			return changed, err
		}
	}
	l.Progress.Line("%s: no changes", r.name)
	return l.describe(ctx, r.name)
}

// rootRequest uploads an environment's templates and puts the root's parameters together.
func (l *Launcher) rootRequest(ctx context.Context, f foundation, env config.Environment, root stack, image string, o DeployOptions) (request, error) {
	r := request{
		name: contract.EnvironmentStackName(l.Config.Name, env.Name), environment: env.Name, nested: true, gate: o.gate,
		tags: tagsOf(l.Config.Name, env.Name, contract.StackRoot), by: contract.ChangeSetByPerson, role: l.role(f, o),
	}
	if o.ByPipeline {
		r.by = contract.ChangeSetByPipeline
	}
	t, err := l.rootTemplate(env)
	if err != nil {
		return r, err
	}
	r.template = t.text
	if r.url, err = l.uploadTemplate(ctx, f.bucket, contract.EnvironmentTemplate(env.Name, contract.StackRoot)); err != nil {
		return r, err
	}
	known, err := l.known(ctx, f, env, root)
	if err != nil {
		return r, err
	}
	known[contract.KeyImageURI], known[contract.KeyBeforeDeployImageURI] = image, image
	if _, asks := t.Parameters[contract.KeyVisitorImageURI]; asks {
		if known[contract.KeyVisitorImageURI], err = l.visitorImage(ctx, f, image); err != nil {
			return r, err
		}
	}
	if r.parameters, err = t.fill(l.asked(env), known); err != nil {
		return r, err
	}
	if o.ByPipeline {
		return r, l.pipelineStays(ctx, root, t, r.parameters)
	}
	return r, nil
}

// asked is what slipway.yaml gives an environment's root.
func (l *Launcher) asked(env config.Environment) map[string]string {
	if l.past != nil {
		return l.past.Parameters[env.Name]
	}
	return l.Config.RootParameters(env)
}

// known is what a root may be given besides what stands in slipway.yaml: the foundation's outputs, the URLs of the nested
// stacks' templates, which it uploads, and the zones: its own again, or on the first launch the Region's.
func (l *Launcher) known(ctx context.Context, f foundation, env config.Environment, root stack) (map[string]string, error) {
	known := maps.Clone(f.outputs)
	for key, path := range l.children(env) {
		url, err := l.uploadTemplate(ctx, f.bucket, path)
		if err != nil {
			return nil, err
		}
		known[key] = url
	}
	if env.Network.Exists() {
		return known, nil
	}
	zones, err := l.zones(ctx, env, root)
	for i, zone := range zones {
		known[contract.KeyZone(i)] = zone
	}
	return known, err
}

// zones keeps those that the stack has, since a subnet cannot move, and adds to them where slipway.yaml asks for more.
func (l *Launcher) zones(ctx context.Context, env config.Environment, root stack) ([]string, error) {
	var zones []string
	for i := range env.Network.Zones {
		if zone := root.parameters[contract.KeyZone(i)]; zone != "" && hasRun(root) {
			zones = append(zones, zone)
		}
	}
	if len(zones) == env.Network.Zones {
		return zones, nil
	}
	all, err := l.chooseZones(ctx, env.Network.Zones)
	for _, zone := range all {
		if len(zones) < env.Network.Zones && !slices.Contains(zones, zone) {
			zones = append(zones, zone)
		}
	}
	return zones, err
}

// printOutputs writes what a script needs as Key=Value lines.
func (l *Launcher) printOutputs(env config.Environment, image string, root stack) {
	fmt.Fprintf(l.Output, "Environment=%s\n", env.Name)
	for _, key := range []string{
		contract.KeyServiceURL, contract.KeyClusterName, contract.KeyServiceName, contract.KeyLogGroupName,
	} {
		if value := root.outputs[key]; value != "" {
			fmt.Fprintf(l.Output, "%s=%s\n", key, value)
		}
	}
	for _, key := range contract.PipelineKeys(root.outputs) {
		fmt.Fprintf(l.Output, "%s=%s\n", key, root.outputs[key])
	}
	fmt.Fprintf(l.Output, "%s=%s\n", contract.KeyImageURI, image)
}
