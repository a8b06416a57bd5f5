package cause

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"slipway/internal/docstest"
)

var update = flag.Bool("update", false, "write the table of causes in docs/troubleshooting.md")

// The page has every cause, as the rules have it.
func TestPage(t *testing.T) {
	docstest.Fresh(t, "../../docs/troubleshooting.md", "go test ./internal/cause -update", *update, map[string]string{"causes": table()})
}

func table() string {
	var b strings.Builder
	b.WriteString("| cause | what happened | what to do |\n| --- | --- | --- |\n")
	for _, r := range rules {
		row(&b, r.name, r.means, r.next)
	}
	unknown := Find(nil)
	row(&b, unknown.Name, unknown.Means, unknown.Next)
	return b.String()
}

func row(b *strings.Builder, name, means, next string) {
	escape := strings.NewReplacer("|", `\|`)
	fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, capital(escape.Replace(means)), capital(escape.Replace(next)))
}

func capital(text string) string {
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
