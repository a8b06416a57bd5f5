package local

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakePython makes a program python3 that notes what it is asked to do, and makes it the only thing on the PATH beside
// the shell's own commands. The text is what it does when it is asked to install.
func fakePython(t *testing.T, probe, pip string) (calls func() string) {
	t.Helper()
	dir := t.TempDir()
	notes := filepath.Join(dir, "calls")
	script := fmt.Sprintf(`#!/bin/sh
case "$1 $2" in
"-c "*) %s ;;
"-m venv") echo venv >>%s; mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
"-m pip") echo pip >>%s; %s ;;
esac
`, probe, notes, notes, pip)
	if err := os.WriteFile(filepath.Join(dir, "python3"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sh", "mkdir", "cp", "echo"} {
		if err := os.Symlink("/bin/"+name, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	return func() string {
		text, _ := os.ReadFile(notes)
		return strings.Join(strings.Fields(string(text)), " ")
	}
}

func TestInstallOnce(t *testing.T) {
	calls := fakePython(t, "echo 3.11", ":")
	dir := filepath.Join(t.TempDir(), "venv")
	for range 2 {
		python, err := Install(t.Context(), dir, io.Discard)
		if err != nil || python != filepath.Join(dir, "bin", "python") {
			t.Fatalf("install: %q, %v", python, err)
		}
	}
	if got := calls(); got != "venv pip" {
		t.Errorf("two installations called %q, want one", got)
	}
	if err := os.WriteFile(filepath.Join(dir, installedFile), []byte("the hash of another lock"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Install(t.Context(), dir, io.Discard); err != nil || calls() != "venv pip venv pip" {
		t.Errorf("after the lock has changed: %v, called %q", err, calls())
	}
}

// TestInterruptedInstallation finds what a killed installation leaves: a folder beside, or one without the mark.
func TestInterruptedInstallation(t *testing.T) {
	calls := fakePython(t, "echo 3.11", ":")
	dir := filepath.Join(t.TempDir(), "venv")
	half := dir + ".new-123"
	for _, path := range []string{half, dir} {
		if err := os.MkdirAll(filepath.Join(path, "bin"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Install(t.Context(), dir, io.Discard); err != nil || calls() != "venv pip" {
		t.Errorf("install: %v, called %q", err, calls())
	}
	if _, err := os.Stat(half); !os.IsNotExist(err) {
		t.Errorf("the half-made installation is left: %v", err)
	}
}

func TestFailedInstallation(t *testing.T) {
	fakePython(t, "echo 3.11", "echo 'no route to the package index'; exit 1")
	dir := filepath.Join(t.TempDir(), "venv")
	_, err := Install(t.Context(), dir, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "no route to the package index") {
		t.Errorf("install: %v, want what pip said", err)
	}
	if left, _ := filepath.Glob(dir + "*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestUnfitPython(t *testing.T) {
	for name, tt := range map[string]struct{ probe, want string }{
		"old":    {"echo 3.8; exit 3", "is 3.8, which is too old"},
		"noVenv": {"echo 3.12; exit 4", "install the package python3-venv"},
	} {
		t.Run(name, func(t *testing.T) {
			fakePython(t, tt.probe, ":")
			_, err := Install(t.Context(), filepath.Join(t.TempDir(), "venv"), io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("install: %v, want %q", err, tt.want)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := Install(t.Context(), filepath.Join(t.TempDir(), "venv"), io.Discard)
		if err == nil || !strings.Contains(err.Error(), "no python3 is on the PATH") {
			t.Errorf("install: %v", err)
		}
	})
}
