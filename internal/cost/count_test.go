package cost

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// fixed are the lines of one template, as "resource: what: sum = amount".
func fixed(t *testing.T, region, resources string) []string {
	t.Helper()
	files := fstest.MapFS{"prod/ecs.yaml": {Data: []byte("Resources:\n" + resources)}, "foundation.yaml": {Data: []byte("Resources: {}\n")}}
	r, err := Read(files, []string{"prod"}, region)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, l := range r.parts[0].lines {
		lines = append(lines, l.resource+": "+l.what+": "+l.sum()+" = "+span(l.amount()))
	}
	return lines
}

const serviceOf = `
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties: {Cpu: "512", Memory: "1024", EphemeralStorage: {SizeInGiB: 50}, RuntimePlatform: {CpuArchitecture: ARM64}}
  Service:
    Type: AWS::ECS::Service
    Properties:
      DesiredCount: 3
      TaskDefinition: !Ref Task
      CapacityProviderStrategy:
        - {CapacityProvider: FARGATE, Base: 1, Weight: 1}
        - {CapacityProvider: FARGATE_SPOT, Weight: 3}
      NetworkConfiguration: {AwsvpcConfiguration: {AssignPublicIp: DISABLED}}
`

func TestCount(t *testing.T) {
	for name, c := range map[string]struct {
		resources string
		want      []string
	}{
		// Of three tasks one is the base; the other two go 1 : 3. 1.5 x 0.5 x 730 x 0.03238, and so on.
		"Spot, ARM and storage": {serviceOf, []string{
			"Service: 1.5 tasks: vCPU, ARM: 547.5 x 0.03238 = 17.73",
			"Service: 1.5 tasks on Spot: vCPU, ARM: 547.5 x ~0.011333 = 6.20",
			"Service: 1.5 tasks: memory: 1095 x 0.00356 = 3.90",
			"Service: 1.5 tasks on Spot: memory: 1095 x ~0.001246 = 1.36",
			"Service: 1.5 tasks: storage above 20 GB: 32850 x 0.000111 = 3.65",
			"Service: 1.5 tasks on Spot: storage above 20 GB: 32850 x ~0.000039 = 1.28",
		}},
		"endpoints": {`
  S3: {Type: "AWS::EC2::VPCEndpoint", Properties: {VpcEndpointType: Gateway, RouteTableIds: [a]}}
  Logs: {Type: "AWS::EC2::VPCEndpoint", Properties: {VpcEndpointType: Interface, SubnetIds: [!Ref A, !Ref B, !Ref C]}}
`, []string{"Logs: interface endpoint in 3 zones: 2190 x 0.01 = 21.90"}},
		"internal load balancer": {`
  Balancer: {Type: "AWS::ElasticLoadBalancingV2::LoadBalancer", Properties: {Scheme: internal, Subnets: [!Ref A, !Ref B]}}
`, []string{"Balancer: load balancer: 730 x 0.0225 = 16.43"}},
		"firewall": {`
  Firewall: {Type: "AWS::WAFv2::WebACL", Properties: {Rules: [{Name: a}, {Name: b}, {Name: c}]}}
`, []string{"Firewall: web ACL: 1 x 5 = 5.00", "Firewall: its 3 rules: 3 x 1 = 3.00"}},
		// Ten alarms and three dashboards are free in an account.
		"alarms and dashboards": {numbered(4, `{Type: "AWS::CloudWatch::Dashboard"}`) + `
  X1: {Type: "AWS::CloudWatch::Alarm", Properties: {MetricName: a}}
  X2: {Type: "AWS::CloudWatch::Alarm", Properties: {Metrics: [{Expression: a}, {MetricStat: {}}, {MetricStat: {}}]}}
  X3: {Type: "AWS::ApplicationAutoScaling::ScalingPolicy", Properties: {PolicyType: TargetTrackingScaling}}
  X4: {Type: "AWS::ApplicationAutoScaling::ScalingPolicy", Properties: {PolicyType: StepScaling}}
`, []string{
			"N1: dashboard: 1 x 3, 1 of them free in an account = 0.00", "N2: dashboard: 1 x 3, 1 of them free in an account = 0.00",
			"N3: dashboard: 1 x 3, 1 of them free in an account = 0.00", "N4: dashboard: 1 x 3 = 3.00",
			"X1: alarm: 1 x 0.1, 1 of them free in an account = 0.00", "X2: alarm: 2 x 0.1, 2 of them free in an account = 0.00",
			"X3: the two alarms of target tracking: 2 x 0.1, 2 of them free in an account = 0.00",
		}},
		// 3 x 8 metrics of use, 3 counts of the cluster, 5 of the service.
		"Container Insights": {`
  Cluster: {Type: "AWS::ECS::Cluster", Properties: {ClusterSettings: [{Name: containerInsights, Value: enabled}]}}
`, []string{"Cluster: about 32 metrics of Container Insights: 32 x 0.3 = 9.60"}},
		// 32 and 16 for each of three tasks.
		"enhanced Container Insights": {`
  Cluster: {Type: "AWS::ECS::Cluster", Properties: {ClusterSettings: [{Name: containerInsights, Value: enhanced}]}}
  Service: {Type: "AWS::ECS::Service", Properties: {DesiredCount: 3}}
`, []string{"Cluster: metrics of Container Insights, about 32 and 16 a task: 80 x ~0.07 = 5.60"}},
		"no Container Insights": {`
  Cluster: {Type: "AWS::ECS::Cluster", Properties: {ClusterSettings: [{Name: containerInsights, Value: disabled}]}}
`, nil},
		// A schedule lowers the least and raises the most.
		"schedule": {`
  Task: {Type: "AWS::ECS::TaskDefinition", Properties: {Cpu: "1024", Memory: "2048"}}
  Service: {Type: "AWS::ECS::Service", Properties: {TaskDefinition: !Ref Task, NetworkConfiguration: {AwsvpcConfiguration: {AssignPublicIp: ENABLED}}}}
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      MinCapacity: 2
      MaxCapacity: 4
      ScheduledActions:
        - ScalableTargetAction: {MinCapacity: 1, MaxCapacity: 1}
        - ScalableTargetAction: {MinCapacity: 6, MaxCapacity: 8}
`, []string{
			"Service: 1 to 8 tasks: vCPU, x86: 730 to 5840 x 0.04048 = 29.55 to 236.40",
			"Service: 1 to 8 tasks: memory: 1460 to 11680 x 0.004445 = 6.49 to 51.92",
			"Service: public addresses of 1 to 8 tasks: 730 to 5840 x 0.005 = 3.65 to 29.20",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, fixed(t, virginia, c.resources)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Half of three tasks on Spot, at 35 % of the price on demand: 1.35 times what 1.5 tasks cost.
func TestSpotTotals(t *testing.T) {
	files := fstest.MapFS{"prod/ecs.yaml": {Data: []byte("Resources:\n" + serviceOf)}, "foundation.yaml": {Data: []byte("Resources: {}\n")}}
	for region, want := range map[string]string{
		virginia:  "34.12", // 547.5 x 0.03238 = 17.72805, 1095 x 0.00356 = 3.8982, 32850 x 0.000111 = 3.64635; x 1.35
		frankfurt: "39.43", // 547.5 x 0.03725 = 20.394375, 1095 x 0.00409 = 4.47855, 32850 x 0.000132 = 4.3362; x 1.35
	} {
		r, err := Read(files, []string{"prod"}, region)
		if err != nil {
			t.Fatal(err)
		}
		if low, high := r.Total("prod"); cents(low) != want || low != high {
			t.Errorf("%s: %v to %v, want %s", region, low, high, want)
		}
	}
}

func numbered(n int, resource string) string {
	var text strings.Builder
	for i := range n {
		text.WriteString("  N" + string(rune('1'+i)) + ": " + resource + "\n")
	}
	return text.String()
}

// The tasks that a strategy gives to Spot, of each number of tasks.
func TestDivide(t *testing.T) {
	strategy := func(base, weight, spotBase, spotWeight int) []any {
		return []any{map[string]any{"CapacityProvider": "FARGATE", "Base": base, "Weight": weight},
			map[string]any{"CapacityProvider": "FARGATE_SPOT", "Base": spotBase, "Weight": spotWeight}}
	}
	for _, c := range []struct {
		tasks        float64
		strategy     []any
		demand, spot float64
	}{
		{4, nil, 4, 0},
		{4, strategy(0, 1, 0, 0), 4, 0},
		{4, strategy(0, 0, 0, 1), 0, 4},
		{4, strategy(0, 1, 0, 1), 2, 2},
		{4, strategy(2, 0, 0, 1), 2, 2},
		{1, strategy(2, 0, 0, 1), 1, 0},
		{4, strategy(0, 1, 2, 0), 2, 2},
		{1, strategy(0, 1, 2, 0), 0, 1},
	} {
		if demand, spot := divide(c.tasks, c.strategy); demand != c.demand || spot != c.spot {
			t.Errorf("%v by %v: %v and %v, want %v and %v", c.tasks, c.strategy, demand, spot, c.demand, c.spot)
		}
	}
}

func TestUnknownTypes(t *testing.T) {
	files := fstest.MapFS{"prod/x.yaml": {Data: []byte("Resources: {A: {Type: 'AWS::New::Thing'}, B: {Type: 'AWS::New::Thing'}}\n")}, "foundation.yaml": {Data: []byte("Resources: {}\n")}}
	r, err := Read(files, []string{"prod"}, virginia)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := r.Text(&text); err != nil {
		t.Fatal(err)
	}
	if strings.Count(text.String(), "AWS::New::Thing") != 1 {
		t.Errorf("the report does not name it once:\n%s", &text)
	}
}

func TestMissingTemplates(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"environment": {"foundation.yaml": {}},
		"foundation":  {"prod/ecs.yaml": {}},
		"broken":      {"prod/ecs.yaml": {Data: []byte("Resources: [")}, "foundation.yaml": {}},
	} {
		if _, err := Read(files, []string{"prod"}, virginia); err == nil {
			t.Errorf("%s: no error", name)
		} else if name != "broken" && !strings.Contains(err.Error(), "go run ./gen") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every price has a number, a source and, where it was read, every Region that has a table at all.
func TestTableIsWhole(t *testing.T) {
	for _, r := range rates() {
		for _, region := range tabled() {
			p, known := r.prices[region]
			if !known || p.usd <= 0 || p.source == "" {
				t.Errorf("%s in %s: %+v", r.item, region, p)
			}
		}
		if len(r.prices) != len(tabled()) || r.unit == "" || r.list == "" {
			t.Errorf("%s: %+v", r.item, r)
		}
	}
}
