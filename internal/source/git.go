package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// submoduleMode is that of a commit of another repository in git's index.
const submoduleMode = "160000"

// listGit lists what git tracks below root, which may be a folder of a larger repository.
func listGit(ctx context.Context, root string) (listing, error) {
	var found listing
	tracked, err := git(ctx, root, "ls-files", "-z", "--cached", "--stage")
	if err != nil {
		return listing{}, err
	}
	for _, line := range tracked {
		about, path, _ := strings.Cut(line, "\t")
		if strings.HasPrefix(about, submoduleMode+" ") {
			return listing{}, fmt.Errorf("the source %s has the git submodule %s, which is not supported; add its files to the repository", root, path)
		}
		found.entries = append(found.entries, entry{path: path})
	}
	others, err := git(ctx, root, "ls-files", "-z", "--others", "--exclude-standard", "--directory", "--no-empty-directory")
	if err != nil {
		return listing{}, err
	}
	found.untracked = slices.DeleteFunc(others, func(path string) bool { return !isSource(strings.TrimSuffix(path, "/")) })
	changed, err := git(ctx, root, "status", "-z", "--porcelain", "--untracked-files=no", "--", ".")
	if err != nil {
		return listing{}, err
	}
	found.dirty = len(changed) > 0
	found.commit, err = head(ctx, root)
	return found, err
}

// head is the commit checked out, or nothing in a repository that has none yet.
func head(ctx context.Context, root string) (string, error) {
	return quietly(ctx, root, "rev-parse", "--verify", "--quiet", "HEAD")
}

// quietly is what git says, or nothing where it says by its exit code that there is none.
func quietly(ctx context.Context, root string, args ...string) (string, error) {
	lines, err := git(ctx, root, args...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(strings.Join(lines, "")), nil
}

// Branch is the branch that git has checked out in root; empty where it has none, or there is no git repository.
func Branch(ctx context.Context, root string) (string, error) {
	if _, err := os.Lstat(filepath.Join(root, ".git")); err != nil && !hasRepositoryAround(root) {
		return "", nil
	}
	return quietly(ctx, root, "symbolic-ref", "--quiet", "--short", "HEAD")
}

// hasRepositoryAround tells whether a directory above is a git repository's.
func hasRepositoryAround(dir string) bool {
	for parent := filepath.Dir(dir); parent != dir; dir, parent = parent, filepath.Dir(parent) {
		if _, err := os.Lstat(filepath.Join(parent, ".git")); err == nil {
			return true
		}
	}
	return false
}

// git runs git in root and splits what it says at NUL. It takes no lock, so that a git of the user's at the same time
// does not fail.
func git(ctx context.Context, root string, args ...string) ([]string, error) {
	command := exec.CommandContext(ctx, "git", append([]string{"--no-optional-locks", "-C", root}, args...)...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	switch {
	case err == nil:
		return strings.FieldsFunc(stdout.String(), func(r rune) bool { return r == 0 }), nil
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("%s is a git repository, but git is not installed; install git", root)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("run git %s in %s: %w", args[0], root, ctx.Err())
	default:
		return nil, fmt.Errorf("run git %s in %s: %w: %s", args[0], root, err, strings.TrimSpace(stderr.String()))
	}
}
