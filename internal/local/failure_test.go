package local

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// TestFailedCreate creates a stack whose service never is healthy: everything goes again, in view.
func TestFailedCreate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.deploy("web", cfntypes.ChangeSetTypeCreate, params{"Mode": "exit"})
	b.wantStatus(s, cfntypes.StackStatusRollbackComplete)
	root := b.events("web")
	for _, want := range []string{
		"Service AWS::CloudFormation::Stack CREATE_IN_PROGRESS Resource creation Initiated",
		"was not successfully created: The following resource(s) failed to create: [Service].",
		"ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Service]. Rollback requested by user.",
		"Service AWS::CloudFormation::Stack DELETE_COMPLETE",
	} {
		if !strings.Contains(root, want) {
			t.Errorf("no event of the root says %q:\n%s", want, root)
		}
	}
	for _, child := range b.children("web") {
		if got := b.describe(child).StackStatus; got != cfntypes.StackStatusDeleteComplete {
			t.Errorf("%s is %s", child, got)
		}
		if events := b.events(child); strings.Contains(child, "Service") && !strings.Contains(events, "Service AWS::ECS::Service DELETE_COMPLETE") {
			t.Errorf("the half-made service was not deleted:\n%s", events)
		}
	}
	b.nothingOfStacks()
	b.wantStatus(b.delete("web"), cfntypes.StackStatusDeleteComplete)
}

// nothingOfStacks fails where a service still knows something that a stack had made.
func (b *bench) nothingOfStacks() {
	b.Helper()
	ctx, cfg := b.Context(), b.e.AWSConfig()
	var left []string
	balancers, err := elb.NewFromConfig(cfg).DescribeLoadBalancers(ctx, nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, balancer := range balancers.LoadBalancers {
		left = append(left, *balancer.LoadBalancerArn)
	}
	clusters, err := ecs.NewFromConfig(cfg).ListClusters(ctx, nil)
	if err != nil {
		b.Fatal(err)
	}
	groups, err := cloudwatchlogs.NewFromConfig(cfg).DescribeLogGroups(ctx, nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, group := range groups.LogGroups {
		left = append(left, *group.LogGroupName)
	}
	roles, err := iam.NewFromConfig(cfg).ListRoles(ctx, nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, role := range roles.Roles {
		left = append(left, *role.Arn)
	}
	if left = append(left, clusters.ClusterArns...); len(left) > 0 {
		b.Errorf("left behind: %s", strings.Join(left, ", "))
	}
	if got := tasks(b.T, b.e); len(got) > 0 {
		b.Errorf("processes of tasks are left: %v", got)
	}
}

// tasks are the processes that carry the engine's token and are not the engine.
func tasks(t *testing.T, e *Engine) []int {
	t.Helper()
	all, err := carriers(e.token)
	if err != nil {
		t.Fatal(err)
	}
	var others []int
	for _, pid := range all {
		if pid != e.PID {
			others = append(others, pid)
		}
	}
	return others
}

// TestWhatAWSReports looks at what the launcher reads while it follows a stack.
func TestWhatAWSReports(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.deploy("web", cfntypes.ChangeSetTypeCreate, nil)
	b.wantStatus(s, cfntypes.StackStatusCreateComplete)
	if got := aws.ToString(s.RoleARN); got != "arn:aws:iam::000000000000:role/executes" {
		t.Errorf("RoleARN %q", got)
	}
	for _, id := range append(b.children("web"), "web") {
		for _, event := range b.rawEvents(id) {
			if event.ResourceStatus != "REVIEW_IN_PROGRESS" && aws.ToString(event.ClientRequestToken) != "token-web" {
				t.Errorf("%s: event %s %s has the token %q", id, *event.LogicalResourceId, event.ResourceStatus, aws.ToString(event.ClientRequestToken))
			}
		}
		if child := b.describe(id); id != "web" && (aws.ToString(child.RootId) != *s.StackId || aws.ToString(child.ParentId) != *s.StackId) {
			t.Errorf("%s: root %q, parent %q", id, aws.ToString(child.RootId), aws.ToString(child.ParentId))
		}
	}
	b.taskOf(s)
	b.healthOf(s, 2)
	group := b.logGroup()
	b.replacedTaskDefinitionStays(s)
	if now := b.logGroup(); now != group {
		t.Errorf("after an update the log group is %s, and was %s", now, group)
	}
	b.wantStatus(b.delete("web"), cfntypes.StackStatusDeleteComplete)
	b.nothingOfStacks()
}

// taskOf checks the running tasks and that what they print is in the log group.
func (b *bench) taskOf(s cfntypes.Stack) {
	b.Helper()
	client, cluster := ecs.NewFromConfig(b.e.AWSConfig()), aws.String(output(s, "Cluster"))
	list, err := client.ListTasks(b.Context(), &ecs.ListTasksInput{Cluster: cluster})
	if err != nil || len(list.TaskArns) != 2 {
		b.Fatalf("tasks: %v, %v", list, err)
	}
	services, err := client.DescribeServices(b.Context(), &ecs.DescribeServicesInput{Cluster: cluster, Services: []string{output(s, "Service")}})
	if err != nil {
		b.Fatal(err)
	}
	service := services.Services[0]
	if len(service.Deployments) != 1 || service.Deployments[0].RolloutState != ecstypes.DeploymentRolloutStateCompleted || service.RunningCount != 2 {
		b.Errorf("service: %+v", service)
	}
	logs := cloudwatchlogs.NewFromConfig(b.e.AWSConfig())
	stream := aws.String("web/web/" + list.TaskArns[0][strings.LastIndex(list.TaskArns[0], "/")+1:])
	waitFor(b.T, 5*time.Second, "the task's first log line", func() bool {
		events, err := logs.GetLogEvents(b.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String(b.logGroup()), LogStreamName: stream})
		return err == nil && len(events.Events) > 0 && strings.Contains(*events.Events[0].Message, "listening, version 1")
	})
}

// logGroup is the one log group, which has its name from its stack.
func (b *bench) logGroup() string {
	b.Helper()
	groups, err := cloudwatchlogs.NewFromConfig(b.e.AWSConfig()).DescribeLogGroups(b.Context(), nil)
	if err != nil || len(groups.LogGroups) != 1 {
		b.Fatalf("log groups: %+v, %v", groups, err)
	}
	name := aws.ToString(groups.LogGroups[0].LogGroupName)
	if !regexp.MustCompile(`^web-Service-[0-9A-F]+-Logs-[0-9A-Z]+$`).MatchString(name) {
		b.Errorf("the log group is called %s", name)
	}
	return name
}

func (b *bench) healthOf(s cfntypes.Stack, want int) {
	b.Helper()
	out, err := elb.NewFromConfig(b.e.AWSConfig()).DescribeTargetHealth(b.Context(), &elb.DescribeTargetHealthInput{TargetGroupArn: aws.String(output(s, "TargetGroup"))})
	if err != nil || len(out.TargetHealthDescriptions) != want {
		b.Fatalf("target health: %+v, %v", out, err)
	}
	for _, target := range out.TargetHealthDescriptions {
		if target.TargetHealth.State != "healthy" {
			b.Errorf("target %s is %s", *target.Target.Id, target.TargetHealth.State)
		}
	}
}

// replacedTaskDefinitionStays updates the stack; its template retains replaced task definitions.
func (b *bench) replacedTaskDefinitionStays(s cfntypes.Stack) {
	b.Helper()
	b.wantStatus(b.deploy("web", cfntypes.ChangeSetTypeUpdate, params{"Version": "2"}), cfntypes.StackStatusUpdateComplete)
	client := ecs.NewFromConfig(b.e.AWSConfig())
	out, err := client.DescribeTaskDefinition(b.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String(output(s, "Task"))})
	if err != nil || out.TaskDefinition.Status != ecstypes.TaskDefinitionStatusActive {
		b.Fatalf("the replaced task definition: %+v, %v", out, err)
	}
	parameters := out.TaskDefinition.ContainerDefinitions[0].LinuxParameters
	if parameters == nil || !aws.ToBool(parameters.InitProcessEnabled) {
		b.Errorf("nested properties of the container definition are lost: %+v", parameters)
	}
	if _, err := client.DeregisterTaskDefinition(b.Context(), &ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String(output(s, "Task"))}); err != nil {
		b.Fatal(err)
	}
}

// TestMissingCapability has CloudFormation refuse a template with a role.
func TestMissingCapability(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, err := b.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: aws.String("web"), TemplateBody: aws.String(b.template("service"))})
	if err == nil || !strings.Contains(err.Error(), "InsufficientCapabilities") {
		t.Errorf("create without capabilities: %v", err)
	}
}

// TestBalancer looks at the requests that targets get and the answers that clients get.
func TestBalancer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.deploy("web", cfntypes.ChangeSetTypeCreate, nil)
	b.wantStatus(s, cfntypes.StackStatusCreateComplete)
	base := output(s, "URL")
	_, body := get(t, base+"/headers")
	var headers http.Header
	if err := json.Unmarshal([]byte(body), &headers); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Port": "80", "X-Amzn-Trace-Id": "Root=1-"} {
		if !strings.HasPrefix(headers.Get(name), want) {
			t.Errorf("%s: %q, want %q", name, headers.Get(name), want)
		}
	}
	if status, body := get(t, base+"/stream"); status != 200 || len(body) != 5*1002+4 {
		t.Errorf("stream: %d, %d bytes", status, len(body))
	}
	head, err := http.Head(base + "/")
	if err != nil || head.StatusCode != 200 {
		t.Errorf("HEAD: %v, %v", head, err)
	}
	post, err := http.Post(base+"/", "text/plain", io.MultiReader(strings.NewReader(strings.Repeat("y", 1<<20)), strings.NewReader("z")))
	if err != nil || post.StatusCode != 200 {
		t.Errorf("POST of chunks: %v, %v", post, err)
	}
	inHand := make(chan string, 1)
	go func() {
		answer, err := http.Get(base + "/slow")
		inHand <- fmt.Sprint(answer, err)
	}()
	time.Sleep(200 * time.Millisecond)
	b.wantStatus(b.deploy("web", cfntypes.ChangeSetTypeUpdate, params{"Version": "2"}), cfntypes.StackStatusUpdateComplete)
	if got := <-inHand; !strings.Contains(got, "200 OK") {
		t.Errorf("the request in hand during the update: %s", got)
	}
}

// TestSickTaskIsReplaced makes one running task fail its health checks.
func TestSickTaskIsReplaced(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.deploy("web", cfntypes.ChangeSetTypeCreate, nil)
	b.wantStatus(s, cfntypes.StackStatusCreateComplete)
	client, in := ecs.NewFromConfig(b.e.AWSConfig()), &ecs.ListTasksInput{Cluster: aws.String(output(s, "Cluster"))}
	before, err := client.ListTasks(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	get(t, output(s, "URL")+"/sicken")
	waitFor(t, 15*time.Second, "another task", func() bool {
		after, err := client.ListTasks(t.Context(), in)
		return err == nil && len(after.TaskArns) == 2 && strings.Join(after.TaskArns, "") != strings.Join(before.TaskArns, "")
	})
	stopped, err := client.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: in.Cluster, Tasks: before.TaskArns})
	if err != nil {
		t.Fatal(err)
	}
	var reasons string
	for _, task := range stopped.Tasks {
		reasons += aws.ToString(task.StoppedReason)
	}
	if want := "Task failed ELB health checks in (target-group " + output(s, "TargetGroup"); !strings.HasPrefix(reasons, want) {
		t.Errorf("stopped because %q, want %q", reasons, want)
	}
}

// TestCrashLeavesNoOrphan kills the engine while tasks run.
func TestCrashLeavesNoOrphan(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.wantStatus(b.deploy("web", cfntypes.ChangeSetTypeCreate, nil), cfntypes.StackStatusCreateComplete)
	if got := tasks(t, b.e); len(got) != 2 {
		t.Fatalf("processes of tasks: %v", got)
	}
	process, err := os.FindProcess(b.e.PID)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, 3*time.Second, "the tasks' end", func() bool { return len(tasks(t, b.e)) == 0 })
}

// TestPoisonedProfile plants AWS settings of a user and looks for them in the engine and in a task.
func TestPoisonedProfile(t *testing.T) {
	home := t.TempDir()
	poison := "AKIAPOISONPOISON1234"
	if err := os.MkdirAll(filepath.Join(home, ".aws"), 0o755); err != nil {
		t.Fatal(err)
	}
	profile := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", poison, poison)
	if err := os.WriteFile(filepath.Join(home, ".aws", "credentials"), []byte(profile), 0o600); err != nil {
		t.Fatal(err)
	}
	root := clone(t) // before HOME changes: it looks for the cache there
	if _, err := serverOnce(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL", "SECRET_OF_THE_USER"} {
		t.Setenv(name, poison)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(home, ".aws", "credentials"))
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(home, ".aws", "credentials"))
	b := newBenchIn(t, root)
	b.wantStatus(b.deploy("web", cfntypes.ChangeSetTypeCreate, nil), cfntypes.StackStatusCreateComplete)
	seen, err := carriers(b.e.token)
	if err != nil || len(seen) != 3 {
		t.Fatalf("engine and tasks: %v, %v", seen, err)
	}
	for _, pid := range seen {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(env), poison) || strings.Contains(string(env), filepath.Join(home, ".aws")) {
			t.Errorf("process %d sees the user's settings:\n%s", pid, strings.ReplaceAll(string(env), "\x00", "\n"))
		}
	}
	credentials, err := b.e.AWSConfig().Credentials.Retrieve(context.Background())
	if err != nil || credentials.AccessKeyID != "test" {
		t.Errorf("credentials of clients: %v, %v", credentials.AccessKeyID, err)
	}
}

// TestHusk makes a change set that is never executed: the stack is there in name only, and goes on request.
func TestHusk(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if _, err := b.changeSet("web", cfntypes.ChangeSetTypeCreate, nil); err != nil {
		t.Fatal(err)
	}
	if got := b.describe("web").StackStatus; got != cfntypes.StackStatusReviewInProgress {
		t.Errorf("status %s", got)
	}
	if _, err := b.cfn.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: aws.String("web")}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, 5*time.Second, "the husk's end", func() bool {
		_, err := b.cfn.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String("web")})
		return err != nil && strings.Contains(err.Error(), "does not exist")
	})
	b.wantStatus(b.deploy("web", cfntypes.ChangeSetTypeCreate, params{"Mode": "exit"}), cfntypes.StackStatusRollbackComplete)
	b.wantStatus(b.delete("web"), cfntypes.StackStatusDeleteComplete)
	s := b.deploy("web", cfntypes.ChangeSetTypeCreate, nil)
	b.wantStatus(s, cfntypes.StackStatusCreateComplete)
	b.wantStatus(b.deploy("web", cfntypes.ChangeSetTypeUpdate, params{"Mode": "exit"}), cfntypes.StackStatusUpdateRollbackComplete)
	for _, child := range b.children("web") {
		if got := b.describe(child).StackStatus; strings.Contains(child, "Service") && got != cfntypes.StackStatusUpdateRollbackComplete {
			t.Errorf("%s is %s after the rollback", child, got)
		}
	}
	b.wantStatus(b.deploy("web", cfntypes.ChangeSetTypeUpdate, params{"Version": "2", "Count": "3"}), cfntypes.StackStatusUpdateComplete)
	b.healthOf(s, 3)
}
