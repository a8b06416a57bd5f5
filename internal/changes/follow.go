package changes

import (
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"slipway/internal/contract"
	"slipway/internal/schema"
)

// follow goes from what is replaced to whatever refers to it, until nothing more is replaced.
func (c *comparison) follow() {
	users := c.references()
	var queue []place
	for p, change := range c.found {
		if change.Replacement != schema.Never {
			queue = append(queue, p)
		}
	}
	slices.SortFunc(queue, func(a, b place) int { return strings.Compare(a.String(), b.String()) })
	for len(queue) > 0 {
		from := queue[0]
		queue = queue[1:]
		for _, use := range users[from] {
			if c.followTo(from, use, c.found[from].Replacement) {
				queue = append(queue, use.by)
			}
		}
	}
}

// followTo notes that a property changes with what it refers to, and tells whether that replaces more than was known.
func (c *comparison) followTo(from place, use use, at schema.Replacement) bool {
	if change := c.found[use.by]; change != nil && change.Action != Modify {
		return false
	}
	r := c.after.resources(use.by.stack)[use.by.id]
	value := lookup(r.Properties, use.path[1:])
	return c.modify(use.by, r.Type, Property{
		Path: use.path, Before: value, After: value, Follows: from.String(), Replacement: min(at, replaces(c.types.Types[r.Type], use.path)),
	})
}

// use is a property that refers to a resource.
type use struct {
	by   place
	path []string // from "Properties" on
}

// references are the properties that refer to each resource of the set after. On the way it notes those that stand in
// the templates as before and yet refer to something else: to what fills a parameter now.
func (c *comparison) references() map[place][]use {
	users := map[place][]use{}
	for _, stack := range slices.Sorted(maps.Keys(c.after.Templates)) {
		for _, id := range slices.Sorted(maps.Keys(c.after.resources(stack))) {
			if _, had := c.before.resources(stack)[id]; had {
				c.referencesOf(place{stack: stack, id: id}, users)
			}
		}
	}
	return users
}

func (c *comparison) referencesOf(by place, users map[place][]use) {
	is, was := c.after.resources(by.stack)[by.id], c.before.resources(by.stack)[by.id]
	eachReference([]string{"Properties"}, is.Properties, func(steps []string, intrinsic map[string]any) {
		to := c.after.targets(by.stack, intrinsic)
		for _, target := range to {
			users[target] = append(users[target], use{by, steps})
		}
		asBefore := reflect.DeepEqual(lookup(was.Properties, steps[1:]), any(intrinsic))
		if asBefore && !slices.Equal(c.before.targets(by.stack, intrinsic), to) && len(to) > 0 {
			c.followTo(to[0], use{by, steps}, schema.Always)
		}
	})
}

// eachReference visits every intrinsic below a value.
func eachReference(steps []string, v any, visit func(steps []string, intrinsic map[string]any)) {
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			eachReference(append(slices.Clone(steps), index(i)), item, visit)
		}
	case map[string]any:
		if schema.IsIntrinsic(v) {
			visit(steps, v)
			return
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			eachReference(append(slices.Clone(steps), key), v[key], visit)
		}
	}
}

// subName is ${Name} or ${Name.Attribute} in the text of Fn::Sub.
var subName = regexp.MustCompile(`\$\{([A-Za-z0-9]+)(?:\.([A-Za-z0-9.]+))?\}`)

// targets are the resources that an intrinsic of a stack stands for, through parameters and outputs if need be.
func (s Set) targets(stack string, intrinsic map[string]any) []place {
	if name, ok := intrinsic["Ref"].(string); ok {
		return s.named(stack, name, "")
	}
	if pair, ok := intrinsic["Fn::GetAtt"].([]any); ok && len(pair) == 2 {
		id, _ := pair[0].(string)
		attribute, _ := pair[1].(string)
		return s.named(stack, id, attribute)
	}
	text, _ := intrinsic["Fn::Sub"].(string)
	var found []place
	if list, ok := intrinsic["Fn::Sub"].([]any); ok && len(list) == 2 {
		text, _ = list[0].(string)
		eachReference(nil, list[1], func(_ []string, below map[string]any) { found = append(found, s.targets(stack, below)...) })
	}
	for _, match := range subName.FindAllStringSubmatch(text, -1) {
		found = append(found, s.named(stack, match[1], match[2])...)
	}
	return found
}

// named are the resources behind a name: the resource itself, what fills the parameter, or what a nested stack gives out.
func (s Set) named(stack, name, attribute string) []place {
	r, isResource := s.resources(stack)[name]
	output, isOutput := strings.CutPrefix(attribute, "Outputs.")
	switch {
	case isResource && isOutput && r.Type == nestedStack:
		return s.output(nested(stack, name), output)
	case isResource:
		return []place{{stack: stack, id: name}}
	}
	return s.parameter(stack, name)
}

const nestedStack = "AWS::CloudFormation::Stack"

// nested is the path of the template that a root nests under a logical id.
func nested(root, id string) string { return path.Dir(root) + "/" + strings.ToLower(id) }

func (s Set) output(stack, name string) []place {
	output, _ := s.Templates[stack].Outputs[name].(map[string]any)
	return s.behind(stack, output["Value"])
}

func (s Set) behind(stack string, v any) []place {
	var found []place
	eachReference(nil, v, func(_ []string, intrinsic map[string]any) { found = append(found, s.targets(stack, intrinsic)...) })
	return found
}

// parameter is what fills a parameter: of a root the foundation's output of that name, if it has one; of a nested stack what
// its root gives it. Where a value comes from outside, the parameter stands for it.
func (s Set) parameter(stack, name string) []place {
	root := path.Dir(stack) + "/" + contract.StackRoot
	if stack == root || stack == contract.StackFoundation {
		if found := s.output(contract.StackFoundation, name); len(found) > 0 && stack == root {
			return found
		}
		return []place{{stack, "parameter " + name, s.Values[stack][name]}}
	}
	for id, r := range s.resources(root) {
		if r.Type == nestedStack && nested(root, id) == stack {
			given, _ := r.Properties["Parameters"].(map[string]any)
			return s.behind(root, given[name])
		}
	}
	return nil
}
