package launch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"slipway/internal/contract"
)

// visitStart is how long a task may take until it asks, and from its last question until it is seen to have ended.
const visitStart = 5 * time.Minute

// visitor is the task that asks where not everybody may.
func (l *Launcher) visitor(root stack) oneTask {
	return oneTask{
		l: l, root: root, cluster: root.outputs[contract.KeyClusterName], definition: root.outputs[contract.KeyVisitorTaskDefinitionARN],
		group: root.outputs[contract.KeyVisitorSecurityGroupID], timeout: l.patience + l.visiting,
		job: job{
			what: "acceptance task", stream: contract.VisitorStreamPrefix,
			after: "the same command asks again", limit: "an acceptance may", late: "VisitTimedOut",
			failed: "the task that asks from inside the VPC %s", refusal: "AcceptanceRefused: the service does not answer as it must",
		},
	}
}

// visitorImage is the image of the task that asks, made of the source that this image was made of; the image itself where there
// is none, as of a release from before there were such tasks, or before the load balancer was internal.
func (l *Launcher) visitorImage(ctx context.Context, f foundation, image string) (string, error) {
	digest, err := digestOfReference(f, image)
	if err != nil {
		return "", err
	}
	if digest == unbuilt {
		return image, nil
	}
	tags, err := l.tagsOf(ctx, f, digest)
	if err != nil {
		return "", err
	}
	identity := contract.SourceTag(tags)
	if identity == "" {
		return image, nil
	}
	if digest, err = l.digestOf(ctx, f, contract.VisitorTag(identity)); err != nil || digest == "" {
		return image, err
	}
	return f.repositoryURI + "@" + digest, nil
}

// hasVisitor says whether a release has a task that asks, of an image that can.
func hasVisitor(root stack) bool {
	return root.outputs[contract.KeyVisitorTaskDefinitionARN] != "" && root.parameters[contract.KeyVisitorImageURI] != root.parameters[contract.KeyImageURI]
}

// visitBehind has the tasks asked, each at its own address, where the load balancer lets in neither the launcher nor what is in its VPC.
func (l *Launcher) visitBehind(ctx, limited context.Context, root stack, tasks int, why string) error {
	addresses, err := l.healthyTargets(limited, root, tasks)
	if err != nil {
		return err
	}
	var command []string
	for _, address := range addresses {
		command = append(command, "-task", address)
	}
	return l.visit(ctx, root, fmt.Sprintf("%s %s: a task inside its VPC asks each of the tasks behind its load balancer, which pass the health checks of %s",
		root.outputs[contract.KeyServiceURL], why, l.Config.Service.HealthPath), command...)
}

// visit runs the task that asks, after saying so. One of a run that was cut off is followed where it asks the same release.
func (l *Launcher) visit(ctx context.Context, root stack, begins string, command ...string) error {
	t := l.visitor(root)
	t.begins = begins
	t.command = append([]string{
		"-url", root.outputs[contract.KeyServiceURL], "-patience", l.patience.String(), "-wrong", l.wrong.String(), "-poll", l.Poll.String(),
	}, command...)
	living, err := t.living(ctx)
	if err != nil {
		return err
	}
	for _, task := range living {
		if aws.ToString(task.TaskDefinitionArn) == t.definition && aws.ToString(task.DesiredStatus) == string(ecstypes.DesiredStatusRunning) {
			l.Progress.Line("%s: the task %s of a run that was cut off still asks: following it", root.name, lastPart(aws.ToString(task.TaskArn)))
			return t.withLog().follow(ctx, task)
		}
	}
	task, err := t.start(ctx)
	if err != nil {
		return err
	}
	return t.withLog().follow(ctx, task)
}

// tasksAreBeside says whether a task can reach the load balancer: always, unless the balancer is on this machine's loopback and
// the tasks are not.
func (l *Launcher) tasksAreBeside(ctx context.Context, root stack) (bool, error) {
	name := root.outputs[contract.KeyLoadBalancerName]
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	if name != "localhost" && !onLoopback(name) {
		return true, nil
	}
	out, err := l.aws.balancer.DescribeTargetHealth(ctx, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: aws.String(root.outputs[contract.KeyTargetGroupARN])})
	if err != nil {
		return false, Explain(err)
	}
	var addresses []string
	for _, t := range out.TargetHealthDescriptions {
		addresses = append(addresses, aws.ToString(t.Target.Id))
	}
	return !slices.ContainsFunc(addresses, func(a string) bool { return !onLoopback(a) }), nil
}

func onLoopback(address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && ip.IsLoopback()
}
