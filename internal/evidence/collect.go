package evidence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/smithy-go"

	"slipway/internal/contract"
)

const (
	// callDeadline is short: while a slow service is waited for, the evidence elsewhere disappears.
	callDeadline = 5 * time.Second
	// maxPages bounds the listing of stopped tasks, 100 a page; ECS forgets them after about an hour.
	maxPages = 5

	spotProvider = "FARGATE_SPOT"

	unhealthy = "unhealthy"
	healthy   = "healthy"
)

// Collect looks once at service, tasks, targets and log. It never fails: what cannot be asked becomes a note.
func Collect(ctx context.Context, clients Clients, target Target) Evidence {
	var e Evidence
	if target.Cluster != "" && target.Service != "" {
		e.note("events of service "+target.Service, e.events(ctx, clients, target))
		e.note("stopped tasks of service "+target.Service, e.tasks(ctx, clients, target))
	}
	if target.TargetGroupARN != "" {
		e.note("health of the load balancer's targets", e.targets(ctx, clients, target))
	}
	if target.LogGroup != "" && target.ContainerName != "" {
		container, err := e.log(ctx, clients, target, contract.LogStreamPrefix)
		e.note(logOf+container, err)
	}
	return e
}

// Ended is how a task that was run once ended, with the last lines that it wrote to this log group, in the stream of this prefix.
func Ended(ctx context.Context, clients Clients, task ecstypes.Task, logGroup, prefix string) Evidence {
	e := Evidence{StoppedTasks: []StoppedTask{stoppedTask(task)}}
	container, err := e.log(ctx, clients, Target{LogGroup: logGroup, ContainerName: contract.ContainerName}, prefix)
	e.note(logOf+container, err)
	return e
}

// logOf begins the note on a log that could not be read.
const logOf = "log of container "

// note keeps why something could not be asked.
func (e *Evidence) note(what string, err error) {
	if err != nil {
		e.Notes = append(e.Notes, clean(fmt.Sprintf("%s: %s", what, short(err)), maxText))
	}
}

// short is the service's own code and message where it answered.
func short(err error) string {
	var answered smithy.APIError
	if errors.As(err, &answered) {
		return answered.ErrorCode() + ": " + answered.ErrorMessage()
	}
	return err.Error()
}

func (e *Evidence) events(ctx context.Context, clients Clients, target Target) error {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	answer, err := clients.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{
		Cluster: &target.Cluster, Services: []string{target.Service},
	})
	if err != nil {
		return err
	}
	for _, service := range answer.Services {
		e.Spot = e.Spot || slices.ContainsFunc(service.CapacityProviderStrategy, func(item ecstypes.CapacityProviderStrategyItem) bool {
			return aws.ToString(item.CapacityProvider) == spotProvider
		})
		for _, event := range service.Events {
			e.addEvent(target, Event{aws.ToString(event.Id), aws.ToTime(event.CreatedAt), aws.ToString(event.Message)})
		}
		for _, deployment := range service.Deployments {
			if deployment.RolloutState == ecstypes.DeploymentRolloutStateFailed {
				e.addEvent(target, Event{aws.ToString(deployment.Id), aws.ToTime(deployment.UpdatedAt), aws.ToString(deployment.RolloutStateReason)})
			}
		}
	}
	slices.SortStableFunc(e.ServiceEvents, func(x, y Event) int { return x.At.Compare(y.At) })
	e.ServiceEvents = e.ServiceEvents[max(0, len(e.ServiceEvents)-maxEvents):]
	return nil
}

func (e *Evidence) addEvent(target Target, event Event) {
	if event.At.Before(target.Since) || event.Message == "" {
		return
	}
	event.Message = clean(event.Message, maxText)
	e.ServiceEvents = append(e.ServiceEvents, event)
}

// tasks lists by cluster and not by service: ECS knows the tasks of a deleted service, but not the service.
func (e *Evidence) tasks(ctx context.Context, clients Clients, target Target) error {
	pages := ecs.NewListTasksPaginator(clients.ECS, &ecs.ListTasksInput{
		Cluster: &target.Cluster, DesiredStatus: ecstypes.DesiredStatusStopped,
	})
	for range maxPages {
		if !pages.HasMorePages() {
			break
		}
		if err := e.taskPage(ctx, clients, target, pages); err != nil {
			return err
		}
	}
	slices.SortStableFunc(e.StoppedTasks, func(x, y StoppedTask) int { return y.At.Compare(x.At) })
	e.StoppedTasks = e.StoppedTasks[:min(len(e.StoppedTasks), maxTasks)]
	return nil
}

func (e *Evidence) taskPage(ctx context.Context, clients Clients, target Target, pages *ecs.ListTasksPaginator) error {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	page, err := pages.NextPage(ctx)
	if err != nil || len(page.TaskArns) == 0 {
		return err
	}
	answer, err := clients.ECS.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &target.Cluster, Tasks: page.TaskArns})
	if err != nil {
		return err
	}
	for _, task := range answer.Tasks {
		if failed(task, target) {
			e.StoppedTasks = append(e.StoppedTasks, stoppedTask(task))
		}
	}
	return nil
}

// failed says whether a task is the service's, of this deployment, and ended for a reason of its own: "Scaling activity
// initiated by (deployment ecs-svc/...)" is how ECS replaces and scales
// (docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html).
func failed(task ecstypes.Task, target Target) bool {
	return aws.ToString(task.Group) == "service:"+lastPart(target.Service) &&
		!stopTime(task).Before(target.Since) &&
		!strings.HasPrefix(aws.ToString(task.StoppedReason), "Scaling activity initiated by")
}

// stopTime is when the task stopped or, where it is still stopping, when that began.
func stopTime(task ecstypes.Task) time.Time {
	for _, at := range []*time.Time{task.StoppedAt, task.StoppingAt, task.CreatedAt} {
		if at != nil {
			return *at
		}
	}
	return time.Time{}
}

func stoppedTask(task ecstypes.Task) StoppedTask {
	stopped := StoppedTask{
		TaskARN:  aws.ToString(task.TaskArn),
		At:       stopTime(task),
		Reason:   clean(aws.ToString(task.StoppedReason), maxText),
		StopCode: string(task.StopCode),
	}
	for _, container := range task.Containers {
		stopped.Containers = append(stopped.Containers, Container{
			Name: aws.ToString(container.Name), ExitCode: container.ExitCode, Reason: clean(aws.ToString(container.Reason), maxText),
		})
	}
	return stopped
}

func (e *Evidence) targets(ctx context.Context, clients Clients, target Target) error {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	answer, err := clients.Balancer.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &target.TargetGroupARN})
	if err != nil {
		return err
	}
	for _, found := range answer.TargetHealthDescriptions {
		if found.Target == nil || found.TargetHealth == nil || found.TargetHealth.State == healthy || len(e.Targets) == maxTargets {
			continue
		}
		e.Targets = append(e.Targets, TargetHealth{
			ID:          aws.ToString(found.Target.Id),
			Port:        aws.ToInt32(found.Target.Port),
			State:       string(found.TargetHealth.State),
			Reason:      string(found.TargetHealth.Reason),
			Description: clean(aws.ToString(found.TargetHealth.Description), maxText),
		})
	}
	return nil
}

// log reads the end of a container's log and returns its name: of the newest stopped task whose containers have run, the one
// that ended it. A task that was stopped for its health checks has run, even where ECS does not tell yet how it ended.
func (e *Evidence) log(ctx context.Context, clients Clients, target Target, prefix string) (container string, err error) {
	for _, task := range e.StoppedTasks {
		cause, ran := task.cause(target.ContainerName)
		if !ran && strings.Contains(task.Reason, "health checks") {
			cause, ran = Container{Name: target.ContainerName}, true
		}
		if !ran {
			continue
		}
		stream := contract.LogStream(prefix, cause.Name, lastPart(task.TaskARN))
		lines, err := tail(ctx, clients.Logs, target.LogGroup, stream, maxLines)
		e.LogTask, e.LogContainer, e.LogTail = task.TaskARN, cause.Name, last(lines)
		return cause.Name, err
	}
	return "", nil
}

// cause is the container that probably ended its task: one that failed by itself goes before one that ended without an
// error, and that before those that were stopped in consequence (SIGTERM and SIGKILL); among equals it is the one of that name.
func (t StoppedTask) cause(name string) (c Container, ran bool) {
	least := 3
	for _, container := range t.Containers {
		if container.ExitCode == nil {
			continue
		}
		rank := map[int32]int{0: 1, 128 + 9: 2, 128 + 15: 2}[*container.ExitCode]
		if rank < least || rank == least && container.Name == name {
			least, c = rank, container
		}
	}
	return c, least < 3
}

// tail returns the lines of a log stream's last events, made harmless.
func tail(ctx context.Context, logs *cloudwatchlogs.Client, group, stream string, events int32) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	answer, err := logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: &group, LogStreamName: &stream, Limit: &events, StartFromHead: new(false),
	})
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, event := range answer.Events {
		for line := range strings.SplitSeq(strings.TrimRight(aws.ToString(event.Message), "\r\n"), "\n") {
			lines = append(lines, clean(line, maxLine))
		}
	}
	return lines, nil
}

func last(lines []string) []string { return lines[max(0, len(lines)-maxLines):] }

// lastPart is the name or id at the end of an ARN, or the name itself.
func lastPart(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }
