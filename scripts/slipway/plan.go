package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/cost"
	"slipway/internal/launch"
	"slipway/internal/local"
	"slipway/internal/plan"
	"slipway/internal/source"
)

// preview are the flags of a plan.
type preview struct {
	plan, json, markdown bool
	against              string
}

func (p *preview) flags(f *pflag.FlagSet) {
	p.liveFlags(f, "only say what a deployment would do, and change nothing; with --against, what the templates change, without credentials")
	f.StringVar(&p.against, "against", "", "git `ref` whose templates --plan compares with those of the working tree, such as main")
}

// liveFlags are those of a plan that compares nothing but what is up.
func (p *preview) liveFlags(f *pflag.FlagSet, usage string) {
	f.BoolVar(&p.plan, "plan", false, usage)
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
	for _, name := range []string{"allow", "cost", "policy", "yes"} {
		if given(name) {
			return usageError{fmt.Errorf("--plan deploys nothing, so --%s has no place beside it: leave out one or the other", name)}
		}
	}
	if p.json && p.markdown {
		return usageError{errors.New("--json and --markdown are two forms of the same: leave out one or the other")}
	}
	if !given("against") {
		return nil
	}
	for _, name := range []string{"environment", "image", "wait"} {
		if given(name) {
			return usageError{fmt.Errorf("--plan --against compares all templates, so --%s has no place beside it: leave out one or the other", name)}
		}
	}
	switch {
	case p.against == "":
		return usageError{errors.New("--against is empty: name a git ref, such as main")}
	case w.local:
		return usageError{errors.New("--plan --against compares templates and asks nobody, so --local changes nothing: leave it out")}
	}
	return nil
}

// print writes plans in the form that was asked for.
func (a *app) print(p preview, plans ...plan.Plan) error {
	switch {
	case p.json && p.against != "":
		return a.printJSON(plans[0])
	case p.json:
		return a.printJSON(plans)
	}
	for i, made := range plans {
		write := made.Text
		if p.markdown {
			write = made.Markdown
		}
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		if err := write(a.out); err != nil {
			return err
		}
	}
	return nil
}

// livePlan says what a deployment would do.
func (a *app) livePlan(ctx context.Context, w where, p preview, o launch.DeployOptions) error {
	root, cfg, err := a.deployable(ctx, o.Environments)
	if err != nil {
		return err
	}
	var engine *local.Engine
	if w.local {
		if engine, err = local.Find(root); err != nil {
			return err
		}
		if engine == nil {
			return a.planOfNothing(root, cfg, p, o)
		}
	}
	l, err := a.launcher(ctx, root, cfg, w, engine)
	if err != nil {
		return err
	}
	if err := a.standIns(ctx, l); err != nil {
		return err
	}
	if l.AWS.BaseEndpoint == nil {
		l.Cost = estimator(l.Templates, cfg, l.AWS.Region)
	}
	plans, err := l.Plan(ctx, o)
	if err != nil {
		return err
	}
	return a.print(p, plans...)
}

// planOfNothing is the plan where no local engine is up, and so nothing of the application is.
func (a *app) planOfNothing(root string, cfg config.Config, p preview, o launch.DeployOptions) error {
	nothing, err := os.MkdirTemp("", "slipway-nothing-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(nothing)
	var plans []plan.Plan
	for _, name := range append([]string{contract.StackFoundation}, names(cfg)...) {
		if len(o.Environments) > 0 && name != contract.StackFoundation && !slices.Contains(o.Environments, name) {
			continue
		}
		made, err := plan.Live(plan.Update{
			Environment: name, Stack: contract.EnvironmentStackName(cfg.Name, name), Before: os.DirFS(nothing), After: os.DirFS(filepath.Join(root, contract.TemplatesDir)),
		})
		if err != nil {
			return fmt.Errorf("make the plan: %w", err)
		}
		plans = append(plans, made)
	}
	return a.print(p, plans...)
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
	settings, err := loadConfig(ctx, w, noCode)
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
	if err != nil {
		return fmt.Errorf("make the plan: %w", err)
	}
	return a.print(p, made)
}
