package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"slipway/internal/config"
	"slipway/internal/operate"
)

// sessionPlugin is the program that ECS Exec's sessions are held with.
const sessionPlugin = "session-manager-plugin"

// getPlugin says where it comes from.
const getPlugin = "install it: docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html"

// defaultShell is what runs where no command is named.
const defaultShell = "/bin/sh"

// execution is what exec prints as JSON.
type execution struct {
	Ready bool `json:"ready" doc:"a session could be opened: there are no problems"`
	operate.Target
}

// execWhere says in which container.
type execWhere struct{ environment, task, container string }

func (a *app) execCommand() *cobra.Command {
	var l look
	var in execWhere
	c := &cobra.Command{
		Use:   "exec [flags] [-- command [argument ...]]",
		Short: "Run a command in a container of a running task",
		Long: `Opens a session with ECS Exec and runs a command in it, a shell where none is named. First it looks at everything that such a
session is known to fail of, and says how to mend it: service.exec, whether the task was started with it, the agent's state, a
read-only root file system, session-manager-plugin on the PATH. With --json it only looks, and prints what it found.
With --local it runs the command in the task's container in Docker; where tasks are processes there is nothing to run it in.
On AWS it takes the rights of the policy operate (docs/permissions.md), printed with service.exec on.

Exit codes: 0 the session ended well, or with --json: could begin; 1 it cannot begin, or ended otherwise; 2 the command line cannot
be meant; 3 the environment is not there. On AWS the command's own exit code is not known to ECS; with --local it is passed on.`,
		Example: `  ./scripts/exec.sh
  ./scripts/exec.sh --environment prod --task 25fdff94 -- /bin/ls -l /
  ./scripts/exec.sh --json`,
		RunE: func(c *cobra.Command, command []string) error {
			if len(command) > 0 && c.ArgsLenAtDash() != 0 {
				return usageError{fmt.Errorf("the command stands behind --, as in %s -- %s; see %s --help", script(c), strings.Join(command, " "), script(c))}
			}
			return a.exec(c.Context(), l, in, command)
		},
	}
	l.flags(c.Flags())
	c.Flags().StringVarP(&in.environment, "environment", "e", "", "environment, by `name` (default: the only one)")
	c.Flags().StringVar(&in.task, "task", "", "task, by its `id` or the beginning of it (default: the newest that runs)")
	c.Flags().StringVar(&in.container, "container", "", "container, by `name` (default: the application's)")
	return c
}

func (a *app) exec(ctx context.Context, l look, in execWhere, command []string) error {
	s, err := a.see(ctx, l.where)
	if err != nil {
		return err
	}
	if in.environment, err = oneEnvironment(s.cfg, in.environment); err != nil {
		return err
	}
	if len(command) == 0 {
		command = []string{defaultShell}
	}
	target, err := s.Find(ctx, in.environment, in.task, in.container)
	if err != nil {
		return told(ctx, err)
	}
	if s.engine == nil {
		target.Problems = append(execProblems(s.cfg), target.Problems...)
	} else {
		target.Problems = []operate.Problem{} // Docker needs no agent in the container
	}
	if l.json {
		err = a.printJSON(execution{len(target.Problems) == 0, target})
		if err == nil && len(target.Problems) > 0 {
			return exitCode(exitFailed)
		}
		return err
	}
	if len(target.Problems) > 0 {
		return unready(target)
	}
	argv, err := s.session(ctx, target, command, a.terminal())
	if err != nil {
		return told(ctx, err)
	}
	err = a.hold(argv)
	if s.engine != nil && command[0] == defaultShell && lacksProgram(err) {
		fmt.Fprintf(a.err, "the container has no %s, as one FROM scratch has none: name a program of its own behind --\n", defaultShell)
	}
	return err
}

// lacksProgram tells, by Docker's exit codes, that a program is not there or cannot be executed (docs.docker.com/engine/containers/run/#exit-status).
func lacksProgram(err error) bool {
	code, ended := errors.AsType[exitCode](err)
	return ended && (code == 126 || code == 127)
}

// execProblems are those that are known without asking AWS.
func execProblems(cfg config.Config) []operate.Problem {
	var found []operate.Problem
	if !cfg.Service.Exec {
		found = append(found, operate.Problem{
			Found: "service.exec is off in " + config.File,
			Fix:   "set service.exec to true and service.readOnlyRoot to false, run `go run ./gen` and ./scripts/deploy.sh; the image must have a shell, which one FROM scratch has not",
		})
	}
	if _, err := exec.LookPath(sessionPlugin); err != nil {
		found = append(found, operate.Problem{Found: sessionPlugin + " is not on the PATH", Fix: getPlugin})
	}
	return found
}

func unready(t operate.Target) error {
	lines := []string{fmt.Sprintf("no session can be opened with container %s of task %s:", t.Container, t.Task)}
	for _, p := range t.Problems {
		lines = append(lines, "  "+p.Found+"\n    -> "+p.Fix)
	}
	return errors.New(strings.Join(lines, "\n"))
}

// session is the program that holds it, with its arguments.
func (s sight) session(ctx context.Context, t operate.Target, command []string, terminal bool) ([]string, error) {
	if s.engine != nil {
		id, err := s.engine.Container(ctx, t.Task, t.Container)
		if err != nil {
			return nil, err
		}
		argv := []string{"docker", "exec", "--interactive"}
		if terminal {
			argv = append(argv, "--tty")
		}
		return append(append(argv, id), command...), nil
	}
	args, err := s.Open(ctx, t, quoted(command))
	return append([]string{sessionPlugin}, args...), err
}

// quoted is one line of a command's words: ECS takes a line, which the agent splits into words as a shell does.
func quoted(command []string) string {
	var words []string
	for _, word := range command {
		if word == "" || strings.ContainsAny(word, " \t\n\"'\\$&|;<>()*?[]#~`!{}") {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// hold runs a program on this command's terminal until it ends. Interrupts are its own affair: they are typed for what runs
// in the session.
func (a *app) hold(argv []string) error {
	typed := make(chan os.Signal, 1)
	signal.Notify(typed, os.Interrupt, syscall.SIGQUIT, syscall.SIGTSTP)
	defer signal.Stop(typed)
	held := exec.Command(argv[0], argv[1:]...)
	held.Stdin, held.Stdout, held.Stderr, held.Env = a.in, a.out, a.err, a.environ
	err := held.Run()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		return exitCode(max(ended.ExitCode(), exitFailed))
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", argv[0], err)
	}
	return nil
}
