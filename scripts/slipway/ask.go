package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"slipway/internal/launch"
)

// terminal says whether somebody sits in front of the input.
func (a *app) terminal() bool {
	file, ok := a.in.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// confirm asks and wants a yes. An input that has ended gives none. An interrupt is heard at once, though reading goes on
// until the command ends.
func (a *app) confirm(ctx context.Context, what string) error {
	fmt.Fprintf(a.err, "%s Type yes to go on: ", what)
	answers := make(chan string, 1)
	go func() {
		answer, _ := bufio.NewReader(a.in).ReadString('\n') // what there is before an error counts
		answers <- answer
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.err)
		return fmt.Errorf("%w: nothing was changed", launch.ErrInterrupted)
	case answer := <-answers:
		return a.judge(answer)
	}
}

func (a *app) judge(answer string) error {
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	if answer == "" {
		fmt.Fprintln(a.err)
		return errors.New("nothing was changed: nobody is there to answer; add --yes to go on without being asked")
	}
	return errors.New("nothing was changed: the answer was not yes")
}
