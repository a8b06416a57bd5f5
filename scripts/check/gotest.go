package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// testLimit ends the tests of a package that hang. The longest take three minutes on two processors that have nothing else to do.
const testLimit = "12m"

// goTest runs `go test -json` with the given arguments, counts the tests and writes the output of those that failed.
// A test with subtests counts by its subtests.
func (r *repo) goTest(ctx context.Context, out io.Writer, env []string, args ...string) (tally, error) {
	return r.goTestKept(ctx, out, io.Discard, env, args...)
}

// goTestKept is goTest that also writes all that go test says, as JSON, to kept.
func (r *repo) goTestKept(ctx context.Context, out, kept io.Writer, env []string, args ...string) (tally, error) {
	var stdout, stderr bytes.Buffer
	cmd := r.command(ctx, &stderr, "go", append([]string{"test", "-json", "-timeout", testLimit}, args...)...)
	cmd.Stdout = io.MultiWriter(&stdout, kept)
	cmd.Env = append(cmd.Environ(), env...)
	runErr := cmd.Run()
	events := newTestEvents()
	if err := events.read(&stdout); err != nil {
		return tally{}, err
	}
	got := events.report(out)
	if runErr != nil {
		fmt.Fprint(out, stderr.String())
		got.failed = max(got.failed, 1)
		return got, fmt.Errorf("run go test: %w", runErr)
	}
	if got.passed+got.failed == 0 {
		return got, errors.New("go test ran no test")
	}
	return got, nil
}

// testEvents collects what `go test -json` says: see `go doc test2json`.
type testEvents struct {
	results map[testID]string   // the last word on each test: run while it does, pass, fail or skip
	said    map[testID][]string // its output, in order
	reports []string            // measurements, shown whatever the result
}

// reportMark begins a line of output that is a measurement.
const reportMark = "report: "

// testID names a test; a package's own events have no test, those of a build no more than an import path.
type testID struct{ pkg, test string }

func newTestEvents() *testEvents {
	return &testEvents{results: map[testID]string{}, said: map[testID][]string{}}
}

func (e *testEvents) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			e.add(line)
		}
		if errors.Is(err, io.EOF) {
			e.cutOff()
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the output of go test: %w", err)
		}
	}
}

// cutOff counts as failures the tests that have begun and not ended: their package was ended, as by the time limit.
func (e *testEvents) cutOff() {
	for id, result := range e.results {
		if result == "run" {
			e.results[id] = "fail"
		}
	}
}

func (e *testEvents) add(line []byte) {
	var event struct{ Action, Package, ImportPath, Test, Output string }
	if err := json.Unmarshal(line, &event); err != nil {
		// Not an event, for example a complaint of the go command: it belongs to the whole run.
		e.said[testID{}] = append(e.said[testID{}], string(line))
		return
	}
	id := testID{event.Package + event.ImportPath, event.Test}
	switch event.Action {
	case "output", "build-output":
		e.said[id] = append(e.said[id], event.Output)
		if line := strings.TrimSpace(event.Output); strings.HasPrefix(line, reportMark) {
			e.reports = append(e.reports, strings.TrimPrefix(line, reportMark)+"\n")
		}
	case "run", "pass", "fail", "skip":
		e.results[id] = event.Action
	case "build-fail":
		e.results[id] = "build-fail" // its package fails too, and is what counts
	}
}

// report writes the measurements and the output of what failed, and counts the tests. A package that fails without a failing test (it does
// not build, or its TestMain fails) counts as one failure.
func (e *testEvents) report(out io.Writer) tally {
	var got tally
	for _, line := range slices.Concat(e.reports, e.said[testID{}]) {
		fmt.Fprint(out, line)
	}
	for _, id := range e.sorted() {
		result := e.results[id]
		if result == "fail" || result == "build-fail" {
			fmt.Fprint(out, strings.Join(e.said[id], ""))
		}
		switch {
		case id.test == "" && result == "fail" && !e.hasFailedTest(id.pkg):
			got.failed++
		case id.test != "" && result == "skip":
			got.skipped = append(got.skipped, skipReason(id, e.said[id]))
		case id.test == "" || e.hasSubtests(id):
		case result == "fail":
			got.failed++
		default:
			got.passed++
		}
	}
	return got
}

// skipReason names a skipped test and quotes what it said, without the test runner's own lines.
func skipReason(id testID, said []string) string {
	var why []string
	for _, line := range said {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			why = append(why, line)
		}
	}
	return id.test + ": " + strings.Join(why, " ")
}

func (e *testEvents) sorted() []testID {
	return slices.SortedFunc(maps.Keys(e.results), func(a, b testID) int {
		return strings.Compare(a.pkg+" "+a.test, b.pkg+" "+b.test)
	})
}

func (e *testEvents) hasFailedTest(pkg string) bool {
	for id, result := range e.results {
		if id.pkg == pkg && id.test != "" && result == "fail" {
			return true
		}
	}
	return false
}

// hasSubtests says whether a subtest has the same result as its parent, so that counting both would count it twice.
func (e *testEvents) hasSubtests(parent testID) bool {
	for id, result := range e.results {
		if id.pkg == parent.pkg && strings.HasPrefix(id.test, parent.test+"/") && result == e.results[parent] {
			return true
		}
	}
	return false
}
