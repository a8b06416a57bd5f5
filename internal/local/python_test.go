package local

import (
	"os"
	"os/exec"
	"path/filepath"
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

func TestEnginePython(t *testing.T) {
	inPython(t, "-m", "unittest", "--quiet", "test_patches", "test_containers")
}
