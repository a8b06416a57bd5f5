// Package override reads override.yaml, in which people write what slipway.yaml has no key for, and lays it over the
// templates: checked against the resource schemas, and refused where it would break what slipway promises.
package override

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"

	"slipway/internal/cfn"
	"slipway/internal/schema"
	"slipway/internal/stacks"
	"slipway/internal/suggest"
	"slipway/internal/yamlfile"
)

// File is the name of the file, beside slipway.yaml.
const File = "override.yaml"

// Overrides is the file as it was read. The zero value changes nothing.
type Overrides struct {
	filename string
	parts    []part
	places   places
}

// part is what the file says of one resource.
type part struct {
	file string // as written: "prod/ecs.yaml", or "ecs.yaml" for every environment's
	id   string
	over map[string]any // in the shape that the resource has in its template
}

// Result is what Apply did.
type Result struct {
	Changed  map[string][]string // logical ids by the template's path
	Warnings []string            // "override.yaml:line:column: warning: ..."
}

// Load reads the file; where there is none, nothing is changed. The error names every problem with its place.
func Load(filename string) (Overrides, error) {
	text, err := os.ReadFile(filename)
	if errors.Is(err, fs.ErrNotExist) {
		return Overrides{}, nil
	}
	if err != nil {
		return Overrides{}, fmt.Errorf("read the overrides: %w", err)
	}
	return Parse(filename, text)
}

// Apply lays the overrides over the templates. The error names every one that matches nothing, does not fit its resource
// type, refers to nothing, or would break what slipway promises; then the templates are of no use.
func (o Overrides) Apply(files []stacks.File) (Result, error) {
	result := Result{Changed: map[string][]string{}}
	if len(o.parts) == 0 {
		return result, nil
	}
	types, err := schema.Load()
	if err != nil {
		return result, err
	}
	a := applying{Problems: yamlfile.Problems{Filename: o.filename}, Overrides: o, types: types, files: files, result: &result}
	for _, p := range o.parts {
		a.part(p)
	}
	return result, a.Err()
}

// applying is one run of Apply.
type applying struct {
	yamlfile.Problems
	Overrides
	types  schema.Types
	files  []stacks.File
	result *Result
}

// part lays one resource's overrides over every template that they are for.
func (a *applying) part(p part) {
	var in []stacks.File
	for _, file := range a.files {
		if p.file == file.Path || p.file == path.Base(file.Path) {
			in = append(in, file)
		}
	}
	if len(in) == 0 {
		a.noTemplate(p)
		return
	}
	found := false
	for _, file := range in {
		if before, ok := file.Template.Resource(p.id); ok {
			a.resource(p, file, before)
			found = true
		}
	}
	if !found {
		ids := in[0].Template.IDs()
		a.Add(a.places.of(p.file, p.id), "%s has no resource %s%s (there are %s)", p.file, p.id, suggest.DidYouMean(p.id, ids), strings.Join(ids, ", "))
	}
}

func (a *applying) noTemplate(p part) {
	var paths []string
	for _, file := range a.files {
		paths = append(paths, file.Path)
	}
	a.Add(a.places.of(p.file), "there is no template %s%s (there are %s; a name without a folder means every environment's)",
		p.file, suggest.DidYouMean(asPath(p.file), paths), strings.Join(paths, ", "))
}

// asPath makes prod.ECS and prod/ecs the path that was probably meant.
func asPath(name string) string {
	return strings.ReplaceAll(strings.TrimSuffix(name, ".yaml"), ".", "/") + ".yaml"
}

// resource lays the overrides over one resource and looks at what has come of it.
func (a *applying) resource(p part, file stacks.File, before cfn.Data) {
	c := change{applying: a, part: p, file: file, kind: a.types.Types[before.Type], before: before}
	if c.kind == nil {
		a.Add(a.places.of(p.file, p.id), "%s of %s is of the type %s, whose schema slipway does not have: it cannot be overridden", p.id, file.Path, before.Type)
		return
	}
	known := a.Len()
	c.removals(p.over, nil)
	c.references(p.over, nil)
	if a.Len() > known {
		return
	}
	file.Template.Override(p.id, p.over)
	c.after, _ = file.Template.Resource(p.id)
	c.schema()
	c.policies()
	if a.Len() > known {
		return
	}
	c.promises()
	c.replacements()
	if ids := a.result.Changed[file.Path]; !slices.Contains(ids, p.id) && !reflect.DeepEqual(before, c.after) {
		a.result.Changed[file.Path] = append(ids, p.id)
	}
}

// change is one resource before and after its overrides.
type change struct {
	*applying
	part
	file          stacks.File
	kind          *schema.Type
	before, after cfn.Data
}

// add notes a problem at a place in the resource, such as Properties, Tags, 0.
func (c *change) add(steps []string, format string, args ...any) {
	where := c.file.Path + " " + c.id
	if len(steps) > 0 {
		where += "." + strings.Join(steps, ".")
	}
	c.Add(c.at(steps), "%s: %s", where, fmt.Sprintf(format, args...))
}

func (c *change) at(steps []string) yamlfile.Position {
	return c.places.of(append([]string{c.part.file, c.id}, steps...)...)
}

// removals wants what is taken away to be there, and not to be required.
func (c *change) removals(over map[string]any, steps []string) {
	for _, key := range slices.Sorted(maps.Keys(over)) {
		here := append(slices.Clone(steps), key)
		if below, ok := over[key].(map[string]any); ok {
			c.removals(below, here)
		}
		if over[key] != nil {
			continue
		}
		if _, ok := lookup(c.before, here); !ok {
			c.add(here, "there is nothing of this name to take away")
		} else if here[0] == propertiesKey && c.isRequired(here[1:]) {
			c.add(here, "is required; it can be changed, but not taken away")
		}
	}
}

func (c *change) isRequired(property []string) bool {
	above, ok := c.kind.Property(property[:len(property)-1]...)
	return ok && slices.Contains(above.Required, property[len(property)-1])
}

// schema holds the properties as they are now against the type's schema.
func (c *change) schema() {
	for _, problem := range c.kind.Check(c.after.Properties) {
		c.add(append([]string{propertiesKey}, problem.Path...), "%s", problem.Text)
	}
}

// policies wants policies that CloudFormation has
// (docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html); no type of slipway's
// can be kept as a snapshot.
func (c *change) policies() {
	for key, allowed := range map[string][]string{
		deletionPolicyKey: {"Delete", "Retain", "RetainExceptOnCreate"}, updateReplacePolicyKey: {"Delete", "Retain"},
	} {
		value, given := c.after.Attributes[key]
		text, _ := value.(string)
		if given && !slices.Contains(allowed, text) {
			c.add([]string{key}, "is %v; it must be one of %s%s", value, strings.Join(allowed, ", "), suggest.DidYouMean(text, allowed))
		}
	}
}

// replacements warns of what is fixed when the resource is made.
func (c *change) replacements() {
	below, _ := c.over[propertiesKey].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(below)) {
		c.replacement(below[key], []string{propertiesKey, key})
	}
}

func (c *change) replacement(over any, steps []string) {
	if m, ok := over.(map[string]any); ok && !schema.IsIntrinsic(over) && len(m) > 0 {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			c.replacement(m[key], append(slices.Clone(steps), key))
		}
		return
	}
	if same(c.before, c.after, steps) {
		return
	}
	does := map[schema.Replacement]string{schema.Always: "replaces it by another one", schema.Sometimes: "may replace it by another one"}[c.kind.CreateOnly(steps[1:]...)]
	if does != "" {
		at := c.at(steps)
		c.result.Warnings = append(c.result.Warnings, fmt.Sprintf("%s:%d:%d: warning: %s %s.%s is fixed when the resource is made (create-only): where %s exists already, this %s",
			c.filename, at.Line, at.Column, c.file.Path, c.id, strings.Join(steps, "."), c.id, does))
	}
}
