package local

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	aastypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// ec2 asks the engine's EC2, which needs no signature, and returns the answer's XML.
func ec2(t *testing.T, e *Engine, action string, members ...string) string {
	t.Helper()
	form := url.Values{"Action": {action}, "Version": {"2016-11-15"}}
	for i := 0; i < len(members); i += 2 {
		form.Set(members[i], members[i+1])
	}
	return ask(t, e, "ec2", map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, form.Encode())
}

// ask sends a request to one of the engine's services, unsigned, and returns the answer's text.
func ask(t *testing.T, e *Engine, service string, headers map[string]string, body string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, e.Endpoint+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func scaling(t *testing.T, e *Engine) string {
	t.Helper()
	client := applicationautoscaling.NewFromConfig(e.AWSConfig())
	targets, err := client.DescribeScalableTargets(t.Context(), &applicationautoscaling.DescribeScalableTargetsInput{ServiceNamespace: aastypes.ServiceNamespaceEcs})
	if err != nil {
		t.Fatal(err)
	}
	policies, err := client.DescribeScalingPolicies(t.Context(), &applicationautoscaling.DescribeScalingPoliciesInput{ServiceNamespace: aastypes.ServiceNamespaceEcs})
	if err != nil {
		t.Fatal(err)
	}
	var text string
	for _, target := range targets.ScalableTargets {
		text += fmt.Sprintf("%s %d-%d;", *target.ResourceId, *target.MinCapacity, *target.MaxCapacity)
	}
	for _, policy := range policies.ScalingPolicies {
		text += fmt.Sprintf("%s %v", *policy.PolicyName, *policy.TargetTrackingScalingPolicyConfiguration.TargetValue)
	}
	scheduled, err := client.DescribeScheduledActions(t.Context(), &applicationautoscaling.DescribeScheduledActionsInput{ServiceNamespace: aastypes.ServiceNamespaceEcs})
	if err != nil {
		t.Fatal(err)
	}
	for _, action := range scheduled.ScheduledActions {
		text += fmt.Sprintf(";%s %s in %s", *action.ScheduledActionName, *action.Schedule, *action.Timezone)
	}
	return text
}

// guarded is the firewall's answer to what stands before a load balancer.
func guarded(t *testing.T, e *Engine, arn string) string {
	t.Helper()
	return ask(t, e, "wafv2", map[string]string{"X-Amz-Target": "AWSWAF_20190729.GetWebACLForResource", "Content-Type": "application/x-amz-json-1.1"}, fmt.Sprintf("{%q: %q}", "ResourceArn", arn))
}

// TestAddedTypes has CloudFormation create, update and delete the resources that the emulator alone does not know.
func TestAddedTypes(t *testing.T) {
	t.Parallel()
	e := started(t, clone(t))
	b := &bench{T: t, e: e, cfn: cloudformation.NewFromConfig(e.AWSConfig())}
	body := b.template("types")
	if _, err := b.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: aws.String("types"), TemplateBody: &body}); err != nil {
		t.Fatal(err)
	}
	s := b.settled("types")
	b.wantStatus(s, cfntypes.StackStatusCreateComplete)
	for _, tt := range []struct{ action, want string }{
		{"DescribeAddresses", "<value>nat</value>"},
		{"DescribeNatGateways", "<state>available</state>"},
		{"DescribeFlowLogs", "<logDestination>flows</logDestination>"},
		{"DescribeFlowLogs", "<value>flow</value>"},
		{"DescribeSecurityGroupRules", output(s, "Ingress")},
		{"DescribeSecurityGroupRules", "<cidrIpv4>10.8.1.0/24</cidrIpv4>"},
	} {
		if got := ec2(t, e, tt.action); !strings.Contains(got, tt.want) {
			t.Errorf("%s lacks %s:\n%s", tt.action, tt.want, got)
		}
	}
	if got, want := scaling(t, e), "service/types-Cluster/web 2-4;cpu 60;night cron(0 22 * * ? *) in Europe/Berlin"; got != want {
		t.Errorf("scaling: %q, want %q", got, want)
	}

	if got := guarded(t, e, output(s, "Balancer")); !strings.Contains(got, "types-Firewall") {
		t.Errorf("before the load balancer stands %s", got)
	}

	_, err := b.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: aws.String("types"), TemplateBody: &body, Parameters: []cfntypes.Parameter{
		{ParameterKey: aws.String("Max"), ParameterValue: aws.String("6")},
		{ParameterKey: aws.String("Source"), ParameterValue: aws.String("10.8.2.0/24")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	b.wantStatus(b.settled("types"), cfntypes.StackStatusUpdateComplete)
	if got := ec2(t, e, "DescribeSecurityGroupRules"); strings.Contains(got, "10.8.1.0/24") || !strings.Contains(got, "10.8.2.0/24") {
		t.Errorf("rules after the update:\n%s", got)
	}
	if got, want := scaling(t, e), "service/types-Cluster/web 2-6;cpu 60;night cron(0 22 * * ? *) in Europe/Berlin"; got != want {
		t.Errorf("scaling: %q, want %q", got, want)
	}

	b.nonEmptyBucketStays(s)
	b.wantStatus(b.delete("types"), cfntypes.StackStatusDeleteComplete)
	for _, tt := range []struct{ action, unwanted string }{
		{"DescribeAddresses", "<publicIp>"},
		{"DescribeFlowLogs", "<flowLogId>"},
		{"DescribeNatGateways", "<state>available</state>"},
		{"DescribeSecurityGroups", output(s, "Group")},
		{"DescribeVpcs", output(s, "VPC")},
	} {
		if got := ec2(t, e, tt.action); strings.Contains(got, tt.unwanted) {
			t.Errorf("%s still has %s:\n%s", tt.action, tt.unwanted, got)
		}
	}
	if got := guarded(t, e, output(s, "Balancer")); !strings.Contains(got, "WAFNonexistentItemException") {
		t.Errorf("before the deleted load balancer stands %s", got)
	}
	if got := scaling(t, e); got != "" {
		t.Errorf("scaling is left: %q", got)
	}
}

// nonEmptyBucketStays deletes the stack while an old version of an object is in its bucket, then empties that.
func (b *bench) nonEmptyBucketStays(s cfntypes.Stack) {
	b.Helper()
	client, name := s3Client(b.e), aws.String(output(s, "Bucket"))
	put, err := client.PutObject(b.Context(), &s3.PutObjectInput{Bucket: name, Key: aws.String("k"), Body: strings.NewReader("v")})
	if err != nil {
		b.Fatal(err)
	}
	marker, err := client.DeleteObject(b.Context(), &s3.DeleteObjectInput{Bucket: name, Key: aws.String("k")})
	if err != nil {
		b.Fatal(err)
	}
	b.wantStatus(b.delete(*s.StackName), cfntypes.StackStatusDeleteFailed)
	for _, version := range []*string{put.VersionId, marker.VersionId} {
		if _, err := client.DeleteObject(b.Context(), &s3.DeleteObjectInput{Bucket: name, Key: aws.String("k"), VersionId: version}); err != nil {
			b.Fatal(err)
		}
	}
}
