package override

import (
	"cmp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"slipway/internal/suggest"
	"slipway/internal/template"
	"slipway/internal/yamlfile"
)

// What of a resource can be overridden.
const (
	propertiesKey          = "Properties"
	deletionPolicyKey      = "DeletionPolicy"
	updateReplacePolicyKey = "UpdateReplacePolicy"
	metadataKey            = "Metadata"
)

var attributeKeys = []string{propertiesKey, deletionPolicyKey, updateReplacePolicyKey, metadataKey}

// notTaken are the other things that a resource in a template has, and why they stay as they are.
var notTaken = map[string]string{
	"Type":           "a resource of another type is another resource",
	"DependsOn":      "a resource waits for what its properties refer to",
	"Condition":      "what is in a template is decided by slipway.yaml",
	"CreationPolicy": "no resource of slipway's takes one",
	"UpdatePolicy":   "no resource of slipway's takes one",
}

// places are the positions of all keys and items, by the way to them.
type places map[string]yamlfile.Position

func (p places) note(at yamlfile.Position, steps []string) { p[strings.Join(steps, "\x00")] = at }

// of is where something stands, or the nearest place above it that the file has.
func (p places) of(steps ...string) yamlfile.Position {
	for n := len(steps); n > 0; n-- {
		if at, ok := p[strings.Join(steps[:n], "\x00")]; ok {
			return at
		}
	}
	return yamlfile.Start
}

// Parse is Load for text that is already read; the file name is for the error only.
func Parse(filename string, text []byte) (Overrides, error) {
	r := &reader{Problems: yamlfile.Problems{Filename: filename}, places: places{}}
	root, ok := r.Parse(text, "it must name a template, or be deleted", "prod/ecs.yaml: {LogGroup: {Properties: {RetentionInDays: 90}}}")
	if !ok {
		return Overrides{}, r.Err()
	}
	var parts []part
	for _, file := range r.fields(root, nil) {
		for _, resource := range r.fields(file.Value, []string{file.Key}) {
			parts = append(parts, part{file.Key, resource.Key, r.resource(resource, []string{file.Key, resource.Key})})
		}
	}
	// What is said of one environment goes over what is said of all.
	slices.SortStableFunc(parts, func(a, b part) int { return strings.Count(a.file, "/") - strings.Count(b.file, "/") })
	return Overrides{filename, parts, r.places}, r.Err()
}

type reader struct {
	yamlfile.Problems
	places places
}

// fields are a mapping's keys with their values, each noted with its place.
func (r *reader) fields(node ast.Node, steps []string) []yamlfile.Field {
	o := r.Mapping(node, strings.Join(steps, "."))
	if _, isMap := node.(*ast.MappingNode); isMap && len(o.Fields) == 0 && len(steps) < 3 {
		r.Add(o.At, "%s says nothing; leave it out", cmp.Or(strings.Join(steps, "."), "the file"))
	}
	for _, f := range o.Fields {
		r.places.note(f.At, append(slices.Clone(steps), f.Key))
	}
	return o.Fields
}

func (r *reader) resource(f yamlfile.Field, steps []string) map[string]any {
	over := map[string]any{}
	for _, attribute := range r.fields(f.Value, steps) {
		why, known := notTaken[attribute.Key]
		switch {
		case known:
			r.Add(attribute.At, "%s cannot be overridden: %s", attribute.Key, why)
		case !slices.Contains(attributeKeys, attribute.Key):
			r.Add(attribute.At, "found %s below %s; a resource has %s, as in the template%s: a property stands below Properties",
				attribute.Key, f.Key, strings.Join(attributeKeys, ", "), suggest.DidYouMean(attribute.Key, attributeKeys))
		default:
			over[attribute.Key] = r.value(attribute.Value, append(slices.Clone(steps), attribute.Key))
			_, isMap := over[attribute.Key].(map[string]any)
			isMap = isMap || attribute.Key == metadataKey && over[attribute.Key] == nil
			if !isMap && (attribute.Key == propertiesKey || attribute.Key == metadataKey) {
				r.Add(yamlfile.NodePosition(attribute.Value), "%s of %s is %s; it must be a mapping", attribute.Key, f.Key, yamlfile.Describe(attribute.Value))
			}
		}
	}
	return over
}

// value is a node as data, intrinsics in their long form; the places of all that is in it are noted.
func (r *reader) value(node ast.Node, steps []string) any {
	r.look(node, steps, true)
	value, err := template.Value(node)
	if err != nil && r.Len() == 0 {
		r.Add(yamlfile.NodePosition(node), "%v", err)
	}
	return value
}

// look notes the places of all keys and items, and refuses what YAML has beyond data and intrinsics, and what takes
// something away where nothing can be taken away: in a list.
func (r *reader) look(node ast.Node, steps []string, mayBeNull bool) {
	switch node := node.(type) {
	case *ast.MappingNode:
		for _, f := range r.fields(node, steps) {
			r.look(f.Value, append(slices.Clone(steps), f.Key), mayBeNull)
		}
	case *ast.SequenceNode:
		for i, item := range node.Values {
			here := append(slices.Clone(steps), index(i))
			r.places.note(yamlfile.NodePosition(item), here)
			r.look(item, here, false)
		}
	case *ast.TagNode:
		r.tag(node, steps)
	case *ast.NullNode:
		if !mayBeNull {
			r.Add(yamlfile.NodePosition(node), "is empty; a list is replaced as a whole, so there is nothing here to take away: leave it out")
		}
	case *ast.StringNode, *ast.LiteralNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
	default:
		r.Add(yamlfile.NodePosition(node), "found %s; it has no place in a template", yamlfile.Describe(node))
	}
}

func (r *reader) tag(node *ast.TagNode, steps []string) {
	if name := node.Start.Value; name != "!Ref" && name != "!GetAtt" && name != "!Sub" {
		r.Add(yamlfile.NodePosition(node), "found %s; of the intrinsics these are taken: !Ref, !GetAtt, !Sub", name)
		return
	}
	r.look(node.Value, steps, false)
}
