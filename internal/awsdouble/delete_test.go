package awsdouble_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"slipway/internal/ec2query"
)

func TestBucketAndRepositoryMustBeEmpty(t *testing.T) {
	a := newAccount(t)
	a.createStack("shop-foundation", read(t, "foundation.yaml"), nil)
	bucket := a.PhysicalID("shop-foundation", "Bucket")
	a.PutObject(bucket, "source.zip", []byte("zip"))
	a.PutImage(a.PhysicalID("shop-foundation", "Repository"), "tag", "")
	id := *a.describe("shop-foundation").StackId
	remove := func() string {
		must[*cloudformation.DeleteStackOutput](t)(a.cfn.DeleteStack(a.ctx, &cloudformation.DeleteStackInput{StackName: new(id)}))
		return a.end(id)
	}
	if status := remove(); status != "DELETE_FAILED" {
		t.Fatalf("ends in %s", status)
	}
	inOrder(t, a.story(id), `^Repository DELETE_FAILED .*still contains images`, `^Bucket DELETE_FAILED The bucket you tried to delete is not empty`,
		`^shop-foundation DELETE_FAILED The following resource\(s\) failed to delete: \[Repository, Bucket\]\. $`)
	a.emptyBucket(bucket)
	a.Delete(a.PhysicalID("shop-foundation", "Repository"))
	if status := remove(); status != "DELETE_COMPLETE" {
		t.Fatalf("ends in %s:\n%s", status, strings.Join(a.story(id), "\n"))
	}
	_, err := a.cfn.DescribeStacks(a.ctx, &cloudformation.DescribeStacksInput{StackName: new("shop-foundation")})
	wantError(t, err, "ValidationError", "Stack with id shop-foundation does not exist")
	if got := a.describe(id); got.StackStatus != cftypes.StackStatusDeleteComplete || got.DeletionTime == nil {
		t.Errorf("by its ARN the deleted stack is %s", got.StackStatus)
	}
	_, err = a.s3.HeadBucket(a.ctx, &s3.HeadBucketInput{Bucket: &bucket})
	wantError(t, err, "NotFound", "")
}

func TestDescribingServicesOnceAllIsDeleted(t *testing.T) {
	a := newAccount(t)
	a.launch()
	ids := map[string]string{}
	for _, path := range []string{
		"Network.VPC", "Network.SubnetA", "Network.NAT", "Network.Address", "ECS.Cluster", "ECS.Service", "ECS.TaskDefinition",
		"ECS.LoadBalancer", "ECS.TaskRole",
	} {
		ids[path] = a.PhysicalID("shop-prod", path)
	}
	ec2 := ec2query.New(a.Config())
	if found := must[map[string]string](t)(ec2.Existing(a.ctx, ec2query.PublicIP, []string{ids["Network.Address"]})); len(found) != 1 {
		t.Errorf("the address %s is not found while it exists", ids["Network.Address"])
	}
	a.deleteAll("shop-prod")
	for kind, id := range map[ec2query.Kind]string{ec2query.VPC: ids["Network.VPC"], ec2query.Subnet: ids["Network.SubnetA"]} {
		if found := must[map[string]string](t)(ec2.Existing(a.ctx, kind, []string{id})); len(found) != 0 {
			t.Errorf("%s is still there: %v", id, found)
		}
	}
	wantError(t, ec2.Call(a.ctx, "DescribeVpcs", map[string][]string{"VpcId.1": {ids["Network.VPC"]}}, &struct{}{}), "InvalidVpcID.NotFound", "The vpc ID '"+ids["Network.VPC"]+"' does not exist")
	if state := must[map[string]string](t)(ec2.Existing(a.ctx, ec2query.NATGateway, []string{ids["Network.NAT"]})); state[ids["Network.NAT"]] != "deleted" {
		t.Errorf("the NAT gateway is %v, want deleted", state)
	}
	a.wantInactive(ids)
	_, err := elb.NewFromConfig(a.Config()).DescribeLoadBalancers(a.ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{ids["ECS.LoadBalancer"]}})
	wantError(t, err, "LoadBalancerNotFound", "One or more load balancers not found")
	_, err = iam.NewFromConfig(a.Config()).GetRole(a.ctx, &iam.GetRoleInput{RoleName: new(ids["ECS.TaskRole"])})
	wantError(t, err, "NoSuchEntity", "cannot be found.")
}

// wantInactive looks at what ECS remembers of what is gone, and sweeps the task definition.
func (a *account) wantInactive(ids map[string]string) {
	a.t.Helper()
	client, cluster, definition := ecs.NewFromConfig(a.Config()), ids["ECS.Cluster"], ids["ECS.TaskDefinition"]
	clusters := must[*ecs.DescribeClustersOutput](a.t)(client.DescribeClusters(a.ctx, &ecs.DescribeClustersInput{Clusters: []string{cluster}}))
	services := must[*ecs.DescribeServicesOutput](a.t)(client.DescribeServices(a.ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{ids["ECS.Service"]}}))
	if *clusters.Clusters[0].Status != "INACTIVE" || *services.Services[0].Status != "INACTIVE" {
		a.t.Errorf("cluster %s, service %s, want both INACTIVE", *clusters.Clusters[0].Status, *services.Services[0].Status)
	}
	got := must[*ecs.DescribeTaskDefinitionOutput](a.t)(client.DescribeTaskDefinition(a.ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &definition}))
	if got.TaskDefinition.Status != "INACTIVE" {
		a.t.Errorf("task definition is %s", got.TaskDefinition.Status)
	}
	deleted := must[*ecs.DeleteTaskDefinitionsOutput](a.t)(client.DeleteTaskDefinitions(a.ctx, &ecs.DeleteTaskDefinitionsInput{TaskDefinitions: []string{definition}}))
	if len(deleted.TaskDefinitions) != 1 || deleted.TaskDefinitions[0].Status != "DELETE_IN_PROGRESS" {
		a.t.Errorf("deleting it answers %+v", deleted)
	}
}

func TestReplacedTaskDefinitionsAreSweptByFamily(t *testing.T) {
	a := newAccount(t)
	a.launch()
	a.execute(a.createChangeSet("second", cftypes.ChangeSetTypeUpdate, a.launchValues("registry/shop@sha256:bbbb")))
	a.end("shop-prod")
	current := a.PhysicalID("shop-prod", "ECS.TaskDefinition")
	family := current[strings.LastIndex(current, "/")+1 : strings.LastIndex(current, ":")]
	a.deleteAll("shop-prod")
	client := ecs.NewFromConfig(a.Config())
	left := must[*ecs.ListTaskDefinitionsOutput](t)(client.ListTaskDefinitions(a.ctx, &ecs.ListTaskDefinitionsInput{FamilyPrefix: &family})).TaskDefinitionArns
	if len(left) != 1 || !strings.HasSuffix(left[0], ":1") {
		t.Fatalf("left is %v, want the first revision, which was replaced and retained", left)
	}
	refused := must[*ecs.DeleteTaskDefinitionsOutput](t)(client.DeleteTaskDefinitions(a.ctx, &ecs.DeleteTaskDefinitionsInput{TaskDefinitions: left}))
	if len(refused.Failures) != 1 {
		t.Error("an active task definition was deleted")
	}
	must[*ecs.DeregisterTaskDefinitionOutput](t)(client.DeregisterTaskDefinition(a.ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &left[0]}))
	if again := must[*ecs.ListTaskDefinitionsOutput](t)(client.ListTaskDefinitions(a.ctx, &ecs.ListTaskDefinitionsInput{FamilyPrefix: &family})).TaskDefinitionArns; len(again) != 0 {
		t.Errorf("still active: %v", again)
	}
}

func TestWhatCannotBeDeleted(t *testing.T) {
	a := newAccount(t)
	a.createStack("one", "Resources: {Log: {Type: AWS::Logs::LogGroup, DeletionPolicy: Retain}, Topic: {Type: AWS::SNS::Topic}}", nil)
	must[*cloudformation.UpdateTerminationProtectionOutput](t)(a.cfn.UpdateTerminationProtection(a.ctx, &cloudformation.UpdateTerminationProtectionInput{StackName: new("one"), EnableTerminationProtection: new(true)}))
	_, err := a.cfn.DeleteStack(a.ctx, &cloudformation.DeleteStackInput{StackName: new("one")})
	wantError(t, err, "ValidationError", "Stack [one] cannot be deleted while TerminationProtection is enabled")
	must[*cloudformation.UpdateTerminationProtectionOutput](t)(a.cfn.UpdateTerminationProtection(a.ctx, &cloudformation.UpdateTerminationProtectionInput{StackName: new("one"), EnableTerminationProtection: new(false)}))
	a.FailDelete("Topic", "topic is in use")
	id := *a.describe("one").StackId
	must[*cloudformation.DeleteStackOutput](t)(a.cfn.DeleteStack(a.ctx, &cloudformation.DeleteStackInput{StackName: &id}))
	if status := a.end(id); status != "DELETE_FAILED" {
		t.Fatalf("ends in %s", status)
	}
	inOrder(t, a.story(id), `^Topic DELETE_FAILED topic is in use$`, `^Log DELETE_SKIPPED$`, `^one DELETE_FAILED .*\[Topic\]`)
	must[*cloudformation.DeleteStackOutput](t)(a.cfn.DeleteStack(a.ctx, &cloudformation.DeleteStackInput{StackName: &id, RetainResources: []string{"Topic"}}))
	if status := a.end(id); status != "DELETE_COMPLETE" {
		t.Errorf("with the topic retained it ends in %s", status)
	}
	if living := fmt.Sprint(a.Living()); !strings.Contains(living, "LogGroup") || !strings.Contains(living, "Topic") {
		t.Errorf("what was retained is gone: %s", living)
	}
}

func TestStackDeletedWhileItIsCreated(t *testing.T) {
	a := newAccount(t)
	cs := a.createChangeSet("first", cftypes.ChangeSetTypeCreate, a.launchValues(digestA))
	a.execute(cs)
	must[*cloudformation.DeleteStackOutput](t)(a.cfn.DeleteStack(a.ctx, &cloudformation.DeleteStackInput{StackName: cs.StackId}))
	if status := a.end(*cs.StackId); status != "DELETE_COMPLETE" {
		t.Fatalf("ends in %s:\n%s", status, strings.Join(a.story(*cs.StackId), "\n"))
	}
	if living := a.Living(); len(living) > 0 {
		t.Errorf("left: %v", living)
	}
}

func TestWritersAreStopped(t *testing.T) {
	a := newAccount(t)
	a.createStack("pipe", "Resources: {Pipeline: {Type: AWS::CodePipeline::Pipeline}, Rule: {Type: AWS::Events::Rule}}", nil)
	pipeline, rule := a.PhysicalID("pipe", "Pipeline"), a.PhysicalID("pipe", "Rule")
	if runs := a.Executions(pipeline); len(runs) != 1 || runs[0].Trigger != "CreatePipeline" {
		t.Errorf("a new pipeline runs once by itself: %+v", runs)
	}
	a.Hold()
	running := a.PutExecution(pipeline, "InProgress")
	pipelines, events := codepipeline.NewFromConfig(a.Config()), eventbridge.NewFromConfig(a.Config())
	must[*codepipeline.StopPipelineExecutionOutput](t)(pipelines.StopPipelineExecution(a.ctx, &codepipeline.StopPipelineExecutionInput{PipelineName: &pipeline, PipelineExecutionId: &running}))
	listed := must[*codepipeline.ListPipelineExecutionsOutput](t)(pipelines.ListPipelineExecutions(a.ctx, &codepipeline.ListPipelineExecutionsInput{PipelineName: &pipeline}))
	if newest := listed.PipelineExecutionSummaries[0]; *newest.PipelineExecutionId != running || newest.Status != "Stopping" {
		t.Errorf("the newest run is %s, %s", *newest.PipelineExecutionId, newest.Status)
	}
	a.Release()
	must[*eventbridge.DisableRuleOutput](t)(events.DisableRule(a.ctx, &eventbridge.DisableRuleInput{Name: &rule}))
	if got := must[*eventbridge.DescribeRuleOutput](t)(events.DescribeRule(a.ctx, &eventbridge.DescribeRuleInput{Name: &rule})); got.State != "DISABLED" {
		t.Errorf("the rule is %s", got.State)
	}
	a.deleteAll("pipe")
	_, err := pipelines.GetPipeline(a.ctx, &codepipeline.GetPipelineInput{Name: &pipeline})
	wantError(t, err, "PipelineNotFoundException", pipeline)
	_, err = events.DescribeRule(a.ctx, &eventbridge.DescribeRuleInput{Name: &rule})
	wantError(t, err, "ResourceNotFoundException", "does not exist on EventBus default.")
}
