package awsdouble_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"slipway/internal/awsdouble"
)

// inOrder holds that lines match the patterns one after the other, others between them.
func inOrder(t *testing.T, lines []string, patterns ...string) {
	t.Helper()
	at := 0
	for _, p := range patterns {
		i := slices.IndexFunc(lines[at:], regexp.MustCompile(p).MatchString)
		if i < 0 {
			t.Fatalf("no line %q behind line %d of:\n%s", p, at, strings.Join(lines, "\n"))
		}
		at += i + 1
	}
}

func TestFailedCreationRollsBackTheTree(t *testing.T) {
	a := newAccount(t)
	a.FailResource("ECS.Alarm", "Invalid request provided: threshold")
	a.execute(a.createChangeSet("first", cftypes.ChangeSetTypeCreate, a.launchValues(digestA)))
	child := ""
	for child == "" {
		child = a.PhysicalID("shop-prod", "ECS")
		a.pause()
	}
	if status := a.end("shop-prod"); status != "ROLLBACK_COMPLETE" {
		t.Fatalf("ends in %s", status)
	}
	inOrder(t, a.story("shop-prod"),
		`^shop-prod REVIEW_IN_PROGRESS User Initiated$`,
		`^shop-prod CREATE_IN_PROGRESS User Initiated$`,
		`^Network CREATE_COMPLETE$`,
		`^ECS CREATE_FAILED Embedded stack arn:.* was not successfully created: The following resource\(s\) failed to create: \[Alarm, Service\]\. $`,
		`^shop-prod ROLLBACK_IN_PROGRESS The following resource\(s\) failed to create: \[ECS\]\. Rollback requested by user\.$`,
		`^ECS DELETE_COMPLETE$`, `^Network DELETE_COMPLETE$`, `^shop-prod ROLLBACK_COMPLETE$`)
	inOrder(t, a.story(child),
		`^Alarm CREATE_FAILED Invalid request provided: threshold$`, `^Service CREATE_FAILED Resource creation cancelled$`,
		`CREATE_FAILED The following resource\(s\) failed to create: \[Alarm, Service\]\. $`, `DELETE_COMPLETE$`)
	if living := a.Living(); len(living) > 0 {
		t.Errorf("the rollback left %v", living)
	}
	_, err := a.cfn.CreateChangeSet(a.ctx, &cloudformation.CreateChangeSetInput{
		StackName: new("shop-prod"), ChangeSetName: new("second"), TemplateBody: new(read(t, "network.yaml")),
	})
	wantError(t, err, "ValidationError", "is in ROLLBACK_COMPLETE state and can not be updated.")
}

func TestFailedUpdateRollsBackTheTree(t *testing.T) {
	a := newAccount(t)
	a.launch()
	before := a.PhysicalID("shop-prod", "ECS.TaskDefinition")
	child := a.PhysicalID("shop-prod", "ECS")
	a.TasksFail(awsdouble.TaskFailure{StoppedReason: "Essential container in task exited", ExitCode: 3, Log: []string{"cannot read configuration"}})
	a.FailResource("ECS.Service", "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.\"")
	a.execute(a.createChangeSet("second", cftypes.ChangeSetTypeUpdate, a.launchValues("registry/shop@sha256:bbbb")))
	if status := a.end("shop-prod"); status != "UPDATE_ROLLBACK_COMPLETE" {
		t.Fatalf("ends in %s", status)
	}
	inOrder(t, a.story("shop-prod"),
		`^ECS UPDATE_FAILED Embedded stack .* was not successfully updated\. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: The following resource\(s\) failed to update: \[Service\]\.$`,
		`^shop-prod UPDATE_ROLLBACK_IN_PROGRESS The following resource\(s\) failed to update: \[ECS\]\. $`,
		`^ECS UPDATE_COMPLETE$`, `^shop-prod UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS`, `^shop-prod UPDATE_ROLLBACK_COMPLETE$`)
	inOrder(t, a.story(child),
		`^TaskDefinition UPDATE_IN_PROGRESS Requested update requires the creation of a new physical resource; hence creating one\.$`,
		`^TaskDefinition UPDATE_COMPLETE$`, `^Service UPDATE_FAILED .*Circuit Breaker was triggered`,
		`UPDATE_ROLLBACK_IN_PROGRESS`, `^Service UPDATE_COMPLETE$`, `^TaskDefinition DELETE_COMPLETE$`, `UPDATE_ROLLBACK_COMPLETE$`)
	if after := a.PhysicalID("shop-prod", "ECS.TaskDefinition"); after != before {
		t.Errorf("the task definition is %s after the rollback, was %s", after, before)
	}
	if got := a.describe(child).Parameters; !slices.ContainsFunc(got, func(p cftypes.Parameter) bool { return *p.ParameterValue == digestA }) {
		t.Errorf("the parameters after the rollback are %+v", got)
	}
	a.wantEvidence(before)
}

// wantEvidence looks for what ECS and the log say about the tasks that failed.
func (a *account) wantEvidence(definition string) {
	a.t.Helper()
	client := ecs.NewFromConfig(a.Config())
	cluster, name := a.output("shop-prod", "ClusterName"), a.output("shop-prod", "ServiceName")
	service := must[*ecs.DescribeServicesOutput](a.t)(client.DescribeServices(a.ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{name}})).Services[0]
	if d := service.Deployments[0]; *d.TaskDefinition != definition || d.RolloutState != "COMPLETED" || service.RunningCount != 2 {
		a.t.Errorf("after the rollback runs %s (%s) %d times", *d.TaskDefinition, d.RolloutState, service.RunningCount)
	}
	stopped := must[*ecs.ListTasksOutput](a.t)(client.ListTasks(a.ctx, &ecs.ListTasksInput{Cluster: &cluster, DesiredStatus: ecstypes.DesiredStatusStopped}))
	tasks := must[*ecs.DescribeTasksOutput](a.t)(client.DescribeTasks(a.ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: stopped.TaskArns})).Tasks
	failed := slices.IndexFunc(tasks, func(t ecstypes.Task) bool { return *t.StoppedReason == "Essential container in task exited" })
	if failed < 0 || *tasks[failed].Containers[0].ExitCode != 3 {
		a.t.Fatalf("no failed task among %d stopped ones", len(tasks))
	}
	logs := cloudwatchlogs.NewFromConfig(a.Config())
	group, id := a.PhysicalID("shop-prod", "ECS.LogGroup"), (*tasks[failed].TaskArn)[strings.LastIndex(*tasks[failed].TaskArn, "/")+1:]
	lines, err := logs.GetLogEvents(a.ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: &group, LogStreamName: new("tasks/app/" + id)})
	if err != nil || len(lines.Events) != 1 || *lines.Events[0].Message != "cannot read configuration" {
		a.t.Errorf("the failed task's log: %+v, %v", lines, err)
	}
	deployments := must[*ecs.ListServiceDeploymentsOutput](a.t)(client.ListServiceDeployments(a.ctx, &ecs.ListServiceDeploymentsInput{Cluster: &cluster, Service: &name}))
	var results []string
	for _, d := range deployments.ServiceDeployments {
		results = append(results, string(d.Status))
	}
	if !slices.Equal(results, []string{"SUCCESSFUL", "ROLLBACK_SUCCESSFUL", "SUCCESSFUL"}) {
		a.t.Errorf("service deployments, newest first: %v", results)
	}
}

func TestRollbackThatFailsCanBeContinued(t *testing.T) {
	a := newAccount(t)
	a.launch()
	a.FailResource("ECS.Service", "no")
	a.FailRollback("ECS.Service", "still no")
	a.execute(a.createChangeSet("second", cftypes.ChangeSetTypeUpdate, a.launchValues("registry/shop@sha256:bbbb")))
	if status := a.end("shop-prod"); status != "UPDATE_ROLLBACK_FAILED" {
		t.Fatalf("ends in %s", status)
	}
	child := a.describe(a.PhysicalID("shop-prod", "ECS"))
	_, err := a.cfn.ContinueUpdateRollback(a.ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: child.StackId})
	wantError(t, err, "ValidationError", "child stacks")
	for _, name := range []string{"Service", "ECS", "ECS.Service", *child.StackName + ".Cluster"} {
		_, err = a.cfn.ContinueUpdateRollback(a.ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: new("shop-prod"), ResourcesToSkip: []string{name}})
		wantError(t, err, "ValidationError", "cannot be skipped")
	}
	must[*cloudformation.ContinueUpdateRollbackOutput](t)(a.cfn.ContinueUpdateRollback(a.ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: new("shop-prod")}))
	if status := a.end("shop-prod"); status != "UPDATE_ROLLBACK_FAILED" {
		t.Fatalf("ends in %s, though what held it is still there", status)
	}
	must[*cloudformation.ContinueUpdateRollbackOutput](t)(a.cfn.ContinueUpdateRollback(a.ctx, &cloudformation.ContinueUpdateRollbackInput{
		StackName: new("shop-prod"), ResourcesToSkip: []string{*child.StackName + ".Service"},
	}))
	if status := a.end("shop-prod"); status != "UPDATE_ROLLBACK_COMPLETE" {
		t.Fatalf("ends in %s:\n%s", status, strings.Join(a.story("shop-prod"), "\n"))
	}
	if got := a.StackStatus(*child.StackId); got != "UPDATE_ROLLBACK_COMPLETE" {
		t.Errorf("the child ends in %s", got)
	}
}

func TestCancelledUpdateRollsBack(t *testing.T) {
	a := newAccount(t)
	a.launch()
	cs := a.createChangeSet("second", cftypes.ChangeSetTypeUpdate, a.launchValues("registry/shop@sha256:bbbb"))
	a.Hold()
	a.execute(cs)
	_, err := a.cfn.DeleteStack(a.ctx, &cloudformation.DeleteStackInput{StackName: new("shop-prod")})
	wantError(t, err, "ValidationError", "cannot be deleted while in status UPDATE_IN_PROGRESS")
	must[*cloudformation.CancelUpdateStackOutput](t)(a.cfn.CancelUpdateStack(a.ctx, &cloudformation.CancelUpdateStackInput{StackName: new("shop-prod")}))
	a.Release()
	if status := a.end("shop-prod"); status != "UPDATE_ROLLBACK_COMPLETE" {
		t.Fatalf("ends in %s", status)
	}
	inOrder(t, a.story("shop-prod"), `^shop-prod UPDATE_IN_PROGRESS`, `^shop-prod UPDATE_ROLLBACK_IN_PROGRESS User Initiated$`)
}

func TestNestedChangeSetThatCannotBeMade(t *testing.T) {
	a := newAccount(t)
	a.NestedChangeSetsFail("Template error: Fn::Select  cannot select nonexistent value at index 1")
	cs := a.createChangeSet("first", cftypes.ChangeSetTypeCreate, a.launchValues(digestA))
	if cs.Status != "FAILED" || !regexp.MustCompile(`^Nested change set arn:.* was not successfully created: Currently in FAILED\.$`).MatchString(*cs.StatusReason) {
		t.Fatalf("%s: %v", cs.Status, *cs.StatusReason)
	}
	_, err := a.cfn.ExecuteChangeSet(a.ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: cs.ChangeSetId})
	wantError(t, err, "InvalidChangeSetStatus", "cannot be executed in its current status of [FAILED]")
	must[*cloudformation.DeleteStackOutput](t)(a.cfn.DeleteStack(a.ctx, &cloudformation.DeleteStackInput{StackName: cs.StackId}))
	if got := a.StackStatus(*cs.StackId); got != "DELETE_COMPLETE" {
		t.Errorf("the husk is %s after its deletion", got)
	}
}

func TestSiblingsValuesAreUnknownInNestedChangeSets(t *testing.T) {
	a := newAccount(t)
	a.launch()
	values := a.launchValues(digestA)
	values["NetworkTemplateURL"] = a.upload("network2.yaml", strings.Replace(read(t, "network.yaml"), "10.0.0.0/19", "10.0.32.0/19", 1))
	cs := a.createChangeSet("second", cftypes.ChangeSetTypeUpdate, values)
	if len(cs.Changes) != 2 {
		t.Fatalf("%d changes, want Network and, since its outputs may change, ECS", len(cs.Changes))
	}
	ecsChange := a.changeSetEnd(*cs.Changes[1].ResourceChange.ChangeSetId)
	replaced := map[string]cftypes.Replacement{}
	for _, c := range ecsChange.Changes {
		replaced[*c.ResourceChange.LogicalResourceId] = c.ResourceChange.Replacement
	}
	if replaced["TargetGroup"] != "True" {
		t.Errorf("a VPC that stays is to be shown as if the target group were replaced: %v", replaced)
	}
	balancer := a.PhysicalID("shop-prod", "ECS.LoadBalancer")
	a.execute(cs)
	if status := a.end("shop-prod"); status != "UPDATE_COMPLETE" {
		t.Fatalf("%s:\n%s", status, strings.Join(a.story("shop-prod"), "\n"))
	}
	if a.PhysicalID("shop-prod", "ECS.LoadBalancer") != balancer {
		t.Error("the load balancer was replaced")
	}
}
