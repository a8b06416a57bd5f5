package awsdouble_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	cbtypes "github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"slipway/internal/awsdouble"
)

func TestLoadBalancerSeesTasks(t *testing.T) {
	a := newAccount(t)
	a.launch()
	client := elb.NewFromConfig(a.Config())
	group, balancer := a.PhysicalID("shop-prod", "ECS.TargetGroup"), a.PhysicalID("shop-prod", "ECS.LoadBalancer")
	states := func() string {
		out := must[*elb.DescribeTargetHealthOutput](t)(client.DescribeTargetHealth(a.ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &group}))
		var all []string
		for _, h := range out.TargetHealthDescriptions {
			all = append(all, string(h.TargetHealth.State))
		}
		return strings.Join(all, " ")
	}
	if got := states(); got != "healthy healthy" {
		t.Errorf("targets are %s", got)
	}
	a.Unhealthy(a.output("shop-prod", "ServiceName"))
	if got := states(); got != "unhealthy unhealthy" {
		t.Errorf("targets that fail their checks are %s", got)
	}
	groups := must[*elb.DescribeTargetGroupsOutput](t)(client.DescribeTargetGroups(a.ctx, &elb.DescribeTargetGroupsInput{TargetGroupArns: []string{group}}))
	if arns := groups.TargetGroups[0].LoadBalancerArns; len(arns) != 1 || arns[0] != balancer {
		t.Errorf("the group's load balancers are %v", arns)
	}
	listeners := must[*elb.DescribeListenersOutput](t)(client.DescribeListeners(a.ctx, &elb.DescribeListenersInput{LoadBalancerArn: &balancer}))
	rules := must[*elb.DescribeRulesOutput](t)(client.DescribeRules(a.ctx, &elb.DescribeRulesInput{ListenerArn: listeners.Listeners[0].ListenerArn}))
	if action := rules.Rules[0].Actions[0]; action.Type != "forward" || *action.TargetGroupArn != group {
		t.Errorf("the rule's action is %+v", action)
	}
}

func TestApplicationThatMisbehaves(t *testing.T) {
	a := newAccount(t)
	a.launch()
	a.ServeApp(func(w http.ResponseWriter, _ *http.Request, task awsdouble.Task) {
		http.Error(w, task.Hostname, http.StatusInternalServerError)
	})
	url := a.output("shop-prod", "ServiceURL")
	resp, err := http.Get(url + "/time")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("GET /time: %s", resp.Status)
	}
	a.deleteAll("shop-prod")
	if resp, err := http.Get(url); err == nil {
		resp.Body.Close()
		t.Errorf("the deleted load balancer answers %s", resp.Status)
	}
}

func TestServiceIsScaled(t *testing.T) {
	a := newAccount(t)
	body := strings.Replace(read(t, "ecs.yaml"), "      DesiredCount: 2\n", "", 1)
	body = strings.Replace(body, "Outputs:\n", `  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties: {ServiceNamespace: ecs, ScalableDimension: "ecs:service:DesiredCount", ResourceId: !Sub "service/${Cluster}/${Service.Name}", MinCapacity: 2, MaxCapacity: 4}
  Policy:
    Type: AWS::ApplicationAutoScaling::ScalingPolicy
    Properties: {PolicyName: cpu, PolicyType: TargetTrackingScaling, ScalingTargetId: !Ref Target}
Outputs:
`, 1)
	a.createStack("shop", body, map[string]string{"VPCID": "vpc-1", "SubnetA": "subnet-1", "ImageURI": digestA})
	cluster, name := a.output("shop", "ClusterName"), a.output("shop", "ServiceName")
	client := ecs.NewFromConfig(a.Config())
	count := func() string {
		s := must[*ecs.DescribeServicesOutput](t)(client.DescribeServices(a.ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{name}})).Services[0]
		return fmt.Sprint(s.DesiredCount, s.RunningCount)
	}
	if got := count(); got != "1 1" {
		t.Errorf("without a desired count the service starts with %s", got)
	}
	for _, n := range []int32{3, 0, 2} {
		must[*ecs.UpdateServiceOutput](t)(client.UpdateService(a.ctx, &ecs.UpdateServiceInput{Cluster: &cluster, Service: &name, DesiredCount: &n}))
		if got, want := count(), fmt.Sprint(n, n); got != want {
			t.Errorf("scaled to %d: %s", n, got)
		}
	}
	scaler, id := scaling.NewFromConfig(a.Config()), "service/"+cluster+"/"+name
	targets := must[*scaling.DescribeScalableTargetsOutput](t)(scaler.DescribeScalableTargets(a.ctx, &scaling.DescribeScalableTargetsInput{ServiceNamespace: scalingtypes.ServiceNamespaceEcs, ResourceIds: []string{id}}))
	if len(targets.ScalableTargets) != 1 || *targets.ScalableTargets[0].MaxCapacity != 4 {
		t.Errorf("scalable targets: %+v", targets.ScalableTargets)
	}
	policies := must[*scaling.DescribeScalingPoliciesOutput](t)(scaler.DescribeScalingPolicies(a.ctx, &scaling.DescribeScalingPoliciesInput{ServiceNamespace: scalingtypes.ServiceNamespaceEcs, ResourceId: &id}))
	if len(policies.ScalingPolicies) != 1 || *policies.ScalingPolicies[0].PolicyName != "cpu" {
		t.Errorf("scaling policies: %+v", policies.ScalingPolicies)
	}
}

func TestLogsAreRead(t *testing.T) {
	a := newAccount(t, awsdouble.WithPageSize(4))
	a.createStack("log", "Resources: {Group: {Type: AWS::Logs::LogGroup}}", nil)
	group := a.PhysicalID("log", "Group")
	for i := range 10 {
		a.PutLog(group, fmt.Sprintf("tasks/app/%d", i%2), fmt.Sprintf("line %d", i))
	}
	client := cloudwatchlogs.NewFromConfig(a.Config())
	pages, lines := cloudwatchlogs.NewGetLogEventsPaginator(client, &cloudwatchlogs.GetLogEventsInput{LogGroupName: &group, LogStreamName: new("tasks/app/0"), StartFromHead: new(true)},
		func(o *cloudwatchlogs.GetLogEventsPaginatorOptions) { o.StopOnDuplicateToken = true }), ""
	for pages.HasMorePages() {
		for _, e := range must[*cloudwatchlogs.GetLogEventsOutput](t)(pages.NextPage(a.ctx)).Events {
			lines += *e.Message + ";"
		}
	}
	if lines != "line 0;line 2;line 4;line 6;line 8;" {
		t.Errorf("the stream holds %s", lines)
	}
	tail := must[*cloudwatchlogs.GetLogEventsOutput](t)(client.GetLogEvents(a.ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: &group, LogStreamName: new("tasks/app/1"), Limit: new(int32(2))}))
	if len(tail.Events) != 2 || *tail.Events[1].Message != "line 9" {
		t.Errorf("the tail is %+v", tail.Events)
	}
	found := must[*cloudwatchlogs.FilterLogEventsOutput](t)(client.FilterLogEvents(a.ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group, FilterPattern: new(`"line 7"`)}))
	if len(found.Events) != 1 || *found.Events[0].LogStreamName != "tasks/app/1" {
		t.Errorf("filtered: %+v", found.Events)
	}
	streams := must[*cloudwatchlogs.DescribeLogStreamsOutput](t)(client.DescribeLogStreams(a.ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: &group, OrderBy: "LastEventTime", Descending: new(true)}))
	if len(streams.LogStreams) != 2 || *streams.LogStreams[0].LogStreamName != "tasks/app/1" {
		t.Errorf("streams: %+v", streams.LogStreams)
	}
	a.deleteAll("log")
	_, err := client.GetLogEvents(a.ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: &group, LogStreamName: new("s")})
	wantError(t, err, "ResourceNotFoundException", "The specified log group does not exist.")
	a.PutLog(group, "late", "a late writer makes no group")
	if groups := must[*cloudwatchlogs.DescribeLogGroupsOutput](t)(client.DescribeLogGroups(a.ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &group})); len(groups.LogGroups) != 0 {
		t.Errorf("groups: %+v", groups.LogGroups)
	}
}

func TestBuildIsStopped(t *testing.T) {
	a := newAccount(t)
	a.createStack("shop-foundation", read(t, "foundation.yaml"), nil)
	client, project := codebuild.NewFromConfig(a.Config()), a.output("shop-foundation", "ImageProjectName")
	_, err := client.StartBuild(a.ctx, &codebuild.StartBuildInput{ProjectName: &project})
	wantError(t, err, "InvalidInputException", "artifactsOverride")
	a.Hold()
	started := must[*codebuild.StartBuildOutput](t)(client.StartBuild(a.ctx, &codebuild.StartBuildInput{
		ProjectName: &project, ArtifactsOverride: &cbtypes.ProjectArtifacts{Type: cbtypes.ArtifactsTypeNoArtifacts},
	}))
	listed := must[*codebuild.ListBuildsForProjectOutput](t)(client.ListBuildsForProject(a.ctx, &codebuild.ListBuildsForProjectInput{ProjectName: &project}))
	if len(listed.Ids) != 1 || listed.Ids[0] != *started.Build.Id {
		t.Errorf("builds of the project: %v", listed.Ids)
	}
	must[*codebuild.StopBuildOutput](t)(client.StopBuild(a.ctx, &codebuild.StopBuildInput{Id: started.Build.Id}))
	a.Release()
	for {
		b := must[*codebuild.BatchGetBuildsOutput](t)(client.BatchGetBuilds(a.ctx, &codebuild.BatchGetBuildsInput{Ids: listed.Ids})).Builds[0]
		if b.BuildComplete {
			if b.BuildStatus != cbtypes.StatusTypeStopped {
				t.Errorf("the build ends in %s", b.BuildStatus)
			}
			break
		}
		a.pause()
	}
	projects := must[*codebuild.BatchGetProjectsOutput](t)(client.BatchGetProjects(a.ctx, &codebuild.BatchGetProjectsInput{Names: []string{project, "no"}}))
	if len(projects.Projects) != 1 || len(projects.ProjectsNotFound) != 1 {
		t.Errorf("projects: %+v", projects)
	}
}

// The connection breaks after the service has done what it was asked for: the SDK asks again.
func TestLostAnswers(t *testing.T) {
	a := newAccount(t)
	cs := a.createChangeSet("first", cftypes.ChangeSetTypeCreate, a.launchValues(digestA))
	a.Lose("ExecuteChangeSet", 1)
	_, err := a.cfn.ExecuteChangeSet(a.ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: cs.ChangeSetId, ClientRequestToken: new("t")})
	wantError(t, err, "InvalidChangeSetStatus", "cannot be executed")
	if status := a.end("shop-prod"); status != "CREATE_COMPLETE" {
		t.Errorf("the first call should have begun the operation: %s", status)
	}
	a.Lose("s3.PutObject", 1)
	_, err = a.s3.PutObject(a.ctx, &s3.PutObjectInput{Bucket: new(templatesBucket), Key: new("lease"), Body: strings.NewReader("mine"), IfNoneMatch: new("*")})
	wantError(t, err, "PreconditionFailed", "")
}

func TestExecutionRoleStays(t *testing.T) {
	a := newAccount(t)
	body, role := "Resources: {T: {Type: AWS::SNS::Topic%s}}", "arn:aws:iam::123456789012:role/deploy"
	must[*cloudformation.CreateStackOutput](t)(a.cfn.CreateStack(a.ctx, &cloudformation.CreateStackInput{
		StackName: new("one"), TemplateBody: new(fmt.Sprintf(body, "")), RoleARN: &role, Tags: []cftypes.Tag{{Key: new("slipway:name"), Value: new("one")}},
	}))
	a.end("one")
	must[*cloudformation.UpdateStackOutput](t)(a.cfn.UpdateStack(a.ctx, &cloudformation.UpdateStackInput{
		StackName: new("one"), TemplateBody: new(fmt.Sprintf(body, ", Properties: {DisplayName: x}")),
	}))
	if status := a.end("one"); status != "UPDATE_COMPLETE" {
		t.Fatalf("ends in %s", status)
	}
	s := a.describe("one")
	if s.RoleARN == nil || *s.RoleARN != role || len(s.Tags) != 1 {
		t.Errorf("role %v and tags %v should stay when an update leaves them out", s.RoleARN, s.Tags)
	}
	template := must[*cloudformation.GetTemplateOutput](t)(a.cfn.GetTemplate(a.ctx, &cloudformation.GetTemplateInput{StackName: new("one")}))
	if *template.TemplateBody != fmt.Sprintf(body, ", Properties: {DisplayName: x}") {
		t.Errorf("the template is %s", *template.TemplateBody)
	}
}
