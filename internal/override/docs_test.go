package override

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/config"
	"slipway/internal/docstest"
)

var update = flag.Bool("update", false, "write the table in docs/override.md")

const page = "../../docs/override.md"

func readPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// committed is the slipway.yaml that comes with the repository, which the page's examples are for.
func committed(t *testing.T) config.Config {
	t.Helper()
	cfg, err := config.Load("../../slipway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// Each example of the page is taken as it stands, and changes something.
func TestDocumentedExamples(t *testing.T) {
	blocks := strings.Split(readPage(t), "```yaml\n")[1:]
	if len(blocks) < 9 {
		t.Fatalf("the page has only %d examples", len(blocks))
	}
	before, _, err := apply(committed(t), "ecs.yaml: {Service: {Properties: {}}}")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		after, result, err := apply(committed(t), text)
		if err != nil || len(result.Warnings) > 0 {
			t.Errorf("%v %v in\n%s", err, result.Warnings, text)
		} else if cmp.Equal(before, after) {
			t.Errorf("nothing comes of\n%s", text)
		}
	}
}

func TestDocumentedProblems(t *testing.T) {
	_, _, err := apply(committed(t), "prod/ecs.yaml:\n  LogGrup: {Properties: {}}\n  TargetGroup:\n    Properties:\n      HealthyThresholdCount: 1\n")
	if err == nil || !strings.Contains(readPage(t), "```text\n"+err.Error()+"\n```") {
		t.Errorf("docs/override.md does not show what is said:\n%v", err)
	}
}

func TestDocumentedRules(t *testing.T) {
	docstest.Fresh(t, page, "go test ./internal/override -update", *update, map[string]string{"fixed": rulesTable()})
}

// rulesTable has a line for each reason, since many places share one.
func rulesTable() string {
	byReason := map[string][]string{}
	note := func(all map[string]reasons, format string) {
		for of, rules := range all {
			for place, why := range rules {
				byReason[why] = append(byReason[why], fmt.Sprintf(format, of, strings.TrimPrefix(place, propertiesKey+".")))
			}
		}
	}
	note(fixed, "`%s` %s")
	note(fixedIn, "`%s` of `foundation.yaml` %s")
	note(extensible, "`%s` %s, to which items may be added")
	var rows []string
	for why, places := range byReason {
		slices.Sort(places)
		rows = append(rows, fmt.Sprintf("| %s | %s |\n", strings.Join(places, "<br>"), why))
	}
	slices.Sort(rows)
	return "| stays | because |\n| --- | --- |\n" + strings.Join(rows, "")
}
