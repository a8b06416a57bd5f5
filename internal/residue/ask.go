package residue

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"slipway/internal/awserr"
)

// one is the answer for a single id: err decides, and is passed on unless it has one of the codes that mean "not found".
func one(id, state string, err error, notFound ...string) (map[string]status, error) {
	if awserr.Is(err, notFound...) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return map[string]status{id: {state: state}}, nil
}

func (s services) bucket(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	_, err := s.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &ids[0]})
	// An answer to HEAD has no body: the SDK makes NotFound of the status alone.
	return one(ids[0], "", err, "NotFound", "NoSuchBucket")
}

func (s services) repository(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	_, err := s.registry.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: ids})
	return one(ids[0], "", err, "RepositoryNotFoundException")
}

func (s services) role(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	_, err := s.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: &ids[0]})
	return one(ids[0], "", err, "NoSuchEntity")
}

func (s services) managedPolicy(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	_, err := s.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &ids[0]})
	return one(ids[0], "", err, "NoSuchEntity")
}

// logGroup looks for the exact name: the API takes a prefix, and a group may be a neighbour's with a longer name.
func (s services) logGroup(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(s.logs, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &ids[0]})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, group := range page.LogGroups {
			if group.LogGroupName != nil && *group.LogGroupName == ids[0] {
				return map[string]status{ids[0]: {}}, nil
			}
		}
	}
	return nil, nil
}

func (s services) projects(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	answer, err := s.builds.BatchGetProjects(ctx, &codebuild.BatchGetProjectsInput{Names: ids})
	if err != nil {
		return nil, err
	}
	found := map[string]status{}
	for _, project := range answer.Projects {
		found[*project.Name] = status{}
	}
	return found, nil
}

func (s services) reportGroups(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	answer, err := s.builds.BatchGetReportGroups(ctx, &codebuild.BatchGetReportGroupsInput{ReportGroupArns: ids})
	if err != nil {
		return nil, err
	}
	found := map[string]status{}
	for _, group := range answer.ReportGroups {
		found[*group.Arn] = status{state: string(group.Status)}
	}
	return found, nil
}

func (s services) deliveryPipeline(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	_, err := s.pipeline.GetPipeline(ctx, &codepipeline.GetPipelineInput{Name: &ids[0]})
	return one(ids[0], "", err, "PipelineNotFoundException")
}

func (s services) eventRule(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	input := &eventbridge.DescribeRuleInput{Name: &ids[0]}
	if bus, name, found := strings.Cut(ids[0], "|"); found {
		input.EventBusName, input.Name = &bus, &name
	}
	answer, err := s.events.DescribeRule(ctx, input)
	if err != nil {
		return one(ids[0], "", err, "ResourceNotFoundException")
	}
	return one(ids[0], string(answer.State), nil)
}

func (s services) stack(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	answer, err := s.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &ids[0]})
	if unknownStack(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := map[string]status{}
	for _, stack := range answer.Stacks {
		if stack.StackStatus != cfntypes.StackStatusDeleteComplete {
			found[ids[0]] = status{state: string(stack.StackStatus)}
		}
	}
	return found, nil
}

// unknownStack tells a stack that CloudFormation does not know from other validation errors, by code and message:
// "Stack with id shop-prod does not exist".
func unknownStack(err error) bool {
	var answered smithy.APIError
	return errors.As(err, &answered) && answered.ErrorCode() == "ValidationError" &&
		strings.Contains(answered.ErrorMessage(), "does not exist")
}

func (s services) scalableTargets(ctx context.Context, group string, ids []string) (map[string]status, error) {
	dimension, namespace, _ := strings.Cut(group, "|")
	resources := make([]string, len(ids))
	for i, id := range ids {
		resources[i], _, _ = strings.Cut(id, "|")
	}
	pages := applicationautoscaling.NewDescribeScalableTargetsPaginator(s.scaling, &applicationautoscaling.DescribeScalableTargetsInput{
		ServiceNamespace: scalingtypes.ServiceNamespace(namespace), ScalableDimension: scalingtypes.ScalableDimension(dimension),
		ResourceIds: resources,
	})
	found := map[string]status{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, target := range page.ScalableTargets {
			found[*target.ResourceId+"|"+group] = status{}
		}
	}
	return found, nil
}

func (s services) scalingPolicies(ctx context.Context, group string, ids []string) (map[string]status, error) {
	namespace, resource, _ := strings.Cut(group, "/")
	pages := applicationautoscaling.NewDescribeScalingPoliciesPaginator(s.scaling, &applicationautoscaling.DescribeScalingPoliciesInput{
		ServiceNamespace: scalingtypes.ServiceNamespace(namespace), ResourceId: &resource,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, policy := range page.ScalingPolicies {
			// The dimension may stand behind the ARN, after a bar.
			if arn, _, _ := strings.Cut(ids[0], "|"); *policy.PolicyARN == arn {
				return map[string]status{ids[0]: {}}, nil
			}
		}
	}
	return nil, nil
}
