package cost

import (
	"fmt"
	"io/fs"
	"strconv"

	"github.com/goccy/go-yaml"

	"slipway/internal/contract"
)

// template are the resources of one stack by their logical ids.
type template map[string]resource

// resource is as its template has it. What an intrinsic stands for is unknown here; a short one (!Ref X) reads as its
// argument, which is enough to count and to find a resource by its logical id.
type resource struct {
	Type       string         `yaml:"Type"`
	Properties map[string]any `yaml:"Properties"`
}

func readTemplate(templates fs.FS, path string) (template, error) {
	text, err := fs.ReadFile(templates, path)
	if err != nil {
		return nil, fmt.Errorf("read the template %s/%s: %w; run `go run ./gen`", contract.TemplatesDir, path, err)
	}
	var t struct {
		Resources template `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &t); err != nil {
		return nil, fmt.Errorf("read the template %s/%s: %w", contract.TemplatesDir, path, err)
	}
	return t.Resources, nil
}

// at walks into maps by key; nil where there is nothing.
func at(v any, keys ...string) any {
	for _, key := range keys {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func (r resource) text(keys ...string) string {
	s, _ := at(r.Properties, keys...).(string)
	return s
}

func (r resource) list(keys ...string) []any { return list(at(r.Properties, keys...)) }

func (r resource) number(keys ...string) float64 { return number(at(r.Properties, keys...)) }

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// number reads a number, also one written as a string; 0 where there is none.
func number(v any) float64 {
	n, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	if err != nil {
		return 0
	}
	return n
}
