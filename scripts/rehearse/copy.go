package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"slipway/internal/local"
	"slipway/internal/source"
	"slipway/internal/vuln/vulntest"
)

// killDelay is how long a command has to end after SIGTERM.
const killDelay = 10 * time.Second

// workplace is a copy of the project in a folder of its own, with a git repository and an engine of its own.
type workplace struct {
	base string // holds all of it
	root string // the copy
}

// newWorkplace copies the source as it is now and configures the copy. What takes long to install it has in common with
// the project: the engine's packages and the checkers.
func newWorkplace(ctx context.Context, project string, o options, log io.Writer) (w *workplace, err error) {
	project, err = filepath.Abs(project)
	if err != nil {
		return nil, err
	}
	tree, err := source.List(ctx, project)
	if err != nil {
		return nil, err
	}
	base, err := os.MkdirTemp("", "slipway-rehearsal-")
	if err != nil {
		return nil, err
	}
	w = &workplace{base: base, root: filepath.Join(base, "copy")}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(base))
		}
	}()
	if err := copyTree(tree, w.root); err != nil {
		return nil, fmt.Errorf("copy the project: %w", err)
	}
	if err := w.share(ctx, project, log); err != nil {
		return nil, err
	}
	if err := w.configure(ctx, o); err != nil {
		return nil, err
	}
	return w, nil
}

func copyTree(tree source.Tree, to string) error {
	for _, file := range tree.Files {
		from, path := filepath.Join(tree.Root, filepath.FromSlash(file.Path)), filepath.Join(to, filepath.FromSlash(file.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if file.Mode == source.Symlink {
			target, err := os.Readlink(from)
			if err := errors.Join(err, os.Symlink(target, path)); err != nil {
				return err
			}
			continue
		}
		content, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if file.Mode == source.Executable {
			mode = 0o755
		}
		if err := os.WriteFile(path, content, mode); err != nil {
			return err
		}
	}
	return nil
}

// share installs in the project what the engine and the checks need, unless it is there, and links the copy to it.
func (w *workplace) share(ctx context.Context, project string, log io.Writer) error {
	for _, folder := range []string{".slipway/tools", ".slipway/local"} {
		if err := os.MkdirAll(filepath.Join(project, folder), 0o755); err != nil {
			return err
		}
	}
	if _, err := local.Install(ctx, filepath.Join(project, ".slipway/local/venv"), log); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(w.root, ".slipway/local"), 0o755); err != nil {
		return err
	}
	for _, folder := range []string{".slipway/tools", ".slipway/local/venv"} {
		if err := os.Symlink(filepath.Join(project, folder), filepath.Join(w.root, folder)); err != nil {
			return err
		}
	}
	return nil
}

// inTask is a variable that the rehearsal's tasks have and nothing else: what is broken on purpose is broken only there,
// so that it passes the gates before the one that is to stop it.
const inTask = "REHEARSAL"

// configuration is the copy's slipway.yaml.
func configuration(o options, database string) string {
	environments := []string{"  - {name: dev, tasks: {min: 1}, network: {cidr: 10.0.0.0/16}}", "  - {name: test, tasks: {min: 1}, network: {cidr: 10.1.0.0/16}}"}
	if o.short {
		environments = environments[:1]
	}
	return fmt.Sprintf(`name: rehearsal
service:
  environment: {%s: "1"}
environments:
%s
  - {name: prod, approval: true, tasks: {min: 2}, network: {cidr: 10.2.0.0/16}}
pipeline: {scope: service, checks: parallel}
security: {database: "file://%s"}
`, inTask, strings.Join(environments, "\n"), database)
}

// checksAtOnce is how many of the checks run at a time: some wait, and some use one processor only.
const checksAtOnce = 2

func (w *workplace) configure(ctx context.Context, o options) error {
	for _, folder := range []string{"tmp", "vulnerabilities"} {
		if err := os.Mkdir(filepath.Join(w.base, folder), 0o755); err != nil {
			return err
		}
	}
	if err := w.publish(); err != nil {
		return err
	}
	// What the project lays over its own templates need not fit these.
	if err := os.Remove(filepath.Join(w.root, "override.yaml")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := w.write("slipway.yaml", configuration(o, filepath.Join(w.base, "vulnerabilities"))); err != nil {
		return err
	}
	for _, command := range [][]string{
		{"go", "run", "./gen"},
		{"git", "init", "--quiet"},
		{"git", "config", "user.name", "rehearsal"},
		{"git", "config", "user.email", "rehearsal@example.com"},
	} {
		if said, err := w.run(ctx, command[0], command[1:]...); err != nil {
			return fmt.Errorf("%w\n%s", err, said)
		}
	}
	return w.commit(ctx, "the project as it is")
}

// publish makes the rehearsal's database of vulnerabilities, of these advisories.
func (w *workplace) publish(advisories ...vulntest.Advisory) error {
	return vulntest.Write(filepath.Join(w.base, "vulnerabilities"), advisories...)
}

func (w *workplace) commit(ctx context.Context, what string) error {
	for _, args := range [][]string{{"add", "--all"}, {"commit", "--quiet", "--message", what}} {
		if said, err := w.run(ctx, "git", args...); err != nil {
			return fmt.Errorf("%w\n%s", err, said)
		}
	}
	return nil
}

func (w *workplace) write(name, content string) error {
	return os.WriteFile(filepath.Join(w.root, filepath.FromSlash(name)), []byte(content), 0o644)
}

// replace changes a text that must be there.
func (w *workplace) replace(name, old, new string) error {
	content, err := os.ReadFile(filepath.Join(w.root, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	if !strings.Contains(string(content), old) {
		return fmt.Errorf("%s has no %q to break: the rehearsal plays with the service that slipway brings, in web/", name, old)
	}
	return w.write(name, strings.ReplaceAll(string(content), old, new))
}

// run runs a command in the copy to its end and returns what it said. In a process group of its own, so that a Ctrl-C
// reaches it once, from here.
func (w *workplace) run(ctx context.Context, name string, args ...string) (string, error) {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = w.root, &said, &said
	cmd.Env = w.environment(os.Environ())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = killDelay
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("run %s: %w", strings.Join(append([]string{name}, args...), " "), err)
	}
	return said.String(), err
}

// environment is the user's without git's and slipway's own settings, which would lead elsewhere than to the copy. Without
// paths in what Go compiles, the many folders of the builds find it in one cache.
func (w *workplace) environment(users []string) []string {
	kept := slices.DeleteFunc(slices.Clone(users), func(variable string) bool {
		return strings.HasPrefix(variable, "GIT_") || strings.HasPrefix(variable, "SLIPWAY_")
	})
	flags := strings.TrimSpace(os.Getenv("GOFLAGS") + " -trimpath")
	return append(kept, "TMPDIR="+filepath.Join(w.base, "tmp"), "GOFLAGS="+flags, "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"SLIPWAY_LOCAL_BUILDS="+strconv.Itoa(checksAtOnce))
}

// remove ends what still runs for the copy and removes it, also after an interrupt.
func (w *workplace) remove(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	engine, err := local.Find(w.root)
	if engine != nil {
		err = engine.Stop(ctx)
	} else {
		err = errors.Join(err, local.Clean(ctx, w.root))
	}
	return errors.Join(err, os.RemoveAll(w.base))
}
