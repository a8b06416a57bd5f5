package schema

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func unpacked(t *testing.T) string {
	t.Helper()
	in, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The decoder reads what encoding/json reads.
func TestDecode(t *testing.T) {
	var tree map[string]any
	if err := json.Unmarshal([]byte(unpacked(t)), &tree); err != nil {
		t.Fatal(err)
	}
	for _, kind := range tree["types"].(map[string]any) {
		likeRule(kind.(map[string]any))
	}
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	var want Types
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, loaded(t), cmpopts.EquateEmpty()); diff != "" || len(want.Types) == 0 {
		t.Errorf("(-encoding/json +decoder):\n%s", diff)
	}
}

// likeRule turns the keywords that have two forms into the one that Rule has.
func likeRule(m map[string]any) {
	for key, value := range m {
		switch value := value.(type) {
		case string:
			switch key {
			case "type":
				m[key] = []any{value}
			case "$ref":
				m["Ref"] = value
			}
		case map[string]any:
			switch key {
			case "properties", "patternProperties", "definitions":
				for _, below := range value {
					likeRule(below.(map[string]any))
				}
			case "additionalProperties":
				m[key] = true
			case "items":
				likeRule(value)
			}
		case []any:
			if key == "oneOf" || key == "anyOf" || key == "allOf" {
				for _, below := range value {
					likeRule(below.(map[string]any))
				}
			}
		}
	}
}

// Data that is cut off, or has what the package does not know, is an error and no less.
func TestDecodeFaults(t *testing.T) {
	whole := unpacked(t)
	texts := []string{"", "[]", `{"types":{"A":{"news":1}}}`, `{"types":{"A":{"minLength":1.5}}}`, `{"types":{"A":{"minimum":x}}}`,
		`{"types":{"A":{"pattern":"\x"}}}`, `{"types":{"A":{"tagging":{"news":[]}}}}`, `{"types":{"A":{"enum":[1 2]}`}
	for n := 1; n < len(whole); n += 997 {
		texts = append(texts, whole[:n])
	}
	for _, text := range texts {
		d := &decoder{text: text}
		if d.types(); d.err == nil || !strings.Contains(d.err.Error(), "at byte") {
			t.Errorf("%.60q: got %v", text, d.err)
		}
	}
}
