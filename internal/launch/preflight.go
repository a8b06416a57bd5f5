package launch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithytime "github.com/aws/smithy-go/time"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/ec2query"
	"slipway/internal/preflight"
	"slipway/internal/regions"
)

// ErrNoCredentials says that the SDK found nothing to sign with.
var ErrNoCredentials = errors.New("no AWS credentials")

// identify finds out who asks, once the Region has passed its check, and prints account and Region before anything is changed.
func (l *Launcher) identify(ctx context.Context, checkRegion func() error) error {
	if l.AWS.Credentials == nil {
		return ErrNoCredentials
	}
	_, err := l.AWS.Credentials.Retrieve(ctx)
	if _, ended := errors.AsType[*ssocreds.InvalidTokenError](err); ended {
		return &SessionError{l.Profile, err}
	}
	if err != nil {
		return fmt.Errorf("%w: %v", ErrNoCredentials, err)
	}
	if err := checkRegion(); err != nil {
		return err
	}
	l.partition = partitionOf(l.AWS.Region)
	who, err := l.aws.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return fmt.Errorf("ask AWS who you are: %w", Explain(err))
	}
	l.account, l.caller = aws.ToString(who.Account), aws.ToString(who.Arn)
	l.Progress.Line("AWS account %s, Region %s, as %s", l.account, l.AWS.Region, l.caller)
	return nil
}

// preflight refuses what would fail later, before anybody is asked and anything is created.
func (l *Launcher) preflight(ctx context.Context, targets []config.Environment, roots map[string]stack) error {
	if err := l.namesFree(ctx); err != nil {
		return err
	}
	return l.namedFits(ctx, targets, roots)
}

// namedFits looks at what slipway.yaml names for these environments, and refuses with all that does not fit.
func (l *Launcher) namedFits(ctx context.Context, targets []config.Environment, roots map[string]stack) error {
	table, err := regions.Load()
	if err != nil {
		return err
	}
	var fresh []string
	for _, env := range targets {
		if roots[env.Name].empty() {
			fresh = append(fresh, env.Name)
		}
	}
	in := preflight.Place{Account: l.account, Region: l.AWS.Region, FargateZones: table.FargateZones[l.AWS.Region]}
	found, err := preflight.Check(ctx, l.aws.config, in, l.Config, targets, fresh)
	if err != nil {
		return fmt.Errorf("look at what slipway.yaml names: %w", Explain(err))
	}
	for _, f := range found.Warned {
		l.Progress.Line("warning: %s", f)
	}
	if len(found.Refused) == 0 {
		return nil
	}
	lines := []string{"slipway.yaml names what does not fit; nothing was changed:"}
	for _, f := range found.Refused {
		lines = append(lines, "  "+f.String())
	}
	return errors.New(strings.Join(lines, "\n"))
}

// namesFree refuses to touch a stack of one of our names that does not carry our tag.
func (l *Launcher) namesFree(ctx context.Context) error {
	for _, name := range l.stackNames() {
		stack, err := l.describe(ctx, name)
		if err != nil {
			return err
		}
		ours, err := l.belongs(ctx, stack)
		if err != nil {
			return err
		}
		if stack.exists() && !ours {
			return fmt.Errorf("the stack %s exists in account %s, Region %s, and is not slipway's (it lacks the tag %s=%s): choose another name in slipway.yaml",
				name, l.account, l.AWS.Region, contract.TagName, l.Config.Name)
		}
	}
	return nil
}

// stackNames are the names of the foundation and of every environment's root.
func (l *Launcher) stackNames() []string {
	names := []string{contract.FoundationStackName(l.Config.Name)}
	for _, env := range l.Config.Environments {
		names = append(names, contract.EnvironmentStackName(l.Config.Name, env.Name))
	}
	return names
}

// belongs says whether a stack is this application's: by its tag or, where a launch was cut off before the stack's first
// change set was executed and the stack has neither tags nor resources yet, by its name and its change sets' names.
func (l *Launcher) belongs(ctx context.Context, s stack) (bool, error) {
	if s.ours(l.Config.Name) || s.status != types.StackStatusReviewInProgress || !slices.Contains(l.stackNames(), s.name) {
		return s.ours(l.Config.Name), nil
	}
	pages := cloudformation.NewListChangeSetsPaginator(l.aws.stacks, &cloudformation.ListChangeSetsInput{StackName: aws.String(s.id)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return false, fmt.Errorf("list the change sets of stack %s: %w", s.name, Explain(err))
		}
		for _, set := range page.Summaries {
			name := aws.ToString(set.ChangeSetName)
			if !strings.HasPrefix(name, contract.ChangeSetByPerson) && !strings.HasPrefix(name, contract.ChangeSetByPipeline) {
				return false, nil
			}
		}
	}
	return true, nil
}

// linkedRoles are the roles that services make for themselves on first use. Where ECS makes its own while creating a
// new account's first cluster, that cluster often fails, since the role is not readable yet: so they are made before
// (github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/818). They are never deleted: others use them.
var linkedRoles = []struct{ service, role string }{
	{"ecs.amazonaws.com", "AWSServiceRoleForECS"},
	{"elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing"},
	{"ecs.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_ECSService"},
}

func (l *Launcher) serviceLinkedRoles(ctx context.Context) error {
	for _, r := range linkedRoles {
		if err := l.serviceLinkedRole(ctx, r.service, r.role); err != nil {
			return fmt.Errorf("make the service-linked role %s: %w", r.role, Explain(err))
		}
	}
	return nil
}

func (l *Launcher) serviceLinkedRole(ctx context.Context, service, role string) error {
	found, err := l.roleReadable(ctx, role)
	if err != nil || found {
		return err
	}
	made, err := l.aws.iam.CreateServiceLinkedRole(ctx, &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String(service)})
	if is(err, alreadyTaken) {
		return nil // made at this moment by somebody else, or under a name of its own
	}
	if err != nil {
		return err
	}
	l.Progress.Line("made the service-linked role %s", role)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for !found && err == nil {
		if found, err = l.roleReadable(ctx, aws.ToString(made.Role.RoleName)); !found && err == nil {
			err = smithytime.SleepWithContext(ctx, l.Poll)
		}
	}
	return err
}

func (l *Launcher) roleReadable(ctx context.Context, role string) (bool, error) {
	_, err := l.aws.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(role)})
	if is(err, notFound) {
		return false, nil
	}
	return err == nil, err
}

// chooseZones takes the first zones of the Region, by zone id, that have Fargate.
func (l *Launcher) chooseZones(ctx context.Context, n int) ([]string, error) {
	all, err := l.aws.ec2.AvailabilityZones(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the availability zones: %w", Explain(err))
	}
	slices.SortFunc(all, func(a, b ec2query.Zone) int { return strings.Compare(a.ID, b.ID) })
	table, err := regions.Load()
	if err != nil {
		return nil, err
	}
	with, known := table.FargateZones[l.AWS.Region]
	var names []string
	for _, z := range all {
		usable := z.State == "available" && z.Type == "availability-zone" && z.OptInStatus != "not-opted-in"
		if usable && (!known || slices.Contains(with, z.ID)) {
			names = append(names, z.Name)
		}
	}
	if len(names) < n {
		return nil, fmt.Errorf("in Region %s this account can use %d availability zones with Fargate (%v), and slipway.yaml asks for %d", l.AWS.Region, len(names), names, n)
	}
	return names[:n], nil
}
