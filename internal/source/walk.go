package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// walk lists all files that no .gitignore names, as git would if it were there.
func walk(disk *os.Root) ([]string, error) {
	var paths []string
	var rules []rule
	err := fs.WalkDir(disk.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name != "." && (!isSource(name) || ignored(rules, name, entry.IsDir())) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.IsDir() {
			paths = append(paths, name)
			return nil
		}
		// A directory's rules come after those of the directories above it, and so go before them.
		more, err := readRules(disk, name)
		rules = append(rules, more...)
		return err
	})
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fmt.Errorf("read %s: %w", filepath.Join(disk.Name(), cause.Path), cause.Err)
	}
	return paths, err
}

// readRules reads the .gitignore of one directory. Like git, it does not follow a symbolic link there.
func readRules(disk *os.Root, dir string) ([]rule, error) {
	name := path.Join(dir, ".gitignore")
	info, err := disk.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := disk.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return parseRules(dir, string(text)), nil
}
