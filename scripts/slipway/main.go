// Slipway is the command behind the scripts: deploy.sh, destroy.sh and stage.sh build and run it at the repository's root.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"slipway/internal/launch"
	"slipway/internal/suggest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the command at once
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}, os.Environ()))
}

// streams are what a command reads and writes. Outputs go to out, everything else to err.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// Exit codes beside 0.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitAbsent      = 3   // what was asked for is not there
	exitInterrupted = 130 // as a shell has it for SIGINT
)

// run returns the exit code. The SDK reads AWS's own variables from the process; the rest comes from environ.
func run(ctx context.Context, args []string, s streams, environ []string) int {
	a := &app{streams: s, environ: environ, args: args}
	root := a.command()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	err = errors.Join(err, a.logReport(err))
	_, usage := errors.AsType[usageError](err)
	code, said := errors.AsType[exitCode](err)
	switch {
	case err == nil:
		return 0
	case said:
		return int(code)
	case errors.Is(err, launch.ErrInterrupted):
		fmt.Fprintf(s.err, "stopped: %v\n", err)
		return exitInterrupted
	case ctx.Err() != nil:
		fmt.Fprintf(s.err, "stopped: %v\nWhat was begun goes on by itself; run the same command again to go on\n", err)
		return exitInterrupted
	case usage:
		fmt.Fprintf(s.err, "error: %v\n", err)
		return exitUsage
	case errors.Is(err, launch.ErrNoCredentials):
		fmt.Fprintf(s.err, "error: %v\nGive some (AWS_PROFILE or --profile, `aws sso login`, AWS_ACCESS_KEY_ID), or rehearse on this machine without any: add --local\n", err)
		return exitFailed
	case absent(err):
		fmt.Fprintf(s.err, "%v\n", err)
		return exitAbsent
	}
	fmt.Fprintf(s.err, "error: %v\n", err)
	return exitFailed
}

// command is the whole tree of commands.
func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:               "slipway",
		Short:             "Launch a container service on AWS with its delivery pipeline, and take it away again",
		Args:              knownCommand,
		RunE:              func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(a.deployCommand(), a.destroyCommand(), a.stageCommand())
	root.AddCommand(a.statusCommand(), a.logsCommand(), a.eventsCommand(), a.doctorCommand(), a.execCommand(), a.completionCommand())
	root.AddCommand(a.releasesCommand(), a.rollbackCommand(), a.promoteCommand(), a.diffCommand(), a.pushCommand(), a.holdCommand())
	completeEnvironments(root.Commands())
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w%s see %s --help", err, nearFlag(c, err), script(c))}
	})
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{.UseLine}}", "{{if .HasParent}}./scripts/{{.Name}}.sh{{slice .UseLine (len .CommandPath)}}{{else}}{{.UseLine}}{{end}}", 1))
	return root
}

// nearFlag names the flag that was probably meant, and ends its sentence.
func nearFlag(c *cobra.Command, err error) string {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok || len(unknown.GetSpecifiedName()) < 2 {
		return ";"
	}
	var flags []string
	c.Flags().VisitAll(func(f *pflag.Flag) { flags = append(flags, "--"+f.Name) })
	return cmp.Or(suggest.DidYouMean("--"+unknown.GetSpecifiedName(), flags), ";")
}

// knownCommand refuses a word that is no command, and names the nearest.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	near := ""
	c.SuggestionsMinimumDistance = 2
	if names := c.SuggestionsFor(args[0]); len(names) > 0 {
		near = fmt.Sprintf("did you mean %s? ", strings.Join(names, " or "))
	}
	return usageError{fmt.Errorf("there is no command %q; %ssee %s --help", args[0], near, script(c))}
}

// script is how a user calls a command: nobody has the command itself on the PATH.
func script(c *cobra.Command) string {
	if !c.HasParent() {
		return c.Name()
	}
	return "./scripts/" + c.Name() + ".sh"
}

// usageError is a command line that cannot be meant.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// noArguments refuses words behind a command; they would otherwise be ignored.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return takes(c, args, "flags only")
	}
	return nil
}

// takes refuses the words behind a command that takes others, or more.
func takes(c *cobra.Command, args []string, what string) error {
	given := "and none was given"
	if len(args) > 0 {
		var quoted []string
		for _, arg := range args {
			quoted = append(quoted, strconv.Quote(arg))
		}
		given = "not " + strings.Join(quoted, ", ")
	}
	return usageError{fmt.Errorf("%s takes %s, %s; see %s --help", script(c), what, given, script(c))}
}
