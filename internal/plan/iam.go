package plan

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"slipway/internal/template"
)

// grant is one of what a statement allows or denies: a principal, an action, a resource, under a condition.
type grant struct {
	principal, action, resource string
	condition                   any
}

// documents are the policy documents of a resource that say what may be done; trust is not among them.
func documents(r template.Resource) []any {
	var found []any
	for _, key := range []string{"PolicyDocument", "KeyPolicy", "RepositoryPolicyText"} {
		if r.Properties[key] != nil {
			found = append(found, r.Properties[key])
		}
	}
	for _, policy := range list(r.Properties["Policies"]) {
		found = append(found, at(policy, "PolicyDocument"))
	}
	return found
}

func grants(r template.Resource, effect string) []grant {
	var found []grant
	for _, document := range documents(r) {
		for _, statement := range either(at(document, "Statement")) {
			if at(statement, "Effect") == effect {
				found = append(found, grantsOf(statement)...)
			}
		}
	}
	return found
}

func grantsOf(statement any) []grant {
	var found []grant
	for _, principal := range principals(statement) {
		for _, action := range members(statement, "Action") {
			for _, resource := range members(statement, "Resource") {
				found = append(found, grant{principal, action, resource, at(statement, "Condition")})
			}
		}
	}
	return found
}

// members are those of a list such as Action; the whole of NotAction is one.
func members(statement any, key string) []string {
	if not := at(statement, "Not"+key); not != nil {
		return []string{"all but " + text(not)}
	}
	var found []string
	for _, one := range either(at(statement, key)) {
		found = append(found, text(one))
	}
	if found == nil {
		return []string{""} // a trust or repository policy has no resource
	}
	return found
}

func principals(statement any) []string {
	byKind, ok := at(statement, "Principal").(map[string]any)
	if !ok {
		return members(statement, "Principal")
	}
	var found []string
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		for _, one := range either(byKind[kind]) {
			if kind == "AWS" && one == "*" {
				found = append(found, "*") // the same as everybody
				continue
			}
			found = append(found, kind+" "+text(one))
		}
	}
	return found
}

// covers tells whether a grant holds wherever another does. It may say no where that cannot be told from the text.
func (g grant) covers(other grant) bool {
	for _, operator := range slices.Sorted(maps.Keys(mapping(g.condition))) {
		for key, value := range mapping(at(g.condition, operator)) {
			if !reflect.DeepEqual(at(other.condition, operator, key), value) {
				return false
			}
		}
	}
	return matches(g.principal, other.principal) && matches(strings.ToLower(g.action), strings.ToLower(other.action)) && matches(g.resource, other.resource)
}

func mapping(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// matches tells whether a pattern with * takes in a text, which may be a pattern too. What has "all but" is compared whole.
func matches(pattern, text string) bool {
	if pattern == text || pattern == "*" {
		return true
	}
	if strings.HasPrefix(pattern, "all but ") || strings.HasPrefix(text, "all but ") || !strings.Contains(pattern, "*") {
		return false
	}
	quoted := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
	return regexp.MustCompile(`(?s)^` + quoted + `$`).MatchString(text)
}

// beyond are the grants that none of the others covers.
func beyond(grants, others []grant) []grant {
	return slices.DeleteFunc(slices.Clone(grants), func(g grant) bool {
		return slices.ContainsFunc(others, func(o grant) bool { return o.covers(g) })
	})
}

// widening is what somebody may do now and could not before.
func widening(was, is template.Resource) []string {
	var found []string
	for _, g := range beyond(grants(is, "Allow"), grants(was, "Allow")) {
		found = append(found, "allows "+g.String())
	}
	// A bucket's or topic's own policy goes with it: what it denied matters to nobody. A policy of roles may go alone.
	if is.Type != "" || strings.HasPrefix(was.Type, "AWS::IAM::") && was.Type != "AWS::IAM::Role" {
		for _, g := range beyond(grants(was, "Deny"), grants(is, "Deny")) {
			found = append(found, "no longer denies "+g.String())
		}
	}
	for _, key := range []string{"ManagedPolicyArns", "Roles", "Users", "Groups"} {
		if !strings.HasPrefix(is.Type, "AWS::IAM::") {
			break
		}
		for _, one := range list(is.Properties[key]) {
			if !slices.ContainsFunc(list(was.Properties[key]), func(o any) bool { return reflect.DeepEqual(o, one) }) {
				found = append(found, fmt.Sprintf("%s has %s", key, intrinsic.Replace(text(one))))
			}
		}
	}
	if is.Type != "AWS::IAM::Role" {
		return shortened(found)
	}
	if trust, before := is.Properties["AssumeRolePolicyDocument"], was.Properties["AssumeRolePolicyDocument"]; before == nil {
		found = append(found, "is a new role")
	} else if !reflect.DeepEqual(trust, before) {
		found = append(found, "who may assume it changes")
	}
	boundary, before := is.Properties["PermissionsBoundary"], was.Properties["PermissionsBoundary"]
	switch {
	case was.Type == "" && boundary == nil:
		found = append(found, "has no boundary")
	case before != nil && !reflect.DeepEqual(boundary, before): // one where there was none takes rights away
		found = append(found, fmt.Sprintf("its boundary was %s and is %s", intrinsic.Replace(text(before)), orNone(intrinsic.Replace(text(boundary)))))
	}
	return shortened(found)
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// most is how many things a line tells before it counts the rest.
const most = 3

func shortened(found []string) []string {
	if len(found) <= most {
		return found
	}
	return append(found[:most:most], fmt.Sprintf("and %d more", len(found)-most))
}

// intrinsic takes what a person need not read off an intrinsic: {"Ref":"X"} is X, {"Fn::GetAtt":["X","Arn"]} is X.Arn.
var intrinsic = strings.NewReplacer(`{"Fn::Sub":"`, "", `{"Ref":"`, "", `{"Fn::GetAtt":["`, "", `","`, ".", `"]}`, "", `"}`, "")

func (g grant) String() string {
	words := g.action
	if g.resource != "" {
		words += " on " + intrinsic.Replace(g.resource)
	}
	if g.principal != "" {
		words += " to " + intrinsic.Replace(g.principal)
	}
	if g.condition != nil {
		words += " under a condition"
	}
	return words
}

// anybody is what a resource's own policy allows to everybody, and did not.
func anybody(was, is template.Resource) []string {
	var found []string
	for _, g := range beyond(grants(is, "Allow"), grants(was, "Allow")) {
		if g.principal == "*" && g.condition == nil {
			found = append(found, "allows anybody "+g.action)
		}
	}
	return shortened(found)
}
