package awsdouble

import (
	"fmt"
	"maps"
	"strings"
)

// allKinds is the table of resource types; the entry without a name serves all others.
func (d *Double) allKinds() map[string]kind {
	kinds := map[string]kind{
		"": {
			id:         d.named("Name", 64, false),
			attributes: att(map[string]func(*thing) string{"Arn": func(t *thing) string { return d.arn("double", t.ID) }}),
		},
	}
	for _, more := range []map[string]kind{d.storageKinds(), d.roleKinds(), d.networkKinds(), d.routeKinds(), d.balancerKinds(), d.ecsKinds(), d.deliveryKinds(), d.watchingKinds(), d.entryKinds()} {
		maps.Copy(kinds, more)
	}
	return kinds
}

func (d *Double) storageKinds() map[string]kind {
	return map[string]kind{
		"AWS::S3::Bucket": {
			id: d.named("BucketName", 63, true), createOnly: []string{"BucketName"},
			attributes: att(map[string]func(*thing) string{
				"Arn":                func(t *thing) string { return "arn:aws:s3:::" + t.ID },
				"DomainName":         func(t *thing) string { return t.ID + ".s3.amazonaws.com" },
				"RegionalDomainName": func(t *thing) string { return t.ID + ".s3." + d.Region + ".amazonaws.com" },
			}),
			created: d.bucketCreated, removed: d.bucketRemoved,
		},
		"AWS::S3::BucketPolicy": {
			id:         func(_ *stack, _ string, p object) string { return text(p, "Bucket") },
			createOnly: []string{"Bucket"},
		},
		"AWS::ECR::Repository": {
			id: d.named("RepositoryName", 256, true), createOnly: []string{"RepositoryName"},
			attributes: att(map[string]func(*thing) string{
				"Arn":           func(t *thing) string { return d.arn("ecr", "repository/"+t.ID) },
				"RepositoryUri": func(t *thing) string { return d.repositoryURI(t.ID) },
			}),
			created: d.repositoryCreated, removed: d.repositoryRemoved,
		},
		"AWS::Logs::LogGroup": {
			id: d.named("LogGroupName", 512, false), createOnly: []string{"LogGroupName"},
			attributes: att(map[string]func(*thing) string{
				"Arn": func(t *thing) string { return d.arn("logs", "log-group:"+t.ID+":*") },
			}),
			created: func(t *thing) error { d.logs[t.ID] = map[string][]LogEvent{}; return nil },
			removed: func(t *thing) error { delete(d.logs, t.ID); return nil },
		},
	}
}

func (d *Double) roleKinds() map[string]kind {
	iam := func(kind string, t *thing) string {
		path := text(t.Properties, "Path")
		if path == "" {
			path = "/"
		}
		return "arn:aws:iam::" + d.AccountID + ":" + kind + path + t.ID
	}
	return map[string]kind{
		"AWS::IAM::Role": {
			id: d.named("RoleName", 64, false), createOnly: []string{"RoleName", "Path"},
			attributes: att(map[string]func(*thing) string{
				"Arn":    func(t *thing) string { return iam("role", t) },
				"RoleId": func(*thing) string { return "AROA" + d.chars(upper, 17) },
			}),
		},
		"AWS::IAM::ManagedPolicy": {
			id: func(s *stack, logical string, p object) string {
				name := d.named("ManagedPolicyName", 128, false)(s, logical, p)
				return iam("policy", &thing{ID: name, Properties: p})
			},
			createOnly: []string{"ManagedPolicyName", "Path"},
			attributes: att(map[string]func(*thing) string{"PolicyArn": itself}),
		},
		"AWS::IAM::Policy": {id: d.named("", 64, false)},
	}
}

func (d *Double) networkKinds() map[string]kind {
	one := func(name string) func(*thing) map[string]string {
		return att(map[string]func(*thing) string{name: itself})
	}
	return map[string]kind{
		"AWS::EC2::VPC": {id: d.prefixed("vpc"), createOnly: []string{"CidrBlock"}, attributes: att(map[string]func(*thing) string{
			"VpcId": itself, "CidrBlock": func(t *thing) string { return text(t.Properties, "CidrBlock") },
			"DefaultSecurityGroup": func(*thing) string { return "sg-0" + d.hex(16) },
		}), removed: d.inUse("VpcId", "The vpc '%s' has dependencies and cannot be deleted.")},
		"AWS::EC2::Subnet": {
			id: d.prefixed("subnet"), createOnly: []string{"VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId"},
			attributes: att(map[string]func(*thing) string{
				"SubnetId": itself, "VpcId": func(t *thing) string { return text(t.Properties, "VpcId") },
				"AvailabilityZone": func(t *thing) string { return text(t.Properties, "AvailabilityZone") },
			}),
			removed: d.inUse("SubnetId", "The subnet '%s' has dependencies and cannot be deleted."),
		},
		"AWS::EC2::InternetGateway": {id: d.prefixed("igw"), attributes: one("InternetGatewayId")},
		"AWS::EC2::VPCGatewayAttachment": {
			id:         func(_ *stack, _ string, p object) string { return "IGW|" + text(p, "VpcId") },
			createOnly: []string{"VpcId"},
			attributes: att(map[string]func(*thing) string{
				"AttachmentType":    func(*thing) string { return "IGW" },
				"InternetGatewayId": func(t *thing) string { return text(t.Properties, "InternetGatewayId") },
				"VpcId":             func(t *thing) string { return text(t.Properties, "VpcId") },
			}),
		},
	}
}

func (d *Double) routeKinds() map[string]kind {
	one := func(name string) func(*thing) map[string]string {
		return att(map[string]func(*thing) string{name: itself})
	}
	return map[string]kind{
		"AWS::EC2::RouteTable": {id: d.prefixed("rtb"), createOnly: []string{"VpcId"}, attributes: one("RouteTableId")},
		"AWS::EC2::Route": {
			id: func(_ *stack, _ string, p object) string {
				return text(p, "RouteTableId") + "|" + text(p, "DestinationCidrBlock")
			},
			createOnly: []string{"RouteTableId", "DestinationCidrBlock"}, attributes: one("CidrBlock"),
		},
		"AWS::EC2::SubnetRouteTableAssociation": {
			id: d.prefixed("rtbassoc"), createOnly: []string{"SubnetId", "RouteTableId"}, attributes: one("Id"),
		},
		"AWS::EC2::VPCEndpoint": {id: d.prefixed("vpce"), createOnly: []string{"VpcId", "ServiceName", "VpcEndpointType"}, attributes: one("Id")},
		"AWS::EC2::SecurityGroup": {
			id: d.prefixed("sg"), createOnly: []string{"VpcId", "GroupDescription", "GroupName"},
			attributes: att(map[string]func(*thing) string{
				"GroupId": itself, "Id": itself, "VpcId": func(t *thing) string { return text(t.Properties, "VpcId") },
			}),
			removed: d.inUse("GroupId", "resource %s has a dependent object"),
		},
		"AWS::EC2::SecurityGroupIngress": {id: d.prefixed("sgr"), attributes: one("Id")},
		"AWS::EC2::SecurityGroupEgress":  {id: d.prefixed("sgr"), attributes: one("Id")},
		"AWS::EC2::EIP": {
			id: func(*stack, string, object) string {
				return fmt.Sprintf("52.%d.%d.%d", d.random.IntN(256), d.random.IntN(256), d.random.IntN(256))
			},
			attributes: att(map[string]func(*thing) string{"AllocationId": func(*thing) string { return "eipalloc-0" + d.hex(16) }, "PublicIp": itself}),
		},
		"AWS::EC2::FlowLog":    {id: d.prefixed("fl"), createOnly: []string{"ResourceId", "LogGroupName"}, attributes: one("Id")},
		"AWS::EC2::NatGateway": {id: d.prefixed("nat"), createOnly: []string{"SubnetId", "AllocationId"}, attributes: one("NatGatewayId")},
	}
}

func (d *Double) balancerKinds() map[string]kind {
	const service = "elasticloadbalancing"
	return map[string]kind{
		"AWS::ElasticLoadBalancingV2::LoadBalancer": {
			id: d.arned(service, "loadbalancer/app/%s/%s"), createOnly: []string{"Scheme", "Type", "Name"},
			attributes: att(map[string]func(*thing) string{
				"LoadBalancerArn":       itself,
				"DNSName":               d.startApp,
				"LoadBalancerFullName":  func(t *thing) string { _, name, _ := strings.Cut(t.ID, "loadbalancer/"); return name },
				"LoadBalancerName":      func(t *thing) string { return strings.Split(t.ID, "/")[2] },
				"CanonicalHostedZoneID": func(*thing) string { return "Z35SXDOTRQ7X7K" },
			}),
			removed: d.balancerRemoved,
		},
		"AWS::ElasticLoadBalancingV2::TargetGroup": {
			id: d.arned(service, "targetgroup/%s/%s"), createOnly: []string{"Port", "Protocol", "VpcId", "TargetType", "Name"},
			attributes: att(map[string]func(*thing) string{
				"TargetGroupArn":      itself,
				"TargetGroupFullName": func(t *thing) string { return lastPart(t.ID, ":") },
				"TargetGroupName":     func(t *thing) string { return strings.Split(t.ID, "/")[1] },
			}),
		},
		"AWS::ElasticLoadBalancingV2::Listener": {
			id: func(_ *stack, _ string, p object) string {
				return strings.Replace(text(p, "LoadBalancerArn"), ":loadbalancer/", ":listener/", 1) + "/" + d.hex(16)
			},
			createOnly: []string{"LoadBalancerArn"},
			attributes: att(map[string]func(*thing) string{"ListenerArn": itself}),
		},
		"AWS::ElasticLoadBalancingV2::ListenerRule": {
			id: func(_ *stack, _ string, p object) string {
				return strings.Replace(text(p, "ListenerArn"), ":listener/", ":listener-rule/", 1) + "/" + d.hex(16)
			},
			createOnly: []string{"ListenerArn"},
			attributes: att(map[string]func(*thing) string{"RuleArn": itself}),
		},
	}
}

func (d *Double) deliveryKinds() map[string]kind {
	return map[string]kind{
		"AWS::CodeBuild::Project": {
			id: d.named("Name", 150, false), createOnly: []string{"Name"},
			attributes: att(map[string]func(*thing) string{"Arn": func(t *thing) string { return d.arn("codebuild", "project/"+t.ID) }}),
		},
		"AWS::CodeBuild::ReportGroup": {
			id:         func(_ *stack, _ string, p object) string { return d.arn("codebuild", "report-group/"+text(p, "Name")) },
			createOnly: []string{"Name", "Type"},
			attributes: att(map[string]func(*thing) string{"Arn": itself}),
		},
		"AWS::CodePipeline::Pipeline": {
			id: d.named("Name", 100, false), createOnly: []string{"Name"},
			attributes: att(map[string]func(*thing) string{"Version": func(*thing) string { return "1" }}),
			created:    d.pipelineCreated,
		},
		"AWS::Events::Rule": {
			id: d.named("Name", 64, false), createOnly: []string{"Name"},
			attributes: att(map[string]func(*thing) string{"Arn": func(t *thing) string { return d.arn("events", "rule/"+t.ID) }}),
		},
	}
}

func (d *Double) watchingKinds() map[string]kind {
	return map[string]kind{
		"AWS::ApplicationAutoScaling::ScalableTarget": {
			id: func(_ *stack, _ string, p object) string {
				return text(p, "ResourceId") + "|" + text(p, "ScalableDimension") + "|" + text(p, "ServiceNamespace")
			},
			createOnly: []string{"ResourceId", "ScalableDimension", "ServiceNamespace"},
			attributes: att(map[string]func(*thing) string{"Id": itself}),
		},
		"AWS::ApplicationAutoScaling::ScalingPolicy": {
			id: func(_ *stack, _ string, p object) string {
				return d.arn("autoscaling", "scalingPolicy:"+d.uuid()+":resource/ecs/"+text(p, "ScalingTargetId")+":policyName/"+text(p, "PolicyName"))
			},
			createOnly: []string{"PolicyName", "ScalingTargetId"},
			attributes: att(map[string]func(*thing) string{"Arn": itself}),
		},
		"AWS::SNS::Topic": {
			id: func(s *stack, l string, p object) string {
				return d.arn("sns", d.named("TopicName", 256, false)(s, l, p))
			},
			createOnly: []string{"TopicName"},
			attributes: att(map[string]func(*thing) string{"TopicArn": itself, "TopicName": func(t *thing) string { return lastPart(t.ID, ":") }}),
		},
		"AWS::SNS::TopicPolicy": {id: d.named("", 64, false)},
		"AWS::SNS::Subscription": {
			id:         func(_ *stack, _ string, p object) string { return text(p, "TopicArn") + ":" + d.uuid() },
			createOnly: []string{"TopicArn", "Protocol", "Endpoint"},
			attributes: att(map[string]func(*thing) string{"Arn": itself}),
		},
		"AWS::CloudWatch::Dashboard": {id: d.named("DashboardName", 255, false), createOnly: []string{"DashboardName"}},
		"AWS::CloudWatch::Alarm": {
			id: d.named("AlarmName", 255, false), createOnly: []string{"AlarmName"},
			attributes: att(map[string]func(*thing) string{"Arn": func(t *thing) string { return d.arn("cloudwatch", "alarm:"+t.ID) }}),
		},
	}
}
