package operate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"slipway/internal/contract"
	"slipway/internal/release"
)

// Report is what is running of the application.
type Report struct {
	Application  string        `json:"application" doc:"name in slipway.yaml"`
	Account      string        `json:"account" doc:"AWS account"`
	Region       string        `json:"region" doc:"AWS Region"`
	Foundation   Stack         `json:"foundation" doc:"the stack with bucket, registry and roles"`
	Environments []Environment `json:"environments" doc:"those asked for, in the order of slipway.yaml"`
}

// State sums an environment up.
type State string

// The states. Changing is what ends by itself: an operation on a stack, a rollout, a task that starts.
const (
	Healthy   State = "healthy"
	Changing  State = "changing"
	Unhealthy State = "unhealthy"
	Absent    State = "absent"
)

// Environment is one environment and what runs there.
type Environment struct {
	Name       string      `json:"name" doc:"in slipway.yaml"`
	State      State       `json:"state" doc:"healthy, changing, unhealthy or absent"`
	Problems   []string    `json:"problems" doc:"what keeps it from being healthy"`
	Changes    []string    `json:"changes" doc:"what is under way and ends by itself"`
	Notes      []string    `json:"notes" doc:"what is worth knowing and no problem"`
	URL        string      `json:"url" doc:"under which users reach the service"`
	Release    *Release    `json:"release,omitempty" doc:"that it holds by its record, the newest that stands"`
	Image      *Image      `json:"image,omitempty" doc:"of the application in the task definition that is deployed"`
	Tasks      *Tasks      `json:"tasks,omitempty" doc:"of the service"`
	Targets    *Targets    `json:"targets,omitempty" doc:"the tasks as the load balancer sees them"`
	Deployment *Deployment `json:"deployment,omitempty" doc:"the service's last one"`
	Drift      string      `json:"drift" doc:"what is deployed and is not what the stack or the release says; empty where it is"`
	Held       *Held       `json:"held,omitempty" doc:"the pipeline lets no run in; see ./scripts/hold.sh"`
	Stacks     []Stack     `json:"stacks" doc:"the root first, each nested one after its parent"`
}

// Release is what the record of a release tells in short.
type Release struct {
	Number int            `json:"number" doc:"as rollback.sh takes it"`
	Result release.Result `json:"result" doc:"succeeded, or failed where only the look at the service failed"`
	Kind   release.Kind   `json:"kind" doc:"deployment, rollback or promotion"`
	Began  time.Time      `json:"began" doc:"when it was made"`
	Commit string         `json:"commit,omitempty" doc:"git commit of its source"`
	Dirty  bool           `json:"dirty,omitempty" doc:"the source differed from the commit"`
}

// Status looks at environments, by their names.
func (o *Operator) Status(ctx context.Context, environments []string) (Report, error) {
	r := Report{Application: o.cfg.Name, Region: o.region, Environments: []Environment{}}
	var err error
	if r.Account, err = o.account(ctx); err != nil {
		return r, err
	}
	name := contract.FoundationStackName(o.cfg.Name)
	if r.Foundation, err = o.describe(ctx, name, name); err != nil {
		return r, err
	}
	held, unknown := o.Held(ctx)
	for _, name := range environments {
		e, err := o.environment(ctx, name, r.Foundation)
		if err != nil {
			return r, fmt.Errorf("environment %s: %w", name, err)
		}
		e.tellHeld(held, unknown)
		r.Environments = append(r.Environments, e)
	}
	return r, nil
}

// tellHeld says whether the pipeline is held before the environment; where there is none, nothing.
func (e *Environment) tellHeld(held map[string]Held, unknown error) {
	if h, is := held[e.Name]; is {
		e.Held = &h
	}
	var absent *AbsentError
	if e.State != Absent && unknown != nil && !errors.As(unknown, &absent) {
		e.Notes = append(e.Notes, "whether the pipeline is held here is not known: "+unknown.Error())
	}
}

func (o *Operator) environment(ctx context.Context, name string, foundation Stack) (Environment, error) {
	e := Environment{Name: name, Problems: []string{}, Changes: []string{}, Notes: []string{}, Stacks: []Stack{}}
	root, err := o.root(ctx, name)
	if err != nil {
		return e, err
	}
	if why := o.absence(root); why != "" {
		e.State, e.Notes = Absent, append(e.Notes, why)
		return e, nil
	}
	below, err := o.nested(ctx, root)
	if err != nil {
		return e, err
	}
	e.URL, e.Stacks = root.outputs[contract.KeyServiceURL], append([]Stack{root}, below...)
	e.judgeStacks()
	if err := o.lookAtService(ctx, &e, root, foundation); err != nil {
		return e, err
	}
	e.sumUp()
	return e, nil
}

// judgeStacks says what the stacks' statuses mean.
func (e *Environment) judgeStacks() {
	for _, s := range e.Stacks {
		switch {
		case s.busy():
			e.Changes = append(e.Changes, fmt.Sprintf("stack %s is %s", s.Place, s.Status))
		case !s.well():
			e.Problems = append(e.Problems, strings.TrimSuffix(fmt.Sprintf("stack %s is %s: %s", s.Place, s.Status, s.Reason), ": "))
		}
	}
	if e.Stacks[0].rolledBack() {
		e.Notes = append(e.Notes, "the last change of stack "+e.Stacks[0].Name+" failed and was rolled back: what runs is what ran before it (./scripts/events.sh shows why)")
	}
}

func (o *Operator) lookAtService(ctx context.Context, e *Environment, root, foundation Stack) error {
	r, err := o.service(ctx, root)
	if err != nil {
		return err
	}
	if r == nil {
		if !root.busy() {
			e.Problems = append(e.Problems, "it has no ECS service")
		}
		return nil
	}
	e.Deployment = r.deployment()
	if e.Tasks, err = o.tasks(ctx, r); err != nil {
		return err
	}
	if e.Targets, err = o.targets(ctx, root); err != nil {
		return err
	}
	if e.Image, err = o.image(ctx, r.image(), foundation); err != nil {
		return err
	}
	e.judgeService()
	records, err := o.latestReleases(ctx, e.Name, foundation)
	if err != nil {
		return err
	}
	e.tellRelease(records)
	e.Drift = drift(root, r, records)
	return nil
}

// latestReleases are those of an environment as far as the newest that stands.
func (o *Operator) latestReleases(ctx context.Context, environment string, foundation Stack) ([]release.Record, error) {
	bucket := foundation.outputs[contract.KeyBucketName]
	if bucket == "" {
		return nil, nil
	}
	return release.Store{S3: o.s3, Bucket: bucket}.Latest(ctx, environment)
}

// tellRelease says which release the environment holds, and what is odd about newer ones.
func (e *Environment) tellRelease(records []release.Record) {
	stands, unfinished := release.Current(records)
	if unfinished != nil && !e.Stacks[0].busy() {
		e.Notes = append(e.Notes, fmt.Sprintf("release %d has no end: it goes on, or was cut off (the next deployment says what is there)", unfinished.Number))
	}
	for _, r := range records {
		if r.Result == release.Unreadable {
			e.Notes = append(e.Notes, fmt.Sprintf("release %d cannot be read: %s", r.Number, r.Error))
		}
	}
	if stands == nil {
		return
	}
	e.Release = &Release{Number: stands.Number, Result: stands.Result, Kind: stands.Kind, Began: stands.Began, Commit: stands.Source.Commit, Dirty: stands.Source.Dirty}
	if stands.Result != release.Succeeded {
		e.Notes = append(e.Notes, fmt.Sprintf("release %d, which it holds, failed: %s", stands.Number, stands.Error))
	}
}

// judgeService says what tasks, targets and rollout mean.
func (e *Environment) judgeService() {
	problem := func(format string, args ...any) { e.Problems = append(e.Problems, fmt.Sprintf(format, args...)) }
	change := func(format string, args ...any) { e.Changes = append(e.Changes, fmt.Sprintf(format, args...)) }

	rolling := e.Deployment.State == "IN_PROGRESS"
	switch {
	case e.Deployment.State == "FAILED":
		problem("the last deployment failed: %s", e.Deployment.Reason)
	case rolling && e.Deployment.Failed > 0:
		problem("a deployment is under way and %d of its tasks have failed", e.Deployment.Failed)
	case rolling:
		change("a deployment is under way")
	}
	switch counts := fmt.Sprintf("%d of %d tasks run, %d are starting", e.Tasks.Running, e.Tasks.Desired, e.Tasks.Pending); {
	case e.Tasks.Desired == 0:
		problem("the service is set to run no task")
	case e.Tasks.Running < e.Tasks.Desired && !rolling && e.Tasks.Pending == 0:
		problem("%s", counts)
	case e.Tasks.Running != e.Tasks.Desired || e.Tasks.Pending > 0:
		change("%s", counts)
	}
	if e.Targets == nil {
		problem("the load balancer has no target group for it")
		return
	}
	for _, said := range e.Targets.Others {
		if e.Targets.starting == len(e.Targets.Others) {
			change("target %s", said)
		} else {
			problem("target %s", said)
		}
	}
	if e.Targets.Total < e.Tasks.Running {
		change("%d of %d running tasks are registered with the load balancer", e.Targets.Total, e.Tasks.Running)
	}
}

func (e *Environment) sumUp() {
	switch {
	case len(e.Problems) > 0:
		e.State = Unhealthy
	case len(e.Changes) > 0:
		e.State = Changing
	default:
		e.State = Healthy
	}
}

// drift says in one line where what is deployed is not what the stack says, or what the releases tell. While the stack changes, it
// says nothing yet.
func drift(root Stack, r *running, records []release.Record) string {
	if root.busy() {
		return ""
	}
	var found []string
	if want, is := root.parameters[contract.KeyImageURI], r.image(); is != want {
		found = append(found, fmt.Sprintf("the task definition's image is %s, the stack's %s", is, want))
	}
	if want, is := root.outputs[contract.KeyTaskDefinitionARN], r.primary.TaskDefinition; is == nil || *is != want {
		is := value(is)
		found = append(found, fmt.Sprintf("the service runs %s, the stack names %s", lastPart(is), lastPart(want)))
	}
	stands, _ := release.Current(records)
	other, differ := release.Astray(records, r.image(), root.parameters)
	if other {
		found = append(found, fmt.Sprintf("release %d has the image %s", stands.Number, stands.Image))
	}
	if len(differ) > 0 {
		found = append(found, fmt.Sprintf("the stack has other values than release %d for %s", stands.Number, strings.Join(differ, ", ")))
	}
	return strings.Join(found, "; ")
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
