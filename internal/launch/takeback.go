package launch

import (
	"context"
	"errors"
	"fmt"

	"slipway/internal/contract"
	"slipway/internal/lease"
	"slipway/internal/plan"
	"slipway/internal/release"
)

// AcceptRelease asks an environment for its contract after a run of the pipeline has deployed to it, and takes back what that
// run deployed where the answer is wrong. What was taken back already, or overtaken, is not asked again: another release that
// answers well says nothing of this one.
func (l *Launcher) AcceptRelease(ctx context.Context, o DeployOptions) error {
	environment := o.Environments[0]
	if err := l.check(o); err != nil {
		return err
	}
	if err := l.identify(ctx, l.regionGiven); err != nil {
		return err
	}
	bucket, err := l.bucket(ctx)
	if err != nil {
		return err
	}
	if err := l.overtaken(ctx, bucket, environment, o); err != nil {
		return err
	}
	failed := l.askNow(ctx, environment)
	if _, refused := errors.AsType[*refusedError](failed); !refused || o.Execution == "" {
		return failed
	}
	return l.turn(ctx, bucket, o.what(), o.Wait, func(ctx context.Context, _ *lease.Lease) error {
		f, err := l.foundationThere(ctx)
		if err == nil {
			err = l.overtaken(ctx, bucket, environment, o)
		}
		if err != nil {
			return errors.Join(failed, err)
		}
		return l.takeBack(ctx, f, environment, o, failed)
	})
}

// overtaken returns an error where an environment no longer holds what a run of the pipeline has deployed to it.
func (l *Launcher) overtaken(ctx context.Context, bucket, environment string, o DeployOptions) error {
	if bucket == "" || o.Image == "" {
		return nil
	}
	root, err := l.describe(ctx, contract.EnvironmentStackName(l.Config.Name, environment))
	if err != nil {
		return err
	}
	records, err := l.releases(bucket).Latest(ctx, environment)
	if err != nil {
		return Explain(err)
	}
	stands, _ := release.Current(records)
	back := stands != nil && stands.Kind == release.Rollback && stands.Execution == o.Execution && o.Execution != ""
	if running := root.parameters[contract.KeyImageURI]; hasRun(root) && (running != o.Image || back) {
		return fmt.Errorf("%s holds %s, and this run of the pipeline has deployed %s: that was taken back, or somebody has deployed since; "+
			"retry all actions of the stage, or release again", environment, running, o.Image)
	}
	return nil
}

// takeBack puts the release before back where a run of the pipeline has deployed what failed acceptance; what a person has
// deployed is left to that one. It returns what failed, and what became of it.
func (l *Launcher) takeBack(ctx context.Context, f foundation, environment string, o DeployOptions, failed error) error {
	_, refused := errors.AsType[*refusedError](failed)
	if !refused || ctx.Err() != nil {
		return failed
	}
	store := l.releases(f.bucket)
	if !o.ByPipeline || o.Execution == "" {
		before, err := goingBackTo(ctx, store, environment, 0)
		if err != nil {
			return failed // a first release has nothing before it
		}
		return fmt.Errorf("%w\nit runs all the same; ./scripts/rollback.sh --environment %s goes back to release %d", failed, environment, before.Number)
	}
	records, err := store.Latest(ctx, environment)
	if err != nil {
		return errors.Join(failed, Explain(err))
	}
	if stands, _ := release.Current(records); stands == nil || stands.Execution != o.Execution {
		return fmt.Errorf("%w\nthis run of the pipeline has changed nothing there, and takes nothing back", failed)
	}
	before, err := goingBackTo(ctx, store, environment, 0)
	if err == nil {
		o.gate = &gate{decide: func(risks ...plan.Risk) error {
			return &RiskError{Risks: risks, Next: "nobody has approved that"}
		}}
		err = l.redo(ctx, f, environment, before, o, deployAgain)
	}
	if err != nil {
		return fmt.Errorf("%w\nthe release before could not be put back: %w\nnext: ./scripts/rollback.sh --environment %s", failed, err, environment)
	}
	return fmt.Errorf("%w\nrelease %d, which was there before, is back", failed, before.Number)
}
