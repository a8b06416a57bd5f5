package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The committed templates are what the committed slipway.yaml gives.
func TestCommittedTemplates(t *testing.T) {
	if code, _, errs := generateIn("..", "-check"); code != 0 {
		t.Error(errs)
	}
}

func generateIn(root string, args ...string) (code int, out, errs string) {
	var stdout, stderr bytes.Buffer
	code = run(append([]string{"-root", root}, args...), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

const small = "name: shop\nenvironments: [{name: dev}, {name: prod}]\n"

// newRoot is a folder with this slipway.yaml.
func newRoot(t *testing.T, text string) string {
	t.Helper()
	root := t.TempDir()
	write(t, root, "slipway.yaml", text)
	return root
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mustGenerate(t *testing.T, root string) string {
	t.Helper()
	code, out, errs := generateIn(root)
	if code != 0 {
		t.Fatal(errs)
	}
	return out
}

func TestSaysWhatChanged(t *testing.T) {
	root := newRoot(t, small)
	out := mustGenerate(t, root)
	for _, line := range []string{"created templates/foundation.yaml", "created templates/dev/root.yaml", "created templates/prod/pipeline.yaml"} {
		if !strings.Contains(out, line) {
			t.Errorf("does not say %q:\n%s", line, out)
		}
	}
	if out := mustGenerate(t, root); !strings.Contains(out, "up to date") {
		t.Errorf("a second run says %q", out)
	}
	write(t, root, "slipway.yaml", strings.Replace(small, "{name: dev}, ", "", 1))
	out = mustGenerate(t, root)
	if !strings.Contains(out, "removed templates/dev/root.yaml") || !strings.Contains(out, "changed templates/foundation.yaml") {
		t.Errorf("after an environment went:\n%s", out)
	}
	if _, err := os.Stat(filepath.Join(root, "templates", "dev")); !os.IsNotExist(err) {
		t.Error("the folder of the environment that went is still there")
	}
}

func TestUnchangedFilesAreLeftAlone(t *testing.T) {
	root := newRoot(t, small)
	mustGenerate(t, root)
	path := filepath.Join(root, "templates", "prod", "network.yaml")
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, root, "slipway.yaml", "service: {port: 3000}\n"+small)
	mustGenerate(t, root)
	after, err := os.Stat(path)
	if err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		t.Error("an unchanged template was written again")
	}
}

func TestCheck(t *testing.T) {
	root := newRoot(t, small)
	mustGenerate(t, root)
	stale := filepath.Join(root, "templates", "prod", "ecs.yaml")
	text, err := os.ReadFile(stale)
	if err != nil {
		t.Fatal(err)
	}
	write(t, root, "templates/prod/ecs.yaml", string(text)+"# edited\n")
	write(t, root, "templates/stage/root.yaml", "# "+header+"\n")
	if err := os.Remove(filepath.Join(root, "templates", "dev", "network.yaml")); err != nil {
		t.Fatal(err)
	}
	code, _, errs := generateIn(root, "-check")
	if code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	for _, line := range []string{"templates/dev/network.yaml: missing", "templates/prod/ecs.yaml: stale", "templates/stage/root.yaml: no longer belongs", "go run ./gen"} {
		if !strings.Contains(errs, line) {
			t.Errorf("does not say %q:\n%s", line, errs)
		}
	}
	if after, _ := os.ReadFile(stale); !bytes.HasSuffix(after, []byte("# edited\n")) {
		t.Error("-check wrote a file")
	}
}

func TestFaultyFileWritesNothing(t *testing.T) {
	root := newRoot(t, "name: Shop\nservice: {port: 0}\nenvironments: []\n")
	code, _, errs := generateIn(root)
	if code != 1 || strings.Count(errs, "slipway.yaml:") < 3 {
		t.Errorf("exit code %d:\n%s", code, errs)
	}
	if _, err := os.Stat(filepath.Join(root, "templates")); !os.IsNotExist(err) {
		t.Error("something was written")
	}
}

// A file of the user's own, and what a killed run has left, are neither removed nor called stale.
func TestForeignFiles(t *testing.T) {
	root := newRoot(t, small)
	mustGenerate(t, root)
	for _, name := range []string{"templates/notes.yaml", "templates/README.md", "templates/prod/.ecs.yaml.123"} {
		write(t, root, name, "mine\n")
	}
	if code, _, errs := generateIn(root, "-check"); code != 0 {
		t.Error(errs)
	}
	mustGenerate(t, root)
	if _, err := os.Stat(filepath.Join(root, "templates", "notes.yaml")); err != nil {
		t.Error(err)
	}
}

func TestUsage(t *testing.T) {
	for code, args := range map[int][]string{0: {"-h"}, 2: {"-chekc"}} {
		if got, _, _ := generateIn(t.TempDir(), args...); got != code {
			t.Errorf("%v: exit code %d, want %d", args, got, code)
		}
	}
	if code, _, errs := generateIn(t.TempDir(), "check"); code != 2 || !strings.Contains(errs, "check") {
		t.Errorf("an argument: exit code %d, %s", code, errs)
	}
	if code, _, errs := generateIn(t.TempDir()); code != 1 || !strings.Contains(errs, "slipway.yaml") {
		t.Errorf("no slipway.yaml: exit code %d, %s", code, errs)
	}
}
