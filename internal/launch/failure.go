package launch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"slipway/internal/cause"
	"slipway/internal/evidence"
)

// Failure is an operation that failed, with its cause and all that was found about it. As an error it is a few lines
// for a person; its JSON is complete, and bounded.
type Failure struct {
	Operation string                 `json:"operation"`        // such as "update of stack shop-prod"
	Status    string                 `json:"status,omitempty"` // of the stack, afterwards
	At        time.Time              `json:"at"`               // when it was noticed, by this machine's clock
	Cause     cause.Cause            `json:"cause"`
	First     *FailedEvent           `json:"first,omitempty"`  // the earliest real failure in the tree of stacks
	Events    []FailedEvent          `json:"events,omitempty"` // all failures, in the order of time, at most 50
	Evidence  *evidence.Evidence     `json:"evidence,omitempty"`
	Build     *evidence.BuildFailure `json:"build,omitempty"`

	what string   // the first line
	told []string // lines of evidence
	file string   // where the whole is kept, or why it is not
}

// FailedEvent is a failure of one resource, as CloudFormation tells it.
type FailedEvent struct {
	Place  string    `json:"place"` // in the tree of stacks, such as shop-prod.ECS.Service
	Type   string    `json:"type"`
	Status string    `json:"status"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

const (
	maxFailedEvents = 50
	maxReason       = 400 // characters of the first failure's reason in the terminal
	maxReports      = 20  // files that are kept
	serviceType     = "AWS::ECS::Service"
)

// Error is at most 13 lines: what failed, its cause, the first failure, what was found, what to do, where the rest is.
func (f *Failure) Error() string {
	lines := []string{f.what, "cause: " + f.Cause.String()}
	if f.First != nil {
		reason := []rune(cmp.Or(f.First.Reason, "no reason given"))
		if len(reason) > maxReason {
			reason = append(reason[:maxReason-1], '…')
		}
		lines = append(lines, fmt.Sprintf("first failure: %s (%s): %s", f.First.Place, f.First.Type, string(reason)))
	}
	lines = append(append(lines, f.told...), "next: "+f.Cause.Next)
	if f.file != "" {
		lines = append(lines, f.file)
	}
	return strings.Join(lines, "\n")
}

func toFailed(e event) FailedEvent {
	return FailedEvent{Place: e.place(), Type: e.kind, Status: string(e.status), Reason: evidence.Clean(shorten(e.reason)), At: e.at}
}

// failed makes the failure of a stack's operation ("update") from what following it has shown.
func (l *Launcher) failed(what string, o outcome) error {
	f := &Failure{Operation: what + " of stack " + o.stack.name, Status: string(o.stack.status), Evidence: &o.evidence}
	f.what = fmt.Sprintf("the %s failed: it is now %s", f.Operation, cmp.Or(f.Status, "gone"))
	var signals []cause.Signal
	first, found := o.first()
	if found {
		f.First = new(toFailed(first))
		signals = append(signals, cause.Signal{Origin: cause.Stack, Resource: first.place(), Text: evidence.Clean(first.reason)})
	} else if o.stack.reason != "" {
		f.what += ": " + shorten(o.stack.reason)
		signals = append(signals, cause.Signal{Origin: cause.Stack, Resource: o.stack.name, Text: evidence.Clean(o.stack.reason)})
	}
	for _, e := range o.failures[:min(len(o.failures), maxFailedEvents)] {
		f.Events = append(f.Events, toFailed(e))
	}
	// What tasks and targets say explains a service that failed, and nothing else: they end for many reasons.
	if !found || first.kind == serviceType || first.echo() {
		signals = append(signals, o.evidence.Signals()...)
		f.told = o.evidence.Explain()
	}
	f.Cause = cause.Find(signals)
	return l.keep(f)
}

// serviceFailed makes the failure of a service whose stack is complete.
func (l *Launcher) serviceFailed(ctx context.Context, w *watch, what string) error {
	e := evidence.Collect(ctx, l.aws.evidence(), w.target)
	f := &Failure{Operation: "deployment of the service", Evidence: &e, what: what, told: e.Explain(), Cause: cause.Find(e.Signals())}
	return l.keep(f)
}

// buildFailed makes the failure of a build ("image build").
func (l *Launcher) buildFailed(what string, b evidence.BuildFailure) error {
	return l.keep(&Failure{Operation: what, Build: &b, what: "the " + what + " failed", told: b.Explain(), Cause: cause.Find(b.Signals())})
}

// keep writes the failure into a file of its own and returns it. That the file cannot be written hides nothing else.
func (l *Launcher) keep(f *Failure) error {
	f.At = time.Now().UTC()
	text, err := json.MarshalIndent(f, "", "  ")
	folder := filepath.Join(l.Records, "failures")
	if err == nil {
		err = os.MkdirAll(folder, 0o755)
	}
	name := filepath.Join(folder, f.At.Format("20060102T150405.000Z")+"-"+strings.ReplaceAll(f.Operation, " ", "-")+".json")
	if err == nil {
		err = os.WriteFile(name, append(text, '\n'), 0o600)
	}
	if err == nil {
		err = prune(folder)
	}
	if err != nil {
		f.file = fmt.Sprintf("the whole report could not be kept: %v", err)
		return f
	}
	f.file = "whole report: " + cmp.Or(l.Reports, shown(name))
	return f
}

// shown is a file as one would name it from the working directory.
func shown(name string) string {
	here, err := os.Getwd()
	if err != nil {
		return name
	}
	if relative, err := filepath.Rel(here, name); err == nil && filepath.IsLocal(relative) {
		return relative
	}
	return name
}

// prune keeps the newest reports; their names begin with their time.
func prune(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	names := slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return filepath.Ext(e.Name()) != ".json" })
	for _, e := range names[:max(0, len(names)-maxReports)] {
		if err := os.Remove(filepath.Join(folder, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
