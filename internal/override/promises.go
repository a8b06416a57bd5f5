package override

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"slipway/internal/cfn"
	"slipway/internal/contract"
	"slipway/internal/schema"
)

// promises refuses what would break what slipway promises: its wiring, and what the rules name.
func (c *change) promises() {
	known := c.Len()
	for _, rules := range []reasons{fixed[c.before.Type], fixedIn[c.id]} {
		for _, place := range slices.Sorted(maps.Keys(rules)) {
			steps := strings.Split(place, ".")
			if !same(c.before, c.after, steps) {
				c.add(steps, "cannot be overridden: %s", rules[place])
			}
		}
	}
	for place, why := range extensible[c.before.Type] {
		c.mayGrow(strings.Split(place, "."), why)
	}
	c.tags()
	switch c.before.Type {
	case "AWS::ECS::TaskDefinition":
		c.containers()
	case "AWS::ElasticLoadBalancingV2::LoadBalancer":
		c.balancerAttributes()
	}
	if c.Len() == known {
		c.wiring()
	}
}

// mayGrow wants slipway's own items of a list to stay.
func (c *change) mayGrow(steps []string, why string) {
	before, _ := lookup(c.before, steps)
	after, _ := lookup(c.after, steps)
	if missing, lacks := missingItem(before, after); lacks {
		c.add(steps, "slipway's own item is gone: %s. Items may be added, but %s", short(missing), why)
	}
}

// missingItem is an item of the list before that the list after does not have.
func missingItem(before, after any) (any, bool) {
	list, _ := after.([]any)
	own, _ := before.([]any)
	for _, item := range own {
		if !slices.ContainsFunc(list, func(other any) bool { return reflect.DeepEqual(item, other) }) {
			return item, true
		}
	}
	return nil, false
}

// tags keeps the tags by which slipway and its policies know what is theirs.
func (c *change) tags() {
	steps := []string{propertiesKey, "Tags"}
	before, _ := lookup(c.before, steps)
	after, _ := lookup(c.after, steps)
	if missing, lacks := missingItem(slipwayTags(before), after); lacks {
		c.add(steps, "slipway's own tag is gone: %s. Tags may be added, but policies and destroy.sh go by this one", short(missing))
	}
	if other, found := missingItem(slipwayTags(after), before); found {
		c.add(steps, "the tag %s begins with slipway: or aws:, which are not yours to give: choose another name", short(other))
	}
}

func slipwayTags(v any) any {
	list, _ := v.([]any)
	return slices.DeleteFunc(slices.Clone(list), func(item any) bool {
		tag, _ := item.(map[string]any)
		key, _ := tag["Key"].(string)
		return !strings.HasPrefix(key, "slipway:") && !strings.HasPrefix(key, "aws:")
	})
}

// balancerAttributes wants every attribute to stay, since one that a template no longer names keeps its value, and those
// that slipway.yaml says to stay as they are.
func (c *change) balancerAttributes() {
	steps := []string{propertiesKey, "LoadBalancerAttributes"}
	before, _ := lookup(c.before, steps)
	after, _ := lookup(c.after, steps)
	own, _ := before.([]any)
	theirs, _ := after.([]any)
	for _, item := range own {
		attribute := item.(map[string]any)
		key := attribute["Key"].(string)
		kept := slices.ContainsFunc(theirs, func(other any) bool {
			m, _ := other.(map[string]any)
			return m["Key"] == key && (strings.HasPrefix(key, "routing.") || reflect.DeepEqual(m, attribute))
		})
		if !kept {
			c.add(steps, "slipway's own attribute is gone or another: %s. Attributes may be added, and those of routing changed, but entry and protected in slipway.yaml say the others, "+
				"and one that a template no longer names keeps its value", short(item))
		}
	}
}

// containers wants the application's container to stay what the launcher, the service and the load balancer know it as,
// and every image to be named by its digest.
func (c *change) containers() {
	steps := []string{propertiesKey, "ContainerDefinitions"}
	before, _ := lookup(c.before, steps)
	after, _ := lookup(c.after, steps)
	own, theirs := container(before), container(after)
	if theirs == nil {
		c.add(steps, "has no container %s: the service and the load balancer go by that name", contract.ContainerName)
		return
	}
	for _, key := range []string{"Image", "PortMappings", "Essential"} {
		if !reflect.DeepEqual(own[key], theirs[key]) {
			c.add(steps, "the container %s has another %s than slipway gives it (%s): the launcher and the load balancer go by it",
				contract.ContainerName, key, short(own[key]))
		}
	}
	list, _ := after.([]any)
	for i, item := range list {
		m, _ := item.(map[string]any)
		if image, isText := m["Image"].(string); isText && !contract.IsDigest(image) {
			c.add(append(slices.Clone(steps), index(i), "Image"), "%s may be another image tomorrow: name it by its digest, image@sha256:...", image)
		}
	}
}

// container is the application's.
func container(definitions any) map[string]any {
	list, _ := definitions.([]any)
	for _, item := range list {
		if m, _ := item.(map[string]any); m["Name"] == contract.ContainerName {
			return m
		}
	}
	return nil
}

// wiring wants every place that refers to a parameter or resource to go on doing so: it is how resources and stacks hang
// together. In a list the item may stand anywhere.
func (c *change) wiring() {
	if lost, found := c.lost(c.before.Properties, c.after.Properties, []string{propertiesKey}); found {
		c.add(lost.steps, "lacks %s, by which resources and stacks hang together. A list is replaced as a whole, so write slipway's own items with it", short(lost.value))
	}
}

// loss is a reference that is gone, and where it was.
type loss struct {
	steps []string
	value any
}

func (c *change) lost(before, after any, steps []string) (loss, bool) {
	switch v := before.(type) {
	case []any:
		list, _ := after.([]any)
		for _, item := range v {
			if none, found := c.lostItem(item, list, steps); found {
				return none, true
			}
		}
	case map[string]any:
		if schema.IsIntrinsic(v) {
			return loss{steps, v}, c.isWire(v) && !reflect.DeepEqual(before, after)
		}
		m, _ := after.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if found, is := c.lost(v[key], m[key], append(slices.Clone(steps), key)); is {
				return found, true
			}
		}
	}
	return loss{}, false
}

// lostItem tells whether no item of the list has the references of this one.
func (c *change) lostItem(item any, list []any, steps []string) (loss, bool) {
	none, found := c.lost(item, nil, steps)
	if !found || slices.ContainsFunc(list, func(other any) bool { _, lacks := c.lost(item, other, steps); return !lacks }) {
		return loss{}, false
	}
	return loss{steps, none.value}, true
}

// isWire tells whether an intrinsic names something of the template, and not just the stack, account or Region.
func (c *change) isWire(v map[string]any) bool {
	if name, ok := v["Ref"].(string); ok {
		return !slices.Contains(cfn.PseudoParameters(), name)
	}
	if v["Fn::GetAtt"] != nil {
		return true
	}
	text, _ := v["Fn::Sub"].(string)
	if list, ok := v["Fn::Sub"].([]any); ok {
		text, _ = list[0].(string)
	}
	names, _ := cfn.SubNames(text)
	return slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(cfn.PseudoParameters(), name) })
}

func same(before, after cfn.Data, steps []string) bool {
	was, had := lookup(before, steps)
	is, has := lookup(after, steps)
	return had == has && reflect.DeepEqual(was, is)
}

// short is a value as a person would write it on one line.
func short(v any) string {
	switch v := v.(type) {
	case map[string]any:
		if name, ok := v["Ref"].(string); ok && len(v) == 1 {
			return "!Ref " + name
		}
		if pair, ok := v["Fn::GetAtt"].([]any); ok {
			return fmt.Sprintf("!GetAtt %v.%v", pair[0], pair[1])
		}
		if text, ok := v["Fn::Sub"].(string); ok {
			return fmt.Sprintf("!Sub %q", text)
		}
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, key+": "+short(v[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		var parts []string
		for _, item := range v {
			parts = append(parts, short(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case nil:
		return "nothing"
	default:
		return fmt.Sprint(v)
	}
}
