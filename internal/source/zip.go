package source

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// WriteZip writes the tree with its manifest as a zip whose bytes depend on nothing else: sorted, with fixed times. It
// reads the files again, and fails with the name of one that is no longer what List has read.
func (t Tree) WriteZip(w io.Writer) error {
	disk, err := os.OpenRoot(t.Root)
	if err != nil {
		return fmt.Errorf("open the source: %w", err)
	}
	defer disk.Close()
	archive := zip.NewWriter(w)
	if err := t.addManifest(archive); err != nil {
		return fmt.Errorf("zip %s: %w", t.Root, err)
	}
	for _, file := range t.Files {
		if err := addFile(archive, disk, file); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("zip %s: %w", t.Root, err)
	}
	return nil
}

func (t Tree) addManifest(archive *zip.Writer) error {
	text, err := t.manifest()
	if err != nil {
		return err
	}
	entry, err := archive.CreateHeader(header(ManifestName, 0o644))
	if err != nil {
		return err
	}
	_, err = entry.Write(text)
	return err
}

// addFile copies the file and holds what it has copied against what List has read.
func addFile(archive *zip.Writer, disk *os.Root, file File) error {
	entry, err := archive.CreateHeader(header(file.Path, permissions(file.Mode)))
	if err != nil {
		return fmt.Errorf("zip %s: %w", file.Path, err)
	}
	mode, err := modeOf(disk, file.Path)
	if err != nil {
		return fileError(disk, file.Path, err)
	}
	sum := sha256.New()
	if err := copyContent(io.MultiWriter(entry, sum), disk, file.Path, mode); err != nil {
		return fileError(disk, file.Path, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != file.SHA256 {
		return fmt.Errorf("read %s: it changed while it was read; run again when nothing writes to it", filepath.Join(disk.Name(), file.Path))
	}
	return nil
}

func permissions(mode Mode) fs.FileMode {
	switch mode {
	case Executable:
		return 0o755
	case Symlink:
		return fs.ModeSymlink | 0o777
	default:
		return 0o644
	}
}

// header has the first time that a zip can tell.
func header(name string, mode fs.FileMode) *zip.FileHeader {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	h.SetMode(mode)
	return h
}
