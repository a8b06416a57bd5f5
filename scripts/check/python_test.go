package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// What pip installs names the folder that it is installed in, which must not be one of the many by which checkouts share it.
func TestToolsAreInstalledWhereTheyAre(t *testing.T) {
	base := t.TempDir()
	real, root := filepath.Join(base, "tools"), filepath.Join(base, "copy")
	for _, dir := range []string{real, filepath.Join(root, ".slipway"), filepath.Join(root, "scripts/tools"), filepath.Join(base, "bin")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(real, filepath.Join(root, ".slipway/tools")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		filepath.Join(root, linters.lock): "",
		filepath.Join(base, "bin/python3"): "#!/bin/sh\nif [ \"$2\" = venv ]; then\n  mkdir -p \"$3/bin\"\n  echo \"$3\" >\"$3/made\"\n" +
			"  printf '#!/bin/sh\\n' >\"$3/bin/pip\"\n  chmod +x \"$3/bin/pip\"\nfi\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", filepath.Join(base, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv(toolsVariable, "")
	if err := (&repo{root: root}).install(t.Context(), io.Discard, linters); err != nil {
		t.Fatal(err)
	}
	want, err := filepath.EvalSymlinks(real)
	if err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadFile(filepath.Join(real, "venv/made"))
	if err != nil || string(made) != filepath.Join(want, "venv")+"\n" {
		t.Errorf("made as %s, want %s: %v", made, filepath.Join(want, "venv"), err)
	}
}
