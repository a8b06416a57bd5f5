package stacks

import (
	"strconv"

	"github.com/awslabs/goformation/v7/cloudformation/ec2"
	"github.com/awslabs/goformation/v7/cloudformation/elasticloadbalancingv2"
)

// addSecurityGroups lets the world reach the load balancer and the load balancer alone reach the tasks. The balancer's
// way out is given as the VPC's range and not as the tasks' group: the two groups would otherwise need each other.
func (s *service) addSecurityGroups() {
	port := s.cfg.Service.Port
	s.balancerGroup = s.t.Add("LoadBalancerSecurityGroup", &ec2.SecurityGroup{
		GroupDescription: "Load balancer: HTTP from anywhere, to the tasks inside the VPC",
		VpcId:            new(s.vpc),
		SecurityGroupIngress: []ec2.SecurityGroup_Ingress{{
			Description: new("HTTP from anywhere: the service is public"),
			CidrIp:      new(anywhere), IpProtocol: "tcp", FromPort: new(80), ToPort: new(80),
		}},
		SecurityGroupEgress: []ec2.SecurityGroup_Egress{{
			Description: new("To the tasks"),
			CidrIp:      new(s.env.Network.CIDR.String()), IpProtocol: "tcp", FromPort: new(port), ToPort: new(port),
		}},
		AWSCloudFormationMetadata: accept(publicPort, publicPortToo),
	})
	s.taskGroup = s.t.Add("TaskSecurityGroup", &ec2.SecurityGroup{
		GroupDescription: "Tasks: reachable from the load balancer only",
		VpcId:            new(s.vpc),
		SecurityGroupIngress: []ec2.SecurityGroup_Ingress{{
			Description:           new("From the load balancer"),
			SourceSecurityGroupId: new(s.balancerGroup.Att("GroupId")), IpProtocol: "tcp", FromPort: new(port), ToPort: new(port),
		}},
		SecurityGroupEgress: []ec2.SecurityGroup_Egress{{
			Description: new("To anywhere: the registry, the logs and whatever the application calls"),
			CidrIp:      new(anywhere), IpProtocol: "-1",
		}},
	})
}

func (s *service) addLoadBalancer() {
	s.balancer = s.t.Add("LoadBalancer", &elasticloadbalancingv2.LoadBalancer{
		Type:           new("application"),
		Scheme:         new("internet-facing"),
		SecurityGroups: []string{s.balancerGroup.Att("GroupId")},
		Subnets:        s.subnets(s.public),
		LoadBalancerAttributes: []elasticloadbalancingv2.LoadBalancer_LoadBalancerAttribute{
			{Key: new("deletion_protection.enabled"), Value: new("false")},
			{Key: new("idle_timeout.timeout_seconds"), Value: new(strconv.Itoa(s.env.Entry.IdleTimeout))},
			{Key: new("routing.http.drop_invalid_header_fields.enabled"), Value: new("true")},
		},
		AWSCloudFormationMetadata: accept(publicEntry, noAccessLog),
	})
	s.targetGroup = s.t.Add("TargetGroup", &elasticloadbalancingv2.TargetGroup{
		VpcId:                      new(s.vpc),
		TargetType:                 new("ip"),
		Protocol:                   new("HTTP"),
		Port:                       new(targetGroupPort),
		HealthCheckPath:            new(s.cfg.Service.HealthPath),
		HealthCheckIntervalSeconds: new(s.cfg.Service.HealthInterval),
		HealthCheckTimeoutSeconds:  new(5),
		HealthyThresholdCount:      new(2),
		UnhealthyThresholdCount:    new(3),
		Matcher:                    &elasticloadbalancingv2.TargetGroup_Matcher{HttpCode: new("200")},
		TargetGroupAttributes: []elasticloadbalancingv2.TargetGroup_TargetGroupAttribute{
			{Key: new("deregistration_delay.timeout_seconds"), Value: new(strconv.Itoa(s.cfg.Service.Drain))},
		},
	})
	listener := s.t.Add("HTTPListener", &elasticloadbalancingv2.Listener{
		LoadBalancerArn: s.balancer.Ref(),
		Port:            new(80),
		Protocol:        new("HTTP"),
		DefaultActions: []elasticloadbalancingv2.Listener_Action{{
			Type: "fixed-response",
			FixedResponseConfig: &elasticloadbalancingv2.Listener_FixedResponseConfig{
				StatusCode: "404", ContentType: new("text/plain"), MessageBody: new("not found"),
			},
		}},
		AWSCloudFormationMetadata: accept(plainHTTP, noTLS),
	})
	// A rule of its own, since CloudFormation gives no ARN for a default one and later strategies need it.
	s.rule = s.t.Add("HTTPListenerRule", &elasticloadbalancingv2.ListenerRule{
		ListenerArn: new(listener.Ref()),
		Priority:    100,
		Conditions: []elasticloadbalancingv2.ListenerRule_RuleCondition{{
			Field:             new("path-pattern"),
			PathPatternConfig: &elasticloadbalancingv2.ListenerRule_PathPatternConfig{Values: []string{"/*"}},
		}},
		Actions: []elasticloadbalancingv2.ListenerRule_Action{{Type: "forward", TargetGroupArn: new(s.targetGroup.Ref())}},
	})
}
