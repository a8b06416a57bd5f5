package cost

import (
	"fmt"
	"slices"
	"strings"
)

// kind says what a resource of one type costs.
type kind struct {
	fixed func(r *Report, t template, id string) []line // by the hour or month; nil for nothing
	use   []item                                        // what is paid by use
}

// kinds is the one table of all types; those without anything cost nothing, or cents by use (storage and requests of
// the bucket, messages).
func kinds() map[string]kind {
	return map[string]kind{
		"AWS::ApplicationAutoScaling::ScalableTarget": {},
		"AWS::ApplicationAutoScaling::ScalingPolicy":  {fixed: (*Report).scalingLines},
		"AWS::CertificateManager::Certificate":        {},
		"AWS::CloudFormation::Stack":                  {},
		"AWS::CloudWatch::Alarm":                      {fixed: (*Report).alarmLines},
		"AWS::CloudWatch::Dashboard":                  {fixed: (*Report).dashboardLines},
		"AWS::CodeBuild::Project":                     {use: []item{buildMinute}},
		"AWS::CodeBuild::ReportGroup":                 {},
		"AWS::CodePipeline::Pipeline":                 {use: []item{actionMinute}},
		"AWS::EC2::EIP":                               {fixed: (*Report).addressLines},
		"AWS::EC2::FlowLog":                           {use: []item{logGB}},
		"AWS::EC2::InternetGateway":                   {},
		"AWS::EC2::NatGateway":                        {fixed: (*Report).natLines, use: []item{natGB}},
		"AWS::EC2::Route":                             {},
		"AWS::EC2::RouteTable":                        {},
		"AWS::EC2::SecurityGroup":                     {},
		"AWS::EC2::SecurityGroupEgress":               {},
		"AWS::EC2::SecurityGroupIngress":              {},
		"AWS::EC2::Subnet":                            {},
		"AWS::EC2::SubnetRouteTableAssociation":       {},
		"AWS::EC2::VPC":                               {},
		"AWS::EC2::VPCEndpoint":                       {fixed: (*Report).endpointLines},
		"AWS::EC2::VPCGatewayAttachment":              {},
		"AWS::ECR::Repository":                        {use: []item{registryGB}},
		"AWS::ECS::Cluster":                           {fixed: (*Report).insightsLines},
		"AWS::ECS::Service":                           {fixed: (*Report).serviceLines, use: []item{outGB}},
		"AWS::ECS::TaskDefinition":                    {},
		"AWS::ElasticLoadBalancingV2::Listener":       {},
		"AWS::ElasticLoadBalancingV2::ListenerRule":   {},
		"AWS::ElasticLoadBalancingV2::LoadBalancer":   {fixed: (*Report).balancerLines, use: []item{loadBalancerLCU}},
		"AWS::ElasticLoadBalancingV2::TargetGroup":    {},
		"AWS::Events::Rule":                           {},
		"AWS::IAM::ManagedPolicy":                     {},
		"AWS::IAM::Policy":                            {},
		"AWS::IAM::Role":                              {},
		"AWS::Logs::LogGroup":                         {use: []item{logGB}},
		"AWS::Route53::RecordSet":                     {},
		"AWS::S3::Bucket":                             {},
		"AWS::S3::BucketPolicy":                       {},
		"AWS::SNS::Subscription":                      {},
		"AWS::SNS::Topic":                             {},
		"AWS::SNS::TopicPolicy":                       {},
		"AWS::WAFv2::LoggingConfiguration":            {},
		"AWS::WAFv2::WebACL":                          {fixed: (*Report).webACLLines, use: []item{inspectedMillion}},
		"AWS::WAFv2::WebACLAssociation":               {},
	}
}

// count notes what one resource costs: fixed as lines of the part, by use in the report.
func (r *Report) count(p *part, t template, id string) {
	k, known := kinds()[t[id].Type]
	if !known && !slices.Contains(r.unpriced, t[id].Type) {
		r.unpriced = append(r.unpriced, t[id].Type)
	}
	if k.fixed != nil {
		p.lines = append(p.lines, k.fixed(r, t, id)...)
	}
	for _, it := range k.use {
		if it == buildMinute && t[id].text("Environment", "Type") == "ARM_CONTAINER" {
			it = buildARMMinute
		}
		r.usage[it] = true
	}
}

// line is a line of a fixed quantity.
func (r *Report) line(id, what string, it item, quantity float64) line {
	return line{resource: id, what: what, item: it, low: quantity, high: quantity, price: r.prices[it]}
}

func (r *Report) balancerLines(t template, id string) []line {
	lines := []line{r.line(id, "load balancer", loadBalancerHour, hours)}
	if zones := len(t[id].list("Subnets")); t[id].text("Scheme") != "internal" {
		lines = append(lines, r.line(id, fmt.Sprintf("its public addresses in %d zones", zones), addressHour, float64(hours*zones)))
	}
	return lines
}

func (r *Report) natLines(_ template, id string) []line {
	return []line{r.line(id, "NAT gateway", natHour, hours)}
}

func (r *Report) addressLines(_ template, id string) []line {
	return []line{r.line(id, "public address", addressHour, hours)}
}

// endpointLines are an interface endpoint's; those of type Gateway cost nothing.
func (r *Report) endpointLines(t template, id string) []line {
	if t[id].text("VpcEndpointType") != "Interface" {
		return nil
	}
	r.usage[endpointGB] = true
	zones := len(t[id].list("SubnetIds"))
	return []line{r.line(id, fmt.Sprintf("interface endpoint in %d zones", zones), endpointHour, float64(hours*zones))}
}

// scalingLines are the alarms that a policy of this type makes itself, one to scale out and one to scale in
// (docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html).
func (r *Report) scalingLines(t template, id string) []line {
	if t[id].text("PolicyType") != "TargetTrackingScaling" {
		return nil
	}
	return []line{r.line(id, "the two alarms of target tracking", alarmMonth, 2)}
}

// alarmLines are paid by the metrics that the alarm looks at.
func (r *Report) alarmLines(t template, id string) []line {
	metrics := 0
	for _, query := range t[id].list("Metrics") {
		if at(query, "MetricStat") != nil {
			metrics++
		}
	}
	return []line{r.line(id, "alarm", alarmMonth, float64(max(1, metrics)))}
}

func (r *Report) dashboardLines(_ template, id string) []line {
	return []line{r.line(id, "dashboard", dashboardMonth, 1)}
}

func (r *Report) webACLLines(t template, id string) []line {
	rules := len(t[id].list("Rules"))
	return []line{r.line(id, "web ACL", webACLMonth, 1), r.line(id, fmt.Sprintf("its %d rules", rules), ruleMonth, float64(rules))}
}

// spotShare is what Fargate Spot costs of the price on demand. AWS says "up to 70 % off"; the two prices found quoted
// beside their price on demand were 34 % (sa-east-1) and 36 % (ap-northeast-2, 2026-02-23) of it.
const spotShare = 0.35

// serviceLines are the tasks: their vCPU and memory, storage above what is free, and public addresses.
func (r *Report) serviceLines(t template, id string) []line {
	service := t[id]
	task := t[service.text("TaskDefinition")]
	cpu, memory, arch := fargateVCPU, fargateGB, "x86"
	if task.text("RuntimePlatform", "CpuArchitecture") == "ARM64" {
		cpu, memory, arch = fargateARMVCPU, fargateARMGB, "ARM"
	}
	const freeGB = 20 // docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-storage.html
	kinds := []struct {
		what string
		item item
		each float64
	}{
		{"vCPU, " + arch, cpu, task.number("Cpu") / 1024},
		{"memory", memory, task.number("Memory") / 1024},
		{"storage above 20 GB", fargateStorage, max(0, task.number("EphemeralStorage", "SizeInGiB")-freeGB)},
	}
	low, high := taskCount(t, service)
	var lines []line
	for _, kind := range kinds {
		if kind.each > 0 {
			lines = append(lines, r.capacityLines(id, kind.what, kind.item, kind.each, low, high, service.list("CapacityProviderStrategy"))...)
		}
	}
	if service.text("NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp") == "ENABLED" {
		lines = append(lines, line{resource: id, what: "public addresses of " + tasks(low, high), item: addressHour, low: low * hours, high: high * hours, price: r.prices[addressHour]})
	}
	return lines
}

// capacityLines divide one of a task's resources between capacity on demand and Spot.
func (r *Report) capacityLines(id, what string, it item, each, low, high float64, strategy []any) []line {
	lowDemand, lowSpot := divide(low, strategy)
	highDemand, highSpot := divide(high, strategy)
	var lines []line
	if highDemand > 0 {
		lines = append(lines, line{resource: id, what: tasks(lowDemand, highDemand) + ": " + what, item: it,
			low: lowDemand * each * hours, high: highDemand * each * hours, price: r.prices[it]})
	}
	if highSpot > 0 {
		spot := estimate(r.prices[it].usd*spotShare, "Spot")
		lines = append(lines, line{resource: id, what: tasks(lowSpot, highSpot) + " on Spot: " + what, item: it,
			low: lowSpot * each * hours, high: highSpot * each * hours, price: spot})
	}
	return lines
}

// taskCount is the number of tasks: what the service says, or what its scaling may make of it.
func taskCount(t template, service resource) (low, high float64) {
	low = service.number("DesiredCount")
	high = low
	for _, res := range t {
		if res.Type != "AWS::ApplicationAutoScaling::ScalableTarget" {
			continue
		}
		low, high = res.number("MinCapacity"), res.number("MaxCapacity")
		for _, scheduled := range res.list("ScheduledActions") {
			action := at(scheduled, "ScalableTargetAction")
			low, high = min(low, number(at(action, "MinCapacity"))), max(high, number(at(action, "MaxCapacity")))
		}
	}
	return low, high
}

// divide splits tasks as ECS does: those of a base first, the rest by weight
// (docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html). Fractions are an average.
func divide(n float64, strategy []any) (demand, spot float64) {
	var base, weight, spotBase, spotWeight float64
	for _, provider := range strategy {
		b, w := number(at(provider, "Base")), number(at(provider, "Weight"))
		base, weight = base+b, weight+w
		if at(provider, "CapacityProvider") == "FARGATE_SPOT" {
			spotBase, spotWeight = b, w
		}
	}
	if weight == 0 {
		return n, 0
	}
	rest := max(0, n-base)
	spot = min(spotBase, n) + rest*spotWeight/weight
	return n - spot, spot
}

// tasks words a number of tasks.
func tasks(low, high float64) string {
	text := quantity(low)
	if high > low {
		text += " to " + quantity(high)
	}
	if high == 1 {
		return text + " task"
	}
	return text + " tasks"
}

// Container Insights makes, of the metrics that docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/appinsights-metrics-ecs.html
// lists, eight of use (processor, memory, network, storage) for each of cluster, service and task family, three counts
// for the cluster and five for the service; with enhanced observability the eight for each task and container as well.
const (
	insightsMetrics     = 3*8 + 3 + 5
	insightsTaskMetrics = 2 * 8
)

// insightsLines are the metrics of Container Insights, an estimate by what AWS documents of them.
func (r *Report) insightsLines(t template, id string) []line {
	low, high := 0.0, 0.0
	for _, res := range t {
		if res.Type == "AWS::ECS::Service" {
			low, high = taskCount(t, res)
		}
	}
	for _, setting := range t[id].list("ClusterSettings") {
		switch value, _ := at(setting, "Value").(string); strings.ToLower(value) {
		case "enabled":
			return []line{{resource: id, what: "about 32 metrics of Container Insights", item: metricMonth, low: insightsMetrics, high: insightsMetrics, price: r.prices[metricMonth]}}
		case "enhanced":
			return []line{{resource: id, what: "metrics of Container Insights, about 32 and 16 a task", item: observationMonth,
				low: insightsMetrics + low*insightsTaskMetrics, high: insightsMetrics + high*insightsTaskMetrics, price: r.prices[observationMonth]}}
		}
	}
	return nil
}
