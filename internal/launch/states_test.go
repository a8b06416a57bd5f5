package launch

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
	"slipway/internal/deployer"
	"slipway/internal/iampolicy"
)

// everything may be done from now on.
func (b *bench) everything() {
	b.double.Restrict(iampolicy.Document{Statement: []iampolicy.Statement{{Effect: iampolicy.Allow, Action: []string{"*"}, Resource: []string{"*"}}}})
}

// twice deploys two sources, one after the other, and returns the first one's image.
func (b *bench) twice(t *testing.T) (image string) {
	t.Helper()
	b.mustDeploy(t, DeployOptions{})
	image = imageOf(b.output.String())
	b.again("b").mustDeploy(t, DeployOptions{})
	return image
}

// leaveChangeSet leaves a change set on the root as a run does that was cut off, or as somebody does in the console.
func (b *bench) leaveChangeSet(t *testing.T, name, image string) {
	t.Helper()
	parameters := maps.Clone(b.root(t, "slipway-demo-prod").parameters)
	parameters[contract.KeyImageURI] = image
	_, err := b.aws.stacks.CreateChangeSet(t.Context(), &cloudformation.CreateChangeSetInput{
		StackName: new("slipway-demo-prod"), ChangeSetName: &name, UsePreviousTemplate: new(true), Tags: toTags(tagsOf("slipway-demo", "prod", contract.StackRoot)),
		Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam}, Parameters: toParameters(parameters),
	})
	if err != nil {
		t.Fatal(err)
	}
	made := cloudformation.NewChangeSetCreateCompleteWaiter(b.aws.stacks, func(o *cloudformation.ChangeSetCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, time.Millisecond
	})
	if err := made.Wait(t.Context(), &cloudformation.DescribeChangeSetInput{StackName: new("slipway-demo-prod"), ChangeSetName: &name}, time.Minute); err != nil {
		t.Fatal(err)
	}
}

func TestLeftoverChangeSets(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	image := b.twice(t)
	b.everything() // who left them had rights of his own
	for _, name := range []string{contract.ChangeSetByPerson + "1", contract.ChangeSetByPipeline + "1", "mine"} {
		b.leaveChangeSet(t, name, image)
	}
	b.may(deployer.Deploy)
	b.again("c").mustDeploy(t, DeployOptions{})
	b.told(t, "deleted the change set slipway-person-1, which an earlier run has left", "the change set mine is somebody else's and left alone")
	for _, call := range b.double.CallsTo("DeleteChangeSet") {
		if name := text(call.In, "ChangeSetName"); !strings.HasPrefix(name, contract.ChangeSetByPerson) {
			t.Errorf("deleted %s", name)
		}
	}
}

// A nested stack can be stuck while its root is not.
func TestNestedStackThatIsStuck(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	child := b.double.PhysicalID("slipway-demo-prod", "ECS")
	b.double.SetStackStatus(child, "UPDATE_ROLLBACK_FAILED", "")
	sets := len(b.double.CallsTo("CreateChangeSet"))
	want(t, b.again("b").Deploy(t.Context(), DeployOptions{}), "the nested stack slipway-demo-prod.ECS", "is in status UPDATE_ROLLBACK_FAILED, though its root is in CREATE_COMPLETE", "support")
	if len(b.double.CallsTo("CreateChangeSet")) > sets {
		t.Error("a change set was made that could not be executed")
	}
	b.double.SetStackStatus(child, "UPDATE_IN_PROGRESS", "")
	b.again("b")
	double, told := b.double, b.progress
	go func() {
		for !strings.Contains(told.String(), "an operation is under way (UPDATE_IN_PROGRESS); waiting for it to end") {
			time.Sleep(time.Millisecond)
		}
		double.SetStackStatus(child, "UPDATE_COMPLETE", "")
	}()
	b.mustDeploy(t, DeployOptions{})
}

// versioned are the committed templates with another version of the foundation; empty: with none, as before there was one.
func versioned(t *testing.T, version string) fstest.MapFS {
	t.Helper()
	files, _ := withComment(t).(fstest.MapFS)
	line := fmt.Sprintf("    Value: \"%d\"\n", contract.Version)
	text := string(files[contract.FoundationTemplate].Data)
	if strings.Count(text, line) != 1 {
		t.Fatalf("the foundation's template does not tell its version once, as %q", line)
	}
	if version == "" {
		before, after, _ := strings.Cut(text, "  "+contract.KeyVersion+":\n")
		_, rest, _ := strings.Cut(after, line)
		text = before + rest
	}
	text = strings.Replace(text, "RetentionInDays: 30", "RetentionInDays: 14", 1) // so that there is something to change
	files[contract.FoundationTemplate].Data = []byte(strings.Replace(text, line, fmt.Sprintf("    Value: %q\n", version), 1))
	return files
}

// A foundation of an older slipway is brought up to date; one of a newer is left alone, by people and by the pipeline.
func TestFoundationOfAnotherVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Templates = versioned(t, "")
	b.mustDeploy(t, DeployOptions{})
	if version := b.root(t, "slipway-demo-foundation").outputs[contract.KeyVersion]; version != "" {
		t.Fatalf("the foundation has the version %s", version)
	}
	b.again("a").mustDeploy(t, DeployOptions{})
	if version := b.root(t, "slipway-demo-foundation").outputs[contract.KeyVersion]; version != fmt.Sprint(contract.Version) {
		t.Fatalf("the foundation has the version %q", version)
	}
	b.again("a").Templates = versioned(t, fmt.Sprint(contract.Version+1))
	b.mustDeploy(t, DeployOptions{}) // as the newer one does
	for _, o := range []DeployOptions{{}, {ByPipeline: true, Environments: []string{"prod"}, Image: "r@sha256:" + strings.Repeat("a", 64)}} {
		want(t, b.again("b").Deploy(t.Context(), o), "slipway-demo-foundation was made by a newer slipway (foundation version 2, and this one knows 1)", "git pull")
	}
	if s := b.root(t, "slipway-demo-foundation"); s.outputs[contract.KeyVersion] != "2" {
		t.Errorf("it was taken back to %s", s.outputs[contract.KeyVersion])
	}
}

// Somebody else's operation is waited for, and shown, by a deployment and by a destroy.
func TestOperationUnderWay(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(*testing.T, *bench){
		"update":  func(t *testing.T, b *bench) { b.mustDeploy(t, DeployOptions{}) },
		"destroy": func(t *testing.T, b *bench) { b.mustDestroy(t) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			image := b.twice(t)
			b.everything()
			b.leaveChangeSet(t, contract.ChangeSetByPerson+"1", image)
			b.double.Hold()
			if _, err := b.aws.stacks.ExecuteChangeSet(t.Context(), &cloudformation.ExecuteChangeSetInput{
				StackName: new("slipway-demo-prod"), ChangeSetName: new(contract.ChangeSetByPerson + "1"), ClientRequestToken: new("theirs"),
			}); err != nil {
				t.Fatal(err)
			}
			b.may(deployer.Names...)
			b.again("b")
			double, told := b.double, b.progress
			go func() {
				for !strings.Contains(told.String(), "slipway-demo-prod: an operation is under way (UPDATE_IN_PROGRESS); waiting for it to end") {
					time.Sleep(time.Millisecond)
				}
				double.Release()
			}()
			run(t, b)
			b.told(t, "slipway-demo-prod: an operation is under way (UPDATE_IN_PROGRESS); waiting for it to end", "slipway-demo-prod: UPDATE_IN_PROGRESS", "slipway-demo-prod: UPDATE_COMPLETE")
		})
	}
}

// A launch under way is waited for, too, by another one and by a destroy.
func TestLaunchUnderWay(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(*testing.T, *bench){
		"deploy":  func(t *testing.T, b *bench) { b.again("a").mustDeploy(t, DeployOptions{}) },
		"destroy": func(t *testing.T, b *bench) { b.again("a").mustDestroy(t) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, awsdouble.WithEventDelay(3*time.Millisecond))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			executed := 0
			b.double.Forecast(func(_ int, _, operation string) awsdouble.Weather {
				if operation == "ExecuteChangeSet" {
					executed++
				}
				if executed == 2 && operation == "DescribeStackEvents" {
					cancel()
				}
				return awsdouble.Fair
			})
			if err := b.Deploy(ctx, DeployOptions{}); err == nil {
				t.Fatal("it was not cut off")
			}
			run(t, b)
			b.told(t, "slipway-demo-prod: an operation is under way (CREATE_IN_PROGRESS); waiting for it to end", "slipway-demo-prod: CREATE_COMPLETE")
		})
	}
}

// A foundation that is being deleted is waited for, and made anew: until then it tells of a bucket that is about to go.
func TestFoundationThatIsBeingDeleted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.again("a").double.PutStack(awsdouble.StackSpec{
		Name: "slipway-demo-foundation", Status: "DELETE_IN_PROGRESS", Tags: tagsOf("slipway-demo", "", contract.StackFoundation),
		Outputs: map[string]string{contract.KeyBucketName: "about-to-go"},
	})
	double, told := b.double, b.progress
	go func() {
		for !strings.Contains(told.String(), "an operation is under way (DELETE_IN_PROGRESS)") {
			time.Sleep(time.Millisecond)
		}
		double.SetStackStatus("slipway-demo-foundation", "DELETE_COMPLETE", "")
	}()
	b.mustDeploy(t, DeployOptions{})
}

// Where a bucket's name is taken the reason is named.
func TestBucketNameTaken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.double.FailResource("Bucket", "slipway-demo-foundation-bucket-1 already exists in stack arn:aws:cloudformation:us-east-1:123456789012:stack/other/1")
	want(t, b.Deploy(t.Context(), DeployOptions{}), "cause: name-taken", "slipway-demo-foundation.Bucket", "next:")
	b.double.FailResource("Bucket", "")
	b.again("a").mustDeploy(t, DeployOptions{})
}

// The service-linked roles of a new account are made before anything that needs them.
func TestServiceLinkedRolesAreMade(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	if n := len(b.double.CallsTo("CreateServiceLinkedRole")); n != len(linkedRoles) {
		t.Errorf("%d were made", n)
	}
	before(t, b.operations(), "CreateServiceLinkedRole", "ExecuteChangeSet")
}
