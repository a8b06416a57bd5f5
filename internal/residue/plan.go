package residue

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// Owner is the type that resources of a type are parts of, which are gone with it; empty where they stand by themselves.
func Owner(typeName string) string { return kinds(services{})[typeName].within }

// Uncheckable says whether no service could be asked for what was found.
func (f Finding) Uncheckable() bool { return f.State == uncheckable }

// uncheckable is the state of what no service can be asked for.
const uncheckable = "cannot be checked"

// status is what a service says of something that it still lists.
type status struct {
	state   string
	pending bool // certain to go, and nothing can be done to hasten it
	note    string
}

// kind is how resources of one type are asked for.
type kind struct {
	call  string // service:Action, for error messages
	batch int    // physical ids in one call; 0 is 1
	// group tells which ids can share a call, and whether an id can be asked for at all; nil: all, and any.
	group func(id string) (group string, ok bool)
	// ask returns those of the ids, all of one group, that are still there.
	ask func(ctx context.Context, group string, ids []string) (map[string]status, error)
	// within is the type that this one is part of: asked for instead where ask is nil or the id says too little.
	within string
}

// question is one call to one service.
type question struct {
	kind      kind
	group     string
	resources []Resource
}

func (q question) put(ctx context.Context) (map[string]status, error) {
	ids := make([]string, len(q.resources))
	for i, resource := range q.resources {
		ids[i] = resource.PhysicalID
	}
	found, err := q.kind.ask(ctx, q.group, ids)
	if err != nil {
		return nil, &UnansweredError{q.resources, q.kind.call, err}
	}
	return found, nil
}

// UnansweredError says that a service did not tell whether some resources are gone.
type UnansweredError struct {
	Resources []Resource
	Call      string // service:Action
	Err       error
}

func (e *UnansweredError) Error() string {
	more := ""
	if len(e.Resources) > 1 {
		more = fmt.Sprintf(" and %d more", len(e.Resources)-1)
	}
	return fmt.Sprintf("ask whether %s%s is gone (%s): %v", e.Resources[0], more, e.Call, e.Err)
}

func (e *UnansweredError) Unwrap() error { return e.Err }

// Unanswered lists what no service has told of, by the error of Left or Wait.
func Unanswered(err error) []*UnansweredError {
	if one, ok := err.(*UnansweredError); ok {
		return []*UnansweredError{one}
	}
	var list []*UnansweredError
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			list = append(list, Unanswered(part)...)
		}
	case interface{ Unwrap() error }:
		list = Unanswered(e.Unwrap())
	}
	return list
}

// plan is what to ask for a list of resources.
type plan struct {
	questions   []question
	parts       map[Resource][]Resource // a part and the recorded resources that it may belong to
	uncheckable map[Resource]status
}

func newPlan(kinds map[string]kind, resources []Resource) plan {
	p := plan{parts: map[Resource][]Resource{}, uncheckable: map[Resource]status{}}
	type key struct{ typeName, group string }
	batches := map[key][]Resource{}
	for _, resource := range resources {
		k, known := kinds[resource.Type]
		group, askable := k.place(resource.PhysicalID)
		switch {
		case resource.PhysicalID == "":
		case !known:
			p.uncheckable[resource] = status{state: uncheckable, note: "slipway knows no call that asks for this type; look for it in the console"}
		case askable:
			batches[key{resource.Type, group}] = append(batches[key{resource.Type, group}], resource)
		default:
			p.addPart(k, resource, resources)
		}
	}
	for key, members := range batches {
		k := kinds[key.typeName]
		for chunk := range slices.Chunk(members, max(k.batch, 1)) {
			p.questions = append(p.questions, question{k, key.group, chunk})
		}
	}
	return p
}

// place tells the group of an id, and whether a service can be asked for it.
func (k kind) place(id string) (group string, askable bool) {
	if k.ask == nil {
		return "", false
	}
	if k.group == nil {
		return "", true
	}
	return k.group(id)
}

// addPart finds the resources of the same stack that a part may belong to: the one with the same id where there is one
// (a bucket policy has its bucket's), else all of the owning type.
func (p *plan) addPart(k kind, part Resource, resources []Resource) {
	var owners []Resource
	for _, candidate := range resources {
		if candidate.Type != k.within || candidate.StackName != part.StackName {
			continue
		}
		if candidate.PhysicalID == part.PhysicalID {
			owners = []Resource{candidate}
			break
		}
		owners = append(owners, candidate)
	}
	if len(owners) == 0 {
		p.uncheckable[part] = status{state: uncheckable, note: fmt.Sprintf("its physical id %q does not say what to ask for; look for it in the console", part.PhysicalID)}
		return
	}
	p.parts[part] = owners
}

// addParts lets each part share the state of the first owner that is still there.
func (p *plan) addParts(answers map[Resource]status) {
	owners := maps.Clone(answers)
	for part, candidates := range p.parts {
		for _, owner := range candidates {
			if found, there := owners[owner]; there {
				answers[part] = status{state: found.state, pending: found.pending, note: fmt.Sprintf("part of %s, which is still there", owner)}
				break
			}
		}
	}
}
