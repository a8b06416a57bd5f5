package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"slipway/internal/config"
	"slipway/internal/launch"
	"slipway/internal/local"
	"slipway/internal/plan"
)

// redeployFlags are the flags of the commands that deploy what was deployed before.
type redeployFlags struct {
	where
	preview
	yes   bool
	allow []string
	wait  time.Duration
}

func (g *redeployFlags) flags(c *cobra.Command) {
	g.where.flags(c.Flags())
	g.liveFlags(c.Flags(), "only say what this would do, and change nothing")
	g.gateFlags(c.Flags())
	waitFlag(c, &g.wait, 0)
}

func (g *redeployFlags) gateFlags(f *pflag.FlagSet) {
	f.BoolVarP(&g.yes, "yes", "y", false, "ask nothing about risks, which --allow names")
	f.StringArrayVar(&g.allow, "allow", nil, "allow a risk of the plan, by its whole `name`; may be given several times")
}

func (a *app) rollbackCommand() *cobra.Command {
	var g redeployFlags
	var environment string
	c := &cobra.Command{
		Use:   "rollback [N]",
		Short: "Go back to an earlier release of an environment",
		Long: `Deploys an earlier release again: its image, its templates and its slipway.yaml, as the registry and the foundation's bucket keep them.
Without a number it is the newest successful release before the current one; after a rollback, the one before that which was gone back
to, and where a rollback was cut off, the one that it was going to. It takes the path of a deployment: the plan is shown, what is risky
stops until it is allowed, and the service must answer at the end. It is recorded as a release of its own. Neither the pipeline nor the
source is needed; of the working tree only the name in slipway.yaml is used. The foundation stays as it is. --plan only shows the plan.

Exit codes: 0 it is up and answers; 1 it failed, or was stopped by a risk; 2 the command line cannot be meant; 3 there is no such
release.`,
		Example: `  ./scripts/rollback.sh --plan
  ./scripts/rollback.sh 12 --environment prod`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return takes(c, args, "one release at most")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			number := 0
			if len(args) > 0 {
				var err error
				if number, err = releaseNumber(c, args[0]); err != nil {
					return err
				}
			}
			return a.redeploy(c, g, func(cfg config.Config) error {
				var err error
				environment, err = oneEnvironment(cfg, environment)
				return err
			}, again{
				func(ctx context.Context, l *launch.Launcher, o launch.DeployOptions) error {
					return l.Rollback(ctx, environment, number, o)
				},
				func(ctx context.Context, l *launch.Launcher, o launch.DeployOptions) ([]plan.Plan, error) {
					return l.PlanRollback(ctx, environment, number, o)
				},
			})
		},
	}
	g.flags(c)
	c.Flags().StringVarP(&environment, "environment", "e", "", "environment, by `name` (default: the only one)")
	return c
}

func (a *app) promoteCommand() *cobra.Command {
	var g redeployFlags
	c := &cobra.Command{
		Use:   "promote FROM TO",
		Short: "Bring what runs in one environment to another one",
		Long: `Deploys to the environment TO what the environment FROM runs, which must be its newest release, and a successful one: the same image by
its digest, with the templates of TO of the same state of the sources, as the foundation's bucket keeps them. It takes the path of a
deployment: the plan is shown, what is risky stops until it is allowed, and the service must answer at the end. It is recorded as a
release of TO. Neither the pipeline nor the source is needed. TO must be up; ./scripts/deploy.sh brings it up.
--plan only shows the plan.

Exit codes: 0 it is up and answers; 1 it failed, or was stopped by a risk, or FROM runs something else; 2 the command line cannot be
meant; 3 nothing has been released to FROM.`,
		Example: `  ./scripts/promote.sh dev prod`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return takes(c, args, "two environments, FROM and TO")
			}
			if args[0] == args[1] {
				return usageError{fmt.Errorf("%s takes two different environments, and both are %q; see %s --help", script(c), args[0], script(c))}
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			_, cfg, err := project()
			if err != nil || len(args) > 1 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return names(cfg), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			return a.redeploy(c, g, func(cfg config.Config) error { return known(cfg, args) }, again{
				func(ctx context.Context, l *launch.Launcher, o launch.DeployOptions) error {
					return l.Promote(ctx, args[0], args[1], o)
				},
				func(ctx context.Context, l *launch.Launcher, o launch.DeployOptions) ([]plan.Plan, error) {
					return l.PlanPromotion(ctx, args[0], args[1], o)
				},
			})
		},
	}
	g.flags(c)
	return c
}

// again is how something that was deployed before is deployed, and planned.
type again struct {
	deploy func(context.Context, *launch.Launcher, launch.DeployOptions) error
	plan   func(context.Context, *launch.Launcher, launch.DeployOptions) ([]plan.Plan, error)
}

// redeploy deploys what was deployed before, or says what that would do.
func (a *app) redeploy(c *cobra.Command, g redeployFlags, check func(config.Config) error, do again) error {
	ctx := c.Context()
	if err := errors.Join(g.where.check(), g.preview.check(g.where, c.Flags().Changed)); err != nil {
		return err
	}
	root, cfg, err := project()
	if err != nil {
		return err
	}
	if err := check(cfg); err != nil {
		return err
	}
	var engine *local.Engine
	if g.local {
		if engine, err = local.Find(root); err != nil {
			return err
		}
		if engine == nil {
			return fmt.Errorf("%w: ./scripts/deploy.sh --local starts it", errNoEngine)
		}
		if err := certify(engine, cfg); err != nil {
			return err
		}
	}
	l, err := a.sourceless(ctx, root, cfg, g.where, engine)
	if err != nil {
		return err
	}
	if err := a.trust(l, engine); err != nil {
		return err
	}
	if g.plan {
		plans, err := do.plan(ctx, l, launch.DeployOptions{Wait: g.wait})
		if err != nil {
			return err
		}
		return a.print(g.preview, plans...)
	}
	o := launch.DeployOptions{Wait: g.wait, Allow: g.allow, Command: a.again()}
	if !g.yes && a.terminal() {
		o.Decide = func(risks ...plan.Risk) error { return a.allow(ctx, risks...) }
	}
	return whileItRuns(ctx, engine, func(ctx context.Context) error { return do.deploy(ctx, l, o) })
}
