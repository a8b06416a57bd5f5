package plan

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"slipway/internal/changes"
	"slipway/internal/contract"
	"slipway/internal/schema"
)

// ChangeSet is what CloudFormation says that an update does to one stack.
type ChangeSet struct {
	Stack    string // as in changes.Set
	Claims   []Claim
	Warnings []string // what CloudFormation found that may go wrong
}

// Claim is what a change set says of one resource.
type Claim struct {
	LogicalID, Type string
	Action          changes.Action
	Replacement     schema.Replacement
	Retained        bool // what goes is kept in the account
	Properties      []ClaimedProperty
	HasSet          bool // of a nested stack: it has a change set of its own
}

// ClaimedProperty is a place in a resource that a change set takes for changed.
type ClaimedProperty struct {
	Path          []string // keys and indices, from "Properties" or an attribute on; as far as CloudFormation tells
	Before, After string
	Replacement   schema.Replacement
	// Unknown says that CloudFormation does not know the value before it makes the change: what another resource or a
	// sibling stack gives. It then takes it for another one, whether it is or not
	// (github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/759).
	Unknown bool
	// Parameter is the stack's parameter that brings the change; empty where that is something else.
	Parameter string
}

const nestedStack = "AWS::CloudFormation::Stack"

// basis is the surest that the change sets make.
func (u Update) basis() Basis {
	if len(u.Sets) == 0 {
		return TemplatesOnly
	}
	blind := func(c Claim) bool { return c.Type == nestedStack && c.Action != changes.Remove && !c.HasSet }
	if slices.ContainsFunc(u.Sets[0].Claims, blind) {
		return RootChangeSet
	}
	return WholeChangeSet
}

// joint is what the templates tell, joined with what CloudFormation claims.
type joint struct {
	changes []changes.Change
	claims  map[where]Claim
}

// where is a resource in a tree of stacks.
type where struct{ stack, id string }

func (j joint) claim(c changes.Change) *Claim {
	if claim, there := j.claims[where{c.Stack, c.LogicalID}]; there {
		return &claim
	}
	return nil
}

// add joins one change set. CloudFormation knows every value that exists by now, so where it finds that a resource is not
// replaced it is not, whatever the templates look like. Where it takes one for replaced it may only not know a value: then the
// templates decide.
func (j *joint) add(set ChangeSet) {
	if j.claims == nil {
		j.claims = map[where]Claim{}
	}
	for i, c := range j.changes {
		said := slices.ContainsFunc(set.Claims, func(claim Claim) bool { return claim.LogicalID == c.LogicalID })
		if c.Stack == set.Stack && !said {
			j.changes[i].Replacement, j.changes[i].Retained = schema.Never, c.Retained && c.Action == changes.Remove
		}
	}
	for _, claim := range set.Claims {
		j.claims[where{set.Stack, claim.LogicalID}] = claim
		same := func(c changes.Change) bool { return c.Stack == set.Stack && c.LogicalID == claim.LogicalID }
		if i := slices.IndexFunc(j.changes, same); i >= 0 {
			claim.correct(&j.changes[i])
		} else if !claim.empty() {
			j.changes = append(j.changes, claim.change(set.Stack))
		}
	}
	slices.SortStableFunc(j.changes, func(a, b changes.Change) int {
		return cmp.Or(strings.Compare(a.Stack, b.Stack), strings.Compare(a.LogicalID, b.LogicalID))
	})
}

// empty tells a nested stack that CloudFormation goes into without knowing why: what is in it has its own claims.
func (c Claim) empty() bool {
	known := slices.ContainsFunc(c.Properties, func(p ClaimedProperty) bool { return !p.Unknown })
	return c.Type == nestedStack && c.Action == changes.Modify && !known
}

// replacement is what the claim is sure of.
func (c Claim) replacement() (r schema.Replacement, sure bool) {
	if c.Replacement == schema.Never || len(c.Properties) == 0 {
		return c.Replacement, true
	}
	for _, p := range c.Properties {
		if !p.Unknown && p.Replacement != schema.Never {
			r = max(r, min(p.Replacement, c.Replacement))
		}
	}
	return r, r != schema.Never
}

// correct brings what the templates tell to what the claim is sure of.
func (c Claim) correct(change *changes.Change) {
	change.Action = c.Action
	if c.Action != changes.Modify {
		return
	}
	if r, sure := c.replacement(); sure {
		change.Replacement = r
	}
	change.Retained = change.Replacement != schema.Never && (change.Retained || c.Retained)
}

// change is what a claim alone tells. What it only guesses is changed in place.
func (c Claim) change(stack string) changes.Change {
	change := changes.Change{Stack: stack, LogicalID: c.LogicalID, Type: c.Type, Action: c.Action}
	if c.Action == changes.Modify {
		change.Replacement, _ = c.replacement()
		for _, p := range c.Properties {
			change.Properties = append(change.Properties, changes.Property{Path: p.Path, Before: p.Before, After: p.after(), Replacement: p.Replacement})
		}
	}
	change.Retained = c.Retained && (c.Action == changes.Remove || change.Replacement != schema.Never)
	return change
}

// guesses tells whether CloudFormation takes for replaced, or for changed at all, what is not by all that is known.
func (c Claim) guesses(change changes.Change) bool {
	if c.Replacement != schema.Never && change.Replacement == schema.Never {
		return true
	}
	known := func(p changes.Property) bool { return p.After != unknown }
	return change.Action == changes.Modify && len(change.Properties) > 0 && !slices.ContainsFunc(change.Properties, known)
}

func (p ClaimedProperty) after() string {
	if p.Unknown {
		return unknown
	}
	return p.After
}

// unknown stands for a value that CloudFormation does not know yet.
const unknown = "(known once it is made)"

// values puts the values that CloudFormation knows in place of what the templates have there, and adds what they do not tell.
func (c Claim) values(told []Property) []Property {
	for _, p := range c.Properties {
		if p.Unknown || p.Before == p.After {
			continue
		}
		path := place(p.Path)
		i := slices.IndexFunc(told, func(t Property) bool { return t.Path == path })
		if i >= 0 {
			told[i].Before, told[i].After = p.Before, p.After
		} else if !slices.ContainsFunc(told, func(t Property) bool { return below(t.Path, path) || below(path, t.Path) }) {
			told = append(told, Property{Path: path, Before: p.Before, After: p.After})
		}
	}
	slices.SortStableFunc(told, func(a, b Property) int { return strings.Compare(a.Path, b.Path) })
	return told
}

func below(path, above string) bool { return strings.HasPrefix(path, above+".") }

// NestedIn is the template of the stack that an environment's root nests under a logical id, as in changes.Set.
func NestedIn(environment, logicalID string) string {
	return path.Join(environment, strings.ToLower(logicalID))
}

// RootOf is the template of an environment's root, or of the foundation.
func RootOf(environment string) string {
	if environment == contract.StackFoundation {
		return environment
	}
	return path.Join(environment, contract.StackRoot)
}
