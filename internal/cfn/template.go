package cfn

import (
	"fmt"
	"reflect"
)

// Resource is what the structs of goformation's service packages satisfy, and Extended. A struct of our own may as well:
// its fields carry json tags, and the attributes beside Properties are fields named AWSCloudFormationDependsOn and so on.
type Resource interface{ AWSCloudFormationType() string }

// Template is one CloudFormation template in the making. Composing needs no error handling: what is wrong is remembered
// and reported by Render.
type Template struct {
	description string
	parameters  []Parameter
	resources   []entry
	outputs     []output
	overrides   map[string][]map[string]any // by logical id
}

type entry struct {
	id       string
	resource Resource
}

type output struct{ name, description, value string }

// Parameter is a value that the template takes when it is deployed. Every parameter is used and described.
type Parameter struct {
	Name        string
	Description string
	// Type is "String" if empty.
	Type string
	// Default is nil for a parameter that must be given.
	Default               *string
	AllowedPattern        string
	ConstraintDescription string
}

// New starts a template.
func New(description string) *Template { return &Template{description: description} }

// Add puts a resource into the template under its logical id, in the order of the calls, and returns its handle. An id
// that is bad or taken, and a resource that is nil, are reported by Render.
func (t *Template) Add(id string, r Resource) Handle {
	t.resources = append(t.resources, entry{id, r})
	return Handle{id}
}

// Parameter declares a parameter and returns the Ref to it, to put into any string place.
func (t *Template) Parameter(p Parameter) string {
	t.parameters = append(t.parameters, p)
	return markRef + p.Name + mark
}

// Output declares an output; value is text or an intrinsic.
func (t *Template) Output(name, description, value string) {
	t.outputs = append(t.outputs, output{name, description, value})
}

// Extended adds to a resource what goformation's struct cannot say: properties newer than it, and intrinsics in place of
// numbers, booleans and lists. It can neither take a property away nor shorten a list.
type Extended struct {
	Base Resource
	// Properties is a map or struct merged into the base's: maps by key, lists by index; nil leaves the base's value,
	// anything else replaces it.
	Properties any
	// Attributes are merged beside Properties: UpdatePolicy, CreationPolicy and so on.
	Attributes map[string]any
}

// AWSCloudFormationType is the type of the base, empty without one.
func (e Extended) AWSCloudFormationType() string {
	if isNil(e.Base) {
		return ""
	}
	return e.Base.AWSCloudFormationType()
}

func isNil(r Resource) bool {
	v := reflect.ValueOf(r)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// merge lays over on top of base as Extended describes.
func merge(base, over node) node {
	switch {
	case over.kind == nullNode:
		return base
	case base.kind == mapNode && over.kind == mapNode:
		for i, key := range over.keys {
			base.set(key, merge(base.get(key), over.items[i]))
		}
		return base
	case base.kind == listNode && over.kind == listNode:
		for i, item := range over.items {
			if i < len(base.items) {
				base.items[i] = merge(base.items[i], item)
			} else {
				base.items = append(base.items, item)
			}
		}
		return base
	}
	return over
}

// extend merges an Extended into the attributes of its base.
func (b *builder) extend(e Extended) node {
	if isNil(e.Base) {
		b.fault("Extended has no Base: give it the resource that it extends")
		return node{kind: mapNode}
	}
	n := b.resource(e.Base)
	over := node{kind: mapNode}
	if e.Properties != nil {
		b.push("Properties")
		properties := b.build(reflect.ValueOf(e.Properties))
		if properties.kind != mapNode && properties.kind != nullNode {
			b.fault("Extended.Properties is %T: it must be a map or a struct", e.Properties)
		}
		over.set("Properties", properties)
		b.pop()
	}
	for _, name := range sortedKeys(e.Attributes) {
		if !isAttribute(name) {
			b.fault("Extended.Attributes has %q, which is none of %v", name, attributes)
			continue
		}
		b.push(name)
		over.set(name, b.build(reflect.ValueOf(e.Attributes[name])))
		b.pop()
	}
	return merge(n, over)
}

// fault remembers what is wrong at the current place.
func (p *place) fault(format string, args ...any) {
	p.faults = append(p.faults, fmt.Errorf("%s: "+format, append([]any{p.path()}, args...)...))
}
