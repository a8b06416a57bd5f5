package stacks

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"slipway/internal/schema"
	cloudformation "slipway/internal/template"
)

// Every property and attribute is one that CloudFormation has, goformation's Extended places included.
func TestPropertiesFitTheSchemas(t *testing.T) {
	types := schemas(t)
	seen := map[string]bool{}
	for name, cfg := range variants() {
		for path, file := range rendered(t, cfg) {
			if seen[file.text] {
				continue
			}
			seen[file.text] = true
			for _, problem := range misfits(parsed(t, file.text), types) {
				t.Errorf("%s, %s: %s", name, path, problem)
			}
		}
	}
}

func TestMisfits(t *testing.T) {
	got := misfits(parsed(t, `
Resources:
  Group:
    Type: AWS::Logs::LogGroup
    Properties:
      RetentionInDay: 30
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {}
      RoleName: !GetAtt Group.Name
      Path: !Sub "/${Group.Nam}/"
  New:
    Type: AWS::New::Thing
`), schemas(t))
	for _, want := range []string{
		"Group.RetentionInDay: there is no such property; did you mean RetentionInDays?",
		"Role: AWS::Logs::LogGroup has no attribute Name",
		"Role: AWS::Logs::LogGroup has no attribute Nam",
		"New: AWS::New::Thing is not in the schemas",
	} {
		if !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if len(got) != 4 {
		t.Errorf("got %q, want four", got)
	}
}

func schemas(t *testing.T) schema.Types {
	t.Helper()
	types, err := schema.Load()
	if err != nil {
		t.Fatal(err)
	}
	return types
}

func parsed(t *testing.T, text string) cloudformation.Template {
	t.Helper()
	got, err := cloudformation.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// misfits are the properties and attributes of a template that are not as the schemas say.
func misfits(read cloudformation.Template, types schema.Types) []string {
	var found []string
	for id, r := range read.Resources {
		kind := types.Types[r.Type]
		if kind == nil {
			found = append(found, fmt.Sprintf("%s: %s is not in the schemas: add it to TYPES in scripts/dev/regions.py, run that and schemas.py", id, r.Type))
			continue
		}
		for _, problem := range kind.Check(r.Properties) {
			found = append(found, id+"."+problem.String())
		}
		found = append(found, unknownAttributes(id, r.Properties, read, types)...)
	}
	return append(found, unknownAttributes("Outputs", read.Outputs, read, types)...)
}

// subAttribute is ${Resource.Attribute} in a Sub text.
var subAttribute = regexp.MustCompile(`\$\{(\w+)\.([\w.]+)\}`)

// unknownAttributes are those that GetAtt or Sub name below v and that their resource's type does not have.
func unknownAttributes(place string, v any, read cloudformation.Template, types schema.Types) []string {
	var found []string
	ask := func(id, attribute string) {
		r := read.Resources[id]
		if kind := types.Types[r.Type]; kind == nil || !kind.HasAttribute(attribute) {
			found = append(found, fmt.Sprintf("%s: %s has no attribute %s", place, r.Type, attribute))
		}
	}
	walk("", v, func(_ string, v any) {
		m, _ := v.(map[string]any)
		if pair, ok := m["Fn::GetAtt"].([]any); ok {
			ask(pair[0].(string), pair[1].(string))
		}
		text, _ := m["Fn::Sub"].(string)
		if list, ok := m["Fn::Sub"].([]any); ok {
			text = list[0].(string)
		}
		for _, match := range subAttribute.FindAllStringSubmatch(text, -1) {
			ask(match[1], match[2])
		}
	})
	return found
}
