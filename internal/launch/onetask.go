package launch

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	smithytime "github.com/aws/smithy-go/time"

	"slipway/internal/cause"
	"slipway/internal/contract"
	"slipway/internal/evidence"
	"slipway/internal/visit"
)

// oneTask is a task that is run once.
type oneTask struct {
	job
	l                   *Launcher
	root                stack
	cluster, definition string
	timeout             time.Duration
	log                 *logTail // of the task that is followed
	command             []string // in place of the image's own arguments; none for the definition's
	group               string   // its security group; empty for the service's
}

// job is what a task that is run once is for, in the words of what is said about it.
type job struct {
	what   string // such as "task before the deployment"
	begins string // such as "running /app migrate before the deployment"
	after  string // how things are where it was stopped with the run
	limit  string // what it is held to, such as "service.beforeDeploy.timeout allows"
	late   string // what taking longer is called in the signal of a cause
	failed string // with a verb for what came of it
	stream string // what its log streams begin with

	refusal string // the signal of a cause for visit.ExitRefused, its last line then saying why; empty where no code has a meaning
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
	t.l.Progress.Line("%s: %s", t.root.name, t.begins)
	in := &ecs.RunTaskInput{
		Cluster: aws.String(t.cluster), TaskDefinition: aws.String(t.definition), Count: aws.Int32(1), LaunchType: ecstypes.LaunchTypeFargate,
		NetworkConfiguration: s.NetworkConfiguration, StartedBy: aws.String(startedBy),
	}
	if len(t.command) > 0 {
		in.Overrides = &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{{Name: aws.String(contract.ContainerName), Command: t.command}}}
	}
	if t.group != "" {
		in.NetworkConfiguration.AwsvpcConfiguration.SecurityGroups = []string{t.group}
	}
	// The SDK gives each call a token, by which ECS knows it again when it is repeated.
	out, err := t.l.aws.ecs.RunTask(ctx, in)
	switch {
	case err != nil && ctx.Err() != nil:
		return ecstypes.Task{}, fmt.Errorf("%w while starting the %s: if it was started, the next run of the same command follows it", ErrInterrupted, t.what)
	case err != nil:
		text := cmp.Or(advised(err), err).Error() // the failure tells the cause itself
		return ecstypes.Task{}, t.failed("could not be started: "+text, nil, cause.Signal{Origin: cause.Call, Text: text})
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
			return fmt.Errorf("%w while the %s ran (%s); it %w, and the next run follows it", ErrInterrupted, t.what, id, err)
		}
		return fmt.Errorf("%w while the %s ran (%s): it was stopped, and %s", ErrInterrupted, t.what, id, t.after)
	case limited.Err() != nil:
		return t.late(ctx, ended)
	case err != nil:
		return err
	}
	if code := exitCode(ended); code != nil && *code == 0 {
		t.showLate(ctx, ended)
		t.l.Progress.Line("%s: the task %s ended well", t.root.name, id)
		return nil
	}
	return t.failed("failed", &ended, t.meant(ended)...)
}

// showLate shows what a task has said that always says how it went: the lines may come after the end is known.
func (t oneTask) showLate(ctx context.Context, task ecstypes.Task) {
	for began := time.Now(); t.refusal != "" && !t.log.shown && !t.log.refused && time.Since(began) < lateLines; {
		if smithytime.SleepWithContext(ctx, t.l.Poll) != nil {
			return
		}
		t.log.show(ctx, t.logStream(task))
	}
}

// late stops a task that has taken longer than it may.
func (t oneTask) late(ctx context.Context, task ecstypes.Task) error {
	how := fmt.Sprintf("did not end within %s", t.timeout)
	late := cause.Signal{Origin: cause.Task, Resource: lastPart(aws.ToString(task.TaskArn)), Text: t.job.late + ": the task " + how}
	if err := t.stop(ctx, task, "it took longer than "+t.limit); err != nil {
		return t.failed(fmt.Sprintf("%s, and %v", how, err), &task, late)
	}
	if ended, err := t.untilStopped(ctx, task); err == nil {
		task = ended
	}
	return t.failed(how+" and was stopped", &task, late)
}

func (t oneTask) logStream(task ecstypes.Task) string {
	return contract.LogStream(t.stream, contract.ContainerName, lastPart(aws.ToString(task.TaskArn)))
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

// meant is what the task says with its exit code.
func (t oneTask) meant(task ecstypes.Task) []cause.Signal {
	if !t.refused(task) {
		return nil
	}
	return []cause.Signal{{Origin: cause.Task, Resource: lastPart(aws.ToString(task.TaskArn)), Text: t.refusal}}
}

func (t oneTask) refused(task ecstypes.Task) bool {
	code := exitCode(task)
	return t.refusal != "" && code != nil && *code == visit.ExitRefused
}

// ended waits until a task has ended, and shows its log meanwhile.
func (t oneTask) ended(ctx context.Context, task ecstypes.Task) (ecstypes.Task, error) {
	arn := aws.ToString(task.TaskArn)
	stream := t.logStream(task)
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

// lateLines is how long a task's log is looked at that says why it ended: the lines may come after the end is known.
const lateLines = 10 * time.Second

// evidence is how the task ended, with its last lines.
func (t oneTask) evidence(task ecstypes.Task) evidence.Evidence {
	ctx := context.Background() // it is asked for where the run is interrupted, too
	for began := time.Now(); ; {
		e := evidence.Ended(ctx, t.l.aws.evidence(), task, t.root.outputs[contract.KeyLogGroupName], t.stream)
		if !t.refused(task) || t.log.refused || len(e.LogTail) > 0 || time.Since(began) > lateLines || smithytime.SleepWithContext(ctx, t.l.Poll) != nil {
			return e
		}
	}
}

// failed makes the failure of the task. What was said besides goes before what the task tells.
func (t oneTask) failed(how string, task *ecstypes.Task, said ...cause.Signal) error {
	f := &Failure{Operation: t.what, what: fmt.Sprintf(t.job.failed, how)}
	if task != nil {
		e := t.evidence(*task)
		f.Evidence, f.told = &e, e.Explain()
		said = append(said, e.Signals()...)
	}
	if f.Evidence != nil && t.refused(*task) && len(f.Evidence.LogTail) > 0 {
		f.what = f.Evidence.LogTail[len(f.Evidence.LogTail)-1]
	}
	f.Cause = cause.Find(said)
	return t.l.keep(f)
}

// stopOneTasks stops what still runs of tasks that are run once: a cluster with a task cannot be deleted, nor a security group
// that one has.
func (l *Launcher) stopOneTasks(ctx context.Context, root stack) error {
	for _, t := range []oneTask{l.taskBefore(root), l.visitor(root)} {
		if t.definition == "" {
			continue
		}
		living, err := t.living(ctx)
		if err != nil {
			return err
		}
		for _, task := range living {
			t := t.withLog()
			l.Progress.Line("%s: stopping the %s (%s), which still runs", root.name, t.what, lastPart(aws.ToString(task.TaskArn)))
			if err := t.stop(ctx, task, "the environment is destroyed"); err != nil {
				return err
			}
			if _, err := t.untilStopped(ctx, task); err != nil {
				return err
			}
		}
	}
	return nil
}
