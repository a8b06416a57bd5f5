package operate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"slipway/internal/contract"
)

// Event is what happened to one resource of a stack.
type Event struct {
	Time     time.Time `json:"time" doc:"CloudFormation's time of it"`
	Stack    string    `json:"stack" doc:"where its stack is in the tree, such as slipway-demo-prod.ECS"`
	Resource string    `json:"resource" doc:"logical id; empty for the stack itself"`
	Type     string    `json:"type" doc:"such as AWS::ECS::Service"`
	ID       string    `json:"id" doc:"physical id, where there is one yet"`
	Status   string    `json:"status" doc:"such as CREATE_FAILED"`
	Reason   string    `json:"reason,omitempty" doc:"CloudFormation's reason, where it gives one"`
	Failed   bool      `json:"failed" doc:"the status is a failure"`
}

// began says whether this is the first event of an operation on a stack.
func (e Event) began() bool {
	return e.Resource == "" && slices.Contains([]types.ResourceStatus{
		types.ResourceStatusCreateInProgress, types.ResourceStatusUpdateInProgress, types.ResourceStatusDeleteInProgress, types.ResourceStatusImportInProgress,
	}, types.ResourceStatus(e.Status))
}

// EnvironmentEvents are those of an environment's stacks, oldest first, from a time on: where it is zero, those of the last
// operation on them.
func (o *Operator) EnvironmentEvents(ctx context.Context, environment string, since time.Time) ([]Event, error) {
	root, err := o.present(ctx, environment)
	if err != nil {
		return nil, err
	}
	return o.treeEvents(ctx, root, since)
}

// FoundationEvents are those of the foundation, and none where it is not there.
func (o *Operator) FoundationEvents(ctx context.Context, since time.Time) ([]Event, error) {
	name := contract.FoundationStackName(o.cfg.Name)
	s, err := o.describe(ctx, name, name)
	if err != nil || o.absence(s) != "" {
		return nil, err
	}
	return o.treeEvents(ctx, s, since)
}

// treeEvents merges the events of a stack and of those nested in it.
func (o *Operator) treeEvents(ctx context.Context, root Stack, since time.Time) ([]Event, error) {
	all, err := o.stackEvents(ctx, root.id, root.Place, since)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	if since.IsZero() {
		since = all[0].Time // the nested stacks' last operations may be older than the root's
	}
	known := map[string]bool{root.id: true}
	for i := 0; i < len(all); i++ { // grows as nested stacks are found
		e := all[i]
		if e.Type != stackType || e.Resource == "" || e.ID == "" || known[e.ID] {
			continue
		}
		known[e.ID] = true
		below, err := o.stackEvents(ctx, e.ID, e.Stack+"."+e.Resource, since)
		if err != nil && !noStack(err) {
			return nil, err
		}
		all = append(all, below...)
	}
	slices.SortStableFunc(all, func(a, b Event) int { return a.Time.Compare(b.Time) })
	return all, nil
}

// stackEvents are those of one stack, oldest first. CloudFormation gives the newest first, so reading ends at the first
// that is too old.
func (o *Operator) stackEvents(ctx context.Context, id, place string, since time.Time) ([]Event, error) {
	var events []Event
	pages := cloudformation.NewDescribeStackEventsPaginator(o.stacks, &cloudformation.DescribeStackEventsInput{StackName: &id})
	for done := false; pages.HasMorePages() && !done; {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the events of stack %s: %w", place, err)
		}
		for _, s := range page.StackEvents {
			e := toEvent(s, place)
			if done = e.Time.Before(since); done {
				break
			}
			events = append(events, e)
			if done = since.IsZero() && e.began(); done {
				break
			}
		}
	}
	slices.Reverse(events)
	return events, nil
}

func toEvent(s types.StackEvent, place string) Event {
	e := Event{
		Time: aws.ToTime(s.Timestamp).UTC(), Stack: place, Resource: aws.ToString(s.LogicalResourceId), Type: aws.ToString(s.ResourceType),
		ID: aws.ToString(s.PhysicalResourceId), Status: string(s.ResourceStatus), Reason: aws.ToString(s.ResourceStatusReason),
		Failed: strings.HasSuffix(string(s.ResourceStatus), "_FAILED"),
	}
	if e.ID == aws.ToString(s.StackId) {
		e.Resource = ""
	}
	return e
}
