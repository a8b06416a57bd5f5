package main

import (
	"context"
	"io"
	"slices"
	"strings"

	"slipway/internal/config"
)

// slipwayFolders hold slipway's own Go code; all other is the service's.
var slipwayFolders = []string{"gen", "internal", "scripts"}

// serviceOnly says whether slipway.yaml wants the checks to leave slipway's own code alone. What is wrong with the file,
// gen says.
func (r *repo) serviceOnly() bool {
	cfg, err := config.Load(r.path(config.File))
	return err == nil && cfg.Pipeline.Scope == config.ScopeService
}

// inScope leaves out the steps that only look at what is slipway's own, where that is not wanted.
func inScope(r *repo, all []step) []step {
	if !r.serviceOnly() {
		return all
	}
	narrowed := slices.Clone(all)
	for i := range narrowed {
		if narrowed[i].own {
			narrowed[i].run = func(context.Context, io.Writer) (tally, error) { return tally{}, leftOut(outOfScope) }
		}
	}
	return narrowed
}

const (
	outOfScope = "pipeline.scope in slipway.yaml is " + string(config.ScopeService)
	noGoCode   = "there is no Go code but slipway's own, and " + outOfScope
)

// goPackages names the packages that Go's checkers look at.
func (r *repo) goPackages(ctx context.Context) ([]string, error) {
	if !r.serviceOnly() {
		return []string{"./..."}, nil
	}
	packages, err := r.packages(ctx, func(string) bool { return true })
	if err == nil && len(packages) == 0 {
		err = leftOut(noGoCode)
	}
	return packages, err
}

func isSlipwayFolder(dir string) bool {
	return slices.ContainsFunc(slipwayFolders, func(folder string) bool { return dir == folder || strings.HasPrefix(dir, folder+"/") })
}

// regionsInScope are those of the Regions for which templates are linted: where only the service is looked at and a
// build says in which Region it runs, that one.
func (r *repo) regionsInScope(getenv func(string) string, having []string) []string {
	if own := getenv("AWS_REGION"); r.serviceOnly() && slices.Contains(having, own) {
		return []string{own}
	}
	return having
}

// setsInScope are the committed templates and, where slipway's own matters, the others.
func (r *repo) setsInScope(others ...string) []string {
	if r.serviceOnly() {
		return []string{committedSet}
	}
	return append([]string{committedSet}, others...)
}
