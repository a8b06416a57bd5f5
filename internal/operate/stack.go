package operate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"slipway/internal/contract"
)

// Stack is one stack and what CloudFormation says of it.
type Stack struct {
	Name    string     `json:"name" doc:"CloudFormation's name of it"`
	Place   string     `json:"place" doc:"where it is in the tree, such as slipway-demo-prod.ECS"`
	Status  string     `json:"status" doc:"such as CREATE_COMPLETE; empty where there is no such stack"`
	Reason  string     `json:"reason,omitempty" doc:"CloudFormation's reason for the status, where it gives one"`
	Changed *time.Time `json:"changed,omitempty" doc:"when the last operation on it began"`

	id                        string
	parameters, outputs, tags map[string]string
}

// there says whether the stack exists and has held anything: one in review is only a name.
func (s Stack) there() bool {
	return s.Status != "" && s.Status != string(types.StackStatusDeleteComplete) && s.Status != string(types.StackStatusReviewInProgress)
}

// busy says whether CloudFormation is working on it.
func (s Stack) busy() bool { return s.there() && strings.HasSuffix(s.Status, "_IN_PROGRESS") }

// rolledBack says that its last update failed and the way back succeeded: it is what it was before.
func (s Stack) rolledBack() bool { return s.Status == string(types.StackStatusUpdateRollbackComplete) }

// well says whether it holds what it should.
func (s Stack) well() bool {
	switch types.StackStatus(s.Status) {
	case types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete,
		types.StackStatusImportComplete, types.StackStatusImportRollbackComplete:
		return true
	}
	return false
}

// describe asks for one stack by name or id. One that does not exist has no status.
func (o *Operator) describe(ctx context.Context, nameOrID, place string) (Stack, error) {
	out, err := o.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &nameOrID})
	if noStack(err) || err == nil && len(out.Stacks) == 0 {
		return Stack{Name: place, Place: place}, nil
	}
	if err != nil {
		return Stack{}, fmt.Errorf("describe stack %s: %w", place, err)
	}
	return toStack(out.Stacks[0], place), nil
}

// noStack says whether CloudFormation does not know the stack. It has no code of its own for that.
func noStack(err error) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && answer.ErrorCode() == "ValidationError" && strings.Contains(answer.ErrorMessage(), "does not exist")
}

func toStack(s types.Stack, place string) Stack {
	r := Stack{
		Name: aws.ToString(s.StackName), Place: place, Status: string(s.StackStatus), Reason: aws.ToString(s.StackStatusReason),
		Changed: s.LastUpdatedTime, id: aws.ToString(s.StackId),
		parameters: map[string]string{}, outputs: map[string]string{}, tags: map[string]string{},
	}
	if r.Changed == nil {
		r.Changed = s.CreationTime
	}
	for _, p := range s.Parameters {
		r.parameters[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	for _, p := range s.Outputs {
		r.outputs[aws.ToString(p.OutputKey)] = aws.ToString(p.OutputValue)
	}
	for _, t := range s.Tags {
		r.tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return r
}

// root is an environment's own stack.
func (o *Operator) root(ctx context.Context, environment string) (Stack, error) {
	name := contract.EnvironmentStackName(o.cfg.Name, environment)
	return o.describe(ctx, name, name)
}

// present is the root of an environment that is there, or an AbsentError.
func (o *Operator) present(ctx context.Context, environment string) (Stack, error) {
	root, err := o.root(ctx, environment)
	if err != nil {
		return root, err
	}
	if why := o.absence(root); why != "" {
		return root, &AbsentError{environment, why}
	}
	return root, nil
}

// absence says why a root is none of ours to look at; it is empty where it is.
func (o *Operator) absence(root Stack) string {
	switch {
	case root.Status == string(types.StackStatusReviewInProgress):
		return fmt.Sprintf("stack %s is only a name yet, since a launch was cut off before it made anything", root.Name)
	case !root.there():
		return fmt.Sprintf("there is no stack %s", root.Name)
	case root.tags[contract.TagName] != o.cfg.Name:
		return fmt.Sprintf("stack %s is not slipway's (it lacks the tag %s=%s)", root.Name, contract.TagName, o.cfg.Name)
	}
	return ""
}

const stackType = "AWS::CloudFormation::Stack"

// nested lists the stacks below one, each after its parent.
func (o *Operator) nested(ctx context.Context, parent Stack) ([]Stack, error) {
	var all []Stack
	pages := cloudformation.NewListStackResourcesPaginator(o.stacks, &cloudformation.ListStackResourcesInput{StackName: &parent.id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the resources of stack %s: %w", parent.Place, err)
		}
		for _, r := range page.StackResourceSummaries {
			id := aws.ToString(r.PhysicalResourceId)
			if aws.ToString(r.ResourceType) != stackType || id == "" {
				continue
			}
			child, err := o.describe(ctx, id, parent.Place+"."+aws.ToString(r.LogicalResourceId))
			if err != nil {
				return nil, err
			}
			all = append(all, child)
			if child.id == "" {
				continue // deleted since the list was made
			}
			below, err := o.nested(ctx, child)
			if err != nil {
				return nil, err
			}
			all = append(all, below...)
		}
	}
	return all, nil
}
