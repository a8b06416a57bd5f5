package stacks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/awslabs/goformation/v7/cloudformation/iam"

	"slipway/internal/cfn"
	"slipway/internal/config"
	"slipway/internal/contract"
)

// addExecutionRole is what ECS itself uses to start a task: this one repository, this one log group, these secrets.
func (s *service) addExecutionRole() cfn.Handle {
	description := "What ECS needs to start a task: pull the image, write the log."
	secrets := secretStatements(s.cfg.Service, []config.Environment{s.env}, s.key)
	if len(secrets) > 0 {
		description = "What ECS needs to start a task: pull the image, write the log, read the secrets."
	}
	return s.executionRole("TaskExecutionRole", description, secrets...)
}

// executionRole is one with which ECS starts tasks: it pulls images of the one repository, writes to the one log group, and what is
// stated besides.
func (s *service) executionRole(id, description string, besides ...cfn.Statement) cfn.Handle {
	return s.t.Add(id, &iam.Role{
		Description:              new(description),
		Path:                     new(contract.EnvironmentRolePath(s.cfg.Name)),
		PermissionsBoundary:      new(s.boundary),
		AssumeRolePolicyDocument: trustTasks(),
		Policies: []iam.Role_Policy{{
			PolicyName: "start-tasks",
			PolicyDocument: cfn.Document(append([]cfn.Statement{
				registryLogin(),
				{Sid: "PullImage", Effect: cfn.Allow, Action: pullActions, Resource: []string{s.repositoryARN}},
				{Sid: "WriteLog", Effect: cfn.Allow, Action: writeLogActions, Resource: []string{s.logGroupARN}},
			}, besides...)...),
		}},
	})
}

// addTaskRole is what the application itself may do: nothing, until slipway.yaml says something.
func (s *service) addTaskRole() cfn.Handle {
	role := &iam.Role{
		Description:              new("What the application itself may do in AWS: nothing, until it needs something."),
		Path:                     new(contract.EnvironmentRolePath(s.cfg.Name)),
		PermissionsBoundary:      new(s.boundary),
		AssumeRolePolicyDocument: trustTasks(),
	}
	statements := ownStatements(s.cfg.Service)
	if s.cfg.Service.Exec {
		statements = append(statements, execStatements()...)
		statements = append(statements, cfn.Statement{Sid: "LogSessions", Effect: cfn.Allow, Action: findAndWriteLogActions, Resource: []string{s.logGroupARN}})
	}
	role.AWSCloudFormationMetadata = accept(wildcards(s.cfg.Service)...)
	if len(statements) > 0 {
		role.Description = new("What the application itself may do in AWS, and nothing else.")
		role.Policies = []iam.Role_Policy{{PolicyName: "run-tasks", PolicyDocument: cfn.Document(statements...)}}
	}
	return s.t.Add("TaskRole", role)
}

// ownStatements are those that slipway.yaml states, in its order.
func ownStatements(service config.Service) []cfn.Statement {
	var statements []cfn.Statement
	for i, own := range service.Statements {
		statement := cfn.Statement{Sid: fmt.Sprintf("Permission%d", i+1), Effect: cfn.Allow, Action: own.Actions}
		for _, resource := range own.Resources {
			if strings.Contains(resource, "${") {
				resource = cfn.Sub(resource)
			}
			statement.Resource = append(statement.Resource, resource)
		}
		statements = append(statements, statement)
	}
	return statements
}

// execStatements let the agent of ECS Exec in a container reach Session Manager, and find the log that sessions are written
// to, which is the container's own (docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html).
func execStatements() []cfn.Statement {
	return []cfn.Statement{
		{Sid: "OpenSessions", Effect: cfn.Allow, Action: []string{
			"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
		}, Resource: []string{"*"}}, // channels have no resource
		{Sid: "FindLog", Effect: cfn.Allow, Action: []string{"logs:DescribeLogGroups"}, Resource: []string{"*"}}, // describing has no narrower resource
	}
}

// wildcards are what scanners say to rights on everything.
func wildcards(service config.Service) []finding {
	var list []finding
	if service.Exec {
		list = append(list, sessions)
	}
	var actions, resources []string
	for _, s := range service.Statements {
		actions, resources = append(actions, s.Actions...), append(resources, s.Resources...)
	}
	if slices.ContainsFunc(actions, func(action string) bool { return strings.Contains(action, "*") }) {
		list = append(list, ownActions, ownActionsOfOne)
	}
	// All of a service (arn:...:s3:::*) counts as everything, too.
	if !service.Exec && slices.ContainsFunc(resources, func(arn string) bool { return arn == "*" || strings.HasSuffix(arn, ":*") }) {
		list = append(list, ownResources)
	}
	return list
}

// addBoundary is the most that any role of an environment can do, whatever its own policies come to say: what tasks always
// need, and what slipway.yaml names beside. Since it lies in the foundation, which only people deploy, no commit that the
// pipeline carries gives itself a right or a secret.
func (f *foundation) addBoundary() {
	always := []cfn.Statement{
		registryLogin(),
		{Sid: "PullImage", Effect: cfn.Allow, Action: pullActions, Resource: []string{f.repository.Att("Arn")}},
		{Sid: "WriteLogs", Effect: cfn.Allow, Action: findAndWriteLogActions, Resource: arns("logs", "log-group:"+f.cfg.Name+"-*")},
	}
	statements := slices.Concat(always, secretStatements(f.cfg.Service, f.cfg.Environments, f.key), ownStatements(f.cfg.Service))
	if f.cfg.Service.Exec {
		statements = append(statements, execStatements()...)
	}
	// With one of the user's own, slipway.yaml may name more than a policy holds.
	if f.ownBoundary != "" && !f.cfg.FitsBoundary() {
		statements = always
	}
	made := f.t.Add("PermissionsBoundary", &iam.ManagedPolicy{
		Description:    new("The most that a role of an environment may do."),
		Path:           new(contract.DeliveryRolePath(f.cfg.Name)),
		PolicyDocument: cfn.Document(statements...),

		AWSCloudFormationMetadata: accept(wildcards(f.cfg.Service)...),
	})
	f.boundary = f.held(made)
	f.t.Output(contract.KeyPermissionsBoundaryARN, boundaryDescription, f.boundary)
}

// held is the boundary that roles are held by: the user's own, or the one that was made. The latter is there in any case,
// used or not: a policy that is a role's boundary cannot be deleted, and the environments' roles change after the foundation.
func (f *foundation) held(made cfn.Handle) string {
	if f.ownBoundary != "" {
		return f.ownBoundary
	}
	return made.Ref()
}
