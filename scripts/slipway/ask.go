package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"slipway/internal/launch"
	"slipway/internal/plan"
)

// terminal says whether somebody sits in front of the input.
func (a *app) terminal() bool {
	file, ok := a.in.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// confirm asks and wants a yes.
func (a *app) confirm(ctx context.Context, what string) error {
	answer, err := a.ask(ctx, what+" Type yes to go on: ")
	if err != nil {
		return err
	}
	return a.judge(answer)
}

// confirmName asks for the name of a protected environment, which nobody types by habit.
func (a *app) confirmName(ctx context.Context, environment string) error {
	answer, err := a.ask(ctx, fmt.Sprintf("Environment %s is protected. Type its name to delete it with all its data: ", environment))
	switch {
	case err != nil:
		return err
	case strings.TrimSpace(answer) == environment:
		return nil
	case answer == "":
		fmt.Fprintln(a.err)
		return fmt.Errorf("nothing was changed: nobody is there to type the name of %s, which is protected; where it is meant to go, add --protected %[1]s", environment)
	}
	return fmt.Errorf("nothing was changed: %s is protected, and the answer was not its name", environment)
}

// ask reads a line; an input that has ended gives an empty one. An interrupt is heard at once, though reading goes on
// until the command ends.
func (a *app) ask(ctx context.Context, question string) (string, error) {
	fmt.Fprint(a.err, question)
	if a.lines == nil {
		a.lines = bufio.NewReader(a.in)
	}
	answers := make(chan string, 1)
	go func() {
		answer, _ := a.lines.ReadString('\n') // what there is before an error counts
		answers <- answer
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.err)
		return "", fmt.Errorf("%w: nothing was changed", launch.ErrInterrupted)
	case answer := <-answers:
		return answer, nil
	}
}

// allow lists risks and asks whether they are to be taken.
func (a *app) allow(ctx context.Context, risks ...plan.Risk) error {
	lines := []string{"This is risky:"}
	for _, r := range risks {
		lines = append(lines, fmt.Sprintf("  %s: %s", r.Name, r.Text))
	}
	answer, err := a.ask(ctx, strings.Join(lines, "\n")+"\nType yes to allow it: ")
	if err != nil {
		return launch.ErrInterrupted
	}
	if !yes(answer) {
		return errors.New("it is risky, and the answer was not yes")
	}
	return nil
}

func yes(answer string) bool {
	return slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(answer)))
}

func (a *app) judge(answer string) error {
	if yes(answer) {
		return nil
	}
	if answer == "" {
		fmt.Fprintln(a.err)
		return errors.New("nothing was changed: nobody is there to answer; add --yes to go on without being asked")
	}
	return errors.New("nothing was changed: the answer was not yes")
}
