package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"slipway/internal/config"
	"slipway/internal/launch"
	"slipway/internal/local"
)

// destroyWait is longer than a lease lasts: destroy stops the pipeline's builds, which then cannot give theirs back.
const destroyWait = 150 * time.Second

func (a *app) destroyCommand() *cobra.Command {
	var w where
	var yes bool
	var o launch.DestroyOptions
	c := &cobra.Command{
		Use:   "destroy",
		Short: "Take the application away with all its data, or one environment, and prove that nothing is left",
		Long: `Deletes every environment and the foundation, then asks each service for each resource that there was.
With --environment it deletes that environment alone; the foundation and the other environments stay and go on working. Where the
pipeline lives in it the pipeline goes, too; a pipeline elsewhere stays, and the next commit brings the environment up again while
slipway.yaml names it.
A protected environment goes only where its name is typed, or given with --protected: --yes is not enough.

Exit codes: 0 nothing is left, or nothing was there; 1 something is left, or it was refused or failed; 2 the command line cannot be
meant.`,
		Example: `  ./scripts/destroy.sh
  ./scripts/destroy.sh --environment test
  ./scripts/destroy.sh --yes --protected prod`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := w.check(); err != nil {
				return err
			}
			if !yes && (!w.local || a.terminal()) {
				o.Confirm = func(what string) error { return a.confirm(c.Context(), what) }
				o.ConfirmName = func(environment string) error { return a.confirmName(c.Context(), environment) }
			}
			return a.destroy(c.Context(), w, o)
		},
	}
	w.flags(c.Flags())
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask; what is protected needs --protected all the same")
	c.Flags().StringArrayVarP(&o.Environments, "environment", "e", nil, "environment to destroy alone, by `name`; may be given several times")
	c.Flags().StringArrayVar(&o.Protected, "protected", nil, "destroy this environment although it is protected, by `name`; may be given several times")
	waitFlag(c, &o.Wait, destroyWait)
	return c
}

func (a *app) destroy(ctx context.Context, w where, o launch.DestroyOptions) error {
	root, cfg, err := project()
	if err != nil {
		return err
	}
	if w.local {
		return a.destroyLocal(ctx, root, cfg, o)
	}
	l, err := a.launcher(ctx, root, cfg, w, nil)
	if err != nil {
		return err
	}
	return l.Destroy(ctx, o)
}

// destroyLocal destroys on the local engine and, once nothing is left in it, ends the engine.
func (a *app) destroyLocal(ctx context.Context, root string, cfg config.Config, o launch.DestroyOptions) error {
	engine, err := local.Find(root)
	if err != nil {
		return err
	}
	if engine == nil {
		fmt.Fprintf(a.err, "nothing of %s is up on this machine: the local engine (account %s, Region %s) is not running\n", cfg.Name, local.AccountID, local.Region)
		return local.Clean(ctx, root)
	}
	l, err := a.launcher(ctx, root, cfg, where{}, engine)
	if err != nil {
		return err
	}
	if err := l.Destroy(ctx, o); err != nil || len(o.Environments) > 0 {
		return err
	}
	if err := engine.Stop(ctx); err != nil {
		return err
	}
	fmt.Fprintln(a.err, "the local engine has ended; no process of it is left")
	return nil
}
