package launch

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"slipway/internal/awsdouble"
	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/deployer"
	"slipway/internal/iampolicy"
	"slipway/internal/progress"
	"slipway/internal/source"
	"slipway/internal/stacks"
)

// tree is a source with a given identity.
type tree string

func (t tree) Identity() string { return strings.Repeat(string(t), 40)[:40] }

func (t tree) Origin() source.Origin {
	return source.Origin{Identity: t.Identity(), Commit: "commit" + string(t)}
}

func (t tree) WriteZip(w io.Writer) error {
	z := zip.NewWriter(w)
	manifest, err := z.Create(source.ManifestName)
	if err != nil {
		return err
	}
	origin := t.Origin()
	if err := json.NewEncoder(manifest).Encode(map[string]string{"identity": origin.Identity, "commit": origin.Commit}); err != nil {
		return err
	}
	return z.Close()
}

// said collects what a launcher writes, from any goroutine.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// bench is a launcher on an account of the double's, with the committed templates and slipway.yaml.
type bench struct {
	*Launcher
	double           *awsdouble.Double
	output, progress *said
	records          string
}

func newBench(t *testing.T, opts ...awsdouble.Option) *bench {
	t.Helper()
	b := &bench{double: awsdouble.New(t, opts...), records: t.TempDir()}
	b.again("a")
	b.may(deployer.Names...)
	return b
}

// again makes a new launcher on the same account, as a second run of the command does, with the source of this name.
func (b *bench) again(source string) *bench {
	cfg, err := config.Load("../../slipway.yaml")
	if err != nil {
		panic(err)
	}
	b.output, b.progress = &said{}, &said{}
	b.Launcher = New(Options{
		Config: cfg, AWS: b.double.Config(), Templates: os.DirFS("../../templates"), Source: tree(source), Records: b.records,
		Progress: progress.New(b.progress, progress.Screen{}), Output: b.output, Poll: 2 * time.Millisecond,
	})
	return b
}

// asking is another run with this slipway.yaml and the templates that it asks for.
func (b *bench) asking(t *testing.T, slipway string) *bench {
	t.Helper()
	cfg, err := config.Parse(config.File, []byte(slipway))
	if err != nil {
		t.Fatal(err)
	}
	b.again("a")
	b.Config, b.Templates, b.Slipway = cfg, rendered(t, cfg), slipway
	b.may(deployer.Names...)
	return b
}

// rendered are the templates of a configuration, as go run ./gen writes them.
func rendered(t *testing.T, cfg config.Config) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for _, file := range stacks.All(cfg) {
		text, err := file.Template.Render("")
		if err != nil {
			t.Fatal(err)
		}
		files[file.Path] = &fstest.MapFile{Data: text}
	}
	return files
}

// may gives the caller these policies of the deployer's and no other.
func (b *bench) may(names ...string) {
	var documents []iampolicy.Document
	for _, name := range names {
		documents = append(documents, b.policy(name))
	}
	b.double.Restrict(documents...)
}

func (b *bench) policy(name string) iampolicy.Document {
	return deployer.Policies(b.Config, deployer.Place{Partition: "aws", Region: b.double.Region, Account: b.double.AccountID})[name]
}

func (b *bench) mustDeploy(t *testing.T, o DeployOptions) {
	t.Helper()
	if err := b.Deploy(t.Context(), o); err != nil {
		t.Fatalf("deploy: %v\n%s", err, b.progress)
	}
}

func (b *bench) mustDestroy(t *testing.T) {
	t.Helper()
	if err := b.Destroy(t.Context(), DestroyOptions{}); err != nil {
		t.Fatalf("destroy: %v\n%s", err, b.progress)
	}
	if living := b.double.Living(); len(living) > 0 {
		t.Errorf("after destroy there is still %v", living)
	}
}

// pushed is the image of a source, pushed as the pipeline does, by its digest.
func (b *bench) pushed(source string) string {
	repository := b.double.PhysicalID(contract.FoundationStackName(b.Config.Name), "Repository")
	return b.double.AccountID + ".dkr.ecr." + b.double.Region + ".amazonaws.com/" + repository + "@" + b.double.PutImage(repository, tree(source).Identity(), "")
}

// root is a stack as CloudFormation describes it.
func (b *bench) root(t *testing.T, name string) stack {
	t.Helper()
	s, err := b.describe(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// operations are the names of the calls so far.
func (b *bench) operations() []string {
	var names []string
	for _, c := range b.double.Calls() {
		names = append(names, c.Operation)
	}
	return names
}

// uploads is how many objects were written so far, the lease aside.
func (b *bench) uploads() int {
	n := 0
	for _, put := range b.double.CallsTo("PutObject") {
		if !strings.Contains(strings.Join(values(put.In), " "), contract.LeaseObject) {
			n++
		}
	}
	return n
}

// want checks that an error is there and says all of this.
func want(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q:\n%v", part, err)
		}
	}
}

// told checks that the last run said all of this on its way.
func (b *bench) told(t *testing.T, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(b.progress.String(), part) {
			t.Errorf("the run did not say %q:\n%s", part, b.progress)
		}
	}
}

// before checks that the first call of one operation comes before the first of another.
func before(t *testing.T, operations []string, first, second string) {
	t.Helper()
	i, j := slices.Index(operations, first), slices.Index(operations, second)
	if i < 0 || j < 0 || i > j {
		t.Errorf("%s (call %d) should come before %s (call %d)", first, i, second, j)
	}
}

// cancelledAt is a context that ends when the double has served n calls: a launcher killed at that point.
func cancelledAt(t *testing.T, d *awsdouble.Double, n int) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for ctx.Err() == nil {
			if len(d.Calls()) >= n {
				cancel()
			}
			time.Sleep(200 * time.Microsecond)
		}
	}()
	t.Cleanup(cancel)
	return ctx
}

func text(in map[string]any, key string) string {
	s, _ := in[key].(string)
	return s
}
