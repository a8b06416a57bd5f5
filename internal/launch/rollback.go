package launch

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// rollBack takes a stack whose update failed, with rollback switched off by whoever updated it, back to its last stable state. One
// that never had any CloudFormation deletes (docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackStack.html).
func (l *Launcher) rollBack(ctx context.Context, s stack, role string) (stack, error) {
	l.Progress.Line("%s: its last update failed with rollback switched off (%s): rolling it back", s.name, s.status)
	token := newToken("rollback")
	in := &cloudformation.RollbackStackInput{StackName: aws.String(s.id), ClientRequestToken: aws.String(token)}
	if role != "" {
		in.RoleARN = aws.String(role)
	}
	// As below: a call whose answer was lost is repeated.
	if _, err := l.aws.stacks.RollbackStack(ctx, in); err != nil && !is(err, alreadyGoingBack) {
		return s, fmt.Errorf("roll back stack %s: %w", s.name, Explain(err))
	}
	out, err := l.follow(ctx, s.id, token, newWatch(s))
	if err == nil && !out.stack.exists() {
		return stack{name: s.name}, nil
	}
	if todo, _ := next(out.stack.status); err == nil && todo == rollBack {
		err = l.failed("rollback", out)
	}
	return out.stack, err
}

// continueRollback takes a stack whose rollback failed back to what it was before its last update: first whole, since what
// stood in the way is often gone, then without the resources that could not be taken back, and so on until none or no new
// one fails (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-continueupdaterollback.html).
func (l *Launcher) continueRollback(ctx context.Context, s stack, role string) (stack, error) {
	l.Progress.Line("%s: its last update failed, and so did the way back (%s): continuing that", s.name, s.status)
	var skip []event
	for {
		out, err := l.tryRollback(ctx, s, role, skip)
		if err != nil || out.stack.status == types.StackStatusUpdateRollbackComplete {
			return out.stack, err
		}
		found := len(skip)
		for _, e := range out.failures {
			if e.holdsRollback() && !slices.ContainsFunc(skip, e.sameResource) {
				skip = append(skip, e)
				l.Progress.Line("%s cannot be taken back: %s", e.place(), shorten(e.reason))
			}
		}
		if len(skip) == found || out.stack.status != types.StackStatusUpdateRollbackFailed {
			return out.stack, l.failed("rollback", out)
		}
		l.Progress.Line("%s: continuing without %s: CloudFormation takes them as they are, and what they are may differ from their template until a change of theirs is deployed",
			s.name, strings.Join(toSkip(s, skip), ", "))
	}
}

// tryRollback continues a rollback once, without these resources, and follows it to its end.
func (l *Launcher) tryRollback(ctx context.Context, s stack, role string, skip []event) (outcome, error) {
	token := newToken("rollback")
	in := &cloudformation.ContinueUpdateRollbackInput{
		StackName: aws.String(s.id), ClientRequestToken: aws.String(token), ResourcesToSkip: toSkip(s, skip),
	}
	if role != "" {
		in.RoleARN = aws.String(role)
	}
	_, err := l.aws.stacks.ContinueUpdateRollback(ctx, in)
	// The SDK repeats a call whose answer was lost; the rollback then goes on already, and the token finds it.
	if err != nil && !is(err, alreadyGoingBack) {
		return outcome{stack: s}, fmt.Errorf("continue the rollback of stack %s: %w", s.name, Explain(err))
	}
	return l.follow(ctx, s.id, token, newWatch(s))
}

// holdsRollback says whether a rollback cannot go on for this resource: it failed itself, and was neither cancelled nor is
// it a nested stack, which fails for what is in it.
func (e event) holdsRollback() bool {
	return e.status == types.ResourceStatusUpdateFailed && e.kind != stackType && !e.echo()
}

func (e event) sameResource(other event) bool { return e.place() == other.place() }

// toSkip names resources as ContinueUpdateRollback wants them: one of a nested stack with that stack's own name before it,
// which is not its logical id (docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ContinueUpdateRollback.html).
func toSkip(root stack, events []event) []string {
	var names []string
	for _, e := range events {
		if e.stackName == root.name {
			names = append(names, e.logicalID)
		} else {
			names = append(names, e.stackName+"."+e.logicalID)
		}
	}
	return names
}
