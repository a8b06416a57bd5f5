package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed engine/*.py engine/requirements.lock
var sources embed.FS

const (
	lockFile = "engine/requirements.lock"

	// installedFile is written last into an installation: without it, or with another lock's hash in it, the folder
	// is not one.
	installedFile = "slipway-installed"

	minimumPython = "3.10"
)

// errNoPython is that no Python can hold the engine; its text says what to install.
var errNoPython = errors.New("the local engine needs Python " + minimumPython + " or newer with its venv module")

// probe prints the version of a Python that is new enough and can make virtual environments that have pip.
const probe = `import sys
print("%d.%d" % sys.version_info[:2])
if sys.version_info < (3, 10): sys.exit(3)
try:
    import venv, ensurepip
except ImportError:
    sys.exit(4)`

// Install puts the engine's packages into the virtual environment dir, unless they are there already, and returns
// the path of its Python. Start does so by itself in .slipway/local/venv, which may also be a symbolic link to such a
// folder that several clones share. An interrupted installation is not taken for one.
func Install(ctx context.Context, dir string, log io.Writer) (python string, err error) {
	return install(ctx, dir, log)
}

func install(ctx context.Context, dir string, log io.Writer) (string, error) {
	python := filepath.Join(dir, "bin", "python")
	lock, err := sources.ReadFile(lockFile)
	if err != nil {
		return "", fmt.Errorf("read the local engine's lock file: %w", err)
	}
	want := hash(lock)
	if installed(ctx, dir, python, want) {
		return python, nil
	}
	base, err := findPython(ctx)
	if err != nil {
		return "", err
	}
	fmt.Fprintln(log, "Installing the local engine (once, about 100 MB)...")
	if err := removeHalfMade(dir); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".new-*")
	if err != nil {
		return "", fmt.Errorf("install the local engine: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := fill(ctx, base, tmp, lock); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(tmp, installedFile), []byte(want), 0o644); err != nil {
		return "", fmt.Errorf("install the local engine: %w", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", fmt.Errorf("replace the local engine's installation: %w", err)
	}
	if err := os.Rename(tmp, dir); err != nil {
		return "", fmt.Errorf("install the local engine: %w", err)
	}
	return python, nil
}

// installed tells whether dir holds the locked packages and a Python that still runs: an upgrade of the system's
// Python can break one.
func installed(ctx context.Context, dir, python, want string) bool {
	have, err := os.ReadFile(filepath.Join(dir, installedFile))
	return err == nil && string(have) == want && exec.CommandContext(ctx, python, "-I", "-c", "import ministack").Run() == nil
}

// removeHalfMade removes what interrupted installations have left beside dir.
func removeHalfMade(dir string) error {
	found, err := filepath.Glob(dir + ".new-*")
	for _, path := range found {
		err = errors.Join(err, os.RemoveAll(path))
	}
	if err != nil {
		return fmt.Errorf("remove an interrupted installation of the local engine: %w", err)
	}
	return nil
}

// fill makes a virtual environment and installs exactly the locked packages.
func fill(ctx context.Context, base, dir string, lock []byte) error {
	list := filepath.Join(dir, "requirements.lock")
	steps := [][]string{
		{base, "-m", "venv", dir},
		{filepath.Join(dir, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
			"--no-input", "--require-hashes", "--no-deps", "-r", list},
	}
	if err := os.WriteFile(list, lock, 0o644); err != nil {
		return fmt.Errorf("install the local engine: %w", err)
	}
	for _, argv := range steps {
		var out bytes.Buffer
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("install the local engine: %s: %w\n%s", strings.Join(argv[1:4], " "), err, lastLines(out.String(), 15))
		}
	}
	return nil
}

// findPython returns the first Python that is new enough and whole.
func findPython(ctx context.Context) (string, error) {
	var found []string
	for _, name := range []string{"python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		out, err := exec.CommandContext(ctx, path, "-c", probe).Output()
		if err == nil {
			return path, nil
		}
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			continue
		}
		version := strings.TrimSpace(string(out))
		switch exit.ExitCode() {
		case 3:
			found = append(found, fmt.Sprintf("%s is %s, which is too old", path, version))
		case 4:
			found = append(found, fmt.Sprintf("%s (%s) lacks its venv module: on Debian and Ubuntu install the package python3-venv", path, version))
		}
	}
	if len(found) == 0 {
		found = append(found, "no python3 is on the PATH; on Debian and Ubuntu install the packages python3 and python3-venv")
	}
	return "", fmt.Errorf("%w: %s", errNoPython, strings.Join(found, "; "))
}

// sourceHash names the version of the engine's own files, in 12 hexadecimal digits.
func sourceHash() string {
	sum := sha256.New()
	_ = fs.WalkDir(sources, "engine", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := sources.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(content), content)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil))[:12]
}

// writeSources writes the engine's own files below dir, whose name says their version.
func writeSources(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "engine.new-*")
	if err != nil {
		return fmt.Errorf("write the local engine's files: %w", err)
	}
	defer os.RemoveAll(tmp)
	engine, err := fs.Sub(sources, "engine")
	if err == nil {
		err = os.CopyFS(tmp, engine)
	}
	if err == nil {
		err = os.Rename(tmp, dir)
	}
	if err != nil {
		return fmt.Errorf("write the local engine's files: %w", err)
	}
	return nil
}

func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
