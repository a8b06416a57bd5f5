package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// step is one check. Its run writes what it has to say to out, which is shown if it fails, and counts itself as one
// check unless it returns a tally of its own. A leftOut error means that it could not run.
type step struct {
	name  string
	group string
	long  bool
	own   bool // looks only at what is slipway's own
	show  bool // show the output of a success too
	run   func(ctx context.Context, out io.Writer) (tally, error)
}

// tally counts the tests of one step; of those that skipped themselves it keeps the reason.
type tally struct {
	passed, failed int
	skipped        []string
}

// leftOut is why a step, or a part of it, did not run.
type leftOut string

func (l leftOut) Error() string { return string(l) }

// runSteps runs every step, whatever the others did, and reports whether nothing failed.
func runSteps(ctx context.Context, all []step, out io.Writer) bool {
	var total tally
	var missing, failed []string
	for _, s := range all {
		if ctx.Err() != nil {
			missing = append(missing, s.name+": interrupted")
			continue
		}
		got, err := runStep(ctx, s, out)
		if got.failed > 0 {
			why, _, _ := strings.Cut(fmt.Sprint(err), "\n")
			failed = append(failed, s.name+": "+why)
		}
		for _, reason := range got.skipped {
			missing = append(missing, s.name+": "+reason)
		}
		total.passed += got.passed
		total.failed += got.failed
	}
	for _, line := range missing {
		fmt.Fprintln(out, "left out:", line)
	}
	if ctx.Err() != nil {
		total.failed++
	}
	for _, line := range failed { // whoever sees the end alone, as of a build's log, sees what it was
		fmt.Fprintln(out, "failed:", line)
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", total.passed, total.failed)
	return total.failed == 0
}

// runStep runs and reports one step.
func runStep(ctx context.Context, s step, out io.Writer) (tally, error) {
	var said bytes.Buffer
	start := time.Now()
	got, err := s.run(ctx, &said)
	took := time.Since(start).Seconds()

	var left leftOut
	if errors.As(err, &left) {
		return tally{skipped: []string{string(left)}}, nil
	}
	count := ""
	switch n := got.passed + got.failed; {
	case n > 0:
		count = fmt.Sprintf("%d tests, ", n)
	case err == nil:
		got.passed = 1
	}
	if err != nil && got.failed == 0 {
		got.failed = 1
	}
	if got.failed == 0 {
		fmt.Fprintf(out, "ok   %s (%s%.1f s)\n", s.name, count, took)
	} else {
		fmt.Fprintf(out, "FAIL %s (%s%.1f s): %v\n", s.name, count, took, err)
	}
	if got.failed > 0 || s.show {
		fmt.Fprint(out, indent(said.String()))
	}
	return got, err
}

// maxShown is how many lines of one step are shown: the rest of a long list of findings says little more.
const maxShown = 200

// indent sets text off from the steps' own lines, leaving out the middle of what is too long.
func indent(text string) string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	if hidden := len(lines) - maxShown; hidden > 0 {
		note := fmt.Sprintf("... %d lines ...", hidden)
		lines = slices.Concat(lines[:maxShown/2], []string{note}, lines[len(lines)-maxShown/2:])
	}
	return "     " + strings.Join(lines, "\n     ") + "\n"
}
