package cfn

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxKey, in bytes as written, keeps below the 1024 characters within which YAML parsers look for the colon behind a key.
const maxKey = 1000

// maxEscaped is the most bytes that one byte of text can take when written, "\x7F" for example.
const maxEscaped = 4

// pseudoParameters are the Refs that need no declaration (docs.aws.amazon.com,
// AWSCloudFormation/latest/UserGuide, pseudo-parameter-reference).
var pseudoParameters = [...]string{
	"AWS::AccountId", "AWS::NoValue", "AWS::NotificationARNs", "AWS::Partition", "AWS::Region", "AWS::StackId",
	"AWS::StackName", "AWS::URLSuffix",
}

// PseudoParameters are the names that a Ref takes in every template.
func PseudoParameters() []string { return pseudoParameters[:] }

// notInSub are a list and nothing at all: neither can be part of a text.
var notInSub = [...]string{"AWS::NoValue", "AWS::NotificationARNs"}

// checker goes over finished nodes: it turns marked text into intrinsics, refuses what must not be in a template, and
// notes who refers to whom.
type checker struct {
	*place
	symbols map[string]*symbol
	// current is the resource being checked; edges are the resources that each resource names.
	current string
	edges   map[string][]string
}

// symbol is a declared parameter or resource.
type symbol struct {
	parameter bool
	used      bool
}

// value checks n and all below it; texts may be intrinsics, and empty only if emptyOK.
func (c *checker) value(n *node, emptyOK bool) {
	switch n.kind {
	case nullNode:
		c.fault("is null, as goformation writes a required property that was not set: set it")
	case textNode:
		c.text(n, emptyOK)
	case listNode:
		for i := range n.items {
			c.pushIndex(i)
			c.value(&n.items[i], emptyOK)
			c.pop()
		}
	case mapNode:
		for i, key := range n.keys {
			c.key(key, len(n.keys))
			c.push(key)
			c.value(&n.items[i], emptyOK)
			c.pop()
		}
	}
}

func (c *checker) text(n *node, emptyOK bool) {
	if intrinsic, ok := parseMark(n.text); ok {
		*n = intrinsic
		c.intrinsic(n)
		return
	}
	if n.text == "" && !emptyOK {
		c.fault("is empty, as goformation writes a required property that was not set: set it")
	}
	c.plain(n.text)
}

// plain checks text that cannot be an intrinsic.
func (c *checker) plain(s string) {
	switch {
	case !utf8.ValidString(s):
		c.fault("the text %q is not valid UTF-8", s)
	case isIntrinsicText(s):
		c.fault("an intrinsic stands inside other text or where none is allowed: use Sub around the whole text, or the plain name")
	case strings.Contains(s, mark):
		c.fault("the text %q holds a NUL character", s)
	case isGoformation(s):
		c.fault("the text %q holds an intrinsic of goformation's own: use this package's", s)
	}
}

func (c *checker) key(key string, of int) {
	switch {
	case key == "":
		c.fault("a key of the map is empty")
	case isIntrinsicText(key):
		c.fault("an intrinsic stands in a key of the map: keys are decided when generating")
	case key == "Ref" && of == 1, strings.HasPrefix(key, "Fn::"):
		c.fault("the map is an intrinsic written out (%s): use this package's", key)
	default:
		c.plain(key)
		if len(key) > maxKey/maxEscaped && len(oneLine(key)) > maxKey {
			c.fault("a key of the map is longer than %d bytes: %.40q...", maxKey, key)
		}
	}
}

// goformationPrefixes are the base64 of `{ "Ref` and `{ "Fn:`, with which goformation's own intrinsics start.
var goformationPrefixes = [...]string{"eyAiUmVm", "eyAiRm46"}

// isGoformation finds what goformation's own Ref, Sub and so on return, also inside other text, and any whole text that
// goformation would decode to an intrinsic.
func isGoformation(s string) bool {
	for _, prefix := range goformationPrefixes {
		if strings.Contains(s, prefix) {
			return true
		}
	}
	if !strings.HasPrefix(s, "e") { // the first sextet of "{"
		return false
	}
	decoded, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return false
	}
	key := bytes.TrimLeft(bytes.TrimPrefix(decoded, []byte("{")), " \t\r\n")
	return bytes.HasPrefix(key, []byte(`"Ref"`)) || bytes.HasPrefix(key, []byte(`"Fn::`))
}

func (c *checker) intrinsic(n *node) {
	switch n.kind {
	case refNode:
		c.ref(n.text)
	case attNode:
		c.att(n.text)
	case subNode:
		c.sub(n)
	case textNode:
		c.plain(n.text)
		if strings.Contains(n.text, "{{resolve:") {
			c.fault("the text %q holds a dynamic reference, which CloudFormation would resolve: leave it out", n.text)
		}
	}
}

func (c *checker) ref(name string) {
	if slices.Contains(pseudoParameters[:], name) {
		return
	}
	s := c.symbols[name]
	switch {
	case s == nil:
		c.fault("Ref names %q, which is no parameter or resource of this template", name)
	case s.parameter:
		s.used = true
	default:
		c.edge(name)
	}
}

// edge notes that the current resource needs another one.
func (c *checker) edge(id string) {
	if c.current != "" && !slices.Contains(c.edges[c.current], id) {
		c.edges[c.current] = append(c.edges[c.current], id)
	}
}

func (c *checker) att(name string) {
	id, attribute, _ := strings.Cut(name, ".")
	s := c.symbols[id]
	switch {
	case !isSubName(attribute):
		c.fault("GetAtt of %q has the attribute %q, which cannot be a name", id, attribute)
	case s == nil || s.parameter:
		c.fault("GetAtt names %q, which is no resource of this template", id)
	default:
		c.edge(id)
	}
}

func (c *checker) sub(n *node) {
	c.plain(n.text)
	names, fault := SubNames(n.text)
	if fault != "" {
		c.fault("%s", fault)
	}
	if fault == "" && len(names) == 0 {
		c.fault("the Sub text %q names nothing: write it as plain text", n.text)
	}
	for i, variable := range n.keys {
		if !slices.Contains(names, variable) {
			c.fault("the Sub text does not use the variable %q", variable)
		}
		c.push(variable)
		c.value(&n.items[i], false)
		c.pop()
	}
	for _, name := range names {
		switch {
		case slices.Contains(n.keys, name):
		case slices.Contains(notInSub[:], name):
			c.fault("Sub names %s, which is no text", name)
		case strings.Contains(name, "."):
			c.att(name)
		default:
			c.ref(name)
		}
	}
}

// cycles reports each resource that needs itself, by way of others or not.
func (c *checker) cycles(ids []string) {
	done := map[string]bool{}
	var trail []string
	var visit func(id string)
	visit = func(id string) {
		if i := slices.Index(trail, id); i >= 0 {
			c.push(id)
			c.fault("the resource depends on itself: %s", strings.Join(append(slices.Clone(trail[i:]), id), " -> "))
			c.pop()
			return
		}
		if done[id] {
			return
		}
		trail = append(trail, id)
		for _, next := range c.edges[id] {
			visit(next)
		}
		trail = trail[:len(trail)-1]
		done[id] = true
	}
	for _, id := range ids {
		visit(id)
	}
}
