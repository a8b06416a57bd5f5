package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Folders, relative to the repository's root.
const (
	toolsDir  = "scripts/tools"
	peerDir   = "scripts/bench/peer-goformation"
	engineDir = "internal/local/engine"
	binDir    = ".slipway/bin"
)

// toolsVariable names another folder for the virtual environments than .slipway/tools: of many checkouts on one machine,
// as the local engine's builds are, each would install them anew.
const toolsVariable = "SLIPWAY_TOOLS"

// environment is a virtual environment with the tools of one lock in scripts/tools.
type environment struct{ dir, lock string }

// The scanners of templates bring some ninety packages, which nobody needs who only lints, and pin old ones of them.
var (
	linters  = environment{dir: toolsFolder("venv"), lock: toolsDir + "/requirements.lock"}
	scanners = environment{dir: toolsFolder("scanners"), lock: toolsDir + "/scanners.lock"}
	// The scanners pin an older policy_sentry.
	reference = environment{dir: toolsFolder("reference"), lock: toolsDir + "/reference.lock"}
	// What tries the service in web/: schemathesis, and Playwright, which drives a browser that is there.
	service = environment{dir: toolsFolder("service"), lock: toolsDir + "/service.lock"}
)

func toolsFolder(name string) string {
	return cmp.Or(os.Getenv(toolsVariable), ".slipway/tools") + "/" + name
}

// bin is a command of the environment.
func (e environment) bin(name string) string { return e.dir + "/bin/" + name }

// pythonTool runs one of the linters, installing them first if need be.
func (r *repo) pythonTool(ctx context.Context, out io.Writer, name string, args ...string) error {
	if err := r.install(ctx, out, linters); err != nil {
		return err
	}
	return r.do(ctx, out, r.path(linters.bin(name)), args...)
}

// install makes a virtual environment of wheels alone; a stamp written last says which lock it holds.
func (r *repo) install(ctx context.Context, out io.Writer, e environment) error {
	lock := r.path(e.lock)
	content, err := os.ReadFile(lock)
	if err != nil {
		return fmt.Errorf("read the lock: %w", err)
	}
	venv, err := whereItIs(r.path(e.dir))
	if err != nil {
		return fmt.Errorf("make a folder for the tools: %w", err)
	}
	stamp := filepath.Join(venv, "lock.sha256")
	want := fmt.Sprintf("%x\n", sha256.Sum256(content))
	if got, err := os.ReadFile(stamp); err == nil && string(got) == want {
		return nil
	}
	if err := r.checkPython(ctx, out); err != nil {
		return err
	}
	if err := os.RemoveAll(venv); err != nil {
		return fmt.Errorf("remove the old tools: %w", err)
	}
	if err := r.do(ctx, out, "python3", "-m", "venv", venv); err != nil {
		return err
	}
	if err := r.do(ctx, out, filepath.Join(venv, "bin", "pip"), "install", "--quiet", "--only-binary", ":all:", "--require-hashes", "-r", lock); err != nil {
		return fmt.Errorf("install what %s names: %w", e.lock, err)
	}
	return os.WriteFile(stamp, []byte(want), 0o644)
}

// whereItIs is a path by which a folder is found from every checkout that shares the one that it is in: what is installed in it
// names it.
func whereItIs(path string) (string, error) {
	parent := filepath.Dir(path)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	parent, err := filepath.EvalSymlinks(parent)
	return filepath.Join(parent, filepath.Base(path)), err
}

// checkPython wants Python 3.10 or newer with its venv module, which Debian packages apart.
func (r *repo) checkPython(ctx context.Context, out io.Writer) error {
	const probe = "import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))"
	if err := r.do(ctx, out, "python3", "-c", probe); err != nil {
		return fmt.Errorf("python3 must be 3.10 or newer, with venv (Debian and Ubuntu: apt-get install python3-venv): %w", err)
	}
	return nil
}
