package launch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"slipway/internal/contract"
	"slipway/internal/lease"
	"slipway/internal/residue"
)

const (
	// deleteTries is how often a stack's deletion is tried: a late writer can put an object into a bucket that was empty.
	deleteTries = 3
	// goneTimeout is how long services may go on listing what was deleted.
	goneTimeout = 5 * time.Minute
)

// DestroyOptions say how a destroy is agreed to.
type DestroyOptions struct {
	// Wait is how long to wait for another run that has its turn.
	Wait time.Duration
	// Confirm is asked with what will be deleted, before anything is; nil never asks.
	Confirm func(what string) error
}

// Destroy takes everything of the application away, in this account and Region, and then asks each service for each
// resource that there was. It fails with a list where anything is left.
func (l *Launcher) Destroy(ctx context.Context, o DestroyOptions) error {
	if err := l.identify(ctx, l.regionGiven); err != nil {
		return err
	}
	found, err := l.findStacks(ctx)
	if err != nil {
		return err
	}
	record, err := l.openRecord()
	if err != nil {
		return err
	}
	if len(found) == 0 && record.empty() {
		l.Progress.Line("nothing of %s is in account %s, Region %s: no stack carries the tag %s=%s", l.Config.Name, l.account, l.AWS.Region, contract.TagName, l.Config.Name)
		return nil
	}
	if err := l.recordTrees(ctx, found, record); err != nil {
		return err
	}
	if err := l.agree(found, record, o); err != nil {
		return err
	}
	l.stopWriters(ctx, record)
	err = l.turn(ctx, bucketOf(found), "./scripts/destroy.sh", o.Wait, func(ctx context.Context, turn *lease.Lease) error {
		return l.takeAway(ctx, record, turn)
	})
	if err != nil {
		return err
	}
	return l.prove(ctx, record)
}

// bucketOf is the foundation's bucket, empty where none of the stacks is a foundation with one.
func bucketOf(found []stack) string {
	for _, s := range found {
		if s.tags[contract.TagStack] == contract.StackFoundation {
			return s.outputs[contract.KeyBucketName]
		}
	}
	return ""
}

// findStacks lists the application's stacks, roots first and the foundation last: those whose tag names it exactly and
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
			case s.tags[contract.TagStack] == contract.StackFoundation:
				foundations = append(foundations, s)
			default:
				roots = append(roots, s)
			}
		}
	}
	slices.SortFunc(roots, func(a, b stack) int { return strings.Compare(b.name, a.name) })
	return append(roots, foundations...), nil
}

// recordTrees writes down every physical id, in a file, before the first is deleted: afterwards CloudFormation no longer
// tells, and a destroy that was killed must still be able to prove its end.
func (l *Launcher) recordTrees(ctx context.Context, found []stack, r *record) error {
	for _, s := range found {
		resources, err := l.tree(ctx, s.id, s.name)
		if err != nil {
			return err
		}
		r.add(residue.Resource{StackName: s.name, LogicalID: s.name, Type: stackType, PhysicalID: s.id})
		for _, resource := range resources {
			if resource.Type == "AWS::Route53::RecordSet" { // its name may stand in other zones, too
				resource.PhysicalID = s.parameters[contract.KeyHostedZoneID] + "|" + resource.PhysicalID
			}
			r.add(resource)
		}
	}
	return r.save()
}

func (l *Launcher) agree(found []stack, r *record, o DestroyOptions) error {
	var b strings.Builder
	fmt.Fprintf(&b, "This deletes %s from account %s, Region %s, with all its data:\n", l.Config.Name, l.account, l.AWS.Region)
	for _, s := range found {
		fmt.Fprintf(&b, "  stack %s (%s)\n", s.name, s.status)
		if err := l.unprotected(s); err != nil {
			return err
		}
	}
	for _, kind := range []string{bucketType, "AWS::ECR::Repository", "AWS::Logs::LogGroup"} {
		for _, resource := range r.ofType(kind) {
			fmt.Fprintf(&b, "  everything in %s %s\n", strings.TrimPrefix(kind, "AWS::"), resource.PhysicalID)
		}
	}
	fmt.Fprintf(&b, "%d resources in all", len(r.Resources))
	l.Progress.Line("%s", b.String())
	if o.Confirm == nil {
		return nil
	}
	return o.Confirm(fmt.Sprintf("Delete %s from account %s, Region %s?", l.Config.Name, l.account, l.AWS.Region))
}

// takeAway deletes in this order: the roots, what the roots no longer hold, the foundation with its data. What another
// run made until this one had its turn is recorded first.
func (l *Launcher) takeAway(ctx context.Context, r *record, turn *lease.Lease) error {
	found, err := l.findAgain(ctx, r)
	if err != nil {
		return err
	}
	var roots, foundations []stack
	role := "" // the people's: a stack that the pipeline deployed last would be deleted with the pipeline's, which may not
	for _, s := range found {
		if s.tags[contract.TagStack] == contract.StackFoundation {
			foundations, role = append(foundations, s), s.outputs[contract.KeyExecutionRoleARN]
		} else {
			roots = append(roots, s)
		}
	}
	for _, s := range roots {
		if err := l.deleteUntilGone(ctx, s, role, r); err != nil {
			return err
		}
	}
	if err := l.sweepTaskDefinitions(ctx, r); err != nil {
		return err
	}
	if turn != nil {
		turn.Rest()
	}
	for _, s := range foundations {
		if err := l.deleteUntilGone(ctx, s, "", r); err != nil {
			return err
		}
	}
	return nil
}

// findAgain finds the stacks of the application once nobody else changes them: another run may have made more since they
// were shown, which may not be protected either, and may write.
func (l *Launcher) findAgain(ctx context.Context, r *record) ([]stack, error) {
	found, err := l.findStacks(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range found {
		if err := l.unprotected(s); err != nil {
			return nil, err
		}
	}
	known := len(r.Resources)
	if err := l.recordTrees(ctx, found, r); err != nil {
		return nil, err
	}
	if len(r.Resources) > known {
		l.stopWriters(ctx, r)
	}
	return found, nil
}

// deleteUntilGone deletes a stack, emptying its buckets and those of the stacks nested in it before each try.
func (l *Launcher) deleteUntilGone(ctx context.Context, s stack, role string, r *record) error {
	s, err := l.describe(ctx, s.id)
	if err == nil && inProgress(s.status) {
		if s, err = l.settle(ctx, s); err == nil && s.exists() {
			err = l.recordTrees(ctx, []stack{s}, r) // it may have made more meanwhile
		}
	}
	if err == nil && s.exists() {
		err = l.release(ctx, s)
	}
	for try := 1; err == nil && s.exists(); try++ {
		if err = l.emptyBuckets(ctx, r, s); err != nil {
			return err
		}
		l.Progress.Line("%s: deleting", s.name)
		if err = l.deleteStack(ctx, s, role); err != nil && try < deleteTries && ctx.Err() == nil {
			l.Progress.Line("%v\ntrying again (%d of %d)", err, try+1, deleteTries)
			err = nil
		}
		if err == nil {
			s, err = l.describe(ctx, s.id)
		}
	}
	return err
}

// prove asks for every recorded resource and forgets the record once nothing is left.
func (l *Launcher) prove(ctx context.Context, r *record) error {
	l.Progress.Line("asking each service for each of the %d resources", len(r.Resources))
	left, pending, err := residue.NewChecker(l.aws.config).Wait(ctx, r.Resources, goneTimeout, l.Poll)
	for _, f := range pending {
		l.Progress.Line("pending deletion: %s: %s %s", f.Resource, f.State, f.Note)
	}
	if err != nil {
		return fmt.Errorf("everything was deleted, but not all of it could be proven gone: %w\nrun ./scripts/destroy.sh again to ask once more", Explain(err))
	}
	if len(left) > 0 {
		var b strings.Builder
		fmt.Fprintf(&b, "%d of %d resources are left in account %s, Region %s:", len(left), len(r.Resources), l.account, l.AWS.Region)
		for _, f := range left {
			fmt.Fprintf(&b, "\n  %s: %s %s", f.Resource, f.State, f.Note)
		}
		b.WriteString("\nrun ./scripts/destroy.sh again, or delete them by hand")
		return fmt.Errorf("%s", b.String())
	}
	if err := r.forget(); err != nil {
		return err
	}
	l.Progress.Line("gone: %d of %d resources of %s in account %s, Region %s. Service-linked roles stay: other applications use them.",
		len(r.Resources)-len(pending), len(r.Resources), l.Config.Name, l.account, l.AWS.Region)
	return nil
}
