package operate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	smithytime "github.com/aws/smithy-go/time"

	"slipway/internal/awserr"
	"slipway/internal/contract"
)

// Line is one line that a container wrote.
type Line struct {
	Time      time.Time `json:"time" doc:"when it was written"`
	Container string    `json:"container" doc:"the application's is app; the others are the sidecars"`
	Task      string    `json:"task" doc:"id of the task"`
	Message   string    `json:"message" doc:"the line as it was written, without its end"`
}

// LogOptions say which lines are wanted.
type LogOptions struct {
	Environment string
	Task        string       // id, or its beginning; empty for all tasks, those that have stopped too
	Since       time.Time    // no line before it
	Follow      bool         // go on until the context ends
	Say         func(string) // is told what is no line: that a look failed and is repeated
}

const (
	// lateness is how long a line may be under way and still be shown in a log that is followed: the log driver sends
	// batches, and each task its own.
	lateness = 20 * time.Second
	// fullPage is as many events as an answer holds at the most
	// (docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html).
	fullPage = 10_000
)

// Logs visits the lines of an environment's containers, in the order of their time as far as they have arrived. Following,
// it ends with the context, and that is no error.
func (o *Operator) Logs(ctx context.Context, l LogOptions, visit func(Line) error) error {
	root, err := o.present(ctx, l.Environment)
	if err != nil {
		return err
	}
	t := tail{
		o: o, environment: l.Environment, group: root.outputs[contract.KeyLogGroupName], prefixes: o.streams(l.Task),
		since: l.Since, shown: map[string]shown{}, visit: visit,
	}
	if t.group == "" {
		return &AbsentError{l.Environment, fmt.Sprintf("stack %s has made no log group yet", root.Name)}
	}
	for {
		err := t.look(ctx)
		switch {
		case l.Follow && ctx.Err() != nil:
			return nil
		case err != nil && (!l.Follow || !Passing(err)):
			return err
		case err != nil:
			l.Say(fmt.Sprintf("%v; trying again", err))
		case !l.Follow:
			return nil
		}
		if err := smithytime.SleepWithContext(ctx, o.poll); err != nil {
			return nil
		}
	}
}

// streams are what the names of the wanted log streams begin with: PREFIX/CONTAINER/TASK
// (docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html), those of the tasks that run once included. ECS Exec
// logs its sessions beside them.
func (o *Operator) streams(task string) []string {
	kinds := []string{contract.LogStreamPrefix}
	if o.cfg.Service.BeforeDeploy.Runs() {
		kinds = append(kinds, contract.BeforeDeployStreamPrefix)
	}
	if o.cfg.Visits() {
		kinds = append(kinds, contract.VisitorStreamPrefix)
	}
	var prefixes []string
	for _, kind := range kinds {
		if task == "" {
			prefixes = append(prefixes, kind+"/")
			continue
		}
		prefixes = append(prefixes, contract.LogStream(kind, contract.ContainerName, task))
		for _, sidecar := range o.cfg.Service.Sidecars {
			prefixes = append(prefixes, contract.LogStream(kind, sidecar.Name, task))
		}
	}
	return prefixes
}

// Passing says whether a look is worth repeating: where the SDK itself would.
func Passing(err error) bool {
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// tail is how far a log was read.
type tail struct {
	o                  *Operator
	environment, group string
	prefixes           []string
	since              time.Time
	newest             time.Time        // of all lines shown
	shown              map[string]shown // lines that the next look will find again
	visit              func(Line) error
}

// shown is how often a line was shown. Lines with an id are one each; without ids the same text may come twice.
type shown struct {
	times int
	at    time.Time
}

// look visits what has come since the last look.
func (t *tail) look(ctx context.Context) error {
	from := t.since
	if late := t.newest.Add(-lateness); late.After(from) {
		from = late
	}
	for key, s := range t.shown {
		if s.at.Before(from) {
			delete(t.shown, key)
		}
	}
	found := map[string]int{} // in this look
	fresh := func(e types.FilteredLogEvent) bool {
		key := aws.ToString(e.EventId)
		if key == "" {
			key = fmt.Sprint(aws.ToString(e.LogStreamName), aws.ToInt64(e.Timestamp), aws.ToString(e.Message))
		}
		if found[key]++; found[key] <= t.shown[key].times {
			return false
		}
		t.shown[key] = shown{found[key], atOf(e)}
		return true
	}
	if len(t.prefixes) == 1 {
		return t.read(ctx, t.prefixes[0], from, func(e types.FilteredLogEvent) error {
			if !fresh(e) {
				return nil
			}
			return t.show(e)
		})
	}
	var all []types.FilteredLogEvent
	for _, prefix := range t.prefixes {
		err := t.read(ctx, prefix, from, func(e types.FilteredLogEvent) error {
			all = append(all, e)
			return nil
		})
		if err != nil {
			return err
		}
	}
	slices.SortStableFunc(all, func(a, b types.FilteredLogEvent) int { return atOf(a).Compare(atOf(b)) })
	for _, e := range all {
		if !fresh(e) {
			continue
		}
		if err := t.show(e); err != nil {
			return err
		}
	}
	return nil
}

// read visits the events of streams, from a time on, page by page. A full page is no end, even without a token.
func (t *tail) read(ctx context.Context, prefix string, from time.Time, visit func(types.FilteredLogEvent) error) error {
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &t.group, LogStreamNamePrefix: &prefix, StartTime: aws.Int64(from.UnixMilli())}
	for {
		page, err := t.o.logs.FilterLogEvents(ctx, in)
		if awserr.Is(err, "ResourceNotFoundException") {
			return &AbsentError{t.environment, fmt.Sprintf("its log group %s is gone", t.group)}
		}
		if err != nil {
			return fmt.Errorf("read the log group %s: %w", t.group, err)
		}
		for _, e := range page.Events {
			if strings.HasPrefix(aws.ToString(e.LogStreamName), prefix) {
				if err := visit(e); err != nil {
					return err
				}
			}
		}
		switch n := len(page.Events); {
		case page.NextToken != nil:
			in.NextToken = page.NextToken
		case n >= fullPage && aws.ToInt64(page.Events[n-1].Timestamp) > *in.StartTime:
			in.NextToken, in.StartTime = nil, page.Events[n-1].Timestamp
		default:
			return nil
		}
	}
}

func (t *tail) show(e types.FilteredLogEvent) error {
	at := atOf(e)
	if at.After(t.newest) {
		t.newest = at
	}
	line := Line{Time: at, Message: strings.TrimRight(aws.ToString(e.Message), "\r\n")}
	if parts := strings.SplitN(aws.ToString(e.LogStreamName), "/", 3); len(parts) == 3 {
		line.Container, line.Task = parts[1], parts[2]
	}
	return t.visit(line)
}

func atOf(e types.FilteredLogEvent) time.Time { return time.UnixMilli(aws.ToInt64(e.Timestamp)).UTC() }
