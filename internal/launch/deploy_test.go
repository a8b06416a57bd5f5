package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
	"slipway/internal/deployer"
)

func TestFirstLaunch(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	calls := b.operations()
	before(t, calls, "GetCallerIdentity", "CreateServiceLinkedRole")
	before(t, calls, "CreateServiceLinkedRole", "CreateChangeSet")
	before(t, calls, "CreateChangeSet", "StartBuild")
	for _, line := range strings.Split(strings.TrimSpace(b.output.String()), "\n") {
		if key, value, ok := strings.Cut(line, "="); !ok || key == "" || value == "" || strings.Contains(key, " ") {
			t.Errorf("the output line %q is not Key=Value", line)
		}
	}
	if out := b.output.String(); !strings.Contains(out, "ServiceURL=http://") || !strings.Contains(out, "ImageURI=") || !strings.Contains(out, "@sha256:") {
		t.Errorf("outputs:\n%s", out)
	}
	if first := strings.SplitN(b.progress.String(), "\n", 2)[0]; !strings.Contains(first, "123456789012") || !strings.Contains(first, "us-east-1") {
		t.Errorf("the first line does not name account and Region: %q", first)
	}
	b.wantRootChangeSet(t)
}

// wantRootChangeSet checks how the root's change set was asked for, and that its pipeline found its source.
func (b *bench) wantRootChangeSet(t *testing.T) {
	t.Helper()
	sets := b.double.CallsTo("CreateChangeSet")
	root := sets[len(sets)-1]
	if len(sets) != 2 || text(root.In, "StackName") != "slipway-demo-prod" {
		t.Fatalf("change sets: %v", sets)
	}
	if text(root.In, "IncludeNestedStacks") != "true" || !strings.Contains(text(root.In, "RoleARN"), "ExecutionRole") {
		t.Errorf("asked for without nested stacks or role: %v", root.In)
	}
	if !strings.HasPrefix(text(root.In, "ChangeSetName"), contract.ChangeSetByPerson) {
		t.Errorf("named %v", root.In["ChangeSetName"])
	}
	for _, put := range b.double.CallsTo("PutObject") {
		if strings.Contains(strings.Join(values(put.In), " "), contract.SourceObject) && put.Time.Before(root.Time) {
			return
		}
	}
	t.Error("source.zip was not there before the root of the pipeline's home")
}

func values(in map[string]any) []string {
	var list []string
	for key := range in {
		list = append(list, text(in, key))
	}
	return list
}

func TestSecondRunChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	sets, puts := len(b.double.CallsTo("CreateChangeSet")), b.uploads()
	b.again("a").mustDeploy(t, DeployOptions{})
	if !strings.Contains(b.progress.String(), "no changes") {
		t.Errorf("it does not say so:\n%s", b.progress)
	}
	if n := len(b.double.CallsTo("CreateChangeSet")); n != sets {
		t.Errorf("%d change sets were made", n-sets)
	}
	if n := b.uploads(); n != puts {
		t.Errorf("%d objects were written: source.zip would start the pipeline", n-puts)
	}
}

func TestNewVersionIsBuiltOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	image := imageOf(b.output.String())
	b.again("b").mustDeploy(t, DeployOptions{})
	if got := imageOf(b.output.String()); got == image || got == "" {
		t.Errorf("the image is still %q", got)
	}
	b.again("a").mustDeploy(t, DeployOptions{})
	if got := imageOf(b.output.String()); got != image {
		t.Errorf("the first source's image is %q, was %q", got, image)
	}
	if n := len(b.double.CallsTo("StartBuild")); n != 2 {
		t.Errorf("%d builds, want 2", n)
	}
}

func imageOf(output string) string {
	_, rest, _ := strings.Cut(output, contract.KeyImageURI+"=")
	image, _, _ := strings.Cut(rest, "\n")
	return image
}

func TestImageKeep(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	image := imageOf(b.output.String())
	b.again("b").mustDeploy(t, DeployOptions{KeepImage: true})
	if got := imageOf(b.output.String()); got != image {
		t.Errorf("the image is %q, was %q", got, image)
	}
	if n := len(b.double.CallsTo("StartBuild")); n != 1 {
		t.Errorf("%d builds, want 1", n)
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	want(t, b.Deploy(t.Context(), DeployOptions{Environments: []string{"nope"}}), "nope", "prod")
	want(t, b.Deploy(t.Context(), DeployOptions{Image: "registry/repository:latest"}), "digest", "never by a tag")
	want(t, b.again("a").Deploy(t.Context(), DeployOptions{KeepImage: true}), "no running image to keep")
}

// A service that does not come up fails the launch with what ECS and the log knew, and the next launch works.
func TestFailedLaunch(t *testing.T) {
	t.Parallel()
	// Slow enough for the launcher to look in between: on AWS a rollback takes seconds for each resource.
	b := newBench(t, awsdouble.WithEventDelay(15*time.Millisecond))
	b.double.TasksFail(awsdouble.TaskFailure{StoppedReason: "Essential container in task exited", ExitCode: 3, Log: []string{"boom: cannot read the config"}})
	b.double.FailResource("ECS.Service", "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.\"")
	err := b.Deploy(t.Context(), DeployOptions{})
	want(t, err, "slipway-demo-prod", "ROLLBACK_COMPLETE", "ECS.Service (AWS::ECS::Service)", "Circuit Breaker", "exit code 3", "boom: cannot read the config")
	if strings.Contains(b.output.String(), "ServiceURL") {
		t.Error("a failed launch printed outputs")
	}
	b.double.FailResource("ECS.Service", "")
	b.again("a").mustDeploy(t, DeployOptions{})
	if !strings.Contains(b.progress.String(), "deleting what an earlier, failed launch left") {
		t.Errorf("the husk was not deleted:\n%s", b.progress)
	}
}

func TestFailedUpdateIsRolledBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	image := imageOf(b.output.String())
	b.double.FailResource("ECS.Service", "it did not come up")
	err := b.again("b").Deploy(t.Context(), DeployOptions{})
	want(t, err, "the update of stack slipway-demo-prod failed", "UPDATE_ROLLBACK_COMPLETE", "it did not come up", "exit code 1")
	b.double.FailResource("ECS.Service", "")
	b.again("a").mustDeploy(t, DeployOptions{})
	if got := imageOf(b.output.String()); got != image {
		t.Errorf("the version before is %q, was %q", got, image)
	}
}

func TestFailedBuild(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.double.OnBuild(func(awsdouble.Build) awsdouble.BuildResult {
		return awsdouble.BuildResult{FailedPhase: "BUILD", Message: "exit status 1", Log: []string{"web/main.go:1: syntax error"}}
	})
	want(t, b.Deploy(t.Context(), DeployOptions{}), "the image build failed", "BUILD", "exit status 1", "syntax error")
	if status := b.double.StackStatus("slipway-demo-prod"); status != "" {
		t.Errorf("the root was made all the same: %s", status)
	}
}

func TestHusks(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_FAILED"} {
		t.Run(status, func(t *testing.T) {
			b := newBench(t)
			b.double.PutStack(awsdouble.StackSpec{Name: "slipway-demo-prod", Status: status, Tags: tagsOf("slipway-demo", "prod", contract.StackRoot)})
			b.mustDeploy(t, DeployOptions{})
		})
	}
}

func TestRefusedStates(t *testing.T) {
	t.Parallel()
	for status, why := range map[string]string{
		"DELETE_FAILED": "destroy.sh", "IMPORT_ROLLBACK_FAILED": "import",
	} {
		t.Run(status, func(t *testing.T) {
			b := newBench(t)
			b.double.PutStack(awsdouble.StackSpec{Name: "slipway-demo-prod", Status: status, Tags: tagsOf("slipway-demo", "prod", contract.StackRoot)})
			want(t, b.Deploy(t.Context(), DeployOptions{Environments: []string{"prod"}}), status, why)
		})
	}
}

func TestForeignStackIsNotTouched(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.double.PutStack(awsdouble.StackSpec{Name: "slipway-demo-prod", Status: "CREATE_COMPLETE"})
	want(t, b.Deploy(t.Context(), DeployOptions{}), "slipway-demo-prod", "is not slipway's", "123456789012")
	if calls := b.operations(); slices.Contains(calls, "CreateChangeSet") || slices.Contains(calls, "CreateServiceLinkedRole") {
		t.Errorf("something was made all the same: %v", calls)
	}
}

// Whatever AWS throttles, delays or pages, and whichever answer is lost on its way, the launch and its end succeed.
func TestHardWeather(t *testing.T) {
	t.Parallel()
	b := newBench(t, awsdouble.WithPageSize(2), awsdouble.WithEventDelay(2*time.Millisecond))
	for _, operation := range []string{
		"DescribeStacks", "CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DescribeStackEvents", "GetTemplate", "DeleteStack", "ListStackResources",
		"PutObject", "HeadObject", "StartBuild", "BatchGetBuilds", "DescribeImages", "DescribeServices", "GetCallerIdentity", "DescribeAvailabilityZones",
		"ListObjectVersions", "DeleteObjects", "ListTaskDefinitions", "DeregisterTaskDefinition", "DeleteTaskDefinitions",
	} {
		b.double.Throttle(operation, 2)
	}
	b.mustDeploy(t, DeployOptions{})
	b.mustDestroy(t)
}

func TestNestedChangeSetsThatCannotBeMade(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.double.NestedChangeSetsFail("Fn::Select cannot select nonexistent value at index 0")
	b.mustDeploy(t, DeployOptions{})
	if !strings.Contains(b.progress.String(), "no preview of the nested stacks") {
		t.Errorf("it does not say so:\n%s", b.progress)
	}
}

func TestExpiredCredentials(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.double.Fail("DescribeStackEvents", "ExpiredToken", "The security token included in the request is expired", 1)
	want(t, b.Deploy(t.Context(), DeployOptions{}), "expired", "renew", "run the same command again")
	b.again("a").mustDeploy(t, DeployOptions{})
}

// Killed after any number of calls, a launch is brought to its end by the next run, and so is a destroy.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	whole := newBench(t)
	whole.mustDeploy(t, DeployOptions{})
	launch := len(whole.double.Calls())
	whole.mustDestroy(t)
	destroy := len(whole.double.Calls()) - launch
	for n := 1; n < launch; n += max(1, launch/7) {
		b := newBench(t)
		err := b.Deploy(cancelledAt(t, b.double, n), DeployOptions{})
		if err == nil {
			continue // it was quicker
		}
		if !errors.Is(err, ErrInterrupted) && !errors.Is(err, context.Canceled) {
			t.Errorf("killed at call %d: %v", n, err)
		}
		b.again("a").mustDeploy(t, DeployOptions{})
	}
	for n := 3; n < destroy; n += max(1, destroy/7) {
		b := newBench(t)
		b.mustDeploy(t, DeployOptions{})
		_ = b.again("a").Destroy(cancelledAt(t, b.double, len(b.double.Calls())+n), DestroyOptions{})
		b.again("a").mustDestroy(t)
	}
}

func TestOperationUnderWayIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.double.Hold()
	first := make(chan error)
	ctx, kill := context.WithCancel(t.Context())
	launcher := b.again("b").Launcher
	go func() { first <- launcher.Deploy(ctx, DeployOptions{}) }()
	for b.double.StackStatus("slipway-demo-prod") != "UPDATE_IN_PROGRESS" {
		b.double.Release() // let changes begin, but not end
		time.Sleep(time.Millisecond)
		b.double.Hold()
	}
	kill()
	if err := <-first; !errors.Is(err, ErrInterrupted) && !errors.Is(err, context.Canceled) {
		t.Errorf("the first run ended with %v", err)
	}
	second := b.again("b")
	go func(waiting *said) {
		for !strings.Contains(waiting.String(), "an operation is under way") && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		b.double.Release()
	}(second.progress)
	second.mustDeploy(t, DeployOptions{})
}

func TestPipelineDeploysWithItsOwnRole(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.double.OnBuild(nil)
	other := b.pushed("b")
	b.double.Restrict(b.double.RolePolicies(t, b.double.PhysicalID("slipway-demo-prod", "Pipeline.DeployRole"))...)
	err := b.again("b").Deploy(t.Context(), DeployOptions{ByPipeline: true, Environments: []string{"prod"}, Image: other})
	if err != nil {
		t.Fatalf("%v\n%s", err, b.progress)
	}
	sets := b.double.CallsTo("CreateChangeSet")
	last := sets[len(sets)-1].In
	if !strings.Contains(text(last, "RoleARN"), "PipelineExecutionRole") || !strings.HasPrefix(text(last, "ChangeSetName"), contract.ChangeSetByPipeline) {
		t.Errorf("role %v, name %v", last["RoleARN"], last["ChangeSetName"])
	}
	if got := imageOf(b.output.String()); got != other {
		t.Errorf("deployed %s", got)
	}
	b.may(deployer.Names...)
	// Destroying it then uses the people's role: the pipeline's may not delete the pipeline.
	b.again("b").mustDestroy(t)
	for _, c := range b.double.CallsTo("DeleteStack") {
		if role := text(c.In, "RoleARN"); strings.Contains(text(c.In, "StackName"), "slipway-demo-prod") && (role == "" || strings.Contains(role, "Pipeline")) {
			t.Errorf("the root was deleted with the role %q", role)
		}
	}
}

// A call that AWS carried out and whose answer was lost is repeated by the SDK; that must do no harm and be no failure.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"CreateChangeSet", "ExecuteChangeSet", "StartBuild", "PutObject", "DeleteStack", "CreateServiceLinkedRole", "DeleteObjects", "DeregisterTaskDefinition"} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.double.Lose(operation, 1)
			b.mustDeploy(t, DeployOptions{})
			b.again("a").mustDestroy(t)
		})
	}
}

// Whoever is asked before a first launch is told what it costs, and the plan of each change says what that costs; where there is no
// estimate nothing is said of money.
func TestCostIsTold(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Cost = func(environments ...string) (string, error) {
		return fmt.Sprintf("about 7 USD for %v", environments), nil
	}
	asked := ""
	b.mustDeploy(t, DeployOptions{Confirm: func(what string) error { asked = what; return nil }})
	if !strings.Contains(asked, "until ./scripts/destroy.sh: about 7 USD for [prod] (details: ./scripts/deploy.sh --cost).") {
		t.Error(asked)
	}
	if !strings.Contains(b.progress.String(), "Cost in us-east-1: ") {
		t.Error(b.progress)
	}
	b.again("b").mustDeploy(t, DeployOptions{})
	if strings.Contains(b.progress.String(), "USD") {
		t.Error(b.progress)
	}
}

func TestCostCannotBeTold(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Cost = func(...string) (string, error) { return "", errors.New("no such template") }
	want(t, b.Deploy(t.Context(), DeployOptions{Confirm: func(string) error { return nil }}), "estimate the cost: no such template")
	if living := b.double.Living(); len(living) > 0 {
		t.Errorf("made: %v", living)
	}
}

// What runs in the pipeline's deployment may put objects beside the templates: nobody deploys one that it has put there.
func TestForeignTemplateIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	bucket := b.double.PhysicalID("slipway-demo-foundation", "Bucket")
	text, err := os.ReadFile("../../templates/prod/pipeline.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b.double.PutObject(bucket, contract.TemplateKey(hashOf(text)), []byte("Resources: {}"))
	want(t, b.again("b").Deploy(t.Context(), DeployOptions{}), contract.TemplateKey(hashOf(text)), "is not the template", "delete it")
	if changes := len(b.double.CallsTo("CreateChangeSet")); changes != 2 {
		t.Errorf("%d change sets were made, the foundation's and the environment's first alone were to be", changes)
	}
}

// A pipeline on a git host takes what is pushed there, so nothing is uploaded for it.
func TestGitHostIsNotFed(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, `
name: shop
environments: [{name: prod}]
pipeline:
  source:
    connection: arn:aws:codeconnections:us-east-1:123456789012:connection/12345678-1234-1234-1234-123456789012
    repository: example/shop
`)
	b.double.Put("AWS::CodeConnections::Connection", b.Config.Pipeline.Source.Connection, nil)
	b.mustDeploy(t, DeployOptions{})
	for _, put := range b.double.CallsTo("PutObject") {
		if strings.Contains(strings.Join(values(put.In), " "), contract.SourceObject) {
			t.Error("source.zip was uploaded")
		}
	}
	if root := b.root(t, "shop-prod"); root.parameters[contract.KeyConnectionARN] == "" {
		t.Errorf("the root has no connection: %v", root.parameters)
	}
}
