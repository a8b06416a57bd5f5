package schema

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"slipway/internal/suggest"
)

// Problem is one thing wrong with a resource's properties.
type Problem struct {
	Path []string // keys and indices down to the place
	Text string   // what was found; what is allowed
}

func (p Problem) String() string { return strings.Join(p.Path, ".") + ": " + p.Text }

// Check holds properties against their rules: maps, lists, texts, numbers and booleans, as YAML or JSON are decoded. An
// intrinsic in its long form ({"Ref": "X"}) is taken anywhere, for what it stands for is not known.
func (t *Type) Check(properties map[string]any) []Problem {
	c := &checker{kind: t}
	c.value(&t.Rule, properties)
	return c.problems
}

// IsIntrinsic tells a value that CloudFormation works out: a map of the one key Ref or Fn::Something.
func IsIntrinsic(v any) bool {
	m, ok := v.(map[string]any)
	if !ok || len(m) != 1 {
		return false
	}
	for key := range m {
		ok = key == "Ref" || strings.HasPrefix(key, "Fn::")
	}
	return ok
}

// isLeftOut tells a property that the intrinsic AWS::NoValue takes away.
func isLeftOut(v any) bool {
	m, _ := v.(map[string]any)
	return len(m) == 1 && m["Ref"] == "AWS::NoValue"
}

type checker struct {
	kind     *Type
	path     []string
	problems []Problem
}

func (c *checker) add(format string, args ...any) {
	c.problems = append(c.problems, Problem{slices.Clone(c.path), fmt.Sprintf(format, args...)})
}

func (c *checker) at(step string, rule *Rule, v any) {
	c.path = append(c.path, step)
	c.value(rule, v)
	c.path = c.path[:len(c.path)-1]
}

func (c *checker) value(rule *Rule, v any) {
	if IsIntrinsic(v) {
		return
	}
	rule = c.kind.resolve(rule)
	if kinds := kindsOf(v); len(rule.Type) > 0 && !slices.ContainsFunc(kinds, func(k string) bool { return slices.Contains(rule.Type, k) }) {
		c.add("is %s; it must be %s", describe(v), typeNames(rule.Type))
		return
	}
	c.oneOfSeveral(rule, v)
	switch v := v.(type) {
	case string:
		c.text(rule, v)
	case []any:
		c.list(rule, v)
	case map[string]any:
		c.object(rule, v)
	default:
		c.number(rule, v)
	}
	c.choices(rule, v)
}

// oneOfSeveral checks enumerations and constants.
func (c *checker) oneOfSeveral(rule *Rule, v any) {
	allowed := rule.Enum
	if rule.Const != nil {
		allowed = []any{rule.Const}
	}
	fits := func(one any) bool { return fmt.Sprint(one) == fmt.Sprint(v) }
	if rule.EnumCaseInsensitive != nil {
		allowed = rule.EnumCaseInsensitive
		fits = func(one any) bool { return strings.EqualFold(fmt.Sprint(one), fmt.Sprint(v)) }
	}
	if allowed == nil || slices.ContainsFunc(allowed, fits) {
		return
	}
	names := make([]string, len(allowed))
	for i, one := range allowed {
		names[i] = fmt.Sprint(one)
	}
	c.add("is %s; it must be one of %s%s", describe(v), strings.Join(names, ", "), suggest.DidYouMean(fmt.Sprint(v), names))
}

func (c *checker) text(rule *Rule, s string) {
	if rule.Pattern != "" && !matches(rule.Pattern, s) {
		c.add("is %s; it must match %s", describe(s), rule.Pattern)
	}
	c.bounds(utf8.RuneCountInString(s), rule.MinLength, rule.MaxLength, "characters")
}

func (c *checker) bounds(n int, least, most *int, what string) {
	if least != nil && n < *least {
		c.add("has %d %s; it must have at least %d", n, what, *least)
	}
	if most != nil && n > *most {
		c.add("has %d %s; it must have at most %d", n, what, *most)
	}
}

func (c *checker) number(rule *Rule, v any) {
	n, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	if err != nil { // a boolean
		return
	}
	if rule.Minimum != nil && n < *rule.Minimum {
		c.add("is %v; it must be at least %v", v, *rule.Minimum)
	}
	if rule.Maximum != nil && n > *rule.Maximum {
		c.add("is %v; it must be at most %v", v, *rule.Maximum)
	}
}

func (c *checker) list(rule *Rule, items []any) {
	c.bounds(len(items), rule.MinItems, rule.MaxItems, "items")
	for i, item := range items {
		if rule.Items != nil {
			c.at(strconv.Itoa(i), rule.Items, item)
		}
		if rule.UniqueItems && slices.ContainsFunc(items[:i], func(earlier any) bool { return reflect.DeepEqual(earlier, item) }) {
			c.add("has item %d twice; each may stand there once", i)
		}
	}
}

func (c *checker) object(rule *Rule, m map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		c.key(rule, key, m[key])
	}
	given := func(key string) bool {
		v, ok := m[key]
		return ok && !isLeftOut(v)
	}
	for _, key := range rule.Required {
		if !given(key) {
			c.add("lacks %s, which is required", key)
		}
	}
	if n := count(rule.RequiredXor, given); rule.RequiredXor != nil && n != 1 {
		c.add("has %d of %s; it must have exactly one of them", n, strings.Join(rule.RequiredXor, ", "))
	}
	if rule.RequiredOr != nil && count(rule.RequiredOr, given) == 0 {
		c.add("has none of %s; it must have at least one of them", strings.Join(rule.RequiredOr, ", "))
	}
	c.bounds(len(m), rule.MinProperties, rule.MaxProperties, "properties")
	for _, key := range slices.Sorted(maps.Keys(m)) {
		for _, other := range rule.DependentRequired[key] {
			if given(key) && !given(other) {
				c.add("has %s but lacks %s, which goes with it", key, other)
			}
		}
		for _, other := range rule.DependentExcluded[key] {
			if given(key) && given(other) && key < other {
				c.add("has %s and %s; only one of them may stand there", key, other)
			}
		}
	}
}

func count(keys []string, given func(string) bool) int {
	return len(slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !given(key) }))
}

func (c *checker) key(rule *Rule, key string, v any) {
	found := c.kind.below(rule, key)
	c.path = append(c.path, key)
	defer func() { c.path = c.path[:len(c.path)-1] }()
	switch {
	case found == nil:
		known := slices.Sorted(maps.Keys(c.kind.keys(rule)))
		c.add("there is no such property%s%s", suggest.DidYouMean(key, known), listed(known))
	case c.kind.ReadOnly(c.path...):
		c.add("is set by AWS alone; leave it out")
	default:
		c.value(found, v)
	}
}

// listed names the properties that there are, unless they are too many to be read.
func listed(known []string) string {
	const legible = 12
	if len(known) == 0 || len(known) > legible {
		return ""
	}
	return " (there are " + strings.Join(known, ", ") + ")"
}

// keys are all that may stand in a map.
func (t *Type) keys(rule *Rule) map[string]bool {
	rule = t.resolve(rule)
	all := map[string]bool{}
	for key := range rule.Properties {
		all[key] = true
	}
	for _, choice := range slices.Concat(rule.AllOf, rule.AnyOf, rule.OneOf) {
		maps.Copy(all, t.keys(choice))
	}
	return all
}

// choices wants a value to fit one of several rules where it has to. That only one of them fits is not looked for: where
// it matters, RequiredXor says so.
func (c *checker) choices(rule *Rule, v any) {
	for _, part := range rule.AllOf {
		c.value(part, v)
	}
	for _, several := range [][]*Rule{rule.AnyOf, rule.OneOf} {
		if len(several) == 0 {
			continue
		}
		var found []Problem
		for _, choice := range several {
			attempt := &checker{kind: c.kind, path: c.path}
			attempt.value(choice, v)
			if found = attempt.problems; len(found) == 0 {
				break
			}
		}
		if len(found) > 0 {
			c.add("fits none of the forms that it may have; of the last one: %s", found[0].Text)
		}
	}
}

// kindsOf are the names that JSON Schema has for a value.
func kindsOf(v any) []string {
	switch v := v.(type) {
	case nil:
		return []string{"null"}
	case string:
		return []string{"string"}
	case bool:
		return []string{"boolean"}
	case []any:
		return []string{"array"}
	case map[string]any:
		return []string{"object"}
	case float64:
		if v != float64(int64(v)) {
			return []string{"number"}
		}
	}
	return []string{"integer", "number"}
}

func typeNames(types []string) string {
	names := map[string]string{"string": "a text", "boolean": "true or false", "array": "a list", "object": "a mapping",
		"integer": "a whole number", "number": "a number"}
	var all []string
	for _, one := range types {
		all = append(all, names[one])
	}
	return strings.Join(all, " or ")
}

func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "empty"
	case string:
		return fmt.Sprintf("the text %q", v)
	case bool:
		return fmt.Sprintf("the boolean %v", v)
	case []any:
		return "a list"
	case map[string]any:
		return "a mapping"
	default:
		return fmt.Sprintf("the number %v", v)
	}
}
