package config

import (
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"slipway/internal/suggest"
	"slipway/internal/yamlfile"
)

type (
	object   = yamlfile.Object
	field    = yamlfile.Field
	position = yamlfile.Position
)

// reader turns the parsed file into values and collects what is wrong with it.
type reader struct {
	yamlfile.Problems
	domains map[string]int // the line of each environment's
}

// sub is the mapping at a key of another, empty where the key is left out.
func (r *reader) sub(o object, key string) object {
	f, given := o.Field(key)
	if !given {
		return object{Name: o.Label(key), At: o.At}
	}
	return r.mapping(f.Value, o.Label(key))
}

// mapping reads a node that must be a mapping with the keys that are declared for this place only.
func (r *reader) mapping(node ast.Node, name string) object {
	o := r.Mapping(node, name)
	o.Fields = slices.DeleteFunc(o.Fields, func(f field) bool {
		keys := keysIn(name)
		if slices.Contains(keys, f.Key) {
			return false
		}
		r.Add(f.At, "unknown key %q%s; %s", f.Key, yamlfile.Inside(name), unknownKeyHelp(f.Key, name, keys))
		return true
	})
	return o
}

// items reads a list of mappings, each with the keys that are declared for it; missing says what to do where the list
// must be there and is not.
func (r *reader) items(o object, key, missing string) []object {
	k := declared(o.Label(key))
	f, given := o.Field(key)
	if !given {
		if k.required {
			r.Add(o.At, "%s is missing; it must be %s", k.path, missing)
		}
		return nil
	}
	var items []object
	for _, node := range r.list(f, k) {
		if _, isMapping := node.(*ast.MappingNode); !isMapping {
			first := k.first()
			r.Add(yamlfile.NodePosition(node), "an item of %s is %s; it must be a mapping, such as %s: %s", k.path, yamlfile.Describe(node), first.name(), first.example)
			continue
		}
		items = append(items, r.mapping(node, k.path))
	}
	return items
}

// list reads the values of a key that must be a list, and holds their number against what is declared.
func (r *reader) list(f field, k key) []ast.Node {
	sequence, ok := f.Value.(*ast.SequenceNode)
	if !ok {
		r.Add(yamlfile.NodePosition(f.Value), "%s is %s; it must be a list, each item begun with a dash", k.path, yamlfile.Describe(f.Value))
		return nil
	}
	if n := len(sequence.Values); n < k.least || n > k.most {
		r.Add(yamlfile.NodePosition(f.Value), "%s has %d items; it must have %d to %d", k.path, n, k.least, k.most)
	}
	return sequence.Values
}

// texts reads a list of texts, each of the declared form and none twice; nil where the key is left out.
func (r *reader) texts(o object, key string) []placed {
	k := declared(o.Label(key))
	f, given := o.Field(key)
	if !given {
		if k.required {
			r.Add(o.At, "%s is missing; it must be a list of %d to %d, each %s", k.path, k.least, k.most, k.must())
		}
		return nil
	}
	var texts []placed
	for _, node := range r.list(f, k) {
		text, ok := yamlfile.TextOf(node)
		if !ok {
			r.Add(yamlfile.NodePosition(node), "an item of %s is %s; it must be %s", k.path, yamlfile.Describe(node), k.must())
			continue
		}
		if r.carried(yamlfile.NodePosition(node), "an item of "+k.path, text) {
			texts = append(texts, placed{text, yamlfile.NodePosition(node)})
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
	k := declared(o.Label(key))
	var texts []string
	for _, one := range r.texts(o, key) {
		if !k.fits(one.text) {
			r.Add(one.at, "an item of %s is %q; it must be %s%s", k.path, shorten(one.text), k.must(), hint(one.text))
			continue
		}
		if slices.Contains(texts, one.text) {
			r.Add(one.at, "an item of %s is %q again; name it once", k.path, shorten(one.text))
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
	standard, _ := declared(o.Label(key)).standard.(int)
	return r.numberOr(o, key, standard)
}

// numberOr is number with a default that follows from other keys.
func (r *reader) numberOr(o object, key string, standard int) (int, bool) {
	k := declared(o.Label(key))
	f, given := o.Field(key)
	if !given {
		if k.required {
			r.Add(o.At, "%s is missing; it must be %s", k.path, k.must())
		}
		return standard, !k.required
	}
	node, isInteger := f.Value.(*ast.IntegerNode)
	if !isInteger || !wholeNumber.MatchString(node.GetToken().Value) {
		r.Add(yamlfile.NodePosition(f.Value), "%s is %s; it must be %s", k.path, yamlfile.Describe(f.Value), k.must())
		return standard, false
	}
	// A number too large for an int is out of range as well.
	n, err := strconv.Atoi(node.GetToken().Value)
	if err != nil || n < k.least || n > k.most {
		r.Add(yamlfile.NodePosition(f.Value), "%s is %s; it must be %s", k.path, node.GetToken().Value, k.must())
		return standard, false
	}
	return n, true
}

// boolean reads true or false, or gives the default where the key is left out.
func (r *reader) boolean(o object, key string) bool {
	k := declared(o.Label(key))
	f, given := o.Field(key)
	if !given {
		return k.standard.(bool)
	}
	node, isBoolean := f.Value.(*ast.BoolNode)
	if !isBoolean {
		r.Add(yamlfile.NodePosition(f.Value), "%s is %s; it must be %s", k.path, yamlfile.Describe(f.Value), k.must())
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
	k := declared(o.Label(key))
	standard, _ := k.standard.(string)
	f, given := o.Field(key)
	if !given {
		if k.required {
			r.Add(o.At, "%s is missing; it must be %s", k.path, k.must())
		}
		return standard, !k.required
	}
	value, ok := yamlfile.TextOf(f.Value)
	if number, isInteger := f.Value.(*ast.IntegerNode); isInteger && k.numeral {
		value, ok = number.GetToken().Value, true
	}
	if !ok {
		r.Add(yamlfile.NodePosition(f.Value), "%s is %s; it must be %s", k.path, yamlfile.Describe(f.Value), k.must())
		return standard, false
	}
	if !k.fits(value) {
		r.Add(yamlfile.NodePosition(f.Value), "%s is %q; it must be %s%s", k.path, shorten(value), k.must(), hint(value))
		return standard, false
	}
	if length := utf8.RuneCountInString(value); k.most > 0 && (length < k.least || length > k.most) {
		r.Add(yamlfile.NodePosition(f.Value), "%s has %d characters; it must be %s", k.path, length, k.must())
		return standard, false
	}
	return value, true
}

// otherNames are those that others have for a choice's words: amd64 is written much like arm64, and is the other one.
var otherNames = map[string]string{"amd64": string(X86), "x64": string(X86), "aarch64": string(ARM64)}

// choice reads one of the declared words, or gives the default where the key is left out; false after a problem.
func choice[T ~string](r *reader, o object, key string) (T, bool) {
	k := declared(o.Label(key))
	value, ok := r.textOr(o, key, func(value string) string {
		if meant, ok := otherNames[value]; ok && slices.Contains(k.words, meant) {
			value = meant
		}
		return suggest.DidYouMean(value, k.words)
	})
	return T(value), ok
}
