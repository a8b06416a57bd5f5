// Command check is behind ./scripts/test.sh: it runs the repository's checks one after the other, goes on after a
// failure, counts what passed and failed, and says what it left out and why.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if errors.Is(err, errFailed) {
		os.Exit(1) // said already: the last line is the count
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "test.sh:", err)
		os.Exit(1)
	}
}

// errFailed ends a run whose failures have been printed.
var errFailed = errors.New("not everything passed")

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("test.sh", flag.ContinueOnError)
	flags.SetOutput(out)
	root := flags.String("root", ".", "the repository's root")
	long := flags.Bool("long", false, "also run what takes long: every Region, fuzzing, repeated updates under load")
	flags.Usage = func() {
		fmt.Fprintf(out, "usage: ./scripts/test.sh [--long] [%s ...]\n", strings.Join(groups, "|"))
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	wanted := flags.Args()
	for _, group := range wanted {
		if !slices.Contains(groups, group) {
			return fmt.Errorf("unknown group of checks %q: choose from %s, or none for all", group, strings.Join(groups, ", "))
		}
	}
	r := &repo{root: *root, long: *long}
	if !runSteps(ctx, selectSteps(steps(r), wanted, *long), out) {
		return errFailed
	}
	return nil
}

// selectSteps keeps the steps of the wanted groups (of all, if none is named), the long ones only where asked for.
func selectSteps(all []step, wanted []string, long bool) []step {
	return slices.DeleteFunc(slices.Clone(all), func(s step) bool {
		return len(wanted) > 0 && !slices.Contains(wanted, s.group) || s.long && !long
	})
}
