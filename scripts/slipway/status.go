package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"slipway/internal/operate"
	"slipway/internal/release"
)

func (a *app) statusCommand() *cobra.Command {
	var l look
	var environments []string
	c := &cobra.Command{
		Use:   "status",
		Short: "Say what is running and whether it is well",
		Long: `Says for each environment which stacks there are and in which state, which release, image and commit run, how many tasks, whether the
load balancer finds them healthy, when the last deployment was and how it went, and whether what runs is what stack and release say.
It changes nothing. On AWS it takes the rights of the policy operate (docs/permissions.md).

Exit codes: 0 all environments asked for are healthy; 1 one is not healthy, or is changing, or could not be looked at;
2 the command line cannot be meant; 3 one is not there and the others are healthy.`,
		Example: `  ./scripts/status.sh
  ./scripts/status.sh --environment prod --json`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.status(c.Context(), l, environments) },
	}
	l.flags(c.Flags())
	c.Flags().StringArrayVarP(&environments, "environment", "e", nil, "environment to look at, by `name`; may be given several times (default: all)")
	return c
}

func (a *app) status(ctx context.Context, l look, environments []string) error {
	s, environments, err := a.seeThese(ctx, l.where, environments)
	if err != nil {
		return err
	}
	report, err := s.Status(ctx, environments)
	if err != nil {
		return told(ctx, err)
	}
	if l.json {
		err = a.printJSON(report)
	} else {
		_, err = io.WriteString(a.out, statusText(report, a.palette()))
	}
	if err != nil {
		return err
	}
	return verdict(report)
}

// verdict is the exit code that a report means; nil for 0.
func verdict(r operate.Report) error {
	missing := false
	for _, e := range r.Environments {
		switch e.State {
		case operate.Healthy:
		case operate.Absent:
			missing = true
		default:
			return exitCode(exitFailed)
		}
	}
	if missing {
		return exitCode(exitAbsent)
	}
	return nil
}

func statusText(r operate.Report, p palette) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in account %s, Region %s\n", r.Application, r.Account, r.Region)
	for _, e := range r.Environments {
		b.WriteString("\n" + environmentText(e, p))
	}
	status := r.Foundation.Status
	if status == "" {
		status = "not there"
	}
	fmt.Fprintf(&b, "\n%s  %s\n", r.Foundation.Name, status)
	return b.String()
}

func environmentText(e operate.Environment, p palette) string {
	var b strings.Builder
	row := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "  %-9s %s\n", label, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(&b, strings.TrimSpace(e.Name+"  "+stateText(e.State, p)+"  "+e.URL))
	for _, text := range e.Problems {
		row("problem", "%s", p.bad(text))
	}
	for _, text := range e.Changes {
		row("changing", "%s", p.mild(text))
	}
	for _, text := range e.Notes {
		row("note", "%s", text)
	}
	if e.State == operate.Absent {
		return b.String()
	}
	if e.Release != nil {
		row("release", "%s", releaseText(*e.Release))
	}
	if e.Image != nil {
		row("image", "%s", imageText(*e.Image))
	}
	if e.Held != nil {
		row("held", "%s", p.mild(heldText(*e.Held)))
	}
	if e.Tasks != nil {
		row("tasks", "%d of %d run, %d starting", e.Tasks.Running, e.Tasks.Desired, e.Tasks.Pending)
	}
	if e.Targets != nil {
		row("targets", "%d of %d healthy", e.Targets.Healthy, e.Targets.Total)
	}
	if e.Deployment != nil {
		row("deployed", "%s, %s", when(e.Deployment.Started), e.Deployment.State)
		row("drift", "%s", driftText(e.Drift, p))
	}
	for _, s := range e.Stacks {
		row("stack", "%s  %s  %s", s.Place, s.Status, p.dim(when(s.Changed)))
	}
	if e.Tasks != nil {
		for _, t := range e.Tasks.List {
			row("task", "%s  %s  %s  %s", t.ID, t.Status, t.Revision, p.dim(strings.TrimSpace(t.Zone+" "+when(t.Started))))
		}
	}
	return b.String()
}

func stateText(s operate.State, p palette) string {
	switch s {
	case operate.Healthy:
		return p.good(string(s))
	case operate.Unhealthy:
		return p.bad(string(s))
	}
	return p.mild(string(s))
}

// releaseText is the release that an environment holds.
func releaseText(r operate.Release) string {
	text := fmt.Sprintf("%d, %s of %s, %s", r.Number, r.Kind, when(&r.Began), r.Result)
	if r.Commit != "" {
		text += ", " + sourceText(release.Source{Commit: r.Commit, Dirty: r.Dirty})
	}
	return text
}

// imageText is the image with its commit, as far as that is known.
func imageText(i operate.Image) string {
	name := i.Digest
	if name == "" {
		name = i.Reference
	}
	switch {
	case i.Commit != "" && i.Dirty:
		return name + ", commit " + i.Commit + " with changes that were not committed"
	case i.Commit != "":
		return name + ", commit " + i.Commit
	case i.Source != "":
		return name + ", source " + i.Source
	}
	return name
}

func driftText(drift string, p palette) string {
	if drift == "" {
		return "none"
	}
	return p.bad(drift)
}

// when is a time as a person reads it.
func when(t *time.Time) string {
	if t == nil {
		return "not yet"
	}
	return fmt.Sprintf("%s (%s ago)", t.Local().Format(time.DateTime), rough(time.Since(*t)))
}

// rough is a time span in its largest unit.
func rough(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
