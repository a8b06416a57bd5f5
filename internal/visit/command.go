package visit

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Exit codes of the task, beside 0.
const (
	ExitRefused = 1 // the service does not answer as it must
	ExitUsage   = 2 // it was not told what to ask
)

// Command is the task that asks: with these arguments, a list of checks as JSON, and a log. It returns the exit code, and the last
// line of the log says why.
func Command(ctx context.Context, arguments []string, checks string, out io.Writer) int {
	say := func(format string, args ...any) {
		fmt.Fprintln(out, strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " "))
	}
	flags := flag.NewFlagSet("visitor", flag.ContinueOnError)
	flags.SetOutput(out)
	v := Visitor{Say: say}
	flags.StringVar(&v.URL, "url", "", "where the service answers")
	balancer := flags.String("balancer", "", "the load balancer's own name, to be asked whatever DNS has for the URL")
	tasks := flags.Int("tasks", 1, "how many tasks have to answer")
	var behind []string
	flags.Func("task", "a task's address, host:port, to be asked itself; once for each, in the place of the load balancer", func(address string) error {
		_, _, err := net.SplitHostPort(address)
		behind = append(behind, address)
		return err
	})
	patience := flags.Duration("patience", 5*time.Minute, "how long that may take")
	flags.DurationVar(&v.Wrong, "wrong", 30*time.Second, "how long answers may be wrong")
	flags.DurationVar(&v.Poll, "poll", 5*time.Second, "time between two tries")
	if err := flags.Parse(arguments); err != nil {
		return ExitUsage
	}
	if err := json.Unmarshal([]byte(checks), &v.Checks); err != nil || v.URL == "" || *tasks < 1 {
		say("want -url, -tasks of at least 1, and a list of checks as JSON: %v", err)
		return ExitUsage
	}
	limited, cancel := context.WithTimeout(ctx, *patience)
	defer cancel()
	var err error
	if len(behind) > 0 {
		err = v.EachAnswered(limited, behind)
	} else {
		v.Client = NewClient(*balancer, NamedBy(say))
		err = v.Answered(limited, *tasks)
	}
	if err == nil && ctx.Err() != nil {
		err = errors.New("it was stopped")
	}
	if err != nil {
		say("%v", err)
		return ExitRefused
	}
	return 0
}
