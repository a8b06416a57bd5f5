package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// manyEnvironments is as many as slipway.yaml may have.
const manyEnvironments = 10

// contender is one command that is measured in each round.
type contender struct {
	name    string
	dir     string
	prepare func() error // before each run, unmeasured
	program string
	args    []string
	samples []sample
}

// speed measures generating, all contenders in turn.
func (b *bench) speed(ctx context.Context, rounds int) error {
	all, err := b.contenders()
	if err != nil {
		return err
	}
	for range rounds {
		for _, c := range all {
			if err := c.prepare(); err != nil {
				return fmt.Errorf("prepare %s: %w", c.name, err)
			}
			got, err := b.measure(ctx, c.dir, c.program, c.args...)
			if err != nil {
				return err
			}
			c.samples = append(c.samples, got)
		}
	}
	b.printSpeed(all, rounds)
	return nil
}

// contenders lists what is measured; the first is what the others are compared with.
func (b *bench) contenders() ([]*contender, error) {
	config, err := os.ReadFile(filepath.Join(b.root, "slipway.yaml"))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	var all []*contender
	add := func(name, program string, content []byte, prepare func(dir string) error, args ...string) error {
		dir := b.path(fmt.Sprintf("run%d", len(all)))
		all = append(all, &contender{name: name, dir: dir, program: program, args: args, prepare: func() error { return prepare(dir) }})
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "slipway.yaml"), content, 0o644)
	}
	nothing := func(string) error { return nil }
	for _, err := range []error{
		add("gen, every file new", "gen", config, removeTemplates),
		add("gen, nothing to change", "gen", config, nothing),
		add("gen, one value changed", "gen", config, changeValue),
		add("gen -check", "gen", config, b.generate, "-check"),
		add(fmt.Sprintf("gen, %d environments, every file new", manyEnvironments), "gen", withEnvironments(config, manyEnvironments), removeTemplates),
		add("floor: process start and five files", "floor", config, nothing),
		add("goformation, its own `.YAML()`", "peer", config, nothing),
	} {
		if err != nil {
			return nil, fmt.Errorf("prepare the folders: %w", err)
		}
	}
	return all, nil
}

func removeTemplates(dir string) error { return os.RemoveAll(filepath.Join(dir, "templates")) }

// changeValue gives the tasks more memory than before, or the former amount again.
func changeValue(dir string) error {
	const less, more = "memory: 512 ", "memory: 1024 "
	path := filepath.Join(dir, "slipway.yaml")
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed := strings.Replace(string(content), less, more, 1)
	if changed == string(content) {
		changed = strings.Replace(changed, more, less, 1)
	}
	if changed == string(content) {
		return fmt.Errorf("%s has no %q to change", path, less)
	}
	return os.WriteFile(path, []byte(changed), 0o644)
}

// generate makes the templates that a check then finds up to date.
func (b *bench) generate(dir string) error {
	cmd := exec.Command(b.path("gen"))
	cmd.Dir = dir
	return cmd.Run()
}

// withEnvironments is the configuration with n environments in place of its own.
func withEnvironments(config []byte, n int) []byte {
	head, _, _ := strings.Cut(string(config), "\nenvironments:")
	var text strings.Builder
	text.WriteString(head + "\nenvironments:\n")
	for i := range n {
		fmt.Fprintf(&text, "  - name: env%d\n    tasks: {min: 2, max: 2}\n    network: {cidr: 10.%d.0.0/16, zones: 2, nat: none}\n", i, i)
	}
	return []byte(text.String())
}

func (b *bench) printSpeed(all []*contender, rounds int) {
	fmt.Fprintf(b.out, "%d rounds in turn; medians, in brackets the range.\n\n", rounds)
	fmt.Fprintln(b.out, "| command | wall, ms | CPU, ms | peak, MiB | CPU beside the first |")
	fmt.Fprintln(b.out, "| --- | --- | --- | --- | --- |")
	for _, c := range all {
		fmt.Fprintf(b.out, "| %s | %s | %s | %s | %s |\n", c.name,
			spread(c.samples, func(s sample) float64 { return s.wall }),
			spread(c.samples, func(s sample) float64 { return s.cpu }),
			spread(c.samples, func(s sample) float64 { return s.peak }),
			ratio(c.samples, all[0].samples))
	}
}

// spread is the median of one figure with its range.
func spread(samples []sample, figure func(sample) float64) string {
	values := make([]float64, 0, len(samples))
	for _, s := range samples {
		values = append(values, figure(s))
	}
	return describe(values, 1)
}

// ratio compares the CPU time of each round with that of the other command in the same round.
func ratio(samples, others []sample) string {
	values := make([]float64, 0, len(samples))
	for i, s := range samples {
		values = append(values, s.cpu/others[i].cpu)
	}
	return describe(values, 2)
}

func describe(values []float64, digits int) string {
	slices.Sort(values)
	middle := (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	return fmt.Sprintf("%.*f (%.*f–%.*f)", digits, middle, digits, values[0], digits, values[len(values)-1])
}
