package yamlfile

import (
	"fmt"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// Object is a mapping of the file whose keys are known and occur once.
type Object struct {
	Name   string // as shown in problems, such as "environments.tasks"; the file itself has none
	At     Position
	Fields []Field
}

// Field is one key of a mapping with its value.
type Field struct {
	Key   string
	At    Position // of the key
	Value ast.Node
}

// Field is the value of a key; false where it is left out.
func (o Object) Field(key string) (Field, bool) {
	i := slices.IndexFunc(o.Fields, func(f Field) bool { return f.Key == key })
	if i < 0 {
		return Field{}, false
	}
	return o.Fields[i], true
}

// ValueAt is where the value of a key stands, or the mapping where the key is left out.
func (o Object) ValueAt(key string) Position {
	if f, ok := o.Field(key); ok {
		return NodePosition(f.Value)
	}
	return o.At
}

// Label names a key of the mapping with its way through the file: "service.port".
func (o Object) Label(key string) string {
	if o.Name == "" {
		return key
	}
	return o.Name + "." + key
}

// Mapping reads a node that must be a mapping, whatever its keys; each may occur once.
func (p *Problems) Mapping(node ast.Node, name string) Object {
	o := Object{Name: name, At: NodePosition(node)}
	mapping, ok := node.(*ast.MappingNode)
	if !ok {
		p.Add(o.At, "%s is %s; it must be a mapping of keys to values", name, Describe(node))
		return o
	}
	for _, entry := range mapping.Values {
		f, ok := p.pair(entry)
		if !ok {
			continue
		}
		if first, found := o.Field(f.Key); found {
			p.Add(f.At, "key %q occurs twice%s, first on line %d; keep one of them", f.Key, Inside(name), first.At.Line)
			continue
		}
		o.Fields = append(o.Fields, f)
	}
	return o
}

// pair reads one key with its value. What YAML offers beyond plain data (anchors, aliases, merge keys, tags) is
// refused: a file this small reads better with its values written out.
func (p *Problems) pair(entry *ast.MappingValueNode) (Field, bool) {
	at := TokenPosition(entry.Key.GetToken())
	switch key := entry.Key.(type) {
	case *ast.MergeKeyNode:
		p.Add(at, "found a merge key (<<); write the keys out")
		return Field{}, false
	case *ast.StringNode:
		return Field{Key: key.Value, At: at, Value: entry.Value}, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return Field{Key: key.GetToken().Value, At: at, Value: entry.Value}, true
	default:
		p.Add(at, "found %s as a key; a key must be plain text", Describe(entry.Key))
		return Field{}, false
	}
}

// TextOf is the text of a plain, quoted or block scalar that YAML does not take for a number, boolean or null.
func TextOf(node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return node.Value.Value, true
	default:
		return "", false
	}
}

// Describe says in words what a value is.
func Describe(node ast.Node) string {
	switch node := node.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		text, _ := TextOf(node)
		return fmt.Sprintf("the text %q", text)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "the number " + node.GetToken().Value
	case *ast.BoolNode:
		return "the boolean " + node.GetToken().Value
	case *ast.NullNode:
		return "empty"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode:
		return "a mapping"
	case *ast.AnchorNode, *ast.AliasNode:
		return "a YAML anchor or alias (& or *), which is not taken here"
	case *ast.TagNode:
		return fmt.Sprintf("a value with the YAML tag %q, which is not taken here", node.GetToken().Value)
	case *ast.MappingKeyNode:
		return "a YAML explicit key (?)"
	default:
		return "something that is not plain YAML"
	}
}

// Inside names the mapping in a sentence; the file itself has no name.
func Inside(name string) string {
	if name == "" {
		return ""
	}
	return " in " + name
}
