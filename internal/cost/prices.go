package cost

import "slices"

// item is one thing that AWS puts a price on.
type item string

const (
	fargateVCPU      item = "Fargate, Linux x86, vCPU"
	fargateGB        item = "Fargate, Linux x86, memory"
	fargateARMVCPU   item = "Fargate, Linux ARM, vCPU"
	fargateARMGB     item = "Fargate, Linux ARM, memory"
	fargateStorage   item = "Fargate, ephemeral storage above 20 GB"
	loadBalancerHour item = "Application Load Balancer"
	loadBalancerLCU  item = "Application Load Balancer, capacity units"
	natHour          item = "NAT gateway"
	natGB            item = "NAT gateway, data processed"
	endpointHour     item = "interface endpoint, in one zone"
	endpointGB       item = "interface endpoint, data processed"
	addressHour      item = "public IPv4 address"
	logGB            item = "CloudWatch Logs, data taken in (flow logs as well)"
	alarmMonth       item = "CloudWatch alarm, a metric of standard resolution"
	dashboardMonth   item = "CloudWatch dashboard"
	metricMonth      item = "CloudWatch metric of one's own, as Container Insights makes them"
	observationMonth item = "Container Insights with enhanced observability, a metric"
	webACLMonth      item = "WAF web ACL"
	ruleMonth        item = "WAF rule or managed rule group"
	inspectedMillion item = "WAF, requests inspected"
	actionMinute     item = "CodePipeline V2, action minutes"
	buildMinute      item = "CodeBuild, Linux x86 small"
	buildARMMinute   item = "CodeBuild, Linux ARM small"
	registryGB       item = "image registry, storage"
	outGB            item = "data out to the internet"
)

// rate is an item's price in each Region that has a table.
type rate struct {
	item   item
	unit   string
	list   string // AWS's own entry: service code and usage type of the price list, without the Region's prefix
	prices map[string]price
}

// price is one number, and how it is known.
type price struct {
	usd       float64
	date      string // of the source; empty where it bears none
	source    string
	estimated bool // derived, and not read as it stands
}

// The Regions that have a table. Others are priced like the first.
const (
	virginia  = "us-east-1"
	oregon    = "us-west-2"
	ireland   = "eu-west-1"
	frankfurt = "eu-central-1"
	tokyo     = "ap-northeast-1"
)

// DefaultRegion is the one whose prices stand for every Region without a table.
const DefaultRegion = virginia

func tabled() []string { return []string{virginia, oregon, ireland, frankfurt, tokyo} }

// Where numbers come from. None was read from AWS's price list directly: a quotation is somebody's who did, and names
// the usage type, under which everybody can look it up.
const (
	quoted     = "AWS price list, quoted by its usage type in a public repository"
	defang     = "github.com/DefangLabs/defang-docs, docs/tutorials/estimating-aws-deployment-costs.md, amount by quantity of a list made from the AWS price list"
	bill       = "an AWS bill shown in a public repository, amount by quantity"
	graviton   = "github.com/ahmd-soliman/axiaops, docs/graviton-arm-decision.md"
	fleet      = "AWS price list, quoted by its usage type in github.com/k-k1/agent-fleet, docs/decisions/0070-tts-ondemand-engine.md"
	wafPage    = "aws.amazon.com/blogs/networking-and-content-delivery, Cost-effective ways for securing your web applications using AWS WAF: the same in all Regions; AWS price list quoted in a public repository"
	ipv4Charge = quoted + "; announced by AWS in 2023 for all Regions alike"
	linkPage   = "aws.amazon.com/privatelink/pricing: one table for all Regions"
	codePage   = "aws.amazon.com/codepipeline/pricing: one price for all Regions"
	likeX86    = "like us-east-1, whose other Fargate prices are this Region's as well"
	likeOthers = "like every other Region of this table that was found quoted"
	likeEMR    = "EMR Serverless storage of the Region (GoogleCloudPlatform/PerfKitBenchmarker), which has Fargate's price wherever both were found"
)

func read(usd float64, date, source string) price { return price{usd, date, source, false} }

func estimate(usd float64, how string) price { return price{usd, "", how, true} }

// everywhere is a price that does not differ by Region.
func everywhere(p price) map[string]price {
	prices := map[string]price{}
	for _, region := range tabled() {
		prices[region] = p
	}
	return prices
}

func rates() []rate {
	return slices.Concat(fargateRates(), networkRates(), watchRates(), deliveryRates())
}

func fargateRates() []rate {
	return []rate{
		{fargateVCPU, "vCPU-hour", "AmazonECS Fargate-vCPU-Hours:perCPU", map[string]price{
			virginia: read(0.04048, "2026-08-17", quoted), oregon: read(0.04048, "", defang), ireland: read(0.04048, "2026-05-01", quoted),
			frankfurt: read(0.04656, "2026-08-05", quoted), tokyo: read(0.05056, "2026-09-25", quoted)}},
		{fargateGB, "GB-hour", "AmazonECS Fargate-GB-Hours", map[string]price{
			virginia: read(0.004445, "2026-08-17", quoted), oregon: read(0.004445, "", defang), ireland: read(0.004445, "2026-05-01", quoted),
			frankfurt: read(0.00511, "2026-08-05", quoted), tokyo: read(0.00553, "2026-09-25", quoted)}},
		{fargateARMVCPU, "vCPU-hour", "AmazonECS Fargate-ARM-vCPU-Hours:perCPU", map[string]price{
			virginia: read(0.03238, "2026-08-17", quoted), oregon: estimate(0.03238, likeX86), ireland: read(0.03238, "2026-05-01", quoted),
			frankfurt: read(0.03725, "2026-06", graviton), tokyo: read(0.04045, "2026-09-06", fleet)}},
		{fargateARMGB, "GB-hour", "AmazonECS Fargate-ARM-GB-Hours", map[string]price{
			virginia: read(0.00356, "2026-08-17", quoted), oregon: estimate(0.00356, likeX86), ireland: read(0.00356, "2026-05-01", quoted),
			frankfurt: read(0.00409, "2026-06", graviton), tokyo: read(0.00442, "2026-09-06", fleet)}},
		{fargateStorage, "GB-hour", "AmazonECS Fargate-EphemeralStorage-GB-Hours", map[string]price{
			virginia: read(0.000111, "2026-08-17", quoted), oregon: read(0.000111, "", defang), ireland: estimate(0.000122, likeEMR),
			frankfurt: estimate(0.000132, likeEMR), tokyo: read(0.000133, "", quoted)}},
	}
}

func networkRates() []rate {
	return []rate{
		{loadBalancerHour, "hour", "AWSELB LoadBalancerUsage", map[string]price{
			virginia: read(0.0225, "2026-08-17", quoted), oregon: read(0.0225, "", defang), ireland: read(0.0252, "2026-08-04", bill),
			frankfurt: read(0.027, "", "github.com/cloudox-ai/cloudox-public-examples, cost-intelligence.md, a bill: 19.44 USD, a month of 720 hours"), tokyo: read(0.0243, "", quoted)}},
		{loadBalancerLCU, "LCU-hour", "AWSELB LCUUsage", map[string]price{
			virginia: read(0.008, "2026-08-17", quoted), oregon: estimate(0.008, likeOthers), ireland: read(0.008, "2026-09-11", quoted),
			frankfurt: estimate(0.008, likeOthers), tokyo: read(0.008, "", quoted)}},
		{natHour, "hour", "AmazonEC2 NatGateway-Hours", map[string]price{
			virginia: read(0.045, "2026-08-01", quoted), oregon: read(0.045, "", defang), ireland: read(0.048, "", quoted),
			frankfurt: read(0.052, "2026-09-28", "a public decision record: two more gateways are 75.92 USD a month of 730 hours"), tokyo: read(0.062, "2026-09-25", quoted)}},
		{natGB, "GB", "AmazonEC2 NatGateway-Bytes", map[string]price{
			virginia: read(0.045, "2026-08-01", quoted), oregon: estimate(0.045, "the same number as an hour's, as in every other Region"), ireland: read(0.048, "", quoted),
			frankfurt: estimate(0.052, "the same number as an hour's, as in every other Region"), tokyo: read(0.062, "2026-09-25", quoted)}},
		{endpointHour, "hour", "AmazonVPC VpcEndpoint-Hours", map[string]price{
			virginia: read(0.01, "2026-08-17", quoted), oregon: read(0.01, "2026-10-06", quoted), ireland: read(0.011, "", bill),
			frankfurt: read(0.012, "2026-09-22", quoted), tokyo: read(0.014, "2026-09-25", quoted)}},
		{endpointGB, "GB", "AmazonVPC VpcEndpoint-Bytes", everywhere(read(0.01, "", linkPage))},
		{addressHour, "hour", "AmazonVPC PublicIPv4:InUseAddress", everywhere(read(0.005, "2026-09-25", ipv4Charge))},
		{outGB, "GB", "AWSDataTransfer DataTransfer-Out-Bytes", map[string]price{
			virginia: read(0.09, "2026", "cloudpipelines.pages.dev, AWS NAT Gateway Pricing: the first 10 TB"), oregon: estimate(0.09, "like us-east-1"), ireland: estimate(0.09, "like us-east-1"),
			frankfurt: estimate(0.09, "like us-east-1"), tokyo: read(0.114, "2026-09-23", quoted)}},
	}
}

func watchRates() []rate {
	const cloudWatch = "the same wherever it was found quoted (eu-west-1, eu-west-2, ap-northeast-1)"
	return []rate{
		{logGB, "GB", "AmazonCloudWatch DataProcessing-Bytes", map[string]price{
			virginia: read(0.50, "2025-01-01", quoted), oregon: read(0.50, "", bill), ireland: read(0.57, "2026-03-01", quoted),
			frankfurt: read(0.63, "2025-01-01", quoted), tokyo: read(0.76, "2026-07-01", quoted)}},
		{alarmMonth, "month", "AmazonCloudWatch CW:AlarmMonitorUsage", everywhere(read(0.10, "2026-07-01", quoted+"; "+cloudWatch))},
		{dashboardMonth, "month", "AmazonCloudWatch DashboardsUsageHour", everywhere(read(3, "2026-06-13", "factualminds.com, Amazon CloudWatch Pricing; "+cloudWatch))},
		{metricMonth, "month", "AmazonCloudWatch CW:MetricMonitorUsage", everywhere(read(0.30, "2026-09-23", quoted+"; "+cloudWatch))},
		{observationMonth, "month", "AmazonCloudWatch", everywhere(estimate(0.07, "fortem.dev, How Do You Monitor ECS Fargate, which names no Region"))},
		{webACLMonth, "month", "awswaf WebACL", everywhere(read(5, "2026-09-23", wafPage))},
		{ruleMonth, "month", "awswaf Rule", everywhere(read(1, "2026-09-23", wafPage))},
		{inspectedMillion, "million", "awswaf Request", everywhere(read(0.60, "2026-09-23", wafPage))},
	}
}

func deliveryRates() []rate {
	const oneMinute = "0.005 in us-east-1; the same taken for every Region"
	arm := estimate(0.00425, "us-west-1's price, quoted in a public repository on 2026-09-26; no other was found")
	return []rate{
		{actionMinute, "minute", "AWSCodePipeline actionExecutionMinute", everywhere(read(0.002, "", codePage))},
		{buildMinute, "minute", "CodeBuild Build-Min:Linux:g1.small", map[string]price{
			virginia: read(0.005, "", "c3x.dev, aws_codebuild_project cost estimation"), oregon: estimate(0.005, oneMinute), ireland: estimate(0.005, oneMinute),
			frankfurt: estimate(0.005, oneMinute), tokyo: estimate(0.005, oneMinute)}},
		{buildARMMinute, "minute", "CodeBuild Build-Min:ARM:g1.small", everywhere(arm)},
		{registryGB, "GB-month", "AmazonECR TimedStorage-ByteHrs", map[string]price{
			virginia: estimate(0.10, likeOthers), oregon: estimate(0.10, likeOthers), ireland: read(0.10, "2026-05-01", quoted),
			frankfurt: estimate(0.10, likeOthers), tokyo: read(0.10, "2026-09-23", quoted)}},
	}
}
