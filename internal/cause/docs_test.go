package cause

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the table of causes in docs/troubleshooting.md")

const (
	page  = "../../docs/troubleshooting.md"
	begin = "<!-- causes: made from internal/cause by `go test ./internal/cause -update`; edits are lost -->\n"
	end   = "<!-- end of causes -->\n"
)

// The page has every cause, as the rules have it.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table between %q and %q", page, begin, end)
	}
	want := before + begin + table() + end + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s is not what the rules say; run go test ./internal/cause -update (-want +got)\n%s", page, diff)
	}
}

func table() string {
	var b strings.Builder
	b.WriteString("| cause | what happened | what to do |\n|---|---|---|\n")
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
