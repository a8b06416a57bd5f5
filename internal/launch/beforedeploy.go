package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	smithytime "github.com/aws/smithy-go/time"
	"github.com/goccy/go-yaml/parser"

	"slipway/internal/cause"
	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/evidence"
	"slipway/internal/plan"
	"slipway/internal/release"
	"slipway/internal/template"
)

// runsBefore says whether a task has to end well before this change of an environment: where the service gets another image, and
// as long as no release of it has ever stood.
func (l *Launcher) runsBefore(root stack, image string, earlier []release.Record) bool {
	if !l.Config.Service.BeforeDeploy.Runs() {
		return false
	}
	stands, _ := release.Current(earlier)
	return stands == nil || !hasRun(root) || root.parameters[contract.KeyImageURI] != image
}

// runBefore runs the task before a deployment. The plan of the whole change is shown and allowed first, once; then the task's own
// definition is all that changes, or, where nothing is up yet, the environment is made with its service at no task. It returns
// the root as it then is.
func (l *Launcher) runBefore(ctx context.Context, d *delivery, env config.Environment, root stack, r *request) (stack, error) {
	p, err := l.planAhead(ctx, *r, root, func(plan.Plan) bool { return true })
	if err == nil {
		l.tell(p)
		err = r.mayDo(root, p)
	}
	if err == nil {
		err = r.begin(ctx, p)
	}
	if err != nil {
		return root, err
	}
	r.begin, r.told = nil, true
	part, err := l.firstPart(ctx, d.f, env, root, *r)
	if err != nil {
		return root, err
	}
	l.Progress.Line("%s: preparing the task before the deployment", r.name)
	made, err := l.apply(ctx, part)
	if errors.Is(err, errNoChanges) {
		made, err = l.describe(ctx, r.name)
	}
	if err != nil {
		return made, err
	}
	if err := l.runTask(ctx, made); err != nil {
		return made, err
	}
	return made, l.raiseCount(ctx, env, made)
}

// firstPart is what of a change has to be there for the task to run.
func (l *Launcher) firstPart(ctx context.Context, f foundation, env config.Environment, root stack, r request) (request, error) {
	part := r
	part.part = true
	part.parameters = maps.Clone(r.parameters)
	if !hasRun(root) {
		text, err := l.withoutTasks(env)
		if err == nil {
			part.parameters[contract.KeyECSTemplateURL], err = l.uploadText(ctx, f.bucket, contract.EnvironmentTemplate(env.Name, contract.StackECS), text)
		}
		return part, err
	}
	alone, err := l.changesAlone(ctx, env, root)
	if err != nil {
		return part, err
	}
	if !alone {
		// The stack has no such task yet, or gives it something else: the rest comes first, with the image that runs.
		part.parameters[contract.KeyImageURI] = root.parameters[contract.KeyImageURI]
		return part, nil
	}
	part.url, part.template, part.previous = "", "", true
	part.parameters = maps.Clone(root.parameters)
	for _, key := range []string{contract.KeyBeforeDeployTemplateURL, contract.KeyBeforeDeployImageURI} {
		part.parameters[key] = r.parameters[key]
	}
	return part, nil
}

// changesAlone says whether the root, as it is, gives the task all that its template asks for.
func (l *Launcher) changesAlone(ctx context.Context, env config.Environment, root stack) (bool, error) {
	text, err := l.templateOf(ctx, root.id)
	if err != nil {
		return false, err
	}
	is, err := template.Parse([]byte(text))
	if err != nil {
		return false, fmt.Errorf("read the template of stack %s: %w", root.name, err)
	}
	wanted, err := l.rootTemplate(env)
	if err != nil {
		return false, err
	}
	_, has := is.Resources[contract.NestedBeforeDeploy]
	return has && reflect.DeepEqual(is.Resources[contract.NestedBeforeDeploy], wanted.Resources[contract.NestedBeforeDeploy]), nil
}

// withoutTasks is the service's template with the service at no task. The nonce is another one, so that the tasks come with a
// deployment, which ECS gives up where they fail.
func (l *Launcher) withoutTasks(env config.Environment) ([]byte, error) {
	t, err := l.template(contract.EnvironmentTemplate(env.Name, contract.StackECS))
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes([]byte(t.text), 0)
	if err != nil {
		return nil, fmt.Errorf("read the template %s: %w", t.path, err)
	}
	whole, err := template.Value(file.Docs[0].Body)
	if err != nil {
		return nil, fmt.Errorf("read the template %s: %w", t.path, err)
	}
	properties := whole
	for _, key := range []string{"Resources", contract.ServiceResource, "Properties"} {
		inner, _ := properties.(map[string]any)
		properties = inner[key]
	}
	service, ok := properties.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the template %s has no resource %s; run `go run ./gen`", t.path, contract.ServiceResource)
	}
	service["DesiredCount"] = 0
	service["ForceNewDeployment"] = map[string]any{"EnableForceNewDeployment": true, "ForceNewDeploymentNonce": "no task yet"}
	return json.Marshal(whole)
}

// The task before a deployment, as ECS is told who started it.
const startedBy = "slipway"

// runTask runs the task that the stack defines until it has ended, and returns an error unless it ended well. A task of a run
// that was cut off is followed and not run a second time; one of another release is waited for, since two at once may get in
// each other's way. Where this run is interrupted the task is stopped.
func (l *Launcher) runTask(ctx context.Context, root stack) error {
	t := oneTask{l: l, root: root, cluster: root.outputs[contract.KeyClusterName], definition: root.outputs[contract.KeyBeforeDeployTaskDefinitionARN],
		timeout: time.Duration(l.Config.Service.BeforeDeploy.Timeout) * time.Second}
	living, err := t.living(ctx)
	if err != nil {
		return err
	}
	for _, task := range living {
		if aws.ToString(task.TaskDefinitionArn) == t.definition && aws.ToString(task.DesiredStatus) == string(ecstypes.DesiredStatusRunning) {
			l.Progress.Line("%s: the task %s of a run that was cut off still runs: following it", root.name, lastPart(aws.ToString(task.TaskArn)))
			return t.withLog().follow(ctx, task)
		}
		l.Progress.Line("%s: waiting for the task %s to end, which an earlier run has started", root.name, lastPart(aws.ToString(task.TaskArn)))
		if _, err := t.withLog().ended(ctx, task); err != nil {
			return err
		}
	}
	task, err := t.start(ctx)
	if err != nil {
		return err
	}
	return t.withLog().follow(ctx, task)
}

// oneTask is a task that is run once.
type oneTask struct {
	l                   *Launcher
	root                stack
	cluster, definition string
	timeout             time.Duration
	log                 *logTail // of the task that is followed
}

// withLog is the same for a task whose log was not shown yet.
func (t oneTask) withLog() oneTask {
	t.log = &logTail{l: t.l, group: t.root.outputs[contract.KeyLogGroupName]}
	return t
}

// living are the tasks of the family that run, or are being stopped.
func (t oneTask) living(ctx context.Context) ([]ecstypes.Task, error) {
	family, _, _ := strings.Cut(lastPart(t.definition), ":")
	var living []ecstypes.Task
	for _, status := range []ecstypes.DesiredStatus{ecstypes.DesiredStatusRunning, ecstypes.DesiredStatusStopped} {
		list, err := t.l.aws.ecs.ListTasks(ctx, &ecs.ListTasksInput{Cluster: aws.String(t.cluster), Family: aws.String(family), DesiredStatus: status})
		if err != nil {
			return nil, fmt.Errorf("list the tasks of family %s: %w", family, Explain(err))
		}
		if len(list.TaskArns) == 0 {
			continue
		}
		out, err := t.l.aws.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: aws.String(t.cluster), Tasks: list.TaskArns})
		if err != nil {
			return nil, fmt.Errorf("describe the tasks of family %s: %w", family, Explain(err))
		}
		living = append(living, slices.DeleteFunc(out.Tasks, hasStopped)...)
	}
	return living, nil
}

func hasStopped(t ecstypes.Task) bool {
	return aws.ToString(t.LastStatus) == string(ecstypes.DesiredStatusStopped)
}

// start runs the task where the service's tasks run.
func (t oneTask) start(ctx context.Context) (ecstypes.Task, error) {
	s, err := t.l.service(ctx, t.cluster, t.root.outputs[contract.KeyServiceName])
	if err != nil {
		return ecstypes.Task{}, fmt.Errorf("ask for the network of the service: %w", err)
	}
	t.l.Progress.Line("%s: running %s before the deployment", t.root.name, strings.Join(t.l.Config.Service.BeforeDeploy.Command, " "))
	// The SDK gives each call a token, by which ECS knows it again when it is repeated.
	out, err := t.l.aws.ecs.RunTask(ctx, &ecs.RunTaskInput{
		Cluster: aws.String(t.cluster), TaskDefinition: aws.String(t.definition), Count: aws.Int32(1), LaunchType: ecstypes.LaunchTypeFargate,
		NetworkConfiguration: s.NetworkConfiguration, StartedBy: aws.String(startedBy),
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return ecstypes.Task{}, fmt.Errorf("%w while starting the task before the deployment: if it was started, the next run of the same command follows it", ErrInterrupted)
	case err != nil:
		err = Explain(err)
		return ecstypes.Task{}, t.failed("could not be started: "+err.Error(), nil, cause.Signal{Origin: cause.Call, Text: err.Error()})
	case len(out.Tasks) == 0:
		var reasons []string
		for _, f := range out.Failures {
			reasons = append(reasons, strings.TrimSpace(aws.ToString(f.Reason)+" "+aws.ToString(f.Detail)))
		}
		text := strings.Join(reasons, "; ")
		return ecstypes.Task{}, t.failed("could not be started: "+text, nil, cause.Signal{Origin: cause.Task, Resource: lastPart(t.definition), Text: text})
	}
	return out.Tasks[0], nil
}

// follow waits for the task to end, and returns an error unless it ended well.
func (t oneTask) follow(ctx context.Context, task ecstypes.Task) error {
	id := lastPart(aws.ToString(task.TaskArn))
	limited, cancel := context.WithTimeoutCause(ctx, t.timeout, errTooLate)
	defer cancel()
	ended, err := t.ended(limited, task)
	switch {
	case ctx.Err() != nil:
		if err := t.stop(ctx, task, "the run of slipway was interrupted"); err != nil {
			return fmt.Errorf("%w while the task %s ran before the deployment; it %w, and the next run follows it", ErrInterrupted, id, err)
		}
		return fmt.Errorf("%w while the task %s ran before the deployment: it was stopped, and the service is as it was", ErrInterrupted, id)
	case limited.Err() != nil:
		return t.late(ctx, ended)
	case err != nil:
		return err
	}
	if code := exitCode(ended); code != nil && *code == 0 {
		t.l.Progress.Line("%s: the task %s ended well", t.root.name, id)
		return nil
	}
	return t.failed("failed", &ended)
}

// late stops a task that has taken longer than it may.
func (t oneTask) late(ctx context.Context, task ecstypes.Task) error {
	how := fmt.Sprintf("did not end within %s", t.timeout)
	late := cause.Signal{Origin: cause.Task, Resource: lastPart(aws.ToString(task.TaskArn)), Text: "TaskTimedOut: the task " + how}
	if err := t.stop(ctx, task, "it took longer than service.beforeDeploy.timeout allows"); err != nil {
		return t.failed(fmt.Sprintf("%s, and %v", how, err), &task, late)
	}
	if ended, err := t.untilStopped(ctx, task); err == nil {
		task = ended
	}
	return t.failed(how+" and was stopped", &task, late)
}

// exitCode is the application's; nil where it never ran.
func exitCode(task ecstypes.Task) *int32 {
	for _, c := range task.Containers {
		if aws.ToString(c.Name) == contract.ContainerName {
			return c.ExitCode
		}
	}
	return nil
}

// ended waits until a task has ended, and shows its log meanwhile.
func (t oneTask) ended(ctx context.Context, task ecstypes.Task) (ecstypes.Task, error) {
	arn := aws.ToString(task.TaskArn)
	stream := contract.LogStream(contract.BeforeDeployStreamPrefix, contract.ContainerName, lastPart(arn))
	line := t.l.newLine("task " + lastPart(arn))
	for {
		out, err := t.l.aws.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: aws.String(t.cluster), Tasks: []string{arn}})
		switch {
		case ctx.Err() != nil:
			return task, fmt.Errorf("%w while following the task %s; run the same command again", ErrInterrupted, lastPart(arn))
		case err != nil && !passing(err):
			return task, fmt.Errorf("ask about task %s: %w", lastPart(arn), Explain(err))
		case err != nil:
			if err := line.lost(Explain(err)); err != nil {
				return task, err
			}
		case len(out.Tasks) == 0: // for a moment ECS may not know yet what it has started
			if err := line.lost(fmt.Errorf("ECS does not know the task %s", lastPart(arn))); err != nil {
				return task, err
			}
		default:
			line.kept()
			task = out.Tasks[0]
			t.log.show(ctx, stream)
			if hasStopped(task) {
				return task, nil
			}
		}
		if err := smithytime.SleepWithContext(ctx, t.l.Poll); err != nil {
			continue // the next look says that it was interrupted
		}
	}
}

const (
	// stopCallTime is how long it may take to have a task stopped when the run ends.
	stopCallTime = 20 * time.Second
	// stoppingTime is how long a task may take to stop beyond the stop timeout of its containers.
	stoppingTime = 2 * time.Minute
)

// stop has a task stopped, also when the run was interrupted.
func (t oneTask) stop(ctx context.Context, task ecstypes.Task, why string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopCallTime)
	defer cancel()
	_, err := t.l.aws.ecs.StopTask(ctx, &ecs.StopTaskInput{Cluster: aws.String(t.cluster), Task: task.TaskArn, Reason: aws.String("slipway: " + why)})
	if err != nil {
		return fmt.Errorf("could not be stopped: %w", Explain(err))
	}
	return nil
}

// untilStopped waits for the end of a task that was told to stop.
func (t oneTask) untilStopped(ctx context.Context, task ecstypes.Task) (ecstypes.Task, error) {
	ctx, cancel := context.WithTimeout(ctx, stoppingTime+time.Duration(t.l.Config.Service.StopTimeout)*time.Second)
	defer cancel()
	return t.ended(ctx, task)
}

// failed makes the failure of the task. What was said besides goes before what the task tells.
func (t oneTask) failed(how string, task *ecstypes.Task, said ...cause.Signal) error {
	f := &Failure{Operation: "task before the deployment", what: fmt.Sprintf("the task before the deployment to %s %s; the service was not changed", t.root.name, how)}
	if task != nil {
		e := evidence.Ended(context.Background(), t.l.aws.evidence(), *task, t.root.outputs[contract.KeyLogGroupName])
		f.Evidence, f.told = &e, e.Explain()
		said = append(said, e.Signals()...)
	}
	f.Cause = cause.Find(said)
	return t.l.keep(f)
}

// stopTasksBefore stops what still runs of tasks before deployments: a cluster with a task cannot be deleted.
func (l *Launcher) stopTasksBefore(ctx context.Context, root stack) error {
	definition := root.outputs[contract.KeyBeforeDeployTaskDefinitionARN]
	if definition == "" {
		return nil
	}
	t := oneTask{l: l, root: root, cluster: root.outputs[contract.KeyClusterName], definition: definition}
	living, err := t.living(ctx)
	if err != nil {
		return err
	}
	for _, task := range living {
		t = t.withLog()
		l.Progress.Line("%s: stopping the task %s before a deployment, which still runs", root.name, lastPart(aws.ToString(task.TaskArn)))
		if err := t.stop(ctx, task, "the environment is destroyed"); err != nil {
			return err
		}
		if _, err := t.untilStopped(ctx, task); err != nil {
			return err
		}
	}
	return nil
}
