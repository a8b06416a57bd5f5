package source

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// Root may read everything, so the test reads as somebody else: on Linux a thread can.
func TestListUnreadableFile(t *testing.T) {
	root := t.TempDir()
	write(t, root, "secret.txt", "x")
	for path, mode := range map[string]os.FileMode{filepath.Dir(root): 0o755, filepath.Join(root, "secret.txt"): 0} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if os.Getuid() == 0 {
		if err := syscall.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = syscall.Setfsuid(0) }()
	}
	_, err := List(t.Context(), root)
	if err == nil || !strings.HasPrefix(err.Error(), "read "+filepath.Join(root, "secret.txt")+": permission denied") {
		t.Errorf("List: %v", err)
	}
}
