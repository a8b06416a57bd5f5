package operate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	balancertypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"slipway/internal/awserr"
	"slipway/internal/contract"
)

// Tasks counts a service's tasks.
type Tasks struct {
	Desired int    `json:"desired" doc:"how many the service should run"`
	Running int    `json:"running" doc:"how many run"`
	Pending int    `json:"pending" doc:"how many are starting"`
	List    []Task `json:"list" doc:"each of them, oldest first"`
}

// Task is one task of the service.
type Task struct {
	ID       string     `json:"id" doc:"as --task takes it; the first characters do as well"`
	Status   string     `json:"status" doc:"such as RUNNING"`
	Revision string     `json:"revision" doc:"its task definition, family:revision"`
	Zone     string     `json:"zone,omitempty" doc:"availability zone"`
	Started  *time.Time `json:"started,omitempty" doc:"when it began to run"`
}

// Targets counts what the load balancer knows of the service's tasks. Those that are leaving do not count.
type Targets struct {
	Healthy int      `json:"healthy" doc:"how many pass their health checks"`
	Total   int      `json:"total" doc:"how many there are"`
	Others  []string `json:"others" doc:"those that do not pass, each with the load balancer's reason"`

	starting int // of the others, those that have not been judged yet
}

// Deployment is the service's last one.
type Deployment struct {
	ID      string     `json:"id" doc:"ECS's id of it"`
	Started *time.Time `json:"started" doc:"when it began"`
	State   string     `json:"state" doc:"its rollout: IN_PROGRESS, COMPLETED or FAILED"`
	Reason  string     `json:"reason,omitempty" doc:"ECS's reason for the state"`
	Failed  int        `json:"failedTasks" doc:"tasks that failed to start in it"`
}

// running is a service as ECS describes it.
type running struct {
	cluster    string
	service    types.Service
	primary    types.Deployment
	definition types.TaskDefinition
}

// service asks ECS for an environment's service and what it deploys. It is nil where there is none.
func (o *Operator) service(ctx context.Context, root Stack) (*running, error) {
	cluster, name := root.outputs[contract.KeyClusterName], root.outputs[contract.KeyServiceName]
	if cluster == "" || name == "" {
		return nil, nil
	}
	out, err := o.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{name}})
	if awserr.Is(err, "ClusterNotFoundException") || err == nil && (len(out.Services) == 0 || aws.ToString(out.Services[0].Status) == "INACTIVE") {
		return nil, nil // ECS shows a deleted service for a while
	}
	if err != nil {
		return nil, fmt.Errorf("describe service %s: %w", name, err)
	}
	r := &running{cluster: cluster, service: out.Services[0]}
	for _, d := range r.service.Deployments {
		if aws.ToString(d.Status) == "PRIMARY" {
			r.primary = d
		}
	}
	if r.primary.TaskDefinition == nil {
		return r, nil
	}
	definition, err := o.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: r.primary.TaskDefinition})
	if err == nil && definition.TaskDefinition == nil {
		err = awserr.ErrNothing
	}
	if err != nil {
		return nil, fmt.Errorf("describe task definition %s: %w", lastPart(*r.primary.TaskDefinition), err)
	}
	r.definition = *definition.TaskDefinition
	return r, nil
}

// image is the reference of the application's image in the task definition that is deployed; empty where it has none.
func (r *running) image() string {
	for _, c := range r.definition.ContainerDefinitions {
		if aws.ToString(c.Name) == contract.ContainerName {
			return aws.ToString(c.Image)
		}
	}
	return ""
}

func (r *running) deployment() *Deployment {
	return &Deployment{
		ID: aws.ToString(r.primary.Id), Started: r.primary.CreatedAt, State: string(r.primary.RolloutState),
		Reason: aws.ToString(r.primary.RolloutStateReason), Failed: int(r.primary.FailedTasks),
	}
}

// describeTasks are the service's tasks that run or are to run, oldest first.
func (o *Operator) describeTasks(ctx context.Context, r *running) ([]types.Task, error) {
	var all []types.Task
	pages := ecs.NewListTasksPaginator(o.ecs, &ecs.ListTasksInput{Cluster: &r.cluster, ServiceName: r.service.ServiceName})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the tasks of service %s: %w", aws.ToString(r.service.ServiceName), err)
		}
		if len(page.TaskArns) == 0 {
			continue
		}
		out, err := o.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &r.cluster, Tasks: page.TaskArns})
		if err != nil {
			return nil, fmt.Errorf("describe the tasks of service %s: %w", aws.ToString(r.service.ServiceName), err)
		}
		all = append(all, out.Tasks...)
	}
	slices.SortStableFunc(all, func(a, b types.Task) int { return aws.ToTime(a.CreatedAt).Compare(aws.ToTime(b.CreatedAt)) })
	return all, nil
}

func (o *Operator) tasks(ctx context.Context, r *running) (*Tasks, error) {
	found, err := o.describeTasks(ctx, r)
	if err != nil {
		return nil, err
	}
	t := &Tasks{Desired: int(r.service.DesiredCount), Running: int(r.service.RunningCount), Pending: int(r.service.PendingCount), List: []Task{}}
	for _, one := range found {
		t.List = append(t.List, Task{
			ID: lastPart(aws.ToString(one.TaskArn)), Status: aws.ToString(one.LastStatus), Revision: lastPart(aws.ToString(one.TaskDefinitionArn)),
			Zone: aws.ToString(one.AvailabilityZone), Started: one.StartedAt,
		})
	}
	return t, nil
}

// targets asks the load balancer. It is nil where there is no target group.
func (o *Operator) targets(ctx context.Context, root Stack) (*Targets, error) {
	group := root.outputs[contract.KeyTargetGroupARN]
	if group == "" {
		return nil, nil
	}
	out, err := o.balancer.DescribeTargetHealth(ctx, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: &group})
	if awserr.Is(err, "TargetGroupNotFound") {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describe the health of the load balancer's targets: %w", err)
	}
	t := &Targets{Others: []string{}}
	for _, d := range out.TargetHealthDescriptions {
		if d.Target == nil || d.TargetHealth == nil || d.TargetHealth.State == balancertypes.TargetHealthStateEnumDraining {
			continue
		}
		t.Total++
		if d.TargetHealth.State == balancertypes.TargetHealthStateEnumHealthy {
			t.Healthy++
			continue
		}
		if d.TargetHealth.State == balancertypes.TargetHealthStateEnumInitial {
			t.starting++
		}
		t.Others = append(t.Others, saidOf(d))
	}
	return t, nil
}

// saidOf is what the load balancer says of a target.
func saidOf(d balancertypes.TargetHealthDescription) string {
	text := fmt.Sprintf("%s:%d is %s", aws.ToString(d.Target.Id), aws.ToInt32(d.Target.Port), d.TargetHealth.State)
	if d.TargetHealth.Reason != "" {
		text += ": " + string(d.TargetHealth.Reason)
	}
	if d.TargetHealth.Description != nil {
		text += " (" + *d.TargetHealth.Description + ")"
	}
	return text
}
