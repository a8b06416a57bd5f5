package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// Groups of steps, in the order in which they run.
const (
	groupLint      = "lint"
	groupUnit      = "unit"
	groupTemplates = "templates"
	groupSecurity  = "security"
	groupE2E       = "e2e"
)

var groups = []string{groupLint, groupUnit, groupTemplates, groupSecurity, groupE2E}

// steps lists everything that is checked, cheap things first.
func steps(r *repo) []step {
	return inScope(r, slices.Concat(lintSteps(r), unitSteps(r), templateSteps(r), securitySteps(r), e2eSteps(r)))
}

func lintSteps(r *repo) []step {
	return []step{
		{name: "gofmt", group: groupLint, run: r.gofmt},
		{name: "go vet", group: groupLint, run: r.vet},
		{name: "go.mod complete and unchanged", group: groupLint, run: r.modules},
		{name: "staticcheck", group: groupLint, run: r.staticcheck},
		{name: "shellcheck", group: groupLint, run: r.shellcheck},
		{name: "hadolint", group: groupLint, run: r.hadolint},
		{name: "yamllint", group: groupLint, run: r.yamllint},
		{name: "ruff", group: groupLint, own: true, run: r.ruff},
	}
}

// gofmt wants every Go file formatted.
func (r *repo) gofmt(ctx context.Context, _ io.Writer) (tally, error) {
	names, err := r.files(ctx, "*.go")
	if err != nil {
		return tally{}, err
	}
	unformatted, err := r.output(ctx, "gofmt", append([]string{"-l"}, names...)...)
	if err != nil {
		return tally{}, err
	}
	if unformatted != "" {
		return tally{}, fmt.Errorf("not formatted: gofmt -w %s", strings.Join(strings.Fields(unformatted), " "))
	}
	return tally{}, nil
}

// vet checks everything, the end-to-end tests too, which only their build tag compiles.
func (r *repo) vet(ctx context.Context, out io.Writer) (tally, error) {
	packages, err := r.goPackages(ctx)
	if err != nil {
		return tally{}, err
	}
	return tally{}, r.do(ctx, out, "go", append([]string{"vet", "-tags", e2eTag}, packages...)...)
}

// modules wants go.mod to name exactly what is imported, and the downloaded modules to be what go.sum says.
func (r *repo) modules(ctx context.Context, out io.Writer) (tally, error) {
	modules := []string{".", toolsDir, peerDir}
	if r.serviceOnly() {
		modules = modules[:1]
	}
	for _, dir := range modules {
		if r.need(dir+"/go.mod") != nil {
			continue
		}
		if err := r.do(ctx, out, "go", "-C", dir, "mod", "tidy", "-diff"); err != nil {
			return tally{}, fmt.Errorf("go.mod of %s: %w", dir, err)
		}
	}
	return tally{}, r.do(ctx, out, "go", "mod", "verify")
}

func (r *repo) staticcheck(ctx context.Context, out io.Writer) (tally, error) {
	packages, err := r.goPackages(ctx)
	if err != nil {
		return tally{}, err
	}
	staticcheck, err := r.tool(ctx, out, "staticcheck")
	if err != nil {
		return tally{}, err
	}
	cmd := r.command(ctx, out, staticcheck, append([]string{"-tags", e2eTag}, packages...)...)
	// What it knows of Go's own library, most of its work, is kept beside the tools, which the local engine's builds share: it
	// would be lost with the home that each of them has anew.
	cmd.Env = append(cmd.Environ(), "STATICCHECK_CACHE="+r.path(toolsFolder("staticcheck")))
	if err := cmd.Run(); err != nil {
		return tally{}, fmt.Errorf("run staticcheck: %w", err)
	}
	return tally{}, nil
}

func (r *repo) shellcheck(ctx context.Context, out io.Writer) (tally, error) {
	scripts, err := r.scripts(ctx)
	if err != nil {
		return tally{}, err
	}
	return tally{}, r.pythonTool(ctx, out, "shellcheck", scripts...)
}

func (r *repo) hadolint(ctx context.Context, out io.Writer) (tally, error) {
	if err := r.need("Dockerfile"); err != nil {
		return tally{}, err
	}
	return tally{}, r.pythonTool(ctx, out, "hadolint", "Dockerfile", "docs/examples/python/Dockerfile")
}

// yamllint reads the YAML that is written by hand: not the templates, which cfn-lint reads, nor what tests hold wrong.
func (r *repo) yamllint(ctx context.Context, out io.Writer) (tally, error) {
	names, err := r.files(ctx, "*.yaml", "*.yml")
	if err != nil {
		return tally{}, err
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return strings.HasPrefix(name, "templates/") || strings.Contains(name, "testdata/")
	})
	if len(names) == 0 {
		return tally{}, leftOut("there is no YAML")
	}
	return tally{}, r.pythonTool(ctx, out, "yamllint", append([]string{"--strict", "--config-file", r.path(".yamllint.yaml"), "--"}, names...)...)
}

// ruff wants the Python of the local engine and of the scripts formatted and free of its findings.
func (r *repo) ruff(ctx context.Context, out io.Writer) (tally, error) {
	if err := r.need(engineDir); err != nil {
		return tally{}, err
	}
	if err := r.pythonTool(ctx, out, "ruff", "format", "--no-cache", "--diff", engineDir, "scripts/dev", "scripts/bench"); err != nil {
		return tally{}, err
	}
	if err := r.pythonTool(ctx, out, "ruff", "check", "--no-cache", engineDir, "scripts/dev", "scripts/bench"); err != nil {
		return tally{}, err
	}
	// The examples are to be copied, without a configuration of ours beside them.
	for _, command := range [][]string{{"format", "--diff"}, {"check"}} {
		args := append(command, "--no-cache", "--config", "scripts/dev/ruff.toml", "docs/examples")
		if err := r.pythonTool(ctx, out, "ruff", args...); err != nil {
			return tally{}, err
		}
	}
	return tally{}, nil
}

func unitSteps(r *repo) []step {
	return []step{
		{name: "go test", group: groupUnit, run: r.unit},
		{name: "go test -race", group: groupUnit, run: r.race},
		{name: "reports", group: groupUnit, show: true, run: r.reports},
		{name: "fuzz", group: groupUnit, long: true, run: r.fuzz},
		{name: "bench", group: groupUnit, long: true, show: true, run: r.bench},
	}
}

// concurrent names the packages whose goroutines make the race detector worth its price, which is four times their time.
var concurrent = []string{"internal/awsdouble", "internal/ec2query", "internal/evidence", "internal/lease", "internal/local", "internal/residue", "web"}

// turns are the launcher's tests in which several runs, or a run and the weather, meet: the others go by one thing after the
// other, and are many.
const launcher, turns = "internal/launch", "^Test(FirstLaunch|Destroy|DestroyAfterAWait|OneRunAtATime|OperationUnderWayIsWaitedFor|Outage|Storm|Turn[A-Z].*)$"

// unit tests what race does not.
func (r *repo) unit(ctx context.Context, out io.Writer) (tally, error) {
	if err := os.RemoveAll(r.path(rawDir)); err != nil {
		return tally{}, err
	}
	packages, err := r.packages(ctx, func(dir string) bool { return !isConcurrent(dir) })
	if err != nil {
		return tally{}, err
	}
	if len(packages) == 0 {
		return tally{}, leftOut(noGoCode + ", or it is tested with the race detector")
	}
	return r.reported(ctx, out, "plain", r.length(), packages...)
}

// length tells tests to take their time: thousands of random configurations instead of hundreds, and the like.
func (r *repo) length() []string {
	if r.long {
		return []string{"SLIPWAY_LONG=1"}
	}
	return nil
}

// race tests the concurrent packages; without a C compiler, which the race detector needs, it tests them plainly.
func (r *repo) race(ctx context.Context, out io.Writer) (tally, error) {
	packages, err := r.packages(ctx, isConcurrent)
	if err != nil {
		return tally{}, err
	}
	if len(packages) == 0 {
		return tally{}, leftOut("none of " + strings.Join(concurrent, ", ") + " exists")
	}
	compiler, err := r.output(ctx, "go", "env", "CC")
	if err != nil {
		return tally{}, err
	}
	if _, missing := exec.LookPath(strings.TrimSpace(compiler)); missing != nil {
		got, err := r.reported(ctx, out, "race", r.length(), packages...)
		got.skipped = append(got.skipped, "the race detector needs a C compiler, none was found; the tests ran without it")
		return got, err
	}
	env := append(r.length(), "CGO_ENABLED=1")
	got, err := r.reported(ctx, out, "race", env, append([]string{"-race"}, packages...)...)
	here, missing := r.packages(ctx, func(dir string) bool { return dir == launcher })
	if missing != nil || len(here) == 0 {
		return got, errors.Join(err, missing)
	}
	met, failed := r.reported(ctx, out, "race-turns", env, append([]string{"-race", "-run", turns}, here...)...)
	got.passed, got.failed, got.skipped = got.passed+met.passed, got.failed+met.failed, append(got.skipped, met.skipped...)
	return got, errors.Join(err, failed)
}

// fuzz gives every fuzz target half a minute.
func (r *repo) fuzz(ctx context.Context, out io.Writer) (tally, error) {
	packages, err := r.packages(ctx, func(string) bool { return true })
	if err != nil {
		return tally{}, err
	}
	var got tally
	for _, pkg := range packages {
		listed, err := r.output(ctx, "go", "test", "-list", "^Fuzz", pkg)
		if err != nil {
			return got, err
		}
		for line := range strings.Lines(listed) {
			target := strings.TrimSpace(line)
			if !strings.HasPrefix(target, "Fuzz") {
				continue
			}
			if err := r.do(ctx, out, "go", "test", "-run", "^$", "-fuzz", "^"+target+"$", "-fuzztime", "30s", pkg); err != nil {
				got.failed++
				return got, fmt.Errorf("fuzz %s in %s: %w", target, pkg, err)
			}
			got.passed++
		}
	}
	if got.passed == 0 {
		return got, leftOut("there is no fuzz target")
	}
	return got, nil
}

// bench wants the measurements to run; what they measure is shown, and no time is a failure.
func (r *repo) bench(ctx context.Context, out io.Writer) (tally, error) {
	if err := r.do(ctx, out, r.path("scripts/bench/gen.sh"), "--builds"); err != nil {
		return tally{}, err
	}
	for _, command := range []string{"wrk", "nginx"} {
		if _, err := exec.LookPath(command); err != nil {
			return tally{passed: 1, skipped: []string{"the service: there is no " + command}}, nil
		}
	}
	return tally{}, r.do(ctx, out, r.path("scripts/bench/web.sh"))
}

// packages lists the module's packages in scope and in the directories that keep chooses, as ./dir.
func (r *repo) packages(ctx context.Context, keep func(dir string) bool) ([]string, error) {
	listed, err := r.output(ctx, "go", "list", "-f", "{{.ImportPath}}", "./...")
	if err != nil {
		return nil, err
	}
	narrow := r.serviceOnly()
	var chosen []string
	for line := range strings.Lines(listed) {
		_, dir, _ := strings.Cut(strings.TrimSpace(line), "/")
		if keep(dir) && (!narrow || !isSlipwayFolder(dir)) {
			chosen = append(chosen, "./"+dir)
		}
	}
	return chosen, nil
}

func isConcurrent(dir string) bool {
	return slices.ContainsFunc(concurrent, func(name string) bool {
		return dir == name || strings.HasPrefix(dir, name+"/")
	})
}
