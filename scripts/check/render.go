package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// renderedDir holds the templates of other configurations than the committed one, from run to run.
const renderedDir = ".slipway/check"

// How many random configurations are linted and scanned.
const (
	randomFew  = 3
	randomMany = 40
)

// renderOthers writes the templates of the examples, of the variants that the stacks' own tests know, and of random
// configurations.
func (r *repo) renderOthers(ctx context.Context, out io.Writer) (tally, error) {
	if err := os.RemoveAll(r.path(renderedDir)); err != nil {
		return tally{}, fmt.Errorf("remove the last run's templates: %w", err)
	}
	examples, err := r.copyExamples()
	if err != nil {
		return tally{}, err
	}
	count := randomFew
	if r.long {
		count = randomMany
	}
	random, variants := r.path(renderedDir+"/random"), r.path(renderedDir+"/variants")
	env := []string{"SLIPWAY_WRITE_TO=" + random, fmt.Sprintf("SLIPWAY_WRITE_COUNT=%d", count)}
	if got, err := r.goTest(ctx, out, env, "-count=1", "-run", "^TestRandomConfigurationsAreWritten$", "./internal/config"); err != nil {
		return got, err
	}
	if got, err := r.goTest(ctx, out, []string{"SLIPWAY_WRITE_TO=" + variants}, "-count=1", "-run", "^TestVariantsAreWritten$", "./internal/stacks"); err != nil {
		return got, err
	}
	if err := r.generate(ctx, out, renderedDir+"/examples/*", renderedDir+"/random/*"); err != nil {
		return tally{}, err
	}
	fmt.Fprintf(out, "%d examples, %d random configurations\n", examples, count)
	return tally{}, nil
}

// copyExamples copies each folder of docs/examples, since gen writes the templates beside slipway.yaml.
func (r *repo) copyExamples() (int, error) {
	found, err := filepath.Glob(r.path("docs/examples/*/slipway.yaml"))
	if err != nil {
		return 0, fmt.Errorf("list the examples: %w", err)
	}
	for _, path := range found {
		from := filepath.Dir(path)
		to := r.path(renderedDir + "/examples/" + filepath.Base(from))
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			return 0, fmt.Errorf("copy the example %s: %w", filepath.Base(from), err)
		}
	}
	return len(found), nil
}

// generate runs gen in every folder that the patterns match.
func (r *repo) generate(ctx context.Context, out io.Writer, patterns ...string) error {
	gen := r.path(binDir + "/gen")
	if err := r.do(ctx, out, "go", "build", "-o", gen, "./gen"); err != nil {
		return err
	}
	for _, pattern := range patterns {
		folders, err := filepath.Glob(r.path(pattern))
		if err != nil {
			return fmt.Errorf("list %s: %w", pattern, err)
		}
		for _, folder := range folders {
			if said, err := r.output(ctx, gen, "-root", folder); err != nil {
				fmt.Fprint(out, said)
				return fmt.Errorf("generate the templates of %s: %w", folder, err)
			}
		}
	}
	return nil
}
