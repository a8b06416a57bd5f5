package config

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"slipway/internal/contract"
	"slipway/internal/suggest"
)

func (r *reader) pipeline(file object, environments []Environment) Pipeline {
	o := r.sub(file, "pipeline")
	checks, _ := choice[Checks](r, o, "checks")
	scope, _ := choice[Scope](r, o, "scope")
	mode, _ := choice[Mode](r, o, "mode")
	p := Pipeline{Environment: r.home(o, environments), Checks: checks, Scope: scope, Mode: mode, Branches: r.branches(o, environments), Source: r.source(o)}
	if _, given := o.Field("branches"); given {
		p.Source.Branch = ""
	}
	return p
}

// branches reads which branch goes to which environments: each environment has one, so that no two pipelines deploy to it.
func (r *reader) branches(pipeline object, environments []Environment) []Branch {
	list := pipelineBranches{r: r, named: map[string]position{}, slugs: map[string]string{}, taken: map[string]string{}}
	for _, e := range environments {
		list.order = append(list.order, e.Name)
	}
	var branches []Branch
	for _, o := range r.items(pipeline, "branches", "") {
		branches = append(branches, list.read(o))
	}
	if len(branches) == 0 {
		return nil
	}
	for _, name := range list.order {
		if list.taken[name] == "" {
			r.Add(pipeline.ValueAt("branches"), "%s names no branch for environment %s; add it to one, or nothing would ever be deployed there by a pipeline", pipeline.Label("branches"), name)
		}
	}
	return branches
}

// pipelineBranches are those that were read so far.
type pipelineBranches struct {
	r     *reader
	order []string            // the environments, as the file has them
	named map[string]position // branches
	slugs map[string]string   // branches by their slugs
	taken map[string]string   // branches by their environments
}

func (list *pipelineBranches) read(o object) Branch {
	name, ok := list.r.text(o, "name")
	if !ok {
		name = ""
	}
	if first, again := list.named[name]; again && ok {
		list.r.Add(o.ValueAt("name"), "%s is %q again, first on line %d; name each branch once, with all its environments", o.Label("name"), name, first.Line)
		return Branch{Name: name}
	}
	if slug := contract.BranchSlug(name); ok {
		if other := list.slugs[slug]; other != "" {
			list.r.Add(o.ValueAt("name"), "%s is %q, which is %s in names of AWS, and so is %q; rename one of them", o.Label("name"), name, slug, other)
		}
		list.apart(o, name, slug)
		list.named[name], list.slugs[slug] = o.ValueAt("name"), name
	}
	branch := Branch{Name: name}
	last := -1
	for _, one := range list.r.texts(o, "environments") {
		i := slices.Index(list.order, one.text)
		other := list.taken[one.text]
		switch {
		case i < 0 && len(list.order) == 0: // no environment could be read, which is the problem to show
		case i < 0:
			list.r.Add(one.at, "an item of %s is %q; it must be one of %s%s", o.Label("environments"), shorten(one.text), strings.Join(list.order, ", "),
				suggest.DidYouMean(one.text, list.order))
		case other != "":
			list.r.Add(one.at, "an item of %s is %q, which branch %s has already; an environment belongs to one branch", o.Label("environments"), one.text, other)
		case i < last:
			list.r.Add(one.at, "an item of %s is %q, after %q; name them in the order of environments: %s", o.Label("environments"), one.text, list.order[last],
				strings.Join(list.order, ", "))
			list.taken[one.text] = name
		default:
			last = i
			list.taken[one.text] = cmp.Or(name, "before it")
			branch.Environments = append(branch.Environments, one.text)
		}
	}
	return branch
}

// apart refuses a branch whose pipeline would have the logical id of another one's role, or the other way round: role1 beside 1.
func (list *pipelineBranches) apart(o object, name, slug string) {
	for _, other := range slices.Sorted(maps.Keys(list.slugs)) {
		switch id := contract.OfBranch("Pipeline", slug); {
		case id == contract.OfBranch("PipelineRole", other):
			list.r.Add(o.ValueAt("name"), "%s is %q, whose pipeline would be %s in the template, as a role of %q is; rename one of them", o.Label("name"), name, id, list.slugs[other])
		case contract.OfBranch("PipelineRole", slug) == contract.OfBranch("Pipeline", other):
			list.r.Add(o.ValueAt("name"), "%s is %q, a role of which would be %s in the template, as the pipeline of %q is; rename one of them", o.Label("name"), name, contract.OfBranch("Pipeline", other), list.slugs[other])
		}
	}
}

// source reads where the pipeline takes its source from; where it is given at all, connection and repository must be.
func (r *reader) source(pipeline object) Source {
	if _, given := pipeline.Field("source"); !given {
		return Source{}
	}
	o := r.sub(pipeline, "source")
	connection, _ := r.text(o, "connection")
	repository, _ := r.text(o, "repository")
	branch, _ := r.text(o, "branch")
	if _, both := pipeline.Field("branches"); both {
		if _, given := o.Field("branch"); given {
			r.Add(o.ValueAt("branch"), "%s is given beside pipeline.branches, which names the branches; leave it out", o.Label("branch"))
		}
	}
	return Source{Connection: connection, Repository: repository, Branch: branch, Paths: r.unique(o, "paths", noHint)}
}

// home is the name of the environment whose stack holds the pipeline. Where no environment could be read, that is the
// problem to show.
func (r *reader) home(o object, environments []Environment) string {
	if len(environments) == 0 {
		return ""
	}
	names := make([]string, len(environments))
	for i, environment := range environments {
		names[i] = environment.Name
	}
	if _, given := o.Field("environment"); !given {
		return names[len(names)-1]
	}
	home, ok := r.text(o, "environment")
	if ok && !slices.Contains(names, home) {
		r.Add(o.ValueAt("environment"), "%s is %q; it must be one of %s%s",
			o.Label("environment"), shorten(home), strings.Join(names, ", "), suggest.DidYouMean(home, names))
	}
	return home
}
