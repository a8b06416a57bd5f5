package launch

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/awsdouble"
	"slipway/internal/cause"
	"slipway/internal/contract"
)

const breaker = "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.\" (RequestToken: 1, HandlerErrorCode: GeneralServiceException)"

// What somebody breaks is told by its name, with what to do, and the report has the rest. The words are those of
// internal/cause's recorded failures.
func TestCausesOfALaunchThatFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		cause    string
		resource string // that CloudFormation says has failed
		reason   string
		tasks    awsdouble.TaskFailure
		says     []string
	}{
		{"wrong-port", "ECS.Service", breaker, awsdouble.TaskFailure{
			ExitCode: 143, Log: []string{"starting", "listening on :3000"}, TargetReason: "Target.FailedHealthChecks", TargetDescription: "Health checks failed",
		}, []string{"the log says that the application listens on 3000", "service.port", "  | listening on :3000"}},
		{"health-path", "ECS.Service", breaker, awsdouble.TaskFailure{
			ExitCode: 143, TargetReason: "Target.ResponseCodeMismatch", TargetDescription: "Health checks failed with these codes: [404]",
		}, []string{"service.healthPath", "[404]"}},
		{"health-grace", "ECS.Service", breaker, awsdouble.TaskFailure{
			ExitCode: 143, Log: []string{"Tomcat started on port 8080, context path `/`"}, TargetReason: "Target.FailedHealthChecks", TargetDescription: "Health checks failed",
		}, []string{"service.healthGrace"}},
		{"image-missing", "ECS.Service", breaker, awsdouble.TaskFailure{
			ExitCode:      -1,
			StoppedReason: "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 1.dkr.ecr.eu-west-1.amazonaws.com/example@sha256:863: not found",
		}, []string{"CannotPullContainerError", "and 2 more in the same way"}},
		{"container-exits", "ECS.Service", breaker, awsdouble.TaskFailure{
			StoppedReason: "Essential container in task exited", ExitCode: 3, Log: []string{"password=hunter2", "boom"},
		}, []string{"exit code 3", "  | boom", "password=[hidden]"}},
		{"out-of-memory", "ECS.Service", breaker, awsdouble.TaskFailure{
			StoppedReason: "Essential container in task exited", ContainerReason: "OutOfMemoryError: Container killed due to memory usage", ExitCode: 137,
		}, []string{"service.memory"}},
		{"permission-missing", "Network.VPC", "You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/slipway-demo-foundation-ExecutionRole-1/AWSCloudFormation is not authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:us-east-1:123456789012:vpc/* with an explicit deny in a service control policy. Encoded authorization failure message: abc-DEF_123",
			awsdouble.TaskFailure{}, []string{"right ec2:CreateVpc of role slipway-demo-foundation-ExecutionRole-1", "denied by a service control policy of the organization", "docs/permissions.md"}},
		{"quota", "Network.VPC", "Resource handler returned message: \"The maximum number of VPCs has been reached. (Service: Ec2, Status Code: 400, Request ID: 1)\" (RequestToken: 1, HandlerErrorCode: GeneralServiceException)",
			awsdouble.TaskFailure{}, []string{"Service Quotas"}},
		{cause.Unknown, "Network.VPC", "it had no mind to", awsdouble.TaskFailure{}, []string{"it had no mind to"}},
	} {
		t.Run(test.cause, func(t *testing.T) {
			t.Parallel()
			// Slow enough for the launcher to look in between, on a busy machine too: on AWS a rollback takes seconds for each resource.
			delay := time.Millisecond
			if test.resource == "ECS.Service" {
				delay = 30 * time.Millisecond
			}
			b := newBench(t, awsdouble.WithEventDelay(delay))
			b.double.TasksFail(test.tasks)
			b.double.FailResource(test.resource, test.reason)
			err := b.Deploy(t.Context(), DeployOptions{})
			want(t, err, append(test.says, "\ncause: "+test.cause+": ", "\nnext: ", "\nwhole report: ", "slipway-demo-prod."+test.resource)...)
			if lines := strings.Count(err.Error(), "\n") + 1; lines > 13 {
				t.Errorf("%d lines:\n%v", lines, err)
			}
			b.wantReport(t, err, test.cause, "slipway-demo-prod."+test.resource)
		})
	}
}

// wantReport reads the file that the error names.
func (b *bench) wantReport(t *testing.T, err error, name, place string) {
	t.Helper()
	_, file, _ := strings.Cut(err.Error(), "whole report: ")
	text, readErr := os.ReadFile(file)
	if readErr != nil {
		t.Fatal(readErr)
	}
	var got Failure
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Cause.Name != name || got.First == nil || got.First.Place != place || got.Operation != "creation of stack slipway-demo-prod" || got.At.IsZero() {
		t.Errorf("the report has cause %s, first %+v, operation %q", got.Cause.Name, got.First, got.Operation)
	}
	for _, secret := range []string{"hunter2", "abc-DEF_123"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the report has %s", secret)
		}
	}
	f, ok := errors.AsType[*Failure](err)
	if !ok {
		t.Fatalf("%T is no Failure", err)
	}
	again, _ := json.MarshalIndent(f, "", "  ")
	if diff := cmp.Diff(string(again)+"\n", string(text)); diff != "" {
		t.Error(diff)
	}
}

// The earliest real failure counts, whatever is said at the same moment or before it because of it. The words are those of
// github.com/waterbear-cloud/paco/issues/40 and github.com/aws-samples/aws-scalable-big-blue-button-example/issues/36.
func TestFirstRealFailure(t *testing.T) {
	t.Parallel()
	taken := event{stack: "shop-prod.Network", logicalID: "Subnet", reason: "The CIDR '10.4.3.0/24' conflicts with another subnet (Service: AmazonEC2; Status Code: 400)"}
	later := event{stack: "shop-prod.ECS", logicalID: "Service", reason: "the request was cancelled by the user's hand"}
	echoes := []event{
		{stack: "shop-prod.Network", logicalID: "Routes", reason: "Resource creation cancelled"},
		{stack: "shop-prod.ECS", logicalID: "Role", reason: "Resource update cancelled"},
		{stack: "shop-prod.Network", own: true, reason: "The following resource(s) failed to create: [NACLAZ1, SubnetAZ2]. "},
		{stack: "shop-prod", logicalID: "Network", reason: "Embedded stack arn:aws:cloudformation:us-east-1:918358197386:stack/bbb-BBBECSStack-DMPFDRNGF6X5/6d202bc0 was not successfully created: The following resource(s) failed to create: [BBBECSCapacityProvider]. "},
	}
	for name, test := range map[string]struct {
		failures []event
		want     string
	}{
		"behind echoes": {append(slices.Clone(echoes), taken, later), "shop-prod.Network.Subnet"},
		"before echoes": {append([]event{later, taken}, echoes...), "shop-prod.ECS.Service"},
		"echoes alone":  {echoes, "shop-prod.Network.Routes"},
	} {
		if got, found := (outcome{failures: test.failures}).first(); !found || got.place() != test.want {
			t.Errorf("%s: the first failure is %s, want %s", name, got.place(), test.want)
		}
	}
	if _, found := (outcome{}).first(); found {
		t.Error("nothing failed, and something was found")
	}
}

// A build's failure is named and kept in the same way.
func TestCauseOfABuildThatFails(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.double.OnBuild(func(awsdouble.Build) awsdouble.BuildResult {
		return awsdouble.BuildResult{FailedPhase: "BUILD", Message: "exit status 1", Log: []string{"Cannot connect to the Docker daemon at unix:///var/run/docker.sock."}}
	})
	err := b.Deploy(t.Context(), DeployOptions{})
	want(t, err, "the image build failed", "cause: docker-missing", "  | Cannot connect to the Docker daemon", "phase BUILD", "next: ", "whole report: ")
}

// What stands in the way of a deletion is named, too.
func TestCauseOfADeletionThatFails(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.double.FailDelete("Network.VPC", "The vpc 'vpc-1' has dependencies and cannot be deleted. (Service: AmazonEC2; Status Code: 400; Error Code: DependencyViolation; Request ID: 1; Proxy: null)")
	want(t, b.again("a").Destroy(t.Context(), DestroyOptions{}), "cause: dependency-on-delete", "Network.VPC", "next: ")
}

// A right that the caller lacks is named with who lacks it, without a stack.
func TestCauseOfARefusedCall(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.may()
	want(t, b.Deploy(t.Context(), DeployOptions{}), "cause: permission-missing", "of user tester", "allowed by no policy of its own", "docs/permissions.md")
}

// A template that CloudFormation does not accept is named as such, whether it answers the call or fails the change set.
func TestCauseOfARefusedTemplate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.double.Fail("CreateChangeSet", "ValidationError", "Template format error: Unresolved resource dependencies [Vpc] in the Resources block of the template", 1)
	want(t, b.Deploy(t.Context(), DeployOptions{}), "Unresolved resource dependencies [Vpc]", "cause: template-invalid", "next: ")

	b = newBench(t)
	b.mustDeploy(t, DeployOptions{})
	sets := b.double.CallsTo("CreateChangeSet")
	role := text(sets[len(sets)-1].In, "RoleARN")
	_, err := b.apply(t.Context(), request{name: "slipway-demo-prod", by: contract.ChangeSetByPerson, role: role, template: `
Resources:
  VPC: {Type: AWS::EC2::VPC, Properties: {CidrBlock: !Select [5, [10.0.0.0/16]]}}
`})
	want(t, err, "Fn::Select", "cause: template-invalid", "next: ")
	if _, made := errors.AsType[*changeSetError](err); !made {
		t.Errorf("the change set was not even made: %v", err)
	}
}

// The newest reports stay.
func TestReportsAreBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	folder := filepath.Join(b.Records, "failures")
	for i := range maxReports + 5 {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("2020010%d.json", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := b.keep(&Failure{Operation: "x"})
	names, _ := os.ReadDir(folder)
	if len(names) != maxReports || !strings.Contains(err.Error(), names[len(names)-1].Name()) {
		t.Errorf("%d reports are kept: %v\n%v", len(names), names, err)
	}
	b.Records = filepath.Join(folder, names[0].Name()) // a file, where a folder would be made
	want(t, b.keep(&Failure{Operation: "x"}), "could not be kept")
}
