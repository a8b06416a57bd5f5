package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Git refuses a repository of somebody else's, as where a container mounts one; what it says to do must reach the user.
func TestListRepositoryOfAnotherOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a repository to somebody else")
	}
	root := repository(t)
	t.Setenv("HOME", t.TempDir())
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	for _, path := range []string{root, filepath.Join(root, ".git")} {
		if err := os.Chown(path, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := List(t.Context(), root); err == nil || !strings.Contains(err.Error(), "git config --global --add safe.directory "+root) {
		t.Errorf("List of another owner's repository: %v", err)
	}
}
