// Package iampolicy reads and writes IAM policy documents and evaluates them: whether a request is allowed, as
// docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html says for identity policies.
package iampolicy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Effect is what a statement does.
type Effect string

const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// Document is a policy document of version 2012-10-17.
type Document struct{ Statement []Statement }

// Statement is one statement. Exactly one of Action and NotAction is there; Principal only in trust and resource policies.
type Statement struct {
	Sid          string
	Effect       Effect
	Principal    map[string][]string // kind to names; everybody, written "*", is {"*": {"*"}}
	NotPrincipal map[string][]string
	Action       []string
	NotAction    []string
	Resource     []string
	NotResource  []string
	Condition    Condition
}

// Condition is operator, key and values, for example {"Bool": {"aws:SecureTransport": {"false"}}}.
type Condition map[string]map[string][]string

// Parse reads a document. It refuses what this package cannot evaluate: an unknown member or condition operator, a
// policy variable.
func Parse(text []byte) (Document, error) {
	var raw struct {
		Version, ID string
		Statement   oneOrMore[struct {
			Sid                     string
			Effect                  Effect
			Principal, NotPrincipal principal
			Action, NotAction       oneOrMore[string]
			Resource, NotResource   oneOrMore[string]
			Condition               map[string]map[string]oneOrMore[scalar]
		}]
	}
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&raw); err != nil {
		return Document{}, fmt.Errorf("read the policy document: %w", err)
	}
	if raw.Version != "2012-10-17" {
		return Document{}, fmt.Errorf("read the policy document: its version is %q, want 2012-10-17", raw.Version)
	}
	var d Document
	for _, r := range raw.Statement {
		s := Statement{Sid: r.Sid, Effect: r.Effect, Principal: r.Principal, NotPrincipal: r.NotPrincipal, Action: r.Action, NotAction: r.NotAction,
			Resource: r.Resource, NotResource: r.NotResource}
		for operator, keys := range r.Condition {
			for key, values := range keys {
				s.addCondition(operator, key, values)
			}
		}
		if err := s.check(); err != nil {
			return Document{}, fmt.Errorf("statement %q: %w", s.Sid, err)
		}
		d.Statement = append(d.Statement, s)
	}
	return d, nil
}

func (s *Statement) addCondition(operator, key string, values []scalar) {
	if s.Condition == nil {
		s.Condition = Condition{}
	}
	if s.Condition[operator] == nil {
		s.Condition[operator] = map[string][]string{}
	}
	for _, v := range values {
		s.Condition[operator][key] = append(s.Condition[operator][key], string(v))
	}
}

func (s Statement) check() error {
	if s.Effect != Allow && s.Effect != Deny {
		return fmt.Errorf("its effect is %q, want Allow or Deny", s.Effect)
	}
	if (len(s.Action) > 0) == (len(s.NotAction) > 0) {
		return fmt.Errorf("it must have exactly one of Action and NotAction")
	}
	for operator := range s.Condition {
		if _, err := parseOperator(operator); err != nil {
			return err
		}
	}
	for _, resource := range slices.Concat(s.Resource, s.NotResource) {
		if strings.Contains(resource, "${") {
			return fmt.Errorf("the resource %s has a policy variable, which cannot be evaluated here", resource)
		}
	}
	return nil
}

// MarshalJSON writes the members in the order in which AWS's documents have them, and a list of one as its member.
func (d Document) MarshalJSON() ([]byte, error) {
	type statement struct {
		Sid          string `json:",omitempty"`
		Effect       Effect
		Principal    principal                 `json:",omitempty"`
		NotPrincipal principal                 `json:",omitempty"`
		Action       oneOrMore[string]         `json:",omitempty"`
		NotAction    oneOrMore[string]         `json:",omitempty"`
		Resource     oneOrMore[string]         `json:",omitempty"`
		NotResource  oneOrMore[string]         `json:",omitempty"`
		Condition    map[string]map[string]any `json:",omitempty"`
	}
	var list []statement
	for _, s := range d.Statement {
		out := statement{s.Sid, s.Effect, s.Principal, s.NotPrincipal, s.Action, s.NotAction, s.Resource, s.NotResource, nil}
		for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
			if out.Condition == nil {
				out.Condition = map[string]map[string]any{}
			}
			out.Condition[operator] = map[string]any{}
			for key, values := range s.Condition[operator] {
				out.Condition[operator][key] = oneOrMore[string](values)
			}
		}
		list = append(list, out)
	}
	return json.Marshal(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", list})
}

// Size is the document's length in characters without white space, which is what IAM's limits count
// (docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
func (d Document) Size() int {
	text, err := json.Marshal(d)
	if err != nil {
		return 0
	}
	return len(strings.Join(strings.Fields(string(text)), ""))
}

// Without is the document less its i-th statement, from 0.
func (d Document) Without(i int) Document {
	return Document{slices.Delete(slices.Clone(d.Statement), i, i+1)}
}

// oneOrMore is a list of which JSON writes a single member without brackets.
type oneOrMore[T any] []T

func (l *oneOrMore[T]) UnmarshalJSON(text []byte) error {
	in := json.NewDecoder(bytes.NewReader(text)) // strictness does not reach here by itself
	in.DisallowUnknownFields()
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		return in.Decode((*[]T)(l))
	}
	*l = make(oneOrMore[T], 1)
	return in.Decode(&(*l)[0])
}

func (l oneOrMore[T]) MarshalJSON() ([]byte, error) {
	if len(l) == 1 {
		return marshal(l[0])
	}
	return marshal([]T(l))
}

// marshal writes no \u003c in place of characters that are special to HTML alone.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	err := out.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// scalar is a condition's value, which may be written as text, number or boolean.
type scalar string

func (s *scalar) UnmarshalJSON(text []byte) error {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	switch v.(type) {
	case string, float64, bool:
		*s = scalar(fmt.Sprint(v))
		return nil
	}
	return fmt.Errorf("the condition's value %s is neither text, number nor boolean", text)
}

// principal is who a statement is about, by kind.
type principal map[string][]string

func (p *principal) UnmarshalJSON(text []byte) error {
	if string(text) == `"*"` {
		*p = principal{"*": {"*"}}
		return nil
	}
	var kinds map[string]oneOrMore[string]
	if err := json.Unmarshal(text, &kinds); err != nil {
		return err
	}
	*p = principal{}
	for kind, names := range kinds {
		(*p)[kind] = names
	}
	return nil
}

func (p principal) MarshalJSON() ([]byte, error) {
	if len(p["*"]) > 0 {
		return []byte(`"*"`), nil
	}
	kinds := map[string]oneOrMore[string]{}
	for kind, names := range p {
		kinds[kind] = names
	}
	return json.Marshal(kinds)
}
