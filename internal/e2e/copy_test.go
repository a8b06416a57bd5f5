//go:build e2e

package e2e

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"slipway/internal/local"
)

// workplace is a fresh copy of the repository, as a newcomer would have it, with folders of its own around it.
type workplace struct {
	base string // holds everything below, and is in the environment of every process that comes of it
	root string // the copy
	temp string // TMPDIR: what is left here afterwards was forgotten
}

// newWorkplace clones the commit that is checked out and puts the uncommitted changes on top.
func newWorkplace(t *testing.T) workplace {
	t.Helper()
	base, err := os.MkdirTemp("", "slipway-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	w := workplace{base: base, root: filepath.Join(base, "copy"), temp: filepath.Join(base, "tmp")}
	if err := os.Mkdir(w.temp, 0o755); err != nil {
		t.Fatal(err)
	}
	origin, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	git(t, base, "clone", "--quiet", "--no-hardlinks", origin, w.root)
	now := gitFiles(t, origin)
	for _, name := range gitFiles(t, w.root) {
		if !slices.Contains(now, name) {
			w.remove(t, name)
		}
	}
	for _, name := range now {
		copyFile(t, filepath.Join(origin, name), filepath.Join(w.root, name))
	}
	git(t, w.root, "add", "--all")
	return w
}

// write changes a file of the copy, tracked so that it belongs to the source.
func (w workplace) write(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(w.root, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	git(t, w.root, "add", "--", name)
}

// replace changes a text that must be there.
func (w workplace) replace(t *testing.T, name, old, new string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(w.root, name))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(content), old) {
		t.Fatalf("%s has no %q to replace", name, old)
	}
	w.write(t, name, strings.ReplaceAll(string(content), old, new))
}

func (w workplace) remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(w.root, name)); err != nil {
		t.Fatal(err)
	}
	git(t, w.root, "add", "--all", "--", name)
}

// gitFiles lists what git tracks and what is new and not ignored, leaving out what is deleted.
func gitFiles(t *testing.T, dir string) []string {
	t.Helper()
	listed := git(t, dir, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	return slices.DeleteFunc(strings.Split(listed, "\x00"), func(name string) bool {
		if name == "" {
			return true
		}
		_, err := os.Lstat(filepath.Join(dir, name))
		return err != nil
	})
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, info.Mode().Perm()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(to, info.Mode().Perm()); err != nil {
		t.Fatal(err)
	}
}

// installation is the local engine's in the repository, as ./scripts/deploy.sh --local makes it there.
var installation = sync.OnceValues(func() (string, error) {
	dir, err := filepath.Abs("../../.slipway/local/venv")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	_, err = local.Install(context.Background(), dir, io.Discard)
	return dir, err
})

// shareInstallations spares the copy what the repository has installed: the engine's packages and the checkers.
func (w workplace) shareInstallations(t *testing.T) {
	t.Helper()
	venv, err := installation()
	if err != nil {
		t.Fatal(err)
	}
	tools, err := filepath.Abs("../../.slipway/tools")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(tools, 0o755); err != nil {
		t.Fatal(err)
	}
	for folder, installed := range map[string]string{".slipway/tools": tools, ".slipway/local/venv": venv} {
		link := filepath.Join(w.root, folder)
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(installed, link); err != nil {
			t.Fatal(err)
		}
	}
}
