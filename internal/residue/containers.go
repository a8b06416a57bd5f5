package residue

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/smithy-go"

	"slipway/internal/awserr"
)

// inactive is the state of clusters, services and task definitions that are gone and only remembered by ECS
// (docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html and API_DeleteService.html).
const inactive = "INACTIVE"

func (s services) clusters(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	answer, err := s.ecs.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: ids})
	if err != nil {
		return nil, err
	}
	if err := otherThanMissing(answer.Failures); err != nil {
		return nil, err
	}
	found := map[string]status{}
	for _, cluster := range answer.Clusters {
		if *cluster.Status != inactive {
			found[*cluster.ClusterName] = status{state: *cluster.Status}
			found[*cluster.ClusterArn] = status{state: *cluster.Status}
		}
	}
	return found, nil
}

func (s services) ecsServices(ctx context.Context, cluster string, ids []string) (map[string]status, error) {
	answer, err := s.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: ids})
	if err != nil {
		return one("", "", err, "ClusterNotFoundException") // ECS deletes no cluster that has a service
	}
	if err := otherThanMissing(answer.Failures); err != nil {
		return nil, err
	}
	found := map[string]status{}
	for _, service := range answer.Services {
		if *service.Status != inactive {
			found[*service.ServiceArn] = status{state: *service.Status}
		}
	}
	return found, nil
}

// otherThanMissing makes an error of the failures that do not mean "not found"
// (docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html).
func otherThanMissing(failures []ecstypes.Failure) error {
	for _, failure := range failures {
		if failure.Reason == nil || *failure.Reason != "MISSING" {
			var answer strings.Builder
			for _, text := range []*string{failure.Arn, failure.Reason, failure.Detail} {
				if text != nil {
					answer.WriteString(" " + *text)
				}
			}
			return errors.New("ECS answered" + answer.String())
		}
	}
	return nil
}

func (s services) taskDefinition(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	answer, err := s.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &ids[0]})
	if unknownTaskDefinition(err) {
		return nil, nil
	}
	if err == nil && answer.TaskDefinition == nil {
		err = awserr.ErrNothing
	}
	if err != nil {
		return nil, err
	}
	state := answer.TaskDefinition.Status
	if state == ecstypes.TaskDefinitionStatusInactive || state == ecstypes.TaskDefinitionStatusDeleteInProgress {
		return nil, nil
	}
	return map[string]status{ids[0]: {state: string(state)}}, nil
}

// unknownTaskDefinition matches by code and message, since ECS has no code of its own for it: "ClientException: Unable to
// describe task definition." (github.com/hashicorp/terraform-provider-aws/issues/29749).
func unknownTaskDefinition(err error) bool {
	var answered smithy.APIError
	return errors.As(err, &answered) && answered.ErrorCode() == "ClientException" &&
		strings.HasPrefix(answered.ErrorMessage(), "Unable to describe task definition")
}

func (s services) loadBalancer(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	answer, err := s.balancer.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: ids})
	if err != nil {
		return one(ids[0], "", err, "LoadBalancerNotFound")
	}
	found := map[string]status{}
	for _, balancer := range answer.LoadBalancers {
		found[*balancer.LoadBalancerArn] = status{}
		if balancer.State != nil {
			found[*balancer.LoadBalancerArn] = status{state: string(balancer.State.Code)}
		}
	}
	return found, nil
}

func (s services) targetGroup(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	_, err := s.balancer.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{TargetGroupArns: ids})
	return one(ids[0], "", err, "TargetGroupNotFound")
}

// listener is gone with its load balancer, too. An answer that does not hold the ARN that was asked for says so as well
// as an error does.
func (s services) listener(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	answer, err := s.balancer.DescribeListeners(ctx, &elb.DescribeListenersInput{ListenerArns: ids})
	if err == nil && len(answer.Listeners) == 0 {
		return nil, nil
	}
	return one(ids[0], "", err, "ListenerNotFound", "LoadBalancerNotFound")
}

// listenerRule is gone with its listener or load balancer, too.
func (s services) listenerRule(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	answer, err := s.balancer.DescribeRules(ctx, &elb.DescribeRulesInput{RuleArns: ids})
	if err == nil && len(answer.Rules) == 0 {
		return nil, nil
	}
	return one(ids[0], "", err, "RuleNotFound", "ListenerNotFound", "LoadBalancerNotFound")
}
