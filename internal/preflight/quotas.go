package preflight

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"slipway/internal/awserr"
	"slipway/internal/config"
)

// Quota is one of the account's in the Region, as far as a launch is about it.
type Quota struct {
	Name  string // as Service Quotas has it
	Used  float64
	Need  float64 // by the first tasks of the environments that are not up yet
	Most  float64 // by as many tasks as scaling may make
	Limit float64
}

// quota is how one is asked for, and how what counts against it.
type quota struct {
	name, service, code string
	need, most          float64
	used                func(context.Context) (float64, error)
}

// quotas counts what new environments take beside what there is
// (docs.aws.amazon.com/general/latest/gr/vpc-service.html, ec2-service.html and ecs-service.html, "Service quotas").
func (c *checker) quotas(ctx context.Context, app config.Config, fresh []config.Environment) {
	all := []quota{
		{name: "VPCs per Region", service: "vpc", code: "L-F678F1CE", used: c.vpcs},
		{name: "EC2-VPC Elastic IPs", service: "ec2", code: "L-0263D0A3", used: c.addresses},
		{name: "Fargate On-Demand vCPU resource count", service: "fargate", code: "L-3032A538", used: c.fargate("Standard/OnDemand")},
		{name: "Fargate Spot vCPU resource count", service: "fargate", code: "L-36FBB829", used: c.fargate("Standard/Spot")},
	}
	for _, env := range fresh {
		all[0].add(vpcsOf(env), 0)
		all[1].add(addressesOf(env), 0)
		each := float64(app.Service.CPU) / 1024
		demand, spot := divide(env.Tasks.Min, env.Tasks.Spot)
		mostDemand, mostSpot := divide(max(env.Tasks.Min, env.Tasks.Max), env.Tasks.Spot)
		all[2].add(demand*each, mostDemand*each)
		all[3].add(spot*each, mostSpot*each)
	}
	var missed error // one is told: the rights to look go together
	for _, q := range all {
		if q.most > 0 {
			c.key = "quota " + q.name
			missed = cmp.Or(missed, c.count(ctx, q))
		}
	}
	c.key = "quotas"
	c.look(missed)
}

func (q *quota) add(need, most float64) { q.need, q.most = q.need+need, q.most+max(need, most) }

func vpcsOf(env config.Environment) float64 {
	if env.Network.Exists() {
		return 0
	}
	return 1
}

func addressesOf(env config.Environment) float64 {
	switch {
	case env.Network.Exists():
		return 0
	case env.Network.NAT == config.NATOne:
		return 1
	case env.Network.NAT == config.NATPerZone:
		return float64(env.Network.Zones)
	}
	return 0
}

// divide is how ECS divides tasks, of which so many percent are to be on Spot: the first is on demand, unless all are on Spot.
func divide(tasks, spot int) (onDemand, onSpot float64) {
	if spot < 100 {
		onSpot = max(0, float64(tasks-1)) * float64(spot) / 100
		return float64(tasks) - onSpot, onSpot
	}
	return 0, float64(tasks)
}

// count refuses a launch that a quota would stop half-way, and warns of one that it would stop from scaling.
func (c *checker) count(ctx context.Context, q quota) error {
	limit, known, err := c.limit(ctx, q)
	if err != nil || !known {
		return err
	}
	used, err := q.used(ctx)
	if err != nil {
		return err
	}
	c.found.Quotas = append(c.found.Quotas, Quota{Name: q.name, Used: used, Need: q.need, Most: q.most, Limit: limit})
	what := fmt.Sprintf("%s of %s are used", number(used), number(limit))
	do := fmt.Sprintf("ask for more in Service Quotas (aws service-quotas request-service-quota-increase --service-code %s --quota-code %s --desired-value %s), free some, or take another Region",
		q.service, q.code, number(used+q.most))
	switch {
	case used+q.need > limit:
		c.refuse(what, "and this launch needs "+number(q.need)+" more", do)
	case used+q.most > limit:
		c.warn(what, "and with as many tasks as scaling may make this needs "+number(q.most)+" more", do)
	}
	return nil
}

func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// limit is the account's value or, where it has none of its own, AWS's. It is not known where nobody knows of quotas.
func (c *checker) limit(ctx context.Context, q quota) (float64, bool, error) {
	in := map[string]string{"ServiceCode": q.service, "QuotaCode": q.code}
	for _, operation := range []string{"GetServiceQuota", "GetAWSDefaultServiceQuota"} {
		var answer struct {
			Quota struct{ Value *float64 }
		}
		err := c.limits.Call(ctx, operation, in, &answer)
		switch {
		case err == nil && answer.Quota.Value != nil:
			return *answer.Quota.Value, true, nil
		case err != nil && !awserr.Is(err, unknownQuota...):
			return 0, false, err
		}
	}
	return 0, false, nil
}

// unknownQuota is answered by a Region that has no such quota, and by an endpoint that has no Service Quotas.
var unknownQuota = append([]string{"NoSuchResourceException"}, noService...)

// noService is answered by an endpoint that has no such service.
var noService = []string{"UnknownError", "UnknownOperationException", "InvalidAction"}

func (c *checker) vpcs(ctx context.Context) (float64, error) { return c.many(ctx, "DescribeVpcs") }

func (c *checker) addresses(ctx context.Context) (float64, error) {
	return c.many(ctx, "DescribeAddresses")
}

// many counts what EC2 describes, page by page.
func (c *checker) many(ctx context.Context, operation string) (n float64, err error) {
	params := url.Values{}
	for {
		var answer struct {
			VPCs      []struct{} `xml:"vpcSet>item"`
			Addresses []struct{} `xml:"addressesSet>item"`
			Next      string     `xml:"nextToken"`
		}
		if err := c.ec2.Call(ctx, operation, params, &answer); err != nil {
			return 0, err
		}
		n += float64(len(answer.VPCs) + len(answer.Addresses))
		if answer.Next == "" {
			return n, nil
		}
		params.Set("NextToken", answer.Next)
	}
}

// fargate is how many vCPUs of a class run in the account, by what Fargate itself reports each minute
// (docs.aws.amazon.com/AmazonECS/latest/developerguide/monitoring-fargate-usage.html). Where nothing runs it reports nothing.
func (c *checker) fargate(class string) func(context.Context) (float64, error) {
	return func(ctx context.Context) (most float64, err error) {
		now := time.Now().UTC()
		params := url.Values{
			"Namespace": {"AWS/Usage"}, "MetricName": {"ResourceCount"}, "Statistics.member.1": {"Maximum"}, "Period": {"300"},
			"StartTime": {now.Add(-15 * time.Minute).Format(time.RFC3339)}, "EndTime": {now.Format(time.RFC3339)},
		}
		for i, d := range [][2]string{{"Service", "Fargate"}, {"Type", "Resource"}, {"Resource", "vCPU"}, {"Class", class}} {
			key := fmt.Sprintf("Dimensions.member.%d.", i+1)
			params.Set(key+"Name", d[0])
			params.Set(key+"Value", d[1])
		}
		var answer struct {
			Points []struct {
				Maximum float64 `xml:"Maximum"`
			} `xml:"GetMetricStatisticsResult>Datapoints>member"`
		}
		if err := c.metrics.Call(ctx, "GetMetricStatistics", params, &answer); err != nil {
			return 0, err
		}
		for _, p := range answer.Points {
			most = max(most, p.Maximum)
		}
		return most, nil
	}
}
