package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"slipway/internal/contract"
	"slipway/internal/operate"
)

// holding is what hold prints as JSON.
type holding struct {
	Environment string        `json:"environment" doc:"in slipway.yaml"`
	Stage       string        `json:"stage" doc:"of the pipeline"`
	Held        *operate.Held `json:"held,omitempty" doc:"by whom and why; left out where nothing holds it"`
}

func (a *app) holdCommand() *cobra.Command {
	var l look
	var reason string
	var lift bool
	c := &cobra.Command{
		Use:   "hold ENVIRONMENT",
		Short: "Hold the pipeline before an environment, or let it go on",
		Long: `Lets no run of the pipeline into the stage of an environment, until --lift: a freeze before a holiday, or an incident. A run that is in
the stage already goes on; those that come wait before it, and what becomes of several that wait pipeline.mode says. Deployments by
hand, rollback.sh and promote.sh are not held. Without --reason and --lift it only says whether the environment is held; status.sh says
so, too. A hold that takes the place of another one, or lifts it, says whose that was and why. On AWS it takes the rights of the policy
operate (docs/permissions.md).

Exit codes: 0 done, or said; 1 it failed; 2 the command line cannot be meant; 3 there is no pipeline.`,
		Example: `  ./scripts/hold.sh prod --reason "freeze until Monday"
  ./scripts/hold.sh prod --lift`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return takes(c, args, "one environment")
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			_, cfg, err := project()
			if err != nil || len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return names(cfg), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			given := c.Flags().Changed("reason")
			if given && lift {
				return usageError{errors.New("--reason holds and --lift lets go: leave out one or the other")}
			}
			if given {
				if err := operate.CheckReason(reason); err != nil {
					return usageError{err}
				}
			}
			return a.holdBefore(c.Context(), l, args[0], reason, lift)
		},
	}
	l.flags(c.Flags())
	c.Flags().StringVar(&reason, "reason", "", "hold it, for this `reason`, which whoever looks is told")
	c.Flags().BoolVar(&lift, "lift", false, "let runs in again, those that wait at once")
	return c
}

// holdBefore holds the pipeline before an environment where there is a reason, or lets it go on, and says how it is then.
func (a *app) holdBefore(ctx context.Context, l look, environment, reason string, letGo bool) error {
	s, err := a.see(ctx, l.where)
	if err != nil {
		return err
	}
	if err := known(s.cfg, []string{environment}); err != nil {
		return err
	}
	var before map[string]operate.Held
	if letGo || reason != "" {
		before, _ = s.Held(ctx) // who may not see that is told so below
	}
	switch {
	case letGo:
		err = s.Lift(ctx, environment)
	case reason != "":
		err = s.Hold(ctx, environment, reason)
	}
	if err != nil {
		return told(ctx, err)
	}
	// It may have been somebody else's hold that was changed.
	switch was, held := before[environment]; {
	case held && letGo:
		fmt.Fprintf(a.err, "%s was held, %s\n", environment, heldText(was))
	case held && reason != was.Reason:
		fmt.Fprintf(a.err, "%s was held already, %s\n", environment, heldText(was))
	}
	held, err := s.Held(ctx)
	if err != nil {
		return told(ctx, err)
	}
	is := holding{Environment: environment, Stage: contract.DeployStage(environment)}
	if h, found := held[environment]; found {
		is.Held = &h
	}
	switch {
	case l.json:
		return a.printJSON(is)
	case is.Held == nil:
		fmt.Fprintf(a.out, "%s: the pipeline is not held\n", environment)
	default:
		lift := "./scripts/hold.sh " + environment + " --lift"
		if s.engine != nil {
			lift += " --local"
		}
		fmt.Fprintf(a.out, "%s: the pipeline is held %s\nto let it go on: %s\n", environment, heldText(*is.Held), lift)
	}
	return nil
}

// heldText says since when, by whom and why.
func heldText(h operate.Held) string {
	text := "by " + h.By
	if h.Since != nil {
		text = "since " + when(h.Since) + " " + text
	}
	return text + ": " + h.Reason
}
