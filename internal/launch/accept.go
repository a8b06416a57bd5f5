package launch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	balancertypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	smithytime "github.com/aws/smithy-go/time"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/visit"
)

const (
	// acceptanceTimeout is how long the service may take to answer: a new load balancer's name is known only after a while.
	acceptanceTimeout = 5 * time.Minute
	// wrongTimeout is how long a service may answer, and wrongly, without a right answer between: it is stable by then, and all
	// that may still come is that a load balancer sends nothing more to the tasks before.
	wrongTimeout = 30 * time.Second
)

var errTooLate = errors.New("took too long")

// accept asks the service for its contract until every running task has been seen to answer; where slipway.yaml lists what
// to ask, that, as often as there are tasks. Where not everybody may connect, a task inside the VPC asks. Where that one may not
// either, the load balancer's health checks must succeed.
func (l *Launcher) accept(ctx context.Context, env config.Environment, root stack, tasks int) error {
	if tasks == 0 {
		return errors.New("acceptance failed: the service runs no task")
	}
	url := root.outputs[contract.KeyServiceURL]
	err := l.ask(ctx, env, root, tasks)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrInterrupted):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("%w while asking %s", ErrInterrupted, url)
	}
	return &refusedError{url, err}
}

// ask asks from here where that is possible, else from inside the VPC, and else it takes the health checks for a witness.
func (l *Launcher) ask(ctx context.Context, env config.Environment, root stack, tasks int) error {
	limited, cancel := context.WithTimeoutCause(ctx, l.patience, errTooLate)
	defer cancel()
	if !env.Entry.Restricted() {
		return l.asUsers(env, root).Answered(limited, tasks)
	}
	beside, why := true, fmt.Sprintf("lets in %v only", env.Entry.Allow)
	if env.Entry.Internal {
		var err error
		if beside, err = l.tasksAreBeside(limited, root); err != nil {
			return err
		}
		why = "is internal"
	}
	switch {
	case !beside:
		l.Progress.Line("%s is on this machine, and its tasks are not: it is asked from here", root.outputs[contract.KeyServiceURL])
		return l.asUsers(env, root).Answered(limited, tasks)
	case !hasVisitor(root):
		return l.healthy(limited, root, tasks, fmt.Sprintf("its load balancer %s, and this release has no task that asks from inside", why))
	case env.Entry.Behind():
		return l.visitBehind(ctx, limited, root, tasks, why)
	}
	return l.visit(ctx, root, fmt.Sprintf("%s %s: a task inside its VPC asks it", root.outputs[contract.KeyServiceURL], why),
		"-balancer", domainsBalancer(env, root), "-tasks", strconv.Itoa(tasks))
}

// refusedError says that a service runs, and does not answer as it must.
type refusedError struct {
	url string
	err error
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("acceptance of %s failed: %v", e.url, e.err)
}
func (e *refusedError) Unwrap() error { return e.err }

// wrongAtMost is how long answers may be wrong where so much time passes between two looks: the local engine, which is looked
// at often, does in seconds what takes AWS minutes.
func wrongAtMost(poll time.Duration) time.Duration {
	return min(wrongTimeout, max(wrongTimeout/6, 6*poll))
}

// asUsers is a visitor of an environment. A domain is asked of the load balancer itself, whatever DNS has for it by now: it
// must show a certificate for the domain, and answers a request for it.
func (l *Launcher) asUsers(env config.Environment, root stack) visit.Visitor {
	v := visit.Visitor{URL: root.outputs[contract.KeyServiceURL], Say: l.Progress.Line, Poll: l.Poll, Wrong: l.wrong}
	for _, check := range l.Config.Service.Acceptance {
		v.Checks = append(v.Checks, visit.Check(check))
	}
	v.Client = visit.NewClient(domainsBalancer(env, root), visit.Trusting(l.RootCAs))
	return v
}

// domainsBalancer is the load balancer to ask for a domain; empty where the URL names it.
func domainsBalancer(env config.Environment, root stack) string {
	if !env.Entry.HTTPS() {
		return ""
	}
	return root.outputs[contract.KeyLoadBalancerName]
}

// healthy waits until the load balancer's health checks succeed for every task: the witness where it does not let the
// launcher in.
func (l *Launcher) healthy(ctx context.Context, root stack, tasks int, why string) error {
	l.Progress.Line("%s cannot be reached from here: %s. No request is made; the load balancer's health checks are the witness", root.outputs[contract.KeyServiceURL], why)
	if _, err := l.healthyTargets(ctx, root, tasks); err != nil {
		return err
	}
	l.Progress.Line("%s: all %d tasks pass the health checks of %s", root.name, tasks, l.Config.Service.HealthPath)
	return nil
}

// healthyTargets waits until so many of a load balancer's targets, and all of them, pass its health checks; it returns their
// addresses, host:port.
func (l *Launcher) healthyTargets(ctx context.Context, root stack, tasks int) ([]string, error) {
	failure := errTooLate
	for {
		well, rest, err := l.targetHealth(ctx, root.outputs[contract.KeyTargetGroupARN])
		switch {
		case ctx.Err() != nil:
			return nil, failure
		case err != nil && !passing(err):
			return nil, fmt.Errorf("describe the health of its targets: %w", Explain(err))
		case err != nil:
			failure = err
		case len(well) < tasks || len(rest) > 0:
			failure = fmt.Errorf("%d of %d tasks pass the health checks of %s%s", len(well), tasks, l.Config.Service.HealthPath, strings.Join(rest, ""))
		default:
			return well, nil
		}
		if smithytime.SleepWithContext(ctx, l.Poll) != nil {
			return nil, failure
		}
	}
}

// targetHealth lists the healthy targets of a group and says what is wrong with the others; those that are leaving do not count.
func (l *Launcher) targetHealth(ctx context.Context, group string) (well, rest []string, err error) {
	out, err := l.aws.balancer.DescribeTargetHealth(ctx, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: aws.String(group)})
	if err != nil {
		return nil, nil, err
	}
	for _, t := range out.TargetHealthDescriptions {
		switch health := t.TargetHealth; health.State {
		case balancertypes.TargetHealthStateEnumHealthy:
			well = append(well, net.JoinHostPort(aws.ToString(t.Target.Id), strconv.Itoa(int(aws.ToInt32(t.Target.Port)))))
		case balancertypes.TargetHealthStateEnumDraining:
		default:
			rest = append(rest, fmt.Sprintf("\n  %s is %s: %s %s", aws.ToString(t.Target.Id), health.State, health.Reason, aws.ToString(health.Description)))
		}
	}
	return well, rest, nil
}
