package launch

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	balancertypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
	"slipway/internal/deployer"
)

// Protection is turned on and off as slipway.yaml says; while it is on nothing of the application is deleted unless that is
// said by name.
func TestProtection(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, prod("protected: true"))
	b.mustDeploy(t, DeployOptions{})
	if !b.root(t, "shop-prod").protected {
		t.Fatal("the stack is not protected")
	}
	// What slipway.yaml says by now does not matter as long as it is not deployed.
	for _, slipway := range []string{prod("protected: true"), prod("protected: false")} {
		want(t, b.asking(t, slipway).Destroy(t.Context(), DestroyOptions{}), "environment prod is protected", "--protected prod")
	}
	if n := len(b.double.CallsTo("DeleteStack")); n > 0 {
		t.Errorf("%d stacks were deleted", n)
	}
	b.asking(t, prod("protected: false")).mustDeploy(t, DeployOptions{KeepImage: true})
	if b.root(t, "shop-prod").protected {
		t.Error("the stack is still protected")
	}
	b.asking(t, prod("protected: false")).mustDestroy(t)
}

// A protected environment goes once its name was typed or given; both protections are taken off on the way. The yes is not
// asked for besides.
func TestDestroyOfAProtectedEnvironment(t *testing.T) {
	t.Parallel()
	var names []string
	for how, o := range map[string]DestroyOptions{
		"given": {Protected: []string{"prod"}},
		"typed": {ConfirmName: func(name string) error { names = append(names, name); return nil }, Confirm: func(string) error { return errors.New("asked twice") }},
		"one":   {Protected: []string{"prod"}, Environments: []string{"prod"}},
	} {
		b := newBench(t).asking(t, prod("protected: true"))
		b.mustDeploy(t, DeployOptions{})
		declined := errors.New("declined")
		err := b.asking(t, prod("protected: true")).Destroy(t.Context(), DestroyOptions{ConfirmName: func(string) error { return declined }})
		if !errors.Is(err, declined) || !b.root(t, "shop-prod").protected {
			t.Errorf("%s: declined: %v", how, err)
		}
		if err := b.asking(t, prod("protected: true")).Destroy(t.Context(), o); err != nil {
			t.Fatalf("%s: %v\n%s", how, err, b.progress)
		}
		b.wantNothingOf(t, "shop-prod")
	}
	if len(names) != 1 || names[0] != "prod" {
		t.Errorf("asked for the names %v", names)
	}
	b := newBench(t).asking(t, twoEnvironments)
	want(t, b.Destroy(t.Context(), DestroyOptions{Protected: []string{"pord"}}), `no environment "pord"`)
	want(t, b.Destroy(t.Context(), DestroyOptions{Protected: []string{"prod"}, Environments: []string{"test"}}), "--environment does not name it")
}

// A run that finds nothing else to change still turns on what somebody turned off by hand.
func TestProtectionIsBroughtBack(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, prod("protected: true"))
	b.mustDeploy(t, DeployOptions{})
	_, err := b.aws.stacks.UpdateTerminationProtection(t.Context(), &cloudformation.UpdateTerminationProtectionInput{
		StackName: new("shop-prod"), EnableTerminationProtection: new(false),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.asking(t, prod("protected: true")).mustDeploy(t, DeployOptions{})
	if !b.root(t, "shop-prod").protected {
		t.Error("the stack is not protected")
	}
}

// The pipeline has no right to it, and says who has.
func TestPipelineLeavesProtectionToPeople(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, prod("tasks: {min: 2}"))
	b.mustDeploy(t, DeployOptions{})
	image := imageOf(b.output.String())
	b.asking(t, prod("protected: true"))
	b.double.Restrict(b.double.RolePolicies(t, b.double.PhysicalID("shop-prod", "Pipeline.DeployRole"))...)
	if err := b.Deploy(t.Context(), DeployOptions{ByPipeline: true, Environments: []string{"prod"}, Image: image}); err != nil {
		t.Fatalf("%v\n%s", err, b.progress)
	}
	if !strings.Contains(b.progress.String(), "a person turns termination protection on") {
		t.Error(b.progress)
	}
}

// A first launch that fails leaves a load balancer that its rollback cannot delete; the next launch can, and so can destroy.
func TestFailedLaunchOfAProtectedEnvironment(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(*bench, *testing.T){
		"launch":  func(b *bench, t *testing.T) { b.mustDeploy(t, DeployOptions{}) },
		"destroy": func(b *bench, t *testing.T) { b.mustDestroy(t) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).asking(t, prod("protected: true"))
			b.double.FailResource("ECS.Service", "it did not come up")
			want(t, b.Deploy(t.Context(), DeployOptions{}), "it did not come up")
			if got := b.double.StackStatus("shop-prod"); got != "ROLLBACK_FAILED" {
				t.Fatalf("the stack is %s: its load balancer is protected", got)
			}
			b.double.FailResource("ECS.Service", "")
			next(b.asking(t, prod("protected: true")), t)
		})
	}
}

// The access logs' bucket lies in a nested stack: it is emptied, and no log comes after that.
func TestDestroyWithAccessLogs(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, prod("entry: {accessLogs: true}"))
	b.mustDeploy(t, DeployOptions{})
	bucket := b.double.PhysicalID("shop-prod", "ECS.AccessLogs")
	for i := range 3 {
		b.double.PutObject(bucket, strings.Repeat("x", i+1), []byte("a log"))
	}
	b.asking(t, prod("entry: {accessLogs: true}")).mustDestroy(t)
	before(t, b.operations(), "ModifyLoadBalancerAttributes", "DeleteStack")
	if strings.Contains(b.progress.String(), "trying again") {
		t.Errorf("a log came late:\n%s", b.progress)
	}
}

// A log that comes all the same is taken away by the next try.
func TestLateAccessLog(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, prod("entry: {accessLogs: true}"))
	b.mustDeploy(t, DeployOptions{})
	b.double.LateAccessLogs()
	b.asking(t, prod("entry: {accessLogs: true}")).mustDestroy(t)
	if !strings.Contains(b.progress.String(), "trying again") {
		t.Errorf("no log came late:\n%s", b.progress)
	}
}

// Stacks of environments that slipway.yaml no longer names are guarded by their own protection.
func TestFormerEnvironmentIsProtected(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, prod("tasks: {min: 2}"))
	b.double.PutStack(awsdouble.StackSpec{Name: "shop-former", Status: "CREATE_COMPLETE", Protected: true, Tags: tagsOf("shop", "former", contract.StackRoot)})
	b.may(deployer.Names...)
	want(t, b.Destroy(t.Context(), DestroyOptions{}), "environment former is protected", "--protected former")
	if err := b.Destroy(t.Context(), DestroyOptions{Protected: []string{"former"}}); err != nil {
		t.Errorf("%v\n%s", err, b.progress)
	}
}

// The pipeline's deploy role may take neither protection off.
func TestPipelineCannotUnprotect(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, prod("protected: true"))
	b.mustDeploy(t, DeployOptions{})
	root, balancer := b.root(t, "shop-prod"), b.double.PhysicalID("shop-prod", "ECS.LoadBalancer")
	if balancer == "" {
		t.Fatal("no load balancer")
	}
	b.double.Restrict(b.double.RolePolicies(t, b.double.PhysicalID("shop-prod", "Pipeline.DeployRole"))...)
	want(t, b.setProtection(t.Context(), root, false), "not authorized to perform")
	_, err := b.aws.balancer.ModifyLoadBalancerAttributes(t.Context(), &elasticloadbalancingv2.ModifyLoadBalancerAttributesInput{
		LoadBalancerArn: &balancer, Attributes: []balancertypes.LoadBalancerAttribute{{Key: new("deletion_protection.enabled"), Value: new("false")}},
	})
	want(t, err, "not authorized to perform")
}

// A protected load balancer that is replaced would be left behind by CloudFormation: the change is refused until it is
// protected no more.
func TestProtectedBalancerIsNotReplaced(t *testing.T) {
	t.Parallel()
	internal := crowded
	b := newBench(t).asking(t, prod("protected: true"))
	b.mustDeploy(t, DeployOptions{})
	balancer := b.double.PhysicalID("shop-prod", "ECS.LoadBalancer")
	for _, protected := range []string{"protected: true", "protected: false"} {
		want(t, b.asking(t, prod(protected, internal)).Deploy(t.Context(), DeployOptions{}), "shop-prod is protected", "shop-prod.ECS.LoadBalancer", "protected: false")
		if got := b.double.PhysicalID("shop-prod", "ECS.LoadBalancer"); got != balancer {
			t.Fatalf("the load balancer is now %s", got)
		}
	}
	for _, slipway := range []string{prod("protected: false"), prod("protected: false", internal), prod("protected: true", internal)} {
		b.asking(t, slipway).mustDeploy(t, DeployOptions{KeepImage: true, Allow: insideRisks})
	}
	if !b.root(t, "shop-prod").protected {
		t.Error("the stack is not protected")
	}
}
