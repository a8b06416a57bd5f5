package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func templateSteps(r *repo) []step {
	return []step{
		{name: "gen -check", group: groupTemplates, run: r.genCheck},
		{name: "cfn-lint", group: groupTemplates, run: func(ctx context.Context, out io.Writer) (tally, error) {
			return r.cfnLint(ctx, out, typicalRegions)
		}},
		{name: "cfn-lint in every Region", group: groupTemplates, long: true, run: r.cfnLintEverywhere},
	}
}

// typicalRegions are an old Region, a European one and one far from both.
var typicalRegions = []string{"us-east-1", "eu-central-1", "ap-southeast-2"}

// lacking are the Regions that a launch refuses: CodeBuild is not there, or it is China.
var lacking = []string{"ap-east-2", "ca-west-1", "mx-central-1", "cn-north-1", "cn-northwest-1"}

// genCheck wants the committed templates to be what gen writes.
func (r *repo) genCheck(ctx context.Context, out io.Writer) (tally, error) {
	if err := r.need("gen/main.go", "templates"); err != nil {
		return tally{}, err
	}
	return tally{}, r.do(ctx, out, "go", "run", "./gen", "-check")
}

// cfnLint wants no finding in any template, informational rules included.
func (r *repo) cfnLint(ctx context.Context, out io.Writer, regions []string) (tally, error) {
	if err := r.need("templates"); err != nil {
		return tally{}, err
	}
	names, err := r.templates()
	if err != nil {
		return tally{}, err
	}
	args := slices.Concat([]string{"--include-checks", "I", "--regions"}, regions, []string{"--"}, names)
	return tally{}, r.pythonTool(ctx, out, "cfn-lint", args...)
}

func (r *repo) templates() ([]string, error) {
	var names []string
	err := filepath.WalkDir(r.path("templates"), func(path string, _ os.DirEntry, err error) error {
		if filepath.Ext(path) == ".yaml" {
			names = append(names, path)
		}
		return err
	})
	return names, err
}

// cfnLintEverywhere asks cfn-lint's own data which Regions there are.
func (r *repo) cfnLintEverywhere(ctx context.Context, out io.Writer) (tally, error) {
	if err := r.installPythonTools(ctx, out); err != nil {
		return tally{}, err
	}
	listed, err := r.output(ctx, r.path(venvDir+"/bin/python"), "-c", "from cfnlint.helpers import REGIONS; print(*REGIONS)")
	if err != nil {
		return tally{}, err
	}
	return r.cfnLint(ctx, out, regionsFrom(listed))
}

// regionsFrom splits a list of Regions, without those that a launch refuses.
func regionsFrom(listed string) []string {
	return slices.DeleteFunc(strings.Fields(listed), func(region string) bool { return slices.Contains(lacking, region) })
}
