package launch

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
	"slipway/internal/deployer"
)

// stuck is a launch whose update failed at its service, and which could not go back either.
func stuck(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.double.FailResource("ECS.Service", "it did not come up")
	b.double.FailRollback("ECS.Service", "the secret is gone")
	want(t, b.again("b").Deploy(t.Context(), DeployOptions{}), "UPDATE_ROLLBACK_FAILED")
	b.double.FailResource("ECS.Service", "")
	return b
}

func TestRollbackIsContinued(t *testing.T) {
	t.Parallel()
	b := stuck(t)
	b.double.FailRollback("ECS.Service", "") // somebody made the secret again
	b.may(deployer.Deploy)
	b.double.Lose("ContinueUpdateRollback", 1) // found again by its token
	b.again("c").mustDeploy(t, DeployOptions{})
	b.told(t, "(UPDATE_ROLLBACK_FAILED): continuing that")
	for _, call := range b.double.CallsTo("ContinueUpdateRollback") {
		if call.In["ResourcesToSkip"] != nil || !strings.Contains(text(call.In, "RoleARN"), "/slipway-demo/") {
			t.Errorf("the first try leaves nothing out, and has CloudFormation's role: %v", call.In)
		}
	}
	if s := b.root(t, "slipway-demo-prod"); s.status != "UPDATE_COMPLETE" {
		t.Errorf("the root is %s", s.status)
	}
}

func TestRollbackIsContinuedWithoutWhatHoldsIt(t *testing.T) {
	t.Parallel()
	b := stuck(t)
	zones := b.root(t, "slipway-demo-prod").parameters[contract.KeyZone(0)]
	b.again("c").mustDeploy(t, DeployOptions{})
	ecs := strings.Split(b.double.PhysicalID("slipway-demo-prod", "ECS"), "/")[1]
	b.told(t, "slipway-demo-prod.ECS.Service cannot be taken back: the secret is gone", "continuing without "+ecs+".Service")
	calls := b.double.CallsTo("ContinueUpdateRollback")
	if len(calls) != 2 || !cmp.Equal(calls[1].In["ResourcesToSkip"], []any{ecs + ".Service"}) {
		t.Errorf("the tries were %v", calls)
	}
	s := b.root(t, "slipway-demo-prod")
	if s.status != "UPDATE_COMPLETE" || s.parameters[contract.KeyZone(0)] != zones || zones == "" {
		t.Errorf("the root is %s, in zone %q that was %q", s.status, s.parameters[contract.KeyZone(0)], zones)
	}
}

// What cannot be left out stays a failure with its reason.
func TestRollbackThatStaysStuck(t *testing.T) {
	t.Parallel()
	b := stuck(t)
	b.double.FailRollback("ECS", "Template error: the bucket with the template is gone")
	want(t, b.again("c").Deploy(t.Context(), DeployOptions{}), "the rollback of stack slipway-demo-prod failed: it is now UPDATE_ROLLBACK_FAILED", "the bucket with the template is gone", "next:")
	if n := len(b.double.CallsTo("ContinueUpdateRollback")); n != 1 {
		t.Errorf("%d tries", n)
	}
}

// Keeping the image asks what runs only once the stack is back.
func TestRollbackIsContinuedBeforeTheImageIsKept(t *testing.T) {
	t.Parallel()
	b := stuck(t)
	b.again("b").mustDeploy(t, DeployOptions{KeepImage: true})
}

func TestFoundationsRollbackIsContinued(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.double.SetStackStatus("slipway-demo-foundation", "UPDATE_ROLLBACK_FAILED", "")
	b.may(deployer.Deploy, deployer.Foundation)
	b.again("b").mustDeploy(t, DeployOptions{})
}

// paused is a launch whose service somebody updated past slipway, with rollback switched off, in vain.
func paused(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.double.FailResource("ECS.Service", "it did not come up")
	s := b.root(t, "slipway-demo-prod")
	set := aws.String(contract.ChangeSetByPerson + "by-hand")
	in := &cloudformation.CreateChangeSetInput{
		StackName: &s.name, ChangeSetName: set, UsePreviousTemplate: new(true), RoleARN: aws.String(b.root(t, "slipway-demo-foundation").outputs[contract.KeyExecutionRoleARN]),
		Capabilities: []types.Capability{types.CapabilityCapabilityIam, types.CapabilityCapabilityNamedIam},
	}
	for key, value := range s.parameters {
		if key == contract.KeyImageURI {
			value = b.pushed("b")
		}
		in.Parameters = append(in.Parameters, types.Parameter{ParameterKey: &key, ParameterValue: &value})
	}
	_, err := b.aws.stacks.CreateChangeSet(t.Context(), in)
	for made := false; !made && err == nil; {
		var out *cloudformation.DescribeChangeSetOutput
		out, err = b.aws.stacks.DescribeChangeSet(t.Context(), &cloudformation.DescribeChangeSetInput{StackName: &s.name, ChangeSetName: set})
		made = err == nil && out.ExecutionStatus == types.ExecutionStatusAvailable
	}
	if err == nil {
		_, err = b.aws.stacks.ExecuteChangeSet(t.Context(), &cloudformation.ExecuteChangeSetInput{StackName: &s.name, ChangeSetName: set, DisableRollback: new(true)})
	}
	if err != nil {
		t.Fatal(err)
	}
	if s, err := b.settle(t.Context(), b.root(t, s.name)); err != nil || s.status != types.StackStatusUpdateFailed {
		t.Fatalf("the stack is %s, want UPDATE_FAILED (%v)", s.status, err)
	}
	b.double.FailResource("ECS.Service", "")
	b.may(deployer.Deploy)
	return b
}

func TestPausedUpdateIsRolledBack(t *testing.T) {
	t.Parallel()
	b := paused(t)
	want(t, b.again("c").Deploy(t.Context(), DeployOptions{}), "drift:prod.stack", "somebody changed it past slipway")
	b.double.Lose("RollbackStack", 1) // found again by its token
	b.again("c").mustDeploy(t, DeployOptions{Allow: []string{"drift:prod.stack"}})
	b.told(t, "rollback switched off (UPDATE_FAILED): rolling it back")
	for _, call := range b.double.CallsTo("RollbackStack") {
		if !strings.Contains(text(call.In, "RoleARN"), "/slipway-demo/") || text(call.In, "ClientRequestToken") == "" {
			t.Errorf("it is rolled back without CloudFormation's role or a token: %v", call.In)
		}
	}
	for _, path := range []string{"", "ECS"} {
		name := "slipway-demo-prod"
		if path != "" {
			name = b.double.PhysicalID(name, path)
		}
		if s := b.root(t, name); s.status != "UPDATE_COMPLETE" {
			t.Errorf("%s is %s", name, s.status)
		}
	}
	b.may(deployer.Names...)
	b.mustDestroy(t)
}

// A plan says that the way back comes first, and doctor that a launch does it.
func TestPausedUpdateIsForeseen(t *testing.T) {
	t.Parallel()
	b := paused(t)
	p, err := b.again("a").Plan(t.Context(), DeployOptions{})
	if err != nil || !strings.Contains(fmt.Sprint(p), "first takes its last update back") {
		t.Errorf("the plan does not say so: %v\n%+v", err, p)
	}
	if n := len(b.double.CallsTo("RollbackStack")); n != 0 {
		t.Error("a plan rolls back")
	}
}

// Where the way back fails, too, that is continued as always.
func TestPausedUpdateThatCannotGoBack(t *testing.T) {
	t.Parallel()
	b := paused(t)
	b.double.FailRollback("ECS.Service", "the secret is gone")
	b.again("c").mustDeploy(t, DeployOptions{Allow: []string{"drift:prod.stack"}})
	b.told(t, "rolling it back", "(UPDATE_ROLLBACK_FAILED): continuing that", "cannot be taken back: the secret is gone")
}

// One that never was stable CloudFormation deletes, and it is made anew.
func TestPausedUpdateThatNeverWasStable(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.double.PutStack(awsdouble.StackSpec{Name: "slipway-demo-prod", Status: "UPDATE_FAILED", Body: "Resources: {}", Tags: tagsOf("slipway-demo", "prod", contract.StackRoot), Unstable: true})
	if s, todo, err := b.ready(t.Context(), "slipway-demo-prod", "arn:aws:iam::123456789012:role/slipway/slipway-demo/delivery/a"); err != nil || todo != create || s.exists() {
		t.Errorf("to do is %d with a stack that is %q, want %d with none (%v)", todo, s.status, create, err)
	}
}
