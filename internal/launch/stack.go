package launch

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"slipway/internal/contract"
	"slipway/internal/residue"
)

// stack is what CloudFormation says of one stack; the zero value is a stack that does not exist.
type stack struct {
	name, id, parent string
	status           types.StackStatus
	reason           string
	parameters       map[string]string
	outputs          map[string]string
	tags             map[string]string
	protected        bool // termination protection
}

func (s stack) exists() bool {
	return s.status != noStack && s.status != types.StackStatusDeleteComplete
}

// empty says that nothing of the stack is there, or that nothing was left of it.
func (s stack) empty() bool {
	return !s.exists() || s.status == types.StackStatusReviewInProgress || s.status == types.StackStatusRollbackComplete
}

func (s stack) ours(name string) bool { return s.tags[contract.TagName] == name }

// describe asks for one stack by name or id.
func (l *Launcher) describe(ctx context.Context, name string) (stack, error) {
	out, err := l.aws.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(name)})
	if is(err, notFound) {
		return stack{name: name}, nil
	}
	if err != nil {
		return stack{}, fmt.Errorf("describe stack %s: %w", name, Explain(err))
	}
	if len(out.Stacks) != 1 { // one that does not exist is an error, never an empty answer
		return stack{}, fmt.Errorf("describe stack %s: the answer has %d stacks: it was cut off on its way; run the same command again", name, len(out.Stacks))
	}
	return toStack(out.Stacks[0]), nil
}

func toStack(s types.Stack) stack {
	r := stack{
		name: aws.ToString(s.StackName), id: aws.ToString(s.StackId), parent: aws.ToString(s.ParentId),
		status: s.StackStatus, reason: aws.ToString(s.StackStatusReason), protected: aws.ToBool(s.EnableTerminationProtection),
		parameters: map[string]string{}, outputs: map[string]string{}, tags: map[string]string{},
	}
	for _, p := range s.Parameters {
		r.parameters[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	for _, o := range s.Outputs {
		r.outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	for _, t := range s.Tags {
		r.tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return r
}

// templateOf is the text that a stack was last made from.
func (l *Launcher) templateOf(ctx context.Context, name string) (string, error) {
	out, err := l.aws.stacks.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: aws.String(name), TemplateStage: types.TemplateStageOriginal})
	if err != nil {
		return "", fmt.Errorf("get the template of stack %s: %w", name, Explain(err))
	}
	return aws.ToString(out.TemplateBody), nil
}

const stackType = "AWS::CloudFormation::Stack"

// tree lists every resource of a stack and of the stacks nested in it, the nested stacks themselves included.
func (l *Launcher) tree(ctx context.Context, id, name string) ([]residue.Resource, error) {
	own, err := l.resources(ctx, id, name)
	if err != nil {
		return nil, err
	}
	var all []residue.Resource
	for _, r := range own {
		all = append(all, r)
		if r.Type == stackType {
			nested, err := l.tree(ctx, r.PhysicalID, name+"."+r.LogicalID)
			if err != nil {
				return nil, err
			}
			all = append(all, nested...)
		}
	}
	return all, nil
}

// resources lists those of one stack that there are.
func (l *Launcher) resources(ctx context.Context, id, name string) ([]residue.Resource, error) {
	var all []residue.Resource
	pages := cloudformation.NewListStackResourcesPaginator(l.aws.stacks, &cloudformation.ListStackResourcesInput{StackName: aws.String(id)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the resources of stack %s: %w", name, Explain(err))
		}
		for _, s := range page.StackResourceSummaries {
			if aws.ToString(s.PhysicalResourceId) == "" || s.ResourceStatus == types.ResourceStatusDeleteComplete {
				continue
			}
			all = append(all, residue.Resource{
				StackName: name, LogicalID: aws.ToString(s.LogicalResourceId), Type: aws.ToString(s.ResourceType), PhysicalID: aws.ToString(s.PhysicalResourceId),
			})
		}
	}
	return all, nil
}

// settle waits for an operation that is already under way, whoever began it, and returns the stack as it then is.
func (l *Launcher) settle(ctx context.Context, s stack) (stack, error) {
	if !inProgress(s.status) {
		return s, nil
	}
	l.Progress.Line("%s: an operation is under way (%s); waiting for it to end", s.name, s.status)
	out, err := l.follow(ctx, s.id, "", newWatch(s))
	if err == nil && !out.stack.exists() {
		return stack{name: s.name}, nil // what it had is no more, though its id still tells
	}
	return out.stack, err
}

// rest brings a stack to where nothing moves and its last update is done or undone.
func (l *Launcher) rest(ctx context.Context, s stack, role string) (stack, error) {
	s, err := l.settle(ctx, s)
	if todo, _ := next(s.status); err == nil && todo == rollBack {
		s, err = l.rollBack(ctx, s, role)
	}
	if todo, _ := next(s.status); err != nil || todo != goBack {
		return s, err
	}
	return l.continueRollback(ctx, s, role)
}

// ready brings a stack to a status in which it can be created or updated, and says which of the two. A husk is deleted.
func (l *Launcher) ready(ctx context.Context, name, role string) (stack, step, error) {
	s, err := l.describe(ctx, name)
	if err == nil {
		s, err = l.rest(ctx, s, role)
	}
	if err != nil {
		return s, refuse, err
	}
	todo, why := next(s.status)
	switch todo {
	case refuse:
		return s, refuse, refused(s, why)
	case recreate:
		l.Progress.Line("%s: deleting what an earlier, failed launch left (%s)", name, s.status)
		if err := l.deleteHusk(ctx, s, role); err != nil {
			return s, refuse, err
		}
		return stack{name: name}, create, nil
	case update:
		return s, todo, l.nestedRest(ctx, s)
	}
	return s, todo, nil
}

// refused says why a stack cannot be changed.
func refused(s stack, why string) error {
	return fmt.Errorf("stack %s is in status %s: %s", s.name, s.status, why)
}

// nestedRest waits for nested stacks on which CloudFormation still works although their root is done, and refuses where one is in a
// status in which it cannot be updated: then the root's update would fail half-way, and go back.
func (l *Launcher) nestedRest(ctx context.Context, root stack) error {
	resources, err := l.tree(ctx, root.id, root.name)
	if err != nil {
		return err
	}
	for _, r := range resources {
		if r.Type != stackType {
			continue
		}
		s, err := l.describe(ctx, r.PhysicalID)
		if err == nil {
			s, err = l.settle(ctx, s)
		}
		if err != nil {
			return err
		}
		if todo, _ := next(s.status); todo != update {
			return fmt.Errorf("the nested stack %s.%s (%s) is in status %s, though its root is in %s: CloudFormation cannot update it, and takes it back only with its root; ask the AWS support to free it, or destroy the environment and launch it again",
				r.StackName, r.LogicalID, s.name, cmp.Or(string(s.status), "gone"), root.status)
		}
	}
	return nil
}

// deleteHusk deletes what a launch left that failed: also where its own rollback could not, since a protected load balancer
// stood in the way.
func (l *Launcher) deleteHusk(ctx context.Context, s stack, role string) error {
	if err := l.release(ctx, s); err != nil {
		return err
	}
	return l.deleteStack(ctx, s, role)
}

// deleteStack deletes one stack and waits until it is gone. CloudFormation acts with the role given; without one, with
// that of the stack's last operation.
func (l *Launcher) deleteStack(ctx context.Context, s stack, role string) error {
	token := newToken("delete")
	in := &cloudformation.DeleteStackInput{StackName: aws.String(s.id), ClientRequestToken: aws.String(token)}
	if role != "" {
		in.RoleARN = aws.String(role)
	}
	_, err := l.aws.stacks.DeleteStack(ctx, in)
	if err != nil {
		return fmt.Errorf("delete stack %s: %w", s.name, Explain(err))
	}
	out, err := l.follow(ctx, s.id, token, &watch{})
	if err != nil {
		return err
	}
	if out.stack.exists() {
		return l.failed("deletion", out)
	}
	return nil
}

// newToken marks one operation: CloudFormation puts it on every event that the operation causes.
func newToken(verb string) string {
	return fmt.Sprintf("slipway-%s-%d", verb, time.Now().UnixNano())
}
