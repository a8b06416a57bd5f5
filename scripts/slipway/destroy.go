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
	var wait time.Duration
	c := &cobra.Command{
		Use:   "destroy",
		Short: "Take the application away with all its data, and prove that nothing is left",
		Long: `Deletes every environment and the foundation, then asks each service for each resource that there was.
Exits 1 with a list where anything is left.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := w.check(); err != nil {
				return err
			}
			o := launch.DestroyOptions{Wait: wait}
			if !yes && (!w.local || a.terminal()) {
				o.Confirm = func(what string) error { return a.confirm(c.Context(), what) }
			}
			return a.destroy(c.Context(), w, o)
		},
	}
	w.flags(c.Flags())
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	waitFlag(c, &wait, destroyWait)
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

// destroyLocal destroys on the local engine and ends the engine once nothing is left in it.
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
	if err := l.Destroy(ctx, o); err != nil {
		return err
	}
	if err := engine.Stop(ctx); err != nil {
		return err
	}
	fmt.Fprintln(a.err, "the local engine has ended; no process of it is left")
	return nil
}
