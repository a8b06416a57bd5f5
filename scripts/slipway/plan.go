package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/cost"
	"slipway/internal/plan"
	"slipway/internal/source"
)

// preview are the flags of a plan.
type preview struct {
	plan, json, markdown bool
	against              string
}

func (p *preview) flags(f *pflag.FlagSet) {
	f.BoolVar(&p.plan, "plan", false, "only say what the templates change; with --against, needs no credentials and changes nothing")
	f.StringVar(&p.against, "against", "", "git `ref` whose templates --plan compares with those of the working tree, such as main")
	f.BoolVar(&p.json, "json", false, "print the plan as JSON, whose fields are documented in docs/commands.md")
	f.BoolVar(&p.markdown, "markdown", false, "print the plan as Markdown, for a comment of a pull request")
}

// check refuses flags that make no plan, or another thing at once.
func (p *preview) check(w where, given func(string) bool) error {
	if !p.plan {
		for _, name := range []string{"against", "json", "markdown"} {
			if given(name) {
				return usageError{fmt.Errorf("--%s is about the plan: add --plan", name)}
			}
		}
		return nil
	}
	for _, name := range []string{"cost", "policy", "image", "environment", "wait", "yes"} {
		if given(name) {
			return usageError{fmt.Errorf("--plan compares all templates and deploys nothing, so --%s has no place beside it: leave out one or the other", name)}
		}
	}
	switch {
	case p.against == "" && given("against"):
		return usageError{errors.New("--against is empty: name a git ref, such as main")}
	case p.against == "":
		return usageError{errors.New("--plan without --against would compare with what runs on AWS, and that preview is not there yet. " +
			"Name a git ref: --plan --against main. Without --plan, deploy.sh tells what a first launch makes and costs, and asks, before it executes; " +
			"of an update it tells nothing before, and shows each resource as it changes")}
	case w.local:
		return usageError{errors.New("--plan --against compares templates and asks nobody, so --local changes nothing: leave it out")}
	case p.json && p.markdown:
		return usageError{errors.New("--json and --markdown are two forms of the same: leave out one or the other")}
	}
	return nil
}

// plan says what the working tree's templates change against those of a git ref. It asks nobody on AWS.
func (a *app) plan(ctx context.Context, w where, p preview) error {
	root, cfg, err := project()
	if err != nil {
		return err
	}
	if err := a.templatesFresh(ctx, root); err != nil {
		return err
	}
	settings, err := loadConfig(ctx, w)
	if err != nil {
		return err
	}
	old, err := os.MkdirTemp("", "slipway-plan-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(old)
	if err := source.Extract(ctx, root, p.against, old, contract.TemplatesDir, config.File); err != nil {
		return err
	}
	before := plan.Side{Templates: os.DirFS(filepath.Join(old, contract.TemplatesDir))}
	if was, err := config.Load(filepath.Join(old, config.File)); err == nil {
		before.Config = &was // one of another version may not be readable, and the plan says so
	}
	after := plan.Side{Templates: os.DirFS(filepath.Join(root, contract.TemplatesDir)), Config: &cfg}
	made, err := plan.Make(p.against, before, after, cmp.Or(settings.Region, cost.DefaultRegion))
	switch {
	case err != nil:
		return fmt.Errorf("make the plan: %w", err)
	case p.json:
		return a.printJSON(made)
	case p.markdown:
		return made.Markdown(a.out)
	}
	return made.Text(a.out)
}
