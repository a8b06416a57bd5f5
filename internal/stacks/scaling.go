package stacks

import (
	"fmt"

	"github.com/awslabs/goformation/v7/cloudformation/applicationautoscaling"

	"slipway/internal/cfn"
	"slipway/internal/config"
)

// Cooldowns, in seconds. More tasks come as soon as the metric has had a minute to see the last ones; fewer only after five,
// AWS's own value for ECS services, since a wave that comes back finds its tasks gone
// (docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html).
const (
	scaleInCooldown  = 300
	scaleOutCooldown = 60
)

// addScaling follows every target that slipway.yaml sets: tasks are added where one of them asks for more, and taken away
// where all of them allow it (docs.aws.amazon.com/AmazonECS/latest/developerguide/service-autoscaling-targettracking.html).
// The service, which everything here needs, depends on the listener's rule, so the target group has its load balancer by
// the time that requests to it are counted.
func (s *service) addScaling() {
	target := s.t.Add("ScalableTarget", &applicationautoscaling.ScalableTarget{
		ServiceNamespace:  "ecs",
		ScalableDimension: "ecs:service:DesiredCount",
		ResourceId:        cfn.Sub("service/${" + s.cluster.ID() + "}/${" + s.ecsService.ID() + ".Name}"),
		MinCapacity:       s.env.Tasks.Min,
		MaxCapacity:       s.env.Tasks.Max,
		ScheduledActions:  scheduledActions(s.env.Tasks.Schedule),
	})
	requests := metric("ALBRequestCountPerTarget")
	requests.ResourceLabel = new(cfn.Sub("${" + s.balancer.ID() + ".LoadBalancerFullName}/${" + s.targetGroup.ID() + ".TargetGroupFullName}"))
	for _, p := range []struct {
		id, name string
		target   int
		metric   *applicationautoscaling.ScalingPolicy_PredefinedMetricSpecification
	}{
		{"CPUScalingPolicy", "cpu", s.env.Tasks.ScaleOnCPU, metric("ECSServiceAverageCPUUtilization")},
		{"MemoryScalingPolicy", "memory", s.env.Tasks.ScaleOnMemory, metric("ECSServiceAverageMemoryUtilization")},
		{"RequestScalingPolicy", "requests", s.env.Tasks.ScaleOnRequests, requests},
	} {
		if p.target == 0 {
			continue
		}
		s.t.Add(p.id, &applicationautoscaling.ScalingPolicy{
			PolicyName:      p.name,
			PolicyType:      "TargetTrackingScaling",
			ScalingTargetId: new(target.Ref()),
			TargetTrackingScalingPolicyConfiguration: &applicationautoscaling.ScalingPolicy_TargetTrackingScalingPolicyConfiguration{
				PredefinedMetricSpecification: p.metric,
				TargetValue:                   float64(p.target),
				ScaleInCooldown:               new(scaleInCooldown),
				ScaleOutCooldown:              new(scaleOutCooldown),
			},
		})
	}
}

func metric(kind string) *applicationautoscaling.ScalingPolicy_PredefinedMetricSpecification {
	return &applicationautoscaling.ScalingPolicy_PredefinedMetricSpecification{PredefinedMetricType: kind}
}

// scheduledActions set other bounds at their times. An update that changes the target's own bounds brings these back until
// the next time comes.
func scheduledActions(schedule []config.Schedule) []applicationautoscaling.ScalableTarget_ScheduledAction {
	var actions []applicationautoscaling.ScalableTarget_ScheduledAction
	for i, at := range schedule {
		action := applicationautoscaling.ScalableTarget_ScheduledAction{
			ScheduledActionName: fmt.Sprintf("schedule-%d", i+1),
			Schedule:            at.At,
			ScalableTargetAction: &applicationautoscaling.ScalableTarget_ScalableTargetAction{
				MinCapacity: new(at.Min), MaxCapacity: new(at.Max),
			},
		}
		if at.Timezone != "" { // otherwise UTC
			action.Timezone = new(at.Timezone)
		}
		actions = append(actions, action)
	}
	return actions
}
