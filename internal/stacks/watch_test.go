package stacks

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/iampolicy"
)

const (
	someEmail = "team@example.com"
	someTopic = "arn:aws:sns:eu-west-1:123456789012:on-call"
)

func watched(change func(*config.Watch)) config.Config {
	return with(func(e *config.Environment) { change(&e.Watch) })
}

// watchVariants are configurations that differ in who is told, and of what.
func watchVariants() map[string]config.Config {
	elsewhere := watched(func(w *config.Watch) { w.Email = someEmail })
	elsewhere.Environments = append([]config.Environment{environment("test", 1, 1, 2, config.NATNone)}, elsewhere.Environments...)
	elsewhere.Pipeline.Environment = "test"
	return map[string]config.Config{
		"email":            watched(func(w *config.Watch) { w.Email = someEmail }),
		"topic":            watched(func(w *config.Watch) { w.Topic = someTopic }),
		"email of another": elsewhere,
		"insights":         watched(func(w *config.Watch) { w.Insights = true }),
		"nothing watched":  watched(func(w *config.Watch) { *w = config.Watch{Latency: config.DefaultLatency} }),
		"failures alone":   watched(func(w *config.Watch) { w.Alarms, w.Dashboard, w.Email = false, false, someEmail }),
		"dashboard alone":  watched(func(w *config.Watch) { w.Alarms = false }),
	}
}

// known are the metrics that AWS has for what we run, with their dimensions, each with the page that says so.
var known = map[string]map[string][]string{
	// docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
	balancerMetrics: {
		"HTTPCode_ELB_5XX_Count":    {"LoadBalancer"},
		"RequestCount":              {"LoadBalancer", "LoadBalancer TargetGroup"},
		"HTTPCode_Target_4XX_Count": {"LoadBalancer", "LoadBalancer TargetGroup"},
		"HTTPCode_Target_5XX_Count": {"LoadBalancer", "LoadBalancer TargetGroup"},
		"TargetResponseTime":        {"LoadBalancer", "LoadBalancer TargetGroup"},
		"HealthyHostCount":          {"LoadBalancer TargetGroup"},
		"UnHealthyHostCount":        {"LoadBalancer TargetGroup"},
	},
	// docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
	taskMetrics: {"CPUUtilization": {"ClusterName ServiceName"}, "MemoryUtilization": {"ClusterName ServiceName"}},
	// docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html
	insightsMetrics: {"DesiredTaskCount": {"ClusterName ServiceName"}, "RunningTaskCount": {"ClusterName ServiceName"}},
	// docs.aws.amazon.com/waf/latest/developerguide/waf-metrics.html
	firewallMetrics: {"BlockedRequests": {"Region Rule WebACL"}},
}

// seen is a metric as an alarm or a widget names it, its dimensions in the short form of the template's intrinsics.
type seen struct {
	place, namespace, name string
	dimensions             map[string]string
}

// Every metric of every alarm and widget is one that AWS has, and of resources of the same template.
func TestMetricsExist(t *testing.T) {
	for name, cfg := range variants() {
		for path, tpl := range rendered(t, cfg) {
			for _, m := range metrics(t, tpl) {
				for _, fault := range metricFaults(tpl, m) {
					t.Errorf("%s, %s, %s: %s %s: %s", name, path, m.place, m.namespace, m.name, fault)
				}
			}
		}
	}
}

// The test above sees what it is there for.
func TestMetricFaults(t *testing.T) {
	tpl := ecsOf(t, "standard")
	balancer, group := "LoadBalancer.LoadBalancerFullName", "TargetGroup.TargetGroupFullName"
	for _, c := range []struct {
		metric seen
		want   string
	}{
		{seen{"", balancerMetrics, "HealthyHosts", map[string]string{"LoadBalancer": balancer, "TargetGroup": group}}, "is not known"},
		{seen{"", balancerMetrics, "HealthyHostCount", map[string]string{"LoadBalancer": balancer}}, "has no dimensions LoadBalancer"},
		{seen{"", balancerMetrics, "HealthyHostCount", map[string]string{"LoadBalancer": group, "TargetGroup": group}}, "LoadBalancer is TargetGroup.TargetGroupFullName"},
		{seen{"", balancerMetrics, "HealthyHostCount", map[string]string{"LoadBalancer": balancer, "TargetGroup": "Other.TargetGroupFullName"}}, "TargetGroup is Other"},
		{seen{"", insightsMetrics, "RunningTaskCount", map[string]string{"ClusterName": "Cluster", "ServiceName": "Service.Name"}}, "Container Insights are off"},
		{seen{"", firewallMetrics, "BlockedRequests", map[string]string{"WebACL": "AWS::StackName", "Region": "AWS::Region", "Rule": "ALL"}}, "there is no web ACL"},
	} {
		if got := strings.Join(metricFaults(tpl, c.metric), "; "); !strings.Contains(got, c.want) {
			t.Errorf("%v: found %q, want %q", c.metric, got, c.want)
		}
	}
}

// metricFaults are why a template's resources never give a metric.
func metricFaults(tpl template, m seen) []string {
	sets, found := known[m.namespace][m.name]
	if !found {
		return []string{"the metric is not known"}
	}
	var faults []string
	if of := strings.Join(slices.Sorted(maps.Keys(m.dimensions)), " "); !slices.Contains(sets, of) {
		faults = append(faults, "it has no dimensions "+of)
	}
	for dimension, kind := range map[string][2]string{
		"LoadBalancer": {"AWS::ElasticLoadBalancingV2::LoadBalancer", ".LoadBalancerFullName"},
		"TargetGroup":  {"AWS::ElasticLoadBalancingV2::TargetGroup", ".TargetGroupFullName"},
		"ClusterName":  {"AWS::ECS::Cluster", ""},
		"ServiceName":  {"AWS::ECS::Service", ".Name"},
	} {
		value, has := m.dimensions[dimension]
		id, suffixed := strings.CutSuffix(value, kind[1])
		if r, _ := tpl.Resources[id].(map[string]any); has && (!suffixed || r["Type"] != kind[0]) {
			faults = append(faults, dimension+" is "+value)
		}
	}
	if m.namespace == insightsMetrics && !strings.Contains(tpl.text, "Value: enhanced") {
		faults = append(faults, "Container Insights are off")
	}
	if acl, there := tpl.Resources["WebACL"].(map[string]any); m.namespace == firewallMetrics {
		if !there {
			return append(faults, "there is no web ACL")
		}
		name := fmt.Sprint(acl["Properties"].(map[string]any)["VisibilityConfig"].(map[string]any)["MetricName"])
		if name != fmt.Sprint(map[string]any{"Ref": m.dimensions["WebACL"]}) || m.dimensions["Region"] != "AWS::Region" {
			faults = append(faults, "the web ACL's metrics are those of "+name)
		}
	}
	return faults
}

// metrics are all that a template's alarms and dashboards name.
func metrics(t *testing.T, tpl template) []seen {
	t.Helper()
	var all []seen
	walk("", tpl.Resources, func(path string, v any) {
		m, _ := v.(map[string]any)
		if m["MetricName"] == nil || m["Namespace"] == nil {
			return
		}
		dimensions := map[string]string{}
		for _, d := range list(m["Dimensions"]) {
			dimensions[at(t, d, "Name").(string)] = short(at(t, d, "Value"))
		}
		all = append(all, seen{path, m["Namespace"].(string), m["MetricName"].(string), dimensions})
	})
	for id, r := range ofType(tpl, "AWS::CloudWatch::Dashboard") {
		for i, w := range board(t, r) {
			rows, _ := w.Properties["metrics"].([]any)
			for _, row := range rows {
				all = append(all, ofRow(fmt.Sprintf("%s %d", id, i), row.([]any)))
			}
		}
	}
	return all
}

func ofRow(place string, row []any) seen {
	m := seen{place, row[0].(string), row[1].(string), map[string]string{}}
	for i := 2; i+1 < len(row); i += 2 {
		m.dimensions[row[i].(string)] = strings.Trim(row[i+1].(string), "${}")
	}
	return m
}

// short is X of {Ref: X}, X.Y of {GetAtt: X.Y}, and a text itself.
func short(v any) string {
	if m, ok := v.(map[string]any); ok {
		for _, name := range m {
			return fmt.Sprint(name)
		}
	}
	return fmt.Sprint(v)
}

// shown is a widget as CloudWatch reads it.
type shown struct {
	Type                string
	X, Y, Width, Height int
	Properties          map[string]any
}

// board are a dashboard's widgets.
func board(t *testing.T, resource any) []shown {
	t.Helper()
	var body struct{ Widgets []shown }
	if err := json.Unmarshal([]byte(at(t, resource, "Properties", "DashboardBody", "Sub").(string)), &body); err != nil {
		t.Fatal(err)
	}
	return body.Widgets
}

// The dashboard has no place for two widgets, names all alarms, and shows what the options bring.
func TestDashboard(t *testing.T) {
	for name, want := range map[string][]string{
		"standard":        {"Alarms", "Requests", "Errors", "Latency (s)", "Hosts", "CPU (%)", "Memory (%)"},
		"dashboard alone": {"Requests", "Errors", "Latency (s)", "Hosts", "CPU (%)", "Memory (%)"},
		"insights":        {"Alarms", "Requests", "Errors", "Latency (s)", "Hosts", "CPU (%)", "Memory (%)", "Tasks"},
		"every option":    {"Alarms", "Requests", "Errors", "Latency (s)", "Hosts", "CPU (%)", "Memory (%)", "Tasks", "Firewall"},
	} {
		tpl := ecsOf(t, name)
		var titles []string
		taken := map[string]bool{}
		for _, w := range board(t, tpl.Resources["Dashboard"]) {
			titles = append(titles, w.Properties["title"].(string))
			for x := range w.Width {
				for y := range w.Height {
					at := fmt.Sprint(w.X+x, w.Y+y)
					if taken[at] || w.X+x >= dashboardColumns {
						t.Errorf("%s: %s covers %s", name, w.Properties["title"], at)
					}
					taken[at] = true
				}
			}
			if alarms, _ := w.Properties["alarms"].([]any); w.Type == "alarm" && len(alarms) != len(ofType(tpl, "AWS::CloudWatch::Alarm")) {
				t.Errorf("%s: %d alarms are shown", name, len(alarms))
			}
		}
		if diff := cmp.Diff(want, titles); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got := ofType(ecsOf(t, "nothing watched"), "AWS::CloudWatch::Dashboard"); len(got) > 0 {
		t.Error("there is a dashboard that nobody asked for")
	}
}

func TestAlarms(t *testing.T) {
	cfg := watched(func(w *config.Watch) { w.Latency = 250 })
	cfg.Service.HealthGrace = 90
	tpl := rendered(t, cfg)["prod/ecs.yaml"]
	alarms := ofType(tpl, "AWS::CloudWatch::Alarm")
	want := []string{"BalancerErrorAlarm", "CPUAlarm", "LatencyAlarm", "MemoryAlarm", "NoHealthyHostAlarm", "TargetErrorAlarm", "UnhealthyHostAlarm"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(alarms))); diff != "" {
		t.Error(diff)
	}
	if got := at(t, alarms["LatencyAlarm"], "Properties", "Threshold"); got != 250 {
		t.Errorf("the latency is %v ms, want 250", got)
	}
	if got := at(t, alarms["UnhealthyHostAlarm"], "Properties", "EvaluationPeriods"); got != 2+troubleMinutes {
		t.Errorf("a host may be unhealthy for %v minutes, with 90 seconds to start in", got)
	}
	if got := at(t, alarms["NoHealthyHostAlarm"], "Properties", "TreatMissingData"); got != "breaching" {
		t.Errorf("without any target the service counts as %v", got)
	}
	for id, alarm := range alarms {
		if alarm.(map[string]any)["Properties"].(map[string]any)["AlarmActions"] != nil {
			t.Errorf("%s tells somebody, and nobody is to be told", id)
		}
	}
	if got := ofType(ecsOf(t, "nothing watched"), "AWS::CloudWatch::Alarm"); len(got) > 0 {
		t.Errorf("there are alarms that nobody asked for: %v", got)
	}
}

// The alarm that ends a deployment is there before the service, and nothing that needs the service is among such alarms.
func TestDeploymentAlarms(t *testing.T) {
	at := func(name string) any {
		return at(t, ecsOf(t, name).Resources, "Service", "Properties", "DeploymentConfiguration", "Alarms")
	}
	if diff := cmp.Diff(map[string]any{"AlarmNames": []any{map[string]any{"Ref": "TargetErrorAlarm"}}, "Enable": true, "Rollback": true}, at("standard")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"AlarmNames": []any{}, "Enable": false, "Rollback": false}, at("nothing watched")); diff != "" {
		t.Error(diff)
	}
}

// Whoever is told is told by every alarm and every rule, and the topic of one's own lets just these publish.
func TestTopics(t *testing.T) {
	for name, topic := range map[string]string{"email": "Topic", "topic": contract.KeyTopicARN, "email of another": "Topic"} {
		cfg := variants()[name]
		all := rendered(t, cfg)
		tpl := all["prod/ecs.yaml"]
		for id, alarm := range ofType(tpl, "AWS::CloudWatch::Alarm") {
			for _, when := range []string{"AlarmActions", "OKActions"} {
				if got := short(list(at(t, alarm, "Properties", when))[0]); got != topic {
					t.Errorf("%s: %s %s is %s, want %s", name, id, when, got, topic)
				}
			}
		}
		if got := short(at(t, tpl.Resources, "FailureRule", "Properties", "Targets", 0, "Arn")); got != topic {
			t.Errorf("%s: the rule publishes to %s, want %s", name, got, topic)
		}
		if _, own := tpl.Resources["Topic"]; own != (topic == "Topic") {
			t.Errorf("%s: a topic of its own: %v", name, own)
		}
	}
	r := ecsOf(t, "email").Resources
	if got := at(t, r, "EmailSubscription", "Properties"); at(t, got, "Endpoint") != someEmail || at(t, got, "Protocol") != "email" || short(at(t, got, "TopicArn")) != "Topic" {
		t.Errorf("the subscription is %v", got)
	}
	for _, name := range []string{"standard", "nothing watched"} {
		if tpl := ecsOf(t, name); len(ofType(tpl, "AWS::SNS::Topic"))+len(ofType(tpl, "AWS::Events::Rule")) > 0 {
			t.Errorf("%s: nobody is to be told, and there is a topic or a rule", name)
		}
	}
}

// The topic's policy lets alarms of the stack and rules of the application publish, and nobody else.
func TestTopicPolicy(t *testing.T) {
	a := deployed(t, variants()["email"])
	var d iampolicy.Document
	for _, p := range a.policies() {
		if p.kind == "AWS::SNS::TopicPolicy" {
			d = p.Document
		}
	}
	topic := a.name("prod/ecs.yaml", "Topic")
	alarm := a.arn("cloudwatch", "alarm:"+a.name("prod/ecs.yaml", "CPUAlarm"))
	for _, c := range []struct {
		from    int // which statement: alarms, then events
		context map[string][]string
		want    bool
	}{
		{0, map[string][]string{"aws:SourceAccount": {a.id}, "aws:SourceArn": {alarm}}, true},
		{0, map[string][]string{"aws:SourceAccount": {a.id}, "aws:SourceArn": {a.arn("cloudwatch", "alarm:other")}}, false},
		{0, map[string][]string{"aws:SourceAccount": {"999999999999"}, "aws:SourceArn": {alarm}}, false},
		{0, nil, false},
		{1, map[string][]string{"aws:SourceAccount": {a.id}, "aws:SourceArn": {a.arn("events", "rule/"+a.name("prod/ecs.yaml", "FailureRule"))}}, true},
		{1, map[string][]string{"aws:SourceAccount": {a.id}, "aws:SourceArn": {a.arn("events", "rule/"+a.name("prod/pipeline.yaml", "FailureRule"))}}, true},
		{1, map[string][]string{"aws:SourceAccount": {"999999999999"}}, false},
		{1, nil, true},
	} {
		one := iampolicy.Document{Statement: d.Statement[c.from : c.from+1]}
		if got := iampolicy.Allowed(iampolicy.Request{Action: "sns:Publish", Resource: topic, Context: c.context}, one); got != c.want {
			t.Errorf("%v of %v may publish: %v", c.context, d.Statement[c.from].Principal, got)
		}
	}
	if got := []string{d.Statement[0].Principal["Service"][0], d.Statement[1].Principal["Service"][0]}; len(d.Statement) != 2 || !slices.Equal(got, []string{"cloudwatch.amazonaws.com", "events.amazonaws.com"}) {
		t.Errorf("%v may publish", got)
	}
}

// A failed run of the pipeline is told to those whom the pipeline's home tells.
func TestPipelineFailures(t *testing.T) {
	for name, want := range map[string]string{"email": "GetAtt ECS.Outputs.TopicARN", "topic": "Ref TopicARN", "email of another": "", "standard": ""} {
		cfg := variants()[name]
		home := cfg.Pipeline.Environment
		all := rendered(t, cfg)
		given, _ := at(t, all[home+"/root.yaml"].Resources, contract.NestedPipeline, "Properties", "Parameters").(map[string]any)
		got := ""
		if m, ok := given[contract.KeyTopicARN].(map[string]any); ok {
			for intrinsic, of := range m {
				got = intrinsic + " " + of.(string)
			}
		}
		if _, there := all[home+"/pipeline.yaml"].Resources["FailureRule"]; got != want || there != (want != "") {
			t.Errorf("%s: the pipeline is given the topic %q, want %q; it has a rule: %v", name, got, want, there)
		}
	}
	for file, want := range map[string]string{
		"prod/pipeline.yaml": `{"detail":{"pipeline":[{"Ref":"Pipeline"}],"state":["FAILED"]},"detail-type":["CodePipeline Action Execution State Change"],"source":["aws.codepipeline"]}`,
		"prod/ecs.yaml":      `{"detail":{"eventName":["SERVICE_DEPLOYMENT_FAILED"]},"detail-type":["ECS Deployment State Change"],"resources":[{"Ref":"Service"}],"source":["aws.ecs"]}`,
	} {
		rule := at(t, rendered(t, variants()["email"])[file].Resources, "FailureRule", "Properties")
		pattern, _ := json.Marshal(at(t, rule, "EventPattern"))
		if string(pattern) != want {
			t.Errorf("%s: the rule is for %s", file, pattern)
		}
		transformer := at(t, rule, "Targets", 0, "InputTransformer")
		for name := range at(t, transformer, "InputPathsMap").(map[string]any) {
			if !strings.Contains(at(t, transformer, "InputTemplate").(string), "<"+name+">") {
				t.Errorf("%s: %s is taken out of the event and not said", file, name)
			}
		}
		if rule.(map[string]any)["RoleArn"] != nil {
			t.Errorf("%s: the rule has a role", file)
		}
	}
}

// The log group of Container Insights has their name for it, an end, and is there before the first task.
func TestInsights(t *testing.T) {
	for name, want := range map[string]string{"standard": "disabled", "insights": "enhanced"} {
		r := ecsOf(t, name).Resources
		if got := at(t, r, "Cluster", "Properties", "ClusterSettings", 0, "Value"); got != want {
			t.Errorf("%s: Container Insights are %v", name, got)
		}
		group := at(t, r, "InsightsLogGroup", "Properties")
		if at(t, group, "LogGroupName", "Sub") != "/aws/ecs/containerinsights/${Cluster}/performance" || at(t, group, "RetentionInDays") != logRetentionDays {
			t.Errorf("%s: their log group is %v", name, group)
		}
		if !slices.Contains(list(at(t, r, "Service", "DependsOn")), any("InsightsLogGroup")) {
			t.Errorf("%s: tasks may start before it", name)
		}
	}
}

// An alarm that does more than publish is none of ours.
func TestAlarmsOnlyPublish(t *testing.T) {
	a := deployed(t, standard())
	r := iampolicy.Request{Action: "cloudwatch:PutMetricAlarm", Resource: a.arn("cloudwatch", "alarm:"+a.name("prod/ecs.yaml", "CPUAlarm")),
		Context: map[string][]string{"cloudwatch:AlarmActions": {"arn:aws:automate:eu-west-1:ec2:terminate"}}}
	if iampolicy.Allowed(r, a.of(contract.FoundationTemplate, "PipelineExecutionRole")...) {
		t.Error("the pipeline can make an alarm that terminates an instance")
	}
}
