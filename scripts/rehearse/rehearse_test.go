package main

import (
	"bytes"
	"go/format"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"

	"slipway/internal/source"
)

// copied is a copy of the project without an engine.
func copied(t *testing.T) *workplace {
	t.Helper()
	base := t.TempDir()
	w := &workplace{base: base, root: filepath.Join(base, "copy")}
	tree, err := source.List(t.Context(), "../..")
	if err != nil {
		t.Fatal(err)
	}
	if err := copyTree(tree, w.root); err != nil {
		t.Fatal(err)
	}
	if err := w.configure(t.Context(), options{}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *workplace) identity(t *testing.T) string {
	t.Helper()
	if said, err := w.run(t.Context(), "git", "add", "--all"); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	tree, err := source.List(t.Context(), w.root)
	if err != nil {
		t.Fatal(err)
	}
	return tree.Identity()
}

// TestDefects plants each defect in the source as it is now: it changes something, all but the first is well formed, and
// mending it leaves nothing of it.
func TestDefects(t *testing.T) {
	w := copied(t)
	whole := w.identity(t)
	for _, d := range stopped() {
		if err := d.plant(t.Context(), w); err != nil {
			t.Fatalf("plant %s: %v", d.name, err)
		}
		if w.identity(t) == whole {
			t.Errorf("%s changes nothing", d.name)
		}
		if formatted := w.formatted(t); formatted != (d.name != "lint") {
			t.Errorf("%s: formatted: %t", d.name, formatted)
		}
		if err := d.mend(t.Context(), w); err != nil {
			t.Fatalf("mend %s: %v", d.name, err)
		}
		if w.identity(t) != whole {
			t.Fatalf("something of %s is left", d.name)
		}
	}
}

func (w *workplace) formatted(t *testing.T) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(w.root, "web/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	return !slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := format.Source(text)
		return err != nil || !bytes.Equal(text, want)
	})
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	w := &workplace{root: t.TempDir()}
	if err := w.write("health.go", "package main\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.replace("health.go", "respondHealthy", "respondError"); err == nil || !strings.Contains(err.Error(), "the service that slipway brings, in web/") {
		t.Errorf("%v", err)
	}
}

func TestEnvironmentIsTheCopysOwn(t *testing.T) {
	w := &workplace{base: "/base"}
	got := w.environment([]string{"PATH=/bin", "GIT_DIR=/project/.git", "SLIPWAY_LOCAL_PIPELINES=manual"})
	for _, unwanted := range []string{"GIT_DIR=", "SLIPWAY_LOCAL_PIPELINES="} {
		if slices.ContainsFunc(got, func(variable string) bool { return strings.HasPrefix(variable, unwanted) }) {
			t.Errorf("%s is in %v", unwanted, got)
		}
	}
	for _, wanted := range []string{"PATH=/bin", "TMPDIR=/base/tmp", "GIT_CONFIG_GLOBAL=/dev/null", "SLIPWAY_LOCAL_BUILDS=2"} {
		if !slices.Contains(got, wanted) {
			t.Errorf("%s is not in %v", wanted, got)
		}
	}
}

func TestDigestOf(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0a", 32)
	if got, err := digestOf("registry/shop@" + digest); got != digest || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := digestOf("registry/shop:latest"); err == nil {
		t.Error("a tag is taken for a digest")
	}
}

func TestWhatDiffersIsNamed(t *testing.T) {
	want := map[string]string{"dev": "sha256:1", "prod": "sha256:2"}
	if err := equal(want, want); err != nil {
		t.Error(err)
	}
	if err := equal(map[string]string{"dev": "sha256:1", "prod": "sha256:1"}, want); err == nil || err.Error() != "prod runs sha256:1, not sha256:2" {
		t.Errorf("%v", err)
	}
	if err := same(want, "sha256:1"); err == nil || err.Error() != "prod runs sha256:2, not sha256:1" {
		t.Errorf("%v", err)
	}
}

func TestAllThatFailedIsNamed(t *testing.T) {
	of := func(stage, name string) types.ActionExecutionDetail {
		return types.ActionExecutionDetail{StageName: &stage, ActionName: &name}
	}
	if got := places([]types.ActionExecutionDetail{of("Checks", "Lint"), of("Checks", "Unit")}); got != "Checks/Lint, Checks/Unit" {
		t.Error(got)
	}
}
