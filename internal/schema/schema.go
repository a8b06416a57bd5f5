// Package schema says what CloudFormation's registry knows of a resource type: its properties and their rules, its
// attributes, what replaces it, and the permissions that its handlers ask for. Its data, schemas.json.gz, is made by
// scripts/dev/schemas.py of the schemas that cfn-lint brings, and is dated.
package schema

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

//go:embed schemas.json.gz
var file []byte

// Types is the registry's knowledge, of the types that slipway uses.
type Types struct {
	Source string           // whose schemas these are, and of what day
	Types  map[string]*Type // by name, such as AWS::S3::Bucket
}

// Type is what is known of one resource type. Places in a resource are pointers as the registry writes them:
// "/properties/Tags/*/Key", with * for every item of a list or key of a map.
type Type struct {
	Rule // of the properties as a whole

	Definitions map[string]*Rule

	// Attributes are what GetAtt gives, such as "Arn" or "Endpoint.Port"; "Outputs.*" stands for any name.
	Attributes []string

	ReadOnlyProperties              []string // set by AWS, refused in a template
	CreateOnlyProperties            []string // a change replaces the resource
	ConditionalCreateOnlyProperties []string // a change may replace it
	WriteOnlyProperties             []string // never read back
	PrimaryIdentifier               []string

	Tagging  Tagging
	Handlers map[string][]string // permissions by handler: create, read, update, delete, list; none for some types
}

// Tagging is where the resource has its tags, and what tagging it takes beside the handlers' permissions.
type Tagging struct {
	TagProperty string
	Permissions []string
}

// Load gives the data, which nobody may change. The first call takes some milliseconds; nothing is read before.
func Load() (Types, error) { return load() }

var load = sync.OnceValues(read)

func read() (Types, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return Types{}, fmt.Errorf("unpack the resource schemas: %w", err)
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		return Types{}, fmt.Errorf("unpack the resource schemas: %w", err)
	}
	d := &decoder{text: string(text)}
	types := d.types()
	if d.err != nil {
		return Types{}, fmt.Errorf("read the resource schemas: %w", d.err)
	}
	return types, nil
}

// Permissions are the actions that CloudFormation needs to create, read, update, delete or list such a resource, as the
// registry has them: only actions, and known to be incomplete. None for a handler that the type does not have, and for
// a type without handlers.
func (t *Type) Permissions(handler string) []string { return t.Handlers[handler] }

// HasAttribute tells whether GetAtt gives the attribute, such as "Arn" or "Outputs.VPCID".
func (t *Type) HasAttribute(name string) bool {
	return slices.ContainsFunc(t.Attributes, func(attribute string) bool {
		prefix, any := strings.CutSuffix(attribute, "*")
		return attribute == name || any && strings.HasPrefix(name, prefix)
	})
}

// Property is the rule of what stands at a path of keys and indices, such as LoadBalancers, 0, ContainerPort; false where
// the type has no such property.
func (t *Type) Property(path ...string) (*Rule, bool) {
	rule := &t.Rule
	for _, step := range path {
		if rule = t.below(rule, step); rule == nil {
			return nil, false
		}
	}
	return t.resolve(rule), true
}

// below is the rule of one item or key of a value, nil where it can have none. Where a value may take several shapes, the
// first that has the key counts.
func (t *Type) below(rule *Rule, step string) *Rule {
	rule = t.resolve(rule)
	if found := rule.Properties[step]; found != nil {
		return found
	}
	for pattern, found := range rule.PatternProperties {
		if matches(pattern, step) {
			return found
		}
	}
	if rule.Items != nil && isIndex(step) {
		return rule.Items
	}
	for _, choice := range slices.Concat(rule.AllOf, rule.AnyOf, rule.OneOf) {
		if choice = t.resolve(choice); !choice.namesKeys() && choice.Items == nil {
			continue // it says which keys go together
		}
		if found := t.below(choice, step); found != nil {
			return found
		}
	}
	if rule.isOpen() {
		return &Rule{}
	}
	return nil
}

// resolve follows a reference to the type's definitions.
func (t *Type) resolve(rule *Rule) *Rule {
	for rule.Ref != "" {
		rule = t.Definitions[strings.TrimPrefix(rule.Ref, "#/definitions/")]
	}
	return rule
}

// Replacement is what a change of a property does to the resource.
type Replacement int

const (
	Never     Replacement = iota // it is changed in place
	Sometimes                    // it depends on the values
	Always                       // it is replaced
)

// CreateOnly says what a change at a path of keys and indices does. A change of a whole map or list replaces where any
// place below it does.
func (t *Type) CreateOnly(path ...string) Replacement {
	switch {
	case touches(t.CreateOnlyProperties, path):
		return Always
	case touches(t.ConditionalCreateOnlyProperties, path):
		return Sometimes
	}
	return Never
}

// ReadOnly tells whether what stands at the path is set by AWS alone.
func (t *Type) ReadOnly(path ...string) bool {
	return slices.ContainsFunc(t.ReadOnlyProperties, func(pointer string) bool {
		steps := steps(pointer)
		return len(steps) <= len(path) && agree(steps, path)
	})
}

// touches tells whether one of the pointers leads to the path, above it or below it.
func touches(pointers, path []string) bool {
	return slices.ContainsFunc(pointers, func(pointer string) bool { return agree(steps(pointer), path) })
}

// agree tells whether pointer and path are the same as far as the shorter goes.
func agree(pointer, path []string) bool {
	for i := range min(len(pointer), len(path)) {
		if pointer[i] != "*" && pointer[i] != path[i] {
			return false
		}
	}
	return true
}

func steps(pointer string) []string {
	return strings.Split(strings.TrimPrefix(pointer, "/properties/"), "/")
}
