package local

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// inPython runs the engine's Python in its own folder and returns what it printed.
func inPython(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(sharedInstallation(t), "bin", "python"), args...)
	cmd.Dir = "engine"
	cmd.Env = append(environment(t.Context(), newFolder(t.TempDir())), "PYTHONDONTWRITEBYTECODE=1", "TMPDIR="+t.TempDir())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestEnginePython runs the tests of the engine that are written in its own language; those of builds and pipelines take a minute.
func TestEnginePython(t *testing.T) {
	modules := []string{"test_patches", "test_containers"}
	if os.Getenv("SLIPWAY_LONG") != "" {
		modules = append(modules, "test_codebuild", "test_codepipeline", "test_pipelinerun", "test_reports")
	}
	inPython(t, append([]string{"-m", "unittest", "--quiet"}, modules...)...)
}

// TestDifferencesAreFresh compares the user's page with the table of patches. UPDATE=1 writes the page.
func TestDifferencesAreFresh(t *testing.T) {
	const begin, end = "; a test compares -->\n", "\n<!-- end -->"
	page := filepath.Join("..", "..", "docs", "local-engine.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), begin)
	_, after, found := strings.Cut(rest, strings.TrimPrefix(end, "\n"))
	if !found {
		t.Fatalf("%s has no place for the differences", page)
	}
	want := before + begin + strings.TrimSpace(inPython(t, "engine.py", "--differences")) + end + after
	if want == string(text) {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatalf("%s does not say what the table of patches does: run this test with UPDATE=1", page)
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
