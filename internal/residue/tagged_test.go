package residue_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/residue"
)

// named is what the ARNs of the types with tags name. What nobody can be asked for is left out.
var named = map[string]string{
	arnCert:  "AWS::CertificateManager::Certificate " + arnCert,
	arnStack: "AWS::CloudFormation::Stack " + arnStack,
	"arn:aws:cloudwatch:eu-central-1:123456789012:alarm:shop-prod-High":  "AWS::CloudWatch::Alarm shop-prod-High",
	"arn:aws:codebuild:eu-central-1:123456789012:project/ImageProject-1": "AWS::CodeBuild::Project ImageProject-1",
	arnReports: "AWS::CodeBuild::ReportGroup " + arnReports,
	"arn:aws:codepipeline:eu-central-1:123456789012:shop-prod-Pipeline": "AWS::CodePipeline::Pipeline shop-prod-Pipeline",
	"arn:aws:codepipeline:eu-central-1:123456789012:webhook:shop":       "",
	"arn:aws:ec2:eu-central-1:123456789012:elastic-ip/eipalloc-1":       "AWS::EC2::EIP eipalloc-1",
	"arn:aws:ec2:eu-central-1:123456789012:vpc/vpc-1":                   "AWS::EC2::VPC vpc-1",
	"arn:aws:ec2:eu-central-1:123456789012:network-interface/eni-1":     "",
	"arn:aws:ecr:eu-central-1:123456789012:repository/team/shop":        "AWS::ECR::Repository team/shop",
	arnService: "AWS::ECS::Service " + arnService,
	arnTask:    "AWS::ECS::TaskDefinition " + arnTask,
	"arn:aws:ecs:eu-central-1:123456789012:task/shop/1": "",
	arnELB:      "AWS::ElasticLoadBalancingV2::LoadBalancer " + arnELB,
	arnListener: "AWS::ElasticLoadBalancingV2::Listener " + arnListener,
	arnRule:     "AWS::ElasticLoadBalancingV2::ListenerRule " + arnRule,
	arnGroup:    "AWS::ElasticLoadBalancingV2::TargetGroup " + arnGroup,
	"arn:aws:events:eu-central-1:123456789012:rule/shop-Rule":             "AWS::Events::Rule shop-Rule",
	"arn:aws:events:eu-central-1:123456789012:rule/bus/shop-Rule":         "AWS::Events::Rule bus|shop-Rule",
	"arn:aws:logs:eu-central-1:123456789012:log-group:/aws/shop:*":        "AWS::Logs::LogGroup /aws/shop",
	"arn:aws:s3:::shop-bucket":                                            "AWS::S3::Bucket shop-bucket",
	arnTopic:                                                              "AWS::SNS::Topic " + arnTopic,
	"arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/shop/1a2b":   "AWS::WAFv2::WebACL shop|1a2b|REGIONAL",
	"arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop-AbCdEf": "",
	"not an ARN": "",
}

// Page by page, and by types that can be asked for.
func TestTagged(t *testing.T) {
	arns := slices.Sorted(maps.Keys(named))
	page := func(arns []string, token string) reply {
		var members []string
		for _, arn := range arns {
			members = append(members, fmt.Sprintf(`{"ResourceARN":%q,"Tags":[{"Key":"slipway:name","Value":"shop"}]}`, arn))
		}
		return ok(`{"ResourceTagMappingList":[` + strings.Join(members, ",") + `],"PaginationToken":"` + token + `"}`)
	}
	_, checker := start(t, func(call, body string) reply {
		var in struct {
			TagFilters []struct {
				Key    string
				Values []string
			}
			PaginationToken string
		}
		if err := json.Unmarshal([]byte(body), &in); err != nil || len(in.TagFilters) != 1 || in.TagFilters[0].Values[0] != "shop" {
			t.Errorf("%s was asked %s", call, body)
		}
		if in.PaginationToken == "" {
			return page(arns[:5], "more")
		}
		return page(arns[5:], "")
	})
	found, err := checker.Tagged(t.Context(), map[string][]string{"slipway:name": {"shop"}})
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, tagged := range found {
		got = append(got, tagged.Type+" "+tagged.PhysicalID)
		if tagged.Tags["slipway:name"] != "shop" || !slices.Contains(residue.Types(), tagged.Type) {
			t.Errorf("%+v has no tag, or cannot be asked for", tagged)
		}
	}
	for _, arn := range arns {
		if named[arn] != "" {
			want = append(want, named[arn])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
