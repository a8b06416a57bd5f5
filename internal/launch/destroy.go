package launch

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"slipway/internal/contract"
	"slipway/internal/lease"
	"slipway/internal/residue"
	"slipway/internal/template"
)

const (
	// deleteTries is how often a stack's deletion is tried: a late writer can put an object into a bucket that was empty.
	deleteTries = 3
	// goneTimeout is how long services may go on listing what was deleted.
	goneTimeout = 5 * time.Minute
)

// DestroyOptions say what a destroy takes away and how that is agreed to.
type DestroyOptions struct {
	// Environments to destroy, by name; the foundation and other environments stay. None named: everything.
	Environments []string
	// Protected names the protected environments that may go all the same.
	Protected []string
	// Wait is how long to wait for another run that has its turn.
	Wait time.Duration
	// Confirm is asked with what will be deleted, before anything is; nil never asks.
	Confirm func(what string) error
	// ConfirmName is asked about each protected environment that Protected does not name: a person has to type its name.
	// Nil: such an environment is refused.
	ConfirmName func(environment string) error
	// Told is given the report at the end, also of a destroy that has left something; nil: nobody is told.
	Told func(DestroyReport)
}

// removal is one destroy.
type removal struct {
	*Launcher
	DestroyOptions
	found  []stack // every stack of the application's, in the order of deletion
	record *record
	there  []residue.Resource // what the stacks that go have by now
}

// Destroy takes everything of the application away, or some of its environments, in this account and Region, and then asks
// each service for each resource that there was. It fails with a list where anything is left.
func (l *Launcher) Destroy(ctx context.Context, o DestroyOptions) error {
	r, err := l.removal(ctx, o)
	if err != nil {
		return err
	}
	if len(r.going()) == 0 && len(r.record.resources()) == 0 {
		return r.withoutStacks(ctx)
	}
	if err := r.agree(); err != nil {
		return err
	}
	if err := r.record.save(); err != nil {
		return err
	}
	r.stopWriters(ctx)
	if err := l.turn(ctx, bucketOf(r.found), "./scripts/destroy.sh", o.Wait, r.takeAway); err != nil {
		return err
	}
	return r.prove(ctx)
}

// withoutStacks is a destroy where there is no stack, nor a record of any: what carries the tag is looked for all the same.
func (r *removal) withoutStacks(ctx context.Context) error {
	report := NoReport(r.Config.Name, r.account, r.AWS.Region, false)
	strays, note := r.strays(ctx)
	report.addStrays(strays, note)
	is := "nothing"
	if !report.Empty() {
		is = "no stack"
	}
	r.Progress.Line("%s of %s is in account %s, Region %s: no stack carries the tag %s=%s", is, r.what(), r.account, r.AWS.Region, contract.TagName, r.Config.Name)
	if report.Empty() {
		for _, note := range report.Notes {
			r.Progress.Line("%s", note)
		}
	}
	if r.Told != nil {
		r.Told(report)
	}
	if len(report.Left) > 0 {
		return report.leftError()
	}
	return nil
}

// removal finds what there is and what earlier destroys have left unproven. It changes nothing.
func (l *Launcher) removal(ctx context.Context, o DestroyOptions) (*removal, error) {
	if err := l.identify(ctx, l.regionGiven); err != nil {
		return nil, err
	}
	r := &removal{Launcher: l, DestroyOptions: o}
	var roots []string
	for _, name := range o.Environments {
		roots = append(roots, contract.EnvironmentStackName(l.Config.Name, name))
	}
	if len(roots) > 0 { // one that was cut off has left it
		roots = append(roots, contract.RescueStackName(l.Config.Name))
	}
	var err error
	if r.found, err = l.findStacks(ctx); err != nil {
		return nil, err
	}
	if r.record, err = l.openRecord(roots); err != nil {
		return nil, err
	}
	if err := r.known(); err != nil {
		return nil, err
	}
	if err := r.recordTrees(ctx, r.going()); err != nil {
		return nil, err
	}
	return r, r.recordLeftovers(ctx)
}

// known refuses the name of an environment that there is not and never was.
func (r *removal) known() error {
	names := r.environmentNames()
	for _, s := range r.found {
		if name := r.environmentOf(s); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range slices.Concat(r.Environments, r.Protected) {
		recorded := slices.ContainsFunc(r.record.all, func(e entry) bool {
			return e.StackName == contract.EnvironmentStackName(r.Config.Name, name)
		})
		if !slices.Contains(names, name) && !recorded {
			return fmt.Errorf("there is no environment %q, neither in slipway.yaml nor in account %s, Region %s; there are %s", name, r.account, r.AWS.Region, strings.Join(names, ", "))
		}
	}
	for _, name := range r.Protected {
		if len(r.Environments) > 0 && !slices.Contains(r.Environments, name) {
			return fmt.Errorf("environment %s may go although it is protected, but --environment does not name it", name)
		}
	}
	return nil
}

// environmentOf names the environment whose root a stack is; a foundation is of none.
func (l *Launcher) environmentOf(s stack) string {
	if name := s.tags[contract.TagEnvironment]; name != "" {
		return name
	}
	for _, name := range l.environmentNames() { // a launch that was cut off has left no tags
		if s.name == contract.EnvironmentStackName(l.Config.Name, name) {
			return name
		}
	}
	return ""
}

func (s stack) isFoundation() bool { return s.tags[contract.TagStack] == contract.StackFoundation }

// going are the stacks that are to be deleted, and staying the others.
func (r *removal) going() []stack {
	return slices.DeleteFunc(slices.Clone(r.found), func(s stack) bool { return !r.record.covers(s.name) })
}

func (r *removal) staying() []stack {
	return slices.DeleteFunc(slices.Clone(r.found), func(s stack) bool { return r.record.covers(s.name) })
}

// what names that which is destroyed.
func (r *removal) what() string {
	switch len(r.Environments) {
	case 0:
		return r.Config.Name
	case 1:
		return fmt.Sprintf("environment %s of %s", r.Environments[0], r.Config.Name)
	}
	return fmt.Sprintf("environments %s of %s", strings.Join(r.Environments, ", "), r.Config.Name)
}

// bucketOf is the foundation's bucket, empty where none of the stacks is a foundation with one.
func bucketOf(found []stack) string {
	for _, s := range found {
		if s.isFoundation() {
			return s.outputs[contract.KeyBucketName]
		}
	}
	return ""
}

// findStacks lists the application's stacks in the order of their deletion: those whose tag names it exactly and
// that are nested in none, and what a launch that was cut off has left. Nothing is found by the beginning of its name: "shop-" also begins "shop-api-".
func (l *Launcher) findStacks(ctx context.Context) ([]stack, error) {
	var roots, foundations []stack
	pages := cloudformation.NewDescribeStacksPaginator(l.aws.stacks, &cloudformation.DescribeStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the stacks: %w", Explain(err))
		}
		for _, described := range page.Stacks {
			s := toStack(described)
			ours, err := l.belongs(ctx, s)
			switch {
			case err != nil:
				return nil, err
			case !ours || s.parent != "" || !s.exists():
			case s.isFoundation():
				foundations = append(foundations, s)
			default:
				roots = append(roots, s)
			}
		}
	}
	slices.SortFunc(roots, func(a, b stack) int {
		return cmp.Or(cmp.Compare(l.rank(b), l.rank(a)), strings.Compare(b.name, a.name))
	})
	slices.SortFunc(foundations, func(a, b stack) int { return strings.Compare(a.name, b.name) }) // its own before one for the while
	return append(roots, foundations...), nil
}

// rank orders the roots as they are made: as slipway.yaml has them, those that it names no more after them, and the
// pipeline's home last, since a pipeline deploys to the others. They are deleted in reverse.
func (l *Launcher) rank(s stack) int {
	name := l.environmentOf(s)
	i := slices.Index(l.environmentNames(), name)
	switch {
	case len(contract.PipelineKeys(s.outputs)) > 0 || name == l.Config.Pipeline.Environment:
		return len(l.Config.Environments) + 1
	case i < 0:
		return len(l.Config.Environments)
	}
	return i
}

// recordTrees notes every physical id before the first is deleted: afterwards CloudFormation no longer tells, and a destroy
// that was killed must still be able to prove its end.
func (r *removal) recordTrees(ctx context.Context, stacks []stack) error {
	r.there = nil
	for _, s := range stacks {
		resources, err := r.tree(ctx, s.id, s.name)
		if err != nil {
			return err
		}
		policies, err := r.policies(ctx, s, resources)
		if err != nil {
			return err
		}
		r.record.add(entry{Resource: residue.Resource{StackName: s.name, LogicalID: s.name, Type: stackType, PhysicalID: s.id}})
		for _, resource := range resources {
			policy := policies[resource.StackName+"."+resource.LogicalID]
			if resource.Type == "AWS::Route53::RecordSet" { // its name may stand in other zones, too
				resource.PhysicalID = s.parameters[contract.KeyHostedZoneID] + "|" + resource.PhysicalID
			}
			r.record.add(entry{resource, policy.keep, policy.former})
			if policy.keep == "" {
				r.there = append(r.there, resource)
			}
		}
	}
	return nil
}

// policies are what the template has a resource outlive: its deletion (DeletionPolicy), another in its place
// (UpdateReplacePolicy). Empty where it does not.
type policies struct{ keep, former string }

// policies finds those of what the templates of a tree keep, by its place in it (shop-prod.ECS.LogGroup). What is in a stack that is
// kept is kept as well.
func (l *Launcher) policies(ctx context.Context, root stack, resources []residue.Resource) (map[string]policies, error) {
	found := map[string]policies{}
	stacks := []residue.Resource{{StackName: "", LogicalID: root.name, Type: stackType, PhysicalID: root.id}}
	for _, r := range resources { // each nested stack before what it holds
		if r.Type == stackType {
			stacks = append(stacks, r)
		}
	}
	for _, s := range stacks {
		place := strings.TrimPrefix(s.StackName+"."+s.LogicalID, ".")
		text, err := l.templateOf(ctx, s.PhysicalID)
		if is(err, notFound) || err == nil && text == "" {
			continue // a stack that was cut off in its making has none
		}
		if err != nil {
			return nil, err
		}
		t, err := template.Parse([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("find out what stack %s keeps: %w", place, err)
		}
		for id, r := range t.Resources {
			p := policies{cmp.Or(found[place].keep, keeping(r, "DeletionPolicy")), keeping(r, "UpdateReplacePolicy")}
			if p != (policies{}) {
				found[place+"."+id] = p
			}
		}
	}
	return found, nil
}

// keeping is a policy of a resource's, empty where that is to delete.
func keeping(r template.Resource, attribute string) string {
	policy, _ := r.Attributes[attribute].(string)
	return strings.TrimPrefix(policy, "Delete")
}

// agree says what goes and what stays, and has that agreed to, protected environments by their names.
func (r *removal) agree() error {
	var b strings.Builder
	fmt.Fprintf(&b, "This deletes %s from account %s, Region %s, with all its data:\n", r.what(), r.account, r.AWS.Region)
	for _, s := range r.going() {
		fmt.Fprintf(&b, "  stack %s (%s)\n", s.name, s.status)
	}
	for _, kind := range []string{bucketType, "AWS::ECR::Repository", "AWS::Logs::LogGroup"} {
		for _, resource := range r.record.ofType(kind) {
			with := ""
			if kind == bucketType && resource.StackName == contract.FoundationStackName(r.Config.Name) {
				with = ": sources, templates, artifacts, the records of all releases"
			}
			fmt.Fprintf(&b, "  everything in %s %s%s\n", strings.TrimPrefix(kind, "AWS::"), resource.PhysicalID, with)
		}
	}
	fmt.Fprintf(&b, "%d resources in all", len(r.record.resources()))
	for _, e := range r.record.kept() {
		fmt.Fprintf(&b, "\nstays: %s (%s)", e.Resource, e.Keep)
	}
	for _, consequence := range r.consequences() {
		b.WriteString("\n" + consequence)
	}
	r.Progress.Line("%s", b.String())
	asked, err := r.mayGo(r.going())
	if err != nil || asked || r.Confirm == nil {
		return err
	}
	return r.Confirm(fmt.Sprintf("Delete %s from account %s, Region %s?", r.what(), r.account, r.AWS.Region))
}

// consequences are what a destroy of some environments means for the rest.
func (r *removal) consequences() []string {
	if len(r.Environments) == 0 {
		return nil
	}
	var stay, others, texts []string
	pipeline := "" // the stack whose pipeline goes on
	for _, s := range r.staying() {
		name := r.environmentOf(s)
		if s.isFoundation() {
			stay = append([]string{"the foundation, and in its bucket the records of the releases"}, stay...)
			continue
		}
		stay, others = append(stay, "environment "+name), append(others, name)
		if len(contract.PipelineKeys(s.outputs)) > 0 {
			pipeline = name
		}
	}
	if len(stay) > 0 {
		texts = append(texts, "stay: "+strings.Join(stay, ", "))
	}
	for _, s := range r.going() {
		name := r.environmentOf(s)
		switch {
		case len(r.record.pipelinesOf(s)) > 0 && len(others) > 0:
			texts = append(texts, fmt.Sprintf("the pipeline lives in %s and goes with it: until %[1]s is deployed again no commit reaches %s", name, strings.Join(others, ", ")))
		case pipeline != "" && slices.Contains(r.environmentNames(), name):
			texts = append(texts, fmt.Sprintf("the pipeline, in %s, stays and deploys to %s as well: the next commit brings %[2]s up again, unless slipway.yaml names it no more and ./scripts/deploy.sh --environment %[1]s --image keep has run", pipeline, name))
		}
	}
	if len(others) == 0 && len(stay) > 0 {
		texts = append(texts, "no environment is left then; ./scripts/destroy.sh without --environment takes the foundation away, too")
	}
	return texts
}

// takeAway deletes in this order: the roots, what the roots no longer hold, the foundation with its data. What another
// run made until this one had its turn is recorded first.
func (r *removal) takeAway(ctx context.Context, turn *lease.Lease) error {
	if err := r.findAgain(ctx); err != nil {
		return err
	}
	role := "" // the people's: a stack that the pipeline deployed last would be deleted with the pipeline's, which may not
	for _, s := range r.found {
		if s.isFoundation() {
			role = s.outputs[contract.KeyExecutionRoleARN]
		}
	}
	for _, s := range r.going() {
		if s.isFoundation() {
			continue
		}
		err := r.deleteUntilGone(ctx, s, role)
		if is(err, roleGone) {
			if role, err = r.otherRole(ctx); err == nil {
				err = r.deleteUntilGone(ctx, s, role)
			}
		}
		if err != nil {
			return err
		}
	}
	if err := r.sweep(ctx); err != nil {
		return err
	}
	for _, s := range r.going() {
		if !s.isFoundation() {
			continue
		}
		if turn != nil {
			turn.Rest()
		}
		if err := r.deleteUntilGone(ctx, s, ""); err != nil {
			return err
		}
	}
	return nil
}

// findAgain finds the stacks of the application once nobody else changes them: another run may have made more since they
// were shown, which may be protected, and may write.
func (r *removal) findAgain(ctx context.Context) (err error) {
	if r.found, err = r.findStacks(ctx); err != nil {
		return err
	}
	if _, err := r.mayGo(r.going()); err != nil {
		return err
	}
	known := len(r.record.all)
	if err := r.recordTrees(ctx, r.going()); err != nil {
		return err
	}
	if err := r.recordLeftovers(ctx); err != nil {
		return err
	}
	if len(r.record.all) == known {
		return nil
	}
	if err := r.record.save(); err != nil {
		return err
	}
	r.stopWriters(ctx)
	return nil
}

// deleteUntilGone deletes a stack, emptying its buckets and those of the stacks nested in it before each try.
func (r *removal) deleteUntilGone(ctx context.Context, s stack, role string) error {
	s, err := r.describe(ctx, s.id)
	if err == nil && inProgress(s.status) {
		if s, err = r.settle(ctx, s); err == nil && s.exists() {
			if err = r.recordTrees(ctx, []stack{s}); err == nil { // it may have made more meanwhile
				if err = r.recordLeftovers(ctx); err == nil {
					err = r.record.save()
				}
			}
		}
	}
	if err == nil && s.protected {
		err = r.setProtection(ctx, s, false)
	}
	for try := 1; err == nil && s.exists(); try++ {
		if err = r.release(ctx, s); err != nil {
			return err
		}
		if err = r.emptyBuckets(ctx, s); err != nil {
			return err
		}
		r.Progress.Line("%s: deleting", s.name)
		if err = r.deleteStack(ctx, s, role); err != nil && try < deleteTries && ctx.Err() == nil && !is(err, roleGone) {
			r.Progress.Line("%v\ntrying again (%d of %d)", err, try+1, deleteTries)
			err = r.untilFreed(ctx, err)
		}
		if err == nil {
			s, err = r.describe(ctx, s.id)
		}
	}
	return err
}

// prove asks for every recorded resource and forgets the record once nothing is left. It reports in any case.
func (r *removal) prove(ctx context.Context) error {
	resources := r.record.resources()
	r.Progress.Line("asking each service for each of the %d resources", len(resources))
	left, pending, err := residue.NewChecker(r.aws.config).Wait(ctx, resources, r.vanishing, r.Poll)
	report := r.report(false)
	report.outcome(resources, r.record.kept(), left, pending, residue.Unanswered(err))
	report.addStrays(r.strays(ctx))
	if ctx.Err() == nil {
		report.file = r.keepReport(report)
		if r.Told != nil {
			r.Told(report)
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("everything was deleted, but not all of it could be proven gone: %w\nrun ./scripts/destroy.sh again to ask once more", Explain(err))
	case len(report.Left) > 0:
		return report.leftError()
	}
	if err := r.record.forget(); err != nil {
		return err
	}
	r.Progress.Line("gone: %d of %d resources of %s in account %s, Region %s", len(resources)-len(pending), len(resources), r.what(), r.account, r.AWS.Region)
	return nil
}
