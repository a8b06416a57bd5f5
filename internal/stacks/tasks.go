package stacks

import (
	"slices"
	"strconv"

	"github.com/awslabs/goformation/v7/cloudformation/ecs"
	"github.com/awslabs/goformation/v7/cloudformation/logs"

	"slipway/internal/cfn"
	"slipway/internal/config"
	"slipway/internal/contract"
)

func (s *service) addLogGroup() {
	group := s.t.Add("LogGroup", logGroup(s.key))
	s.logGroup, s.logGroupARN = group.Ref(), group.Att("Arn")
}

// logGroup keeps lines for logRetentionDays and goes with its stack: nothing that outlives the stack may be left behind.
// Its key is the user's own, or empty for one of AWS's.
func logGroup(key string) *logs.LogGroup {
	return &logs.LogGroup{
		RetentionInDays:                      new(logRetentionDays),
		KmsKeyId:                             orNone(key),
		AWSCloudFormationMetadata:            accept(withoutKey(key, awsKey)...),
		AWSCloudFormationDeletionPolicy:      deletePolicy,
		AWSCloudFormationUpdateReplacePolicy: replaceDelete,
	}
}

func (s *service) addTaskDefinition() {
	executionRole, taskRole := s.addExecutionRole(), s.addTaskRole()
	task := &ecs.TaskDefinition{
		// The nested stack's name is unique in the Region, so the family names this service's revisions and no others.
		Family:                  new(cfn.StackName),
		RequiresCompatibilities: []string{"FARGATE"},
		NetworkMode:             new("awsvpc"),
		Cpu:                     new(strconv.Itoa(s.cfg.Service.CPU)),
		Memory:                  new(strconv.Itoa(s.cfg.Service.Memory)),
		RuntimePlatform: &ecs.TaskDefinition_RuntimePlatform{
			CpuArchitecture: new(taskArchitecture[s.cfg.Service.Architecture]), OperatingSystemFamily: new("LINUX"),
		},
		ExecutionRoleArn:     new(executionRole.Att("Arn")),
		TaskRoleArn:          new(taskRole.Att("Arn")),
		ContainerDefinitions: s.containers(),

		// Tasks of a rollback still run the revision before; it must stay registered until the launcher's sweep.
		AWSCloudFormationDeletionPolicy:      deletePolicy,
		AWSCloudFormationUpdateReplacePolicy: replaceRetain,
	}
	if s.cfg.Service.Storage > 0 {
		task.EphemeralStorage = &ecs.TaskDefinition_EphemeralStorage{SizeInGiB: new(s.cfg.Service.Storage)}
	}
	s.task = s.t.Add("TaskDefinition", task)
}

var taskArchitecture = map[config.Architecture]string{config.X86: "X86_64", config.ARM64: "ARM64"}

// containers are the application's and, in the order of slipway.yaml, the sidecars.
func (s *service) containers() []ecs.TaskDefinition_ContainerDefinition {
	app := s.application()
	list := make([]ecs.TaskDefinition_ContainerDefinition, 1, 1+len(s.cfg.Service.Sidecars))
	for _, sidecar := range s.cfg.Service.Sidecars {
		list = append(list, s.sidecar(sidecar))
		// A task stops its containers in the reverse of this order: what the application leans on outlives it
		// (docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html).
		app.DependsOnProp = append(app.DependsOnProp, ecs.TaskDefinition_ContainerDependency{ContainerName: new(sidecar.Name), Condition: new("START")})
	}
	list[0] = app
	return list
}

func (s *service) application() ecs.TaskDefinition_ContainerDefinition {
	service := s.cfg.Service
	c := s.container(contract.ContainerName, s.image, service.Port, service.ReadOnlyRoot)
	c.Essential = new(true)
	c.User = new(service.User)
	c.Command = texts(service.Command)
	c.Environment = pairs(merged(merged(s.ownVariables(), service.Environment), s.env.Variables))
	c.Secrets = s.secrets(service.Secrets)
	return c
}

// The application keeps an idle connection longer than the load balancer does, by so many seconds: were it the first to
// close one, a request that meets the closing would fail (docs.aws.amazon.com, elasticloadbalancing,
// load-balancer-troubleshooting, HTTP 502).
const (
	keepAlive       = "KEEP_ALIVE"
	keepAliveMargin = 30
)

// ownVariables tell the application where to listen and, where the load balancer is told otherwise than by default, how
// long to keep an idle connection.
func (s *service) ownVariables() []config.Variable {
	own := []config.Variable{{Name: "PORT", Value: strconv.Itoa(s.cfg.Service.Port)}}
	secret := slices.ContainsFunc(s.cfg.Service.Secrets, func(v config.Secret) bool { return v.Name == keepAlive })
	if idle := s.env.Entry.IdleTimeout; idle > config.DefaultIdleTimeout && !secret { // ECS takes no name twice
		own = append(own, config.Variable{Name: keepAlive, Value: strconv.Itoa(idle+keepAliveMargin) + "s"})
	}
	return own
}

func (s *service) sidecar(sidecar config.Sidecar) ecs.TaskDefinition_ContainerDefinition {
	c := s.container(sidecar.Name, sidecar.Image, sidecar.Port, sidecar.ReadOnlyRoot)
	c.Essential = new(sidecar.Essential)
	c.Command = texts(sidecar.Command)
	c.Environment = pairs(sidecar.Environment)
	c.Secrets = s.secrets(sidecar.Secrets)
	if sidecar.User != "" {
		c.User = new(sidecar.User)
	}
	return c
}

// container is what every container of the task has. Port is 0 where it listens nowhere.
func (s *service) container(name, image string, port int, readOnly bool) ecs.TaskDefinition_ContainerDefinition {
	c := ecs.TaskDefinition_ContainerDefinition{
		Name:                   name,
		Image:                  image,
		ReadonlyRootFilesystem: new(readOnly),
		LinuxParameters: &ecs.TaskDefinition_LinuxParameters{
			InitProcessEnabled: new(true),
			Capabilities:       &ecs.TaskDefinition_KernelCapabilities{Drop: []string{"ALL"}},
		},
		// A task is stopped in this order: deregistered, the drain waited for, SIGTERM, the stop timeout, SIGKILL:
		// docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
		StopTimeout: new(s.cfg.Service.StopTimeout),
		LogConfiguration: &ecs.TaskDefinition_LogConfiguration{
			LogDriver: "awslogs",
			Options: map[string]string{ // a stream is called prefix/container/task
				"awslogs-group":         s.logGroup,
				"awslogs-region":        cfn.Region,
				"awslogs-stream-prefix": s.streamPrefix,
			},
		},
	}
	if port > 0 {
		c.PortMappings = []ecs.TaskDefinition_PortMapping{{ContainerPort: new(port), Protocol: new("tcp")}}
	}
	return c
}

// merged is the service's variables with the environment's in the place of those of the same name, and its others behind.
func merged(service, environment []config.Variable) []config.Variable {
	all := slices.Clone(service)
	for _, v := range environment {
		same := func(other config.Variable) bool { return other.Name == v.Name }
		if i := slices.IndexFunc(all, same); i >= 0 {
			all[i] = v
		} else {
			all = append(all, v)
		}
	}
	return all
}

func pairs(variables []config.Variable) []ecs.TaskDefinition_KeyValuePair {
	var list []ecs.TaskDefinition_KeyValuePair
	for _, v := range variables {
		list = append(list, ecs.TaskDefinition_KeyValuePair{Name: new(v.Name), Value: new(cfn.Text(v.Value))})
	}
	return list
}

// texts are a user's own, which are never taken for intrinsics.
func texts(own []string) []string {
	var list []string
	for _, text := range own {
		list = append(list, cfn.Text(text))
	}
	return list
}
