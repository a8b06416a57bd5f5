package cfn

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Data is a resource as data: maps, lists, texts, numbers and booleans. Intrinsics stand in their long form, as in
// {"Ref": "VPC"} and {"Fn::GetAtt": ["VPC", "CidrBlock"]}.
type Data struct {
	Type       string
	Properties map[string]any
	Attributes map[string]any // what stands beside Type and Properties: DependsOn, DeletionPolicy and so on
}

// Override lays over a resource what has the shape of the resource in the template, as data: maps are merged by key, a nil
// takes the key away, and anything else, lists too, takes the place of what was there. Texts are taken as those of Text
// are. An id that the template does not have is reported by Render.
func (t *Template) Override(id string, over map[string]any) {
	if t.overrides == nil {
		t.overrides = map[string][]map[string]any{}
	}
	t.overrides[id] = append(t.overrides[id], over)
}

// IDs are the logical ids of the resources, in their order.
func (t *Template) IDs() []string {
	ids := make([]string, len(t.resources))
	for i, r := range t.resources {
		ids[i] = r.id
	}
	return ids
}

// ParameterNames are the names of the parameters, in their order.
func (t *Template) ParameterNames() []string {
	names := make([]string, len(t.parameters))
	for i, p := range t.parameters {
		names[i] = p.Name
	}
	return names
}

// Resource is the resource of an id, with what was laid over it; false where there is none. What Render would refuse in it
// is not looked for.
func (t *Template) Resource(id string) (Data, bool) {
	i := slices.IndexFunc(t.resources, func(e entry) bool { return e.id == id })
	if i < 0 || isNil(t.resources[i].resource) {
		return Data{}, false
	}
	b := &builder{place: &place{}, shapes: map[reflect.Type]*shape{}}
	n := t.overridden(id, b.resource(t.resources[i].resource))
	d := Data{Attributes: n.data().(map[string]any)}
	d.Type, _ = d.Attributes["Type"].(string)
	d.Properties, _ = d.Attributes["Properties"].(map[string]any)
	delete(d.Attributes, "Type")
	delete(d.Attributes, "Properties")
	return d, true
}

// overridden is a resource's node with everything that was laid over it.
func (t *Template) overridden(id string, n node) node {
	for _, over := range t.overrides[id] {
		n = lay(n, over)
	}
	return n
}

// lay puts data over a node, as Override says.
func lay(base node, over any) node {
	m, isMap := over.(map[string]any)
	if !isMap || isIntrinsicData(m) {
		return ofData(over)
	}
	if base.kind != mapNode {
		base = node{kind: mapNode}
	}
	for _, key := range sortedKeys(m) {
		if m[key] == nil {
			base.remove(key)
		} else {
			base.set(key, lay(base.get(key), m[key]))
		}
	}
	return base
}

func (n *node) remove(key string) {
	if i := slices.Index(n.keys, key); i >= 0 {
		n.keys = slices.Delete(n.keys, i, i+1)
		n.items = slices.Delete(n.items, i, i+1)
	}
}

func isIntrinsicData(m map[string]any) bool {
	return len(m) == 1 && (m["Ref"] != nil || m["Fn::GetAtt"] != nil || m["Fn::Sub"] != nil)
}

// ofData is the node of data. What it cannot say, null for example, becomes a node that Render refuses.
func ofData(v any) node {
	switch v := v.(type) {
	case string:
		return textOf(Text(v))
	case bool:
		return node{kind: literalNode, text: strconv.FormatBool(v)}
	case int:
		return node{kind: literalNode, text: strconv.Itoa(v)}
	case float64:
		return node{kind: literalNode, text: strconv.FormatFloat(v, 'f', -1, 64)}
	case []any:
		n := node{kind: listNode}
		for _, item := range v {
			n.items = append(n.items, ofData(item))
		}
		return n
	case map[string]any:
		if isIntrinsicData(v) {
			return intrinsicOfData(v)
		}
		return lay(node{}, v)
	}
	return node{}
}

// intrinsicOfData is text between marks, so that it is checked as every other intrinsic is.
func intrinsicOfData(m map[string]any) node {
	if name, ok := m["Ref"].(string); ok {
		return textOf(markRef + name + mark)
	}
	if pair, ok := m["Fn::GetAtt"].([]any); ok && len(pair) == 2 {
		id, _ := pair[0].(string)
		attribute, _ := pair[1].(string)
		return textOf(markAtt + id + "." + attribute + mark)
	}
	switch sub := m["Fn::Sub"].(type) {
	case string:
		return textOf(Sub(sub))
	case []any:
		if len(sub) == 2 {
			return subOfData(sub)
		}
	}
	return node{}
}

func subOfData(sub []any) node {
	text, _ := sub[0].(string)
	given, _ := sub[1].(map[string]any)
	vars := map[string]string{}
	for name, value := range given {
		vars[name] = ofData(value).text
	}
	return textOf(SubVars(text, vars))
}

// data is what a node stands for.
func (n node) data() any {
	switch n.kind {
	case textNode:
		if intrinsic, ok := parseMark(n.text); ok {
			if intrinsic.kind == textNode {
				return intrinsic.text
			}
			return intrinsic.data()
		}
		return n.text
	case literalNode:
		return scalarOf(n.text)
	case listNode:
		list := make([]any, len(n.items))
		for i, item := range n.items {
			list[i] = item.data()
		}
		return list
	case mapNode:
		return n.dataByKey()
	case refNode:
		return map[string]any{"Ref": n.text}
	case attNode:
		id, attribute, _ := strings.Cut(n.text, ".")
		return map[string]any{"Fn::GetAtt": []any{id, attribute}}
	case subNode:
		if len(n.keys) == 0 {
			return map[string]any{"Fn::Sub": n.text}
		}
		return map[string]any{"Fn::Sub": []any{n.text, n.dataByKey()}}
	}
	return nil
}

func (n node) dataByKey() map[string]any {
	m := make(map[string]any, len(n.keys))
	for i, key := range n.keys {
		m[key] = n.items[i].data()
	}
	return m
}

func scalarOf(text string) any {
	if i, err := strconv.Atoi(text); err == nil {
		return i
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return f
	}
	return text == "true"
}
