package launch

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	balancertypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/residue"
)

// protect gives a root the termination protection that slipway.yaml asks for, or takes it off; nested stacks follow their
// root. A template cannot do that.
func (l *Launcher) protect(ctx context.Context, env config.Environment, root stack, o DeployOptions) error {
	if root.protected == env.Protected {
		return nil
	}
	word := map[bool]string{true: "on", false: "off"}[env.Protected]
	if o.ByPipeline {
		l.Progress.Line("%s: a person turns termination protection %s: run ./scripts/deploy.sh --environment %s --image keep", root.name, word, env.Name)
		return nil
	}
	return l.setProtection(ctx, root, env.Protected)
}

func (l *Launcher) setProtection(ctx context.Context, root stack, on bool) error {
	word := map[bool]string{true: "on", false: "off"}[on]
	_, err := l.aws.stacks.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{
		StackName: aws.String(root.name), EnableTerminationProtection: aws.Bool(on),
	})
	if err != nil {
		return fmt.Errorf("turn the termination protection of stack %s %s: %w", root.name, word, Explain(err))
	}
	l.Progress.Line("%s: termination protection is %s", root.name, word)
	return nil
}

// guards says whether an environment is protected: by its stack, or by slipway.yaml where it is up.
func (l *Launcher) guards(s stack) bool {
	return s.protected || hasRun(s) && slices.ContainsFunc(l.Config.Environments, func(env config.Environment) bool {
		return env.Protected && s.name == contract.EnvironmentStackName(l.Config.Name, env.Name)
	})
}

// mayGo refuses to delete what is protected, unless its name was given for it, in the options or by a person who is asked.
func (r *removal) mayGo(stacks []stack) (asked bool, err error) {
	for _, s := range stacks {
		name := r.environmentOf(s)
		switch err := r.guarded(s); {
		case err == nil:
		case name == "" || r.ConfirmName == nil:
			return asked, err
		default:
			if err := r.ConfirmName(name); err != nil {
				return asked, err
			}
			r.Protected, asked = append(slices.Clip(r.Protected), name), true
		}
	}
	return asked, nil
}

// guarded says why a stack may not be deleted, where its name was not given.
func (r *removal) guarded(s stack) error {
	name := r.environmentOf(s)
	switch {
	case !r.guards(s) || name != "" && slices.Contains(r.Protected, name):
		return nil
	case name == "":
		return fmt.Errorf("stack %s has termination protection, which slipway has not given it: take that off first (aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name %[1]s)", s.name)
	}
	return fmt.Errorf("environment %s is protected (stack %s): where it is meant to go, type its name at a terminal, or add --protected %[1]s", name, s.name)
}

// replacesProtected refuses a change after which CloudFormation could not delete the former load balancer: it would stay, in no
// stack, and cost money.
func replacesProtected(stack string, balancers []string) error {
	return fmt.Errorf("stack %s is protected, and this change replaces %s, of which the former could not be deleted: say `protected: false` in slipway.yaml without this change, run `go run ./gen` and ./scripts/deploy.sh --image keep, then make the change, and protect the environment again",
		stack, strings.Join(balancers, ", "))
}

const (
	balancerType   = "AWS::ElasticLoadBalancingV2::LoadBalancer"
	bucketType     = "AWS::S3::Bucket"
	pipelineType   = "AWS::CodePipeline::Pipeline"
	definitionType = "AWS::ECS::TaskDefinition"
)

// release readies a stack's load balancers for their deletion: with deletion protection it would fail, and with access logs
// they would write into a bucket that is being emptied. What cannot be done is said; the deletion goes on, and says the rest.
func (l *Launcher) release(ctx context.Context, s stack) error {
	resources, err := l.tree(ctx, s.id, s.name)
	if err != nil {
		return err
	}
	for _, balancer := range resources {
		if balancer.Type != balancerType {
			continue
		}
		off := []balancertypes.LoadBalancerAttribute{{Key: aws.String("deletion_protection.enabled"), Value: aws.String("false")}}
		if slices.ContainsFunc(resources, func(r residue.Resource) bool { return r.Type == bucketType && r.StackName == balancer.StackName }) {
			off = append(off, balancertypes.LoadBalancerAttribute{Key: aws.String("access_logs.s3.enabled"), Value: aws.String("false")})
		}
		_, err := l.aws.balancer.ModifyLoadBalancerAttributes(ctx, &elasticloadbalancingv2.ModifyLoadBalancerAttributesInput{
			LoadBalancerArn: aws.String(balancer.PhysicalID), Attributes: off,
		})
		if err != nil && !is(err, notFound) {
			l.Progress.Line("could not turn off deletion protection and access logs of load balancer %s: %v", balancer.PhysicalID, err)
		}
	}
	return nil
}
