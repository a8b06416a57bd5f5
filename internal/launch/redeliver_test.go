package launch

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/release"
)

// withoutSource is another run on the same account that has neither source nor templates: only the name, and who asks.
func (b *bench) withoutSource() *bench {
	name := b.Config.Name
	b.again("z")
	b.Source, b.Templates, b.Slipway, b.Config = nil, fstest.MapFS{}, "", config.Config{Name: name}
	return b
}

const devAndProd = `name: shop
service: {port: 8080, cpu: 256, memory: 512, architecture: x86, healthPath: /}
environments:
  - name: dev
    tasks: {min: 1, max: 1}
  - name: prod
    tasks: {min: 2, max: 2}
pipeline: {environment: prod}
`

// deployedFrom is another run with this slipway.yaml and source.
func (b *bench) deployedFrom(t *testing.T, slipway, source string) *bench {
	t.Helper()
	b.asking(t, slipway)
	b.Source, b.Slipway = tree(source), slipway
	return b
}

// A rollback brings back image, templates and parameters of a release, without its source, and is a release itself.
func TestRollback(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.deployedFrom(t, devAndProd, "a").mustDeploy(t, DeployOptions{})
	first := b.root(t, "shop-dev")
	more := strings.Replace(devAndProd, "{min: 1, max: 1}", "{min: 3, max: 3}", 1)
	b.deployedFrom(t, more, "b").mustDeploy(t, DeployOptions{})
	if second := b.root(t, "shop-dev"); second.parameters[contract.KeyECSTemplateURL] == first.parameters[contract.KeyECSTemplateURL] {
		t.Fatal("the templates are the same")
	}
	b.withoutSource()
	if err := b.Rollback(t.Context(), "dev", 0, DeployOptions{}); err != nil {
		t.Fatalf("%v\n%s", err, b.progress)
	}
	back := b.root(t, "shop-dev")
	for key, value := range first.parameters {
		if back.parameters[key] != value {
			t.Errorf("%s is %s, was %s", key, back.parameters[key], value)
		}
	}
	text, err := b.templateOf(t.Context(), back.id)
	if want, _ := fs.ReadFile(rendered(t, mustParse(t, devAndProd)), "dev/root.yaml"); err != nil || text != string(want) {
		t.Errorf("the template is another one: %v", err)
	}
	records := b.releasesOf(t, "dev")
	wantOutcomes(t, records, release.Succeeded, release.Succeeded, release.Succeeded)
	r := records[0]
	if r.Kind != release.Rollback || r.Of == nil || r.Of.Number != 1 || r.Source.Commit != "commita" || !r.Same(records[2]) || r.TemplateSet != records[2].TemplateSet {
		t.Errorf("recorded is %+v", r)
	}
	want(t, b.withoutSource().Rollback(t.Context(), "dev", 0, DeployOptions{}), "no successful release before the current one")
	if err := b.withoutSource().Rollback(t.Context(), "dev", 2, DeployOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, want := imageOf(b.output.String()), records[1].Image; got != want {
		t.Errorf("forth again it runs %s, want %s", got, want)
	}
	// Once more the same: nothing to change, nothing to record.
	if err := b.withoutSource().Rollback(t.Context(), "dev", 2, DeployOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := len(b.releasesOf(t, "dev")); n != 4 {
		t.Errorf("%d releases, want 4", n)
	}
}

func mustParse(t *testing.T, slipway string) config.Config {
	t.Helper()
	cfg, err := config.Parse(config.File, []byte(slipway))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// What cannot be gone back to is refused before anything is changed.
func TestRollbackIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := b.withoutSource().Rollback(t.Context(), "prod", 0, DeployOptions{}); !errors.Is(err, release.ErrNone) {
		t.Errorf("where nothing is up: %v", err)
	}
	b.deployedFrom(t, devAndProd, "a").mustDeploy(t, DeployOptions{})
	b.double.FailResource("ECS.Service", "it did not come up")
	want(t, b.deployedFrom(t, devAndProd, "b").Deploy(t.Context(), DeployOptions{}), "UPDATE_ROLLBACK_COMPLETE")
	b.double.FailResource("ECS.Service", "")
	sets := len(b.double.CallsTo("CreateChangeSet"))
	want(t, b.Rollback(t.Context(), "dev", 2, DeployOptions{}), "rolled back", "releases.sh")
	if err := b.Rollback(t.Context(), "dev", 7, DeployOptions{}); !errors.Is(err, release.ErrNone) {
		t.Errorf("one that is not there: %v", err)
	}
	if err := b.Rollback(t.Context(), "nowhere", 0, DeployOptions{}); !errors.Is(err, release.ErrNone) {
		t.Errorf("an environment that is not there: %v", err)
	}
	b.deployedFrom(t, devAndProd, "c").mustDeploy(t, DeployOptions{})
	records := b.releasesOf(t, "dev")
	set := records[len(records)-1].Set
	b.double.PutObject(b.double.PhysicalID("shop-foundation", "Bucket"), set, []byte("{}"))
	want(t, b.Rollback(t.Context(), "dev", 1, DeployOptions{}), "not what its name says")
	_, digest, _ := strings.Cut(records[len(records)-1].Image, "@")
	b.double.RemoveImage(b.double.PhysicalID("shop-foundation", "Repository"), digest)
	want(t, b.Rollback(t.Context(), "dev", 1, DeployOptions{}), "has no image")
	if n := len(b.double.CallsTo("CreateChangeSet")); n != sets+1 {
		t.Errorf("%d change sets were made", n-sets)
	}
}

// Where the bucket refuses a record, or its list, the right is named, and nothing is changed.
func TestRollbackWithoutTheRecords(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.deployedFrom(t, devAndProd, "a").mustDeploy(t, DeployOptions{})
	b.deployedFrom(t, devAndProd, "b").mustDeploy(t, DeployOptions{})
	executed := len(b.double.CallsTo("ExecuteChangeSet"))
	for method, says := range map[string]string{"GET": "releases/dev/", "PUT": "nothing was changed, since it could not be recorded"} {
		b.withoutSource()
		b.AWS.HTTPClient = roundTrip(func(request *http.Request) (*http.Response, error) {
			if request.Method == method && strings.Contains(request.URL.Path+request.URL.Query().Get("prefix"), "releases/dev/") {
				return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(strings.NewReader(
					"<Error><Code>AccessDenied</Code><Message>User: me is not authorized to perform: s3:" + method + "Object because no identity-based policy allows it</Message></Error>"))}, nil
			}
			return http.DefaultClient.Do(request)
		})
		err := b.held(hasty).Rollback(t.Context(), "dev", 1, DeployOptions{})
		want(t, err, says)
		namesRight(t, err, "s3")
	}
	if n := len(b.double.CallsTo("ExecuteChangeSet")); n != executed {
		t.Errorf("%d change sets were executed", n-executed)
	}
	wantOutcomes(t, b.withoutSource().releasesIn(t, "dev"), release.Succeeded, release.Succeeded)
}

// A rollback passes the gate as a deployment does, and what fails is recorded.
func TestRollbackIsGatedAndRecorded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.deployedFrom(t, devAndProd, "a").mustDeploy(t, DeployOptions{})
	b.deployedFrom(t, devAndProd, "b").mustDeploy(t, DeployOptions{})
	b.double.FailResource("ECS.Service", "it did not come up")
	want(t, b.withoutSource().Rollback(t.Context(), "dev", 1, DeployOptions{}), "UPDATE_ROLLBACK_COMPLETE")
	b.double.FailResource("ECS.Service", "")
	records := b.releasesOf(t, "dev")
	wantOutcomes(t, records, release.RolledBack, release.Succeeded, release.Succeeded)
	if records[0].Kind != release.Rollback {
		t.Errorf("recorded is %+v", records[0])
	}
}

// Promotion brings the same digest to another environment, with that one's own templates of the same state of the sources.
func TestPromotion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.deployedFrom(t, devAndProd, "a").mustDeploy(t, DeployOptions{})
	b.deployedFrom(t, strings.Replace(devAndProd, "{min: 2, max: 2}", "{min: 3, max: 3}", 1), "b").mustDeploy(t, DeployOptions{})
	image := imageOf(b.output.String())
	if got := b.root(t, "shop-prod").parameters[contract.KeyImageURI]; got == image {
		t.Fatal("prod runs it already")
	}
	plans, err := b.withoutSource().PlanPromotion(t.Context(), "dev", "prod", DeployOptions{})
	if err != nil || len(plans) != 1 || plans[0].Stack != "shop-prod" || len(plans[0].Changes) == 0 || plans[0].Over.Number != 1 {
		t.Fatalf("%v, %+v", err, plans)
	}
	if got := b.root(t, "shop-prod").parameters[contract.KeyImageURI]; got == image || len(b.releasesOf(t, "prod")) != 1 {
		t.Error("the plan has promoted it")
	}
	if err := b.withoutSource().Promote(t.Context(), "dev", "prod", DeployOptions{}); err != nil {
		t.Fatalf("%v\n%s", err, b.progress)
	}
	if got := b.root(t, "shop-prod").parameters[contract.KeyImageURI]; got != image {
		t.Errorf("prod runs %s, want %s", got, image)
	}
	dev, prod := b.releasesOf(t, "dev"), b.releasesOf(t, "prod")
	if r := prod[0]; r.Kind != release.Promotion || r.Of.Environment != "dev" || r.Of.Number != dev[0].Number || r.TemplateSet != dev[0].TemplateSet || r.TemplateSet == prod[1].TemplateSet {
		t.Errorf("recorded is %+v", r)
	}
	if text := b.templateOfChild(t, "shop-prod", contract.NestedECS); !strings.Contains(text, "DesiredCount: 3") {
		t.Error("prod has not its own templates of that state")
	}
	// What failed in dev is not promoted.
	b.deployedFrom(t, devAndProd, "c")
	b.Config.Service.Acceptance = []config.Check{{Path: "/nowhere", Status: 299}}
	b.patience = 50e6
	want(t, b.Deploy(t.Context(), DeployOptions{}), "acceptance")
	want(t, b.withoutSource().Promote(t.Context(), "dev", "prod", DeployOptions{}), "failed: ", "acceptance")
	want(t, b.withoutSource().Promote(t.Context(), "test", "prod", DeployOptions{}), "nothing has been released to test")
}

func (b *bench) templateOfChild(t *testing.T, root, logicalID string) string {
	t.Helper()
	text, err := b.templateOf(t.Context(), b.double.PhysicalID(root, logicalID))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What somebody deployed past slipway is said, and not taken back without a word.
func TestDriftIsARisk(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	other := b.pushed("x")
	b.double.Redeploy(other)
	err := b.again("b").Deploy(t.Context(), DeployOptions{})
	want(t, err, "drift:prod.image", other, "--allow drift:prod.image", "somebody deployed past slipway")
	want(t, b.again("b").Deploy(t.Context(), DeployOptions{ByPipeline: true, Environments: []string{"prod"}, Image: b.pushed("b"), Allow: []string{"drift:prod.image"}}),
		"drift:prod.image")
	plans, err := b.again("b").Plan(t.Context(), DeployOptions{})
	if err != nil || plans[1].Risks[0].Name != "drift:prod.image" {
		t.Errorf("the plan has %+v, %v", plans, err)
	}
	b.again("b").mustDeploy(t, DeployOptions{KeepImage: true}) // what runs stays, and is a release now
	if got := b.releasesOf(t, "prod")[0].Image; got != other {
		t.Errorf("recorded is %s", got)
	}
	b.double.Redeploy(b.pushed("y"))
	b.again("b").mustDeploy(t, DeployOptions{Allow: []string{"drift:prod.image"}})
	wantOutcomes(t, b.releasesOf(t, "prod"), release.Succeeded, release.Succeeded, release.Succeeded)
}
