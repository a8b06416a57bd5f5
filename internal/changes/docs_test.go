package changes

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"slipway/internal/docstest"
)

var update = flag.Bool("update", false, "write the table in docs/changes.md")

// docs/changes.md shows the rows; go test ./internal/changes -update writes it.
func TestPage(t *testing.T) {
	docstest.Fresh(t, "../../docs/changes.md", "go test ./internal/changes -update", *update, map[string]string{"rows": table()})
}

func table() string {
	var b strings.Builder
	b.WriteString("| a change of | may | because |\n| --- | --- | --- |\n")
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
