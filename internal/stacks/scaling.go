package stacks

import (
	"github.com/awslabs/goformation/v7/cloudformation/applicationautoscaling"

	"slipway/internal/cfn"
)

func (s *service) addScaling() {
	target := s.t.Add("ScalableTarget", &applicationautoscaling.ScalableTarget{
		ServiceNamespace:  "ecs",
		ScalableDimension: "ecs:service:DesiredCount",
		ResourceId:        cfn.Sub("service/${" + s.cluster.ID() + "}/${" + s.ecsService.ID() + ".Name}"),
		MinCapacity:       s.env.Tasks.Min,
		MaxCapacity:       s.env.Tasks.Max,
	})
	s.t.Add("CPUScalingPolicy", &applicationautoscaling.ScalingPolicy{
		PolicyName:      "cpu",
		PolicyType:      "TargetTrackingScaling",
		ScalingTargetId: new(target.Ref()),
		TargetTrackingScalingPolicyConfiguration: &applicationautoscaling.ScalingPolicy_TargetTrackingScalingPolicyConfiguration{
			PredefinedMetricSpecification: &applicationautoscaling.ScalingPolicy_PredefinedMetricSpecification{
				PredefinedMetricType: "ECSServiceAverageCPUUtilization",
			},
			TargetValue:      float64(s.env.Tasks.ScaleOnCPU),
			ScaleInCooldown:  new(300),
			ScaleOutCooldown: new(60),
		},
	})
}
