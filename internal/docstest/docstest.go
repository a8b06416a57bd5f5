// Package docstest is for tests that hold the generated parts of a page to what they are made from.
package docstest

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/docs"
)

// Fresh wants the parts of a page, by the name between whose lines each stands (docs.Replace), to be these. With update
// it writes them instead. The command is the one that does so.
func Fresh(t testing.TB, page, command string, update bool, parts map[string]string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for name, content := range parts {
		if want, err = docs.Replace(want, name, command, content); err != nil {
			t.Fatal(err)
		}
	}
	if update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s is not what it is made from; run %s (-want +got)\n%s", page, command, diff)
	}
}
