// Command bench measures how long generating takes, beside what it could take at best and what goformation's own way
// takes, and prints the results as Markdown tables. Everything is run in turn, round after round, so that a noisy spell
// of the machine meets all alike: read the ratios before the milliseconds.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	root := flags.String("root", ".", "the repository's root")
	rounds := flags.Int("rounds", 31, "how often each command is run")
	builds := flags.Bool("builds", false, "also measure the build over a warm standard library, from an empty cache: minutes")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	dir, err := os.MkdirTemp("", "slipway-bench-")
	if err != nil {
		return fmt.Errorf("make a folder to measure in: %w", err)
	}
	defer os.RemoveAll(dir)
	b := &bench{root: *root, dir: dir, out: out}
	if err := b.build(ctx); err != nil {
		return err
	}
	if err := b.speed(ctx, *rounds); err != nil {
		return err
	}
	if *builds {
		return b.builds(ctx)
	}
	return nil
}

// bench is one run: the repository, and a folder of its own.
type bench struct {
	root, dir string
	out       io.Writer
}

// program is one that is built to be measured.
type program struct{ name, dir, pkg string }

func programs() []program {
	return []program{
		{"gen", ".", "./gen"},
		{"floor", ".", "./scripts/bench/floor"},
		{"measure", ".", "./scripts/bench/measure"},
		{"peer", "scripts/bench/peer-goformation", "."},
	}
}

// build builds every program as one that is shipped.
func (b *bench) build(ctx context.Context) error {
	for _, p := range programs() {
		if _, _, err := b.goBuild(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// goBuild builds a program without symbols and returns the CPU time of all compilers and linkers, and the wall time.
func (b *bench) goBuild(ctx context.Context, p program, env ...string) (cpu, wall time.Duration, err error) {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.path(p.name), p.pkg)
	cmd.Dir = filepath.Join(b.root, p.dir)
	cmd.Env = append(os.Environ(), env...)
	start := time.Now()
	if said, err := cmd.CombinedOutput(); err != nil {
		return 0, 0, fmt.Errorf("build %s: %w\n%s", p.name, err, said)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), time.Since(start), nil
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// sample is one run of a command.
type sample struct {
	wall, cpu float64 // milliseconds
	peak      float64 // MiB
}

// measure runs a built program in a folder.
func (b *bench) measure(ctx context.Context, dir, name string, args ...string) (sample, error) {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, b.path("measure"), append([]string{b.path(name)}, args...)...)
	cmd.Dir = dir
	cmd.Stderr = &said
	line, err := cmd.Output()
	if err != nil {
		return sample{}, fmt.Errorf("run %s %s: %w\n%s", name, strings.Join(args, " "), err, said.String())
	}
	var wall, cpu, peak float64
	if _, err := fmt.Sscan(string(line), &wall, &cpu, &peak); err != nil {
		return sample{}, fmt.Errorf("read the measurement of %s: %w", name, err)
	}
	return sample{wall: wall / 1e6, cpu: cpu / 1e6, peak: peak / 1024}, nil
}
