package launch

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"slipway/internal/contract"
	"slipway/internal/plan"
)

const branched = `name: shop
environments:
  - {name: dev, network: {cidr: 10.1.0.0/16}}
  - {name: test, network: {cidr: 10.2.0.0/16}}
  - {name: prod, network: {cidr: 10.3.0.0/16}}
pipeline:
  branches:
    - {name: develop, environments: [dev]}
    - {name: main, environments: [test, prod]}
`

// sources are the identities of what the pipelines watch, by key.
func (b *bench) sources(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	bucket := b.double.PhysicalID(contract.FoundationStackName(b.Config.Name), "Bucket")
	for _, key := range []string{contract.SourceObject, "source/develop.zip", "source/main.zip"} {
		out, err := s3.NewFromConfig(b.double.Config(), func(o *s3.Options) { o.UsePathStyle = true }).HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
		if err == nil {
			found[key] = (out.Metadata[metadataIdentity] + "-")[:1]
		}
	}
	return found
}

func (b *bench) wantSources(t *testing.T, want string) {
	t.Helper()
	var got []string
	for key, identity := range b.sources(t) {
		got = append(got, key+"="+identity)
	}
	slices.Sort(got)
	if text := strings.Join(got, " "); text != want {
		t.Errorf("the pipelines have %s, want %s", text, want)
	}
}

// Both pipelines of a first launch find a source, and later each gets what is deployed to its environments.
func TestBranchesAreFed(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, branched)
	b.mustDeploy(t, DeployOptions{})
	b.wantSources(t, "source/develop.zip=a source/main.zip=a")
	home := b.root(t, "shop-prod")
	for _, key := range []string{"PipelineNameDevelop", "PipelineNameMain"} {
		name := home.outputs[key]
		if len(b.double.Executions(name)) != 1 || !strings.Contains(b.output.String(), key+"="+name) {
			t.Errorf("%s is %q, with %v; the run said\n%s", key, name, b.double.Executions(name), b.output)
		}
	}
	for _, put := range b.double.CallsTo("PutObject") {
		if text := strings.Join(values(put.In), " "); strings.Contains(text, contract.BranchPrefix) && put.Time.After(lastSet(b, "shop-prod")) {
			t.Errorf("%s came after the pipelines", text)
		}
	}
	for environment, branch := range map[string]string{"dev": "develop", "test": "main", "prod": "main"} {
		records, err := b.releases(b.bucketName(t)).Latest(t.Context(), environment)
		if err != nil || len(records) != 1 || records[0].Branch != branch {
			t.Errorf("the releases of %s: %+v, %v", environment, records, err)
		}
	}

	b.asking(t, branched)
	b.Source = tree("b")
	b.mustDeploy(t, DeployOptions{})
	b.wantSources(t, "source/develop.zip=b source/main.zip=a")
	b.asking(t, branched)
	b.Source = tree("c")
	b.mustDeploy(t, DeployOptions{Environments: []string{"test"}})
	b.wantSources(t, "source/develop.zip=b source/main.zip=c")
	b.mustDestroy(t)
}

// lastSet is when the last change set of a stack was asked for.
func lastSet(b *bench, name string) (at time.Time) {
	for _, c := range b.double.CallsTo("CreateChangeSet") {
		if text(c.In, "StackName") == name {
			at = c.Time
		}
	}
	return at
}

func (b *bench) bucketName(t *testing.T) string {
	t.Helper()
	return b.double.PhysicalID(contract.FoundationStackName(b.Config.Name), "Bucket")
}

// Where branches come later the new pipelines find a source, and one that has been given another keeps it.
func TestBranchesComeLater(t *testing.T) {
	t.Parallel()
	single, _, _ := strings.Cut(branched, "pipeline:")
	b := newBench(t).asking(t, single)
	b.mustDeploy(t, DeployOptions{})
	b.wantSources(t, "source.zip=a")
	b.double.PutObject(b.bucketName(t), "source/develop.zip", []byte("another"))
	b.asking(t, branched)
	b.Source = tree("b")
	b.mustDeploy(t, DeployOptions{Environments: []string{"prod"}, Decide: func(...plan.Risk) error { return nil }})
	b.wantSources(t, "source.zip=a source/develop.zip=- source/main.zip=b")
	for _, put := range b.double.CallsTo("PutObject") {
		if text := strings.Join(values(put.In), " "); strings.Contains(text, "source/main.zip") && put.Time.After(lastSet(b, "shop-prod")) {
			t.Error("the new pipeline was there before its source")
		}
	}
	b.mustDestroy(t)
}

// A source goes to the pipeline of its branch alone.
func TestPushToABranch(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, branched)
	b.mustDeploy(t, DeployOptions{})
	b.asking(t, branched)
	b.Source = tree("b")
	pushed, err := b.Push(t.Context(), "main")
	if err != nil || !pushed.New || pushed.Pipeline != b.root(t, "shop-prod").outputs["PipelineNameMain"] {
		t.Errorf("pushed %+v, %v", pushed, err)
	}
	b.wantSources(t, "source/develop.zip=a source/main.zip=b")
	_, err = b.Push(t.Context(), "feature/x")
	want(t, err, "branch feature/x has no pipeline", "develop, main", "--branch")
	_, err = b.Push(t.Context(), "")
	want(t, err, "no branch is checked out", "develop, main")
	single, _, _ := strings.Cut(branched, "pipeline:")
	_, err = b.asking(t, single).Push(t.Context(), "main")
	want(t, err, "no pipeline.branches")
	at := strings.Replace(branched, "pipeline:\n", "pipeline:\n  source: {connection: \"arn:aws:codeconnections:eu-west-1:123456789012:connection/12345678-1234-1234-1234-123456789012\", repository: example/shop}\n", 1)
	_, err = b.asking(t, at).Push(t.Context(), "main")
	want(t, err, "branch main of example/shop", "push to it with git")
}

// The pipeline of a branch deploys with its role to the environments of the branch, and to no others.
func TestBranchesDeployToTheirOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, branched)
	b.mustDeploy(t, DeployOptions{})
	role := b.double.RolePolicies(t, b.double.PhysicalID("shop-prod", "Pipeline.DeployRoleMain"))
	image := func(source string) string {
		b.may("deploy", "foundation", "preflight", "destroy", "operate")
		return b.pushed(source)
	}
	second := image("b")
	for _, environment := range []string{"test", "prod"} {
		b.asking(t, branched)
		b.double.Restrict(role...)
		b.mustDeploy(t, DeployOptions{Environments: []string{environment}, ByPipeline: true, Image: second, Execution: "1"})
	}
	b.asking(t, branched)
	b.double.Restrict(role...)
	err := b.Deploy(t.Context(), DeployOptions{Environments: []string{"dev"}, ByPipeline: true, Image: second, Execution: "2"})
	want(t, err, "not authorized")
	if running := b.root(t, "shop-dev").parameters[contract.KeyImageURI]; running == second {
		t.Error("it was deployed all the same")
	}
}

// A destroy of one environment ends what all pipelines that stay are at, and one of everything what any is at.
func TestDestroyStopsTheBranches(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, branched)
	b.mustDeploy(t, DeployOptions{})
	var running []string
	for _, key := range []string{"PipelineNameDevelop", "PipelineNameMain"} {
		name := b.root(t, "shop-prod").outputs[key]
		b.double.PutExecution(name, "InProgress")
		running = append(running, name)
	}
	b.asking(t, branched)
	if err := b.Destroy(t.Context(), DestroyOptions{Environments: []string{"test"}}); err != nil {
		t.Fatalf("%v\n%s", err, b.progress)
	}
	for _, name := range running {
		runs := b.double.Executions(name)
		if last := runs[len(runs)-1]; last.Status == "InProgress" {
			t.Errorf("%s still runs: %+v", name, last)
		}
	}
	b.asking(t, branched)
	b.mustDestroy(t)
}
