package residue

import (
	"context"
	"slices"
	"strings"
)

// Tagged is something that the tagging API lists. That is a hint and no proof: it lists what is gone for hours, what has lost
// its tags as well, and no roles (docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html).
type Tagged struct {
	Type       string // AWS::S3::Bucket
	PhysicalID string // as Left takes it
	Tags       map[string]string
}

// Tagged lists what carries all of these tags, each with one of its values, and is of a type that Left can ask for.
func (c *Checker) Tagged(ctx context.Context, tags map[string][]string) ([]Tagged, error) {
	type filter struct {
		Key    string
		Values []string
	}
	in := struct {
		TagFilters       []filter
		ResourcesPerPage int
		PaginationToken  string
	}{ResourcesPerPage: 100}
	for key, values := range tags {
		in.TagFilters = append(in.TagFilters, filter{key, values})
	}
	var list []Tagged
	for {
		var out struct {
			ResourceTagMappingList []struct {
				ResourceARN string
				Tags        []struct{ Key, Value string }
			}
			PaginationToken string
		}
		if err := c.services.tags.Call(ctx, "GetResources", in, &out); err != nil {
			return nil, err
		}
		for _, mapping := range out.ResourceTagMappingList {
			kind, id := identify(mapping.ResourceARN)
			if kind == "" {
				continue
			}
			t := Tagged{kind, id, map[string]string{}}
			for _, tag := range mapping.Tags {
				t.Tags[tag.Key] = tag.Value
			}
			list = append(list, t)
		}
		if in.PaginationToken = out.PaginationToken; in.PaginationToken == "" {
			return list, nil
		}
	}
}

// form is how the ARNs of a type look, and how its physical id is made of one.
type form struct {
	service, begins, kind string
	id                    func(arn, rest string) string
}

func wholeARN(arn, _ string) string { return arn }

func lastOfARN(_, rest string) string { return rest }

// forms are those of the types with tags
// (docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html).
var forms = []form{
	{"acm", "certificate/", "AWS::CertificateManager::Certificate", wholeARN},
	{"cloudformation", "stack/", "AWS::CloudFormation::Stack", wholeARN},
	{"cloudwatch", "alarm:", "AWS::CloudWatch::Alarm", lastOfARN},
	{"codebuild", "project/", "AWS::CodeBuild::Project", lastOfARN},
	{"codebuild", "report-group/", "AWS::CodeBuild::ReportGroup", wholeARN},
	{"codepipeline", "", "AWS::CodePipeline::Pipeline", lastOfARN},
	{"ec2", "elastic-ip/", "AWS::EC2::EIP", lastOfARN},
	{"ec2", "internet-gateway/", "AWS::EC2::InternetGateway", lastOfARN},
	{"ec2", "natgateway/", "AWS::EC2::NatGateway", lastOfARN},
	{"ec2", "route-table/", "AWS::EC2::RouteTable", lastOfARN},
	{"ec2", "security-group/", "AWS::EC2::SecurityGroup", lastOfARN},
	{"ec2", "subnet/", "AWS::EC2::Subnet", lastOfARN},
	{"ec2", "vpc/", "AWS::EC2::VPC", lastOfARN},
	{"ec2", "vpc-endpoint/", "AWS::EC2::VPCEndpoint", lastOfARN},
	{"ec2", "vpc-flow-log/", "AWS::EC2::FlowLog", lastOfARN},
	{"ecr", "repository/", "AWS::ECR::Repository", lastOfARN},
	{"ecs", "cluster/", "AWS::ECS::Cluster", lastOfARN},
	{"ecs", "service/", "AWS::ECS::Service", wholeARN},
	{"ecs", "task-definition/", "AWS::ECS::TaskDefinition", wholeARN},
	{"elasticloadbalancing", "listener/app/", "AWS::ElasticLoadBalancingV2::Listener", wholeARN},
	{"elasticloadbalancing", "listener-rule/app/", "AWS::ElasticLoadBalancingV2::ListenerRule", wholeARN},
	{"elasticloadbalancing", "loadbalancer/app/", "AWS::ElasticLoadBalancingV2::LoadBalancer", wholeARN},
	{"elasticloadbalancing", "targetgroup/", "AWS::ElasticLoadBalancingV2::TargetGroup", wholeARN},
	{"events", "rule/", "AWS::Events::Rule", func(_, rest string) string { return strings.ReplaceAll(rest, "/", "|") }},
	{"kms", "key/", "AWS::KMS::Key", lastOfARN},
	{"logs", "log-group:", "AWS::Logs::LogGroup", func(_, rest string) string { return strings.TrimSuffix(rest, ":*") }},
	{"s3", "", "AWS::S3::Bucket", lastOfARN},
	{"sns", "", "AWS::SNS::Topic", wholeARN},
	{"wafv2", "regional/webacl/", "AWS::WAFv2::WebACL", func(_, rest string) string { return strings.ReplaceAll(rest, "/", "|") + "|REGIONAL" }},
}

// identify is the type and the physical id of what an ARN names; nothing where no service can be asked for it.
func identify(arn string) (kind, id string) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return "", ""
	}
	i := slices.IndexFunc(forms, func(f form) bool {
		rest, fits := strings.CutPrefix(parts[5], f.begins)
		return f.service == parts[2] && fits && (f.begins != "" || !strings.ContainsAny(rest, ":/"))
	})
	if i < 0 {
		return "", ""
	}
	return forms[i].kind, forms[i].id(arn, strings.TrimPrefix(parts[5], forms[i].begins))
}
