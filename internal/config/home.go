package config

import (
	"slices"

	"slipway/internal/contract"
)

// IsPipelineHome says whether the delivery pipeline lives in this environment's root stack.
func (c Config) IsPipelineHome(e Environment) bool { return e.Name == c.Pipeline.Environment }

// PipelineHome is the environment whose root stack holds the delivery pipeline.
func (c Config) PipelineHome() Environment {
	for _, e := range c.Environments {
		if c.IsPipelineHome(e) {
			return e
		}
	}
	return Environment{}
}

// File is the one file that a user edits, at the repository's root.
const File = "slipway.yaml"

// Route is the way of a source to environments: a pipeline each.
type Route struct {
	Branch       string // in pipeline.branches; empty where one pipeline goes through all environments
	Slug         string // stands for the branch in names and keys
	Environments []Environment
}

// Source is the key in the bucket that the pipeline watches, where it is on no git host.
func (r Route) Source() string { return contract.PipelineSource(r.Slug) }

// Goes says whether the pipeline deploys to an environment.
func (r Route) Goes(environment string) bool {
	return slices.ContainsFunc(r.Environments, func(e Environment) bool { return e.Name == environment })
}

// Routes are all of them, in the order of the file: one a branch, or only one.
func (c Config) Routes() []Route {
	if len(c.Pipeline.Branches) == 0 {
		return []Route{{Environments: c.Environments}}
	}
	var routes []Route
	for _, branch := range c.Pipeline.Branches {
		r := Route{Branch: branch.Name, Slug: contract.BranchSlug(branch.Name)}
		for _, e := range c.Environments {
			if slices.Contains(branch.Environments, e.Name) {
				r.Environments = append(r.Environments, e)
			}
		}
		routes = append(routes, r)
	}
	return routes
}

// RouteTo is that which ends in an environment.
func (c Config) RouteTo(environment string) Route {
	for _, r := range c.Routes() {
		if r.Goes(environment) {
			return r
		}
	}
	return Route{}
}
