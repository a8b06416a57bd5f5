package stacks

import (
	"strconv"

	"github.com/awslabs/goformation/v7/cloudformation/ecs"
	"github.com/awslabs/goformation/v7/cloudformation/iam"
	"github.com/awslabs/goformation/v7/cloudformation/logs"

	"slipway/internal/cfn"
	"slipway/internal/config"
	"slipway/internal/contract"
)

func (s *service) addLogGroup() cfn.Handle {
	s.logGroup = s.t.Add("LogGroup", logGroup())
	return s.logGroup
}

// logGroup keeps lines for logRetentionDays and goes with its stack: nothing that outlives the stack may be left behind.
func logGroup() *logs.LogGroup {
	return &logs.LogGroup{
		RetentionInDays:                      new(logRetentionDays),
		AWSCloudFormationMetadata:            accept(awsKey),
		AWSCloudFormationDeletionPolicy:      deletePolicy,
		AWSCloudFormationUpdateReplacePolicy: replaceDelete,
	}
}

func (s *service) addTaskDefinition(logGroup cfn.Handle) {
	executionRole := s.addExecutionRole(logGroup)
	taskRole := s.t.Add("TaskRole", &iam.Role{
		Description:              new("What the application itself may do in AWS: nothing, until it needs something."),
		Path:                     new(contract.EnvironmentRolePath(s.cfg.Name)),
		PermissionsBoundary:      new(s.boundary),
		AssumeRolePolicyDocument: trustTasks(),
	})
	s.task = s.t.Add("TaskDefinition", &ecs.TaskDefinition{
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
		ContainerDefinitions: []ecs.TaskDefinition_ContainerDefinition{s.container(logGroup)},
		// Tasks of a rollback still run the revision before; it must stay registered until the launcher's sweep.
		AWSCloudFormationDeletionPolicy:      deletePolicy,
		AWSCloudFormationUpdateReplacePolicy: replaceRetain,
	})
}

var taskArchitecture = map[config.Architecture]string{config.X86: "X86_64", config.ARM64: "ARM64"}

func (s *service) container(logGroup cfn.Handle) ecs.TaskDefinition_ContainerDefinition {
	return ecs.TaskDefinition_ContainerDefinition{
		Name:      contract.ContainerName,
		Image:     s.image,
		Essential: new(true),
		PortMappings: []ecs.TaskDefinition_PortMapping{{
			ContainerPort: new(s.cfg.Service.Port), Protocol: new("tcp"),
		}},
		Environment:            s.variables(),
		User:                   new(s.cfg.Service.User),
		ReadonlyRootFilesystem: new(s.cfg.Service.ReadOnlyRoot),
		LinuxParameters: &ecs.TaskDefinition_LinuxParameters{
			InitProcessEnabled: new(true),
			Capabilities:       &ecs.TaskDefinition_KernelCapabilities{Drop: []string{"ALL"}},
		},
		// A task is stopped in this order: deregistered, the drain waited for, SIGTERM, the stop timeout, SIGKILL:
		// docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
		StopTimeout: new(s.cfg.Service.StopTimeout),
		LogConfiguration: &ecs.TaskDefinition_LogConfiguration{
			LogDriver: "awslogs",
			Options: map[string]string{
				"awslogs-group":         logGroup.Ref(),
				"awslogs-region":        cfn.Region,
				"awslogs-stream-prefix": contract.LogStreamPrefix,
			},
		},
	}
}

func (s *service) variables() []ecs.TaskDefinition_KeyValuePair {
	pairs := []ecs.TaskDefinition_KeyValuePair{{Name: new("PORT"), Value: new(strconv.Itoa(s.cfg.Service.Port))}}
	for _, v := range s.cfg.Service.Environment {
		pairs = append(pairs, ecs.TaskDefinition_KeyValuePair{Name: new(v.Name), Value: new(cfn.Text(v.Value))})
	}
	return pairs
}

// addExecutionRole is what ECS itself uses to start a task: this one repository, this one log group.
func (s *service) addExecutionRole(logGroup cfn.Handle) cfn.Handle {
	return s.t.Add("TaskExecutionRole", &iam.Role{
		Description:              new("What ECS needs to start a task: pull the image, write the log."),
		Path:                     new(contract.EnvironmentRolePath(s.cfg.Name)),
		PermissionsBoundary:      new(s.boundary),
		AssumeRolePolicyDocument: trustTasks(),
		Policies: []iam.Role_Policy{{
			PolicyName: "start-tasks",
			PolicyDocument: cfn.Document(
				registryLogin(),
				cfn.Statement{Sid: "PullImage", Effect: cfn.Allow, Action: pullActions, Resource: []string{s.repositoryARN}},
				cfn.Statement{Sid: "WriteLog", Effect: cfn.Allow, Action: writeLogActions, Resource: []string{logGroup.Att("Arn")}},
			),
		}},
	})
}
