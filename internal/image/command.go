package image

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// errorLines is how much of a tool's output an error repeats; all of it went to the log.
const errorLines = 20

// runLogged copies what the command says to log, and repeats the end of it in the error.
func runLogged(cmd *exec.Cmd, log io.Writer) error {
	var said bytes.Buffer
	both := io.MultiWriter(log, &said)
	cmd.Stdout, cmd.Stderr = both, both
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, lastLines(said.String(), errorLines))
	}
	return nil
}

// output returns what the command says on stdout, without the spaces around it, and what it says on stderr as error.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
		return "", errors.New(lastLines(string(exit.Stderr), errorLines))
	}
	return strings.TrimSpace(string(out)), err
}

func lastLines(text string, count int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}
