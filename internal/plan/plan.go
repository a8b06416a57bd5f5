// Package plan says what a deployment of other templates would do, resource by resource, and above that the few things
// that matter. It compares two sets of templates and asks nobody on AWS: what somebody changed by hand there it cannot know.
package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"slipway/internal/changes"
	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/cost"
	"slipway/internal/schema"
	"slipway/internal/template"
)

// Side is one of the two that are compared.
type Side struct {
	Templates fs.FS          // a templates folder
	Config    *config.Config // what its parameters are given from; nil where that is not known
}

// Plan is what becomes of the stacks.
type Plan struct {
	Against string `json:"against,omitempty" doc:"with --against: the git ref that was named"`
	// Environment, Stack and Basis are those of a live plan.
	Environment string   `json:"environment,omitempty" doc:"without --against: which environment it is about, or foundation"`
	Stack       string   `json:"stack,omitempty" doc:"without --against: CloudFormation's name of its stack, with those nested in it"`
	Basis       Basis    `json:"basis,omitempty" doc:"without --against: change set (CloudFormation's own, of all stacks, and the templates), root change set (those nested are known by their templates alone) or templates (those that run and the new ones)"`
	Over        *Over    `json:"over,omitempty" doc:"without --against: the environment's release when the plan was made, whose place this takes"`
	Risks       []Risk   `json:"risks" doc:"what matters, by kind and name; empty where nothing was found"`
	Notes       []string `json:"notes" doc:"what the comparison cannot tell, or leaves out"`
	Cost        Cost     `json:"cost" doc:"before traffic: with --against of all environments and the foundation together, else of what the plan is about"`
	Changes     []Change `json:"changes" doc:"by stack and logical id"`
}

// Over is the release that a plan was made over.
type Over struct {
	Number int    `json:"number" doc:"its number"`
	ByHand string `json:"byHand,omitempty" doc:"who made it, where no run of the pipeline did"`
}

// Risk is one thing that matters.
type Risk struct {
	Name string `json:"name" doc:"kind, environment, stack and logical id, such as replace:prod.ECS.TargetGroup or iam:foundation.ImageRole; of cost the environment alone, cost:prod; the same in every plan"`
	Kind Kind   `json:"kind" doc:"drift, replace, loss, downtime, exposure, iam or cost"`
	Text string `json:"text" doc:"what happens, for a person"`
}

// Kind is what is at risk.
type Kind string

// The kinds, in the order in which they are shown.
const (
	Drift    Kind = "drift"    // what runs is not what the newest release tells, and is taken back
	Replace  Kind = "replace"  // of something that cannot be made again just so
	Loss     Kind = "loss"     // by removal, or once it is removed
	Downtime Kind = "downtime" // the service does not answer for a while, or no longer under its name
	Exposure Kind = "exposure" // something can be reached from the internet that could not
	IAM      Kind = "iam"      // somebody may do more
	Costs    Kind = "cost"     // it costs more
)

var kinds = []Kind{Drift, Replace, Loss, Downtime, Exposure, IAM, Costs}

// Cost is what both sides cost a month, in USD, at the lowest and highest number of tasks.
type Cost struct {
	Region     string  `json:"region" doc:"whose prices these are; empty where nothing costs anything, as with --local"`
	BeforeLow  float64 `json:"beforeLow" doc:"USD a month before the change, with the fewest tasks"`
	BeforeHigh float64 `json:"beforeHigh" doc:"the same with the most tasks"`
	AfterLow   float64 `json:"afterLow" doc:"USD a month after the change, with the fewest tasks"`
	AfterHigh  float64 `json:"afterHigh" doc:"the same with the most tasks"`
}

// Change is what happens to one resource.
type Change struct {
	Stack      string     `json:"stack" doc:"its template, such as prod/ecs.yaml"`
	LogicalID  string     `json:"logicalId" doc:"its logical id"`
	Type       string     `json:"type" doc:"such as AWS::ECS::Service"`
	Action     string     `json:"action" doc:"add, modify, replace, perhaps replace (it depends on what AWS finds) or remove"`
	Retained   bool       `json:"retained" doc:"what goes, by removal or replacement, is kept in the account"`
	Guess      bool       `json:"guess,omitempty" doc:"CloudFormation takes it for changed, or for replaced, only because it does not know a value yet; by the templates it is not"`
	Properties []Property `json:"properties" doc:"what differs, where it is modified or replaced"`
}

// Property is a place in a resource that differs.
type Property struct {
	Path    string `json:"path" doc:"such as LoadBalancerAttributes.0.Value"`
	Before  string `json:"before" doc:"the value as text, one that is no text as JSON; empty where there is none"`
	After   string `json:"after" doc:"the same after the change"`
	Follows string `json:"follows,omitempty" doc:"the resource or parameter whose change brings this one, the template being as it was"`
}

// Make compares two sides with the prices of a Region.
func Make(against string, before, after Side, region string) (Plan, error) {
	p := Plan{Against: against, Risks: []Risk{}, Notes: []string{}, Changes: []Change{}}
	was, err := before.set()
	if err != nil {
		return p, fmt.Errorf("%s: %w", against, err)
	}
	is, err := after.set()
	if err != nil {
		return p, err
	}
	if err := p.price(before, environments(was), after, environments(is), region); err != nil {
		return p, err
	}
	if before.Config == nil {
		p.note("%s of %s cannot be read by this version: what it gives as parameters (a VPC, a hosted zone, a certificate) is taken to be the same", config.File, against)
	}
	p.leave(&was, is)
	found, err := changes.Between(was, is)
	if err != nil {
		return p, err
	}
	for _, c := range found {
		p.Changes = append(p.Changes, describe(c))
		p.Risks = append(p.Risks, risks(c, resource(was, c), resource(is, c))...)
	}
	p.sortRisks()
	return p, nil
}

func (p *Plan) sortRisks() {
	slices.SortFunc(p.Risks, func(a, b Risk) int {
		return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), strings.Compare(a.Name, b.Name))
	})
}

func (p *Plan) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

func (s Side) set() (changes.Set, error) {
	set, err := changes.Read(s.Templates)
	if err != nil || s.Config == nil {
		return set, err
	}
	set.Values = map[string]map[string]string{contract.StackFoundation: s.Config.FoundationParameters()}
	for _, env := range s.Config.Environments {
		set.Values[env.Name+"/"+contract.StackRoot] = s.Config.RootParameters(env)
	}
	return set, nil
}

func resource(s changes.Set, c changes.Change) template.Resource {
	return s.Templates[c.Stack].Resources[c.LogicalID]
}

// environments are those of a set, in order.
func environments(s changes.Set) []string {
	var names []string
	for _, stack := range slices.Sorted(maps.Keys(s.Templates)) {
		if dir, file := path.Split(stack); file == contract.StackRoot {
			names = append(names, path.Clean(dir))
		}
	}
	return names
}

// leave takes out of the set before what no deployment touches: stacks of another name, and of environments that are gone.
func (p *Plan) leave(was *changes.Set, is changes.Set) {
	if before, after := application(*was), application(is); before != after && before != "" && after != "" {
		p.note("the name changes from %s to %s: everything is made once more, and the stacks of %s stay, running and paid for, until destroy.sh is run with the old name", before, after, before)
		was.Templates = nil
		return
	}
	for _, env := range environments(*was) {
		if slices.Contains(environments(is), env) {
			continue
		}
		p.note("the environment %s is taken out: its stack stays, running and paid for, until it is deleted; its part of the cost goes then", env)
		maps.DeleteFunc(was.Templates, func(stack string, _ template.Template) bool { return path.Dir(stack) == env })
	}
}

// application is the name that the roots give their stacks as a tag.
func application(s changes.Set) string {
	for _, env := range environments(s) {
		for _, r := range s.Templates[env+"/"+contract.StackRoot].Resources {
			for _, tag := range list(r.Properties["Tags"]) {
				if at(tag, "Key") == contract.TagName {
					return fmt.Sprint(at(tag, "Value"))
				}
			}
		}
	}
	return ""
}

// price works out what both sides cost, and what costs more.
func (p *Plan) price(before Side, had []string, after Side, has []string, region string) error {
	was, err := cost.Read(before.Templates, had, region)
	if err != nil {
		return fmt.Errorf("the cost of %s: %w", p.Against, err)
	}
	is, err := cost.Read(after.Templates, has, region)
	if err != nil {
		return err
	}
	had, has = append(had, contract.StackFoundation), append(has, contract.StackFoundation)
	p.Cost.Region = region
	p.Cost.BeforeLow, p.Cost.BeforeHigh = rounded(was.Total(had...))
	p.Cost.AfterLow, p.Cost.AfterHigh = rounded(is.Total(has...))
	for _, part := range has {
		p.dearer(part, was, is)
	}
	return nil
}

// dearer notes that a part costs more.
func (p *Plan) dearer(part string, was, is cost.Report) {
	low, high := rounded(is.Total(part))
	lowBefore, highBefore := rounded(was.Total(part))
	if low > lowBefore || high > highBefore {
		p.Risks = append(p.Risks, Risk{string(Costs) + ":" + part, Costs,
			fmt.Sprintf("costs %s USD a month before traffic, and cost %s", span(low, high), span(lowBefore, highBefore))})
	}
}

func describe(c changes.Change) Change {
	d := Change{Stack: c.Stack + ".yaml", LogicalID: c.LogicalID, Type: c.Type, Action: string(c.Action), Retained: c.Retained, Properties: []Property{}}
	switch c.Replacement {
	case schema.Always:
		d.Action = "replace"
	case schema.Sometimes:
		d.Action = "perhaps replace"
	}
	for _, property := range c.Properties {
		d.Properties = append(d.Properties, Property{place(property.Path), text(property.Before), text(property.After), property.Follows})
	}
	return d
}

// Replaced are the resources of a type that are surely replaced, by their places in the tree of stacks such as
// shop-prod.ECS.LoadBalancer.
func (p Plan) Replaced(kind string) []string {
	var found []string
	for _, c := range p.Changes {
		if c.Type == kind && c.Action == "replace" {
			stack, _ := strings.CutSuffix(c.Stack, ".yaml")
			found = append(found, strings.Join(append(steps(p.Stack, stack), c.LogicalID), "."))
		}
	}
	return found
}

// place is a property's path without "Properties", which stands before all but attributes.
func place(path []string) string {
	if len(path) > 1 && path[0] == "Properties" {
		path = path[1:]
	}
	return strings.Join(path, ".")
}

// text is a value on one line.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	if v == nil {
		return ""
	}
	var b strings.Builder
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	if err := out.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(b.String())
}

// at walks into maps by key; nil where there is nothing.
func at(v any, keys ...string) any {
	for _, key := range keys {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// either is a list, or the one value that stands in its place; none where there is nothing.
func either(v any) []any {
	if l, ok := v.([]any); ok || v == nil {
		return l
	}
	return []any{v}
}

// Stopping are the risks that stop a deployment until somebody allows them. What only costs more informs, and stops nobody:
// a person who has written `tasks: {min: 4}` has meant it, and it can be taken back.
func Stopping(plans ...Plan) []Risk {
	var risks []Risk
	for _, p := range plans {
		for _, r := range p.Risks {
			if r.Kind != Costs {
				risks = append(risks, r)
			}
		}
	}
	return risks
}

// Allowing are the flags of deploy.sh that allow risks, each with a space before it.
func Allowing(risks ...Risk) string {
	var flags strings.Builder
	for _, r := range risks {
		flags.WriteString(" --allow " + r.Name)
	}
	return flags.String()
}
