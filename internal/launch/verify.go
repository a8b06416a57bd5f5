package launch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	smithytime "github.com/aws/smithy-go/time"

	"slipway/internal/config"
	"slipway/internal/contract"
)

var errNoService = errors.New("ECS has no such service")

// settleTimeout is how long a service may take to become stable after its stack is complete. CloudFormation has waited
// for it already; this catches what happened since.
const settleTimeout = 20 * time.Minute

// sureLooks is how often ECS must name another deployment before it is believed: for a moment it may tell what was
// (docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html, on eventual consistency).
const sureLooks = 3

// verify says whether the environment really runs what its stack says, and answers.
func (l *Launcher) verify(ctx context.Context, env config.Environment, root stack) error {
	if err := l.raiseCount(ctx, env, root); err != nil {
		return err
	}
	running, err := l.stable(ctx, root)
	if err != nil {
		return err
	}
	return l.accept(ctx, env, root, running)
}

// Accept asks an environment that is up for its contract.
func (l *Launcher) Accept(ctx context.Context, environment string) error {
	if err := l.check(DeployOptions{Environments: []string{environment}}); err != nil {
		return err
	}
	if err := l.identify(ctx, l.regionGiven); err != nil {
		return err
	}
	return l.askNow(ctx, environment)
}

// askNow asks an environment that has run, once its service is stable.
func (l *Launcher) askNow(ctx context.Context, environment string) error {
	root, err := l.describe(ctx, contract.EnvironmentStackName(l.Config.Name, environment))
	if err != nil {
		return err
	}
	if !hasRun(root) {
		return fmt.Errorf("environment %s is not up (stack %s: %s): deploy it first", environment, root.name, cmp.Or(string(root.status), "does not exist"))
	}
	running, err := l.stable(ctx, root)
	if err != nil {
		return err
	}
	return l.accept(ctx, l.environment(environment), root, running)
}

// stable waits until the service's deployment is the one that the stack names, complete, and every wanted task runs. It
// returns how many do. A stack may say complete while ECS has gone back to the version before.
func (l *Launcher) stable(ctx context.Context, root stack) (int, error) {
	w := newWatch(root)
	want := root.outputs[contract.KeyTaskDefinitionARN]
	deadline := time.Now().Add(settleTimeout)
	for others := 0; ; {
		s, err := l.service(ctx, w.target.Cluster, w.target.Service)
		switch {
		case ctx.Err() != nil:
			return 0, fmt.Errorf("%w while waiting for service %s; run the same command again", ErrInterrupted, w.target.Service)
		case err != nil && !passing(err):
			return 0, fmt.Errorf("describe service %s: %w", w.target.Service, err)
		case err == nil:
			primary := primaryOf(s)
			if primary != nil && aws.ToString(primary.TaskDefinition) != want {
				if others++; others < sureLooks {
					break
				}
				return 0, l.serviceFailed(ctx, w, fmt.Sprintf("service %s runs %s and not %s, which its stack names: ECS went back, or somebody deployed past the stack",
					w.target.Service, lastPart(aws.ToString(primary.TaskDefinition)), lastPart(want)))
			}
			if primary != nil && primary.RolloutState == types.DeploymentRolloutStateFailed {
				return 0, l.serviceFailed(ctx, w, fmt.Sprintf("the deployment of service %s failed: %s", w.target.Service, aws.ToString(primary.RolloutStateReason)))
			}
			if primary != nil && primary.RolloutState == types.DeploymentRolloutStateCompleted && s.RunningCount == s.DesiredCount && s.PendingCount == 0 {
				return int(s.RunningCount), nil
			}
		}
		if time.Now().After(deadline) {
			return 0, l.serviceFailed(ctx, w, fmt.Sprintf("service %s was not stable within %v", w.target.Service, settleTimeout))
		}
		if err := smithytime.SleepWithContext(ctx, l.Poll); err != nil {
			continue // the next look says that it was interrupted
		}
	}
}

func primaryOf(s types.Service) *types.Deployment {
	for i, d := range s.Deployments {
		if aws.ToString(d.Status) == "PRIMARY" {
			return &s.Deployments[i]
		}
	}
	return nil
}

func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// runningImage is the image of the task definition that the service uses now. A template or a record never decides it.
func (l *Launcher) runningImage(ctx context.Context, root stack) (string, error) {
	if !hasRun(root) {
		return "", fmt.Errorf("stack %s is not up, so there is no running image to keep: deploy without --image keep", root.name)
	}
	image, err := l.deployedImage(ctx, root)
	if err == nil && !contract.IsDigest(image) {
		err = fmt.Errorf("the service of stack %s runs no container %q with an image named by its digest (%q): somebody deployed past slipway; deploy without --image keep", root.name, contract.ContainerName, image)
	}
	return image, err
}

// deployedImage is the image in the task definition that the service uses now, however it is named; empty where that has none.
func (l *Launcher) deployedImage(ctx context.Context, root stack) (string, error) {
	s, err := l.service(ctx, root.outputs[contract.KeyClusterName], root.outputs[contract.KeyServiceName])
	if err != nil {
		return "", fmt.Errorf("ask which image runs: %w", err)
	}
	out, err := l.aws.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: s.TaskDefinition})
	if err == nil && out.TaskDefinition == nil {
		err = errors.New("the answer says nothing of its task definition")
	}
	if err != nil {
		return "", fmt.Errorf("ask which image runs: %w", Explain(err))
	}
	for _, c := range out.TaskDefinition.ContainerDefinitions {
		if aws.ToString(c.Name) == contract.ContainerName {
			return aws.ToString(c.Image), nil
		}
	}
	return "", nil
}
