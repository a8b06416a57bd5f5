package launch

import (
	"context"
	"fmt"
	"slices"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/plan"
	"slipway/internal/release"
)

// PlanRelease is Plan for a run of the pipeline, which deploys to one environment. Where something is at risk, and the pipeline
// asks nobody before it deploys there, it returns a RiskError beside the plans.
func (l *Launcher) PlanRelease(ctx context.Context, o DeployOptions) ([]plan.Plan, error) {
	plans, err := l.Plan(ctx, o)
	if err != nil {
		return nil, err
	}
	environment, risks := o.Environments[0], plan.Stopping(plans...)
	if l.environment(environment).Approval || len(risks) == 0 {
		return plans, nil
	}
	command := "./scripts/deploy.sh --environment " + environment + " --image keep" + plan.Allowing(risks...)
	return plans, &RiskError{Risks: risks, Next: fmt.Sprintf("%s has no approval in %s, so the pipeline has nobody to ask. Have a person run: %s", environment, config.File, command)}
}

// Planned are the options of a deployment that may do what its plan says and no more, and over no other release than the plan was
// made over.
func (o DeployOptions) Planned(plans ...plan.Plan) DeployOptions {
	o.Allow = slices.Clone(o.Allow)
	for _, p := range plans {
		for _, r := range p.Risks {
			o.Allow = append(o.Allow, r.Name)
		}
		if slices.Contains(o.Environments, p.Environment) {
			o.planned = &p
		}
	}
	return o
}

// tellReleases adds to the plan of an environment which release it is made over, and where what runs is not that one.
func (l *Launcher) tellReleases(ctx context.Context, p *plan.Plan, f foundation, env config.Environment, root stack, r request, o DeployOptions) error {
	records, err := l.releases(f.bucket).Latest(ctx, env.Name)
	if err != nil {
		return Explain(err)
	}
	drift, err := l.drift(ctx, records, env, root, r.parameters[contract.KeyImageURI])
	if err != nil {
		return err
	}
	p.Risks = append(drift, p.Risks...)
	newest := release.Newest(records)
	if newest == nil {
		return nil
	}
	p.Over = &plan.Over{Number: newest.Number}
	if newest.Execution == "" {
		p.Over.ByHand = newest.By
	}
	if o.ByPipeline && newest.Execution == "" && len(p.Changes) > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("it takes the place of release %d, a %s that was made by hand (%s)", newest.Number, newest.Kind, newest.By))
	}
	return nil
}

// stillOver returns an error where another release than the planned one would be replaced: somebody has deployed since. What the
// same run of the pipeline has left may be replaced.
func (o DeployOptions) stillOver(records []release.Record) error {
	newest := release.Newest(records)
	if o.planned == nil || newest == nil || o.Execution != "" && newest.Execution == o.Execution {
		return nil
	}
	was := "nothing"
	if over := o.planned.Over; over != nil {
		if over.Number == newest.Number {
			return nil
		}
		was = fmt.Sprintf("release %d", over.Number)
	}
	return fmt.Errorf("the plan was made over %s, and since then there is release %d, a %s by %s, which nobody has agreed to replace: retry all actions of the stage, so that it is planned anew",
		was, newest.Number, newest.Kind, newest.By)
}
