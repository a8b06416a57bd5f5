package changes

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/docs"
)

var update = flag.Bool("update", false, "write the table in docs/changes.md")

// docs/changes.md shows the rows; go test ./internal/changes -update writes it.
func TestPage(t *testing.T) {
	const page = "../../docs/changes.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want, err := docs.Replace(string(text), "rows", "go test ./internal/changes -update", table())
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("docs/changes.md is not what the rows say; run go test ./internal/changes -update (-want +got)\n%s", diff)
	}
}

func table() string {
	var b strings.Builder
	b.WriteString("| a change of | may | because |\n|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.key, words(r.risks), r.why)
	}
	return b.String()
}

// words gathers the risks by what happens: "remove `VPC`, `PublicSubnetA`".
func words(risks []string) string {
	verbs := []struct{ happens, verb string }{{" replaced", "replace"}, {" removed", "remove"}, {" under another id", "put another in place of"}}
	var parts []string
	for _, v := range verbs {
		var ids []string
		for _, risk := range risks {
			if at, found := strings.CutSuffix(risk, v.happens); found {
				_, id, _ := strings.Cut(at, " ")
				ids = append(ids, "`"+id+"`")
			}
		}
		if len(ids) > 0 {
			slices.Sort(ids)
			parts = append(parts, v.verb+" "+strings.Join(ids, ", "))
		}
	}
	return strings.Join(parts, "; ")
}
