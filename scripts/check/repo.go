package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"slipway/internal/source"
)

// repo is the working tree under test.
type repo struct {
	root string
	long bool
}

// killDelay is how long a command has to end after SIGTERM.
const killDelay = 30 * time.Second

// command prepares name in the repository's root; what it prints goes to out. Cancelling ctx sends SIGTERM.
func (r *repo) command(ctx context.Context, out io.Writer, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = r.root
	cmd.Stdout, cmd.Stderr = out, out
	// No check has to do with AWS, whoever it is that runs them, and tests that have fake it for themselves.
	env := slices.DeleteFunc(cmd.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "AWS_") || strings.HasPrefix(variable, "SLIPWAY_LOCAL_")
	})
	// As scripts/build.sh builds: what one has compiled of the AWS SDK, minutes of it, the others find in Go's cache.
	flags := strings.TrimSpace(os.Getenv("GOFLAGS") + " -trimpath")
	cmd.Env = append(env, "CGO_ENABLED=0", "GOFLAGS="+flags)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = killDelay
	return cmd
}

// do runs name in the repository's root and wants exit code 0.
func (r *repo) do(ctx context.Context, out io.Writer, name string, args ...string) error {
	if err := r.command(ctx, out, name, args...).Run(); err != nil {
		return fmt.Errorf("run %s: %w", filepath.Base(name), err)
	}
	return nil
}

// output returns what name prints on stdout.
func (r *repo) output(ctx context.Context, name string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := r.command(ctx, &stderr, name, args...)
	cmd.Stdout = &stdout
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("run %s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

// path is a file of the repository, or the one at an absolute path.
func (r *repo) path(name string) string {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(r.root, name)
}

// need says which of the named files is not there yet.
func (r *repo) need(names ...string) error {
	for _, name := range names {
		if _, err := os.Stat(r.path(name)); err != nil {
			return leftOut("there is no " + name)
		}
	}
	return nil
}

// files lists what git tracks and what is new and not ignored, leaving out what is deleted. In a build there is no git:
// its source is what git tracked.
func (r *repo) files(ctx context.Context, patterns ...string) ([]string, error) {
	if r.need(".git") != nil {
		return r.sourceFiles(ctx, patterns)
	}
	args := append([]string{"ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"}, patterns...)
	listed, err := r.output(ctx, "git", args...)
	if err != nil {
		return nil, err
	}
	names := slices.DeleteFunc(strings.Split(listed, "\x00"), func(name string) bool {
		if name == "" {
			return true
		}
		_, err := os.Stat(r.path(name))
		return err != nil
	})
	slices.Sort(names)
	return slices.Compact(names), nil
}

// sourceFiles lists the files of the source whose names match one of the patterns, or all.
func (r *repo) sourceFiles(ctx context.Context, patterns []string) ([]string, error) {
	tree, err := source.List(ctx, r.root)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range tree.Files {
		matches := func(pattern string) bool {
			found, err := path.Match(pattern, path.Base(file.Path))
			return err == nil && found
		}
		if file.Mode != source.Symlink && (len(patterns) == 0 || slices.ContainsFunc(patterns, matches)) {
			names = append(names, file.Path)
		}
	}
	return names, nil
}

// scripts lists the shell scripts: by name, or by their first line.
func (r *repo) scripts(ctx context.Context) ([]string, error) {
	names, err := r.files(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(names, func(name string) bool {
		return !strings.HasSuffix(name, ".sh") && !hasShellLine(r.path(name))
	}), nil
}

// hasShellLine says whether the file starts with the line that makes a shell run it.
func hasShellLine(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 64)
	n, _ := io.ReadFull(f, head)
	line, _, _ := strings.Cut(string(head[:n]), "\n")
	return strings.HasPrefix(line, "#!") && (strings.HasSuffix(line, "bash") || strings.HasSuffix(line, "/sh"))
}
