package launch

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
	"slipway/internal/deployer"
)

// Protection is turned on and off as slipway.yaml says; while it is on nothing of the application is deleted.
func TestProtection(t *testing.T) {
	b := newBench(t).asking(t, prod("protected: true"))
	b.mustDeploy(t, DeployOptions{})
	if !b.root(t, "shop-prod").protected {
		t.Fatal("the stack is not protected")
	}
	want(t, b.asking(t, prod("protected: true")).Destroy(t.Context(), DestroyOptions{}),
		"environment prod is protected", "protected: false", "go run ./gen", "./scripts/deploy.sh --environment prod --image keep")
	// What slipway.yaml says by now does not matter as long as it is not deployed.
	want(t, b.asking(t, prod("protected: false")).Destroy(t.Context(), DestroyOptions{}), "termination protection", "aws cloudformation update-termination-protection")
	if n := len(b.double.CallsTo("DeleteStack")); n > 0 {
		t.Errorf("%d stacks were deleted", n)
	}
	b.asking(t, prod("protected: false")).mustDeploy(t, DeployOptions{KeepImage: true})
	if b.root(t, "shop-prod").protected {
		t.Error("the stack is still protected")
	}
	b.asking(t, prod("protected: false")).mustDestroy(t)
}

// A run that finds nothing else to change still turns on what somebody turned off by hand.
func TestProtectionIsBroughtBack(t *testing.T) {
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
	b := newBench(t).asking(t, prod("entry: {accessLogs: true}"))
	b.mustDeploy(t, DeployOptions{})
	b.double.LateAccessLogs()
	b.asking(t, prod("entry: {accessLogs: true}")).mustDestroy(t)
	if !strings.Contains(b.progress.String(), "trying again") {
		t.Errorf("no log came late:\n%s", b.progress)
	}
}

// Stacks of environments that slipway.yaml no longer names are refused by their own protection.
func TestFormerEnvironmentIsProtected(t *testing.T) {
	b := newBench(t).asking(t, prod("tasks: {min: 2}"))
	b.double.PutStack(awsdouble.StackSpec{Name: "shop-former", Status: "CREATE_COMPLETE", Protected: true, Tags: tagsOf("shop", "former", contract.StackRoot)})
	b.may(deployer.Names...)
	want(t, b.Destroy(t.Context(), DestroyOptions{}), "shop-former", "termination protection")
}

// A protected load balancer that is replaced would be left behind by CloudFormation: the change is refused until it is
// protected no more.
func TestProtectedBalancerIsNotReplaced(t *testing.T) {
	internal := "entry: {internal: true}"
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
