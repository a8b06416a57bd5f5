package stacks

import (
	"fmt"

	"github.com/awslabs/goformation/v7/cloudformation/cloudwatch"
	"github.com/awslabs/goformation/v7/cloudformation/ecs"

	"slipway/internal/cfn"
)

// What alarms go by. Periods are seconds.
const (
	alarmMinute    = 60
	errorPercent   = 5  // of requests
	usagePercent   = 90 // of the tasks' CPU or memory
	usagePeriod    = 300
	usagePeriods   = 3
	troubleMinutes = 5 // how long a host may be unhealthy beyond what a starting one is given
)

// Namespaces of metrics.
const (
	balancerMetrics = "AWS/ApplicationELB"
	taskMetrics     = "AWS/ECS"
	insightsMetrics = "ECS/ContainerInsights"
	firewallMetrics = "AWS/WAFV2"
)

// measure is a metric of a resource of this stack.
type measure struct {
	namespace, name string
	of              []dimension
}

// dimension is one of them: its value as an intrinsic, and as text for Sub.
type dimension struct{ name, value, text string }

func attribute(name string, of cfn.Handle, attribute string) dimension {
	return dimension{name, of.Att(attribute), "${" + of.ID() + "." + attribute + "}"}
}

// ofBalancer is a metric of the load balancer, ofTargets of its way to the tasks, ofTasks of the service itself, ofFirewall of
// all rules of the web ACL.
func (s *service) ofBalancer(name string) measure {
	return measure{balancerMetrics, name, []dimension{attribute("LoadBalancer", s.balancer, "LoadBalancerFullName")}}
}

func (s *service) ofTargets(name string) measure {
	m := s.ofBalancer(name)
	m.of = append([]dimension{attribute("TargetGroup", s.targetGroup, "TargetGroupFullName")}, m.of...)
	return m
}

func (s *service) ofTasks(namespace, name string) measure {
	cluster := dimension{"ClusterName", s.cluster.Ref(), "${" + s.cluster.ID() + "}"}
	return measure{namespace, name, []dimension{cluster, attribute("ServiceName", s.ecsService, "Name")}}
}

func ofFirewall(name string) measure {
	return measure{firewallMetrics, name, []dimension{
		{"WebACL", cfn.StackName, "${AWS::StackName}"}, {"Region", cfn.Region, "${AWS::Region}"}, {"Rule", "ALL", "ALL"},
	}}
}

func (m measure) dimensions() []cloudwatch.Alarm_Dimension {
	var list []cloudwatch.Alarm_Dimension
	for _, d := range m.of {
		list = append(list, cloudwatch.Alarm_Dimension{Name: d.name, Value: d.value})
	}
	return list
}

// addDeploymentAlarm adds the alarm that also ends a deployment; the service names it, so it comes first. It is the errors
// that the tasks themselves answer with: nothing before the tasks, and no task that is only slow to start, can be the
// fault of a new version, and what does not start at all the circuit breaker sees.
func (s *service) addDeploymentAlarm() {
	s.errors = s.addErrorAlarm("TargetErrorAlarm", "requests that the tasks answer with 5xx", s.ofTargets("HTTPCode_Target_5XX_Count"), s.ofTargets("RequestCount"))
}

// deploymentAlarms roll a deployment back that makes the tasks answer with errors. ECS watches for some minutes after the
// last task, by the alarm's own periods, before it calls a deployment done, and leaves out an alarm that was on when the
// deployment began (docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html). Where there are none
// that is said, too: what an update leaves out keeps its value.
func (s *service) deploymentAlarms() *ecs.Service_DeploymentAlarms {
	if !s.env.Watch.Alarms {
		return &ecs.Service_DeploymentAlarms{AlarmNames: []string{}}
	}
	return &ecs.Service_DeploymentAlarms{AlarmNames: []string{s.errors.Ref()}, Enable: true, Rollback: true}
}

// addAlarms adds the rest, once the service is up, so that none goes off while it first starts.
func (s *service) addAlarms() {
	s.addErrorAlarm("BalancerErrorAlarm", "requests that the load balancer itself answers with 5xx", s.ofBalancer("HTTPCode_ELB_5XX_Count"), s.ofBalancer("RequestCount"), s.ecsService.ID())
	s.addLatencyAlarm()
	s.addHostAlarms()
	s.addUsageAlarm("CPUAlarm", "CPU", "CPUUtilization")
	s.addUsageAlarm("MemoryAlarm", "memory", "MemoryUtilization")
}

// addErrorAlarm goes off where errors are too large a part of the requests in two of three minutes. In a minute without
// errors, or without requests, there is no such number, and no fault.
func (s *service) addErrorAlarm(id, what string, errors, requests measure, dependsOn ...string) cfn.Handle {
	return s.addAlarm(id, cloudwatch.Alarm{
		AlarmDescription:   new(fmt.Sprintf("%s: more than %d %% of %s.", s.place(), errorPercent, what)),
		ComparisonOperator: "GreaterThanThreshold",
		Threshold:          new(float64(errorPercent)),
		EvaluationPeriods:  3,
		DatapointsToAlarm:  new(2),
		TreatMissingData:   new("notBreaching"),
		Metrics: []cloudwatch.Alarm_MetricDataQuery{
			{Id: "share", Expression: new("100 * errors / requests"), Label: new("percent of requests")},
			minutely("errors", "Sum", errors),
			minutely("requests", "Sum", requests),
		},
		AWSCloudFormationDependsOn: dependsOn,
	})
}

// minutely is a metric that an expression names.
func minutely(id, stat string, m measure) cloudwatch.Alarm_MetricDataQuery {
	return cloudwatch.Alarm_MetricDataQuery{Id: id, ReturnData: new(false), MetricStat: &cloudwatch.Alarm_MetricStat{
		Metric: &cloudwatch.Alarm_Metric{Namespace: new(m.namespace), MetricName: new(m.name), Dimensions: m.dimensions()},
		Period: alarmMinute, Stat: stat,
	}}
}

// addLatencyAlarm goes by the slowest of a hundred requests, in three of five minutes. The metric is in seconds; cfripper knows
// no threshold but a whole number.
func (s *service) addLatencyAlarm() {
	s.addAlarm("LatencyAlarm", cloudwatch.Alarm{
		AlarmDescription:   new(fmt.Sprintf("%s: one of a hundred requests takes more than %d ms.", s.place(), s.env.Watch.Latency)),
		ComparisonOperator: "GreaterThanThreshold",
		Threshold:          new(float64(s.env.Watch.Latency)),
		EvaluationPeriods:  5,
		DatapointsToAlarm:  new(3),
		TreatMissingData:   new("notBreaching"),
		Metrics: []cloudwatch.Alarm_MetricDataQuery{
			{Id: "milliseconds", Expression: new("1000 * latency"), Label: new("ms")},
			minutely("latency", "p99", s.ofTargets("TargetResponseTime")),
		},
		AWSCloudFormationDependsOn: []string{s.ecsService.ID()},
	})
}

// addHostAlarms tell of hosts that stay unhealthy for longer than a starting one may be, and of the service being down:
// with no target at all there is no number either.
func (s *service) addHostAlarms() {
	starting := (s.cfg.Service.HealthGrace + alarmMinute - 1) / alarmMinute
	for _, a := range []struct {
		id, what, metric, comparison, missing string
		minutes                               int
	}{
		{"UnhealthyHostAlarm", "a task stays unhealthy", "UnHealthyHostCount", "GreaterThanOrEqualToThreshold", "notBreaching", starting + troubleMinutes},
		{"NoHealthyHostAlarm", "no task is healthy, the service is down", "HealthyHostCount", "LessThanThreshold", "breaching", 2},
	} {
		hosts := s.ofTargets(a.metric)
		s.addAlarm(a.id, cloudwatch.Alarm{
			AlarmDescription:           new(s.place() + ": " + a.what + "."),
			Namespace:                  new(hosts.namespace),
			MetricName:                 new(hosts.name),
			Dimensions:                 hosts.dimensions(),
			Statistic:                  new("Maximum"),
			ComparisonOperator:         a.comparison,
			Threshold:                  new(1.0),
			Period:                     new(alarmMinute),
			EvaluationPeriods:          a.minutes,
			TreatMissingData:           new(a.missing),
			AWSCloudFormationDependsOn: []string{s.ecsService.ID()},
		})
	}
}

// addUsageAlarm tells that the tasks are too small, or that there are too few and no scaling helps any more.
func (s *service) addUsageAlarm(id, what, metric string) {
	usage := s.ofTasks(taskMetrics, metric)
	s.addAlarm(id, cloudwatch.Alarm{
		AlarmDescription:   new(fmt.Sprintf("%s: the tasks use more than %d %% of their %s for %d minutes.", s.place(), usagePercent, what, usagePeriod*usagePeriods/alarmMinute)),
		Namespace:          new(usage.namespace),
		MetricName:         new(usage.name),
		Dimensions:         usage.dimensions(),
		Statistic:          new("Average"),
		ComparisonOperator: "GreaterThanThreshold",
		Threshold:          new(float64(usagePercent)),
		Period:             new(usagePeriod),
		EvaluationPeriods:  usagePeriods,
		TreatMissingData:   new("notBreaching"),
	})
}

// addAlarm adds an alarm that tells when it goes off and when it is over, where somebody is told.
func (s *service) addAlarm(id string, a cloudwatch.Alarm) cfn.Handle {
	if s.topic != "" {
		a.AlarmActions, a.OKActions = []string{s.topic}, []string{s.topic}
	}
	handle := s.t.Add(id, &a)
	s.alarms = append(s.alarms, handle)
	return handle
}

// place begins what alarms say.
func (s *service) place() string { return s.cfg.Name + " " + s.env.Name }
