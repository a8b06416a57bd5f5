package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

var errDeclined = errors.New("nothing was changed: the answer was not yes")

// terminal says whether somebody sits in front of the input.
func (a *app) terminal() bool {
	file, ok := a.in.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// confirm asks and wants a yes. An input that has ended gives none.
func (a *app) confirm(what string) error {
	fmt.Fprintf(a.err, "%s Type yes to go on: ", what)
	answer, err := bufio.NewReader(a.in).ReadString('\n')
	if errors.Is(err, io.EOF) && answer == "" {
		fmt.Fprintln(a.err)
		return errors.New("nothing was changed: nobody is there to answer; add --yes to go on without being asked")
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}
