package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// builds measures building gen and its peer over a warm standard library, each from a cache with nothing else in it.
func (b *bench) builds(ctx context.Context) error {
	fmt.Fprintln(b.out, "\n| program | build CPU, s | build wall, s | binary, MB |")
	fmt.Fprintln(b.out, "| --- | --- | --- | --- |")
	for _, p := range programs() {
		if p.name != "gen" && p.name != "peer" {
			continue
		}
		cache := "GOCACHE=" + b.path("cache-"+p.name)
		if err := b.warmStandardLibrary(ctx, cache); err != nil {
			return err
		}
		if err := os.Remove(b.path(p.name)); err != nil {
			return fmt.Errorf("remove the earlier build: %w", err)
		}
		cpu, wall, err := b.goBuild(ctx, p, cache)
		if err != nil {
			return err
		}
		info, err := os.Stat(b.path(p.name))
		if err != nil {
			return fmt.Errorf("look at %s: %w", p.name, err)
		}
		fmt.Fprintf(b.out, "| %s | %.1f | %.1f | %.2f |\n", p.name, cpu.Seconds(), wall.Seconds(), float64(info.Size())/1e6)
	}
	return nil
}

// warmStandardLibrary compiles what both programs could need of it, with the flags that they are built with.
func (b *bench) warmStandardLibrary(ctx context.Context, cache string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "std")
	cmd.Dir = b.root
	cmd.Env = append(os.Environ(), cache)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the standard library: %w\n%s", err, said)
	}
	return nil
}
