package iamref

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"slipway/internal/iampolicy"
)

// Faults are what a statement says of actions, resources and conditions that AWS does not know, or more widely than it
// need: an action or a condition key that does not exist, a resource that none of its actions takes, an action that none
// of the resources fits, so that it is not allowed in truth, iam:PassRole to any service, and "*" where the action can be limited to
// resources, but for those actions that are in everything with a reason. In a resource's own policy "*" is the resource
// itself. Of a Deny, and of a statement without resources, only actions and keys are looked at.
func (r Reference) Faults(s iampolicy.Statement, everything map[string]string) []string {
	f := faults{reference: r, everything: everything, fits: map[string]bool{}}
	if len(s.NotAction)+len(s.NotResource)+len(s.NotPrincipal) > 0 {
		f.say("NotAction, NotResource and NotPrincipal say what is meant by leaving it out")
	}
	limits := s.Effect == iampolicy.Allow && len(s.Resource) > 0
	for _, action := range s.Action {
		switch {
		case !strings.Contains(action, "*"):
			f.action(s, action, limits)
		case s.Effect == iampolicy.Allow:
			f.say("it allows %s: name the actions", action)
		}
	}
	for _, resource := range s.Resource {
		if limits && resource != "*" && !f.fits[resource] {
			f.say("no action of %v takes %s", s.Action, resource)
		}
	}
	return f.list
}

type faults struct {
	reference  Reference
	everything map[string]string
	fits       map[string]bool // the resources that some action takes
	list       []string
}

func (f *faults) say(format string, args ...any) {
	f.list = append(f.list, fmt.Sprintf(format, args...))
}

func (f *faults) action(s iampolicy.Statement, action string, limits bool) {
	known, found := f.reference.Action(action)
	if !found {
		f.say("there is no action %s", action)
		return
	}
	for _, byKey := range s.Condition {
		for key := range maps.Keys(byKey) {
			if !f.reference.HasKey(action, key) {
				f.say("%s has no condition key %s", action, key)
			}
		}
	}
	if !limits {
		return
	}
	if strings.EqualFold(action, "iam:PassRole") && s.Condition["StringEquals"]["iam:PassedToService"] == nil {
		f.say("iam:PassRole without iam:PassedToService")
	}
	if slices.Contains(s.Resource, "*") {
		if len(known.Types) > 0 && len(s.Principal) == 0 && f.everything[action] == "" {
			f.say("%s on everything, though it can be limited to %v", action, known.Types)
		}
		return
	}
	void := true
	for _, resource := range s.Resource {
		if len(f.reference.TypesOf(action, resource)) > 0 {
			f.fits[resource], void = true, false
		}
	}
	if void {
		f.say("%s is void: none of %v is a %v", action, s.Resource, known.Types)
	}
}
