package source

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// ManifestName is the file that a source zip carries in its root, beside the source: what it holds and where it is from.
// It stands in for git where the zip is unpacked, and for what unpacking may lose, the executable bit and symbolic links.
const ManifestName = ".slipway-manifest.json"

type manifest struct {
	Identity string `json:"identity"`
	Commit   string `json:"commit"`
	Dirty    bool   `json:"dirty"`
	Files    []File `json:"files"`
}

// Origin is what a source zip says of where it is from.
type Origin struct {
	Identity string
	Commit   string // empty where it came without git
	Dirty    bool   // it differed from the commit
}

// ReadOrigin reads it from a zip of this many bytes. Of the zip it reads the directory and the manifest only.
func ReadOrigin(archive io.ReaderAt, size int64) (Origin, error) {
	content, err := zip.NewReader(archive, size)
	if err != nil {
		return Origin{}, fmt.Errorf("read the source zip: %w", err)
	}
	file, err := content.Open(ManifestName)
	if err != nil {
		return Origin{}, fmt.Errorf("read the source zip's manifest: %w", err)
	}
	defer file.Close()
	var m manifest
	if err := json.NewDecoder(file).Decode(&m); err != nil {
		return Origin{}, fmt.Errorf("read the source zip's manifest: %w", err)
	}
	return Origin{m.Identity, m.Commit, m.Dirty}, nil
}

// Origin is what the tree's zip says of it.
func (t Tree) Origin() Origin { return Origin{t.Identity(), t.Commit, t.Dirty} }

// manifest renders the tree's manifest.
func (t Tree) manifest() ([]byte, error) {
	text, err := json.MarshalIndent(manifest{t.Identity(), t.Commit, t.Dirty, t.Files}, "", "  ")
	return append(text, '\n'), err
}

// listManifest lists what the manifest names; what else is there and not ignored came after unpacking.
func listManifest(disk *os.Root) (listing, error) {
	m, err := readManifest(disk)
	if err != nil {
		return listing{}, fmt.Errorf("read %s: %w; unpack the source zip again", filepath.Join(disk.Name(), ManifestName), err)
	}
	found := listing{commit: m.Commit, dirty: m.Dirty, identity: m.Identity}
	named := map[string]bool{}
	for _, file := range m.Files {
		named[file.Path] = true
		found.entries = append(found.entries, entry{file.Path, file.Mode})
	}
	present, err := walk(disk)
	found.untracked = slices.DeleteFunc(present, func(path string) bool { return named[path] })
	return found, err
}

func readManifest(disk *os.Root) (manifest, error) {
	var m manifest
	text, err := disk.ReadFile(ManifestName)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, err
	}
	if m.Identity == "" {
		return m, fmt.Errorf("it has no identity")
	}
	for _, file := range m.Files {
		if !filepath.IsLocal(file.Path) || path.Clean(file.Path) != file.Path {
			return m, fmt.Errorf("%q is not a path below the root", file.Path)
		}
		if !slices.Contains([]Mode{Regular, Executable, Symlink}, file.Mode) {
			return m, fmt.Errorf("%s has the unknown mode %q", file.Path, file.Mode)
		}
	}
	return m, nil
}
