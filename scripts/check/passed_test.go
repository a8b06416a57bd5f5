package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// withTools is a repository of one template whose tools are scripts: cfn-lint notes the templates that it is given, and
// finds something in one that says so.
func withTools(t *testing.T) (r *repo, asked func() string) {
	t.Helper()
	r = moduleWith(t, "service")
	venv, notes := r.path(linters.dir), filepath.Join(t.TempDir(), "notes")
	t.Setenv("HOME", t.TempDir())
	lock := "cfn-lint==1\n"
	for name, text := range map[string]string{
		r.path(linters.lock):       lock,
		r.path(scanners.lock):      "checkov==1\n",
		r.path("templates/a.yaml"): template("a"),
		venv + "/lock.sha256":      fmt.Sprintf("%x\n", sha256.Sum256([]byte(lock))),
		venv + "/bin/cfn-lint":     "#!/bin/sh\nfor last; do case $last in *.yaml)\n basename $last >>" + notes + "; grep -q broken $last && wrong=1\nesac; done\nexit ${wrong:-0}\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return r, func() string {
		text, _ := os.ReadFile(notes)
		_ = os.Remove(notes)
		return strings.Join(slices.Sorted(slices.Values(strings.Fields(string(text)))), " ") // two ask at once
	}
}

func template(word string) string {
	return "Description: " + word + "\nResources: {Bucket: {Type: AWS::S3::Bucket}}\n"
}

// TestWhatPassedIsNotAskedAgain goes through what makes cfn-lint look again: the template, its user's settings, the lock,
// --long; and nothing that it has found fault with is taken for passed.
func TestWhatPassedIsNotAskedAgain(t *testing.T) {
	r, asked := withTools(t)
	write := func(name, text string) {
		if err := os.WriteFile(r.path(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		name   string
		do     func()
		want   string
		passes bool
	}{
		{"the first time", func() {}, "a.yaml", true},
		{"again", func() {}, "", true},
		{"one more template", func() { write("templates/b.yaml", template("b")) }, "b.yaml", true},
		{"a broken one", func() { write("templates/b.yaml", template("broken")) }, "b.yaml", false},
		{"still broken", func() {}, "b.yaml", false},
		{"mended", func() { write("templates/b.yaml", template("b")) }, "", true},
		{"a setting", func() { write(".cfnlintrc.yaml", "regions: [us-east-1]\n") }, "a.yaml b.yaml", true},
		{"--long", func() { r.long = true }, "a.yaml b.yaml", true},
		{"no longer", func() { r.long = false }, "", true},
	} {
		step.do()
		var said bytes.Buffer
		_, err := r.cfnLintEverywhere(t.Context(), &said)
		if got := asked(); got != step.want || (err == nil) != step.passes {
			t.Errorf("%s: asked of %q, not of %q: %v\n%s", step.name, got, step.want, err, said.String())
		}
	}
}

// TestPassedDependsOnTheTools wants other tools to be asked anew, and what nobody asks about to go.
func TestPassedDependsOnTheTools(t *testing.T) {
	r, _ := withTools(t)
	with := func(e environment) passed {
		p, err := r.passedWith(e)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := with(linters)
	if err := first.add("one", "two"); err != nil {
		t.Fatal(err)
	}
	for name, has := range map[string]bool{
		"same":          with(linters).has("one", "two"),
		"cut elsewhere": !first.has("onet", "wo"),
		"other tools":   !with(scanners).has("one", "two"),
	} {
		if !has {
			t.Error(name)
		}
	}
	if err := os.WriteFile(r.path(linters.lock), []byte("cfn-lint==2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	second := with(linters)
	if second.has("one", "two") {
		t.Error("another version of the tool is not asked")
	}
	long := time.Now().Add(-passedLimit - time.Hour)
	if err := os.Chtimes(first.file([]string{"one", "two"}), long, long); err != nil {
		t.Fatal(err)
	}
	if err := second.add("three"); err != nil {
		t.Fatal(err)
	}
	if first.has("one", "two") || !second.has("three") {
		t.Error("what is old stays, or what is young goes")
	}
}
