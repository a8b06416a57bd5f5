package awsdouble

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// template is a parsed template; intrinsics are in their long form, {"Ref": "X"}.
type template struct {
	description string
	parameters  map[string]object
	resources   []declared // in the order of the text
	outputs     object
	transform   bool
}

type declared struct {
	logical, kind     string
	properties        object
	deletion, replace string // policies
	needs             []string
}

func (t *template) resource(logical string) *declared {
	for i := range t.resources {
		if t.resources[i].logical == logical {
			return &t.resources[i]
		}
	}
	return nil
}

// parseTemplate reads YAML or JSON. Its errors are what CloudFormation says about such a template.
func parseTemplate(body string) (*template, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(body), &doc); err != nil || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, fail("ValidationError", "Template format error: unsupported structure.")
	}
	root := doc.Content[0]
	all, err := plain(root)
	if err != nil {
		return nil, fail("ValidationError", "Template format error: %v", err)
	}
	sections, _ := all.(object)
	t := &template{description: text(sections, "Description"), parameters: map[string]object{}, outputs: sub(sections, "Outputs")}
	t.transform = sections["Transform"] != nil
	for name, p := range sub(sections, "Parameters") {
		t.parameters[name], _ = p.(object)
	}
	resources := sub(sections, "Resources")
	if len(resources) == 0 {
		return nil, fail("ValidationError", "Template format error: At least one Resources member must be defined.")
	}
	for _, logical := range memberNames(root, "Resources") {
		body, _ := resources[logical].(object)
		t.resources = append(t.resources, declare(logical, body))
	}
	return t, t.check()
}

func declare(logical string, body object) declared {
	r := declared{
		logical: logical, kind: text(body, "Type"), properties: sub(body, "Properties"),
		deletion: text(body, "DeletionPolicy"), replace: text(body, "UpdateReplacePolicy"),
	}
	if r.properties == nil {
		r.properties = object{}
	}
	r.needs = references(r.properties)
	r.needs = append(r.needs, texts(body, "DependsOn")...)
	if one := text(body, "DependsOn"); one != "" {
		r.needs = append(r.needs, one)
	}
	return r
}

// check finds references to nothing, as CloudFormation does when it is given a template.
func (t *template) check() error {
	missing := map[string]bool{}
	for _, r := range t.resources {
		if r.kind == "" {
			return fail("ValidationError", "Template format error: [/Resources/%s] Every Resources object must contain a Type member.", r.logical)
		}
		for _, name := range r.needs {
			missing[name] = missing[name] || t.unknown(name)
		}
	}
	if names := trueKeys(missing); len(names) > 0 {
		return fail("ValidationError", "Template format error: Unresolved resource dependencies [%s] in the Resources block of the template", strings.Join(names, ", "))
	}
	for _, name := range references(t.outputs) {
		missing[name] = t.unknown(name)
	}
	if names := trueKeys(missing); len(names) > 0 {
		return fail("ValidationError", "Template format error: Unresolved resource dependencies [%s] in the Outputs block of the template", strings.Join(names, ", "))
	}
	return t.checkCycles()
}

func trueKeys(set map[string]bool) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(set)), func(k string) bool { return !set[k] })
}

func (t *template) unknown(name string) bool {
	return !strings.HasPrefix(name, "AWS::") && t.parameters[name] == nil && t.resource(name) == nil
}

func (t *template) checkCycles() error {
	done := map[string]bool{}
	for len(done) < len(t.resources) {
		ready := t.ready(done)
		if len(ready) == 0 {
			var left []string
			for _, r := range t.resources {
				if !done[r.logical] {
					left = append(left, r.logical)
				}
			}
			return fail("ValidationError", "Circular dependency between resources: [%s]", strings.Join(left, ", "))
		}
		for _, r := range ready {
			done[r.logical] = true
		}
	}
	return nil
}

// ready lists what can be made now: not done, but all that it needs is.
func (t *template) ready(done map[string]bool) []declared {
	var ready []declared
	for _, r := range t.resources {
		waits := slices.ContainsFunc(r.needs, func(n string) bool { return t.resource(n) != nil && !done[n] })
		if !done[r.logical] && !waits {
			ready = append(ready, r)
		}
	}
	return ready
}

func memberNames(root *yaml.Node, section string) []string {
	var names []string
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != section {
			continue
		}
		for j := 0; j+1 < len(root.Content[i+1].Content); j += 2 {
			names = append(names, root.Content[i+1].Content[j].Value)
		}
	}
	return names
}

// plain turns YAML into maps, lists and scalars, short intrinsics into long ones.
func plain(n *yaml.Node) (any, error) {
	value, err := untagged(n)
	if err != nil || !strings.HasPrefix(n.Tag, "!") || strings.HasPrefix(n.Tag, "!!") {
		return value, err
	}
	name := n.Tag[1:]
	if name == "GetAtt" {
		if s, ok := value.(string); ok {
			logical, attribute, _ := strings.Cut(s, ".")
			value = list{logical, attribute}
		}
	}
	if name != "Ref" && name != "Condition" {
		name = "Fn::" + name
	}
	return object{name: value}, nil
}

func untagged(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.AliasNode:
		return plain(n.Alias)
	case yaml.MappingNode:
		out := object{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			if _, twice := out[key]; twice {
				return nil, fmt.Errorf("YAML not well-formed. (line %d, column %d)", n.Content[i].Line, n.Content[i].Column)
			}
			value, err := plain(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			out[key] = value
		}
		return out, nil
	case yaml.SequenceNode:
		out := list{}
		for _, member := range n.Content {
			value, err := plain(member)
			if err != nil {
				return nil, err
			}
			out = append(out, value)
		}
		return out, nil
	}
	return scalar(n)
}

func scalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!int":
		return strconv.Atoi(n.Value)
	case "!!bool":
		return strconv.ParseBool(n.Value)
	case "!!float":
		return strconv.ParseFloat(n.Value, 64)
	case "!!null":
		return nil, fmt.Errorf("[/Resources] 'null' values are not allowed in templates")
	}
	return n.Value, nil
}

var subReference = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

// references lists the logical ids that a value needs: resources, parameters, pseudo parameters.
func references(v any) []string {
	var names []string
	switch v := v.(type) {
	case list:
		for _, member := range v {
			names = append(names, references(member)...)
		}
	case object:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			names = append(names, referencesOf(key, v[key])...)
		}
	}
	return names
}

func referencesOf(key string, value any) []string {
	switch key {
	case "Ref":
		return []string{fmt.Sprint(value)}
	case "Fn::GetAtt":
		if parts, ok := value.(list); ok && len(parts) > 0 {
			return []string{fmt.Sprint(parts[0])}
		}
	case "Fn::Sub":
		return subReferences(value)
	}
	return references(value)
}

func subReferences(value any) []string {
	format, local := subParts(value)
	names := references(local)
	for _, match := range subReference.FindAllStringSubmatch(format, -1) {
		name, _, _ := strings.Cut(match[1], ".")
		if _, own := local[name]; !own {
			names = append(names, name)
		}
	}
	return names
}

// subParts splits Fn::Sub into its text and its own variables.
func subParts(value any) (string, object) {
	if parts, ok := value.(list); ok && len(parts) == 2 {
		local, _ := parts[1].(object)
		return fmt.Sprint(parts[0]), local
	}
	return fmt.Sprint(value), object{}
}

// afterApply stands in change sets for a value that only the update itself will make.
const afterApply = "{{changeSet:KNOWN_AFTER_APPLY}}"

// scope resolves intrinsics: ref and att answer for the stack's own resources.
type scope struct {
	d          *Double
	stack      *stack
	parameters map[string]string
	ref        func(logical string) (string, bool)
	att        func(logical, attribute string) (string, error)
}

// noValue is what AWS::NoValue resolves to; it vanishes from maps and lists.
type noValue struct{}

func (s *scope) object(v object) (object, error) {
	out := object{}
	for _, key := range slices.Sorted(maps.Keys(v)) {
		value, err := s.resolve(v[key])
		if err != nil {
			return nil, err
		}
		if _, none := value.(noValue); !none {
			out[key] = value
		}
	}
	return out, nil
}

func (s *scope) list(v list) (list, error) {
	out := list{}
	for _, member := range v {
		value, err := s.resolve(member)
		if err != nil {
			return nil, err
		}
		if _, none := value.(noValue); !none {
			out = append(out, value)
		}
	}
	return out, nil
}

func (s *scope) resolve(v any) (any, error) {
	switch v := v.(type) {
	case list:
		return s.list(v)
	case object:
		if len(v) == 1 {
			for key, value := range v {
				if key == "Ref" || strings.HasPrefix(key, "Fn::") {
					return s.intrinsic(key, value)
				}
			}
		}
		return s.object(v)
	}
	return v, nil
}

func (s *scope) intrinsic(name string, value any) (any, error) {
	switch name {
	case "Ref":
		return s.reference(fmt.Sprint(value))
	case "Fn::GetAtt":
		parts, _ := value.(list)
		if len(parts) != 2 {
			return nil, fail("ValidationError", "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute")
		}
		return s.att(fmt.Sprint(parts[0]), fmt.Sprint(parts[1]))
	case "Fn::Sub":
		return s.substitute(value)
	}
	resolved, err := s.resolve(value)
	if err != nil {
		return nil, err
	}
	arguments, _ := resolved.(list)
	switch {
	case name == "Fn::Join" && len(arguments) == 2:
		return join(arguments)
	case name == "Fn::Select" && len(arguments) == 2:
		return choose(arguments)
	case name == "Fn::Split" && len(arguments) == 2:
		return asList(strings.Split(fmt.Sprint(arguments[1]), fmt.Sprint(arguments[0]))), nil
	case name == "Fn::GetAZs":
		return list{s.d.Region + "a", s.d.Region + "b", s.d.Region + "c"}, nil
	}
	return nil, fail("ValidationError", "Template error: awsdouble does not know %s with these arguments", name)
}

func join(arguments list) (any, error) {
	members, ok := arguments[1].(list)
	if !ok {
		return nil, fail("ValidationError", "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined")
	}
	var parts []string
	for _, m := range members {
		parts = append(parts, fmt.Sprint(m))
	}
	return strings.Join(parts, fmt.Sprint(arguments[0])), nil
}

func choose(arguments list) (any, error) {
	members, _ := arguments[1].(list)
	i, err := strconv.Atoi(fmt.Sprint(arguments[0]))
	if err != nil || i < 0 || i >= len(members) {
		return nil, fail("ValidationError", "Template error: Fn::Select cannot select nonexistent value at index %v", arguments[0])
	}
	return members[i], nil
}

func (s *scope) reference(name string) (any, error) {
	if name == "AWS::NoValue" {
		return noValue{}, nil
	}
	if value, ok := s.pseudo(name); ok {
		return value, nil
	}
	if value, ok := s.parameters[name]; ok {
		return value, nil
	}
	if value, ok := s.ref(name); ok {
		return value, nil
	}
	return nil, fail("ValidationError", "Template format error: Unresolved resource dependencies [%s] in the Resources block of the template", name)
}

func (s *scope) pseudo(name string) (string, bool) {
	switch name {
	case "AWS::Region":
		return s.d.Region, true
	case "AWS::AccountId":
		return s.d.AccountID, true
	case "AWS::Partition":
		return "aws", true
	case "AWS::URLSuffix":
		return "amazonaws.com", true
	case "AWS::StackName":
		return s.stack.name, true
	case "AWS::StackId":
		return s.stack.id, true
	}
	return "", false
}

func (s *scope) substitute(value any) (any, error) {
	format, local := subParts(value)
	own, err := s.object(local)
	if err != nil {
		return nil, err
	}
	var failed error
	out := subReference.ReplaceAllStringFunc(format, func(match string) string {
		replaced, err := s.variable(match[2:len(match)-1], own)
		if err != nil {
			failed = err
		}
		return fmt.Sprint(replaced)
	})
	return strings.ReplaceAll(out, "${!", "${"), failed
}

func (s *scope) variable(name string, own object) (any, error) {
	if value, ok := own[name]; ok {
		return value, nil
	}
	if logical, attribute, ok := strings.Cut(name, "."); ok {
		return s.att(logical, attribute)
	}
	return s.reference(name)
}

// parameterValues joins what was given with the defaults; previous answers UsePreviousValue.
func (t *template) parameterValues(given []object, previous map[string]string) (map[string]string, error) {
	values := map[string]string{}
	var unknown, missing []string
	for _, p := range given {
		key := text(p, "ParameterKey")
		switch {
		case t.parameters[key] == nil:
			unknown = append(unknown, key)
		case flag(p, "UsePreviousValue"):
			if value, ok := previous[key]; ok {
				values[key] = value
			}
		default:
			values[key] = text(p, "ParameterValue")
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return nil, fail("ValidationError", "Parameters: [%s] do not exist in the template", strings.Join(unknown, ", "))
	}
	for _, key := range slices.Sorted(maps.Keys(t.parameters)) {
		if _, ok := values[key]; ok {
			continue
		}
		if _, ok := t.parameters[key]["Default"]; !ok {
			missing = append(missing, key)
			continue
		}
		values[key] = text(t.parameters[key], "Default")
	}
	if len(missing) > 0 {
		return nil, fail("ValidationError", "Parameters: [%s] must have values", strings.Join(missing, ", "))
	}
	return values, t.checkValues(values)
}

func (t *template) checkValues(values map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		p := t.parameters[key]
		if pattern := text(p, "AllowedPattern"); pattern != "" && values[key] != afterApply {
			if ok, err := regexp.MatchString("^(?:"+pattern+")$", values[key]); err == nil && !ok {
				return fail("ValidationError", "Parameter %s failed to satisfy constraint: %s", key, constraint(p, pattern))
			}
		}
		if allowed := texts(p, "AllowedValues"); allowed != nil && values[key] != afterApply && !slices.Contains(allowed, values[key]) {
			return fail("ValidationError", "Parameter '%s' must be one of AllowedValues", key)
		}
	}
	return nil
}

func constraint(p object, pattern string) string {
	if said := text(p, "ConstraintDescription"); said != "" {
		return said
	}
	return "must match pattern " + pattern
}
