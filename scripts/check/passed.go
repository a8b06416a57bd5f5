package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// passed remembers on which input a check of templates has found nothing, so that the same is not asked again: an empty
// file for each, named by the hash of all that the answer depends on. They lie beside the tools, so that all builds of the
// local engine have them in common; a build on AWS begins with none.
type passed struct {
	dir  string
	on   []byte // hash of what the answer depends on beside the input
	anew bool   // what was before does not count
}

const passedFolder = "passed"

// passedLimit is how long one is kept about which nobody asks.
const passedLimit = 14 * 24 * time.Hour

// ofTheUser are the files by which a user tells the tools what to look for, in the repository or at home.
var ofTheUser = []string{".cfnlintrc*", ".checkov.y*ml"}

// passedWith remembers for the tools of one lock, with their user's settings, and for this program as it is. With --long
// all is asked anew.
func (r *repo) passedWith(e environment) (passed, error) {
	self, err := os.Executable()
	if err != nil {
		return passed{}, fmt.Errorf("find this program: %w", err)
	}
	files := []string{self, r.path(e.lock)}
	home, _ := os.UserHomeDir() // a build may have none
	for _, folder := range []string{r.root, home} {
		for _, pattern := range ofTheUser {
			found, err := filepath.Glob(filepath.Join(folder, pattern))
			if err != nil {
				return passed{}, err
			}
			files = append(files, found...)
		}
	}
	var all []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return passed{}, fmt.Errorf("read what a check depends on: %w", err)
		}
		all = append(all, string(text))
	}
	return passed{dir: r.path(toolsFolder(passedFolder)), on: hashed(nil, all), anew: r.long}, nil
}

// hashed tells apart what is cut in other places.
func hashed(on []byte, input []string) []byte {
	hash := sha256.New()
	hash.Write(on)
	for _, text := range input {
		fmt.Fprintf(hash, "%d\n%s", len(text), text)
	}
	return hash.Sum(nil)
}

func (p passed) file(input []string) string {
	return filepath.Join(p.dir, fmt.Sprintf("%x", hashed(p.on, input)))
}

func (p passed) has(input ...string) bool {
	now, file := time.Now(), p.file(input)
	return !p.anew && os.Chtimes(file, now, now) == nil
}

// add remembers one more, and forgets those about which nobody has asked for long.
func (p passed) add(input ...string) error {
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(p.file(input), nil, 0o644); err != nil {
		return err
	}
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		about, err := entry.Info()
		if err != nil || time.Since(about.ModTime()) < passedLimit {
			continue // another run has removed it, or it is young
		}
		if err := os.Remove(filepath.Join(p.dir, entry.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// asBefore says of how many nobody was asked.
func asBefore(many int) string {
	if many == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d passed before, by the same tools)", many)
}
