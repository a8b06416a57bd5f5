// Package template reads CloudFormation templates: YAML with intrinsics, which are maps of one key in their long form.
package template

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Template is one template as it was read.
type Template struct {
	Parameters map[string]any
	Resources  map[string]Resource
	Outputs    map[string]any
}

// Resource is one resource as its template has it.
type Resource struct {
	Type       string
	Properties map[string]any
	Attributes map[string]any // what stands beside Type and Properties: DependsOn, DeletionPolicy and so on
}

// Parse reads the text of a template.
func Parse(text []byte) (Template, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return Template{}, fmt.Errorf("read a template: %w", err)
	}
	if len(file.Docs) != 1 || !isMapping(file.Docs[0].Body) {
		return Template{}, errors.New("read a template: it must be one YAML document, a mapping with Resources")
	}
	value, err := Value(file.Docs[0].Body)
	if err != nil {
		return Template{}, fmt.Errorf("read a template: %w", err)
	}
	root := mapping(value)
	t := Template{mapping(root["Parameters"]), map[string]Resource{}, mapping(root["Outputs"])}
	for id, value := range mapping(root["Resources"]) {
		r := Resource{Attributes: mapping(value)}
		r.Type, _ = r.Attributes["Type"].(string)
		r.Properties = mapping(r.Attributes["Properties"])
		delete(r.Attributes, "Type")
		delete(r.Attributes, "Properties")
		t.Resources[id] = r
	}
	return t, nil
}

func isMapping(node ast.Node) bool {
	_, ok := node.(*ast.MappingNode)
	return ok
}

func mapping(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// Value is what a node of YAML stands for: a map, list, text, number, boolean or nil. Intrinsics come in their long form,
// whichever they are written in: "!Ref X" is {"Ref": "X"}, and "!GetAtt X.Y" is {"Fn::GetAtt": ["X", "Y"]}.
func Value(node ast.Node) (any, error) {
	switch node := node.(type) {
	case *ast.MappingNode:
		return mappingValue(node)
	case *ast.SequenceNode:
		list := make([]any, 0, len(node.Values))
		for _, item := range node.Values {
			value, err := Value(item)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case *ast.TagNode:
		return tagged(node)
	case *ast.StringNode:
		return node.Value, nil
	case *ast.LiteralNode:
		return node.Value.Value, nil
	case *ast.BoolNode:
		return node.Value, nil
	case *ast.FloatNode:
		return node.Value, nil
	case *ast.IntegerNode:
		return integer(node)
	case *ast.NullNode:
		return nil, nil
	}
	return nil, fmt.Errorf("line %d: %s has no place in a template", node.GetToken().Position.Line, strings.ToLower(node.Type().String()))
}

func mappingValue(node *ast.MappingNode) (any, error) {
	m := make(map[string]any, len(node.Values))
	for _, entry := range node.Values {
		value, err := Value(entry.Value)
		if err != nil {
			return nil, err
		}
		m[keyOf(entry)] = value
	}
	if text, ok := m["Fn::GetAtt"].(string); ok && len(m) == 1 {
		return attribute(text), nil
	}
	return m, nil
}

// keyOf is the key as text: quoted or not, and as written where YAML takes it for a number.
func keyOf(entry *ast.MappingValueNode) string {
	if key, ok := entry.Key.(*ast.StringNode); ok {
		return key.Value
	}
	return entry.Key.GetToken().Value
}

func integer(node *ast.IntegerNode) (any, error) {
	switch n := node.Value.(type) {
	case int64:
		return int(n), nil
	case uint64:
		if n <= math.MaxInt {
			return int(n), nil
		}
	}
	return nil, fmt.Errorf("line %d: the number %s is too large", node.GetToken().Position.Line, node.GetToken().Value)
}

// tagged reads an intrinsic in its short form.
func tagged(node *ast.TagNode) (any, error) {
	value, err := Value(node.Value)
	if err != nil {
		return nil, err
	}
	name, ok := strings.CutPrefix(node.Start.Value, "!")
	text, isText := value.(string)
	switch {
	case !ok || name == "" || strings.HasPrefix(name, "!"):
		return nil, fmt.Errorf("line %d: the YAML tag %q is no intrinsic", node.Start.Position.Line, node.Start.Value)
	case name == "Ref" || name == "Condition":
		return map[string]any{name: value}, nil
	case name == "GetAtt" && isText:
		return attribute(text), nil
	}
	return map[string]any{"Fn::" + name: value}, nil
}

func attribute(text string) any {
	id, name, _ := strings.Cut(text, ".")
	return map[string]any{"Fn::GetAtt": []any{id, name}}
}
