package cfn_test

import (
	"fmt"
	"math"
	"strings"

	"gopkg.in/yaml.v3"
)

// fataler is what *testing.T and *rapid.T share.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// parse reads YAML back, with the short forms as the maps that they stand for.
func parse(t fataler, out []byte) map[string]any {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal(out, &document); err != nil {
		t.Fatalf("%v in:\n%s", err, out)
	}
	tree, err := plain(document.Content[0])
	if err != nil {
		t.Fatalf("%v in:\n%s", err, out)
	}
	return tree.(map[string]any)
}

func plain(n *yaml.Node) (any, error) {
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		return short(n)
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			if n.Content[i].Tag != "!!str" {
				return nil, fmt.Errorf("line %d: the key %q is %s", n.Content[i].Line, n.Content[i].Value, n.Content[i].Tag)
			}
			v, err := plain(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			m[n.Content[i].Value] = v
		}
		return m, nil
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			v, err := plain(item)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	}
	var v any
	err := n.Decode(&v)
	return v, err
}

func short(n *yaml.Node) (any, error) {
	name := strings.TrimPrefix(n.Tag, "!")
	if name != "Ref" {
		name = "Fn::" + name
	}
	n.Tag = ""
	if n.Kind == yaml.ScalarNode {
		return map[string]any{name: n.Value}, nil
	}
	v, err := plain(n)
	return map[string]any{name: v}, err
}

// same compares a parsed tree with what went in; a number may come back as another Go type.
func same(got, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok || len(got) != len(want) {
			return false
		}
		for k, v := range want {
			if g, ok := got[k]; !ok || !same(g, v) {
				return false
			}
		}
		return true
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			return false
		}
		for i := range want {
			if !same(got[i], want[i]) {
				return false
			}
		}
		return true
	case float64:
		switch got := got.(type) {
		case float64:
			return got == want
		case int:
			return float64(got) == want
		case uint64:
			return float64(got) == want
		}
		return false
	case int64:
		got, ok := got.(int)
		return ok && int64(got) == want
	case uint64:
		if got, ok := got.(int); ok && want <= math.MaxInt64 {
			return uint64(got) == want
		}
	}
	return got == want
}
