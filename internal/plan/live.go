package plan

import (
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"strings"

	"slipway/internal/changes"
	"slipway/internal/cost"
	"slipway/internal/schema"
)

// Basis is what a live plan is made from.
type Basis string

// The bases, the surest first.
const (
	WholeChangeSet Basis = "change set"      // CloudFormation's over all stacks, and the templates
	RootChangeSet  Basis = "root change set" // CloudFormation's over the root alone, and the templates
	TemplatesOnly  Basis = "templates"       // those that run and the new ones, with their parameters
)

// Update is what the stacks of an environment, or the foundation, are to come to hold.
type Update struct {
	Environment string // or contract.StackFoundation
	Stack       string // CloudFormation's name of the root
	// Before is a templates folder with what runs, and After that of the new templates. Of the environment there is nothing
	// in Before where nothing of it runs.
	Before, After fs.FS
	Was, Is       map[string]string // the root's parameters
	Sets          []ChangeSet       // CloudFormation's, the root's first; none where there is none
	Region        string            // whose prices count; empty where nothing costs anything
}

// Live says what becomes of what runs. Where nothing runs yet everything is made, and nothing is at risk.
func Live(u Update) (Plan, error) {
	p := Plan{Environment: u.Environment, Stack: u.Stack, Basis: u.basis(), Risks: []Risk{}, Notes: []string{}, Changes: []Change{}}
	was, err := u.set(u.Before, u.Was)
	if err != nil {
		return p, fmt.Errorf("the templates of %s that run: %w", u.Environment, err)
	}
	is, err := u.set(u.After, u.Is)
	if err != nil {
		return p, err
	}
	found, err := u.between(was, is)
	if err != nil {
		return p, err
	}
	j := joint{changes: found}
	for _, set := range u.Sets {
		if err := u.weigh(set, is); err != nil {
			return p, err
		}
		j.add(set)
		for _, warning := range set.Warnings {
			p.note("CloudFormation warns: %s", warning)
		}
	}
	u.tell(&p, j, was, is)
	if p.Basis == RootChangeSet {
		p.note("CloudFormation made no change set of the nested stacks: what changes in them is told by templates and parameters alone")
	}
	if err := u.price(&p, len(was.Templates) > 0); err != nil {
		return p, err
	}
	if len(was.Templates) == 0 {
		p.note("nothing of it is there yet: everything is made")
		p.Risks = []Risk{}
	}
	p.sortRisks()
	return p, nil
}

// has tells whether a stack is one of those that the plan is about.
func (u Update) has(stack string) bool {
	return stack == RootOf(u.Environment) || path.Dir(stack) == u.Environment
}

// set has the stacks that the plan is about.
func (u Update) set(templates fs.FS, values map[string]string) (changes.Set, error) {
	set, err := changes.ReadSome(templates, u.has)
	set.Values = map[string]map[string]string{RootOf(u.Environment): values}
	return set, err
}

func (u Update) between(was, is changes.Set) ([]changes.Change, error) {
	found, err := changes.Between(was, is)
	if err != nil {
		return nil, err
	}
	for i := range found {
		for k := range found[i].Properties {
			u.resolve(is, &found[i].Properties[k])
		}
	}
	return found, nil
}

// resolve puts values in place of a reference to a parameter of the root that changes.
func (u Update) resolve(is changes.Set, p *changes.Property) {
	name, ok := strings.CutPrefix(p.Follows, RootOf(u.Environment)+" parameter ")
	if !ok || at(p.After, "Ref") == nil || !reflect.DeepEqual(p.Before, p.After) {
		return // a text that has the value in it would be told as a whole
	}
	p.Before, p.After = u.Was[name], u.Is[name]
	if on(at(is.Templates[RootOf(u.Environment)].Parameters[name], "NoEcho")) {
		p.Before, p.After = hidden, hidden
	}
}

// hidden stands for the value of a parameter that nobody is to see.
const hidden = "****"

// weigh takes from a change set what it only supposes: a change of which the resource's schema knows that it replaces nothing, though it says
// "conditionally"; and whatever a nested stack is given of a sibling, which CloudFormation does not know before, also where it does not say so.
func (u Update) weigh(set ChangeSet, is changes.Set) error {
	types, err := schema.Load()
	if err != nil {
		return err
	}
	given := u.given(set.Stack, is)
	for _, claim := range set.Claims {
		for i, p := range claim.Properties {
			if at(given, p.Parameter, "Fn::GetAtt") != nil {
				claim.Properties[i].Unknown = true
			}
			kind := types.Types[claim.Type]
			if p.Replacement == schema.Sometimes && kind != nil && len(p.Path) > 1 && kind.CreateOnly(p.Path[1:]...) == schema.Never {
				claim.Properties[i].Replacement = schema.Never
			}
		}
	}
	return nil
}

// given are the values that the root gives a nested stack's parameters.
func (u Update) given(stack string, is changes.Set) any {
	for id, r := range is.Templates[RootOf(u.Environment)].Resources {
		if r.Type == nestedStack && NestedIn(u.Environment, id) == stack {
			return r.Properties["Parameters"]
		}
	}
	return nil
}

// tell describes the changes and finds what is at risk in them.
func (u Update) tell(p *Plan, j joint, was, is changes.Set) {
	for _, c := range j.changes {
		d := describe(c)
		claim := j.claim(c)
		d.Guess = claim != nil && c.Action == changes.Modify && claim.guesses(c)
		if claim != nil && c.Action == changes.Modify {
			d.Properties = claim.values(d.Properties)
		}
		p.Changes = append(p.Changes, d)
		p.Risks = append(p.Risks, risks(c, resource(was, c), resource(is, c))...)
	}
}

// price works out what the environment, or the foundation, costs. The allowances that an account has are shared by all
// environments, so all are read.
func (u Update) price(p *Plan, runs bool) error {
	if u.Region == "" {
		return nil
	}
	after, err := u.costs(u.After)
	if err != nil {
		return err
	}
	p.Cost.Region = u.Region
	p.Cost.AfterLow, p.Cost.AfterHigh = rounded(after.Total(u.Environment))
	if !runs {
		return nil
	}
	before, err := u.costs(u.Before)
	if err != nil {
		return fmt.Errorf("the cost of what runs: %w", err)
	}
	p.Cost.BeforeLow, p.Cost.BeforeHigh = rounded(before.Total(u.Environment))
	p.dearer(u.Environment, before, after)
	return nil
}

func (u Update) costs(templates fs.FS) (cost.Report, error) {
	set, err := changes.Read(templates)
	if err != nil {
		return cost.Report{}, err
	}
	return cost.Read(templates, environments(set), u.Region)
}
