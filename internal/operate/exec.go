package operate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"slipway/internal/awserr"
	"slipway/internal/contract"
)

// Target is a container in which a command is to run, and what stands against it.
type Target struct {
	Task      string    `json:"task" doc:"id of the task"`
	Container string    `json:"container" doc:"name of the container"`
	Problems  []Problem `json:"problems" doc:"what ECS Exec would fail of; empty where it can begin"`

	cluster, runtime string
}

// Problem is one thing that stands against it, and what to do.
type Problem struct {
	Found string `json:"found" doc:"what it is like"`
	Fix   string `json:"fix" doc:"what to do about it"`
}

// Find finds a running container of an environment: in the task of that id or beginning of an id, or the newest, the
// container of that name, or the application's.
func (o *Operator) Find(ctx context.Context, environment, task, container string) (Target, error) {
	if container == "" {
		container = contract.ContainerName
	}
	one, r, err := o.runningTask(ctx, environment, task)
	if err != nil {
		return Target{}, err
	}
	t := Target{Task: lastPart(aws.ToString(one.TaskArn)), Container: container, Problems: []Problem{}, cluster: r.cluster}
	i := slices.IndexFunc(one.Containers, func(c types.Container) bool { return aws.ToString(c.Name) == container })
	if i < 0 {
		var names []string
		for _, c := range one.Containers {
			names = append(names, aws.ToString(c.Name))
		}
		return t, fmt.Errorf("task %s has no container %q; it has %s", t.Task, container, strings.Join(names, ", "))
	}
	t.runtime = aws.ToString(one.Containers[i].RuntimeId)
	err = o.execProblems(ctx, &t, one, one.Containers[i])
	return t, err
}

// runningTask is the one that is meant of those that run.
func (o *Operator) runningTask(ctx context.Context, environment, task string) (types.Task, *running, error) {
	root, err := o.present(ctx, environment)
	if err != nil {
		return types.Task{}, nil, err
	}
	r, err := o.service(ctx, root)
	if err != nil {
		return types.Task{}, nil, err
	}
	if r == nil {
		return types.Task{}, nil, &AbsentError{environment, fmt.Sprintf("stack %s has no ECS service", root.Name)}
	}
	all, err := o.describeTasks(ctx, r)
	if err != nil {
		return types.Task{}, nil, err
	}
	var ids []string
	var meant []types.Task
	for _, t := range all {
		if aws.ToString(t.LastStatus) != "RUNNING" {
			continue
		}
		id := lastPart(aws.ToString(t.TaskArn))
		ids = append(ids, id)
		if strings.HasPrefix(id, task) {
			meant = append(meant, t)
		}
	}
	switch {
	case len(ids) == 0:
		return types.Task{}, nil, fmt.Errorf("no task of environment %s runs: ./scripts/status.sh says more", environment)
	case len(meant) == 0:
		return types.Task{}, nil, fmt.Errorf("no task %s of environment %s runs; these do: %s", task, environment, strings.Join(ids, ", "))
	case task != "" && len(meant) > 1:
		return types.Task{}, nil, fmt.Errorf("several tasks of environment %s begin with %s: %s", environment, task, strings.Join(ids, ", "))
	}
	return meant[len(meant)-1], r, nil
}

// execProblems are what ECS Exec is known to fail of, each with its fix
// (docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html).
func (o *Operator) execProblems(ctx context.Context, t *Target, task types.Task, c types.Container) error {
	add := func(fix, format string, args ...any) {
		t.Problems = append(t.Problems, Problem{fmt.Sprintf(format, args...), fix})
	}
	if !task.EnableExecuteCommand {
		add("deploy with service.exec: true; the tasks are replaced", "task %s was started without ECS Exec", t.Task)
	}
	out, err := o.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: task.TaskDefinitionArn})
	if err == nil && out.TaskDefinition == nil {
		err = awserr.ErrNothing
	}
	if err != nil {
		return fmt.Errorf("describe task definition %s: %w", lastPart(aws.ToString(task.TaskDefinitionArn)), err)
	}
	for _, d := range out.TaskDefinition.ContainerDefinitions {
		if aws.ToString(d.Name) == t.Container && aws.ToBool(d.ReadonlyRootFilesystem) {
			add("set readOnlyRoot to false for it in slipway.yaml and deploy", "the root file system of container %s is read-only, where the agent of ECS Exec cannot start", t.Container)
		}
	}
	if !task.EnableExecuteCommand {
		return nil // there is no agent to look at
	}
	i := slices.IndexFunc(c.ManagedAgents, func(a types.ManagedAgent) bool { return a.Name == types.ManagedAgentNameExecuteCommandAgent })
	switch {
	case i < 0:
		add("wait a few seconds and try again", "container %s has no agent of ECS Exec yet", t.Container)
	case aws.ToString(c.ManagedAgents[i].LastStatus) == "PENDING":
		add("wait a few seconds and try again", "the agent of ECS Exec in container %s is starting", t.Container)
	case aws.ToString(c.ManagedAgents[i].LastStatus) != "RUNNING":
		add("the task must reach Session Manager (ssmmessages: the internet, or network.endpoints) and its role must allow that; then stop the task, which ECS replaces",
			"the agent of ECS Exec in container %s is %s%s", t.Container, aws.ToString(c.ManagedAgents[i].LastStatus), reasonOf(c.ManagedAgents[i]))
	}
	return nil
}

func reasonOf(a types.ManagedAgent) string {
	if a.Reason == nil {
		return ""
	}
	return ": " + *a.Reason
}

// Open asks ECS for a session in which a command runs, and returns what session-manager-plugin is called with to hold it, as
// the AWS CLI calls it: the session, the Region, the operation, a profile, which is not needed, what the session is with, and
// Session Manager's endpoint, for when it is taken up again.
func (o *Operator) Open(ctx context.Context, t Target, command string) ([]string, error) {
	out, err := o.ecs.ExecuteCommand(ctx, &ecs.ExecuteCommandInput{
		Cluster: &t.cluster, Task: &t.Task, Container: &t.Container, Command: &command, Interactive: true,
	})
	if err == nil && out.Session == nil {
		err = awserr.ErrNothing
	}
	if err != nil {
		return nil, fmt.Errorf("open a session with container %s of task %s: %w", t.Container, t.Task, err)
	}
	session, err := json.Marshal(map[string]*string{
		"SessionId": out.Session.SessionId, "StreamUrl": out.Session.StreamUrl, "TokenValue": out.Session.TokenValue,
	})
	if err != nil {
		return nil, err
	}
	with, err := json.Marshal(map[string]string{"Target": fmt.Sprintf("ecs:%s_%s_%s", lastPart(t.cluster), t.Task, t.runtime)})
	if err != nil {
		return nil, err
	}
	host := "ssm." + o.region + ".amazonaws.com"
	if strings.HasPrefix(o.region, "cn-") {
		host += ".cn"
	}
	return []string{string(session), o.region, "StartSession", "", string(with), "https://" + host}, nil
}
