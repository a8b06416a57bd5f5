// Package source is the working tree as something to build from: which files belong to it, what they hold together
// (its identity), and the zip that carries them.
package source

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// Tree is the source as it was when List read it.
type Tree struct {
	Root      string   // where it stands
	Files     []File   // sorted by path
	Untracked []string // neither tracked nor ignored, hence not in Files; directories end with a slash
	Commit    string   // the commit checked out, in hex; empty where there is none
	Dirty     bool     // Files differ from the commit
}

// File is one file of a tree.
type File struct {
	Path   string `json:"path"` // below the root, with forward slashes
	Mode   Mode   `json:"mode"`
	SHA256 string `json:"sha256"` // of the content, in hex; a symbolic link's content is its target
}

// Mode is all that is kept of a file's mode.
type Mode string

// What a file can be.
const (
	Regular    Mode = "file"
	Executable Mode = "executable"
	Symlink    Mode = "symlink"
)

// keptDir is where everything generated or kept locally goes; it is never source.
const keptDir = ".slipway"

// identityLength in hex digits: 160 bits, short enough to read and far within an image tag's 128 characters.
const identityLength = 40

// List finds the files of the source below root and reads each of them once. With git they are what git tracks, as it
// is now in the working tree; in an unpacked source zip what its manifest names; otherwise all that .gitignore does not.
func List(ctx context.Context, root string) (Tree, error) {
	disk, err := os.OpenRoot(root)
	if err != nil {
		return Tree{}, fmt.Errorf("open the source: %w", err)
	}
	defer disk.Close()
	found, err := find(ctx, root, disk)
	if err != nil {
		return Tree{}, err
	}
	tree := Tree{Root: root, Untracked: found.untracked, Commit: found.commit, Dirty: found.dirty}
	tree.Files, err = read(ctx, disk, found.entries)
	if err != nil {
		return Tree{}, err
	}
	if len(tree.Files) == 0 {
		return Tree{}, fmt.Errorf("the source %s has no files; with git, those count that are tracked (git add)", root)
	}
	if found.identity != "" && found.identity != tree.Identity() {
		tree.Dirty = true
	}
	return tree, nil
}

// Identity tells trees apart by what they hold: 40 hex digits of the SHA-256 over each file's path, mode and content.
// Commit, times and owners have no part in it.
func (t Tree) Identity() string {
	sum := sha256.New()
	for _, file := range t.Files {
		for _, part := range []string{file.Path, string(file.Mode), file.SHA256} {
			writePart(sum, part)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:identityLength]
}

// writePart puts the length before the text, so that no two lists of parts look the same.
func writePart(sum hash.Hash, part string) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(part)))
	sum.Write(length[:])
	_, _ = io.WriteString(sum, part)
}

// listing is what one of the ways to find files has found.
type listing struct {
	entries   []entry
	untracked []string
	commit    string
	dirty     bool
	identity  string // what the tree had when the manifest was written; empty without one
}

// entry is a file to read; without a mode, the disk's holds.
type entry struct {
	path string
	mode Mode
}

// find takes the first way that fits. A manifest goes before a repository around the root: builds unpack the zip
// somewhere below the working tree.
func find(ctx context.Context, root string, disk *os.Root) (listing, error) {
	if _, err := disk.Lstat(".git"); err == nil {
		return listGit(ctx, root)
	}
	if _, err := disk.Lstat(ManifestName); err == nil {
		return listManifest(disk)
	}
	absolute, err := filepath.Abs(root)
	if err != nil {
		return listing{}, fmt.Errorf("look for a git repository around %s: %w", root, err)
	}
	if hasRepositoryAround(absolute) {
		// A repository that tracks nothing here, as where one's home is a repository, is not that of this source.
		if found, err := listGit(ctx, root); err != nil || len(found.entries) > 0 {
			return found, err
		}
	}
	paths, err := walk(disk)
	return listing{entries: entriesOf(paths)}, err
}

func entriesOf(paths []string) []entry {
	entries := make([]entry, len(paths))
	for i, path := range paths {
		entries[i] = entry{path: path}
	}
	return entries
}

// isSource is false for what is slipway's own or git's, wherever a list of files comes from.
func isSource(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return first != keptDir && first != ManifestName && !slices.Contains(strings.Split(name, "/"), ".git")
}

// read hashes the files, leaving out those that are no longer there.
func read(ctx context.Context, disk *os.Root, entries []entry) ([]File, error) {
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.path, b.path) })
	entries = slices.CompactFunc(entries, func(a, b entry) bool { return a.path == b.path })
	var files []File
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read the source: %w", err)
		}
		if !isSource(entry.path) {
			continue
		}
		file, err := readFile(disk, entry)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// readFile hashes one file; the error is fs.ErrNotExist where git, too, takes it for deleted.
func readFile(disk *os.Root, entry entry) (File, error) {
	if !utf8.ValidString(entry.path) {
		return File{}, fmt.Errorf("read %s: the name %q is not UTF-8; rename the file", disk.Name(), entry.path)
	}
	mode, err := modeOf(disk, entry.path)
	if err != nil {
		return File{}, fileError(disk, entry.path, err)
	}
	sum := sha256.New()
	if err := copyContent(sum, disk, entry.path, mode); err != nil {
		return File{}, fileError(disk, entry.path, err)
	}
	return File{Path: entry.path, Mode: cmp.Or(entry.mode, mode), SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// modeOf is the mode on disk. A path that is now a directory, or lies behind a symbolic link, is not there: git sees
// it the same way, and the link could lead out of the tree.
func modeOf(disk *os.Root, name string) (Mode, error) {
	for parent := path.Dir(name); parent != "."; parent = path.Dir(parent) {
		info, err := disk.Lstat(parent)
		if err != nil {
			return "", err
		}
		if !info.IsDir() {
			return "", fs.ErrNotExist
		}
	}
	info, err := disk.Lstat(name)
	if err != nil {
		return "", err
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		return "", fs.ErrNotExist
	case mode&fs.ModeSymlink != 0:
		return Symlink, nil
	case !mode.IsRegular():
		return "", errors.New("it is neither a file nor a symbolic link; delete it or let .gitignore name it")
	case mode.Perm()&0o111 != 0:
		return Executable, nil
	default:
		return Regular, nil
	}
}

// copyContent writes a file's content, or a symbolic link's target, as it is on disk.
func copyContent(w io.Writer, disk *os.Root, name string, mode Mode) error {
	if mode == Symlink {
		target, err := disk.Readlink(name)
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, filepath.ToSlash(target))
		return err
	}
	file, err := disk.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(w, file)
	return err
}

// fileError names the file in full, once.
func fileError(disk *os.Root, name string, err error) error {
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		err = cause.Err
	}
	return fmt.Errorf("read %s: %w", filepath.Join(disk.Name(), filepath.FromSlash(name)), err)
}
