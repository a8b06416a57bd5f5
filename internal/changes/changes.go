// Package changes says what becomes of an application's stacks when one set of its templates takes the place of another:
// what comes, what goes, what is changed in place and what is replaced, by the resource schemas and without asking AWS.
//
// What is replaced is followed: to the properties that refer to it, in its own stack and through outputs and parameters in
// the others, and to what these replace in turn.
package changes

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"slipway/internal/schema"
	"slipway/internal/template"
)

// Set is an application's templates, and what is known of the values that they are deployed with.
type Set struct {
	Templates map[string]template.Template // by their path below the templates folder without ".yaml": "foundation", "prod/ecs"
	// Values are those of parameters of "foundation" and of roots such as "prod/root", by stack and parameter. What is not
	// there is not known, and taken to be the same in both sets: the image, for example.
	Values map[string]map[string]string
}

func (s Set) resources(stack string) map[string]template.Resource {
	return s.Templates[stack].Resources
}

// Action is what happens to a resource.
type Action string

// The actions.
const (
	Add    Action = "add"
	Remove Action = "remove"
	Modify Action = "modify" // in place, or by replacing it
)

// Change is what happens to one resource.
type Change struct {
	Stack     string // as in Set
	LogicalID string
	Type      string
	Action    Action
	// Properties are what differs, for Modify, in the order of their paths.
	Properties []Property
	// Replacement says whether a modified resource is another one afterwards.
	Replacement schema.Replacement
	// Retained is what goes, by removal or replacement, and yet is kept in the account by the resource's policy.
	Retained bool
}

// Property is a place in a resource that differs.
type Property struct {
	Path          []string // keys and indices, from "Properties" or an attribute such as "DeletionPolicy" on
	Before, After any      // nil where it is not there; equal where the value follows what is replaced
	Replacement   schema.Replacement
	// Follows is the resource or parameter that changes the value, as "prod/ecs LoadBalancer" or "prod/root parameter VPCID";
	// empty where the template differs.
	Follows string
}

// String is the change in a few words: "prod/ecs TargetGroup: modify, replaced".
func (c Change) String() string {
	text := fmt.Sprintf("%s %s: %s", c.Stack, c.LogicalID, c.Action)
	switch c.Replacement {
	case schema.Always:
		text += ", replaced"
	case schema.Sometimes:
		text += ", perhaps replaced"
	}
	if c.Retained {
		text += ", the old one kept"
	}
	return text
}

// Lost is what is lost with the resource where the change removes or replaces it, or may; empty where that is nothing that
// could not be made again. What is retained is still there, but no longer the application's.
func (c Change) Lost() string {
	if c.Action == Remove || c.Replacement != schema.Never {
		return holds[c.Type]
	}
	return ""
}

// Read reads all templates of a templates folder, without any values.
func Read(folder fs.FS) (Set, error) {
	return ReadSome(folder, func(string) bool { return true })
}

// ReadSome reads those templates of a folder that are wanted, by their stacks.
func ReadSome(folder fs.FS, wanted func(stack string) bool) (Set, error) {
	set := Set{Templates: map[string]template.Template{}}
	err := fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".yaml" || !wanted(strings.TrimSuffix(name, ".yaml")) {
			return err
		}
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		t, err := template.Parse(text)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		set.Templates[strings.TrimSuffix(name, ".yaml")] = t
		return nil
	})
	if err != nil {
		return Set{}, fmt.Errorf("read the templates: %w", err)
	}
	return set, nil
}

// Between is what becomes of the stacks of one set when another takes its place, stack by stack, each in the order of the
// logical ids. A resource of a type without a schema is taken to be changed in place.
func Between(before, after Set) ([]Change, error) {
	types, err := schema.Load()
	if err != nil {
		return nil, err
	}
	c := comparison{types: types, before: before, after: after, found: map[place]*Change{}}
	for _, stack := range union(before.Templates, after.Templates) {
		for _, id := range union(before.resources(stack), after.resources(stack)) {
			c.compare(place{stack: stack, id: id})
		}
	}
	c.follow()
	all := make([]Change, 0, len(c.found))
	for _, change := range c.found {
		slices.SortFunc(change.Properties, func(a, b Property) int { return slices.Compare(a.Path, b.Path) })
		change.Retained = c.retained(change)
		all = append(all, *change)
	}
	slices.SortFunc(all, func(a, b Change) int {
		return cmp.Or(strings.Compare(a.Stack, b.Stack), strings.Compare(a.LogicalID, b.LogicalID))
	})
	return all, nil
}

// union are the keys of both maps, in order.
func union[V any](a, b map[string]V) []string {
	return slices.Compact(slices.Sorted(func(yield func(string) bool) {
		for _, m := range []map[string]V{a, b} {
			for key := range maps.Keys(m) {
				if !yield(key) {
					return
				}
			}
		}
	}))
}

// place is a resource in a set, or a parameter with its value.
type place struct{ stack, id, value string }

func (p place) String() string { return p.stack + " " + p.id }

type comparison struct {
	types         schema.Types
	before, after Set
	found         map[place]*Change
}

// compare notes how the templates differ in one resource.
func (c *comparison) compare(p place) {
	was, had := c.before.resources(p.stack)[p.id]
	is, has := c.after.resources(p.stack)[p.id]
	switch {
	case !had:
		c.found[p] = &Change{Stack: p.stack, LogicalID: p.id, Type: is.Type, Action: Add}
		return
	case !has:
		c.found[p] = &Change{Stack: p.stack, LogicalID: p.id, Type: was.Type, Action: Remove}
		return
	}
	d := differences{kind: c.types.Types[is.Type]}
	if was.Type != is.Type {
		d.found = append(d.found, Property{Path: []string{"Type"}, Before: was.Type, After: is.Type, Replacement: schema.Always})
	}
	d.compare([]string{"Properties"}, was.Properties, is.Properties)
	for _, key := range union(was.Attributes, is.Attributes) {
		d.compare([]string{key}, was.Attributes[key], is.Attributes[key])
	}
	for _, property := range d.found {
		c.modify(p, is.Type, property)
	}
}

// modify notes that a property differs, and tells whether that replaces more than was known.
func (c *comparison) modify(p place, kind string, property Property) bool {
	change := c.found[p]
	if change == nil {
		change = &Change{Stack: p.stack, LogicalID: p.id, Type: kind, Action: Modify}
		c.found[p] = change
	}
	same := func(other Property) bool {
		return other.Follows == property.Follows && slices.Equal(other.Path, property.Path)
	}
	if i := slices.IndexFunc(change.Properties, same); i >= 0 {
		change.Properties[i] = property // it was followed before, when less was known
	} else {
		change.Properties = append(change.Properties, property)
	}
	before := change.Replacement
	change.Replacement = max(before, property.Replacement)
	return change.Replacement > before
}

func (c *comparison) retained(change *Change) bool {
	policy := any(nil)
	switch {
	case change.Action == Remove:
		policy = c.before.resources(change.Stack)[change.LogicalID].Attributes["DeletionPolicy"]
	case change.Replacement != schema.Never:
		policy = c.after.resources(change.Stack)[change.LogicalID].Attributes["UpdateReplacePolicy"]
	}
	return policy == "Retain" || policy == "RetainExceptOnCreate"
}

// differences of one resource.
type differences struct {
	kind  *schema.Type // nil where it is not known
	found []Property
}

// compare goes down as far as both values have the same shape; an intrinsic is one value.
func (d *differences) compare(steps []string, was, is any) {
	if reflect.DeepEqual(was, is) {
		return
	}
	if before, after, ok := bothMaps(was, is); ok {
		for _, key := range union(before, after) {
			d.compare(append(slices.Clone(steps), key), before[key], after[key])
		}
		return
	}
	before, isList := was.([]any)
	after, isListToo := is.([]any)
	if isList && isListToo && len(before) == len(after) {
		for i := range before {
			d.compare(append(slices.Clone(steps), fmt.Sprint(i)), before[i], after[i])
		}
		return
	}
	d.found = append(d.found, Property{Path: steps, Before: was, After: is, Replacement: replaces(d.kind, steps)})
}

func bothMaps(was, is any) (before, after map[string]any, ok bool) {
	before, isMap := was.(map[string]any)
	after, isMapToo := is.(map[string]any)
	return before, after, isMap && isMapToo && !schema.IsIntrinsic(was) && !schema.IsIntrinsic(is)
}

// replaces says what a change at a path from "Properties" on does.
func replaces(kind *schema.Type, steps []string) schema.Replacement {
	if kind == nil || steps[0] != "Properties" || len(steps) == 1 {
		return schema.Never
	}
	return kind.CreateOnly(steps[1:]...)
}
