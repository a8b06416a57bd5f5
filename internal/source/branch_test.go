package source

import (
	"path/filepath"
	"testing"
)

// The branch is that which is checked out, also in a folder of the repository; without one, or without git, there is none.
func TestBranch(t *testing.T) {
	root := repository(t)
	run(t, root, "git", "switch", "-q", "-c", "release/1.x")
	bare := t.TempDir()
	wants := func(dir, want string) {
		t.Helper()
		if got, err := Branch(t.Context(), dir); got != want || err != nil {
			t.Errorf("the branch in %s is %q, %v; want %q", dir, got, err, want)
		}
	}
	wants(root, "release/1.x")
	wants(filepath.Join(root, "dir"), "release/1.x")
	wants(bare, "")
	run(t, root, "git", "switch", "-q", "--detach")
	wants(root, "")
}
