package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"slipway/internal/config"
	"slipway/internal/launch"
	"slipway/internal/local"
	"slipway/internal/plan"
	"slipway/internal/suggest"
)

func (a *app) deployCommand() *cobra.Command {
	var w where
	var yes, price bool
	var image, policy string
	var environments, allow []string
	var wait time.Duration
	var preview preview
	c := &cobra.Command{
		Use:   "deploy",
		Short: "Bring the application up, or up to date, and wait until it answers",
		Long: `Deploys the working tree: what git tracks, as it is now. The first launch makes everything; later ones change what differs.
Without --environment it goes to the environments that are not up yet and to the first one.
Prints what it made as Key=Value lines; everything else goes to stderr.
Before CloudFormation executes anything the plan is shown: resource by resource what is added, modified, replaced or removed, and above
that what is at risk: something that cannot be made again is replaced or lost, the service does not answer for a while, something can
be reached from the internet, somebody may do more, it costs more. All but the cost stops the deployment until it is allowed: by its
name (--allow), or by the answer to a question where there is a terminal and --yes is not given. Nothing has been changed then.
With --plan it deploys nothing and prints that plan, one for the foundation and each environment. With --plan --against it compares
the templates of the working tree with those of a git ref and asks nobody on AWS: what was changed there it cannot know.

Exit codes: 0 it is up and answers, or the plan was made, whatever it tells; 1 it failed, or was stopped by a risk, or the plan cannot
be made; 2 the command line cannot be meant; 3 the git ref is not there, or has no templates.`,
		Example: `  ./scripts/deploy.sh
  ./scripts/deploy.sh --plan
  ./scripts/deploy.sh --allow replace:prod.ECS.LoadBalancer --allow downtime:prod.ECS.LoadBalancer
  ./scripts/deploy.sh --plan --against main --markdown`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := w.check(); err != nil {
				return err
			}
			if c.Flags().Changed("image") && image != "keep" {
				return usageError{fmt.Errorf("--image %q: the only value is keep, which leaves the running image and changes the rest", image)}
			}
			if err := preview.check(w, c.Flags().Changed); err != nil {
				return err
			}
			o := launch.DeployOptions{Environments: environments, KeepImage: image == "keep", Wait: wait, Allow: allow, Command: a.again()}
			if preview.plan && preview.against == "" {
				return a.livePlan(c.Context(), w, preview, o)
			}
			if preview.plan {
				return a.plan(c.Context(), w, preview)
			}
			if c.Flags().Changed("policy") {
				return a.policy(c.Context(), w, policy)
			}
			if price {
				if w.local {
					return usageError{errors.New("--cost is about AWS, and --local costs nothing: leave out one or the other")}
				}
				return a.cost(c.Context(), w, environments)
			}
			if !yes && a.terminal() {
				o.Decide = func(risks ...plan.Risk) error { return a.allow(c.Context(), risks...) }
				if !w.local {
					o.Confirm = func(what string) error { return a.confirm(c.Context(), what) }
				}
			}
			return a.deploy(c.Context(), w, o)
		},
	}
	w.flags(c.Flags())
	c.Flags().BoolVar(&price, "cost", false, "only say what it costs a month; needs no credentials and changes nothing")
	c.Flags().StringVar(&policy, "policy", "", "only print an IAM policy, by its `name`: deploy, foundation, destroy, preflight or operate (docs/permissions.md)")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "ask nothing: neither before the first launch nor about risks, which --allow names")
	c.Flags().StringArrayVar(&allow, "allow", nil, "allow a risk of the plan, by its whole `name`; may be given several times")
	preview.flags(c.Flags())
	waitFlag(c, &wait, 0)
	c.Flags().StringVar(&image, "image", "", "`keep` leaves the image that runs and changes the rest")
	c.Flags().StringArrayVarP(&environments, "environment", "e", nil, "environment to deploy to, by `name`; may be given several times")
	return c
}

// waitFlag is how long to wait for another run that is deploying or deleting.
func waitFlag(c *cobra.Command, wait *time.Duration, standard time.Duration) {
	c.Flags().DurationVar(wait, "wait", standard, "how `long` to wait for another run on the same application, such as 30m")
}

func (a *app) deploy(ctx context.Context, w where, o launch.DeployOptions) error {
	root, cfg, err := a.deployable(ctx, o.Environments)
	if err != nil {
		return err
	}
	var engine *local.Engine
	if w.local {
		if engine, err = local.Start(ctx, root, a.err); err != nil {
			return err
		}
		a.sayDifferences(cfg, engine.Runtime)
		if err := certify(engine, cfg); err != nil {
			return err
		}
	}
	l, err := a.launcher(ctx, root, cfg, w, engine)
	if err != nil {
		return err
	}
	if err := errors.Join(a.trust(l, engine), a.standIns(ctx, l)); err != nil {
		return err
	}
	if l.AWS.BaseEndpoint == nil {
		l.Cost = estimator(l.Templates, cfg, l.AWS.Region)
	}
	return whileItRuns(ctx, engine, func(ctx context.Context) error { return l.Deploy(ctx, o) })
}

// deployable is the project, with these environments and with templates that fit slipway.yaml.
func (a *app) deployable(ctx context.Context, environments []string) (root string, cfg config.Config, err error) {
	if root, cfg, err = project(); err != nil {
		return root, cfg, err
	}
	if err := known(cfg, environments); err != nil {
		return root, cfg, err
	}
	return root, cfg, a.templatesFresh(ctx, root)
}

// certify lets the engine answer for the domains as AWS does with their certificates.
func certify(engine *local.Engine, cfg config.Config) error {
	for _, env := range cfg.Environments {
		if !env.Entry.HTTPS() {
			continue
		}
		if err := engine.Certify(env.Entry.Domain); err != nil {
			return err
		}
	}
	return nil
}

// known refuses environments that slipway.yaml has not, before anything is started for them.
func known(cfg config.Config, environments []string) error {
	for _, name := range environments {
		if all := names(cfg); !slices.Contains(all, name) {
			return usageError{fmt.Errorf("%s has no environment %q%s (it has %s)", config.File, name, suggest.DidYouMean(name, all), strings.Join(all, ", "))}
		}
	}
	return nil
}

// templatesFresh refuses templates that no longer fit slipway.yaml.
func (a *app) templatesFresh(ctx context.Context, root string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	check := exec.CommandContext(ctx, filepath.Join(filepath.Dir(self), "gen"), "-check", "-root", root)
	check.Stdout, check.Stderr = a.err, a.err
	err = check.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, failed := errors.AsType[*exec.ExitError](err); failed {
		return errors.New("the templates are not what would be deployed: run `go run ./gen`, look at the difference, and deploy again")
	}
	if err != nil {
		return fmt.Errorf("check the templates: %w; ./scripts/deploy.sh builds gen beside this command", err)
	}
	return nil
}

// sayDifferences tells what of slipway.yaml the local engine's tasks, which run in that way, do not have.
func (a *app) sayDifferences(cfg config.Config, tasks string) {
	if string(cfg.Service.Architecture) != map[string]string{"amd64": "x86", "arm64": "arm64"}[runtime.GOARCH] {
		fmt.Fprintf(a.err, "slipway.yaml says %s; here the image is built for this machine (%s)\n", cfg.Service.Architecture, runtime.GOARCH)
	}
	if source := cfg.Pipeline.Source; source.Connected() {
		fmt.Fprintf(a.err, "the pipeline takes its source from %s at a git host, which it does not reach from here: its runs end there\n", source.Repository)
	}
	if tasks == local.RuntimeDocker {
		return
	}
	for _, sidecar := range cfg.Service.Sidecars {
		fmt.Fprintf(a.err, "the sidecar %s is left out: without Docker tasks are processes, and only the application is one\n", sidecar.Name)
	}
}
