package stacks

import (
	"slipway/internal/cfn"
)

// insights are Container Insights with each task's own numbers, or none: what is off is said too, since an account can have
// them on by default (docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ClusterSetting.html).
func (s *service) insights() string {
	if s.env.Watch.Insights {
		return "enhanced"
	}
	return "disabled"
}

func (s *service) clusterFindings() []finding {
	if s.env.Watch.Insights {
		return nil
	}
	return []finding{noInsights}
}

// addInsightsLogGroup adds the group that Container Insights would make by themselves, without an end to what they keep and
// past the stack's own, under the name that they write to
// (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-reference-performance-logs-ECS.html). It is
// there before the first task, and without them as well, empty: made together with them it could come too late, and gone
// together with them they would bring it back.
func (s *service) addInsightsLogGroup() cfn.Handle {
	group := logGroup(s.key)
	group.LogGroupName = new(cfn.Sub(insightsLogs + "${" + s.cluster.ID() + "}/performance"))
	return s.t.Add("InsightsLogGroup", group)
}

const insightsLogs = "/aws/ecs/containerinsights/"
