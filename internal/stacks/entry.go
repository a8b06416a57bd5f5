package stacks

import (
	"net/netip"
	"slices"
	"strconv"

	"github.com/awslabs/goformation/v7/cloudformation/ec2"
	"github.com/awslabs/goformation/v7/cloudformation/elasticloadbalancingv2"

	"slipway/internal/cfn"
)

// tlsPolicy is the one that AWS recommends: TLS 1.3 and 1.2 with forward secrecy, and post-quantum key exchange for
// clients that know it (docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html).
const tlsPolicy = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"

// addEntry is the way of a request to the tasks.
func (s *service) addEntry() {
	var dependsOn []string
	if s.env.Entry.AccessLogs {
		dependsOn = []string{s.addAccessLogs().ID()} // the load balancer tries whether it can write
	}
	s.addLoadBalancer(dependsOn)
	s.addTargetGroup()
	s.addListeners()
	if s.env.Entry.WAF {
		s.addFirewall()
	}
}

// addSecurityGroups lets users reach the load balancer, and the load balancer alone, but for a task that asks, reach the tasks. The balancer's
// way out is given as the VPC's range and not as the tasks' group: the two groups would otherwise need each other.
// Descriptions of groups say nothing of options, since a group with another description is another group.
func (s *service) addSecurityGroups() {
	port := s.cfg.Service.Port
	s.balancerGroup = s.t.Add("LoadBalancerSecurityGroup", &ec2.SecurityGroup{
		GroupDescription:     "Load balancer: from users, to the tasks inside the VPC",
		VpcId:                new(s.vpc),
		SecurityGroupIngress: s.balancerIngress(),
		SecurityGroupEgress: []ec2.SecurityGroup_Egress{{
			Description: new("To the tasks"),
			CidrIp:      new(s.env.Network.CIDR.String()), IpProtocol: "tcp", FromPort: new(port), ToPort: new(port),
		}},
		AWSCloudFormationMetadata: accept(s.publicPorts()...),
	})
	ingress := []ec2.SecurityGroup_Ingress{{
		Description:           new("From the load balancer"),
		SourceSecurityGroupId: new(s.balancerGroup.Att("GroupId")), IpProtocol: "tcp", FromPort: new(port), ToPort: new(port),
	}}
	if s.env.Entry.Behind() {
		ingress = append(ingress, ec2.SecurityGroup_Ingress{
			Description:           new("From the acceptance task"),
			SourceSecurityGroupId: new(s.visitorGroup.Att("GroupId")), IpProtocol: "tcp", FromPort: new(port), ToPort: new(port),
		})
	}
	s.taskGroup = s.t.Add("TaskSecurityGroup", &ec2.SecurityGroup{
		GroupDescription:     "Tasks: reachable from the load balancer only",
		VpcId:                new(s.vpc),
		SecurityGroupIngress: ingress,
		SecurityGroupEgress: []ec2.SecurityGroup_Egress{{
			Description: new("To anywhere: the registry, the logs and whatever the application calls"),
			CidrIp:      new(anywhere), IpProtocol: "-1",
		}},
	})
}

// balancerIngress is one rule for each range that may connect and each port.
func (s *service) balancerIngress() []ec2.SecurityGroup_Ingress {
	type port struct {
		number  int
		purpose string
	}
	ports := []port{{80, "HTTP"}}
	if s.env.Entry.HTTPS() {
		ports = []port{{443, "HTTPS"}, {80, "HTTP, to be redirected,"}}
	}
	var rules []ec2.SecurityGroup_Ingress
	for _, from := range s.users() {
		for _, port := range ports {
			description := port.purpose + " from " + from
			if from == anywhere {
				description = port.purpose + " from anywhere: the service is public"
			}
			rules = append(rules, ec2.SecurityGroup_Ingress{
				Description: new(description),
				CidrIp:      new(from), IpProtocol: "tcp", FromPort: new(port.number), ToPort: new(port.number),
			})
		}
	}
	if s.env.Entry.Internal && s.env.Entry.Visited() && len(s.env.Entry.Allow) > 0 { // else the whole VPC may
		for _, port := range ports {
			rules = append(rules, ec2.SecurityGroup_Ingress{
				Description:           new(port.purpose + " from the acceptance task"),
				SourceSecurityGroupId: new(s.visitorGroup.Att("GroupId")), IpProtocol: "tcp", FromPort: new(port.number), ToPort: new(port.number),
			})
		}
	}
	return rules
}

// users are the ranges that may connect: those that slipway.yaml names, else the VPC where the load balancer is internal,
// else everybody.
func (s *service) users() []string {
	entry := s.env.Entry
	switch {
	case len(entry.Allow) > 0:
		var ranges []string
		for _, prefix := range entry.Allow {
			ranges = append(ranges, prefix.String())
		}
		return ranges
	case entry.Internal:
		return []string{s.env.Network.CIDR.String()}
	default:
		return []string{anywhere}
	}
}

func (s *service) addLoadBalancer(dependsOn []string) {
	scheme, subnets := "internet-facing", s.public
	if s.env.Entry.Internal {
		scheme = "internal"
	}
	if !s.env.UsesPublicSubnets() {
		subnets = s.private
	}
	s.balancer = s.t.Add("LoadBalancer", &elasticloadbalancingv2.LoadBalancer{
		Type:                       new("application"),
		Scheme:                     new(scheme),
		SecurityGroups:             []string{s.balancerGroup.Att("GroupId")},
		Subnets:                    subnets,
		LoadBalancerAttributes:     s.balancerAttributes(),
		AWSCloudFormationDependsOn: dependsOn,
		AWSCloudFormationMetadata:  accept(s.balancerFindings()...),
	})
}

// balancerAttributes states what is off, too: an attribute that a template no longer names keeps its value.
func (s *service) balancerAttributes() []elasticloadbalancingv2.LoadBalancer_LoadBalancerAttribute {
	list := []elasticloadbalancingv2.LoadBalancer_LoadBalancerAttribute{
		{Key: new("deletion_protection.enabled"), Value: new(strconv.FormatBool(s.env.Protected))},
		{Key: new("idle_timeout.timeout_seconds"), Value: new(strconv.Itoa(s.env.Entry.IdleTimeout))},
		{Key: new("routing.http.desync_mitigation_mode"), Value: new("strictest")},
		{Key: new("routing.http.drop_invalid_header_fields.enabled"), Value: new("true")},
		{Key: new("access_logs.s3.enabled"), Value: new(strconv.FormatBool(s.env.Entry.AccessLogs))},
	}
	if s.env.Entry.AccessLogs {
		list = append(list,
			elasticloadbalancingv2.LoadBalancer_LoadBalancerAttribute{Key: new("access_logs.s3.bucket"), Value: new(s.accessLogs.Ref())},
			elasticloadbalancingv2.LoadBalancer_LoadBalancerAttribute{Key: new("access_logs.s3.prefix"), Value: new(accessLogPrefix)})
	}
	return list
}

// addTargetGroup adds a group that belongs to the scheme: a load balancer of the other scheme is another one, made before
// the old one goes, and a group cannot belong to two (github.com/aws/aws-cdk/issues/33253). The service changes to the
// other group without being replaced.
func (s *service) addTargetGroup() {
	id := "TargetGroup"
	if s.env.Entry.Internal {
		id = "InternalTargetGroup"
	}
	s.targetGroup = s.t.Add(id, &elasticloadbalancingv2.TargetGroup{
		VpcId:                      new(s.vpc),
		TargetType:                 new("ip"),
		Protocol:                   new("HTTP"),
		Port:                       new(targetGroupPort),
		HealthCheckPath:            new(s.cfg.Service.HealthPath),
		HealthCheckIntervalSeconds: new(s.cfg.Service.HealthInterval),
		HealthCheckTimeoutSeconds:  new(min(5, s.cfg.Service.HealthInterval-1)), // it must be below the interval
		HealthyThresholdCount:      new(2),
		UnhealthyThresholdCount:    new(3),
		Matcher:                    &elasticloadbalancingv2.TargetGroup_Matcher{HttpCode: new("200")},
		TargetGroupAttributes: []elasticloadbalancingv2.TargetGroup_TargetGroupAttribute{
			{Key: new("deregistration_delay.timeout_seconds"), Value: new(strconv.Itoa(s.cfg.Service.Drain))},
		},
	})
}

// addListeners serves plain HTTP or, with a domain, HTTPS with HTTP redirected to it. The HTTPS listener has ids of its own:
// on the way from one form to the other both rules stand until the update is done, and nothing is replaced.
func (s *service) addListeners() {
	if !s.env.Entry.HTTPS() {
		s.rule = s.addRule("HTTPListenerRule", s.addListener("HTTPListener", 80, "HTTP", notFound()))
		return
	}
	https := s.addListener("HTTPSListener", 443, "HTTPS", notFound())
	s.addListener("HTTPListener", 80, "HTTP", elasticloadbalancingv2.Listener_Action{
		Type:           "redirect",
		RedirectConfig: &elasticloadbalancingv2.Listener_RedirectConfig{Protocol: new("HTTPS"), Port: new("443"), StatusCode: "HTTP_301"},
	})
	s.rule = s.addRule("HTTPSListenerRule", https)
}

func notFound() elasticloadbalancingv2.Listener_Action {
	return elasticloadbalancingv2.Listener_Action{
		Type: "fixed-response",
		FixedResponseConfig: &elasticloadbalancingv2.Listener_FixedResponseConfig{
			StatusCode: "404", ContentType: new("text/plain"), MessageBody: new("not found"),
		},
	}
}

func (s *service) addListener(id string, port int, protocol string, otherwise elasticloadbalancingv2.Listener_Action) cfn.Handle {
	listener := &elasticloadbalancingv2.Listener{
		AWSCloudFormationMetadata: accept(s.listenerFindings()...),
		LoadBalancerArn:           s.balancer.Ref(),
		Port:                      new(port),
		Protocol:                  new(protocol),
		DefaultActions:            []elasticloadbalancingv2.Listener_Action{otherwise},
	}
	if protocol == "HTTPS" {
		listener.SslPolicy = new(tlsPolicy)
		listener.Certificates = []elasticloadbalancingv2.Listener_Certificate{{CertificateArn: new(s.certificateARN())}}
	}
	return s.t.Add(id, listener)
}

// addRule forwards to the tasks. It is a rule of its own, since CloudFormation gives no ARN for a default one and later
// strategies need it.
func (s *service) addRule(id string, listener cfn.Handle) cfn.Handle {
	return s.t.Add(id, &elasticloadbalancingv2.ListenerRule{
		ListenerArn: new(listener.Ref()),
		Priority:    100,
		Conditions: []elasticloadbalancingv2.ListenerRule_RuleCondition{{
			Field:             new("path-pattern"),
			PathPatternConfig: &elasticloadbalancingv2.ListenerRule_PathPatternConfig{Values: []string{"/*"}},
		}},
		Actions: []elasticloadbalancingv2.ListenerRule_Action{{Type: "forward", TargetGroupArn: new(s.targetGroup.Ref())}},
	})
}

// publicPorts, balancerFindings and listenerFindings are what the form of the entry makes scanners say.
func (s *service) publicPorts() []finding {
	if !s.env.Entry.Restricted() {
		return []finding{publicPort, publicPortToo}
	}
	if slices.ContainsFunc(s.env.Entry.Allow, ofTheInternet) {
		return []finding{publicPortToo}
	}
	return nil
}

// documentation are the ranges of examples (RFC 5737), which no address of the internet has.
var documentation = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24")}

func ofTheInternet(p netip.Prefix) bool {
	return !p.Addr().IsPrivate() && !slices.ContainsFunc(documentation, p.Overlaps)
}

func (s *service) balancerFindings() []finding {
	var list []finding
	if !s.env.Entry.Internal {
		list = append(list, publicEntry)
	}
	if !s.env.Entry.AccessLogs {
		list = append(list, noAccessLog)
	}
	return list
}

func (s *service) listenerFindings() []finding {
	if s.env.Entry.HTTPS() {
		return nil
	}
	return []finding{plainHTTP, noTLS}
}
