package launch

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"slipway/internal/contract"
	"slipway/internal/iampolicy"
)

// What tasks and load balancers still hold for a while is waited for, and said.
func TestInterfacesThatGoAreWaitedFor(t *testing.T) {
	t.Parallel()
	for name, eni := range map[string]map[string]any{
		"of a load balancer": {"Description": "ELB app/shop/50dc6c495c0c9188", "RequesterManaged": true},
		"of a task":          {"Description": "arn:aws:ecs:us-east-1:123456789012:attachment/0f1e2d3c"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).asking(t, prod("tasks: {min: 2}"))
			b.mustDeploy(t, DeployOptions{})
			eni["SubnetId"] = b.double.PhysicalID("shop-prod", "Network.PublicSubnetA")
			b.double.Put("AWS::EC2::NetworkInterface", "eni-1", eni)
			b.asking(t, prod("tasks: {min: 2}"))
			go func(progress *said) {
				for !strings.Contains(progress.String(), "waiting until AWS has taken away network interface eni-1 ("+eni["Description"].(string)) && t.Context().Err() == nil {
					time.Sleep(time.Millisecond)
				}
				b.double.Delete("eni-1")
			}(b.progress)
			b.mustDestroy(t)
			if n := len(b.double.CallsTo("DeleteStack")); n != 3 {
				t.Errorf("%d deletions, want three: the environment's twice", n)
			}
		})
	}
}

// What somebody else has is named at once: trying again would be in vain.
func TestForeignHolders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, property, kind string
		properties           map[string]any
		says                 []string
	}{
		"in a subnet": {"Network.PublicSubnetA", "SubnetId", "AWS::EC2::NetworkInterface", map[string]any{"Description": "by hand"}, []string{"network interface x-1 (by hand)"}},
		"in a group":  {"ECS.TaskSecurityGroup", "GroupId", "AWS::EC2::NetworkInterface", nil, []string{"network interface x-1"}},
		"in the VPC":  {"Network.VPC", "VpcId", "AWS::EC2::NetworkInterface", nil, []string{"network interface x-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).asking(t, prod("tasks: {min: 2}"))
			b.mustDeploy(t, DeployOptions{})
			properties := map[string]any{c.property: b.double.PhysicalID("shop-prod", c.path)}
			for key, value := range c.properties {
				properties[key] = value
			}
			if properties[c.property] == "" {
				t.Fatalf("there is no %s", c.path)
			}
			b.double.Put(c.kind, "x-1", properties)
			err := b.asking(t, prod("tasks: {min: 2}")).Destroy(t.Context(), DestroyOptions{})
			want(t, err, append(c.says, "cause: dependency-on-delete", "held by: ", "free it, then run ./scripts/destroy.sh again")...)
			if n := len(b.double.CallsTo("DeleteStack")); n != 1 {
				t.Errorf("%d deletions, want one", n)
			}
			b.double.Delete("x-1")
			b.asking(t, prod("tasks: {min: 2}")).mustDestroy(t)
		})
	}
}

// A VPC is held as well by what others have put into it.
func TestStrangersInTheVPC(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, prod("tasks: {min: 2}"))
	b.mustDeploy(t, DeployOptions{})
	vpc := b.double.PhysicalID("shop-prod", "Network.VPC")
	b.double.FailDelete("Network.VPC", "The vpc '"+vpc+"' has dependencies and cannot be deleted. (Service: Ec2, Status Code: 400, Request ID: 1)")
	b.double.Put("AWS::EC2::SecurityGroup", "sg-other", map[string]any{"VpcId": vpc})
	b.double.Put("AWS::EC2::Subnet", "subnet-other", map[string]any{"VpcId": vpc})
	want(t, b.asking(t, prod("tasks: {min: 2}")).Destroy(t.Context(), DestroyOptions{}), "security group sg-other, which no stack", "subnet subnet-other, which no stack")
	b.double.FailDelete("Network.VPC", "")
	b.asking(t, prod("tasks: {min: 2}")).mustDestroy(t)
}

// Whoever lacks the right to see who holds it is told the reason all the same.
func TestHoldersThatCannotBeSeen(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, prod("tasks: {min: 2}"))
	b.mustDeploy(t, DeployOptions{})
	b.double.Put("AWS::EC2::NetworkInterface", "eni-1", map[string]any{"SubnetId": b.double.PhysicalID("shop-prod", "Network.PublicSubnetA")})
	b.double.Fail("DescribeNetworkInterfaces", "UnauthorizedOperation", "You are not authorized to perform this operation.", 100)
	want(t, b.asking(t, prod("tasks: {min: 2}")).Destroy(t.Context(), DestroyOptions{}), "has dependencies and cannot be deleted")
	wantSaid(t, b.progress.String(), "who holds it cannot be seen")
}

// A foundation whose roles went first, as when somebody deleted it in the console: its stack is there or not, and the
// environments' stacks have a role that is gone. They go all the same, and so does what was made for that.
func TestRoleDeletedBeforeItsStack(t *testing.T) {
	t.Parallel()
	gone := map[string]func(*testing.T, *bench){
		"its role": func(t *testing.T, b *bench) { b.double.Delete(b.double.PhysicalID("shop-foundation", "ExecutionRole")) },
		"the foundation, half": func(t *testing.T, b *bench) {
			b.double.FailDelete("PermissionsBoundary", "Cannot delete entity, must detach all policies first.")
			if err := b.deleteFoundation(t); err == nil {
				t.Fatal("the foundation is gone")
			}
			b.double.FailDelete("PermissionsBoundary", "")
		},
		"the foundation": func(t *testing.T, b *bench) {
			if err := b.deleteFoundation(t); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, lose := range gone {
		for _, o := range []DestroyOptions{{}, {Environments: []string{"prod"}}} {
			t.Run(name+strings.Join(o.Environments, ""), func(t *testing.T) {
				b := newBench(t).asking(t, twoEnvironments)
				b.mustDeploy(t, DeployOptions{Environments: []string{"prod"}})
				lose(t, b)
				if err := b.asking(t, twoEnvironments).Destroy(t.Context(), o); err != nil {
					t.Fatalf("%v\n%s", err, b.progress)
				}
				b.wantNothingOf(t, "shop-prod")
				b.wantNothingOf(t, contract.RescueStackName("shop"))
				wantSaid(t, b.progress.String(), "the role that CloudFormation acts with is gone")
				b.asking(t, twoEnvironments).mustDestroy(t)
			})
		}
	}
}

// deleteFoundation deletes its stack as somebody does in the console who has emptied the bucket.
func (b *bench) deleteFoundation(t *testing.T) error {
	t.Helper()
	s := b.root(t, "shop-foundation")
	if err := b.emptyBucket(t.Context(), s.outputs[contract.KeyBucketName]); err != nil {
		t.Fatal(err)
	}
	return b.deleteStack(t.Context(), s, "")
}

func (b *bench) mayEverything() {
	b.double.Restrict(iampolicy.Document{Statement: []iampolicy.Statement{{Effect: "Allow", Action: []string{"*"}, Resource: []string{"*"}}}})
}

// Killed anywhere while it has another role made, a destroy is brought to its end.
func TestKilledWithAnotherRole(t *testing.T) {
	t.Parallel()
	for n := range 3 {
		b := newBench(t).asking(t, twoEnvironments)
		b.mustDeploy(t, DeployOptions{Environments: []string{"prod"}})
		b.double.Delete(b.double.PhysicalID("shop-foundation", "ExecutionRole"))
		ctx, kill := context.WithCancel(t.Context())
		b.asking(t, twoEnvironments)
		go func(progress *said) {
			part := []string{"the role that CloudFormation acts with is gone", "rescue.ExecutionRole: CREATE_COMPLETE", "shop-prod.ECS.Service: DELETE_IN_PROGRESS"}[n]
			for !strings.Contains(progress.String(), part) && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			kill()
		}(b.progress)
		_ = b.Destroy(ctx, DestroyOptions{})
		kill()
		b.asking(t, twoEnvironments).mustDestroy(t)
	}
}

// A load balancer that is protected again between two tries is freed again.
func TestProtectionThatComesBack(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, prod("protected: true"))
	b.mustDeploy(t, DeployOptions{})
	b.double.Throttle("ModifyLoadBalancerAttributes", 40) // the first try has not taken it off
	if err := b.asking(t, prod("protected: true")).Destroy(t.Context(), DestroyOptions{Protected: []string{"prod"}}); err != nil {
		t.Fatalf("%v\n%s", err, b.progress)
	}
	b.wantNothingOf(t, "shop-prod")
}

// What is gone already, by hand, and a nested stack whose deletion had failed by itself, stop nothing.
func TestDestroyOfWhatIsHalfGone(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, twoEnvironments)
	b.mustDeploy(t, DeployOptions{Environments: []string{"prod"}})
	for _, path := range []string{"ECS.LoadBalancer", "ECS.LogGroup", "Network.PublicSubnetA", "Pipeline.Rule"} {
		b.double.Delete(b.double.PhysicalID("shop-prod", path))
	}
	network := b.double.PhysicalID("shop-prod", "Network")
	b.double.FailDelete("Network.VPC", "The vpc has dependencies and cannot be deleted.")
	b.mayEverything()
	if _, err := b.aws.stacks.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: &network}); err != nil {
		t.Fatal(err)
	}
	for !slices.Contains([]string{"DELETE_FAILED", "DELETE_COMPLETE"}, b.double.StackStatus(network)) {
		time.Sleep(time.Millisecond)
	}
	b.double.FailDelete("Network.VPC", "")
	b.asking(t, twoEnvironments).mustDestroy(t)
}

// A record that somebody has changed is not ours to delete any more; that is said, with what to do.
func TestDestroyOfAChangedRecord(t *testing.T) {
	t.Parallel()
	b := newBench(t).given().asking(t, everything).trusting()
	b.mustDeploy(t, DeployOptions{})
	b.double.FailDelete("ECS.DomainRecord", "[Tried to delete resource record set [name='www.example.com.', type='A'] but the values provided do not match the current values]")
	o := DestroyOptions{Protected: []string{"prod"}}
	want(t, b.asking(t, everything).Destroy(t.Context(), o), "cause: record-changed", "./scripts/destroy.sh")
	b.double.FailDelete("ECS.DomainRecord", "")
	if err := b.asking(t, everything).Destroy(t.Context(), o); err != nil {
		t.Errorf("%v\n%s", err, b.progress)
	}
}
