package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"slipway/internal/config"
	"slipway/internal/launch"
	"slipway/internal/local"
)

// destroyWait is longer than a lease lasts: destroy stops the pipeline's builds, which then cannot give theirs back.
const destroyWait = 150 * time.Second

// demolition are the flags of a destroy.
type demolition struct {
	where
	launch.DestroyOptions
	yes, plan, json bool
}

func (a *app) destroyCommand() *cobra.Command {
	var d demolition
	c := &cobra.Command{
		Use:   "destroy",
		Short: "Take the application away with all its data, or one environment, and prove that nothing is left",
		Long: `Deletes every environment and the foundation, then asks each service for each resource that there was. At the end it tells what was
deleted, by stack and type, what stays on purpose and why, and what is left; the whole list is in a file below .slipway/destroyed.
With --environment it deletes that environment alone; the foundation and the other environments stay and go on working. Where the
pipeline lives in it the pipeline goes, too; a pipeline elsewhere stays, and the next commit brings the environment up again while
slipway.yaml names it.
A protected environment goes only where its name is typed, or given with --protected: --yes is not enough.
With --plan it changes nothing, and tells the same beforehand, with what stands in the way.

Exit codes: 0 nothing is left, or nothing was there, or nothing stands in the way of what is planned; 1 something is left or stands in
the way, or it was refused or failed; 2 the command line cannot be meant; 3 there is nothing to plan.`,
		Example: `  ./scripts/destroy.sh
  ./scripts/destroy.sh --plan
  ./scripts/destroy.sh --environment test
  ./scripts/destroy.sh --yes --protected prod`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := d.check(c.Flags().Changed); err != nil {
				return err
			}
			if !d.yes && (!d.local || a.terminal()) {
				d.Confirm = func(what string) error { return a.confirm(c.Context(), what) }
				d.ConfirmName = func(environment string) error { return a.confirmName(c.Context(), environment) }
			}
			return a.destroy(c.Context(), d)
		},
	}
	d.flags(c.Flags())
	c.Flags().BoolVarP(&d.yes, "yes", "y", false, "do not ask; what is protected needs --protected all the same")
	c.Flags().BoolVar(&d.plan, "plan", false, "only say what would be deleted, what would stay, and what stands in the way")
	c.Flags().BoolVar(&d.json, "json", false, "print the report, or the plan, as JSON, whose fields are documented in docs/commands.md")
	c.Flags().StringArrayVarP(&d.Environments, "environment", "e", nil, "environment to destroy alone, by `name`; may be given several times")
	c.Flags().StringArrayVar(&d.Protected, "protected", nil, "destroy this environment although it is protected, by `name`; may be given several times")
	waitFlag(c, &d.Wait, destroyWait)
	return c
}

// check refuses flags that contradict each other.
func (d *demolition) check(given func(string) bool) error {
	for _, name := range []string{"yes", "wait"} {
		if d.plan && given(name) {
			return usageError{fmt.Errorf("--plan destroys nothing, so --%s has no place beside it: leave out one or the other", name)}
		}
	}
	return d.where.check()
}

func (a *app) destroy(ctx context.Context, d demolition) error {
	root, cfg, err := project()
	if err != nil {
		return err
	}
	if d.local {
		return a.destroyLocal(ctx, root, cfg, d)
	}
	l, err := a.launcher(ctx, root, cfg, d.where, nil)
	if err != nil {
		return err
	}
	return a.takeAway(ctx, l, d)
}

// takeAway destroys, or plans to.
func (a *app) takeAway(ctx context.Context, l *launch.Launcher, d demolition) error {
	if d.plan {
		report, err := l.PlanDestroy(ctx, d.DestroyOptions)
		if err != nil {
			return err
		}
		return a.tellPlan(report, d)
	}
	var telling error
	d.Told = func(report launch.DestroyReport) { telling = a.tell(report, d) }
	return errors.Join(l.Destroy(ctx, d.DestroyOptions), telling)
}

// tell prints a report.
func (a *app) tell(report launch.DestroyReport, d demolition) error {
	switch {
	case d.json:
		return a.printJSON(report)
	case report.Empty():
		return nil
	}
	return report.Text(a.out)
}

// tellPlan prints a plan, whose obstacles and whose emptiness are exit codes.
func (a *app) tellPlan(report launch.DestroyReport, d demolition) error {
	if err := a.tell(report, d); err != nil {
		return err
	}
	switch {
	case report.Empty():
		fmt.Fprintf(a.err, "nothing of %s is there to destroy in account %s, Region %s\n", report.Name, report.Account, report.Region)
		return exitCode(exitAbsent)
	case len(report.Obstacles) > 0:
		return exitCode(exitFailed)
	}
	return nil
}

// destroyLocal destroys on the local engine and, once nothing is left in it, ends the engine.
func (a *app) destroyLocal(ctx context.Context, root string, cfg config.Config, d demolition) error {
	engine, err := local.Find(root)
	if err != nil {
		return err
	}
	if engine == nil {
		none := launch.NoReport(cfg.Name, local.AccountID, local.Region, d.plan)
		if d.plan {
			return a.tellPlan(none, d)
		}
		fmt.Fprintf(a.err, "nothing of %s is up on this machine: the local engine (account %s, Region %s) is not running\n", cfg.Name, local.AccountID, local.Region)
		return errors.Join(a.tell(none, d), local.Clean(ctx, root))
	}
	l, err := a.launcher(ctx, root, cfg, where{}, engine)
	if err != nil {
		return err
	}
	err = whileItRuns(ctx, engine, func(ctx context.Context) error { return a.takeAway(ctx, l, d) })
	if err != nil || d.plan || len(d.Environments) > 0 {
		return err
	}
	if err := engine.Stop(ctx); err != nil {
		return err
	}
	fmt.Fprintln(a.err, "the local engine has ended; no process of it is left")
	return nil
}
