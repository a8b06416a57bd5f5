package launch

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// changeSetError says that CloudFormation could not make a change set.
type changeSetError struct {
	stack, reason string
	invalid       bool // it has found what cannot work; otherwise it may be the preview alone that fails
}

func (e *changeSetError) Error() string {
	return fmt.Sprintf("CloudFormation could not make the change set for stack %s: %s", e.stack, e.reason)
}

// nestedSetARN is in CloudFormation's reason where a nested change set failed, the first that did
// ("Nested change set ARN was not successfully created: Currently in FAILED.").
var nestedSetARN = regexp.MustCompile(`arn:[a-z-]+:cloudformation:[a-z0-9-]+:\d+:changeSet/[-a-zA-Z0-9]+/[-a-zA-Z0-9]+`)

// failedSet says why a change set failed: in its own words, in those of a nested one that it names, and in what CloudFormation found
// wrong with single resources, which its reason leaves out
// (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html).
func (l *Launcher) failedSet(ctx context.Context, name string, set *cloudformation.DescribeChangeSetOutput) error {
	failed := &changeSetError{stack: name, reason: aws.ToString(set.StatusReason)}
	found, err := l.validations(ctx, set)
	if id := nestedSetARN.FindString(failed.reason); id != "" {
		nested, lost := l.wholeChangeSet(ctx, "", id)
		if lost == nil {
			failed.reason += "\n  " + aws.ToString(nested.StatusReason)
			var more []validation
			more, err = l.validations(ctx, nested)
			found = append(found, more...)
		}
	}
	for _, v := range found {
		failed.reason += "\n  " + v.String()
		failed.invalid = failed.invalid || !v.warning
	}
	if err != nil && strings.Contains(failed.reason, "DescribeEvents") {
		failed.reason += fmt.Sprintf("\n  what that is cannot be read: %v", err)
	}
	return failed
}

// validation is something that CloudFormation found before it began.
type validation struct {
	resource, kind, reason, path string
	warning                      bool
}

func (v validation) String() string {
	text := fmt.Sprintf("%s (%s): %s", v.resource, v.kind, v.reason)
	if v.path != "" {
		text += " (at " + v.path + ")"
	}
	return text
}

// maxValidations is how many a change set is asked for: enough to mend something.
const maxValidations = 50

// validations are what CloudFormation has found wrong with a change set's resources. Endpoints that do not know the question give an
// error.
func (l *Launcher) validations(ctx context.Context, set *cloudformation.DescribeChangeSetOutput) ([]validation, error) {
	var found []validation
	pages := cloudformation.NewDescribeEventsPaginator(l.aws.stacks, &cloudformation.DescribeEventsInput{
		ChangeSetName: set.ChangeSetId, StackName: set.StackId, Filters: &types.EventFilter{FailedEvents: aws.Bool(true)},
	})
	for pages.HasMorePages() && len(found) < maxValidations {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return found, Explain(err)
		}
		for _, e := range page.OperationEvents {
			reason := cmp.Or(aws.ToString(e.ValidationStatusReason), aws.ToString(e.HookStatusReason), aws.ToString(e.ResourceStatusReason))
			if reason == "" {
				continue // the set's own failure, which its reason tells
			}
			found = append(found, validation{
				resource: aws.ToString(e.LogicalResourceId), kind: aws.ToString(e.ResourceType), reason: reason, path: aws.ToString(e.ValidationPath),
				warning: e.ValidationFailureMode == types.HookFailureModeWarn || e.HookFailureMode == types.HookFailureModeWarn,
			})
		}
	}
	return found, nil
}

// warnings are what CloudFormation has found that does not keep it from beginning. Where they cannot be read there are none: no
// change depends on them.
func (l *Launcher) warnings(ctx context.Context, set *cloudformation.DescribeChangeSetOutput) []string {
	found, _ := l.validations(ctx, set)
	var lines []string
	for _, v := range found {
		lines = append(lines, v.String())
	}
	return lines
}
