package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ErrNotThere says that a git ref is not there, or has nothing of what was asked for.
var ErrNotThere = errors.New("not there")

// Extract writes a folder of the repository below root, as it was at a git ref, into another folder, and with it the files
// named that were there. The error is ErrNotThere where there is no such ref, or no such folder in it.
func Extract(ctx context.Context, root, ref, into, folder string, files ...string) error {
	commit, err := git(ctx, root, "rev-parse", "--verify", "--quiet", "--end-of-options", ref+"^{commit}")
	if err != nil || len(commit) == 0 {
		if _, err := git(ctx, root, "rev-parse", "--git-dir"); err != nil {
			return err
		}
		return fmt.Errorf("the git ref %s is %w; `git fetch` brings those of others, and a shallow clone has few (git fetch --unshallow)", ref, ErrNotThere)
	}
	at := strings.TrimSpace(commit[0])
	names, err := git(ctx, root, append([]string{"ls-tree", "-r", "-z", "--name-only", at, "--", folder + "/"}, files...)...)
	if err != nil {
		return err
	}
	found := false
	for _, name := range names {
		found = found || strings.HasPrefix(name, folder+"/")
		content, err := git(ctx, root, "show", at+":./"+name)
		if err != nil {
			return err
		}
		path := filepath.Join(into, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(strings.Join(content, "")), 0o600); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%s/ is %w at the git ref %s: there is nothing to compare with", folder, ErrNotThere, ref)
	}
	return nil
}
