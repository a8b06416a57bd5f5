package iampolicy

import (
	"fmt"
	"slices"
	"strings"
)

// Request is one action on one resource. An action that takes several resources is one request for each. A resource is an
// ARN, or "*" for an action that takes none.
type Request struct {
	Action, Resource string
	Context          map[string][]string // condition keys and their values; a key that is not there is not in the request
}

func (r Request) String() string {
	return fmt.Sprintf("%s on %s %v", r.Action, r.Resource, r.Context)
}

// Allowed says whether the policies together allow a request: one statement allows it, and none denies it.
func Allowed(r Request, policies ...Document) bool {
	allowed := false
	for _, d := range policies {
		for _, s := range d.Statement {
			if !s.matches(r) {
				continue
			}
			if s.Effect == Deny {
				return false
			}
			allowed = true
		}
	}
	return allowed
}

// Matching are the indices of the statements that speak of a request, whether they allow or deny it.
func (d Document) Matching(r Request) []int {
	var list []int
	for i, s := range d.Statement {
		if s.matches(r) {
			list = append(list, i)
		}
	}
	return list
}

func (s Statement) matches(r Request) bool {
	named := func(pattern string) bool { return matches(pattern, r.Action, equalFold) } // an action's case does not count
	action := slices.ContainsFunc(s.Action, named)
	if len(s.NotAction) > 0 {
		action = !slices.ContainsFunc(s.NotAction, named)
	}
	if !action {
		return false
	}
	resource := anyMatches(s.Resource, r.Resource)
	if len(s.NotResource) > 0 {
		resource = !anyMatches(s.NotResource, r.Resource)
	}
	return resource && s.Condition.holds(r.Context)
}

func anyMatches(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return Matches(p, text) })
}

// Matches says whether a text fits a pattern, in which "*" stands for any text and "?" for one character.
func Matches(pattern, text string) bool {
	return matches(pattern, text, func(a, b byte) bool { return a == b })
}

// equalFold compares letters without their case, as far as names of actions have them.
func equalFold(a, b byte) bool {
	lower := func(c byte) byte {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}
	return lower(a) == lower(b)
}

func matches(pattern, text string, same func(a, b byte) bool) bool {
	star, again := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, again = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || same(pattern[p], text[t])):
			p, t = p+1, t+1
		case star >= 0:
			again++
			p, t = star+1, again
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// holds says whether every key under every operator fits.
func (c Condition) holds(context map[string][]string) bool {
	for name, keys := range c {
		operator, err := parseOperator(name)
		if err != nil {
			return false
		}
		for key, wanted := range keys {
			values, there := lookUp(context, key)
			if !operator.holds(values, there, wanted) {
				return false
			}
		}
	}
	return true
}

// lookUp finds a key: their names are not case-sensitive.
func lookUp(context map[string][]string, key string) (values []string, there bool) {
	for name, values := range context {
		if strings.EqualFold(name, key) {
			return values, true
		}
	}
	return nil, false
}

// operator is a condition operator in its parts
// (docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
type operator struct {
	set      string // "", ForAllValues or ForAnyValue
	fits     func(wanted, value string) bool
	null     bool // Null: whether the key is there at all
	negated  bool // of StringNotEquals and its like: none of the wanted may fit
	ifExists bool
}

var comparisons = map[string]operator{
	"ArnEquals":                 {fits: arnMatches},
	"ArnLike":                   {fits: arnMatches},
	"ArnNotEquals":              {fits: arnMatches, negated: true},
	"ArnNotLike":                {fits: arnMatches, negated: true},
	"Bool":                      {fits: strings.EqualFold},
	"Null":                      {null: true},
	"StringEquals":              {fits: equal},
	"StringEqualsIgnoreCase":    {fits: strings.EqualFold},
	"StringLike":                {fits: Matches},
	"StringNotEquals":           {fits: equal, negated: true},
	"StringNotEqualsIgnoreCase": {fits: strings.EqualFold, negated: true},
	"StringNotLike":             {fits: Matches, negated: true},
}

func equal(wanted, value string) bool { return wanted == value }

// arnMatches compares part by part: a "*" does not reach over a colon, but for the last of the six parts.
func arnMatches(pattern, arn string) bool {
	wanted, got := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	if len(wanted) != len(got) {
		return false
	}
	for i := range wanted {
		if !Matches(wanted[i], got[i]) {
			return false
		}
	}
	return true
}

func parseOperator(name string) (operator, error) {
	base := name
	set, rest, found := strings.Cut(name, ":")
	if found {
		base = rest
	} else {
		set = ""
	}
	base, ifExists := strings.CutSuffix(base, "IfExists")
	o, known := comparisons[base]
	if !known || (found && set != "ForAllValues" && set != "ForAnyValue") {
		return operator{}, fmt.Errorf("the condition operator %s is not known here", name)
	}
	o.set, o.ifExists = set, ifExists
	return o, nil
}

func (o operator) holds(values []string, there bool, wanted []string) bool {
	fits := func(value string) bool {
		found := slices.ContainsFunc(wanted, func(w string) bool { return o.fits(w, value) })
		return found != o.negated
	}
	switch {
	case o.null:
		return slices.Contains(wanted, fmt.Sprint(!there))
	case o.set == "ForAllValues":
		return !slices.ContainsFunc(values, func(v string) bool { return !fits(v) })
	case !there:
		return o.ifExists || (o.negated && o.set == "")
	default:
		return slices.ContainsFunc(values, fits)
	}
}
