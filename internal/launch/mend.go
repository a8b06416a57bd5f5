package launch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	smithytime "github.com/aws/smithy-go/time"

	"slipway/internal/contract"
	"slipway/internal/ec2query"
	"slipway/internal/residue"
)

// holder is something that keeps a resource from being deleted.
type holder struct {
	what    string
	passing bool // a service of AWS's has it, and lets go of it in some minutes
}

// dependencyOnDelete is the cause that is named where something still uses what is to be deleted.
const dependencyOnDelete = "dependency-on-delete"

// untilFreed says who holds what could not be deleted, and waits until those have gone that go by themselves, such as the
// network interfaces of tasks and load balancers. It fails where somebody else holds it: trying again would be in vain.
func (r *removal) untilFreed(ctx context.Context, failed error) error {
	f, ok := errors.AsType[*Failure](failed)
	if !ok || f.Cause.Name != dependencyOnDelete {
		return nil
	}
	said := ""
	for deadline := time.Now().Add(r.vanishing); ; {
		holders, err := r.holders(ctx, f)
		if err != nil {
			r.Progress.Line("who holds it cannot be seen: %v", Explain(err))
			return nil
		}
		var texts []string
		for _, h := range holders {
			texts = append(texts, h.what)
		}
		stays := slices.ContainsFunc(holders, func(h holder) bool { return !h.passing })
		switch {
		case len(holders) == 0:
			return nil
		case stays || time.Now().After(deadline):
			return fmt.Errorf("%w\nheld by: %s\nfree it, then run ./scripts/destroy.sh again", failed, strings.Join(texts, "\n  "))
		case said != strings.Join(texts, "; "):
			said = strings.Join(texts, "; ")
			r.Progress.Line("waiting until AWS has taken away %s", said)
		}
		if err := smithytime.SleepWithContext(ctx, r.Poll); err != nil {
			return err
		}
	}
}

// holders asks who holds the resources that a deletion failed at.
func (r *removal) holders(ctx context.Context, f *Failure) ([]holder, error) {
	var list []holder
	seen := map[string]bool{}
	for _, e := range f.Events {
		id := r.physicalID(e)
		found, err := r.holdersOf(ctx, e.Type, id)
		if err != nil {
			return nil, err
		}
		for _, h := range found {
			if !seen[h.what] {
				list, seen[h.what] = append(list, h), true
			}
		}
	}
	return list, nil
}

// physicalID is that of the resource of an event.
func (r *removal) physicalID(e FailedEvent) string {
	for _, resource := range r.record.resources() {
		if resource.StackName+"."+resource.LogicalID == e.Place && resource.Type == e.Type {
			return resource.PhysicalID
		}
	}
	return ""
}

func (r *removal) holdersOf(ctx context.Context, kind, id string) ([]holder, error) {
	switch {
	case id == "":
		return nil, nil
	case kind == "AWS::EC2::Subnet":
		return r.interfaces(ctx, "subnet-id", id)
	case kind == "AWS::EC2::SecurityGroup":
		return r.interfaces(ctx, "group-id", id)
	case kind == "AWS::EC2::VPC":
		return r.insideVPC(ctx, id)
	case kind == "AWS::EC2::VPCGatewayAttachment":
		return r.interfaces(ctx, "vpc-id", id[strings.LastIndex(id, "|")+1:])
	case kind == "AWS::ElasticLoadBalancingV2::TargetGroup":
		return r.balancersOf(ctx, id)
	}
	return nil, nil
}

func (l *Launcher) interfaces(ctx context.Context, filter, id string) ([]holder, error) {
	found, err := l.aws.ec2.InterfacesIn(ctx, filter, id)
	var list []holder
	for _, i := range found {
		list = append(list, holderOf(i))
	}
	return list, err
}

// holderOf names whose a network interface is. That of a Fargate task has the ARN of its attachment for a description, and ECS
// takes it away with the task (docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html).
func holderOf(i ec2query.NetworkInterface) holder {
	h := holder{what: "network interface " + i.ID, passing: i.Managed || strings.HasPrefix(i.Description, "arn:") && strings.Contains(i.Description, ":ecs:")}
	if i.Description != "" {
		h.what += fmt.Sprintf(" (%s)", i.Description)
	}
	if i.Instance != "" {
		h.what += " of instance " + i.Instance
	}
	return h
}

// insideVPC is what lies in a VPC beside what its stack made.
func (r *removal) insideVPC(ctx context.Context, vpc string) ([]holder, error) {
	list, err := r.interfaces(ctx, "vpc-id", vpc)
	for kind, word := range map[ec2query.Kind]string{ec2query.Subnet: "subnet ", ec2query.SecurityGroup: "security group "} {
		ids, other := r.aws.ec2.Within(ctx, kind, vpc)
		err = errors.Join(err, other)
		for _, id := range ids {
			if !slices.ContainsFunc(r.record.all, func(e entry) bool { return e.PhysicalID == id }) {
				list = append(list, holder{what: word + id + ", which no stack of the application made"})
			}
		}
	}
	slices.SortFunc(list, func(a, b holder) int { return strings.Compare(a.what, b.what) })
	return list, err
}

// balancersOf are the load balancers, other than the stack's own, with a rule that leads to a target group.
func (r *removal) balancersOf(ctx context.Context, group string) ([]holder, error) {
	out, err := r.aws.balancer.DescribeTargetGroups(ctx, &elasticloadbalancingv2.DescribeTargetGroupsInput{TargetGroupArns: []string{group}})
	if err != nil {
		return nil, err
	}
	var list []holder
	for _, g := range out.TargetGroups {
		for _, arn := range g.LoadBalancerArns {
			own := slices.ContainsFunc(r.record.resources(), func(resource residue.Resource) bool { return resource.PhysicalID == arn })
			list = append(list, holder{what: "load balancer " + arn, passing: own})
		}
	}
	return list, nil
}

// otherRole is a role with which CloudFormation can delete, where the one that it was to act with is gone: a stack keeps the
// role of its last operation for good, and none can be taken off it
// (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html). The foundation has one; where there is
// no foundation, or its role was deleted, another foundation is made for the while, and deleted with the rest.
func (r *removal) otherRole(ctx context.Context) (string, error) {
	f, err := r.describe(ctx, contract.FoundationStackName(r.Config.Name))
	if err != nil {
		return "", err
	}
	t, parameters, _, err := r.foundationStack(ctx)
	if err != nil {
		return "", err
	}
	request := r.foundationRequest(t, parameters, DeployOptions{})
	if f.exists() || len(r.Environments) > 0 {
		request.name = contract.RescueStackName(r.Config.Name)
	}
	s, err := r.describe(ctx, request.name)
	if err == nil && !hasRun(s) {
		r.Progress.Line("the role that CloudFormation acts with is gone: %s is made for another one, and goes with the rest", request.name)
		s, err = r.apply(ctx, request)
	}
	if err != nil {
		return "", fmt.Errorf("make a role with which CloudFormation can delete: %w", err)
	}
	if err := r.recordTrees(ctx, []stack{s}); err != nil {
		return "", err
	}
	r.found = append(r.found, s)
	return s.outputs[contract.KeyExecutionRoleARN], r.record.save()
}
