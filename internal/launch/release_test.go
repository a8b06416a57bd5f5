package launch

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/deployer"
	"slipway/internal/plan"
	"slipway/internal/release"
)

// records are the releases of an environment, newest first.
func (b *bench) releasesOf(t *testing.T, environment string) []release.Record {
	t.Helper()
	store := b.releases(b.double.PhysicalID(contract.FoundationStackName(b.Config.Name), "Bucket"))
	records, err := store.List(t.Context(), environment, 0)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// outcomes are the results of releases, newest first.
func outcomes(records []release.Record) []string {
	var list []string
	for _, r := range records {
		list = append(list, string(r.Result))
	}
	return list
}

func wantOutcomes(t *testing.T, records []release.Record, want ...release.Result) {
	t.Helper()
	var list []string
	for _, r := range want {
		list = append(list, string(r))
	}
	if diff := cmp.Diff(list, outcomes(records)); diff != "" {
		t.Errorf("the releases, newest first (-want +got):\n%s", diff)
	}
}

// A deployment is recorded with all that it takes to repeat it, and one that changes nothing is none.
func TestDeploymentIsRecorded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Machine = "laptop"
	b.mustDeploy(t, DeployOptions{})
	image := imageOf(b.output.String())
	root := b.root(t, "slipway-demo-prod")
	records := b.releasesOf(t, "prod")
	wantOutcomes(t, records, release.Succeeded)
	r := records[0]
	if r.Number != 1 || r.Kind != release.Deployment || !r.Stands || r.Image != image || r.Source.Commit != "commita" || r.Source.Identity != tree("a").Identity() {
		t.Errorf("recorded is %+v", r)
	}
	if diff := cmp.Diff(root.parameters, r.Parameters); diff != "" {
		t.Errorf("its parameters are not the stack's:\n%s", diff)
	}
	if !strings.HasSuffix(r.By, " on laptop") || r.Began.IsZero() || r.Ended.Before(r.Began) || r.TemplateSource != r.Source {
		t.Errorf("recorded is %+v", r)
	}
	var p plan.Plan
	if err := json.Unmarshal(r.Plan, &p); err != nil || p.Environment != "prod" || len(p.Changes) == 0 {
		t.Errorf("its plan is %s: %v", r.Plan, err)
	}
	b.wantKept(t, r)
	b.again("a").mustDeploy(t, DeployOptions{})
	wantOutcomes(t, b.releasesOf(t, "prod"), release.Succeeded)

	b.again("b").mustDeploy(t, DeployOptions{})
	b.again("c").Templates = withComment(t)
	b.mustDeploy(t, DeployOptions{KeepImage: true}) // only the foundation's template differs
	wantOutcomes(t, b.releasesOf(t, "prod"), release.Succeeded, release.Succeeded)
}

// wantKept looks for all that a release names.
func (b *bench) wantKept(t *testing.T, r release.Record) {
	t.Helper()
	store := b.releases(b.double.PhysicalID(contract.FoundationStackName(b.Config.Name), "Bucket"))
	text, err := store.Object(t.Context(), r.Set)
	if err != nil {
		t.Fatal(err)
	}
	set, err := release.DecodeSet(r.Set, text)
	if err != nil {
		t.Fatal(err)
	}
	if set.Hash() != r.TemplateSet || set.Files["prod/root.yaml"] == "" || set.Files["foundation.yaml"] == "" {
		t.Errorf("the set is %+v", set)
	}
	for path, hash := range set.Files {
		if _, err := store.Object(t.Context(), contract.TemplateKey(hash)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	digest := r.Image[strings.Index(r.Image, "@")+1:]
	tags := b.double.ImageTags(b.double.PhysicalID(contract.FoundationStackName(b.Config.Name), "Repository"), digest)
	if !slices.Contains(tags, contract.ReleaseTag(digest)) {
		t.Errorf("the image has the tags %v: the registry may let it go", tags)
	}
}

// An image may have been tagged between the look and the deed, by a try whose answer was lost: that tag names its digest, so however a
// registry puts it, it is this image's.
func TestImageThatIsTaggedAlready(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	for name, code := range map[string]string{"b": "ImageAlreadyExistsException", "c": "ImageTagAlreadyExistsException"} {
		b.double.Fail("PutImage", code, "The image tag 'release-8fe1' already exists in the repository", 1)
		b.again(name).mustDeploy(t, DeployOptions{})
	}
}

// What fails is recorded with its cause, and what stands is known.
func TestFailedDeploymentIsRecorded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.double.FailResource("ECS.Service", "it did not come up")
	want(t, b.Deploy(t.Context(), DeployOptions{}), "ROLLBACK_COMPLETE")
	b.double.FailResource("ECS.Service", "")
	b.again("a").mustDeploy(t, DeployOptions{})
	b.double.FailResource("ECS.Service", "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.\"")
	want(t, b.again("b").Deploy(t.Context(), DeployOptions{}), "UPDATE_ROLLBACK_COMPLETE")
	b.double.FailResource("ECS.Service", "")
	records := b.releasesOf(t, "prod")
	wantOutcomes(t, records, release.RolledBack, release.Succeeded, release.RolledBack)
	if records[0].Stands || records[0].Cause != "container-exits" || !strings.Contains(records[0].Error, "UPDATE_ROLLBACK_COMPLETE") {
		t.Errorf("recorded is %+v", records[0])
	}
	if stands, _ := release.Current(records); stands == nil || stands.Number != 2 {
		t.Errorf("current is %+v", stands)
	}
}

// Where the stack is complete and only the service does not answer, the release failed and stands.
func TestFailedAcceptanceIsRecorded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.again("b").Config.Service.Acceptance = []config.Check{{Path: "/nowhere", Status: 299}}
	b.patience = 50 * time.Millisecond
	want(t, b.Deploy(t.Context(), DeployOptions{}), "acceptance")
	records := b.releasesOf(t, "prod")
	wantOutcomes(t, records, release.Failed, release.Succeeded)
	if !records[0].Stands || !strings.Contains(records[0].Error, "acceptance") {
		t.Errorf("recorded is %+v", records[0])
	}
	b.again("b").mustDeploy(t, DeployOptions{}) // nothing to change, and now it answers
	wantOutcomes(t, b.releasesOf(t, "prod"), release.Succeeded, release.Failed, release.Succeeded)
}

// A run that is cut off leaves a release without an end; the next one records what is there.
func TestInterruptedDeploymentIsUnfinished(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	ctx, kill := context.WithCancel(t.Context())
	go func() {
		for b.double.StackStatus("slipway-demo-prod") != "UPDATE_IN_PROGRESS" {
			time.Sleep(time.Millisecond)
		}
		b.double.Hold()
		kill()
	}()
	if err := b.again("b").Deploy(ctx, DeployOptions{}); !errors.Is(err, ErrInterrupted) && !errors.Is(err, context.Canceled) {
		t.Fatalf("it ended with %v", err)
	}
	b.double.Release()
	wantOutcomes(t, b.releasesOf(t, "prod"), release.Unfinished, release.Succeeded)
	b.again("b").mustDeploy(t, DeployOptions{})
	wantOutcomes(t, b.releasesOf(t, "prod"), release.Succeeded, release.Unfinished, release.Succeeded)
}

// Nothing is changed that cannot be recorded.
func TestWhatCannotBeRecordedIsNotDone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	image := b.root(t, "slipway-demo-prod").parameters[contract.KeyImageURI]
	b.double.Fail("BatchGetImage", "AccessDeniedException", "not authorized to perform: ecr:BatchGetImage", 1)
	want(t, b.again("b").Deploy(t.Context(), DeployOptions{}), "so that it never expires", "ecr:BatchGetImage")
	if got := b.root(t, "slipway-demo-prod").parameters[contract.KeyImageURI]; got != image {
		t.Errorf("it was deployed all the same: %s", got)
	}
	wantOutcomes(t, b.releasesOf(t, "prod"), release.Succeeded)
}

// The pipeline's deployment is recorded with its execution, by its own role's rights.
func TestPipelineDeploymentIsRecorded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	image := b.pushed("b")
	b.double.Restrict(b.double.RolePolicies(t, b.double.PhysicalID("slipway-demo-prod", "Pipeline.DeployRole"))...)
	b.again("b").mustDeploy(t, DeployOptions{ByPipeline: true, Environments: []string{"prod"}, Image: image, Execution: "e-1"})
	b.may(deployer.Names...)
	records := b.releasesOf(t, "prod")
	wantOutcomes(t, records, release.Succeeded, release.Succeeded)
	if records[0].Execution != "e-1" || records[0].Source.Commit != "commitb" {
		t.Errorf("recorded is %+v", records[0])
	}
	b.wantKept(t, records[0])
}
