package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/slipway.schema.json and the table in docs/configuration.md")

const schemaFile = "../../docs/slipway.schema.json"

// docs/slipway.schema.json is made from the declared keys; go test ./internal/config -update writes it.
func TestSchemaIsFresh(t *testing.T) {
	want := schemaText(t)
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/slipway.schema.json is not what the keys say; run go test ./internal/config -update (-want +got)\n%s", diff)
	}
}

// schemaText is the schema in draft 7, which editors know best. Editors complete keys in its order.
func schemaText(t *testing.T) []byte {
	t.Helper()
	schema := append(members{
		{"$schema", "http://json-schema.org/draft-07/schema#"},
		{"title", File},
		{"description", "What slipway builds. Made by go test ./internal/config -update; what crosses keys is checked by go run ./gen."},
	}, mappingSchema("")...)
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	if err := out.Encode(schema); err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, b.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	return indented.Bytes()
}

// mappingSchema is what a mapping with the keys declared for this place must be.
func mappingSchema(path string) members {
	var properties members
	required := []string{}
	for _, k := range keys {
		if k.parent() != path {
			continue
		}
		properties = append(properties, member{k.name(), keySchema(k)})
		if k.required {
			required = append(required, k.name())
		}
	}
	m := members{{"type", "object"}, {"additionalProperties", false}}
	if len(required) > 0 {
		m = append(m, member{"required", required})
	}
	return append(m, member{"properties", properties})
}

func keySchema(k key) members {
	description := k.about
	if k.usually != "" {
		description += " Default: " + k.usually + "."
	}
	m := members{{"description", description}}
	if k.standard != nil {
		m = append(m, member{"default", k.standard})
	}
	return append(m, valueSchema(k)...)
}

func valueSchema(k key) members {
	switch k.kind {
	case kindNumber:
		return members{{"type", "integer"}, {"minimum", k.least}, {"maximum", k.most}}
	case kindBoolean:
		return members{{"type", "boolean"}}
	case kindChoice:
		return members{{"enum", k.words}}
	case kindText:
		m := textSchema(k)
		if k.most > 0 {
			m = append(m, member{"minLength", k.least}, member{"maxLength", k.most})
		}
		return m
	case kindTexts:
		return members{{"type", "array"}, {"minItems", k.least}, {"maxItems", k.most}, {"items", textSchema(k)}}
	case kindMapping:
		return mappingSchema(k.path)
	case kindItems:
		return members{{"type", "array"}, {"minItems", k.least}, {"maxItems", k.most}, {"items", mappingSchema(k.path)}}
	case kindVariables:
		return namedSchema(members{{"type", []string{"string", "number", "boolean"}}})
	case kindSecrets:
		return namedSchema(members{{"type", "string"}, {"pattern", parameterPattern + "|" + secretPattern}})
	default:
		panic("no schema for " + string(k.kind))
	}
}

func textSchema(k key) members {
	m := members{{"type", "string"}}
	if k.numeral {
		m = members{{"type", []string{"string", "integer"}}, {"minimum", 0}}
	}
	if k.pattern != "" {
		m = append(m, member{"pattern", k.pattern})
	}
	return m
}

// namedSchema is a mapping of the names of variables to values.
func namedSchema(value members) members {
	return members{{"type", "object"}, {"propertyNames", members{{"pattern", variablePattern}}}, {"additionalProperties", value}}
}

// members is a JSON object that keeps its order.
type (
	members []member
	member  struct {
		name  string
		value any
	}
)

func (m members) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, one := range m {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := out.Encode(one.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := out.Encode(one.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// The declarations hold together: mappings stand before what is in them, patterns compile, examples and defaults are
// what is allowed, and every sentence is one.
func TestDeclarations(t *testing.T) {
	seen := []string{""}
	for _, k := range keys {
		if slices.Contains(seen, k.path) {
			t.Errorf("%s is declared twice", k.path)
		}
		if !slices.Contains(seen, k.parent()) {
			t.Errorf("%s is declared before what it is in", k.path)
		}
		seen = append(seen, k.path)
		if !strings.HasSuffix(k.about, ".") {
			t.Errorf("%s: %q is not a sentence", k.path, k.about)
		}
		if k.required && (k.standard != nil || k.usually != "") {
			t.Errorf("%s is required and has a default", k.path)
		}
		if k.kind == kindText || k.kind == kindTexts && k.pattern != "" {
			if k.allowed == "" || !k.fits(k.example) {
				t.Errorf("%s: the example %q is not %q", k.path, k.example, k.allowed)
			}
		}
		switch standard := k.standard.(type) {
		case int:
			if standard < k.least || standard > k.most {
				t.Errorf("%s: the default %d is not %s", k.path, standard, k.must())
			}
		case string:
			if !k.fits(standard) {
				t.Errorf("%s: the default %q is not %s", k.path, standard, k.must())
			}
		}
	}
}
