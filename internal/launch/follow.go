package launch

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	smithytime "github.com/aws/smithy-go/time"

	"slipway/internal/evidence"
	"slipway/internal/progress"
)

// startLooks is how often the first event of an operation is looked for before that itself is a fault.
const startLooks = 60

// event is one stack event, with the stack's place in the tree ("shop-prod.ECS") in place of its generated name.
type event struct {
	id, stack, logicalID, kind, physicalID, token string
	status                                        types.ResourceStatus
	reason                                        string
	at                                            time.Time
	own                                           bool   // of the stack itself
	stackName                                     string // its generated name
}

func (e event) failed() bool { return strings.HasSuffix(string(e.status), "_FAILED") }

// cancelled events and a parent's word about its child say that something failed, not what.
func (e event) echo() bool {
	return strings.HasPrefix(e.reason, "Resource ") && strings.HasSuffix(e.reason, " cancelled") || strings.Contains(e.reason, "The following resource(s) failed") ||
		strings.HasPrefix(e.reason, "Embedded stack ")
}

// place is where in the tree it happened: a stack's own events bear the stack's name alone.
func (e event) place() string {
	if e.own {
		return e.stack
	}
	return e.stack + "." + e.logicalID
}

// shorten leaves out what SDKs append about the request, and that a handler said it: neither says anything to a reader.
func shorten(reason string) string {
	short, _, _ := strings.Cut(reason, " (Service: ")
	short, _, _ = strings.Cut(short, " (RequestToken: ")
	if said, ok := strings.CutPrefix(short, `Resource handler returned message: "`); ok {
		return strings.TrimSuffix(said, `"`)
	}
	return short
}

// outcome is how an operation ended.
type outcome struct {
	stack    stack
	failures []event // in the order of time
	evidence evidence.Evidence
}

// first is the earliest real failure in the whole tree: not "cancelled", not a parent's echo of its child. Where there
// is no better one, the earliest failure of any sort.
func (o outcome) first() (event, bool) {
	for _, e := range o.failures {
		if !e.echo() {
			return e, true
		}
	}
	if len(o.failures) > 0 {
		return o.failures[0], true
	}
	return event{}, false
}

// follow reports the events of a stack and of all stacks nested in it as they come, until the operation with this token
// has ended; an empty token means the operation that is under way. It returns how that ended; err is set only where
// following itself could not go on.
func (l *Launcher) follow(ctx context.Context, id, token string, w *watch) (outcome, error) {
	f := follower{l: l, root: id, token: token, nested: map[string]*cursor{}}
	o := outcome{}
	line := l.newLine("stack " + id)
	for look := 1; ; look++ {
		s, err := l.describe(ctx, id)
		if err == nil {
			o.stack = s
			err = f.look(ctx, s.name, func(e event) {
				w.target.Since = f.from.Truncate(time.Second) // not every service tells parts of a second
				l.Progress.Event(progress.Event{Place: e.place(), Type: e.kind, Status: string(e.status), Reason: shorten(e.reason), At: e.at})
				if e.failed() {
					o.failures = append(o.failures, e)
				}
				w.see(e)
			})
		}
		switch {
		case ctx.Err() != nil:
			return o, fmt.Errorf("%w while following stack %s: CloudFormation goes on by itself; run the same command again to go on following", ErrInterrupted, cmp.Or(s.name, id))
		case err != nil && !passing(err):
			return o, err
		case err != nil:
			if err := line.lost(err); err != nil {
				return o, err
			}
			l.wait(ctx)
			continue
		case f.started() && !inProgress(s.status) && f.agrees(s.status):
			w.look(ctx, l, len(o.failures) > 0)
			o.evidence = w.found
			l.Progress.End()
			return o, nil
		case !f.started() && look > startLooks:
			return o, fmt.Errorf("stack %s: CloudFormation accepted the operation but shows no event of it; look at the stack in the console", s.name)
		}
		line.kept()
		w.look(ctx, l, len(o.failures) > 0)
		l.wait(ctx) // the next look says that it was interrupted
	}
}

// silenceTimeout is how long AWS may be out of reach before an operation is followed no more; it goes on by itself.
const silenceTimeout = 15 * time.Minute

// line is the connection to AWS while something there is followed. That it is lost for a while says nothing of what goes on.
type line struct {
	l    *Launcher
	what string
	last time.Time // when AWS last answered
	told string
}

func (l *Launcher) newLine(what string) *line { return &line{l: l, what: what, last: time.Now()} }

func (c *line) kept() { c.last, c.told = time.Now(), "" }

// lost tells what stands between, once, and gives up when that lasts too long.
func (c *line) lost(err error) error {
	if time.Since(c.last) > c.l.silence {
		return fmt.Errorf("%w while following %s: AWS could not be asked for %s: %w\nwhat AWS has begun goes on by itself; run the same command again to go on following", ErrInterrupted, c.what, c.l.silence, err)
	}
	if text := err.Error(); text != c.told {
		c.told = text
		c.l.Progress.Line("%v\ntrying again; what AWS has begun goes on meanwhile", err)
	}
	return nil
}

// wait waits until the next look, and lets the time that is shown go on.
func (l *Launcher) wait(ctx context.Context) {
	for left := l.Poll; left > 0 && ctx.Err() == nil; left -= time.Second {
		_ = smithytime.SleepWithContext(ctx, min(left, time.Second)) // the loop ends with the context
		l.Progress.Draw()
	}
}

// follower reads the events of a tree. CloudFormation gives the newest first, in pages, for each stack apart.
type follower struct {
	l      *Launcher
	root   string
	token  string
	from   time.Time // when the operation began, by CloudFormation's clock
	nested map[string]*cursor
	order  []string // nested stacks in the order of their appearance
	last   string   // id of the newest event of the root that was seen
	status string   // the root's own, by its newest event
	doubts int      // how often it was said to have ended, and not by its events
}

// cursor is how far a nested stack's events were read.
type cursor struct{ label, last string }

func (f *follower) started() bool { return !f.from.IsZero() }

// agrees says whether the events tell of the same end as the stack. They may come later, or the stack's description may be
// the one from before; where they go on to differ the description counts.
func (f *follower) agrees(end types.StackStatus) bool {
	f.doubts++
	return f.status == string(end) || f.doubts >= sureLooks
}

// look visits all events since the last look, in the order of time.
func (f *follower) look(ctx context.Context, name string, visit func(event)) error {
	fresh, err := f.rootEvents(ctx, name)
	if err != nil {
		return err
	}
	for _, e := range fresh {
		if e.physicalID == f.root {
			f.status = string(e.status)
		}
	}
	f.adopt(fresh)
	for i := 0; i < len(f.order); i++ { // a nested stack may bring further ones
		c := f.nested[f.order[i]]
		events, err := f.l.eventsSince(ctx, f.order[i], c.label, func(e event) bool { return e.id == c.last || e.at.Before(f.from) })
		if err != nil && !is(err, notFound) {
			return err
		}
		if len(events) > 0 {
			c.last = events[len(events)-1].id
		}
		f.adopt(events)
		fresh = append(fresh, events...)
	}
	slices.SortStableFunc(fresh, func(a, b event) int { return a.at.Compare(b.at) })
	for _, e := range fresh {
		visit(e)
	}
	return nil
}

// rootEvents reads on, or looks for the operation's beginning first.
func (f *follower) rootEvents(ctx context.Context, name string) ([]event, error) {
	if f.started() {
		events, err := f.l.eventsSince(ctx, f.root, name, func(e event) bool { return e.id == f.last })
		if len(events) > 0 {
			f.last = events[len(events)-1].id
		}
		return events, err
	}
	begun := false // going back in time, the newest event of the operation has been passed
	events, err := f.l.eventsSince(ctx, f.root, name, func(e event) bool {
		if f.token != "" {
			begun = begun || e.token == f.token
			return e.token != f.token
		}
		if begun {
			return true
		}
		begun = e.begins(f.root)
		return false
	})
	if err != nil || !begun || len(events) == 0 {
		return nil, err
	}
	f.from, f.last = events[0].at, events[len(events)-1].id
	return events, nil
}

// begins says whether this is the first event of an operation on the stack itself.
func (e event) begins(stackID string) bool {
	return e.physicalID == stackID && slices.Contains([]types.ResourceStatus{
		types.ResourceStatusCreateInProgress, types.ResourceStatusUpdateInProgress, types.ResourceStatusDeleteInProgress,
	}, e.status)
}

// adopt follows the nested stacks that these events speak of.
func (f *follower) adopt(events []event) {
	for _, e := range events {
		own := e.physicalID == f.root || e.physicalID == "" || e.kind != stackType
		if own || f.nested[e.physicalID] != nil {
			continue
		}
		f.nested[e.physicalID] = &cursor{label: e.stack + "." + e.logicalID}
		f.order = append(f.order, e.physicalID)
	}
}

// eventsSince reads a stack's events back to the first one for which stop is true, and returns them oldest first.
func (l *Launcher) eventsSince(ctx context.Context, id, label string, stop func(event) bool) ([]event, error) {
	var events []event
	pages := cloudformation.NewDescribeStackEventsPaginator(l.aws.stacks, &cloudformation.DescribeStackEventsInput{StackName: aws.String(id)})
	for done := false; pages.HasMorePages() && !done; {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the events of stack %s: %w", label, Explain(err))
		}
		for _, s := range page.StackEvents {
			e := toEvent(s, label)
			if done = stop(e); done {
				break
			}
			events = append(events, e)
		}
	}
	slices.Reverse(events)
	return events, nil
}

func toEvent(s types.StackEvent, label string) event {
	return event{
		id: aws.ToString(s.EventId), stack: label, logicalID: aws.ToString(s.LogicalResourceId), kind: aws.ToString(s.ResourceType),
		physicalID: aws.ToString(s.PhysicalResourceId), token: aws.ToString(s.ClientRequestToken), status: s.ResourceStatus,
		reason: aws.ToString(s.ResourceStatusReason), at: aws.ToTime(s.Timestamp),
		own: aws.ToString(s.PhysicalResourceId) == aws.ToString(s.StackId), stackName: aws.ToString(s.StackName),
	}
}
