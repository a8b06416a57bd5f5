package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
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
	if out := mustGenerate(t, root); !strings.Contains(out, "changed templates/prod/ecs.yaml") || strings.Contains(out, "network") {
		t.Errorf("says %s", out)
	}
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

// A fault leaves the templates of before as they were.
func TestFaultyFileLeavesTheTemplates(t *testing.T) {
	root := newRoot(t, small)
	mustGenerate(t, root)
	write(t, root, "slipway.yaml", strings.Replace(small, "dev", "Dev", 1))
	if code, out, errs := generateIn(root); code != 1 || out != "" {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
	write(t, root, "slipway.yaml", small)
	if code, _, errs := generateIn(root, "-check"); code != 0 {
		t.Error(errs)
	}
}

// Whoever reads a template while it changes, or after gen was killed, has the old one or the new one whole.
func TestFilesAreReplacedWhole(t *testing.T) {
	root := newRoot(t, small)
	mustGenerate(t, root)
	path := filepath.Join(root, "templates", "prod", "ecs.yaml")
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	write(t, root, "slipway.yaml", "service: {port: 3000}\n"+small)
	mustGenerate(t, root)
	if got, err := io.ReadAll(reader); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the old file was written over: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(root, "templates", "*", ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Runs at the same time do no harm, and none of them fails.
func TestParallelRuns(t *testing.T) {
	for range 20 {
		root := newRoot(t, small)
		mustGenerate(t, root)
		write(t, root, "slipway.yaml", "name: shop\nservice: {port: 3000}\nenvironments: [{name: stage}, {name: prod}]\n")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if code, _, errs := generateIn(root); code != 0 {
					t.Error(errs)
				}
			})
		}
		wg.Wait()
		if code, _, errs := generateIn(root, "-check"); code != 0 {
			t.Error(errs)
		}
		if _, err := os.Stat(filepath.Join(root, "templates", "dev")); !os.IsNotExist(err) {
			t.Error("the folder of the environment that went is still there")
		}
	}
}

// The folder may be a link to where the templates are kept.
func TestLinkedFolder(t *testing.T) {
	root := newRoot(t, small)
	if err := os.Symlink(t.TempDir(), filepath.Join(root, "templates")); err != nil {
		t.Fatal(err)
	}
	mustGenerate(t, root)
	if out := mustGenerate(t, root); !strings.Contains(out, "up to date") {
		t.Errorf("a second run says %q", out)
	}
}

// What cannot be written is named, with the reason.
func TestUnwritable(t *testing.T) {
	for in, text := range map[string]string{"templates": "a file", "templates/prod": "a file", "templates/prod/ecs.yaml/x": "a folder with something in it"} {
		root := newRoot(t, small)
		write(t, root, in, text)
		code, _, errs := generateIn(root)
		if code != 1 || !strings.Contains(errs, "templates") || !strings.Contains(errs, "directory") && !strings.Contains(errs, "file exists") {
			t.Errorf("%s: exit code %d, %s", in, code, errs)
		}
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
		if got, _, errs := generateIn(t.TempDir(), args...); got != code || !strings.Contains(errs, "-check") {
			t.Errorf("%v: exit code %d, want %d; %s", args, got, code, errs)
		}
	}
	if code, _, errs := generateIn(t.TempDir(), "check"); code != 2 || !strings.Contains(errs, "check") {
		t.Errorf("an argument: exit code %d, %s", code, errs)
	}
	if code, _, errs := generateIn(t.TempDir()); code != 1 || !strings.Contains(errs, "slipway.yaml") {
		t.Errorf("no slipway.yaml: exit code %d, %s", code, errs)
	}
}

const longer = "prod/ecs.yaml:\n  LogGroup: {Properties: {RetentionInDays: 90}}\n  TargetGroup: {Properties: {ProtocolVersion: GRPC}}\n"

func TestOverrides(t *testing.T) {
	root := newRoot(t, small)
	mustGenerate(t, root)
	write(t, root, "override.yaml", longer)
	if code, _, errs := generateIn(root, "-check"); code != 1 || !strings.Contains(errs, "templates/prod/ecs.yaml: stale") || strings.Contains(errs, "dev") {
		t.Errorf("-check with a new override: exit code %d, %s", code, errs)
	}
	code, out, errs := generateIn(root)
	if code != 0 || out != "changed templates/prod/ecs.yaml\n" || !strings.Contains(errs, "override.yaml:3:30: warning: prod/ecs.yaml TargetGroup.Properties.ProtocolVersion") {
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
	text, err := os.ReadFile(filepath.Join(root, "templates", "prod", "ecs.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"\n# override.yaml changes in it: LogGroup, TargetGroup.\n", "\n      RetentionInDays: 90\n", "\n      ProtocolVersion: GRPC\n"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("the template lacks %q", line)
		}
	}
	if code, _, errs := generateIn(root, "-check"); code != 0 || errs != "" {
		t.Errorf("-check: exit code %d, %s", code, errs)
	}
}

func TestFaultyOverrideWritesNothing(t *testing.T) {
	root := newRoot(t, small)
	mustGenerate(t, root)
	write(t, root, "override.yaml", longer+"dev/ecs.yaml:\n  LogGrup: {Properties: {}}\n")
	if code, out, errs := generateIn(root); code != 1 || out != "" || !strings.Contains(errs, "override.yaml:5:3: dev/ecs.yaml has no resource LogGrup") {
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
	if err := os.Remove(filepath.Join(root, "override.yaml")); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := generateIn(root, "-check"); code != 0 {
		t.Error(errs)
	}
}

// The foundation is sent as text, which has a limit.
func TestFoundationTooLarge(t *testing.T) {
	root := newRoot(t, small)
	write(t, root, "override.yaml", "foundation.yaml: {Bucket: {Metadata: {note: "+strings.Repeat("x", 30_000)+"}}}\n")
	if code, _, errs := generateIn(root); code != 1 || !strings.Contains(errs, "foundation.yaml: it has") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}
