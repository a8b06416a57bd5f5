package local

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	aastypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"slipway/internal/localtest"
)

// enforcedTemplate is a stack with a role that has a path, a cluster and a project.
const enforcedTemplate = `
Resources:
  Cluster: {Type: "AWS::ECS::Cluster", Properties: {ClusterName: shop-c}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: executes
      Path: /slipway/shop/
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: cloudformation.amazonaws.com}, Action: "sts:AssumeRole"}]}
Outputs:
  Role: {Value: !GetAtt Role.Arn}
`

func allow(statements ...string) string {
	return `{"Version": "2012-10-17", "Statement": [` + strings.Join(statements, ",") + `]}`
}

// statement allows actions, parted by spaces, on a resource, under a condition if there is one.
func statement(actions, resource, condition string) string {
	text := `{"Effect": "Allow", "Action": ["` + strings.ReplaceAll(actions, " ", `", "`) + `"], "Resource": "` + resource + `"`
	if condition != "" {
		text += `, "Condition": ` + condition
	}
	return text + "}"
}

// denied says whether a call was refused for want of a right, and fails the test on any other error but those that say
// that what the call names is not there.
func denied(t *testing.T, err error) bool {
	t.Helper()
	var said smithy.APIError
	if err == nil {
		return false
	}
	if !errors.As(err, &said) {
		t.Fatal(err)
	}
	return strings.Contains(said.ErrorCode(), "AccessDenied") || strings.Contains(said.ErrorMessage(), "not authorized")
}

// TestEnforcement asks each service that the launcher calls for something that a policy allows, and for its neighbour,
// which it does not.
func TestEnforcement(t *testing.T) {
	t.Parallel()
	e := started(t, clone(t), WithRuntime(RuntimeProcess), WithEnforcement())
	b := &bench{T: t, e: e, cfn: cloudformation.NewFromConfig(e.AWSConfig())}
	_, err := b.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: aws.String("shop-base"), TemplateBody: aws.String(enforcedTemplate), Capabilities: []cfntypes.Capability{cfntypes.CapabilityCapabilityNamedIam},
		Tags: []cfntypes.Tag{{Key: aws.String("slipway:name"), Value: aws.String("shop")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := b.settled("shop-base")
	b.wantStatus(s, cfntypes.StackStatusCreateComplete)
	for _, name := range []string{"shop", "other"} {
		if _, err := s3Client(e).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
			t.Fatal(err)
		}
	}
	// A policy that asks for TLS, as those of slipway's buckets do, is met.
	_, err = s3Client(e).PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String("shop"), Policy: aws.String(`{"Version": "2012-10-17", "Statement": [
		{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::shop/*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	role := output(s, "Role")
	arn := func(service, resource string) string {
		return "arn:aws:" + service + ":us-east-1:000000000000:" + resource
	}

	t.Run("resources", func(t *testing.T) {
		type call = func(ctx context.Context, cfg aws.Config, name string) error
		tests := []struct {
			actions, resource string
			mine, other       string
			call              call
		}{
			{"cloudformation:DescribeStackEvents", arn("cloudformation", "stack/shop-*"), "shop-base", "other", func(ctx context.Context, cfg aws.Config, name string) error {
				_, err := cloudformation.NewFromConfig(cfg).DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &name})
				return err
			}},
			{"ecs:DescribeServices", arn("ecs", "service/shop-c/web"), "web", "other", func(ctx context.Context, cfg aws.Config, name string) error {
				_, err := ecs.NewFromConfig(cfg).DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String("shop-c"), Services: []string{"web", name}})
				return err
			}},
			{"ecs:ListTasks", arn("ecs", "container-instance/shop-c/*"), "shop-c", "other-c", func(ctx context.Context, cfg aws.Config, name string) error {
				_, err := ecs.NewFromConfig(cfg).ListTasks(ctx, &ecs.ListTasksInput{Cluster: &name})
				return err
			}},
			{"codebuild:BatchGetProjects", arn("codebuild", "project/shop"), "shop", "other", func(ctx context.Context, cfg aws.Config, name string) error {
				_, err := codebuild.NewFromConfig(cfg).BatchGetProjects(ctx, &codebuild.BatchGetProjectsInput{Names: []string{"shop", name}})
				return err
			}},
			{"codebuild:BatchGetBuilds", arn("codebuild", "project/shop"), "shop", "other", func(ctx context.Context, cfg aws.Config, name string) error {
				_, err := codebuild.NewFromConfig(cfg).BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: []string{name + ":1"}})
				return err
			}},
			{"codebuild:ListReportsForReportGroup", arn("codebuild", "report-group/shop"), "shop", "other", func(ctx context.Context, cfg aws.Config, name string) error {
				_, err := codebuild.NewFromConfig(cfg).ListReportsForReportGroup(ctx, &codebuild.ListReportsForReportGroupInput{ReportGroupArn: aws.String(arn("codebuild", "report-group/"+name))})
				return err
			}},
			{"codepipeline:ListPipelineExecutions", arn("codepipeline", "shop"), "shop", "other", func(ctx context.Context, cfg aws.Config, name string) error {
				_, err := codepipeline.NewFromConfig(cfg).ListPipelineExecutions(ctx, &codepipeline.ListPipelineExecutionsInput{PipelineName: &name})
				return err
			}},
			{"ecr:DescribeRepositories", arn("ecr", "repository/shop"), "shop", "other", func(ctx context.Context, cfg aws.Config, name string) error {
				_, err := ecr.NewFromConfig(cfg).DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"shop", name}})
				return err
			}},
			{"events:DescribeRule", arn("events", "rule/shop"), "shop", "other", func(ctx context.Context, cfg aws.Config, name string) error {
				_, err := eventbridge.NewFromConfig(cfg).DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: &name})
				return err
			}},
			{"logs:GetLogEvents", arn("logs", "log-group:shop-*:log-stream:*"), "shop-a", "other", func(ctx context.Context, cfg aws.Config, name string) error {
				_, err := cloudwatchlogs.NewFromConfig(cfg).GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: &name, LogStreamName: aws.String("s")})
				return err
			}},
			{"iam:GetRole", "arn:aws:iam::000000000000:role/slipway/shop/*", "executes", "other", func(ctx context.Context, cfg aws.Config, name string) error {
				_, err := iam.NewFromConfig(cfg).GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
				return err
			}},
			{"iam:CreateServiceLinkedRole", "arn:aws:iam::000000000000:role/aws-service-role/ecs.amazonaws.com/*", "ecs.amazonaws.com", "spot.amazonaws.com", func(ctx context.Context, cfg aws.Config, name string) error {
				_, err := iam.NewFromConfig(cfg).CreateServiceLinkedRole(ctx, &iam.CreateServiceLinkedRoleInput{AWSServiceName: &name})
				return err
			}},
			{"s3:PutObject", "arn:aws:s3:::shop/*", "shop", "other", func(ctx context.Context, cfg aws.Config, name string) error {
				client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
				_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &name, Key: aws.String("k"), Body: strings.NewReader("v")})
				return err
			}},
		}
		for _, tt := range tests {
			t.Run(tt.actions, func(t *testing.T) {
				t.Parallel()
				cfg := localtest.User(t, e.AWSConfig(), strings.ReplaceAll(tt.actions, ":", "-"), allow(statement(tt.actions, tt.resource, "")))
				if err := tt.call(t.Context(), cfg, tt.mine); denied(t, err) {
					t.Errorf("on %s: %v", tt.mine, err)
				}
				if err := tt.call(t.Context(), cfg, tt.other); !denied(t, err) {
					t.Errorf("on %s: %v, want a denial", tt.other, err)
				}
			})
		}
	})

	t.Run("what is written once", func(t *testing.T) {
		_, err := s3Client(e).PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String("other"), Policy: aws.String(`{"Version": "2012-10-17", "Statement": [
			{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::other/*", "Condition": {"Null": {"s3:if-none-match": "true"}}}]}`)})
		if err != nil {
			t.Fatal(err)
		}
		cfg := localtest.User(t, e.AWSConfig(), "writer", allow(statement("s3:*", "*", "")))
		client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
		for _, condition := range []*string{nil, aws.String("*")} {
			_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("other"), Key: aws.String("once"), Body: strings.NewReader("v"), IfNoneMatch: condition})
			if got, want := denied(t, err), condition == nil; got != want {
				t.Errorf("put with If-None-Match %v: %v", condition, err)
			}
		}
	})

	t.Run("no resource", func(t *testing.T) {
		t.Parallel()
		cfg := localtest.User(t, e.AWSConfig(), "describes", allow(statement("logs:DescribeLogGroups", arn("logs", "log-group:shop-*"), "")))
		_, err := cloudwatchlogs.NewFromConfig(cfg).DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("shop-")})
		if !denied(t, err) {
			t.Errorf("log groups by prefix: %v, want a denial", err)
		}
		_, err = applicationautoscaling.NewFromConfig(cfg).DescribeScalableTargets(t.Context(), &applicationautoscaling.DescribeScalableTargetsInput{ServiceNamespace: aastypes.ServiceNamespaceEcs})
		if !denied(t, err) {
			t.Errorf("scalable targets: %v, want a denial", err)
		}
		if _, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil); err != nil {
			t.Errorf("who am I: %v", err)
		}
	})

	t.Run("conditions", func(t *testing.T) {
		t.Parallel()
		const create = "cloudformation:CreateChangeSet cloudformation:TagResource"
		stack := arn("cloudformation", "stack/shop-*")
		pass := func(service string) string {
			return statement("iam:PassRole", role, `{"StringEquals": {"iam:PassedToService": "`+service+`.amazonaws.com"}}`)
		}
		tests := []struct {
			name    string
			policy  string
			role    string
			refused string
		}{
			{"all", allow(statement(create, stack, `{"StringEquals": {"aws:ResourceTag/slipway:name": "shop"}}`), pass("cloudformation")), role, ""},
			{"role not passed", allow(statement(create, stack, "")), role, "iam:PassRole on resource: " + role},
			{"passed to another", allow(statement(create, stack, ""), pass("ecs")), role, "iam:PassRole"},
			{"other role", allow(statement(create, stack, ""), pass("cloudformation")), role + "2", "iam:PassRole"},
			{"role named", allow(statement(create, stack, `{"ArnEquals": {"cloudformation:RoleArn": "`+role+`"}}`), pass("cloudformation")), "", "cloudformation:"},
			{"tag of another", allow(statement(create, stack, `{"StringEquals": {"aws:ResourceTag/slipway:name": "other"}}`)), "", "cloudformation:"},
			{"not tagged", allow(statement("cloudformation:CreateChangeSet", stack, "")), "", "cloudformation:TagResource"},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				cfg := localtest.User(t, e.AWSConfig(), strings.ReplaceAll(tt.name, " ", "-"), tt.policy)
				in := &cloudformation.CreateChangeSetInput{
					StackName: aws.String("shop-base"), ChangeSetName: aws.String("c-" + strings.ReplaceAll(tt.name, " ", "-")), TemplateBody: aws.String(enforcedTemplate),
					Capabilities: []cfntypes.Capability{cfntypes.CapabilityCapabilityNamedIam}, Tags: []cfntypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}},
				}
				if tt.role != "" {
					in.RoleARN = &tt.role
				}
				_, err := cloudformation.NewFromConfig(cfg).CreateChangeSet(t.Context(), in)
				switch {
				case tt.refused == "" && err != nil:
					t.Error(err)
				case tt.refused != "" && (!denied(t, err) || !strings.Contains(err.Error(), tt.refused)):
					t.Errorf("%v, want a denial of %s", err, tt.refused)
				}
			})
		}
	})

	t.Run("wrong secret", func(t *testing.T) {
		t.Parallel()
		cfg := localtest.User(t, e.AWSConfig(), "forged", allow(statement("s3:ListAllMyBuckets", "*", "")))
		key, err := cfg.Credentials.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		key.SecretAccessKey = "wrong"
		cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return key, nil })
		_, err = s3.NewFromConfig(cfg).ListBuckets(t.Context(), nil)
		if err == nil || !strings.Contains(err.Error(), "SignatureDoesNotMatch") {
			t.Errorf("list buckets: %v", err)
		}
	})
}

func TestEnforcementIsAskedForAtTheStart(t *testing.T) {
	t.Parallel()
	root := clone(t)
	started(t, root)
	if _, err := Start(t.Context(), root, io.Discard, WithEnforcement()); err == nil || !strings.Contains(err.Error(), "lets everybody do everything") {
		t.Errorf("start: %v", err)
	}
}
