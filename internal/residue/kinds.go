package residue

import (
	"strings"

	"slipway/internal/ec2query"
)

// ProofRecord is the type here of a certificate's validation record, which CloudFormation makes with the certificate and
// leaves behind (github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1603). It is none of CloudFormation's.
const ProofRecord = "AWS::Route53::RecordSet of a certificate"

// kinds is the one table of what can be checked. The comment with each says what its physical id is: what Ref
// returns, by the "Return values" section of the type's page in
// docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference.
func kinds(s services) map[string]kind {
	return map[string]kind{
		// "Ref returns the Application Auto Scaling scaling policy ARN"
		"AWS::ApplicationAutoScaling::ScalingPolicy": {call: "application-autoscaling:DescribeScalingPolicies", group: policyTarget, ask: s.scalingPolicies},
		// "for example: service/cluster/service|ecs:service:DesiredCount|ecs"
		"AWS::ApplicationAutoScaling::ScalableTarget": {call: "application-autoscaling:DescribeScalableTargets", batch: 50, group: scalableDimension, ask: s.scalableTargets},

		// "Ref returns the Amazon Resource Name (ARN) of the certificate"
		"AWS::CertificateManager::Certificate": {call: "acm:DescribeCertificate", ask: s.certificate},

		// "Ref returns the stack ID"; a deleted stack is found by its id only, for 90 days.
		"AWS::CloudFormation::Stack": {call: "cloudformation:DescribeStacks", ask: s.stack},
		// "Ref returns the alarm name"
		"AWS::CloudWatch::Alarm": {call: "cloudwatch:DescribeAlarms", batch: 100, ask: s.metricAlarms},
		// "Ref returns the dashboard name"
		"AWS::CloudWatch::Dashboard": {call: "cloudwatch:GetDashboard", ask: s.dashboard},
		// "Ref returns the name of the project"
		"AWS::CodeBuild::Project": {call: "codebuild:BatchGetProjects", batch: 100, ask: s.projects},
		// "Ref returns the ARN of the report group"; builds make others.
		"AWS::CodeBuild::ReportGroup": {call: "codebuild:BatchGetReportGroups", batch: 100, ask: s.reportGroups},
		// "Ref returns the pipeline name"
		"AWS::CodePipeline::Pipeline": {call: "codepipeline:GetPipeline", ask: s.deliveryPipeline},

		// "Ref returns the Elastic IP address"; the allocation id may stand beside it, after a bar.
		"AWS::EC2::EIP": {call: "ec2:DescribeAddresses", batch: ec2Batch, group: addressKind, ask: s.addresses},
		// "Ref returns the ID of the ..."
		"AWS::EC2::FlowLog":                     existing(s, ec2query.FlowLog, "ec2:DescribeFlowLogs", "fl-", ""),
		"AWS::EC2::InternetGateway":             existing(s, ec2query.InternetGateway, "ec2:DescribeInternetGateways", "igw-", ""),
		"AWS::EC2::NatGateway":                  existing(s, ec2query.NATGateway, "ec2:DescribeNatGateways", "nat-", ""),
		"AWS::EC2::RouteTable":                  existing(s, ec2query.RouteTable, "ec2:DescribeRouteTables", "rtb-", ""),
		"AWS::EC2::SecurityGroup":               existing(s, ec2query.SecurityGroup, "ec2:DescribeSecurityGroups", "sg-", ""),
		"AWS::EC2::Subnet":                      existing(s, ec2query.Subnet, "ec2:DescribeSubnets", "subnet-", ""),
		"AWS::EC2::SubnetRouteTableAssociation": existing(s, ec2query.RouteTableAssociation, "ec2:DescribeRouteTables", "rtbassoc-", "AWS::EC2::RouteTable"),
		"AWS::EC2::VPC":                         existing(s, ec2query.VPC, "ec2:DescribeVpcs", "vpc-", ""),
		"AWS::EC2::VPCEndpoint":                 existing(s, ec2query.VPCEndpoint, "ec2:DescribeVpcEndpoints", "vpce-", ""),
		// "Ref returns the ID of the route": table and destination, "rtb-1|0.0.0.0/0", by the type's primary
		// identifier; older stacks have a generated name instead.
		"AWS::EC2::Route": existing(s, ec2query.Route, "ec2:DescribeRouteTables", "rtb-", "AWS::EC2::RouteTable"),
		// "Ref returns the ID of the VPC gateway attachment": kind and VPC, "IGW|vpc-1", by the type's primary
		// identifier; older stacks have a generated name instead.
		"AWS::EC2::VPCGatewayAttachment": existing(s, ec2query.GatewayAttachment, "ec2:DescribeInternetGateways", "vpc-", "AWS::EC2::InternetGateway"),
		// "Ref returns the ID of the security group rule"; older stacks have a generated name instead.
		"AWS::EC2::SecurityGroupEgress":  existing(s, ec2query.SecurityGroupRule, "ec2:DescribeSecurityGroupRules", "sgr-", "AWS::EC2::SecurityGroup"),
		"AWS::EC2::SecurityGroupIngress": existing(s, ec2query.SecurityGroupRule, "ec2:DescribeSecurityGroupRules", "sgr-", "AWS::EC2::SecurityGroup"),

		// "Ref returns the resource name"
		"AWS::ECR::Repository": {call: "ecr:DescribeRepositories", ask: s.repository},
		// "Ref returns the resource name"
		"AWS::ECS::Cluster": {call: "ecs:DescribeClusters", batch: 100, ask: s.clusters},
		// "Ref returns the ARN", which holds the cluster's name
		"AWS::ECS::Service": {call: "ecs:DescribeServices", batch: 10, group: clusterOf, ask: s.ecsServices, within: "AWS::ECS::Cluster"},
		// "Ref returns the ARN"
		"AWS::ECS::TaskDefinition": {call: "ecs:DescribeTaskDefinition", ask: s.taskDefinition},

		// "Ref returns the ARN"; asked for one by one, since one unknown ARN fails the call.
		"AWS::ElasticLoadBalancingV2::Listener":     {call: "elasticloadbalancing:DescribeListeners", ask: s.listener},
		"AWS::ElasticLoadBalancingV2::ListenerRule": {call: "elasticloadbalancing:DescribeRules", ask: s.listenerRule},
		"AWS::ElasticLoadBalancingV2::LoadBalancer": {call: "elasticloadbalancing:DescribeLoadBalancers", ask: s.loadBalancer},
		"AWS::ElasticLoadBalancingV2::TargetGroup":  {call: "elasticloadbalancing:DescribeTargetGroups", ask: s.targetGroup},

		// "Ref returns event rule ID": the name, after the bus and a bar where the bus is not the default one.
		"AWS::Events::Rule": {call: "events:DescribeRule", ask: s.eventRule},

		// "Ref returns the ARN"
		"AWS::IAM::ManagedPolicy": {call: "iam:GetPolicy", ask: s.managedPolicy},
		// An inline policy lives in its role and is deleted with it; its id names no role.
		"AWS::IAM::Policy": {within: "AWS::IAM::Role"},
		// "Ref returns the resource name"
		"AWS::IAM::Role": {call: "iam:GetRole", ask: s.role},

		// "Ref returns the key ID"
		"AWS::KMS::Key": {call: "kms:DescribeKey", ask: s.key},

		// "Ref returns the resource name"
		"AWS::Logs::LogGroup": {call: "logs:DescribeLogGroups", ask: s.logGroup},

		// "Ref returns the domain name of the record set"; who records it puts the hosted zone's id before it, with a bar
		// between, since the name alone may stand in several zones.
		"AWS::Route53::RecordSet": {call: "route53:ListResourceRecordSets", group: zoneOf, ask: s.record},

		// Of no stack's: hosted zone and name of the record that proves a certificate's domain.
		ProofRecord: {call: "route53:ListResourceRecordSets", group: zoneOf, ask: s.proof},

		// "Ref returns the bucket name"
		"AWS::S3::Bucket": {call: "s3:ListBucket", ask: s.bucket},
		// A bucket's policy goes with the bucket.
		"AWS::S3::BucketPolicy": {within: "AWS::S3::Bucket"},

		// "Ref returns the topic ARN"
		"AWS::SNS::Topic": {call: "sns:GetTopicAttributes", ask: s.topic},
		// A topic's policy goes with the topic.
		"AWS::SNS::TopicPolicy": {within: "AWS::SNS::Topic"},
		// The subscription's ARN; where it was never confirmed there may be a word instead of it.
		"AWS::SNS::Subscription": {call: "sns:GetSubscriptionAttributes", group: confirmed, ask: s.subscription, within: "AWS::SNS::Topic"},

		// "Ref returns name|id|scope"
		"AWS::WAFv2::WebACL": {call: "wafv2:GetWebACL", group: aclScope, ask: s.webACL},
		// The ARNs of web ACL and load balancer, with a bar between.
		"AWS::WAFv2::WebACLAssociation": {call: "wafv2:GetWebACLForResource", group: protectedResource, ask: s.webACLAssociation, within: "AWS::WAFv2::WebACL"},
	}
}

// clusterOf is the cluster in a service's ARN, arn:aws:ecs:region:account:service/cluster/name. The short form of ARN,
// which accounts may still have chosen, leaves the cluster out.
func clusterOf(arn string) (string, bool) {
	parts := strings.Split(arn, "/")
	if len(parts) != 3 {
		return "", false
	}
	return parts[1], true
}

// scalableDimension is what follows the resource in service/cluster/name|ecs:service:DesiredCount|ecs.
func scalableDimension(id string) (string, bool) {
	_, group, found := strings.Cut(id, "|")
	return group, found && strings.Count(group, "|") == 1
}

// policyTarget is namespace and resource in
// arn:aws:autoscaling:region:account:scalingPolicy:uuid:resource/ecs/service/cluster/name:policyName/policy.
func policyTarget(arn string) (string, bool) {
	_, rest, _ := strings.Cut(arn, ":resource/")
	target, _, found := strings.Cut(rest, ":policyName/")
	return target, found && strings.Contains(target, "/")
}

// zoneOf is the hosted zone in Z0123456789ABC|shop.example.com.
func zoneOf(id string) (string, bool) {
	zone, _, found := strings.Cut(id, "|")
	return zone, found && zone != ""
}

// confirmed says whether a subscription's id is its ARN.
func confirmed(id string) (string, bool) { return "", strings.HasPrefix(id, "arn:") }

// aclScope is the scope in name|id|REGIONAL.
func aclScope(id string) (string, bool) {
	parts := strings.Split(id, "|")
	return parts[len(parts)-1], len(parts) == 3
}

// protectedResource is the ARN of what a web ACL stands before.
func protectedResource(id string) (string, bool) {
	for part := range strings.SplitSeq(id, "|") {
		if strings.HasPrefix(part, "arn:") && strings.Contains(part, ":loadbalancer/") {
			return part, true
		}
	}
	return "", false
}
