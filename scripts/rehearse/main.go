// Rehearse plays slipway's whole story on the local engine, in a copy of the project that it removes afterwards: launch,
// promotion, each gate and what stops at it, rollback, destroy.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes beside 0.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout)
	stop()
	os.Exit(code)
}

type options struct {
	project string // its folder
	short   bool
	keep    bool
}

func run(ctx context.Context, args []string, out io.Writer) int {
	var o options
	flags := flag.NewFlagSet("rehearse.sh", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.project, "root", ".", "the project's `folder`")
	flags.BoolVar(&o.short, "short", false, "only launch, one promotion and destroy, with two environments")
	flags.BoolVar(&o.keep, "keep", false, "leave everything up at the end, to look around, and say how to end it")
	flags.Usage = func() {
		fmt.Fprintln(out, "usage: ./scripts/rehearse.sh [--short] [--keep]")
		flags.PrintDefaults()
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintf(out, "rehearse.sh takes no argument %q; see --help\n", flags.Arg(0))
		return exitUsage
	}
	err := rehearse(ctx, o, out)
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintf(out, "\nstopped: %v\n", err)
		return exitInterrupted
	}
	fmt.Fprintf(out, "\nerror: %v\n", err)
	return exitFailed
}
