package cfn

import (
	"reflect"
	"slices"
	"strings"
)

// Effect is what a statement does.
type Effect string

const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// Principal names who a statement is about, by kind: AWS, CanonicalUser, Federated or Service. Everybody is {"AWS": {"*"}}.
type Principal map[string][]string

// principals are the kinds (docs.aws.amazon.com, IAM/latest/UserGuide, reference_policies_elements_principal).
var principals = [...]string{"AWS", "CanonicalUser", "Federated", "Service"}

// Condition is operator, key and values, for example {"Bool": {"aws:SecureTransport": "false"}}.
type Condition map[string]map[string]any

// Statement is one statement of a policy document. A list of one is written as a single value.
type Statement struct {
	Sid         string
	Effect      Effect
	Principal   Principal
	Action      []string
	NotAction   []string
	Resource    []string
	NotResource []string
	Condition   Condition
}

// document is what Document returns; build knows it and keeps the order of its keys.
type document []Statement

// Document is a policy document, for goformation's interface{} places. Render checks each statement: an effect, exactly
// one of Action and NotAction, not both of Resource and NotResource, a principal or a resource, and Sids that differ.
func Document(s ...Statement) any { return document(s) }

func (b *builder) document(d document) node {
	if len(d) == 0 {
		b.fault("the policy document has no statement")
	}
	statements := node{kind: listNode}
	sids := map[string]bool{}
	b.push("Statement")
	for i, s := range d {
		b.pushIndex(i)
		if s.Sid != "" && sids[s.Sid] {
			b.fault("the document has two statements with the Sid %q", s.Sid)
		}
		sids[s.Sid] = true
		statements.items = append(statements.items, b.statement(s))
		b.pop()
	}
	b.pop()
	// "The Version policy element ... must appear before the Statement element"
	// (docs.aws.amazon.com, IAM/latest/UserGuide, reference_policies_grammar).
	n := node{kind: mapNode}
	n.add("Version", textOf("2012-10-17"))
	n.add("Statement", statements)
	return n
}

func (b *builder) statement(s Statement) node {
	b.checkStatement(s)
	n := node{kind: mapNode}
	if s.Sid != "" {
		n.add("Sid", textOf(s.Sid))
	}
	n.add("Effect", node{kind: literalNode, text: string(s.Effect)})
	if len(s.Principal) > 0 {
		n.add("Principal", b.principal(s.Principal))
	}
	for _, f := range []struct {
		name   string
		values []string
	}{{"Action", s.Action}, {"NotAction", s.NotAction}, {"Resource", s.Resource}, {"NotResource", s.NotResource}} {
		if len(f.values) > 0 {
			n.add(f.name, oneOrMore(f.values))
		}
	}
	if len(s.Condition) > 0 {
		b.push("Condition")
		n.add("Condition", b.build(reflect.ValueOf(s.Condition)))
		b.pop()
	}
	return n
}

func (b *builder) checkStatement(s Statement) {
	if strings.ContainsFunc(s.Sid, func(r rune) bool { return !isAlphanumeric(r) }) {
		b.fault("the Sid %q may hold only letters and digits", s.Sid)
	}
	if s.Effect != Allow && s.Effect != Deny {
		b.fault("the statement's effect is %q: it must be Allow or Deny", s.Effect)
	}
	if (len(s.Action) > 0) == (len(s.NotAction) > 0) {
		b.fault("the statement must have exactly one of Action and NotAction")
	}
	if len(s.Resource) > 0 && len(s.NotResource) > 0 {
		b.fault("the statement has both Resource and NotResource")
	}
	if len(s.Principal) == 0 && len(s.Resource) == 0 && len(s.NotResource) == 0 {
		b.fault("the statement has neither a principal nor a resource")
	}
}

func (b *builder) principal(p Principal) node {
	n := node{kind: mapNode}
	for _, kind := range sortedKeys(p) {
		if !slices.Contains(principals[:], kind) {
			b.fault("the principal %q is none of %v", kind, principals)
		}
		if len(p[kind]) == 0 {
			b.fault("the principal %s names nobody", kind)
		}
		n.add(kind, oneOrMore(p[kind]))
	}
	return n
}

func oneOrMore(values []string) node {
	if len(values) == 1 {
		return textOf(values[0])
	}
	n := node{kind: listNode}
	for _, v := range values {
		n.items = append(n.items, textOf(v))
	}
	return n
}
