package deployer

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/docstest"
)

var update = flag.Bool("update", false, "write docs/policies and the table of docs/permissions.md")

// docs/policies and the table of docs/permissions.md are made from the rights; go test ./internal/deployer -update writes
// them.
func TestDocuments(t *testing.T) {
	docstest.Fresh(t, "../../docs/permissions.md", "go test ./internal/deployer -update", *update, map[string]string{"rights": rightsTable(t)})
	for _, name := range AllNames {
		fresh(t, "../../docs/policies/"+name+".json", func(string) string {
			var b bytes.Buffer
			out := json.NewEncoder(&b)
			out.SetIndent("", "  ")
			if err := out.Encode(Policies(committed(t), In(""))[name]); err != nil {
				t.Fatal(err)
			}
			return b.String()
		})
	}
}

// fresh wants a file to be what made makes of it, or writes it.
func fresh(t *testing.T, path string, made func(text string) string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && (!*update || !os.IsNotExist(err)) {
		t.Fatal(err)
	}
	want := made(string(text))
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s is not what the rights say; run go test ./internal/deployer -update (-want +got)\n%s", path, diff)
	}
}

// rightsTable has the rights of an application NAME with an environment ENVIRONMENT.
func rightsTable(t *testing.T) string {
	cfg := committed(t)
	cfg.Name, cfg.Environments = "NAME", cfg.Environments[:1]
	cfg.Environments[0].Name = "ENVIRONMENT"
	var b strings.Builder
	b.WriteString("| policy | for | actions | on |\n| --- | --- | --- | --- |\n")
	for _, r := range slices.Concat(Rights(cfg, In("")), Operating(cfg, In(""))) {
		on := strings.Join(r.Resource, ", ")
		on = strings.NewReplacer("arn:aws:", "", ":*:*:", ":", "::*:", ":", ":::", ":").Replace(on)
		if r.Condition != nil {
			condition, err := json.Marshal(r.Condition)
			if err != nil {
				t.Fatal(err)
			}
			on += "`, where `" + string(condition)
		}
		service, _, _ := strings.Cut(r.Action[0], ":")
		fmt.Fprintf(&b, "| %s | %s | `%s` | `%s` |\n", r.Policy, r.Why, strings.ReplaceAll(strings.Join(r.Action, ", "), ", "+service+":", ", "), on)
	}
	return b.String()
}
