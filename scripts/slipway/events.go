package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"slipway/internal/operate"
)

func (a *app) eventsCommand() *cobra.Command {
	var l look
	var environments []string
	var since span
	c := &cobra.Command{
		Use:   "events",
		Short: "Show what happened to the stacks",
		Long: `Shows the events of all stacks in the order of their time, nested ones among those of their parents, failures marked with "!".
Without --since these are the events of the last operation on each environment and on the foundation. With --environment those of
the foundation are left out.

Exit codes: 0 the events were shown, whatever they tell; 1 they could not be read; 2 the command line cannot be meant; 3 an
environment that was named is not there, or nothing is.`,
		Example: `  ./scripts/events.sh
  ./scripts/events.sh --environment prod --since 24h --json`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.events(c.Context(), l, environments, since.start())
		},
	}
	l.flags(c.Flags())
	c.Flags().Var(&since, "since", "how far back to begin, as a `time span` such as 10m, 24h or 7d (default: with the last operation)")
	c.Flags().StringArrayVarP(&environments, "environment", "e", nil, "environment, by `name`; may be given several times (default: all, and the foundation)")
	return c
}

func (a *app) events(ctx context.Context, l look, environments []string, since time.Time) error {
	s, err := a.see(ctx, l.where)
	if err != nil {
		return err
	}
	if err := known(s.cfg, environments); err != nil {
		return err
	}
	all, err := s.eventsOf(ctx, environments, since)
	if err != nil {
		return told(ctx, err)
	}
	if len(all) == 0 {
		fmt.Fprintln(a.err, "nothing has happened in that time; --since goes further back")
	}
	return a.printEvents(all, l.json)
}

// eventsOf merges the events of these environments or, where none is named, of all that there are and of the foundation.
func (s sight) eventsOf(ctx context.Context, environments []string, since time.Time) ([]operate.Event, error) {
	if len(environments) > 0 {
		return s.merge(ctx, environments, since, false)
	}
	all, err := s.merge(ctx, names(s.cfg), since, true)
	foundation, foundationErr := s.FoundationEvents(ctx, since)
	if err := errors.Join(foundationErr, notAbsence(err)); err != nil {
		return nil, err
	}
	all = append(all, foundation...)
	if len(all) == 0 {
		return nil, err
	}
	slices.SortStableFunc(all, byTime)
	return all, nil
}

// merge reads environments one after the other. Lenient, it leaves out those that are not there, and returns the last
// AbsentError beside the events of the others.
func (s sight) merge(ctx context.Context, environments []string, since time.Time, lenient bool) (all []operate.Event, missing error) {
	for _, name := range environments {
		found, err := s.EnvironmentEvents(ctx, name, since)
		switch {
		case err == nil:
			all = append(all, found...)
		case lenient && absent(err):
			missing = err
		default:
			return nil, err
		}
	}
	slices.SortStableFunc(all, byTime)
	return all, missing
}

func byTime(a, b operate.Event) int { return a.Time.Compare(b.Time) }

// notAbsence is an error that is none about something not being there.
func notAbsence(err error) error {
	if absent(err) {
		return nil
	}
	return err
}

func (a *app) printEvents(events []operate.Event, asJSON bool) error {
	out, p := json.NewEncoder(a.out), a.palette()
	out.SetEscapeHTML(false)
	for _, e := range events {
		var err error
		if asJSON {
			err = out.Encode(e)
		} else {
			_, err = fmt.Fprintln(a.out, eventText(e, p))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func eventText(e operate.Event, p palette) string {
	place, what := e.Stack+"."+e.Resource, e.Type
	if e.Resource == "" {
		place, what = e.Stack, "the stack itself" // its parent tells the same of its resource of that name
	}
	text := fmt.Sprintf("%s  %s  %s  %s", e.Time.Local().Format(time.DateTime), place, e.Status, p.dim(what))
	if e.Reason != "" {
		text += "  " + e.Reason
	}
	if e.Failed {
		return p.bad("! " + text)
	}
	return "  " + text
}
