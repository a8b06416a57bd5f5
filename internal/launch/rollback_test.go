package launch

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	b := stuck(t)
	b.double.FailRollback("ECS", "Template error: the bucket with the template is gone")
	want(t, b.again("c").Deploy(t.Context(), DeployOptions{}), "the rollback of stack slipway-demo-prod failed: it is now UPDATE_ROLLBACK_FAILED", "the bucket with the template is gone", "next:")
	if n := len(b.double.CallsTo("ContinueUpdateRollback")); n != 1 {
		t.Errorf("%d tries", n)
	}
}

// Keeping the image asks what runs only once the stack is back.
func TestRollbackIsContinuedBeforeTheImageIsKept(t *testing.T) {
	b := stuck(t)
	b.again("b").mustDeploy(t, DeployOptions{KeepImage: true})
}

func TestFoundationsRollbackIsContinued(t *testing.T) {
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.double.SetStackStatus("slipway-demo-foundation", "UPDATE_ROLLBACK_FAILED", "")
	b.may(deployer.Deploy, deployer.Foundation)
	b.again("b").mustDeploy(t, DeployOptions{})
}
