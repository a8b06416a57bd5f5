package launch

import (
	"io/fs"
	"os"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"slipway/internal/awsdouble"
	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/deployer"
	"slipway/internal/iampolicy"
	"slipway/internal/preflight"
	"slipway/internal/residue"
)

// Each step works with as few policies as docs/permissions.md says: newBench holds every other test to all of them.
func TestPoliciesSuffice(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.may(deployer.Deploy, deployer.Foundation)
	b.mustDeploy(t, DeployOptions{})
	b.may(deployer.Deploy)
	b.again("b").mustDeploy(t, DeployOptions{})
	b.again("c").mustDeploy(t, DeployOptions{KeepImage: true})
	want(t, b.again("c").Destroy(t.Context(), DestroyOptions{}), "not authorized to perform", "docs/permissions.md")
	b.may(deployer.Names...)
	b.again("c").mustDestroy(t)
}

// Everyday deployments cannot make or change the foundation.
func TestDeployPolicyLeavesTheFoundationAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.may(deployer.Deploy)
	want(t, b.Deploy(t.Context(), DeployOptions{}), "not authorized to perform")
	for _, stack := range b.double.Living() {
		t.Errorf("made all the same: %s", stack)
	}
}

// Every statement, and every action in it, is there for something: without it a request of some launch, of its end or of
// what goes wrong in between would be refused. What CloudFormation asks for the foundation's stack no launcher calls;
// internal/stacks tests that by the handlers in the resource schemas.
func TestPoliciesAreMinimal(t *testing.T) {
	t.Parallel()
	launches, looks, rights := everyRequest(t)
	for i, r := range rights {
		requests, held := launches, deployer.Names[:slices.Index(deployer.Names, r.Policy)+1]
		if r.Policy == deployer.Preflight {
			requests, held = looks, []string{deployer.Deploy, deployer.Preflight}
		}
		for j, action := range r.Action {
			if r.ForCloudFormation || slices.Contains(residue.Calls(), action) && !asked(requests, action) {
				continue // the committed templates do not have every type that destroy can prove gone
			}
			var whole, lessened iampolicy.Document
			for k, other := range rights {
				if !slices.Contains(held, other.Policy) {
					continue
				}
				whole.Statement = append(whole.Statement, other.Statement)
				if k == i {
					other.Action = slices.Delete(slices.Clone(r.Action), j, j+1)
				}
				lessened.Statement = append(lessened.Statement, other.Statement)
			}
			if !slices.ContainsFunc(requests, func(request iampolicy.Request) bool {
				return iampolicy.Allowed(request, whole) && !iampolicy.Allowed(request, lessened)
			}) {
				t.Errorf("policy %s, statement %s: no request needs %s", r.Policy, r.Sid, action)
			}
		}
	}
}

func asked(requests []iampolicy.Request, action string) bool {
	return slices.ContainsFunc(requests, func(r iampolicy.Request) bool { return r.Action == action })
}

// Every question of a proof is allowed, those included for types that the committed templates do not have.
func TestPoliciesAllowEveryProof(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, action := range residue.Calls() {
		if !slices.ContainsFunc(b.rights(), func(r deployer.Right) bool { return slices.Contains(r.Action, action) }) {
			t.Errorf("no policy allows %s", action)
		}
	}
}

func (b *bench) rights() []deployer.Right {
	return deployer.Rights(b.Config, deployer.Place{Partition: "aws", Region: b.double.Region, Account: b.double.AccountID})
}

// everyRequest is what is asked for by launches that succeed and that fail, and by their ends; looks is what a launch asks
// besides about what slipway.yaml names.
func everyRequest(t *testing.T) (launches, looks []iampolicy.Request, rights []deployer.Right) {
	t.Helper()
	b := newBench(t, awsdouble.WithEventDelay(15*time.Millisecond))
	b.double.PutStack(awsdouble.StackSpec{Name: "slipway-demo-prod", Status: "REVIEW_IN_PROGRESS"}) // as a launch leaves it that was cut off
	b.double.FailResource("ECS.Service", "it did not come up")
	want(t, b.Deploy(t.Context(), DeployOptions{}), "ROLLBACK_COMPLETE")
	b.double.FailResource("ECS.Service", "")

	b.double.NestedChangeSetsFail("no preview")
	b.again("a").Config.Environments[0].Tasks = config.Tasks{Min: 3, Max: 6, ScaleOnCPU: 60} // a new service has one task: the launcher raises the count
	b.Config.Environments[0].Protected = true
	b.Templates = rendered(t, b.Config)
	b.mustDeploy(t, DeployOptions{})
	b.double.NestedChangeSetsFail("")
	for _, status := range []string{"UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED"} {
		for _, name := range []string{"slipway-demo-foundation", "slipway-demo-prod"} {
			b.double.SetStackStatus(name, status, "")
		}
		b.again("b").Templates = withComment(t)
		b.mustDeploy(t, DeployOptions{})
	}

	b.double.PutStack(awsdouble.StackSpec{Name: "slipway-demo-former", Status: "CREATE_COMPLETE", Protected: true, Tags: tagsOf("slipway-demo", "former", contract.StackRoot)})
	b.double.PutExecution(b.double.PhysicalID("slipway-demo-prod", "Pipeline.Pipeline"), "InProgress")
	b.double.PutUpload(b.double.PhysicalID("slipway-demo-foundation", "Bucket"), "artifacts/unfinished")
	project := b.double.PhysicalID("slipway-demo-prod", "Pipeline.ChecksProject")
	b.build(t, project)
	b.double.OnBuild(func(awsdouble.Build) awsdouble.BuildResult { return awsdouble.BuildResult{} })
	_, err := codebuild.NewFromConfig(b.double.Config()).StartBuild(t.Context(), &codebuild.StartBuildInput{
		ProjectName: &project, SourceTypeOverride: types.SourceTypeS3, SourceLocationOverride: new("nowhere"),
		ArtifactsOverride: &types.ProjectArtifacts{Type: types.ArtifactsTypeNoArtifacts},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.double.FailDelete("Network.VPC", "The vpc 'vpc-1' has dependencies and cannot be deleted.")
	want(t, b.again("b").Destroy(t.Context(), DestroyOptions{Protected: []string{"former", "prod"}}), "has dependencies")
	b.double.FailDelete("Network.VPC", "")
	if err := b.again("b").Destroy(t.Context(), DestroyOptions{Protected: []string{"former", "prod"}}); err != nil {
		t.Fatalf("%v\n%s", err, b.progress)
	}
	zone := "Z0123456789ABCDEFGHIJ"
	proof := residue.Resource{Type: residue.ProofRecord, PhysicalID: zone + "|" + b.given().double.PutProof(zone, "www.example.com")}
	if err := (&removal{Launcher: b.Launcher, record: &record{}}).sweepProof(t.Context(), proof); err != nil {
		t.Fatal(err)
	}
	launches = b.double.Requests()
	b.lookAtEverything(t)
	return launches, b.double.Requests()[len(launches):], b.rights()
}

// lookAtEverything asks what a launch asks whose slipway.yaml names all that it can.
func (b *bench) lookAtEverything(t *testing.T) {
	t.Helper()
	cfg, err := config.Parse(config.File, []byte(named+`    watch: {topic: "arn:aws:sns:us-east-1:123456789012:oncall"}
security:
  boundary: arn:aws:iam::123456789012:policy/limit
  key: arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef
`))
	if err != nil {
		t.Fatal(err)
	}
	in := preflight.Place{Account: b.double.AccountID, Region: b.double.Region}
	if _, err := preflight.Check(t.Context(), b.given().double.Config(), in, cfg, cfg.Environments, nil); err != nil {
		t.Fatal(err)
	}
	first := b.Config
	first.Environments = slices.Clone(first.Environments)
	first.Environments[0].Network.NAT, first.Environments[0].Tasks.Spot = config.NATOne, 50
	if _, err := preflight.Check(t.Context(), b.double.Config(), in, first, first.Environments, []string{first.Environments[0].Name}); err != nil {
		t.Fatal(err)
	}
	b.unconfirmed(t.Context(), "arn:aws:sns:us-east-1:123456789012:slipway-demo-prod-topic", "oncall@example.com")
}

// withComment are the templates with a foundation that differs in nothing that matters, so that its change set is empty.
func withComment(t *testing.T) fs.FS {
	t.Helper()
	changed := fstest.MapFS{}
	committed := os.DirFS("../../templates")
	err := fs.WalkDir(committed, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(committed, path)
		changed[path] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	changed[contract.FoundationTemplate].Data = append(changed[contract.FoundationTemplate].Data, "# nothing\n"...)
	return changed
}
