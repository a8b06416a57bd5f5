package local

import (
	"os"
	"path/filepath"
	"testing"
)

func TestToolsAreWhereTheirLinkLeads(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tools := filepath.Join(root, ".slipway", "tools")
	if got := newFolder(root).tools(); got != tools {
		t.Errorf("without a folder: %s, want %s", got, tools)
	}
	shared := filepath.Join(root, "shared")
	if err := os.MkdirAll(filepath.Dir(tools), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(shared, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(shared, tools); err != nil {
		t.Fatal(err)
	}
	if got := newFolder(root).tools(); got != shared {
		t.Errorf("linked: %s, want %s", got, shared)
	}
}
