package launch

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"slipway/internal/contract"
	"slipway/internal/evidence"
	"slipway/internal/progress"
)

// watch keeps an eye on the service while a stack changes. What explains a failure is collected at the first sign of
// trouble: a rollback deletes service, cluster and logs within seconds.
type watch struct {
	target evidence.Target
	place  string // the service's, in the tree
	found  evidence.Evidence
	last   time.Time
}

// newWatch starts with what an existing stack already tells; a new stack's events tell the rest.
func newWatch(s stack) *watch {
	return &watch{target: evidence.Target{
		Cluster: s.outputs[contract.KeyClusterName], Service: s.outputs[contract.KeyServiceName],
		TargetGroupARN: s.outputs[contract.KeyTargetGroupARN], LogGroup: s.outputs[contract.KeyLogGroupName],
		ContainerName: contract.ContainerName,
	}}
}

// see learns from an event which resources there are.
func (w *watch) see(e event) {
	switch e.kind {
	case "AWS::ECS::Cluster":
		set(&w.target.Cluster, e.physicalID)
	case "AWS::ElasticLoadBalancingV2::TargetGroup":
		set(&w.target.TargetGroupARN, e.physicalID)
	case "AWS::Logs::LogGroup":
		if e.logicalID == "LogGroup" {
			set(&w.target.LogGroup, e.physicalID)
		}
	case "AWS::ECS::Service":
		set(&w.target.Service, e.physicalID)
		w.place = e.place()
	}
}

func set(s *string, value string) {
	if value != "" {
		*s = value
	}
}

// look collects evidence where the service is in trouble, or where something has failed; it never fails itself.
func (w *watch) look(ctx context.Context, l *Launcher, failed bool) {
	if w.target.Service == "" || w.target.Cluster == "" || time.Since(w.last) < l.Poll {
		return
	}
	if !l.inTrouble(ctx, w) && !failed {
		return
	}
	w.last = time.Now()
	w.found = evidence.Merge(w.found, evidence.Collect(ctx, l.aws.evidence(), w.target))
}

// inTrouble says whether the service has lost a task in the deployment that runs, which it shows.
func (l *Launcher) inTrouble(ctx context.Context, w *watch) bool {
	t := w.target
	s, err := l.service(ctx, t.Cluster, t.Service)
	if err != nil {
		return false
	}
	l.Progress.Service(w.place, tasksOf(s))
	for _, d := range s.Deployments {
		if d.FailedTasks > 0 || d.RolloutState == ecstypes.DeploymentRolloutStateFailed {
			return true
		}
	}
	for _, e := range s.Events[:min(len(s.Events), 5)] {
		message := aws.ToString(e.Message)
		if aws.ToTime(e.CreatedAt).Before(t.Since) {
			break // newest first
		}
		if strings.Contains(message, "unable to") || strings.Contains(message, "unhealthy") || strings.Contains(message, "failed") {
			return true
		}
	}
	return false
}

// tasksOf is how far a service's newest deployment is.
func tasksOf(s ecstypes.Service) progress.Tasks {
	tasks := progress.Tasks{Running: int(s.RunningCount), Pending: int(s.PendingCount), Desired: int(s.DesiredCount)}
	if newest := primaryOf(s); newest != nil {
		tasks.Failed, tasks.Rollout = int(newest.FailedTasks), string(newest.RolloutState)
	}
	return tasks
}

// service asks ECS for one service.
func (l *Launcher) service(ctx context.Context, cluster, name string) (ecstypes.Service, error) {
	out, err := l.aws.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String(cluster), Services: []string{name}})
	if err != nil {
		return ecstypes.Service{}, Explain(err)
	}
	if len(out.Services) == 0 {
		return ecstypes.Service{}, errNoService
	}
	return out.Services[0], nil
}
