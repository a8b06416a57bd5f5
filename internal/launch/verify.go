package launch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/evidence"
)

var errNoService = errors.New("ECS has no such service")

const (
	// settleTimeout is how long a service may take to become stable after its stack is complete. CloudFormation has waited
	// for it already; this catches what happened since.
	settleTimeout = 20 * time.Minute
	// acceptanceTimeout is how long the URL may take to answer: a new load balancer's name is known only after a while.
	acceptanceTimeout = 5 * time.Minute
	// answerLimit is how much of an answer is read.
	answerLimit = 64 << 10
)

// verify says whether the environment really runs what its stack says, and answers.
func (l *Launcher) verify(ctx context.Context, env config.Environment, root stack) error {
	if err := l.raiseCount(ctx, env, root); err != nil {
		return err
	}
	running, err := l.stable(ctx, root)
	if err != nil {
		return err
	}
	return l.accept(ctx, root.outputs[contract.KeyServiceURL], running)
}

// Accept asks an environment that is up for its contract.
func (l *Launcher) Accept(ctx context.Context, environment string) error {
	if err := l.check(DeployOptions{Environments: []string{environment}}); err != nil {
		return err
	}
	if err := l.identify(ctx, l.regionGiven); err != nil {
		return err
	}
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
	return l.accept(ctx, root.outputs[contract.KeyServiceURL], running)
}

// raiseCount lifts a scaled service to its minimum. Its template leaves the count out, so that an update never resets
// the scaler; a new service then starts with one task, and the scaler lifts it only at its next alarm.
func (l *Launcher) raiseCount(ctx context.Context, env config.Environment, root stack) error {
	if env.Tasks.Max <= env.Tasks.Min {
		return nil
	}
	cluster, name := root.outputs[contract.KeyClusterName], root.outputs[contract.KeyServiceName]
	s, err := l.service(ctx, cluster, name)
	if err != nil {
		return fmt.Errorf("describe service %s: %w", name, err)
	}
	if int(s.DesiredCount) >= env.Tasks.Min {
		return nil
	}
	l.report.line("%s: raising the service from %d to its minimum of %d tasks", root.name, s.DesiredCount, env.Tasks.Min)
	_, err = l.aws.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: aws.String(cluster), Service: aws.String(name), DesiredCount: aws.Int32(int32(env.Tasks.Min))})
	if err != nil {
		return fmt.Errorf("raise the task count of service %s: %w", name, explain(err))
	}
	return nil
}

// stable waits until the service's deployment is the one that the stack names, complete, and every wanted task runs. It
// returns how many do. A stack may say complete while ECS has gone back to the version before.
func (l *Launcher) stable(ctx context.Context, root stack) (int, error) {
	w := newWatch(root)
	want := root.outputs[contract.KeyTaskDefinitionARN]
	deadline := time.Now().Add(settleTimeout)
	for {
		s, err := l.service(ctx, w.target.Cluster, w.target.Service)
		switch {
		case ctx.Err() != nil:
			return 0, fmt.Errorf("%w while waiting for service %s; run the same command again", ErrInterrupted, w.target.Service)
		case err != nil && !passing(err):
			return 0, fmt.Errorf("describe service %s: %w", w.target.Service, err)
		case err == nil:
			primary := primaryOf(s)
			if primary != nil && aws.ToString(primary.TaskDefinition) != want {
				return 0, l.serviceFailure(ctx, w, fmt.Sprintf("service %s runs %s and not %s, which its stack names: ECS went back, or somebody deployed past the stack",
					w.target.Service, lastPart(aws.ToString(primary.TaskDefinition)), lastPart(want)))
			}
			if primary != nil && primary.RolloutState == types.DeploymentRolloutStateFailed {
				return 0, l.serviceFailure(ctx, w, fmt.Sprintf("the deployment of service %s failed: %s", w.target.Service, aws.ToString(primary.RolloutStateReason)))
			}
			if primary != nil && primary.RolloutState == types.DeploymentRolloutStateCompleted && s.RunningCount == s.DesiredCount && s.PendingCount == 0 {
				return int(s.RunningCount), nil
			}
		}
		if time.Now().After(deadline) {
			return 0, l.serviceFailure(ctx, w, fmt.Sprintf("service %s was not stable within %v", w.target.Service, settleTimeout))
		}
		if err := pause(ctx, l.Poll); err != nil {
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

func (l *Launcher) serviceFailure(ctx context.Context, w *watch, what string) error {
	lines := append([]string{what}, evidence.Collect(ctx, l.aws.evidence(), w.target).Explain()...)
	return errors.New(strings.Join(lines, "\n"))
}

// runningImage is the image of the task definition that the service uses now. A template or a record never decides it.
func (l *Launcher) runningImage(ctx context.Context, root stack) (string, error) {
	if !hasRun(root) {
		return "", fmt.Errorf("stack %s is not up, so there is no running image to keep: deploy without --image keep", root.name)
	}
	s, err := l.service(ctx, root.outputs[contract.KeyClusterName], root.outputs[contract.KeyServiceName])
	if err != nil {
		return "", fmt.Errorf("ask which image runs: %w", err)
	}
	out, err := l.aws.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: s.TaskDefinition})
	if err != nil {
		return "", fmt.Errorf("ask which image runs: %w", explain(err))
	}
	for _, c := range out.TaskDefinition.ContainerDefinitions {
		if image := aws.ToString(c.Image); aws.ToString(c.Name) == contract.ContainerName && contract.IsDigest(image) {
			return image, nil
		}
	}
	return "", fmt.Errorf("the task definition %s has no container %q with an image named by its digest: somebody deployed past slipway; deploy without --image keep", lastPart(aws.ToString(s.TaskDefinition)), contract.ContainerName)
}

// accept asks the service for its contract until every running task has been seen to answer.
func (l *Launcher) accept(ctx context.Context, url string, tasks int) error {
	if tasks == 0 {
		return errors.New("acceptance failed: the service runs no task")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, acceptanceTimeout, errTooLate)
	defer cancel()
	var last error
	seen := map[string]bool{}
	for len(seen) < tasks || last != nil {
		host, err := l.contractHolds(ctx, url)
		if last = err; err == nil {
			seen[host] = true
			continue
		}
		if err := pause(ctx, l.Poll); err != nil {
			break
		}
	}
	switch {
	case last == nil && len(seen) >= tasks:
		l.report.line("%s answers, from all %d tasks", url, tasks)
		return nil
	case ctx.Err() != nil && !errors.Is(context.Cause(ctx), errTooLate):
		return fmt.Errorf("%w while asking %s", ErrInterrupted, url)
	case last != nil:
		return fmt.Errorf("acceptance of %s failed: %w", url, last)
	}
	return fmt.Errorf("acceptance of %s failed: %d of %d running tasks answered within %v", url, len(seen), tasks, acceptanceTimeout)
}

var errTooLate = errors.New("took too long")

// contractHolds requests what the service promises, once, and returns the host that answered.
func (l *Launcher) contractHolds(ctx context.Context, url string) (string, error) {
	host, err := l.get(ctx, url+"/", "text/plain")
	if err != nil {
		return "", err
	}
	text := strings.TrimSuffix(string(host), "\n")
	if text == "" || strings.Contains(text, "\n") {
		return "", fmt.Errorf("GET %s/ answered %q: want one line with the hostname", url, text)
	}
	body, err := l.get(ctx, url+"/time", "application/json")
	if err != nil {
		return "", err
	}
	var answer struct {
		Message   *string `json:"message"`
		Timestamp *int64  `json:"timestamp"`
	}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&answer); err != nil || answer.Message == nil || answer.Timestamp == nil || *answer.Message != "Automation for the People" {
		return "", fmt.Errorf(`GET %s/time answered %q: want {"message":"Automation for the People","timestamp":<unix seconds>}`, url, body)
	}
	return text, nil
}

// get requests one URL and returns its body; anything but 200 with the wanted content type is an error.
func (l *Launcher) get(ctx context.Context, url, contentType string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", url, err)
	}
	answer, err := l.HTTP.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerLimit))
	switch {
	case err != nil:
		return nil, fmt.Errorf("GET %s: %w", url, err)
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("GET %s answered %s", url, answer.Status)
	case !strings.HasPrefix(answer.Header.Get("Content-Type"), contentType):
		return nil, fmt.Errorf("GET %s answered %q, want %s", url, answer.Header.Get("Content-Type"), contentType)
	}
	return body, nil
}
