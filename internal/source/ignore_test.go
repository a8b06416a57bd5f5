package source

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// What the walk finds is held against git itself, which lists the same files where they are in a repository.
func TestWalkAgreesWithGit(t *testing.T) {
	files := []string{"a", "a.log", "b.txt", "dir/a", "dir/a.log", "dir/b.txt", "dir/sub/a", "dir/sub/c.log", "sub/a", "sub/dir/a.log", "#hash", "!bang",
		"sp ace", "end ", "x[1]", "x1", "x-", "x]", "tür", "build/out/keep.txt", "build/out/bin", "build/in", "q/build", "*", "back\\slash", "foo/bar/baz"}
	tests := []struct{ name, root, dir string }{
		{"nothing", "", ""},
		{"comments and blanks", "# a\n\n   \n#hash\n", ""},
		{"names", "a\nb.txt\n", ""},
		{"star", "*.log\n", ""},
		{"everything but", "*\n!*.txt\n!dir/\n", ""},
		{"question mark", "?\nx?\n", ""},
		{"anchored", "/a\n/dir/a\n", ""},
		{"slash within", "dir/a\nsub/dir\n", ""},
		{"directories only", "dir/\nbuild/\n", ""},
		{"directory again below an ignored one", "build/\n!build/out/keep.txt\n", ""},
		{"again", "build/*\n!build/out\nbuild/out/*\n!build/out/keep.txt\n", ""},
		{"two stars in front", "**/a\n**/dir/a.log\n", ""},
		{"two stars behind", "dir/**\n", ""},
		{"two stars within", "dir/**/a\nfoo/**/baz\n", ""},
		{"three stars", "dir/***/a\n***/c.log\nfoo/***\n", ""},
		{"two stars alone", "**\n!dir/\n!a\n", ""},
		{"anchored two stars", "/**\n!/dir/\n!/dir/a\n", ""},
		{"stars without slashes", "d**r/a\nb**.txt\n***\n", ""},
		{"classes", "x[0-9]\nx[!0-9]\n", ""},
		{"more classes", "x[]]\nx[-]\n[[:upper:]]*\n[[:punct:]]*\n", ""},
		{"negated class with caret", "x[^1]\n", ""},
		{"escaped letters in a class", "x[\\d]\n[\\a]\n", ""},
		{"unclosed class", "x[1\n", ""},
		{"upside-down range", "x[9-0]\n", ""},
		{"escapes", "\\#hash\n\\!bang\nx\\[1\\]\nend\\ \n\\*\nback\\\\slash\n", ""},
		{"trailing backslash", "a\\\n", ""},
		{"trailing spaces", "a   \nsp ace  \n", ""},
		{"carriage returns", "a\r\n*.log\r\n", ""},
		{"byte order mark", "\ufeffa\n", ""},
		{"no newline at the end", "a", ""},
		{"not ASCII", "t*r\n", ""},
		{"slashes alone", "/\n//\n", ""},
		{"folder's own rules", "*.log\n", "!a.log\nb.txt\n/a\n"},
		{"folder's own rules below", "a\n", "!sub/a\n"},
		{"folder's own directories", "", "sub/\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			run(t, root, "git", "init", "-q")
			for _, name := range files {
				write(t, root, name, "x")
			}
			write(t, root, ".gitignore", tt.root)
			if tt.dir != "" {
				write(t, root, "dir/.gitignore", tt.dir)
			}
			agree(t, t.Fatalf, root)
		})
	}
}

// gluedStars are two asterisks that end a path segment which they do not begin ("a**/b"). By its documents git takes them
// for one asterisk; by its code (wildmatch.c compares a pointer into the pattern with one into the text) it depends on
// where the two lie in memory.
var gluedStars = regexp.MustCompile(`[^/]\*\*+(/|$)`)

func TestWalkAgreesWithGitOnAnyPattern(t *testing.T) {
	piece := rapid.SampledFrom([]string{"a", "b", "dir", "sub", "*", "**", "?", "/", "/", "/**/", "[ab]", "[!a]", "\\a", "\\*", ".log", "!", "#", " ", "[a-d]"})
	line := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(piece, 0, 5).Draw(t, "line"), "") }).
		Filter(func(line string) bool { return !gluedStars.MatchString(line) })
	ignore := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(line, 0, 4).Draw(t, "file"), "\n") })
	root := t.TempDir()
	run(t, root, "git", "init", "-q")
	for _, name := range []string{"a", "b", "a.log", "dir/a", "dir/b.log", "dir/sub/a", "dir/sub/b", "sub/a/b", "ab/dir/a", "#a", "!b", "a b", "*"} {
		write(t, root, name, "x")
	}
	rapid.Check(t, func(rt *rapid.T) {
		write(t, root, ".gitignore", ignore.Draw(rt, "root"))
		write(t, root, "dir/.gitignore", ignore.Draw(rt, "dir"))
		agree(t, rt.Fatalf, root)
	})
}

// agree fails where git and the walk see different files.
func agree(t *testing.T, fail func(string, ...any), root string) {
	t.Helper()
	disk, err := os.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	got, err := walk(disk)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(run(t, root, "git", "-c", "core.excludesFile=/dev/null", "ls-files", "-z", "--others", "--exclude-standard"), "\x00")
	want = want[:len(want)-1]
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, append([]string{}, got...)); diff != "" {
		fail("files (-git +walk):\n%s", diff)
	}
}

func TestWalkLeavesOutWhatIsNotSource(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"a", ".slipway/bin/x", "dir/.git/config", "dir/.slipway/a"} {
		write(t, root, name, "x")
	}
	symlink(t, root, "..", "dir/up")
	tree := list(t, root)
	if diff := cmp.Diff([]string{"a file", "dir/.slipway/a file", "dir/up symlink"}, names(tree)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if tree.Commit != "" || tree.Dirty || tree.Untracked != nil {
		t.Errorf("tree: %+v", tree)
	}
}
