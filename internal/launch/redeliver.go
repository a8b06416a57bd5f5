package launch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/lease"
	"slipway/internal/plan"
	"slipway/internal/release"
)

// Rollback brings an environment back to an earlier release, by its number there, or with 0 to the newest successful one before
// the current. It takes the same path as a deployment, with the image, the templates and the slipway.yaml that the
// bucket and the registry keep: neither the source nor the pipeline is needed, and the working tree plays no part. It is
// recorded as a release of its own.
func (l *Launcher) Rollback(ctx context.Context, environment string, number int, o DeployOptions) error {
	return l.redeliver(ctx, environment, "./scripts/rollback.sh", o, earlier(environment, number), deployAgain)
}

// PlanRollback says what Rollback would do, and changes nothing.
func (l *Launcher) PlanRollback(ctx context.Context, environment string, number int, o DeployOptions) ([]plan.Plan, error) {
	return l.planAgain(ctx, environment, "./scripts/rollback.sh --plan", o, earlier(environment, number))
}

// choice is how a release is chosen among those that are kept.
type choice func(context.Context, release.Store) (release.Record, error)

func earlier(environment string, number int) choice {
	return func(ctx context.Context, store release.Store) (release.Record, error) {
		return goingBackTo(ctx, store, environment, number)
	}
}

// Promote brings what runs in one environment to another one: the same image, and the other environment's templates of the
// same state of the sources.
func (l *Launcher) Promote(ctx context.Context, from, to string, o DeployOptions) error {
	return l.redeliver(ctx, to, "./scripts/promote.sh", o, l.runningIn(from), deployAgain)
}

// PlanPromotion says what Promote would do, and changes nothing.
func (l *Launcher) PlanPromotion(ctx context.Context, from, to string, o DeployOptions) ([]plan.Plan, error) {
	return l.planAgain(ctx, to, "./scripts/promote.sh --plan", o, l.runningIn(from))
}

func (l *Launcher) runningIn(environment string) choice {
	return func(ctx context.Context, store release.Store) (release.Record, error) {
		return l.promoted(ctx, store, environment)
	}
}

func (l *Launcher) planAgain(ctx context.Context, environment, what string, o DeployOptions, choose choice) (plans []plan.Plan, err error) {
	err = l.redeliver(ctx, environment, what, o, choose, func(ctx context.Context, r redelivery) error {
		r.tell()
		f, err := r.past.forecastOf(ctx, r.f, r.env, r.root, r.o, func(plan.Plan) bool { return true })
		if err == nil {
			plans = append(plans, f.shown())
		}
		return err
	})
	return plans, err
}

// redeliver does something with a release, which is chosen once it is this run's turn, and an environment.
func (l *Launcher) redeliver(ctx context.Context, environment, what string, o DeployOptions, choose choice, do func(context.Context, redelivery) error) error {
	if err := l.identify(ctx, l.regionGiven); err != nil {
		return err
	}
	bucket, err := l.bucket(ctx)
	if err != nil {
		return err
	}
	if bucket == "" {
		return fmt.Errorf("%w: %s is not up, and its releases went with it", release.ErrNone, l.Config.Name)
	}
	o.gate = newGate(o)
	return l.turn(ctx, bucket, what, o.Wait, func(ctx context.Context, _ *lease.Lease) error {
		s, err := l.describe(ctx, contract.FoundationStackName(l.Config.Name))
		if err != nil {
			return err
		}
		f, err := toFoundation(s)
		if err != nil {
			return err
		}
		chosen, err := choose(ctx, l.releases(bucket))
		if err != nil {
			return Explain(err)
		}
		return l.redo(ctx, f, environment, chosen, o, do)
	})
}

// goingBackTo is the release to go back to.
func goingBackTo(ctx context.Context, store release.Store, environment string, number int) (release.Record, error) {
	if number == 0 {
		records, err := store.List(ctx, environment, 0)
		if err != nil {
			return release.Record{}, err
		}
		before := release.Before(records)
		if before == nil {
			return release.Record{}, fmt.Errorf("%w: %s has no successful release before the current one (./scripts/releases.sh --environment %s shows all)", release.ErrNone, environment, environment)
		}
		return *before, nil
	}
	r, err := store.Read(ctx, environment, number)
	switch {
	case errors.Is(err, release.ErrNone):
		return r, fmt.Errorf("%w: %s has no release %d (./scripts/releases.sh --environment %s shows all)", release.ErrNone, environment, number, environment)
	case err == nil && r.Result != release.Succeeded:
		return r, fmt.Errorf("release %d of %s is none to go back to: its result is %q; ./scripts/releases.sh --environment %s shows those that succeeded", number, environment, r.Result, environment)
	}
	return r, err
}

// promoted is what runs in an environment, provided that it is a release and nothing else.
func (l *Launcher) promoted(ctx context.Context, store release.Store, from string) (release.Record, error) {
	records, err := store.Latest(ctx, from)
	if err != nil {
		return release.Record{}, err
	}
	stands, unfinished := release.Current(records)
	switch {
	case stands == nil:
		return release.Record{}, fmt.Errorf("%w: nothing has been released to %s", release.ErrNone, from)
	case unfinished != nil:
		return *stands, fmt.Errorf("release %d of %s has no end: it goes on, or was cut off; deploy to %s once more, and then promote it", unfinished.Number, from, from)
	case stands.Result != release.Succeeded:
		return *stands, fmt.Errorf("release %d, which %s runs, failed: %s", stands.Number, from, stands.Error)
	}
	root, err := l.describe(ctx, contract.EnvironmentStackName(l.Config.Name, from))
	if err != nil {
		return *stands, err
	}
	running, err := l.runningImage(ctx, root)
	if err == nil && running != stands.Image {
		err = fmt.Errorf("%s runs %s and not the image of release %d: somebody deployed past slipway", from, running, stands.Number)
	}
	return *stands, err
}

// redelivery is a release that comes to an environment, its own or another one.
type redelivery struct {
	past   *Launcher // works with what the release was made from
	f      foundation
	env    config.Environment
	root   stack
	chosen release.Record
	o      DeployOptions
}

// redo finds out what a release would come to, and does something with that.
func (l *Launcher) redo(ctx context.Context, f foundation, environment string, chosen release.Record, o DeployOptions, do func(context.Context, redelivery) error) error {
	folder, err := os.MkdirTemp("", "slipway-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	past, err := l.asOf(ctx, f, chosen, folder)
	if err != nil {
		return fmt.Errorf("release %d of %s: %w", chosen.Number, chosen.Environment, err)
	}
	o.Environments, o.Image, o.KeepImage = []string{environment}, chosen.Image, false
	if err := past.check(DeployOptions{Environments: o.Environments, Image: o.Image}); err != nil {
		return fmt.Errorf("release %d of %s: %w", chosen.Number, chosen.Environment, err)
	}
	root, err := past.describe(ctx, contract.EnvironmentStackName(past.Config.Name, environment))
	if err != nil {
		return err
	}
	if !hasRun(root) {
		return fmt.Errorf("environment %s is not up (stack %s: %s): bring it up with ./scripts/deploy.sh --environment %s", environment, root.name,
			cmp.Or(string(root.status), "does not exist"), environment)
	}
	if err := do(ctx, redelivery{past, f, past.environment(environment), root, chosen, o}); err != nil {
		return fmt.Errorf("environment %s: %w", environment, err)
	}
	return nil
}

func (r redelivery) kind() release.Kind {
	if r.chosen.Environment != r.env.Name {
		return release.Promotion
	}
	return release.Rollback
}

// tell says which release it is.
func (r redelivery) tell() {
	r.past.Progress.Line("%s: %s release %d of %s: %s", r.root.name, map[release.Kind]string{release.Rollback: "going back to", release.Promotion: "promoting"}[r.kind()],
		r.chosen.Number, r.chosen.Environment, nameOf(r.chosen.Source))
}

// deployAgain brings the release to the environment.
func deployAgain(ctx context.Context, r redelivery) error {
	d := &delivery{l: r.past, f: r.f, store: r.past.releases(r.f.bucket), record: release.Record{
		Kind: r.kind(), Of: &release.Ref{Environment: r.chosen.Environment, Number: r.chosen.Number}, Execution: r.o.Execution,
		Source: r.chosen.Source, TemplateSource: r.chosen.TemplateSource,
	}}
	d.set = func(context.Context) (release.Set, error) { return *r.past.past, nil }
	r.tell()
	records, err := d.store.Latest(ctx, r.env.Name)
	if err != nil {
		return Explain(err)
	}
	drift, err := r.past.drift(ctx, records, r.env, r.root, r.chosen.Image)
	if err != nil {
		return err
	}
	if err := r.o.gate.pass(plan.Plan{Risks: drift}); err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	return r.past.deployEnvironment(ctx, r.f, r.env, r.root, r.chosen.Image, r.o, d)
}

// nameOf is a source as a person knows it.
func nameOf(s release.Source) string {
	switch {
	case s.Commit != "" && s.Dirty:
		return "commit " + s.Commit + " with changes that were not committed"
	case s.Commit != "":
		return "commit " + s.Commit
	case s.Identity != "":
		return "source " + s.Identity
	}
	return "a source that is not known"
}

// asOf is a launcher that works with what a release was made from, instead of the working tree. Templates are written to a
// folder.
func (l *Launcher) asOf(ctx context.Context, f foundation, r release.Record, folder string) (*Launcher, error) {
	if digest, err := digestOfReference(f, r.Image); err != nil {
		return nil, err
	} else if _, err := l.tagsOf(ctx, f, digest); err != nil {
		return nil, err
	}
	set, err := l.releases(f.bucket).Unpack(ctx, r, folder)
	if err != nil {
		return nil, Explain(err)
	}
	past := *l
	past.Templates, past.past, past.Slipway, past.Source = os.DirFS(folder), &set, set.Slipway, nil
	cfg, err := config.Parse(config.File, []byte(set.Slipway))
	if err == nil && cfg.Name != l.Config.Name {
		err = fmt.Errorf("it is of the application %s", cfg.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("its %s cannot be used: %w", config.File, err)
	}
	past.Config = cfg
	return &past, nil
}

// drift is where what runs is not what the releases tell, and a deployment of an image would take it back unseen: somebody deployed
// past slipway. What an unfinished or failed release may have left is none. The records are newest first, as far as the one that stands.
func (l *Launcher) drift(ctx context.Context, records []release.Record, env config.Environment, root stack, image string) ([]plan.Risk, error) {
	stands, _ := release.Current(records)
	if stands == nil || !hasRun(root) || inProgress(root.status) {
		return nil, nil
	}
	var risks []plan.Risk
	risk := func(what, format string, args ...any) {
		risks = append(risks, plan.Risk{Name: fmt.Sprintf("drift:%s.%s", env.Name, what), Kind: plan.Drift, Text: fmt.Sprintf(format, args...)})
	}
	running, err := l.deployedImage(ctx, root)
	if errors.Is(err, errNoService) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	other, differ := release.Astray(records, running, root.parameters)
	if other && running != image {
		risk("image", "the service runs %s, and release %d, the newest, has %s: somebody deployed past slipway, and this takes it back", running, stands.Number, stands.Image)
	}
	if len(differ) > 0 {
		risk("stack", "stack %s has other values than release %d, the newest, for %s: somebody changed it past slipway, and this takes it back", root.name, stands.Number, strings.Join(differ, ", "))
	}
	return risks, nil
}
