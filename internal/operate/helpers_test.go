package operate

import (
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"slipway/internal/awsdouble"
	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/deployer"
	"slipway/internal/iampolicy"
	"slipway/internal/launch"
	"slipway/internal/progress"
	"slipway/internal/source"
	"slipway/internal/stacks"
)

// bench is an account of the double's in which the committed slipway.yaml may be launched, and who looks at it with the
// rights of docs/permissions.md alone.
type bench struct {
	*Operator
	double    *awsdouble.Double
	cfg       config.Config
	tree      source.Tree
	templates fs.FS
}

func newBench(t *testing.T, opts ...awsdouble.Option) *bench {
	t.Helper()
	cfg, err := config.Load("../../slipway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{double: awsdouble.New(t, opts...), cfg: cfg, templates: os.DirFS("../../templates")}
	b.look()
	return b
}

// look makes the operator anew, for what slipway.yaml says by now.
func (b *bench) look() {
	b.Operator = New(b.cfg, b.double.Config(), time.Millisecond)
	b.double.Restrict(b.policy())
}

// generate makes the templates those that the configuration asks for.
func (b *bench) generate(t *testing.T) {
	t.Helper()
	files := fstest.MapFS{}
	for _, file := range stacks.All(b.cfg) {
		text, err := file.Template.Render("")
		if err != nil {
			t.Fatal(err)
		}
		files[file.Path] = &fstest.MapFile{Data: text}
	}
	b.templates = files
}

func (b *bench) policy() iampolicy.Document {
	return deployer.Policies(b.cfg, b.place())[deployer.Operate]
}

// unrestricted lets a test do what a mere onlooker may not.
func (b *bench) unrestricted() {
	b.double.Restrict(iampolicy.Document{Statement: []iampolicy.Statement{{Effect: iampolicy.Allow, Action: []string{"*"}, Resource: []string{"*"}}}})
}

func (b *bench) place() deployer.Place {
	return deployer.Place{Partition: "aws", Region: b.double.Region, Account: b.double.AccountID}
}

// launched is a bench with the application up.
func launched(t *testing.T, opts ...awsdouble.Option) *bench {
	t.Helper()
	b := newBench(t, opts...)
	b.tree = committedTree(t)
	b.deploy(t)
	return b
}

// deploy launches with all rights, and wants success.
func (b *bench) deploy(t *testing.T) {
	t.Helper()
	if err := b.tryDeploy(t); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) tryDeploy(t *testing.T) error {
	t.Helper()
	b.unrestricted()
	defer b.double.Restrict(b.policy())
	l := launch.New(launch.Options{
		Config: b.cfg, AWS: b.double.Config(), Templates: b.templates, Source: b.tree, Records: t.TempDir(),
		Progress: progress.New(io.Discard, progress.Screen{}), Output: io.Discard, Poll: 2 * time.Millisecond,
	})
	return l.Deploy(t.Context(), launch.DeployOptions{})
}

// removeSource lets the source that runs expire.
func (b *bench) removeSource(t *testing.T) {
	t.Helper()
	b.unrestricted()
	defer b.double.Restrict(b.policy())
	bucket, key := b.double.PhysicalID("slipway-demo-foundation", "Bucket"), contract.SourceKey(b.tree.Identity())
	if _, err := b.s3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}); err != nil {
		t.Fatal(err)
	}
}

// committedTree is a source with one commit.
func committedTree(t *testing.T) source.Tree {
	t.Helper()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "main.go"), []byte("package main\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "--quiet"}, {"add", "main.go"}, {"commit", "--quiet", "-m", "first"}} {
		git := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"}, args...)...)
		git.Dir = root
		if out, err := git.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	tree, err := source.List(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// status of the one environment.
func (b *bench) status(t *testing.T) Environment {
	t.Helper()
	report, err := b.Status(t.Context(), []string{"prod"})
	if err != nil {
		t.Fatal(err)
	}
	return report.Environments[0]
}

// wantText wants every part in a text.
func wantText(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %q:\n%s", part, text)
		}
	}
}
