package main

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"slipway/internal/contract"
	"slipway/internal/plan"
	"slipway/internal/release"
)

// commitsShown is how many commits between two releases are shown.
const commitsShown = 100

func (a *app) diffCommand() *cobra.Command {
	var l look
	var environment string
	c := &cobra.Command{
		Use:   "diff N [M]",
		Short: "Say what changed between two releases of an environment",
		Long: `Compares release N with release M, or with the current one: image, commits as far as git of this clone has both, parameters, and,
resource by resource, the templates, with what matters in it. It asks the foundation's bucket alone, and changes nothing. On AWS it
takes the rights of the policy operate (docs/permissions.md).

Exit codes: 0 the difference was printed, whatever it tells; 1 it could not be made; 2 the command line cannot be meant; 3 there is no
such release.`,
		Example: `  ./scripts/diff.sh 11 12
  ./scripts/diff.sh 11 --environment prod --json`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return takes(c, args, "one release or two")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			var numbers []int
			for _, text := range args {
				n, err := releaseNumber(c, text)
				if err != nil {
					return err
				}
				numbers = append(numbers, n)
			}
			return a.diff(c.Context(), l, environment, numbers)
		},
	}
	l.flags(c.Flags())
	c.Flags().StringVarP(&environment, "environment", "e", "", "environment, by `name` (default: the only one)")
	return c
}

// difference is what --json prints.
type difference struct {
	Environment string      `json:"environment" doc:"in slipway.yaml"`
	From        side        `json:"from" doc:"the release that was named first"`
	To          side        `json:"to" doc:"the other one, or the current one"`
	Commits     []string    `json:"commits" doc:"commits that the other one has and the first has not, the newest first; empty where git of this clone does not have both"`
	Parameters  []parameter `json:"parameters" doc:"those of the root that differ"`
	Plan        plan.Plan   `json:"plan" doc:"what the templates and parameters change, as deploy.sh --plan --json has it"`
}

// side is one of the two releases.
type side struct {
	Number      int            `json:"number" doc:"its number"`
	Result      release.Result `json:"result" doc:"how it ended"`
	Image       string         `json:"image" doc:"registry/repository@sha256:..."`
	Source      release.Source `json:"source" doc:"what the image was built from"`
	TemplateSet string         `json:"templateSet" doc:"SHA-256 over the files below templates/"`
}

// parameter is one that differs.
type parameter struct {
	Name   string `json:"name" doc:"its name"`
	Before string `json:"before" doc:"in the first; empty where that has none"`
	After  string `json:"after" doc:"in the other"`
}

func (a *app) diff(ctx context.Context, l look, environment string, numbers []int) error {
	s, err := a.see(ctx, l.where)
	if err != nil {
		return err
	}
	if environment, err = oneEnvironment(s.cfg, environment); err != nil {
		return err
	}
	store, err := s.Releases(ctx)
	if err != nil {
		return told(ctx, err)
	}
	records, err := readReleases(ctx, store, environment, numbers)
	if err != nil {
		return told(ctx, err)
	}
	d, err := a.difference(ctx, s, store, records[0], records[1])
	if err != nil {
		return told(ctx, err)
	}
	if l.json {
		return a.printJSON(d)
	}
	return a.printDifference(d)
}

// readReleases reads the two that are meant.
func readReleases(ctx context.Context, store release.Store, environment string, numbers []int) ([]release.Record, error) {
	var records []release.Record
	for _, n := range numbers {
		r, err := store.Read(ctx, environment, n)
		if err != nil {
			return nil, fmt.Errorf("release %d of %s: %w", n, environment, err)
		}
		records = append(records, r)
	}
	if len(records) == 2 {
		return records, nil
	}
	latest, err := store.Latest(ctx, environment)
	if err != nil {
		return nil, err
	}
	current, _ := release.Current(latest)
	if current == nil {
		return nil, fmt.Errorf("%w: %s has no current release to compare with: name two", release.ErrNone, environment)
	}
	return append(records, *current), nil
}

func (a *app) difference(ctx context.Context, s sight, store release.Store, from, to release.Record) (difference, error) {
	d := difference{Environment: from.Environment, From: toSide(from), To: toSide(to), Commits: commitsBetween(ctx, s.root, from.Source.Commit, to.Source.Commit), Parameters: []parameter{}}
	keys := slices.Concat(slices.Collect(maps.Keys(from.Parameters)), slices.Collect(maps.Keys(to.Parameters)))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if before, after := from.Parameters[key], to.Parameters[key]; before != after {
			d.Parameters = append(d.Parameters, parameter{key, before, after})
		}
	}
	folder, err := os.MkdirTemp("", "slipway-diff-")
	if err != nil {
		return d, err
	}
	defer os.RemoveAll(folder)
	before, err := fetchTemplates(ctx, store, from, filepath.Join(folder, "before"))
	if err != nil {
		return d, err
	}
	after, err := fetchTemplates(ctx, store, to, filepath.Join(folder, "after"))
	if err != nil {
		return d, err
	}
	d.Plan, err = plan.Live(plan.Update{
		Environment: from.Environment, Stack: contract.EnvironmentStackName(s.cfg.Name, from.Environment),
		Before: before, After: after, Was: from.Parameters, Is: to.Parameters,
	})
	return d, err
}

func toSide(r release.Record) side {
	return side{Number: r.Number, Result: r.Result, Image: r.Image, Source: r.Source, TemplateSet: r.TemplateSet}
}

// fetchTemplates writes a release's templates into a folder.
func fetchTemplates(ctx context.Context, store release.Store, r release.Record, folder string) (fs.FS, error) {
	if _, err := store.Unpack(ctx, r, folder); err != nil {
		return nil, fmt.Errorf("release %d of %s: %w", r.Number, r.Environment, err)
	}
	return os.DirFS(folder), nil
}

// commitsBetween are the commits of one that the other has not, as git of this clone knows them; empty where it does not.
func commitsBetween(ctx context.Context, root, from, to string) []string {
	commits := []string{}
	if from == "" || to == "" || from == to {
		return commits
	}
	out, err := exec.CommandContext(ctx, "git", "-C", root, "log", "--format=%h %s", "-n", fmt.Sprint(commitsShown), from+".."+to, "--").Output()
	if err != nil {
		return commits // without git, or with another history, the two commits tell enough
	}
	for line := range strings.Lines(string(out)) {
		commits = append(commits, strings.TrimRight(line, "\n"))
	}
	return commits
}

func (a *app) printDifference(d difference) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: release %d (%s) and release %d (%s)\n", d.Environment, d.From.Number, d.From.Result, d.To.Number, d.To.Result)
	pair := func(label, before, after string) {
		if before == after {
			fmt.Fprintf(&b, "  %-10s %s, the same\n", label, before)
			return
		}
		fmt.Fprintf(&b, "  %-10s %s\n  %-10s %s\n", label, before, "", after)
	}
	pair("image", d.From.Image, d.To.Image)
	pair("source", sourceText(d.From.Source), sourceText(d.To.Source))
	for _, commit := range d.Commits {
		fmt.Fprintf(&b, "    %s\n", commit)
	}
	pair("templates", short(d.From.TemplateSet), short(d.To.TemplateSet))
	for _, p := range d.Parameters {
		pair(p.Name, p.Before, p.After)
	}
	b.WriteString("\n")
	if err := d.Plan.Text(&b); err != nil {
		return err
	}
	_, err := fmt.Fprint(a.out, b.String())
	return err
}
