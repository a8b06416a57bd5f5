package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"slipway/internal/release"
)

// releasesShown is how many of an environment's releases are shown where nobody says.
const releasesShown = 20

func (a *app) releasesCommand() *cobra.Command {
	var l look
	var environments []string
	var limit int
	c := &cobra.Command{
		Use:   "releases",
		Short: "Show what was deployed, by whom, and how it went",
		Long: `Shows the releases of each environment, newest first: every deployment that changed it, by hand or by the pipeline, with its result.
What the environment holds now is marked with "*". An unfinished one goes on, or was cut off. What cannot be read is shown as such.
Records are kept in the foundation's bucket and go with it. On AWS it takes the rights of the policy operate (docs/permissions.md).

Exit codes: 0 they were shown, whatever they tell; 1 they could not be read; 2 the command line cannot be meant; 3 there are none.`,
		Example: `  ./scripts/releases.sh
  ./scripts/releases.sh --environment prod --limit 3
  ./scripts/releases.sh --json`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 0 {
				return usageError{fmt.Errorf("--limit %d: give how many to show, or 0 for all", limit)}
			}
			return a.releases(c.Context(), l, environments, limit)
		},
	}
	l.flags(c.Flags())
	c.Flags().StringArrayVarP(&environments, "environment", "e", nil, "environment, by `name`; may be given several times (default: all)")
	c.Flags().IntVar(&limit, "limit", releasesShown, "how `many` of each environment to show, the newest first; 0 for all")
	return c
}

// listed is a release as --json has it.
type listed struct {
	release.Record
	Current bool `json:"current" doc:"the environment holds it now, as far as releases tell"`
}

func (a *app) releases(ctx context.Context, l look, environments []string, limit int) error {
	s, environments, err := a.seeThese(ctx, l.where, environments)
	if err != nil {
		return err
	}
	store, err := s.Releases(ctx)
	if err != nil {
		return told(ctx, err)
	}
	total := 0
	for _, name := range environments {
		records, err := store.List(ctx, name, limit)
		if err != nil {
			return told(ctx, err)
		}
		total += len(records)
		if err := a.printReleases(name, records, l.json); err != nil {
			return err
		}
	}
	if total == 0 {
		return fmt.Errorf("%w: nothing has been released to %s yet", release.ErrNone, strings.Join(environments, ", "))
	}
	return nil
}

func (a *app) printReleases(environment string, records []release.Record, asJSON bool) error {
	current, _ := release.Current(records)
	if !asJSON {
		_, err := io.WriteString(a.out, releasesText(environment, records, current, a.palette()))
		return err
	}
	for _, r := range records {
		text, err := json.Marshal(listed{r, current != nil && r.Number == current.Number})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(a.out, "%s\n", text); err != nil {
			return err
		}
	}
	return nil
}

func releasesText(environment string, records []release.Record, current *release.Record, p palette) string {
	if len(records) == 0 {
		return environment + "\n  none yet\n"
	}
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(&b, environment)
	for _, r := range records {
		mark := " "
		if current != nil && r.Number == current.Number {
			mark = "*"
		}
		fmt.Fprintf(table, "%s %4d\t%s\t%s\t%s\t%s\t%s\n", mark, r.Number, r.Result, began(r), sourceText(r.Source), shortDigest(r.Image), whoText(r))
		if r.Error != "" {
			fmt.Fprintf(table, "      \t%s\n", p.bad(r.Error))
		}
	}
	_ = table.Flush() // a builder takes everything
	return b.String()
}

func began(r release.Record) string {
	if r.Began.IsZero() {
		return ""
	}
	return when(&r.Began)
}

// sourceText is a source as short as a person knows it.
func sourceText(s release.Source) string {
	switch {
	case s.Commit != "" && s.Dirty:
		return short(s.Commit) + " and more"
	case s.Commit != "":
		return short(s.Commit)
	case s.Identity != "":
		return "source " + short(s.Identity)
	}
	return "-"
}

func shortDigest(image string) string {
	_, digest, _ := strings.Cut(image, "@sha256:")
	return short(digest)
}

// short is the beginning of a hash, enough to tell it from others.
func short(hash string) string { return hash[:min(len(hash), 12)] }

// whoText is who made a release and, where it was not a deployment, what it was.
func whoText(r release.Record) string {
	who, machine, _ := strings.Cut(r.By, " on ")
	who = who[strings.LastIndexAny(who, ":/")+1:]
	if machine != "" {
		who += " on " + machine
	}
	if r.Execution != "" {
		who = "pipeline"
		if r.Branch != "" {
			who += " of " + r.Branch
		}
		who += ", execution " + r.Execution
	}
	if r.Of != nil {
		who += fmt.Sprintf(" (%s of %s %d)", r.Kind, r.Of.Environment, r.Of.Number)
	}
	return who
}

// releaseNumber reads a release's number from the command line.
func releaseNumber(c *cobra.Command, text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, usageError{fmt.Errorf("%q is no release: give its number, as ./scripts/releases.sh shows it; see %s --help", text, script(c))}
	}
	return n, nil
}
