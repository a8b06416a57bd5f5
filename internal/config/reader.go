package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"slipway/internal/suggest"
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
type reader struct {
	problems
	domains map[string]int // the line of each environment's
}

// sub is the mapping at a key of another, empty where the key is left out.
func (r *reader) sub(o object, key string) object {
	f, given := o.field(key)
	if !given {
		return object{name: o.label(key), at: o.at}
	}
	return r.mapping(f.value, o.label(key))
}

// mapping reads a node that must be a mapping with the keys that are declared for this place only.
func (r *reader) mapping(node ast.Node, name string) object {
	o := r.anyMapping(node, name)
	o.fields = slices.DeleteFunc(o.fields, func(f field) bool {
		keys := keysIn(name)
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
		f, ok := r.pair(entry)
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

// pair reads one key with its value. What YAML offers beyond plain data (anchors, aliases, merge keys, tags) is
// refused: a file this small reads better with its values written out.
func (r *reader) pair(entry *ast.MappingValueNode) (field, bool) {
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

// items reads a list of mappings, each with the keys that are declared for it; missing says what to do where the list
// must be there and is not.
func (r *reader) items(o object, key, missing string) []object {
	k := declared(o.label(key))
	f, given := o.field(key)
	if !given {
		if k.required {
			r.add(o.at, "%s is missing; it must be %s", k.path, missing)
		}
		return nil
	}
	var items []object
	for _, node := range r.list(f, k) {
		if _, isMapping := node.(*ast.MappingNode); !isMapping {
			first := k.first()
			r.add(nodePosition(node), "an item of %s is %s; it must be a mapping, such as %s: %s", k.path, describe(node), first.name(), first.example)
			continue
		}
		items = append(items, r.mapping(node, k.path))
	}
	return items
}

// list reads the values of a key that must be a list, and holds their number against what is declared.
func (r *reader) list(f field, k key) []ast.Node {
	sequence, ok := f.value.(*ast.SequenceNode)
	if !ok {
		r.add(nodePosition(f.value), "%s is %s; it must be a list, each item begun with a dash", k.path, describe(f.value))
		return nil
	}
	if n := len(sequence.Values); n < k.least || n > k.most {
		r.add(nodePosition(f.value), "%s has %d items; it must have %d to %d", k.path, n, k.least, k.most)
	}
	return sequence.Values
}

// texts reads a list of texts, each of the declared form and none twice; nil where the key is left out.
func (r *reader) texts(o object, key string) []placed {
	k := declared(o.label(key))
	f, given := o.field(key)
	if !given {
		if k.required {
			r.add(o.at, "%s is missing; it must be a list of %d to %d, each %s", k.path, k.least, k.most, k.must())
		}
		return nil
	}
	var texts []placed
	for _, node := range r.list(f, k) {
		text, ok := textOf(node)
		if !ok {
			r.add(nodePosition(node), "an item of %s is %s; it must be %s", k.path, describe(node), k.must())
			continue
		}
		if r.carried(nodePosition(node), "an item of "+k.path, text) {
			texts = append(texts, placed{text, nodePosition(node)})
		}
	}
	return texts
}

// placed is a text with its place in the file.
type placed struct {
	text string
	at   position
}

// unique reads a list of texts of the declared form, none of which may occur twice. The hint, where it is not empty, says
// what to write instead of a text that has another form.
func (r *reader) unique(o object, key string, hint func(string) string) []string {
	k := declared(o.label(key))
	var texts []string
	for _, one := range r.texts(o, key) {
		if !k.fits(one.text) {
			r.add(one.at, "an item of %s is %q; it must be %s%s", k.path, shorten(one.text), k.must(), hint(one.text))
			continue
		}
		if slices.Contains(texts, one.text) {
			r.add(one.at, "an item of %s is %q again; name it once", k.path, shorten(one.text))
			continue
		}
		texts = append(texts, one.text)
	}
	return texts
}

func noHint(string) string { return "" }

// wholeNumber is a decimal number as people write it; YAML's hexadecimal, octal and underscored forms are not taken.
var wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// number reads a whole number within its bounds, or gives the default where the key is left out; false after a problem.
func (r *reader) number(o object, key string) (int, bool) {
	standard, _ := declared(o.label(key)).standard.(int)
	return r.numberOr(o, key, standard)
}

// numberOr is number with a default that follows from other keys.
func (r *reader) numberOr(o object, key string, standard int) (int, bool) {
	k := declared(o.label(key))
	f, given := o.field(key)
	if !given {
		if k.required {
			r.add(o.at, "%s is missing; it must be %s", k.path, k.must())
		}
		return standard, !k.required
	}
	node, isInteger := f.value.(*ast.IntegerNode)
	if !isInteger || !wholeNumber.MatchString(node.GetToken().Value) {
		r.add(nodePosition(f.value), "%s is %s; it must be %s", k.path, describe(f.value), k.must())
		return standard, false
	}
	// A number too large for an int is out of range as well.
	n, err := strconv.Atoi(node.GetToken().Value)
	if err != nil || n < k.least || n > k.most {
		r.add(nodePosition(f.value), "%s is %s; it must be %s", k.path, node.GetToken().Value, k.must())
		return standard, false
	}
	return n, true
}

// boolean reads true or false, or gives the default where the key is left out.
func (r *reader) boolean(o object, key string) bool {
	k := declared(o.label(key))
	f, given := o.field(key)
	if !given {
		return k.standard.(bool)
	}
	node, isBoolean := f.value.(*ast.BoolNode)
	if !isBoolean {
		r.add(nodePosition(f.value), "%s is %s; it must be %s", k.path, describe(f.value), k.must())
		return k.standard.(bool)
	}
	return node.Value
}

// text reads a text of the declared form and length, or gives the default where the key is left out; false after a problem.
func (r *reader) text(o object, key string) (string, bool) {
	return r.textOr(o, key, noHint)
}

// textOr is text with a hint for texts that have another form, which says what to write instead.
func (r *reader) textOr(o object, key string, hint func(string) string) (string, bool) {
	k := declared(o.label(key))
	standard, _ := k.standard.(string)
	f, given := o.field(key)
	if !given {
		if k.required {
			r.add(o.at, "%s is missing; it must be %s", k.path, k.must())
		}
		return standard, !k.required
	}
	value, ok := textOf(f.value)
	if !ok {
		r.add(nodePosition(f.value), "%s is %s; it must be %s", k.path, describe(f.value), k.must())
		return standard, false
	}
	if !k.fits(value) {
		r.add(nodePosition(f.value), "%s is %q; it must be %s%s", k.path, shorten(value), k.must(), hint(value))
		return standard, false
	}
	if length := utf8.RuneCountInString(value); k.most > 0 && (length < k.least || length > k.most) {
		r.add(nodePosition(f.value), "%s has %d characters; it must be %s", k.path, length, k.must())
		return standard, false
	}
	return value, true
}

// choice reads one of the declared words, or gives the default where the key is left out; false after a problem.
func choice[T ~string](r *reader, o object, key string) (T, bool) {
	k := declared(o.label(key))
	value, ok := r.textOr(o, key, func(value string) string { return suggest.DidYouMean(value, k.words) })
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
