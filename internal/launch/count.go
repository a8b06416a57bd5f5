package launch

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"slipway/internal/config"
	"slipway/internal/contract"
)

// raiseCount lifts a scaled service to its minimum. Its template leaves the count out, so that an update never resets
// the scaler; a new service then starts with one task, and the scaler lifts it only at its next alarm.
func (l *Launcher) raiseCount(ctx context.Context, env config.Environment, root stack) error {
	if !env.Tasks.Scales() {
		return nil
	}
	cluster, name := root.outputs[contract.KeyClusterName], root.outputs[contract.KeyServiceName]
	s, err := l.service(ctx, cluster, name)
	if err != nil {
		return fmt.Errorf("describe service %s: %w", name, err)
	}
	least, err := l.leastTasks(ctx, cluster, name)
	if err != nil {
		return fmt.Errorf("ask for the least number of tasks of service %s: %w", name, Explain(err))
	}
	if s.DesiredCount >= least {
		return nil
	}
	l.Progress.Line("%s: raising the service from %d to its minimum of %d tasks", root.name, s.DesiredCount, least)
	_, err = l.aws.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: aws.String(cluster), Service: aws.String(name), DesiredCount: aws.Int32(least)})
	if err != nil {
		return fmt.Errorf("raise the task count of service %s: %w", name, Explain(err))
	}
	return nil
}

// leastTasks is the minimum that holds now, which a schedule may have changed since the template was applied.
func (l *Launcher) leastTasks(ctx context.Context, cluster, service string) (int32, error) {
	id := "service/" + cluster + "/" + service
	out, err := l.aws.scaling.DescribeScalableTargets(ctx, &applicationautoscaling.DescribeScalableTargetsInput{
		ServiceNamespace: types.ServiceNamespaceEcs, ResourceIds: []string{id}, ScalableDimension: types.ScalableDimensionECSServiceDesiredCount,
	})
	if err != nil {
		return 0, err
	}
	for _, target := range out.ScalableTargets {
		if aws.ToString(target.ResourceId) == id {
			return aws.ToInt32(target.MinCapacity), nil
		}
	}
	return 0, fmt.Errorf("%s is not registered with Application Auto Scaling, as its template has it: deploy again with a change, or register it by hand", id)
}
