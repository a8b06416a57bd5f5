package launch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	smithytime "github.com/aws/smithy-go/time"

	"slipway/internal/cause"
	"slipway/internal/contract"
	"slipway/internal/plan"
)

var errNoChanges = errors.New("no changes")

// changeSetTimeout is how long a change set may take to be made; a nested one is made stack by stack.
const changeSetTimeout = 15 * time.Minute

// request is what a stack should come to hold.
type request struct {
	name        string
	environment string // or contract.StackFoundation
	template    string // its text, for the foundation: there is no bucket yet; at most 51,200 bytes
	url         string // or where it lies
	previous    bool   // or the one that the stack has
	parameters  map[string]string
	tags        map[string]string
	role        string // CloudFormation acts with it; empty: with the caller's rights
	by          string // prefix of the change set's name
	nested      bool   // whether the template nests stacks
	gate        *gate
	notes       []string                               // what a plan of it has to say besides
	told        bool                                   // its plan was shown already
	part        bool                                   // it is a part of a change whose plan was allowed as a whole
	blind       bool                                   // some values are stand-ins: there can be no change set of it
	begin       func(context.Context, plan.Plan) error // called when this is about to be done; nil: nothing
}

// apply makes a change set, shows it, executes it and follows it to its end. It returns errNoChanges where there is
// nothing to do.
func (l *Launcher) apply(ctx context.Context, r request) (stack, error) {
	current, todo, err := l.ready(ctx, r.name, r.role)
	if err != nil {
		return current, err
	}
	set, err := l.changeSet(ctx, r, todo)
	if _, failed := errors.AsType[*changeSetError](err); failed {
		return current, withCause(err, cause.Signal{Origin: cause.Stack, Text: err.Error()})
	}
	if err != nil {
		return current, err
	}
	p, err := l.look(ctx, r, current, set)
	if err == nil && r.begin != nil && !r.part {
		err = r.begin(ctx, p)
	}
	if err != nil {
		return current, errors.Join(err, l.dropChangeSet(ctx, set, todo))
	}
	token := newToken("execute")
	// By its name: the rights to execute and to drop one are held to that, and what the condition key is for an ARN no document says.
	_, err = l.aws.stacks.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{
		ChangeSetName: set.ChangeSetName, StackName: set.StackName, ClientRequestToken: aws.String(token),
	})
	// The SDK repeats a call whose answer was lost; the set is then executed already, and the token finds its operation.
	if err != nil && !is(err, alreadyExecuted) {
		return current, fmt.Errorf("execute the change set of stack %s: %w", r.name, Explain(err))
	}
	out, err := l.follow(ctx, aws.ToString(set.StackId), token, newWatch(current))
	if err != nil {
		return out.stack, err
	}
	if !succeeded(out.stack.status) {
		return out.stack, l.failed(map[step]string{create: "creation", update: "update"}[todo], out)
	}
	return out.stack, nil
}

// changeSet makes a change set over the stack and those nested in it. Where CloudFormation cannot make the nested ones,
// which happens with templates that are right, it says so and makes one over the root alone.
func (l *Launcher) changeSet(ctx context.Context, r request, todo step) (*cloudformation.DescribeChangeSetOutput, error) {
	if todo == update {
		if err := l.dropLeftovers(ctx, r); err != nil {
			return nil, err
		}
	}
	set, err := l.makeChangeSet(ctx, r, todo, r.nested)
	failed, ok := errors.AsType[*changeSetError](err)
	if !ok || failed.invalid || !r.nested || ctx.Err() != nil {
		return set, err
	}
	l.Progress.Line("%s: no preview of the nested stacks (%v); going on with the root's alone", r.name, err)
	return l.makeChangeSet(ctx, r, todo, false)
}

// dropLeftovers deletes the change sets that a run which was cut off has left, and names those of others. It is this run's turn:
// nobody makes one of this kind at the moment.
func (l *Launcher) dropLeftovers(ctx context.Context, r request) error {
	pages := cloudformation.NewListChangeSetsPaginator(l.aws.stacks, &cloudformation.ListChangeSetsInput{StackName: aws.String(r.name)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list the change sets of stack %s: %w", r.name, Explain(err))
		}
		for _, set := range page.Summaries {
			if strings.HasPrefix(string(set.ExecutionStatus), "EXECUTE_") {
				continue
			}
			switch name := aws.ToString(set.ChangeSetName); {
			case strings.HasPrefix(name, r.by):
				l.dropLeftover(ctx, r.name, name)
			case !strings.HasPrefix(name, contract.ChangeSetByPerson) && !strings.HasPrefix(name, contract.ChangeSetByPipeline):
				l.Progress.Line("%s: the change set %s is somebody else's and left alone; once this change is made CloudFormation deletes it, since it was made against what there is now", r.name, name)
			}
		}
	}
	return nil
}

// dropLeftover deletes one; that one is still there does no harm.
func (l *Launcher) dropLeftover(ctx context.Context, stack, name string) {
	_, err := l.aws.stacks.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: aws.String(name), StackName: aws.String(stack)})
	if err != nil {
		l.Progress.Line("%s: the change set %s, which an earlier run has left, cannot be deleted: %v", stack, name, err)
		return
	}
	l.Progress.Line("%s: deleted the change set %s, which an earlier run has left", stack, name)
}

func (l *Launcher) makeChangeSet(ctx context.Context, r request, todo step, nested bool) (*cloudformation.DescribeChangeSetOutput, error) {
	name := fmt.Sprintf("%s%d", r.by, time.Now().UnixNano())
	in := &cloudformation.CreateChangeSetInput{
		StackName:     aws.String(r.name),
		ChangeSetName: aws.String(name),
		ClientToken:   aws.String(name),
		ChangeSetType: types.ChangeSetTypeUpdate,
		Capabilities:  []types.Capability{types.CapabilityCapabilityNamedIam},
		Parameters:    toParameters(r.parameters),
		Tags:          toTags(r.tags),
	}
	if todo == create {
		in.ChangeSetType = types.ChangeSetTypeCreate
	}
	if nested {
		in.IncludeNestedStacks = aws.Bool(true)
	}
	if r.role != "" {
		in.RoleARN = aws.String(r.role)
	}
	switch {
	case r.previous:
		in.UsePreviousTemplate = aws.Bool(true)
	case r.url != "":
		in.TemplateURL = aws.String(r.url)
	default:
		in.TemplateBody = aws.String(r.template)
	}
	_, err := l.aws.stacks.CreateChangeSet(ctx, in)
	if is(err, noChanges) {
		return nil, errNoChanges
	}
	// Nobody else has this name: where it exists an earlier try of this very call made the set, and its answer was lost.
	if err != nil && !is(err, alreadyExists) {
		return nil, fmt.Errorf("create a change set for stack %s: %w", r.name, Explain(err))
	}
	return l.awaitChangeSet(ctx, r.name, name, todo)
}

// awaitChangeSet waits until the change set is complete. One that came to nothing is deleted again, and so is the empty
// stack that a change set for a new stack leaves.
func (l *Launcher) awaitChangeSet(ctx context.Context, name, id string, todo step) (*cloudformation.DescribeChangeSetOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, changeSetTimeout)
	defer cancel()
	for {
		set, err := l.wholeChangeSet(ctx, name, id)
		switch {
		case err != nil && !passing(err):
			return nil, fmt.Errorf("describe the change set of stack %s: %w", name, Explain(err))
		case err != nil:
		case set.Status == types.ChangeSetStatusCreateComplete:
			return set, nil
		case set.Status == types.ChangeSetStatusFailed:
			failure := errNoChanges
			if !emptyChangeSet(aws.ToString(set.StatusReason)) {
				failure = l.failedSet(ctx, name, set)
			}
			if err := l.dropChangeSet(ctx, set, todo); err != nil {
				return nil, err
			}
			return nil, failure
		}
		if err := smithytime.SleepWithContext(ctx, l.Poll); err != nil {
			return nil, fmt.Errorf("wait for the change set of stack %s: %w", name, err)
		}
	}
}

func (l *Launcher) dropChangeSet(ctx context.Context, set *cloudformation.DescribeChangeSetOutput, todo step) error {
	_, err := l.aws.stacks.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: set.ChangeSetName, StackName: set.StackName})
	if err != nil && !is(err, notFound) {
		l.Progress.Line("could not delete the change set %s: %v", aws.ToString(set.ChangeSetName), err)
	}
	if todo != create {
		return nil
	}
	husk, err := l.describe(ctx, aws.ToString(set.StackId))
	if err != nil || !husk.exists() {
		return err
	}
	return l.deleteStack(ctx, husk, "") // it holds nothing
}

// wholeChangeSet reads all pages of a change set, given by its ARN or by its name and its stack's.
func (l *Launcher) wholeChangeSet(ctx context.Context, stackName, id string) (*cloudformation.DescribeChangeSetOutput, error) {
	in := &cloudformation.DescribeChangeSetInput{ChangeSetName: aws.String(id), IncludePropertyValues: aws.Bool(true)}
	if stackName != "" {
		in.StackName = aws.String(stackName)
	}
	whole, err := l.aws.stacks.DescribeChangeSet(ctx, in)
	if err != nil {
		return nil, err
	}
	for token := whole.NextToken; token != nil; {
		in.NextToken = token
		page, err := l.aws.stacks.DescribeChangeSet(ctx, in)
		if err != nil {
			return nil, err
		}
		whole.Changes = append(whole.Changes, page.Changes...)
		token = page.NextToken
	}
	return whole, nil
}

// look shows what a change set and those nested in it would do, before any of it is done, and stops at what is risky.
func (l *Launcher) look(ctx context.Context, r request, current stack, set *cloudformation.DescribeChangeSetOutput) (plan.Plan, error) {
	if r.part {
		return plan.Plan{}, nil
	}
	p, err := l.planOf(ctx, r, current, l.changeSets(ctx, r.environment, set))
	if err != nil {
		return p, err
	}
	if !r.told {
		l.tell(p)
	}
	return p, r.mayDo(current, p)
}

// mayDo returns an error where a plan is risky and nobody allows it, or does what a protected stack forbids.
func (r request) mayDo(current stack, p plan.Plan) error {
	if replaced := p.Replaced(balancerType); current.protected && len(replaced) > 0 {
		return replacesProtected(r.name, replaced)
	}
	if err := r.gate.pass(p); err != nil {
		return fmt.Errorf("stack %s was not changed: %w", r.name, err)
	}
	return nil
}

func toParameters(m map[string]string) []types.Parameter {
	var list []types.Parameter
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, types.Parameter{ParameterKey: aws.String(key), ParameterValue: aws.String(m[key])})
	}
	return list
}

func toTags(m map[string]string) []types.Tag {
	var list []types.Tag
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(m[key])})
	}
	return list
}

func tagsOf(name, environment, stack string) map[string]string {
	tags := map[string]string{contract.TagName: name, contract.TagStack: stack}
	if environment != "" {
		tags[contract.TagEnvironment] = environment
	}
	return tags
}
