package config

import (
	"slices"
	"strings"

	"slipway/internal/suggest"
)

func (r *reader) pipeline(file object, environments []Environment) Pipeline {
	o := r.sub(file, "pipeline")
	checks, _ := choice[Checks](r, o, "checks")
	scope, _ := choice[Scope](r, o, "scope")
	mode, _ := choice[Mode](r, o, "mode")
	return Pipeline{Environment: r.home(o, environments), Checks: checks, Scope: scope, Mode: mode, Source: r.source(o)}
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
