package cfn

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

type kind uint8

const (
	nullNode    kind = iota
	textNode         // text, or before check an intrinsic between marks
	literalNode      // a number or boolean, in text as it is written
	listNode         // items
	mapNode          // keys and items
	refNode          // text is the name
	attNode          // text is Resource.Attribute
	subNode          // text; keys and items are its variables
)

// node is one value of the template. Maps keep the order in which they are written.
type node struct {
	kind  kind
	text  string
	keys  []string
	items []node
}

func textOf(s string) node { return node{kind: textNode, text: s} }

// get is the value of a key, null without it.
func (n *node) get(key string) node {
	if i := slices.Index(n.keys, key); i >= 0 {
		return n.items[i]
	}
	return node{}
}

// add appends a key that the map does not have.
func (n *node) add(key string, item node) {
	n.keys = append(n.keys, key)
	n.items = append(n.items, item)
}

// set replaces the value of a key, or puts a new key before the first one that sorts behind it.
func (n *node) set(key string, item node) {
	if i := slices.Index(n.keys, key); i >= 0 {
		n.items[i] = item
		return
	}
	i := slices.IndexFunc(n.keys, func(k string) bool { return k > key })
	if i < 0 {
		i = len(n.keys)
	}
	n.keys = slices.Insert(n.keys, i, key)
	n.items = slices.Insert(n.items, i, item)
}

// place is where in the template we are, and what was found wrong so far.
type place struct {
	segments []segment
	faults   []error
}

// segment is a key, or with an empty key an index.
type segment struct {
	key   string
	index int
}

func (p *place) push(key string) { p.segments = append(p.segments, segment{key: key}) }
func (p *place) pushIndex(i int) { p.segments = append(p.segments, segment{index: i}) }
func (p *place) pop()            { p.segments = p.segments[:len(p.segments)-1] }
func (p *place) tooDeep() bool   { return len(p.segments) > maxDepth }

// path is the current place as a person would write it: Resources.Service.Properties.LoadBalancers[0].TargetGroupArn.
func (p *place) path() string {
	var b strings.Builder
	for i, s := range p.segments {
		switch {
		case s.key == "":
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case strings.ContainsFunc(s.key, func(r rune) bool { return !isAlphanumeric(r) }):
			b.WriteString("[" + strconv.Quote(s.key) + "]")
		case i > 0:
			b.WriteString("." + s.key)
		default:
			b.WriteString(s.key)
		}
	}
	return b.String()
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
