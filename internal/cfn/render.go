package cfn

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CloudFormation's limits (docs.aws.amazon.com, AWSCloudFormation/latest/UserGuide, cloudformation-limits).
const (
	maxResources            = 500
	maxParameters           = 200
	maxOutputs              = 200
	maxName                 = 255
	maxDescription          = 1024 // bytes, of the template and of an output
	maxParameterDescription = 4000 // characters
	maxDefault              = 4096 // bytes, of a parameter's value
	maxTemplate             = 1_000_000
)

// Render writes the template as YAML, the same bytes on every call, under the lines of header as comments. All faults are
// reported at once, each with the path of its place; then there is no YAML.
func (t *Template) Render(header string) ([]byte, error) {
	p := &place{}
	c := &checker{place: p, symbols: map[string]*symbol{}, edges: map[string][]string{}}
	t.limits(p)
	t.declare(c)
	root := node{kind: mapNode}
	root.add("AWSTemplateFormatVersion", textOf("2010-09-09"))
	if t.description != "" {
		root.add("Description", c.described("Description", t.description, len(t.description), maxDescription))
	}
	if len(t.parameters) > 0 {
		root.add("Parameters", t.parameterNodes(c))
	}
	root.add("Resources", t.resourceNodes(c))
	if len(t.outputs) > 0 {
		root.add("Outputs", t.outputNodes(c))
	}
	t.unused(c)
	c.checkHeader(header)
	if len(p.faults) > 0 {
		return nil, errors.Join(p.faults...)
	}
	out := write(header, root)
	if len(out) > maxTemplate {
		return nil, fmt.Errorf("the template has %d bytes: CloudFormation takes at most %d, split the stack", len(out), maxTemplate)
	}
	return out, nil
}

func (t *Template) limits(p *place) {
	for _, section := range []struct {
		name       string
		count, max int
	}{
		{"Resources", len(t.resources), maxResources},
		{"Parameters", len(t.parameters), maxParameters},
		{"Outputs", len(t.outputs), maxOutputs},
	} {
		if section.count > section.max {
			p.push(section.name)
			p.fault("there are %d: CloudFormation takes at most %d, split the stack", section.count, section.max)
			p.pop()
		}
	}
	if len(t.resources) == 0 {
		p.push("Resources")
		p.fault("there is none: CloudFormation takes no template without a resource")
		p.pop()
	}
}

// declare notes all names before anything refers to them.
func (t *Template) declare(c *checker) {
	c.push("Parameters")
	for _, p := range t.parameters {
		c.declare(p.Name, true)
	}
	c.pop()
	c.push("Resources")
	for _, r := range t.resources {
		c.declare(r.id, false)
	}
	c.pop()
	c.push("Outputs")
	seen := map[string]bool{}
	for _, o := range t.outputs {
		c.push(o.name)
		c.name(o.name)
		if seen[o.name] {
			c.fault("there are two outputs of this name")
		}
		seen[o.name] = true
		c.pop()
	}
	c.pop()
}

func (c *checker) declare(name string, parameter bool) {
	c.push(name)
	defer c.pop()
	c.name(name)
	switch s := c.symbols[name]; {
	case s == nil:
		c.symbols[name] = &symbol{parameter: parameter}
	case s.parameter != parameter:
		c.fault("the name is taken by a parameter and a resource")
	case parameter:
		c.fault("there are two parameters of this name")
	default:
		c.fault("there are two resources of this id")
	}
}

// name checks a logical name: letters and digits, as CloudFormation wants, and a capital first, as we do.
func (c *checker) name(s string) {
	bad := s == "" || len(s) > maxName || s[0] < 'A' || s[0] > 'Z' ||
		strings.ContainsFunc(s, func(r rune) bool { return !isAlphanumeric(r) })
	if bad {
		c.fault("%q is no logical id: it must be 1 to %d letters and digits with a capital first", s, maxName)
	}
}

// described is a description, which must not be empty nor an intrinsic.
func (c *checker) described(key, text string, size, limit int) node {
	c.push(key)
	defer c.pop()
	if text == "" {
		c.fault("is empty: say in a sentence what it is")
	}
	if size > limit {
		c.fault("is %d long: CloudFormation takes at most %d", size, limit)
	}
	c.plain(text)
	return textOf(text)
}

func (t *Template) parameterNodes(c *checker) node {
	c.push("Parameters")
	defer c.pop()
	section := node{kind: mapNode}
	for _, p := range t.parameters {
		c.push(p.Name)
		section.add(p.Name, c.parameter(p))
		c.pop()
	}
	return section
}

func (c *checker) parameter(p Parameter) node {
	n := node{kind: mapNode}
	add := func(key, text string) {
		c.push(key)
		c.plain(text)
		c.pop()
		n.add(key, textOf(text))
	}
	n.add("Description", c.described("Description", p.Description, utf8.RuneCountInString(p.Description), maxParameterDescription))
	if p.Type == "" {
		p.Type = "String"
	}
	add("Type", p.Type)
	if p.Default != nil {
		if len(*p.Default) > maxDefault {
			c.fault("the default has %d bytes: CloudFormation takes at most %d", len(*p.Default), maxDefault)
		}
		add("Default", *p.Default)
	}
	if p.AllowedPattern != "" {
		add("AllowedPattern", p.AllowedPattern)
	}
	if p.ConstraintDescription != "" {
		add("ConstraintDescription", p.ConstraintDescription)
	}
	return n
}

func (t *Template) resourceNodes(c *checker) node {
	c.push("Resources")
	defer c.pop()
	b := &builder{place: c.place, shapes: map[reflect.Type]*shape{}}
	section := node{kind: mapNode}
	var ids []string
	for _, r := range t.resources {
		c.push(r.id)
		if isNil(r.resource) {
			c.fault("the resource is nil")
		} else {
			c.current = r.id
			section.add(r.id, c.resource(t.overridden(r.id, b.resource(r.resource))))
			ids = append(ids, r.id)
		}
		c.pop()
	}
	c.current = ""
	c.cycles(ids)
	for _, id := range sortedKeys(t.overrides) {
		if s := c.symbols[id]; s == nil || s.parameter {
			c.fault("%q is overridden and no resource of this template", id)
		}
	}
	return section
}

// resource checks the attributes of a resource and puts them into order.
func (c *checker) resource(n node) node {
	ordered := node{kind: mapNode, keys: make([]string, 0, len(n.keys)), items: make([]node, 0, len(n.items))}
	for _, name := range attributes {
		i := slices.Index(n.keys, name)
		if i < 0 || name == "Properties" && len(n.items[i].items) == 0 {
			continue
		}
		c.push(name)
		item := n.items[i]
		c.attribute(name, &item)
		c.pop()
		ordered.add(name, item)
	}
	for _, name := range n.keys {
		if !slices.Contains(attributes[:], name) {
			c.fault("the resource has the attribute %s: what varies is decided when generating", name)
		}
	}
	return ordered
}

func (c *checker) attribute(name string, n *node) {
	switch name {
	case "DependsOn":
		c.dependsOn(n)
	case "Type", "DeletionPolicy", "UpdateReplacePolicy":
		if text, ok := parseMark(n.text); ok && text.kind == textNode {
			*n = text
		}
		if n.kind != textNode || n.text == "" {
			c.fault("must be a text")
		}
		c.plain(n.text)
	case "Metadata":
		c.value(n, true)
	default:
		c.value(n, false)
	}
}

// dependsOn checks the ids and writes a list of one as a single value.
func (c *checker) dependsOn(n *node) {
	if n.kind == textNode {
		*n = node{kind: listNode, items: []node{*n}}
	}
	seen := map[string]bool{}
	for _, item := range n.items {
		s := c.symbols[item.text]
		switch {
		case item.kind != textNode || isIntrinsicText(item.text):
			c.fault("must name resources: use Handle.ID()")
		case s == nil || s.parameter:
			c.fault("names %q, which is no resource of this template", item.text)
		case seen[item.text]:
			c.fault("names %q twice", item.text)
		default:
			c.edge(item.text)
		}
		seen[item.text] = true
	}
	if n.kind != listNode || len(n.items) == 0 {
		c.fault("must name resources: use Handle.ID()")
	} else if len(n.items) == 1 {
		*n = n.items[0]
	}
}

func (t *Template) outputNodes(c *checker) node {
	c.push("Outputs")
	defer c.pop()
	section := node{kind: mapNode}
	for _, o := range t.outputs {
		c.push(o.name)
		n := node{kind: mapNode}
		n.add("Description", c.described("Description", o.description, len(o.description), maxDescription))
		value := textOf(o.value)
		c.push("Value")
		c.value(&value, false)
		c.pop()
		n.add("Value", value)
		section.add(o.name, n)
		c.pop()
	}
	return section
}

func (t *Template) unused(c *checker) {
	c.push("Parameters")
	defer c.pop()
	for _, p := range t.parameters {
		if s := c.symbols[p.Name]; s.parameter && !s.used {
			c.push(p.Name)
			c.fault("nothing uses the parameter")
			c.pop()
		}
	}
}

// checkHeader keeps the comment a comment: no character in it may end the line for a YAML parser.
func (c *checker) checkHeader(header string) {
	c.push("header")
	defer c.pop()
	if strings.ContainsFunc(header, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) || !utf8.ValidString(header) {
		c.fault("%q holds a character that cannot be printed", header)
	}
}
