package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const checksPage = "../../docs/checks.md"

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(checksPage)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryStepIsDocumented(t *testing.T) {
	text := page(t)
	for _, s := range steps(&repo{}) {
		if !strings.Contains(text, "| "+s.name+" |") {
			t.Errorf("docs/checks.md does not name the check %q", s.name)
		}
	}
}

// The table in docs/checks.md is what the committed templates accept.
func TestAcceptedFindingsAreDocumented(t *testing.T) {
	committed, err := readSet("../../templates")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, file := range committed.files {
		accepted, _, err := takeMetadata(file.text)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range accepted {
			rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s |\n", s.rule, filepath.Base(file.path), s.resource, s.reason))
		}
	}
	slices.Sort(rows)
	want := "| rule | template | resource | reason |\n| --- | --- | --- | --- |\n" + strings.Join(slices.Compact(rows), "")
	_, got, _ := strings.Cut(page(t), "keeps the table fresh):\n\n")
	if got != want {
		t.Errorf("docs/checks.md must end with this table:\n%s", want)
	}
}
