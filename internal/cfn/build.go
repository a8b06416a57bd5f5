package cfn

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/awslabs/goformation/v7/cloudformation/tags"
)

// attributes is the order in which a resource is written.
var attributes = [...]string{
	"Type", "Metadata", "DependsOn", "CreationPolicy", "UpdatePolicy", "DeletionPolicy", "UpdateReplacePolicy", "Properties",
}

// isAttribute tells whether Extended may set it.
func isAttribute(name string) bool {
	return name != "Type" && name != "Properties" && slices.Contains(attributes[:], name)
}

// attributePrefix starts the fields in which goformation keeps what stands beside Properties.
const attributePrefix = "AWSCloudFormation"

// maxDepth stops values that contain themselves.
const maxDepth = 50

// builder turns Go values into nodes, as encoding/json would, with the order of the structs' fields.
type builder struct {
	*place
	shapes map[reflect.Type]*shape
}

// shape is how a struct type is written.
type shape struct {
	fields     []field // the properties
	attributes []field // beside Properties, of a resource only
	foreign    bool    // it is of a package that may have its own idea of how it is written
	embeds     bool    // it has an embedded struct
}

type field struct {
	index     int
	name      string
	omitEmpty bool
}

// resource is the resource as a map of its attributes, without any where it cannot be read.
func (b *builder) resource(r Resource) node {
	switch e := r.(type) {
	case Extended:
		return b.extend(e)
	case *Extended:
		return b.extend(*e)
	}
	v := reflect.Indirect(reflect.ValueOf(r))
	if v.Kind() != reflect.Struct {
		b.fault("the resource is a %s: it must be a struct", v.Kind())
		return node{kind: mapNode}
	}
	n := node{kind: mapNode}
	n.add("Type", textOf(r.AWSCloudFormationType()))
	shape := b.shape(v.Type())
	for _, f := range shape.attributes {
		value := v.Field(f.index)
		if isEmpty(value) {
			continue
		}
		b.push(f.name)
		n.set(f.name, b.build(value))
		b.pop()
	}
	b.push("Properties")
	n.set("Properties", b.structure(v, shape))
	b.pop()
	return n
}

// build turns any value into a node; what has no place in a template is a fault.
func (b *builder) build(v reflect.Value) node {
	if b.tooDeep() {
		return b.refuse("the value is nested more than %d levels deep", maxDepth)
	}
	switch v.Kind() {
	case reflect.String:
		return textOf(v.String())
	case reflect.Bool:
		return node{kind: literalNode, text: strconv.FormatBool(v.Bool())}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return node{kind: literalNode, text: strconv.FormatInt(v.Int(), 10)}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return node{kind: literalNode, text: strconv.FormatUint(v.Uint(), 10)}
	case reflect.Float32, reflect.Float64:
		return b.float(v)
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return node{}
		}
		return b.build(v.Elem())
	case reflect.Slice, reflect.Array:
		return b.list(v)
	case reflect.Map:
		return b.mapping(v)
	case reflect.Struct:
		return b.property(v)
	case reflect.Invalid:
		return node{}
	}
	return b.refuse("a value of the Go type %s has no place in a template", v.Type())
}

// refuse remembers a fault and stands in for the value, so that it is not reported again as missing.
func (b *builder) refuse(format string, args ...any) node {
	b.fault(format, args...)
	return node{kind: literalNode}
}

// float is written without an exponent, which a YAML 1.1 parser would take for text.
func (b *builder) float(v reflect.Value) node {
	if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
		b.fault("the number is %v", f)
	}
	return node{kind: literalNode, text: strconv.FormatFloat(v.Float(), 'f', -1, v.Type().Bits())}
}

func (b *builder) list(v reflect.Value) node {
	if v.Type() == reflect.TypeFor[document]() {
		return b.document(v.Interface().(document))
	}
	if v.Kind() == reflect.Slice && v.IsNil() {
		return node{}
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return b.refuse("a value of the Go type %s has no place in a template: write text", v.Type())
	}
	n := node{kind: listNode, items: make([]node, 0, v.Len())}
	for i := range v.Len() {
		b.pushIndex(i)
		n.items = append(n.items, b.build(v.Index(i)))
		b.pop()
	}
	return n
}

func (b *builder) mapping(v reflect.Value) node {
	if v.Type().Key().Kind() != reflect.String {
		return b.refuse("the keys of the map are of the Go type %s: they must be strings", v.Type().Key())
	}
	if v.IsNil() {
		return node{}
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
	n := node{kind: mapNode, keys: make([]string, 0, len(keys)), items: make([]node, 0, len(keys))}
	for _, key := range keys {
		b.push(key.String())
		n.add(key.String(), b.build(v.MapIndex(key)))
		b.pop()
	}
	return n
}

// property is a struct below a resource.
func (b *builder) property(v reflect.Value) node {
	shape := b.shape(v.Type())
	if shape.foreign {
		return b.refuse("the Go type %s is neither goformation's nor slipway's: write plain maps and structs", v.Type())
	}
	if len(shape.fields) == 0 {
		return b.refuse("the Go type %s has no field that could be set: state it through Extended", v.Type())
	}
	// Both members of a tag are omitempty, though both are required.
	if v.Type() == reflect.TypeFor[tags.Tag]() {
		if tag := v.Interface().(tags.Tag); tag.Key == "" || tag.Value == "" {
			b.fault("the tag %q has an empty key or value", tag.Key)
		}
	}
	return b.structure(v, shape)
}

func (b *builder) structure(v reflect.Value, shape *shape) node {
	if shape.embeds {
		b.fault("the Go type %s embeds another struct: its own fields would be lost in goformation, name the fields instead", v.Type())
	}
	n := node{kind: mapNode, keys: make([]string, 0, len(shape.fields)), items: make([]node, 0, len(shape.fields))}
	for _, f := range shape.fields {
		value := v.Field(f.index)
		if f.omitEmpty && isEmpty(value) {
			continue
		}
		b.push(f.name)
		n.add(f.name, b.build(value))
		b.pop()
	}
	return n
}

// isEmpty is encoding/json's notion of empty.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Array, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// isForeign tells whether the struct types of a package are not ones to be written field by field; a struct without a name
// has none. To look for a MarshalJSON instead would link those of all of goformation, and encoding/json with them.
func isForeign(pkg string) bool {
	return pkg != "" && !strings.HasPrefix(pkg, "github.com/awslabs/goformation/") && !strings.HasPrefix(pkg, "slipway/")
}

func (b *builder) shape(t reflect.Type) *shape {
	if s := b.shapes[t]; s != nil {
		return s
	}
	s := &shape{foreign: isForeign(t.PkgPath())}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			s.embeds = true
		case !f.IsExported():
		case strings.HasPrefix(f.Name, attributePrefix):
			s.attributes = append(s.attributes, field{i, strings.TrimPrefix(f.Name, attributePrefix), true})
		case name == "-":
		case name == "":
			s.fields = append(s.fields, field{i, f.Name, options == "omitempty"})
		default:
			s.fields = append(s.fields, field{i, name, options == "omitempty"})
		}
	}
	b.shapes[t] = s
	return s
}
