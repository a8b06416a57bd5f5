package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The reports of the unit tests, in forms that CodeBuild reads: JUnit and Cobertura
// (docs.aws.amazon.com/codebuild/latest/userguide/test-reporting.html and code-coverage-report.html). buildspec.yml names
// both files.
const (
	reportsDir     = ".slipway/reports"
	unitReport     = reportsDir + "/unit.xml"
	coverageReport = reportsDir + "/coverage.xml"
	rawDir         = ".slipway/reports/raw" // what the two are made of: NAME.json and NAME.cover of each run
)

// reported runs tests, keeping what they say and cover under a name.
func (r *repo) reported(ctx context.Context, out io.Writer, name string, env []string, args ...string) (tally, error) {
	if err := os.MkdirAll(r.path(rawDir), 0o755); err != nil {
		return tally{}, err
	}
	said, err := os.Create(r.path(rawDir + "/" + name + ".json"))
	if err != nil {
		return tally{}, err
	}
	defer said.Close()
	// The race detector counts atomically, and both runs make one report.
	cover := []string{"-covermode", "atomic", "-coverprofile", r.path(rawDir + "/" + name + ".cover")}
	// Half of what the tests take is garbage of their doubles; letting it lie a little longer spares a tenth of their time.
	return r.goTestKept(ctx, out, said, append([]string{"GOGC=400"}, env...), append(cover, args...)...)
}

// reports makes the two reports of what the tests left, whether they passed or not.
func (r *repo) reports(ctx context.Context, out io.Writer) (tally, error) {
	if err := r.junit(ctx); err != nil {
		return tally{}, fmt.Errorf("make %s: %w", unitReport, err)
	}
	if err := r.cobertura(ctx); err != nil {
		return tally{}, fmt.Errorf("make %s: %w", coverageReport, err)
	}
	fmt.Fprintf(out, "%s, %s\n", unitReport, coverageReport)
	return tally{}, nil
}

func (r *repo) junit(ctx context.Context) error {
	gotestsum, err := r.tool(ctx, io.Discard, "gotestsum")
	if err != nil {
		return err
	}
	runs, err := r.raw(".json")
	if err != nil {
		return err
	}
	if err := os.RemoveAll(r.path(unitReport)); err != nil {
		return err
	}
	// It repeats the failure of the tests it reads of, and of that the tests' own step has told.
	var said bytes.Buffer
	failed := r.do(ctx, &said, gotestsum, append([]string{"--format", "none", "--junitfile", r.path(unitReport), "--raw-command", "--", "cat"}, runs...)...)
	if _, err := os.Stat(r.path(unitReport)); err != nil {
		return errors.Join(failed, errors.New(said.String()))
	}
	return nil
}

func (r *repo) cobertura(ctx context.Context) error {
	converter, err := r.tool(ctx, io.Discard, "gocover-cobertura")
	if err != nil {
		return err
	}
	profiles, err := r.raw(".cover")
	if err != nil {
		return err
	}
	profile, err := mergeProfiles(profiles)
	if err != nil {
		return err
	}
	var report, said bytes.Buffer
	cmd := r.command(ctx, &said, converter, "-strict")
	cmd.Stdin, cmd.Stdout = strings.NewReader(profile), &report
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run gocover-cobertura: %w\n%s", err, said.String())
	}
	return os.WriteFile(r.path(coverageReport), report.Bytes(), 0o644)
}

// raw lists what the tests left of one kind.
func (r *repo) raw(extension string) ([]string, error) {
	files, err := filepath.Glob(r.path(rawDir) + "/*" + extension)
	if err == nil && len(files) == 0 {
		err = leftOut("no test has run")
	}
	slices.Sort(files)
	return files, err
}

// mergeProfiles puts profiles of different packages, all of one mode, one behind the other.
func mergeProfiles(files []string) (string, error) {
	var merged strings.Builder
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		mode, blocks, _ := strings.Cut(string(text), "\n")
		if i == 0 {
			fmt.Fprintln(&merged, mode)
		}
		merged.WriteString(blocks)
	}
	return merged.String(), nil
}
