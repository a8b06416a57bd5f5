package launch

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
	"slipway/internal/residue"
)

const twoEnvironments = "name: shop\nenvironments: [{name: test, entry: {accessLogs: true}}, {name: prod}]\n"

// mustDestroyOnly destroys environments and checks that nothing of their stacks is left.
func (b *bench) mustDestroyOnly(t *testing.T, environments ...string) {
	t.Helper()
	if err := b.Destroy(t.Context(), DestroyOptions{Environments: environments}); err != nil {
		t.Fatalf("destroy %v: %v\n%s", environments, err, b.progress)
	}
	for _, name := range environments {
		b.wantNothingOf(t, contract.EnvironmentStackName(b.Config.Name, name))
	}
}

// wantNothingOf checks that nothing lives that the stack or one nested in it has made.
func (b *bench) wantNothingOf(t *testing.T, stack string) {
	t.Helper()
	if living := b.double.LivingOf(stack); len(living) > 0 {
		t.Errorf("after its destroy there is still %v", living)
	}
	if got := b.double.StackStatus(stack); got != "" {
		t.Errorf("stack %s is %s", stack, got)
	}
}

// works checks that an environment is up and answers, which a deployment with nothing to change does.
func (b *bench) works(t *testing.T, environment string) {
	t.Helper()
	sets := len(b.double.CallsTo("CreateChangeSet"))
	b.asking(t, twoEnvironments).mustDeploy(t, DeployOptions{Environments: []string{environment}, KeepImage: true})
	if n := len(b.double.CallsTo("CreateChangeSet")) - sets; n != 0 {
		t.Errorf("%s was changed: %d change sets", environment, n)
	}
}

// One environment goes, with its access logs; the foundation and the other one stay and work, and it comes up again.
func TestDestroyOneEnvironment(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, twoEnvironments)
	b.mustDeploy(t, DeployOptions{})
	b.asking(t, twoEnvironments).mustDeploy(t, DeployOptions{KeepImage: true, Environments: []string{"test"}})
	b.double.PutObject(b.double.PhysicalID("shop-test", "ECS.AccessLogs"), "log", []byte("x"))
	bucket := b.double.PhysicalID("shop-foundation", "Bucket")
	pipeline := b.double.PhysicalID("shop-prod", "Pipeline.Pipeline")
	execution := b.double.PutExecution(pipeline, "InProgress")
	objects := len(b.double.Objects(bucket))

	b.asking(t, twoEnvironments).mustDestroyOnly(t, "test")
	said := b.progress.String()
	for _, part := range []string{"environment test of shop", "stay: the foundation, and in its bucket the records of the releases, environment prod", "the next commit brings test up again"} {
		if !strings.Contains(said, part) {
			t.Errorf("it does not say %q:\n%s", part, said)
		}
	}
	if n := len(b.double.Objects(bucket)); n != objects {
		t.Errorf("the foundation's bucket has %d objects, and had %d", n, objects)
	}
	if n := len(b.double.CallsTo("DisableRule")); n != 0 {
		t.Error("the pipeline's trigger was disabled, and prod has no delivery any more")
	}
	stops := b.double.CallsTo("StopPipelineExecution")
	if len(stops) != 1 || text(stops[0].In, "pipelineExecutionId") != execution || stops[0].In["abandon"] == true {
		t.Errorf("what the pipeline's run has begun should end, and nothing begin after it: %v", stops)
	}
	b.works(t, "prod")

	b.asking(t, twoEnvironments).mustDeploy(t, DeployOptions{})
	b.works(t, "test")
	b.asking(t, twoEnvironments).mustDestroy(t)
}

// The pipeline lives in one of the environments and goes with that one: said before anybody agrees.
func TestDestroyThePipelinesHome(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, twoEnvironments)
	b.mustDeploy(t, DeployOptions{})
	declined := errors.New("declined")
	err := b.asking(t, twoEnvironments).Destroy(t.Context(), DestroyOptions{Environments: []string{"prod"}, Confirm: func(string) error { return declined }})
	if !errors.Is(err, declined) || !strings.Contains(b.progress.String(), "the pipeline lives in prod and goes with it") || !strings.Contains(b.progress.String(), "no commit reaches test") {
		t.Errorf("%v\n%s", err, b.progress)
	}
	b.asking(t, twoEnvironments).mustDestroyOnly(t, "prod")
	b.works(t, "test")
	b.asking(t, twoEnvironments).mustDeploy(t, DeployOptions{})
	if b.double.PhysicalID("shop-prod", "Pipeline.Pipeline") == "" {
		t.Error("the pipeline is not back")
	}
	b.asking(t, twoEnvironments).mustDestroy(t)
}

// With the last environment the foundation stays, and what takes it away is said.
func TestDestroyTheLastEnvironment(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, twoEnvironments)
	b.mustDeploy(t, DeployOptions{})
	b.asking(t, twoEnvironments).mustDestroyOnly(t, "test", "prod")
	if got := b.double.StackStatus("shop-foundation"); got != "CREATE_COMPLETE" {
		t.Errorf("the foundation is %q", got)
	}
	if !strings.Contains(b.progress.String(), "./scripts/destroy.sh without --environment") {
		t.Errorf("it does not say how the foundation goes:\n%s", b.progress)
	}
	b.asking(t, twoEnvironments).mustDestroyOnly(t, "prod")
	if !strings.Contains(b.progress.String(), "nothing of environment prod of shop is in account 123456789012") {
		t.Errorf("%s", b.progress)
	}
	b.asking(t, twoEnvironments).mustDestroy(t)
}

func TestDestroyAnUnknownEnvironment(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, twoEnvironments)
	b.mustDeploy(t, DeployOptions{})
	want(t, b.asking(t, twoEnvironments).Destroy(t.Context(), DestroyOptions{Environments: []string{"tset"}}), `no environment "tset"`, "test, prod")
	// One that slipway.yaml names no more has its stack still.
	b.double.PutStack(awsdouble.StackSpec{Name: "shop-former", Status: "CREATE_COMPLETE", Tags: tagsOf("shop", "former", contract.StackRoot)})
	b.asking(t, twoEnvironments).mustDestroyOnly(t, "former")
	b.asking(t, twoEnvironments).mustDestroy(t)
}

// What one destroy left unproven the other proves: of an environment, then of all, and the other way round.
func TestRecordOfBothDestroys(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, twoEnvironments)
	b.mustDeploy(t, DeployOptions{})
	b.double.FailDelete("Network.VPC", "The vpc has dependencies and cannot be deleted.")
	if err := b.asking(t, twoEnvironments).Destroy(t.Context(), DestroyOptions{Environments: []string{"test"}}); err == nil {
		t.Fatal("no error")
	}
	vpc := b.double.PhysicalID("shop-test", "Network.VPC")
	b.double.FailDelete("Network.VPC", "")
	b.wantRecorded(t, "shop-test", true)
	b.wantRecorded(t, "shop-prod", false)
	// Somebody brings it to its end in the console, but for one resource.
	if err := b.asking(t, twoEnvironments).deleteStack(t.Context(), b.root(t, "shop-test"), ""); err != nil {
		t.Fatal(err)
	}
	b.double.Put("AWS::EC2::VPC", vpc, nil)
	for _, o := range []DestroyOptions{{Environments: []string{"test"}}, {}} {
		b.asking(t, twoEnvironments).vanishing = 10 * time.Millisecond
		want(t, b.Destroy(t.Context(), o), "1 of ", vpc)
	}
	b.wantRecorded(t, "shop-prod", true)
	b.double.Delete(vpc)
	// The environment's part is proven and forgotten, the rest of what the whole destroy recorded is not.
	b.asking(t, twoEnvironments).mustDestroyOnly(t, "test")
	b.wantRecorded(t, "shop-test", false)
	b.wantRecorded(t, "shop-foundation", true)
	b.asking(t, twoEnvironments).mustDestroy(t)
	b.wantRecorded(t, "shop-foundation", false)
}

// wantRecorded checks whether the record still has something of a root.
func (b *bench) wantRecorded(t *testing.T, root string, want bool) {
	t.Helper()
	var resources []residue.Resource
	r, err := b.openRecord(nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(r.file); err == nil {
		if err := json.Unmarshal(text, &resources); err != nil {
			t.Fatal(err)
		}
	}
	got := false
	for _, resource := range resources {
		got = got || resource.StackName == root || strings.HasPrefix(resource.StackName, root+".")
	}
	if got != want {
		t.Errorf("recorded of %s: %t, want %t", root, got, want)
	}
}

// Nothing is recorded for a destroy that nobody agreed to.
func TestDeclinedDestroyRecordsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, twoEnvironments)
	b.mustDeploy(t, DeployOptions{})
	declined := errors.New("declined")
	_ = b.asking(t, twoEnvironments).Destroy(t.Context(), DestroyOptions{Confirm: func(string) error { return declined }})
	b.wantRecorded(t, "shop-test", false)
	b.asking(t, twoEnvironments).mustDestroy(t)
}

// Killed after any number of calls, the destroy of an environment is brought to its end by the next one: of that
// environment or of all.
func TestEnvironmentKilledAnywhere(t *testing.T) {
	t.Parallel()
	whole := newBench(t).asking(t, twoEnvironments)
	whole.mustDeploy(t, DeployOptions{})
	launch := len(whole.double.Calls())
	whole.asking(t, twoEnvironments).mustDestroyOnly(t, "test")
	calls := len(whole.double.Calls()) - launch
	steps := 2
	if os.Getenv("SLIPWAY_LONG") != "" {
		steps = 24
	}
	for i, n := 0, calls/4; n < calls; i, n = i+1, n+max(1, calls/steps) {
		b := newBench(t).asking(t, twoEnvironments)
		b.mustDeploy(t, DeployOptions{})
		_ = b.asking(t, twoEnvironments).Destroy(cancelledAt(t, b.double, len(b.double.Calls())+n), DestroyOptions{Environments: []string{"test"}})
		if i%2 == 0 {
			b.asking(t, twoEnvironments).mustDestroyOnly(t, "test")
			b.works(t, "prod")
		}
		b.asking(t, twoEnvironments).mustDestroy(t)
	}
}
