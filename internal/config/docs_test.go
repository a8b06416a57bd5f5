package config

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

const pageFile = "../../docs/configuration.md"

const (
	tableBegin = "<!-- The table is written by go test ./internal/config -update. -->\n"
	tableEnd   = "<!-- /table -->\n"
)

// The table of keys is made from the declarations; go test ./internal/config -update writes it.
func TestTableIsFresh(t *testing.T) {
	before, rest, begun := strings.Cut(page(t), tableBegin)
	table, after, ended := strings.Cut(rest, tableEnd)
	if !begun || !ended {
		t.Fatal("docs/configuration.md has no place for the table of keys")
	}
	want := tableText(t)
	if *update {
		if err := os.WriteFile(pageFile, []byte(before+tableBegin+want+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("the table in docs/configuration.md is not what the keys say; run go test ./internal/config -update (-want +got)\n%s", diff)
	}
}

func tableText(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| key | type | default | allowed | |\n| --- | --- | --- | --- | --- |\n")
	for _, k := range keys {
		if k.kind == kindMapping {
			continue
		}
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s | %s | %s |\n", k.path, anchor(heading(t, k)), k.kind, defaultText(k), allowedText(k), k.about)
	}
	return b.String()
}

func defaultText(k key) string {
	switch {
	case k.required:
		return "required"
	case k.standard != nil:
		return fmt.Sprintf("`%v`", k.standard)
	default:
		return k.usually
	}
}

func allowedText(k key) string {
	switch k.kind {
	case kindNumber:
		return fmt.Sprintf("%d to %d", k.least, k.most)
	case kindBoolean:
		return "`true`, `false`"
	case kindChoice:
		return "`" + strings.Join(k.words, "`, `") + "`"
	case kindText:
		return k.allowed
	case kindTexts:
		return fmt.Sprintf("%d to %d, each %s", k.least, k.most, k.allowed)
	case kindItems:
		return fmt.Sprintf("%d to %d items", k.least, k.most)
	case kindVariables:
		return "names and values"
	case kindSecrets:
		return "names and `ssm:/path` or `secretsmanager:name#key`"
	default:
		panic("no words for " + string(k.kind))
	}
}

// heading is that of the section that explains the key, perhaps with others.
func heading(t *testing.T, k key) string {
	t.Helper()
	for line := range strings.Lines(page(t)) {
		text, isHeading := strings.CutPrefix(strings.TrimSpace(line), "### ")
		if isHeading && slices.Contains(strings.Split(text, ", "), k.path) {
			return text
		}
	}
	t.Errorf("docs/configuration.md has no section for %s", k.path)
	return k.path
}

// anchor is what Markdown makes of a heading.
func anchor(heading string) string {
	return strings.ReplaceAll(regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// Every section says something and shows its keys' examples as they are declared.
func TestEveryKeyIsExplained(t *testing.T) {
	for _, k := range keys {
		if k.kind == kindMapping {
			continue
		}
		_, rest, _ := strings.Cut(page(t), "### "+heading(t, k)+"\n\n")
		section, _, _ := strings.Cut(rest, "\n### ")
		if strings.HasPrefix(section, "Example") {
			t.Errorf("the section of %s explains nothing", k.path)
		}
		if k.kind != kindItems && !strings.Contains(section, "`"+k.name()+": "+written(k)) {
			t.Errorf("the section of %s lacks the example `%s: %s`", k.path, k.name(), written(k))
		}
	}
}

// written is a key's example as it stands in the file; of a list, how it begins.
func written(k key) string {
	text := k.example
	var value any
	if err := yaml.Unmarshal([]byte("["+text+"]"), &value); k.kind == kindText || k.kind == kindTexts && k.pattern != "" {
		if items, _ := value.([]any); err != nil || len(items) != 1 || items[0] != text {
			text = strconv.Quote(text)
		}
	}
	if k.kind == kindTexts && k.pattern != "" {
		text = "[" + text
	}
	return text
}

// The page's examples are read as they stand.
func TestDocumentedExamples(t *testing.T) {
	blocks := strings.Split(page(t), "```yaml\n")[1:]
	if len(blocks) != 2 {
		t.Fatalf("docs/configuration.md has %d examples, want 2", len(blocks))
	}
	for _, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		if _, err := Parse("docs/configuration.md", []byte(text)); err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
	}
}

func TestDocumentedProblems(t *testing.T) {
	text := "name: shop\nservice:\n  cpu: 1024\n  memory: 512\n  helthPath: /\nenvironments: [{name: prod}]\n"
	if _, err := Parse("slipway.yaml", []byte(text)); err == nil || !strings.Contains(page(t), "```text\n"+err.Error()+"\n```") {
		t.Errorf("docs/configuration.md does not show what is said:\n%v", err)
	}
}

func TestDocumentedSizes(t *testing.T) {
	text := page(t)
	for _, size := range fargateSizes {
		if row := fmt.Sprintf("\n| %d | %s |\n", size.cpu, size); !strings.Contains(text, row) {
			t.Errorf("docs/configuration.md lacks the row %q", row)
		}
	}
}

// The table of how many tasks fit is held against Parse itself: that many are taken, one more is not.
func TestDocumentedRoom(t *testing.T) {
	_, table, _ := strings.Cut(page(t), "| cidr | `nat: none`, 2 zones | 3 zones | with NAT, 2 zones | 3 zones |\n| --- | --- | --- | --- | --- |\n")
	rows := 0
	for line := range strings.Lines(table) {
		var bits int
		var fit [4]int
		if n, _ := fmt.Sscanf(line, "| /%d | %d | %d | %d | %d |", &bits, &fit[0], &fit[1], &fit[2], &fit[3]); n != 5 {
			break
		}
		rows++
		for i, network := range []string{"zones: 2", "zones: 3", "zones: 2, nat: one", "zones: 3, nat: per-zone"} {
			for more := range 2 {
				text := environment(fmt.Sprintf("tasks: {min: %d}", fit[i]+more), fmt.Sprintf("network: {cidr: 10.0.0.0/%d, %s}", bits, network))
				if _, err := Parse("f", []byte(text)); (err == nil) != (more == 0) {
					t.Errorf("/%d with %s and %d tasks: %v", bits, network, fit[i]+more, err)
				}
			}
		}
	}
	if rows != 5 {
		t.Errorf("read %d rows of the table, want 5", rows)
	}
}

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What the page says of the service in web/ is what its source says.
func TestDocumentedTimesOfTheService(t *testing.T) {
	var source string
	for _, file := range []string{"server.go", "settings.go"} {
		text, err := os.ReadFile("../../web/" + file)
		if err != nil {
			t.Fatal(err)
		}
		source += string(text)
	}
	for _, pair := range [][2]string{
		{"defaultKeepAlive = 90 * time.Second", "The one in `web/` keeps them for 90 seconds"},
		{"shutdownLimit = 15 * time.Second", "the one in `web/` takes 16 seconds at most"}, // after a pause of 1
	} {
		if !strings.Contains(source, pair[0]) || !strings.Contains(page(t), pair[1]) {
			t.Errorf("web/ says %q and docs/configuration.md %q, or no longer both", pair[0], pair[1])
		}
	}
}
