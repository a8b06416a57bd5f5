package awsdouble_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"slipway/internal/awsdouble"
	"slipway/internal/ec2query"
)

func TestThrottlesAreRetriedAndCounted(t *testing.T) {
	a := newAccount(t)
	a.PutStack(awsdouble.StackSpec{Name: "one", Status: "CREATE_COMPLETE"})
	a.PutBucket("b")
	a.Throttle("DescribeStacks", 2)
	a.Throttle("s3.HeadBucket", 2)
	a.Throttle("DescribeClusters", 2)
	a.Throttle("DescribeAvailabilityZones", 2)
	a.describe("one")
	must[*s3.HeadBucketOutput](t)(a.s3.HeadBucket(a.ctx, &s3.HeadBucketInput{Bucket: new("b")}))
	must[*ecs.DescribeClustersOutput](t)(ecs.NewFromConfig(a.Config()).DescribeClusters(a.ctx, &ecs.DescribeClustersInput{Clusters: []string{"no"}}))
	zones := must[[]ec2query.Zone](t)(ec2query.New(a.Config()).AvailabilityZones(a.ctx))
	if len(zones) != 4 || zones[0].ID != "use1-az2" || zones[3].Type != "local-zone" {
		t.Errorf("zones: %+v", zones)
	}
	for _, operation := range []string{"DescribeStacks", "HeadBucket", "DescribeClusters", "DescribeAvailabilityZones"} {
		if calls := a.CallsTo(operation); len(calls) != 3 {
			t.Errorf("%s was called %d times, want twice in vain and once more", operation, len(calls))
		}
	}
	if in := a.CallsTo("DescribeStacks")[0].In; in["StackName"] != "one" {
		t.Errorf("the call's parameters are %v", in)
	}
}

func TestThrottlesOutlastingTheRetries(t *testing.T) {
	a := newAccount(t)
	a.Throttle("DescribeStacks", 100)
	_, err := a.cfn.DescribeStacks(a.ctx, &cloudformation.DescribeStacksInput{})
	wantError(t, err, "Throttling", "Rate exceeded")
}

func TestFaultsOnPurpose(t *testing.T) {
	a := newAccount(t)
	client := sts.NewFromConfig(a.Config())
	a.Fail("GetCallerIdentity", "ExpiredToken", "The security token included in the request is expired", 1)
	_, err := client.GetCallerIdentity(a.ctx, &sts.GetCallerIdentityInput{})
	wantError(t, err, "ExpiredToken", "is expired")
	who := must[*sts.GetCallerIdentityOutput](t)(client.GetCallerIdentity(a.ctx, &sts.GetCallerIdentityInput{}))
	if *who.Account != a.AccountID {
		t.Errorf("account %s", *who.Account)
	}
	_, err = a.cfn.DescribeStackSet(a.ctx, &cloudformation.DescribeStackSetInput{StackSetName: new("x")})
	wantError(t, err, "InvalidAction", "Could not find operation DescribeStackSet")
}

func TestServiceLinkedRoles(t *testing.T) {
	a := newAccount(t)
	client := iam.NewFromConfig(a.Config())
	_, err := client.GetRole(a.ctx, &iam.GetRoleInput{RoleName: new("AWSServiceRoleForECS")})
	wantError(t, err, "NoSuchEntity", "The role with name AWSServiceRoleForECS cannot be found.")
	in := &iam.CreateServiceLinkedRoleInput{AWSServiceName: new("ecs.amazonaws.com")}
	must[*iam.CreateServiceLinkedRoleOutput](t)(client.CreateServiceLinkedRole(a.ctx, in))
	must[*iam.GetRoleOutput](t)(client.GetRole(a.ctx, &iam.GetRoleInput{RoleName: new("AWSServiceRoleForECS")}))
	_, err = client.CreateServiceLinkedRole(a.ctx, in)
	wantError(t, err, "InvalidInput", "Service role name AWSServiceRoleForECS has been taken in this account")
}

func TestEventsComeSlowlyAndInPages(t *testing.T) {
	a := newAccount(t, awsdouble.WithPageSize(4), awsdouble.WithEventDelay(3*time.Millisecond))
	values := a.launchValues(digestA)
	begun := time.Now()
	a.execute(a.createChangeSet("first", cftypes.ChangeSetTypeCreate, values))
	seen := map[int]bool{}
	for strings.HasSuffix(a.StackStatus("shop-prod"), "_IN_PROGRESS") {
		seen[len(a.events("shop-prod"))] = true
	}
	if len(seen) < 3 || time.Since(begun) < 50*time.Millisecond {
		t.Errorf("the events came all at once: %v after %v", seen, time.Since(begun))
	}
	events := a.events(a.PhysicalID("shop-prod", "ECS"))
	if !slices.IsSortedFunc(events, func(x, y cftypes.StackEvent) int { return x.Timestamp.Compare(*y.Timestamp) }) {
		t.Error("pages are not newest first")
	}
	ids := map[string]bool{}
	for _, e := range events {
		ids[*e.EventId] = true
	}
	// Review, begin and end of the stack; begin, id and end of each of its ten resources.
	if len(ids) != len(events) || len(ids) != 3+3*10 {
		t.Errorf("%d different events among %d, want 33", len(ids), len(events))
	}
}

func TestWhatTheTemplateAsksFor(t *testing.T) {
	a := newAccount(t)
	values := a.launchValues(digestA)
	create := func(body string, values map[string]string, capabilities ...cftypes.Capability) error {
		_, err := a.cfn.CreateChangeSet(a.ctx, &cloudformation.CreateChangeSetInput{
			StackName: new("x"), ChangeSetName: new("c"), ChangeSetType: cftypes.ChangeSetTypeCreate, TemplateBody: new(body),
			Parameters: parameters(values), Capabilities: capabilities,
		})
		return err
	}
	role := "Resources: {R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}%s}}}"
	for name, test := range map[string]struct {
		err        error
		code, part string
	}{
		"missing":     {create(read(t, "root.yaml"), nil), "ValidationError", "Parameters: [ECSTemplateURL, ImageURI, NetworkTemplateURL] must have values"},
		"unknown":     {create(read(t, "network.yaml"), values), "ValidationError", "Parameters: [ECSTemplateURL, ImageURI, NetworkTemplateURL] do not exist in the template"},
		"role":        {create(fmt.Sprintf(role, ""), nil), "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]"},
		"named role":  {create(fmt.Sprintf(role, ", RoleName: r"), nil, "CAPABILITY_IAM"), "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]"},
		"reference":   {create("Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: !Ref Nobody}}}", nil), "ValidationError", "Unresolved resource dependencies [Nobody] in the Resources block"},
		"output":      {create("Resources: {B: {Type: AWS::S3::Bucket}}\nOutputs: {O: {Value: !Sub '${C.Arn}'}}", nil), "ValidationError", "Unresolved resource dependencies [C] in the Outputs block"},
		"circle":      {create("Resources: {A: {Type: AWS::SNS::Topic, DependsOn: B}, B: {Type: AWS::SNS::Topic, DependsOn: A}}", nil), "ValidationError", "Circular dependency between resources: [A, B]"},
		"no template": {create("a list", nil), "ValidationError", "Template format error: unsupported structure."},
		"too long":    {create(strings.Repeat("#", 51_201), nil), "ValidationError", "Member must have length less than or equal to 51200"},
		"pattern":     {create("Parameters: {P: {Type: String, AllowedPattern: '[a-z]+', Default: '1'}}\nResources: {A: {Type: AWS::SNS::Topic}}", nil), "ValidationError", "Parameter P failed to satisfy constraint: must match pattern [a-z]+"},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, test.err, test.code, test.part) })
	}
	if a.StackStatus("x") != "" {
		t.Error("a refused request left a stack")
	}
}

func TestMissingNestedTemplateFailsTheChangeSet(t *testing.T) {
	a := newAccount(t)
	values := a.launchValues(digestA)
	values["ECSTemplateURL"] += ".no"
	cs := a.createChangeSet("first", cftypes.ChangeSetTypeCreate, values)
	var failed *cloudformation.DescribeChangeSetOutput
	for _, call := range must[*cloudformation.ListStacksOutput](t)(a.cfn.ListStacks(a.ctx, &cloudformation.ListStacksInput{})).StackSummaries {
		if strings.HasPrefix(*call.StackName, "shop-prod-ECS-") {
			sets := must[*cloudformation.ListChangeSetsOutput](t)(a.cfn.ListChangeSets(a.ctx, &cloudformation.ListChangeSetsInput{StackName: call.StackId}))
			failed = a.changeSetEnd(*sets.Summaries[0].ChangeSetId)
		}
	}
	if cs.Status != "FAILED" || failed == nil || !strings.Contains(aws.ToString(failed.StatusReason), "S3 error: Access Denied") {
		t.Errorf("root %s, child %+v", cs.Status, failed)
	}
}

func TestStacksPutInPlace(t *testing.T) {
	a := newAccount(t)
	for _, status := range cftypes.StackStatus("").Values() {
		name := "s-" + strings.ReplaceAll(strings.ToLower(string(status)), "_", "-")
		id := a.PutStack(awsdouble.StackSpec{Name: name, Status: string(status), Reason: "as it is"})
		if got := a.describe(id); got.StackStatus != status || *got.StackStatusReason != "as it is" {
			t.Errorf("%s is shown as %s", status, got.StackStatus)
		}
	}
	a.PutStack(awsdouble.StackSpec{
		Name: "whole", Status: "CREATE_COMPLETE", Tags: map[string]string{"slipway:name": "shop"},
		Parameters: map[string]string{"ZoneA": "us-east-1b"}, Outputs: map[string]string{"ServiceURL": "http://x"}, Protected: true,
	})
	whole := a.describe("whole")
	if *whole.Tags[0].Value != "shop" || *whole.Parameters[0].ParameterValue != "us-east-1b" || a.output("whole", "ServiceURL") != "http://x" || !*whole.EnableTerminationProtection {
		t.Errorf("a stack with everything is shown as %+v", whole)
	}
	a.SetStackStatus("s-update-in-progress", "UPDATE_COMPLETE", "")
	if got := a.StackStatus("s-update-in-progress"); got != "UPDATE_COMPLETE" {
		t.Errorf("set to UPDATE_COMPLETE, it is %s", got)
	}
}
