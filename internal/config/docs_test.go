package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

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
	if _, err := Parse("slipway.yaml", []byte(text)); err == nil || !strings.Contains(page(t), "```\n"+err.Error()+"\n```") {
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
	_, table, _ := strings.Cut(page(t), "| cidr | `nat: none`, 2 zones | 3 zones | with NAT, 2 zones | 3 zones |\n|---|---|---|---|---|\n")
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
	text, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
