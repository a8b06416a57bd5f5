package override

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"slipway/internal/cfn"
	"slipway/internal/schema"
	"slipway/internal/suggest"
)

func index(i int) string { return strconv.Itoa(i) }

// lookup finds a value of a resource by its keys and indices.
func lookup(d cfn.Data, steps []string) (any, bool) {
	var v any = d.Attributes
	if steps[0] == propertiesKey {
		v, steps = d.Properties, steps[1:]
	}
	for _, step := range steps {
		switch in := v.(type) {
		case map[string]any:
			below, ok := in[step]
			if !ok {
				return nil, false
			}
			v = below
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(in) {
				return nil, false
			}
			v = in[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// references wants every intrinsic to be one that is taken, and to name what its template has.
func (c *change) references(v any, steps []string) {
	switch v := v.(type) {
	case string:
		if strings.Contains(v, "{{resolve:") {
			c.add(steps, "%s is a dynamic reference: CloudFormation would resolve it with its own role, which has no right to; service.secrets in slipway.yaml gives a value to the tasks", v)
		}
	case []any:
		for i, item := range v {
			c.references(item, append(slices.Clone(steps), index(i)))
		}
	case map[string]any:
		if schema.IsIntrinsic(v) {
			c.intrinsic(v, steps)
			return
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if strings.HasPrefix(key, "Fn::") || key == "Ref" && len(v) == 1 {
				c.add(steps, "%s is no intrinsic as it stands here: it must be the only key, with a value", key)
				continue
			}
			c.references(v[key], append(slices.Clone(steps), key))
		}
	}
}

func (c *change) intrinsic(v map[string]any, steps []string) {
	switch {
	case v["Ref"] != nil:
		name, ok := v["Ref"].(string)
		if !ok {
			c.add(steps, "Ref is %v; it must be a name", v["Ref"])
			return
		}
		c.ref(name, steps)
	case v["Fn::GetAtt"] != nil:
		c.getAtt(v["Fn::GetAtt"], steps)
	case v["Fn::Sub"] != nil:
		c.sub(v["Fn::Sub"], steps)
	default:
		c.add(steps, "%s is not taken; of the intrinsics these are: Ref, Fn::GetAtt, Fn::Sub", slices.Collect(maps.Keys(v))[0])
	}
}

// ref wants a parameter, a resource or a pseudo parameter.
func (c *change) ref(name string, steps []string) {
	names := slices.Concat(c.file.Template.ParameterNames(), c.file.Template.IDs(), cfn.PseudoParameters())
	if !slices.Contains(names, name) {
		c.add(steps, "%s is no parameter or resource of %s%s", name, c.file.Path, suggest.DidYouMean(name, names))
	}
}

func (c *change) getAtt(v any, steps []string) {
	pair, _ := v.([]any)
	if len(pair) != 2 {
		c.add(steps, "GetAtt is %v; it must be a resource and its attribute", v)
		return
	}
	id, _ := pair[0].(string)
	attribute, _ := pair[1].(string)
	c.attribute(id, attribute, steps)
}

func (c *change) attribute(id, attribute string, steps []string) {
	r, ok := c.file.Template.Resource(id)
	if !ok {
		c.add(steps, "%s is no resource of %s%s", id, c.file.Path, suggest.DidYouMean(id, c.file.Template.IDs()))
		return
	}
	if kind := c.types.Types[r.Type]; kind == nil || !kind.HasAttribute(attribute) {
		var known []string
		if kind != nil {
			known = kind.Attributes
		}
		c.add(steps, "%s, a resource of the type %s, has no attribute %q%s", id, r.Type, attribute, suggest.DidYouMean(attribute, known))
	}
}

// sub wants each name in the text to be a variable of its own or something of the template.
func (c *change) sub(v any, steps []string) {
	text, isText := v.(string)
	var vars map[string]any
	if list, ok := v.([]any); ok && len(list) == 2 {
		text, isText = list[0].(string)
		vars, ok = list[1].(map[string]any)
		isText = isText && ok
	}
	if !isText {
		c.add(steps, "Sub is %v; it must be a text, or a list of a text and its variables", v)
		return
	}
	c.references(vars, steps)
	names, fault := cfn.SubNames(text)
	if fault != "" {
		c.add(steps, "%s", fault)
	}
	for _, name := range names {
		if _, own := vars[name]; own {
			continue
		}
		if id, attribute, dotted := strings.Cut(name, "."); dotted {
			c.attribute(id, attribute, steps)
		} else {
			c.ref(name, steps)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if !slices.Contains(names, name) {
			c.add(steps, "the text of Sub does not use its variable %s", name)
		}
	}
	if len(names) == 0 && fault == "" {
		c.add(steps, "the text of Sub names nothing: write it without !Sub")
	}
}
