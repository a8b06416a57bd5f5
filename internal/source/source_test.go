package source

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestListIsWhatGitTracksAsItIsNow(t *testing.T) {
	root := repository(t)
	write(t, root, "changed.txt", "after")
	write(t, root, "staged.txt", "staged")
	run(t, root, "git", "add", "staged.txt")
	remove(t, root, "deleted.txt")
	write(t, root, "new.txt", "untracked")
	write(t, root, "new/deep/a.txt", "untracked")
	write(t, root, "ignored/a.txt", "ignored")
	write(t, root, ".slipway/bin/slipway", "kept")
	write(t, root, ManifestName, "{}")

	tree := list(t, root)
	want := []string{".gitignore file", "changed.txt file", "dir/a.txt file", "link symlink", "run.sh executable", "staged.txt file"}
	if diff := cmp.Diff(want, names(tree)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"new.txt", "new/"}, tree.Untracked); diff != "" {
		t.Errorf("untracked (-want +got):\n%s", diff)
	}
	if commit := strings.TrimSpace(run(t, root, "git", "rev-parse", "HEAD")); tree.Commit != commit {
		t.Errorf("commit %q, want %q", tree.Commit, commit)
	}
	if !tree.Dirty {
		t.Error("a changed tree is not dirty")
	}
}

func TestListCleanTree(t *testing.T) {
	root := repository(t)
	write(t, root, "new.txt", "untracked files do not make it dirty")
	if tree := list(t, root); tree.Dirty {
		t.Error("a clean tree is dirty")
	}
}

func TestListWithoutCommit(t *testing.T) {
	root := t.TempDir()
	run(t, root, "git", "init", "-q")
	write(t, root, "a.txt", "a")
	if _, err := List(t.Context(), root); err == nil || !strings.Contains(err.Error(), "git add") {
		t.Errorf("List of a repository without files: %v", err)
	}
	run(t, root, "git", "add", ".")
	if tree := list(t, root); tree.Commit != "" || !tree.Dirty || len(tree.Files) != 1 {
		t.Errorf("List: %+v", tree)
	}
}

func TestListFolderOfALargerRepository(t *testing.T) {
	root := repository(t)
	write(t, root, "dir/new.txt", "untracked")
	write(t, root, "changed.txt", "outside of the folder")
	tree := list(t, filepath.Join(root, "dir"))
	if diff := cmp.Diff([]string{"a.txt file"}, names(tree)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"new.txt"}, tree.Untracked); diff != "" || tree.Dirty || tree.Commit == "" {
		t.Errorf("untracked (-want +got):\n%s\ndirty %v, commit %q", diff, tree.Dirty, tree.Commit)
	}
}

func TestListInARepositoryThatTracksNothingThere(t *testing.T) {
	root := repository(t)
	write(t, root, "elsewhere/a.txt", "a")
	write(t, root, "elsewhere/.gitignore", "*.log\n")
	write(t, root, "elsewhere/a.log", "a")
	tree := list(t, filepath.Join(root, "elsewhere"))
	if diff := cmp.Diff([]string{".gitignore file", "a.txt file"}, names(tree)); diff != "" || tree.Commit != "" {
		t.Errorf("files (-want +got):\n%s\ncommit %q", diff, tree.Commit)
	}
}

func TestListInAWorktree(t *testing.T) {
	root, worktree := repository(t), filepath.Join(t.TempDir(), "w")
	run(t, root, "git", "worktree", "add", "-q", worktree)
	if list(t, worktree).Identity() != list(t, root).Identity() {
		t.Error("a second worktree of the same commit has another identity")
	}
}

func TestListMergeConflict(t *testing.T) {
	root := repository(t)
	run(t, root, "git", "checkout", "-q", "-b", "other")
	write(t, root, "changed.txt", "theirs")
	run(t, root, "git", "commit", "-qam", "theirs")
	run(t, root, "git", "checkout", "-q", "-")
	write(t, root, "changed.txt", "ours")
	run(t, root, "git", "commit", "-qam", "ours")
	if err := gitCommand(t.Context(), root, "merge", "-q", "other").Run(); err == nil {
		t.Fatal("the merge has no conflict")
	}
	want := []string{".gitignore file", "changed.txt file", "deleted.txt file", "dir/a.txt file", "link symlink", "run.sh executable"}
	if diff := cmp.Diff(want, names(list(t, root))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestListSubmodule(t *testing.T) {
	root := repository(t)
	run(t, root, "git", "-c", "protocol.file.allow=always", "submodule", "add", "-q", repository(t), "sub")
	if _, err := List(t.Context(), root); err == nil || !strings.Contains(err.Error(), "git submodule sub") {
		t.Errorf("List with a submodule: %v", err)
	}
}

func TestListTypeChanges(t *testing.T) {
	root := repository(t)
	outside := t.TempDir()
	write(t, outside, "a.txt", "must not be read")
	remove(t, root, "dir/a.txt")
	remove(t, root, "dir")
	symlink(t, root, outside, "dir")
	remove(t, root, "changed.txt")
	write(t, root, "changed.txt/now/a/directory", "x")
	tree := list(t, root)
	want := []string{".gitignore file", "deleted.txt file", "link symlink", "run.sh executable"}
	if diff := cmp.Diff(want, names(tree)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestListSpecialFile(t *testing.T) {
	root := repository(t)
	remove(t, root, "changed.txt")
	if err := syscall.Mkfifo(filepath.Join(root, "changed.txt"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := List(t.Context(), root); err == nil || !strings.Contains(err.Error(), filepath.Join(root, "changed.txt")+": it is neither a file nor") {
		t.Errorf("List with a named pipe: %v", err)
	}
}

func TestListOddNames(t *testing.T) {
	root := repository(t)
	odd := []string{" leading", "new\nline", "quote\"d", "tab\there", "tür/ö.txt", "-dash", "star*", "back\\slash", "trailing "}
	for _, name := range odd {
		write(t, root, name, name)
	}
	run(t, root, "git", "add", ".")
	tree := list(t, root)
	for _, name := range odd {
		if !slices.Contains(names(tree), name+" file") {
			t.Errorf("%q is missing", name)
		}
	}
	if got := list(t, unpack(t, tree)).Identity(); got != tree.Identity() {
		t.Errorf("identity %s after a round trip, want %s", got, tree.Identity())
	}
	write(t, root, "not\xffutf8", "x")
	run(t, root, "git", "add", ".")
	if _, err := List(t.Context(), root); err == nil || !strings.Contains(err.Error(), `"not\xffutf8" is not UTF-8`) {
		t.Errorf("List with a name that is not UTF-8: %v", err)
	}
}

func TestListWithoutGitInstalled(t *testing.T) {
	root := repository(t)
	t.Setenv("PATH", t.TempDir())
	if _, err := List(t.Context(), root); err == nil || !strings.Contains(err.Error(), "git is not installed") {
		t.Errorf("List without git: %v", err)
	}
}

func TestListBrokenRepository(t *testing.T) {
	root := repository(t)
	write(t, root, ".git/HEAD", "nonsense")
	if _, err := List(t.Context(), root); err == nil || !strings.Contains(err.Error(), "not a git repository") {
		t.Errorf("List of a broken repository: %v", err)
	}
}

func TestListMissingRoot(t *testing.T) {
	if _, err := List(t.Context(), filepath.Join(t.TempDir(), "none")); err == nil || !strings.HasPrefix(err.Error(), "open the source: ") {
		t.Errorf("List of nothing: %v", err)
	}
}

func TestListCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := List(ctx, repository(t)); err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("List after cancelling: %v", err)
	}
}

// Whatever differs in what a tree holds shows in its identity, and nothing else does.
func TestIdentity(t *testing.T) {
	root := repository(t)
	before := list(t, root).Identity()
	if len(before) != identityLength || strings.Trim(before, "0123456789abcdef") != "" {
		t.Errorf("identity %q", before)
	}
	changes := []struct {
		name   string
		change func()
		same   bool
	}{
		{"a commit", func() { run(t, root, "git", "commit", "-q", "--allow-empty", "-m", "x") }, true},
		{"an untracked file", func() { write(t, root, "new.txt", "x") }, true},
		{"times", func() { run(t, root, "touch", "-d", "2001-01-01", "changed.txt") }, true},
		{"who may read", func() { run(t, root, "chmod", "600", "changed.txt") }, true},
		{"content", func() { write(t, root, "changed.txt", "other") }, false},
		{"an executable bit", func() { run(t, root, "chmod", "+x", "changed.txt") }, false},
		{"a link's target", func() { remove(t, root, "link"); symlink(t, root, "changed.txt", "link") }, false},
		{"a link made a file", func() { remove(t, root, "link"); write(t, root, "link", "changed.txt") }, false},
		{"a name", func() { run(t, root, "git", "mv", "run.sh", "run2.sh") }, false},
		{"a file added", func() { run(t, root, "git", "add", "new.txt") }, false},
		{"a file deleted", func() { remove(t, root, "run2.sh") }, false},
	}
	for _, c := range changes {
		c.change()
		after := list(t, root).Identity()
		if (before == after) != c.same {
			t.Errorf("%s: identity %s, then %s", c.name, before, after)
		}
		before = after
	}
}

// Moving bytes between names and contents of neighbours does not keep the identity.
func TestIdentityIsUnambiguous(t *testing.T) {
	files := rapid.Custom(func(t *rapid.T) []File {
		return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) File {
			text := rapid.StringMatching(`[ab]{0,3}`)
			return File{Path: text.Draw(t, "path"), Mode: Mode(text.Draw(t, "mode")), SHA256: text.Draw(t, "hash")}
		}), 0, 3).Draw(t, "files")
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := Tree{Files: files.Draw(t, "a")}, Tree{Files: files.Draw(t, "b")}
		if (a.Identity() == b.Identity()) != slices.Equal(a.Files, b.Files) {
			t.Fatalf("%v and %v", a.Files, b.Files)
		}
	})
}

func TestZipIsRepeatable(t *testing.T) {
	root := repository(t)
	tree := list(t, root)
	first := zipped(t, tree)
	run(t, root, "touch", "-d", "2001-01-01", "changed.txt")
	run(t, root, "chmod", "600", "changed.txt")
	if !bytes.Equal(first, zipped(t, list(t, root))) {
		t.Error("two zips of the same tree differ")
	}
	if !bytes.Equal(first, zipped(t, list(t, unpack(t, tree)))) {
		t.Error("the zip of the unpacked zip differs")
	}
}

func TestZipCarriesModes(t *testing.T) {
	text := zipped(t, list(t, repository(t)))
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, file := range archive.File {
		got[file.Name] = file.Mode().String()
		if want := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC); !file.Modified.Equal(want) {
			t.Errorf("%s has the time %v, want %v", file.Name, file.Modified, want)
		}
	}
	want := map[string]string{ManifestName: "-rw-r--r--", ".gitignore": "-rw-r--r--", "changed.txt": "-rw-r--r--", "deleted.txt": "-rw-r--r--",
		"dir/a.txt": "-rw-r--r--", "link": "Lrwxrwxrwx", "run.sh": "-rwxr-xr-x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("modes (-want +got):\n%s", diff)
	}
}

// The identity survives the zip, whether unpacking keeps modes and links or not.
func TestRoundTrip(t *testing.T) {
	root := repository(t)
	write(t, root, "changed.txt", "dirty")
	tree := list(t, root)
	tests := []struct {
		name   string
		unpack func(t *testing.T, archive, to string)
	}{
		{"unzip", func(t *testing.T, archive, to string) {
			if _, err := exec.LookPath("unzip"); err != nil {
				t.Skip("unzip is not installed")
			}
			run(t, to, "unzip", "-q", archive)
		}},
		{"python", func(t *testing.T, archive, to string) {
			// Python's writes links as files, and no executable bits.
			run(t, to, "python3", "-m", "zipfile", "-e", archive, ".")
		}},
		{"go", extract},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// Below the repository, as a build has it that runs on the same machine.
			to := filepath.Join(root, ".slipway", tt.name)
			write(t, to, "source.zip", string(zipped(t, tree)))
			archive := filepath.Join(to, "source.zip")
			to = filepath.Join(to, "unpacked")
			if err := os.Mkdir(to, 0o755); err != nil {
				t.Fatal(err)
			}
			tt.unpack(t, archive, to)
			got := list(t, to)
			want := tree
			want.Root = to
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("tree (-want +got):\n%s", diff)
			}
			if got.Identity() != tree.Identity() {
				t.Errorf("identity %s, want %s", got.Identity(), tree.Identity())
			}
		})
	}
}

func TestListChangedAfterUnpacking(t *testing.T) {
	tree := list(t, repository(t))
	root := unpack(t, tree)
	write(t, root, "new.txt", "added after unpacking")
	write(t, root, "ignored/a.txt", "ignored")
	if got := list(t, root); got.Dirty || got.Identity() != tree.Identity() || !slices.Equal(got.Untracked, []string{"new.txt"}) {
		t.Errorf("a file added: %+v", got)
	}
	remove(t, root, "run.sh")
	if got := list(t, root); !got.Dirty || got.Identity() == tree.Identity() || got.Commit != tree.Commit {
		t.Errorf("a file deleted: %+v", got)
	}
}

func TestListDamagedManifest(t *testing.T) {
	for text, want := range map[string]string{
		"":   "unexpected end of JSON input",
		"{}": "it has no identity",
		`{"identity": "x", "files": [{"path": "../a", "mode": "file"}]}`:   `"../a" is not a path below the root`,
		`{"identity": "x", "files": [{"path": "/a", "mode": "file"}]}`:     `"/a" is not a path below the root`,
		`{"identity": "x", "files": [{"path": "a/./b", "mode": "file"}]}`:  `"a/./b" is not a path below the root`,
		`{"identity": "x", "files": [{"path": "a", "mode": "directory"}]}`: `a has the unknown mode "directory"`,
	} {
		root := t.TempDir()
		write(t, root, ManifestName, text)
		if _, err := List(t.Context(), root); err == nil || err.Error() != "read "+filepath.Join(root, ManifestName)+": "+want+"; unpack the source zip again" {
			t.Errorf("manifest %q: %v", text, err)
		}
	}
}

func TestZipOfAFileThatChanged(t *testing.T) {
	root := repository(t)
	tree := list(t, root)
	write(t, root, "changed.txt", "changed since")
	if err := tree.WriteZip(io.Discard); err == nil || err.Error() != "read "+filepath.Join(root, "changed.txt")+": it changed while it was read; run again when nothing writes to it" {
		t.Errorf("WriteZip: %v", err)
	}
	remove(t, root, "changed.txt")
	if err := tree.WriteZip(io.Discard); err == nil || !strings.HasPrefix(err.Error(), "read "+filepath.Join(root, "changed.txt")+": ") {
		t.Errorf("WriteZip: %v", err)
	}
}

func TestZipPassesOnWriteErrors(t *testing.T) {
	tree := list(t, repository(t))
	reader, writer := io.Pipe()
	reader.Close()
	if err := tree.WriteZip(writer); err == nil || !strings.Contains(err.Error(), "closed pipe") {
		t.Errorf("WriteZip: %v", err)
	}
}

// repository is one with a commit that has a file of each kind.
func repository(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	run(t, root, "git", "init", "-q")
	write(t, root, ".gitignore", "ignored/\n/.slipway/\n")
	for _, name := range []string{"changed.txt", "deleted.txt", "dir/a.txt", "run.sh"} {
		write(t, root, name, name)
	}
	run(t, root, "chmod", "+x", "run.sh")
	symlink(t, root, "dir/a.txt", "link")
	run(t, root, "git", "add", ".")
	run(t, root, "git", "commit", "-q", "-m", "first")
	return root
}

func list(t *testing.T, root string) Tree {
	t.Helper()
	tree, err := List(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func names(tree Tree) []string {
	var all []string
	for _, file := range tree.Files {
		all = append(all, file.Path+" "+string(file.Mode))
	}
	return all
}

func zipped(t *testing.T, tree Tree) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tree.WriteZip(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpack puts the tree's zip into a folder of its own.
func unpack(t *testing.T, tree Tree) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "source.zip", string(zipped(t, tree)))
	to := filepath.Join(dir, "unpacked")
	if err := os.Mkdir(to, 0o755); err != nil {
		t.Fatal(err)
	}
	extract(t, filepath.Join(dir, "source.zip"), to)
	return to
}

// extract unpacks with modes and links.
func extract(t *testing.T, from, to string) {
	t.Helper()
	archive, err := zip.OpenReader(from)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	for _, file := range archive.File {
		content, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		if file.Mode()&os.ModeSymlink != 0 {
			symlink(t, to, string(text), file.Name)
			continue
		}
		write(t, to, file.Name, string(text))
		if err := os.Chmod(filepath.Join(to, file.Name), file.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, root, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(root, name)); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, root, target, name string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	if name == "git" {
		command = gitCommand(t.Context(), dir, args...)
	}
	command.Dir = dir
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// gitCommand does not depend on the configuration of whoever runs the test.
func gitCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"}, args...)...)
	command.Dir = dir
	return command
}

// Where a source is from can be read from its zip without unpacking it, and without reading all of it.
func TestReadOrigin(t *testing.T) {
	root := repository(t)
	large := make([]byte, 1<<20)
	rand.Read(large)
	write(t, root, "changed.txt", string(large))
	tree := list(t, root)
	archive := &countingReader{content: zipped(t, tree)}
	got, err := ReadOrigin(archive, int64(len(archive.content)))
	if want := (Origin{tree.Identity(), tree.Commit, true}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if archive.read > 64<<10 {
		t.Errorf("read %d of %d bytes", archive.read, len(archive.content))
	}
	for name, content := range map[string][]byte{"no zip": []byte("x"), "no manifest": emptyZip} {
		if _, err := ReadOrigin(bytes.NewReader(content), int64(len(content))); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// emptyZip is the end record of a zip alone.
var emptyZip = append([]byte("PK\x05\x06"), make([]byte, 18)...)

// countingReader counts what is read of it.
type countingReader struct {
	content []byte
	read    int
}

func (r *countingReader) ReadAt(p []byte, at int64) (int, error) {
	n, err := bytes.NewReader(r.content).ReadAt(p, at)
	r.read += n
	return n, err
}
