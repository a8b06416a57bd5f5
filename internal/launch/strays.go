package launch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"slipway/internal/contract"
	"slipway/internal/residue"
)

// stray is something that carries the application's tag, is there, and is in no stack, such as a bucket that another has taken the place of.
type stray struct {
	residue.Finding
	why string // it stays on purpose; empty where nobody knows any
}

// strays asks the tagging API for what carries the application's tag and was not recorded, and then each service, since that
// lists what is gone, too. Where it cannot be asked the proof rests on what was recorded, which the note says.
func (r *removal) strays(ctx context.Context) (list []stray, note string) {
	checker := residue.NewChecker(r.aws.config)
	tags := map[string][]string{contract.TagName: {r.Config.Name}}
	if len(r.Environments) > 0 {
		tags[contract.TagEnvironment] = r.Environments
	}
	tagged, err := checker.Tagged(ctx, tags)
	if err != nil {
		return nil, fmt.Sprintf("what carries the tag %s=%s and is in no stack was not looked for: %v", contract.TagName, r.Config.Name, err)
	}
	why := map[residue.Resource]string{}
	for _, t := range tagged {
		if slices.ContainsFunc(r.record.all, func(e entry) bool { return e.Type == t.Type && e.PhysicalID == t.PhysicalID }) {
			continue
		}
		resource := residue.Resource{StackName: r.rootOf(t.Tags), LogicalID: t.Tags["aws:cloudformation:logical-id"], Type: t.Type, PhysicalID: t.PhysicalID}
		why[resource] = r.formerly(resource)
	}
	asked := slices.SortedFunc(maps.Keys(why), func(a, b residue.Resource) int { return strings.Compare(a.String(), b.String()) })
	left, _, err := checker.Left(ctx, asked)
	if unanswered := residue.Unanswered(err); len(unanswered) > 0 {
		note = fmt.Sprintf("%d resources that carry the tag %s=%s may be there or not: %v", len(unanswered), contract.TagName, r.Config.Name, unanswered[0])
	}
	for _, f := range left {
		list = append(list, stray{f, why[f.Resource]})
	}
	return list, note
}

// rootOf names the root stack that tags speak of.
func (r *removal) rootOf(tags map[string]string) string {
	if env := tags[contract.TagEnvironment]; env != "" {
		return contract.EnvironmentStackName(r.Config.Name, env)
	}
	return contract.FoundationStackName(r.Config.Name)
}

// formerly is why a resource may be there still that had its place in a stack before another took it: the template's policy, or
// what the destroy said that left it.
func (r *removal) formerly(stray residue.Resource) string {
	for _, e := range r.record.all {
		root, _, _ := strings.Cut(e.StackName, ".")
		switch {
		case root != stray.StackName || e.LogicalID != stray.LogicalID || e.Type != stray.Type:
		case e.Type == definitionType: // those before are deleted, too
		case e.Former != "":
			return fmt.Sprintf("%s took its place, and its UpdateReplacePolicy is %s; it goes on costing money: delete it by hand", e.PhysicalID, e.Former)
		case e.Keep != "":
			return fmt.Sprintf("an earlier destroy left it: its DeletionPolicy is %s; it goes on costing money", e.Keep)
		}
	}
	return r.keptEarlier(stray.Type + " " + stray.PhysicalID)
}

// addStrays tells of what is in no stack: what stays on purpose, and what is left.
func (d *DestroyReport) addStrays(strays []stray, note string) {
	if note != "" {
		d.Notes = append(d.Notes, note)
	}
	for _, s := range strays {
		if s.why != "" {
			d.add(s.Resource, outcomeRetained)
			d.Retained = append(d.Retained, Retained{s.Type + " " + s.PhysicalID, s.why})
			continue
		}
		d.add(s.Resource, outcomeLeft)
		d.Left = append(d.Left, Left{d.Resources[len(d.Resources)-1], s.State, "carries the tag " + contract.TagName + "=" + d.Name + ", and is in no stack: delete it by hand"})
	}
}
