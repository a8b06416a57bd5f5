package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"slipway/internal/operate"
)

func (a *app) logsCommand() *cobra.Command {
	var l look
	var environment, task string
	since := span(10 * time.Minute)
	var follow bool
	c := &cobra.Command{
		Use:   "logs",
		Short: "Show what the tasks' containers write",
		Long: `Shows the log lines of all containers of an environment, sidecars included, in the order of their time: time, container, task, message.
Only log lines go to stdout. With --follow it goes on until Ctrl-C; a line that was long under way is shown when it comes.

Exit codes: 0 all lines were shown, or following was ended with Ctrl-C; 1 the log could not be read; 2 the command line cannot
be meant; 3 the environment is not there; 130 interrupted before all was shown.`,
		Example: `  ./scripts/logs.sh --since 1h
  ./scripts/logs.sh --follow --local
  ./scripts/logs.sh --environment prod --task 25fdff94 --json`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.logs(c.Context(), l, operate.LogOptions{Environment: environment, Task: task, Since: since.start(), Follow: follow}, since)
		},
	}
	l.flags(c.Flags())
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is written from now on, until Ctrl-C")
	c.Flags().Var(&since, "since", "how far back to begin, as a `time span` such as 90s, 10m, 24h or 7d")
	c.Flags().StringVarP(&environment, "environment", "e", "", "environment, by `name` (default: the only one)")
	c.Flags().StringVar(&task, "task", "", "only this task, by its `id` or the beginning of it; one that has stopped has its log still")
	return c
}

func (a *app) logs(ctx context.Context, l look, o operate.LogOptions, since span) error {
	s, err := a.see(ctx, l.where)
	if err != nil {
		return err
	}
	if o.Environment, err = oneEnvironment(s.cfg, o.Environment); err != nil {
		return err
	}
	o.Say = func(text string) { fmt.Fprintln(a.err, text) }
	none := true
	write := a.lineWriter(l.json)
	err = whileItRuns(ctx, s.engine, func(ctx context.Context) error {
		return s.Logs(ctx, o, func(line operate.Line) error {
			none = false
			return write(line)
		})
	})
	if err == nil && none && !o.Follow {
		of, running := "", ""
		if o.Task != "" {
			of, running = " of a task "+o.Task, ", and ./scripts/status.sh names the tasks that run"
		}
		fmt.Fprintf(a.err, "no line%s in the last %v; --since goes further back%s\n", of, &since, running)
	}
	return told(ctx, err)
}

// lineWriter prints lines as JSON, or as text that does no harm to a terminal.
func (a *app) lineWriter(asJSON bool) func(operate.Line) error {
	if asJSON {
		out := json.NewEncoder(a.out)
		out.SetEscapeHTML(false)
		return func(line operate.Line) error { return out.Encode(line) }
	}
	p, shown := a.palette(), func(message string) string { return message }
	if a.outTerminal() {
		shown = func(message string) string { return harmless(message, bool(p)) }
	}
	return func(line operate.Line) error {
		from := line.Time.Format(logTime) + " " + line.Container + " " + line.Task[:min(len(line.Task), 8)]
		_, err := fmt.Fprintf(a.out, "%s %s\n", p.dim(from), shown(line.Message))
		return err
	}
}

const logTime = "2006-01-02T15:04:05.000Z07:00"

// colour is the one escape sequence that a log may send to a terminal (ECMA-48, select graphic rendition).
var colour = regexp.MustCompile(`\x1b\[[0-9;:]*m`)

// harmless keeps a message from doing more to a terminal than colouring its text, where that is wanted.
func harmless(message string, colours bool) string {
	var b strings.Builder
	rest := message
	for rest != "" {
		next := colour.FindStringIndex(rest)
		if next == nil {
			next = []int{len(rest), len(rest)}
		}
		b.WriteString(strings.Map(printable, rest[:next[0]]))
		if colours {
			b.WriteString(rest[next[0]:next[1]])
		}
		rest = rest[next[1]:]
	}
	if colours && colour.MatchString(message) {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}

func printable(r rune) rune {
	if r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
		return utf8.RuneError
	}
	return r
}
