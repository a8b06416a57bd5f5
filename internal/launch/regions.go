package launch

import (
	"fmt"
	"slices"
	"strings"
)

// regions have every service that a launch needs; CodePipeline is the rarest
// (docs.aws.amazon.com/codepipeline/latest/userguide/limits.html, AmazonECS AWS_Fargate-Regions; read in November 2026).
var regions = []string{
	"af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2", "ap-southeast-1",
	"ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ca-central-1", "eu-central-1", "eu-central-2", "eu-north-1",
	"eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1", "sa-east-1",
	"us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1", "us-west-1", "us-west-2",
}

// fargateZones are the zone ids with Fargate, in the Regions where not all have it (AmazonECS AWS_Fargate-Regions).
var fargateZones = map[string][]string{
	"us-west-1":      {"usw1-az1", "usw1-az3"},
	"ap-northeast-1": {"apne1-az1", "apne1-az2", "apne1-az4"},
}

// partition is what an ARN begins with and what a host name ends with.
type partition struct{ name, suffix string }

func partitionOf(region string) partition {
	switch {
	case strings.HasPrefix(region, "us-gov-"):
		return partition{"aws-us-gov", "amazonaws.com"}
	case strings.HasPrefix(region, "cn-"):
		return partition{"aws-cn", "amazonaws.com.cn"}
	}
	return partition{"aws", "amazonaws.com"}
}

// checkRegion refuses a Region in which a launch would fail half-way.
func checkRegion(region string) error {
	switch {
	case region == "":
		return fmt.Errorf("no AWS Region: give one with --region, AWS_REGION or the profile")
	case slices.Contains(regions, region):
		return nil
	case strings.HasPrefix(region, "cn-"):
		return fmt.Errorf("in Region %s: CodePipeline does not exist in China, so slipway's delivery pipeline cannot be made there", region)
	}
	return fmt.Errorf("in Region %s: slipway needs ECS on Fargate, CodeBuild and CodePipeline, and knows no Region of that name that has them all; it can use %s",
		region, strings.Join(regions, ", "))
}
