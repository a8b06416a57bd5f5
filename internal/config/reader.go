package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// object is a mapping of the file whose keys are known and occur once.
type object struct {
	name   string // as shown in problems, such as "environments.tasks"; the file itself has none
	at     position
	fields []field
}

// field is one key of a mapping with its value.
type field struct {
	key   string
	at    position // of the key
	value ast.Node
}

func (o object) field(key string) (field, bool) {
	i := slices.IndexFunc(o.fields, func(f field) bool { return f.key == key })
	if i < 0 {
		return field{}, false
	}
	return o.fields[i], true
}

// valueAt is where the value of a key stands, or the mapping where the key is left out.
func (o object) valueAt(key string) position {
	if f, ok := o.field(key); ok {
		return nodePosition(f.value)
	}
	return o.at
}

// label names a key of the mapping with its way through the file: "service.port".
func (o object) label(key string) string {
	if o.name == "" {
		return key
	}
	return o.name + "." + key
}

// reader turns the parsed file into values and collects what is wrong with it.
type reader struct{ problems }

// mapping reads a node that must be a mapping with these keys only.
func (r *reader) mapping(node ast.Node, name string, keys ...string) object {
	o := r.anyMapping(node, name)
	o.fields = slices.DeleteFunc(o.fields, func(f field) bool {
		if slices.Contains(keys, f.key) {
			return false
		}
		r.add(f.at, "unknown key %q%s; %s", f.key, inside(name), unknownKeyHelp(f.key, name, keys))
		return true
	})
	return o
}

// anyMapping reads a node that must be a mapping, whatever its keys; each may occur once.
func (r *reader) anyMapping(node ast.Node, name string) object {
	o := object{name: name, at: nodePosition(node)}
	mapping, ok := node.(*ast.MappingNode)
	if !ok {
		r.add(o.at, "%s is %s; it must be a mapping of keys to values", name, describe(node))
		return o
	}
	for _, entry := range mapping.Values {
		f, ok := r.entry(entry)
		if !ok {
			continue
		}
		if first, found := o.field(f.key); found {
			r.add(f.at, "key %q occurs twice%s, first on line %d; keep one of them", f.key, inside(name), first.at.line)
			continue
		}
		o.fields = append(o.fields, f)
	}
	return o
}

// entry reads one key with its value. What YAML offers beyond plain data (anchors, aliases, merge keys, tags) is
// refused: a file this small reads better with its values written out.
func (r *reader) entry(entry *ast.MappingValueNode) (field, bool) {
	at := tokenPosition(entry.Key.GetToken())
	switch key := entry.Key.(type) {
	case *ast.MergeKeyNode:
		r.add(at, "found a merge key (<<); write the keys out")
		return field{}, false
	case *ast.StringNode:
		return field{key: key.Value, at: at, value: entry.Value}, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return field{key: key.GetToken().Value, at: at, value: entry.Value}, true
	default:
		r.add(at, "found %s as a key; a key must be plain text", describe(entry.Key))
		return field{}, false
	}
}

// list reads the items of a key that must be a list.
func (r *reader) list(f field) []ast.Node {
	sequence, ok := f.value.(*ast.SequenceNode)
	if !ok {
		r.add(nodePosition(f.value), "%s is %s; it must be a list, each item begun with a dash", f.key, describe(f.value))
		return nil
	}
	return sequence.Values
}

// wholeNumber is a decimal number as people write it; YAML's hexadecimal, octal and underscored forms are not taken.
var wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// integer reads a whole number between two bounds, or gives the default where the key is left out; false after a problem.
func (r *reader) integer(o object, key string, standard, least, most int) (int, bool) {
	f, given := o.field(key)
	if !given {
		return standard, true
	}
	allowed := fmt.Sprintf("it must be a whole number from %d to %d", least, most)
	node, isInteger := f.value.(*ast.IntegerNode)
	if !isInteger || !wholeNumber.MatchString(node.GetToken().Value) {
		r.add(nodePosition(f.value), "%s is %s; %s", o.label(key), describe(f.value), allowed)
		return standard, false
	}
	// A number too large for an int is out of range as well.
	n, err := strconv.Atoi(node.GetToken().Value)
	if err != nil || n < least || n > most {
		r.add(nodePosition(f.value), "%s is %s; %s", o.label(key), node.GetToken().Value, allowed)
		return standard, false
	}
	return n, true
}

// text reads a text, or gives the default where the key is left out; false after a problem.
func (r *reader) text(o object, key, standard, allowed string) (string, bool) {
	f, given := o.field(key)
	if !given {
		return standard, true
	}
	value, ok := textOf(f.value)
	if !ok {
		r.add(nodePosition(f.value), "%s is %s; it must be %s", o.label(key), describe(f.value), allowed)
	}
	return value, ok
}

// requiredText reads a text that must be there and match; false after a problem.
func (r *reader) requiredText(o object, key string, rule *regexp.Regexp, allowed string) (string, bool) {
	if _, given := o.field(key); !given {
		r.add(o.at, "%s is missing; it must be %s", o.label(key), allowed)
		return "", false
	}
	value, ok := r.text(o, key, "", allowed)
	if ok && !rule.MatchString(value) {
		r.add(o.valueAt(key), "%s is %q; it must be %s", o.label(key), value, allowed)
		return "", false
	}
	return value, ok
}

// choice reads one of a few words, or gives the default where the key is left out; false after a problem.
func choice[T ~string](r *reader, o object, key string, standard T, words ...T) (T, bool) {
	allowed := "one of " + join(words)
	value, ok := r.text(o, key, string(standard), allowed)
	if ok && !slices.Contains(words, T(value)) {
		r.add(o.valueAt(key), "%s is %q; it must be %s%s", o.label(key), value, allowed, didYouMean(value, words))
		return standard, false
	}
	return T(value), ok
}

// textOf is the text of a plain, quoted or block scalar that YAML does not take for a number, boolean or null.
func textOf(node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return node.Value.Value, true
	default:
		return "", false
	}
}

// describe says in words what a value is.
func describe(node ast.Node) string {
	switch node := node.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		text, _ := textOf(node)
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

func inside(name string) string {
	if name == "" {
		return ""
	}
	return " in " + name
}

func join[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = string(word)
	}
	return strings.Join(texts, ", ")
}
