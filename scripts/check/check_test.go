package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRunStepsGoesOnAfterAFailureAndCounts(t *testing.T) {
	var ran []string
	fake := func(name string, got tally, err error) step {
		return step{name: name, run: func(_ context.Context, out io.Writer) (tally, error) {
			ran = append(ran, name)
			fmt.Fprintln(out, "said by", name)
			return got, err
		}}
	}
	var out bytes.Buffer
	passed := runSteps(t.Context(), []step{
		fake("broken", tally{}, errors.New("exit status 1")),
		fake("absent", tally{}, fmt.Errorf("look: %w", leftOut("there is no such thing"))),
		fake("tests", tally{passed: 4, failed: 2, skipped: []string{"TestX: no engine"}}, errors.New("exit status 1")),
		fake("good", tally{}, nil),
	}, &out)
	if passed {
		t.Error("two steps failed, and the run passed")
	}
	if diff := cmp.Diff([]string{"broken", "absent", "tests", "good"}, ran); diff != "" {
		t.Errorf("steps that ran (-want +got):\n%s", diff)
	}
	for _, want := range []string{
		"FAIL broken (", "     said by broken\n", "FAIL tests (6 tests, ", "ok   good (",
		"\nfailed: broken: exit status 1\nfailed: tests: exit status 1\n5 passed, 3 failed\n",
		"left out: absent: there is no such thing\n", "left out: tests: TestX: no engine\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "said by good") {
		t.Errorf("the output of a success is shown:\n%s", out.String())
	}
	if !strings.HasSuffix(out.String(), "\n5 passed, 3 failed\n") {
		t.Errorf("unexpected last line in:\n%s", out.String())
	}
}

func TestRunStepsFailsWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	never := step{name: "never", run: func(context.Context, io.Writer) (tally, error) {
		t.Error("a step ran after the interrupt")
		return tally{}, nil
	}}
	if runSteps(ctx, []step{never}, &out) {
		t.Error("an interrupted run passed")
	}
	if want := "left out: never: interrupted\n0 passed, 1 failed\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestTestEventsCount(t *testing.T) {
	tests := map[string]struct {
		events string
		want   tally
		said   string
	}{
		"a test with subtests counts by its subtests": {
			events: `{"Action":"pass","Package":"p","Test":"TestA/one"}
{"Action":"pass","Package":"p","Test":"TestA/two"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestAlone"}
{"Action":"pass","Package":"p"}`,
			want: tally{passed: 3},
		},
		"a failure shows its own output only": {
			events: `{"Action":"output","Package":"p","Test":"TestA","Output":"bad\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"fine\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"fail","Package":"p"}`,
			want: tally{passed: 1, failed: 1},
			said: "bad\n",
		},
		"a package that does not build is one failure": {
			events: `{"ImportPath":"p [p.test]","Action":"build-output","Output":"undefined: x\n"}
{"ImportPath":"p [p.test]","Action":"build-fail"}
{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}`,
			want: tally{failed: 1},
			said: "undefined: x\n",
		},
		"a parent that fails after its subtests passed": {
			events: `{"Action":"pass","Package":"p","Test":"TestA/one"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}`,
			want: tally{passed: 1, failed: 1},
		},
		"a test that was cut off is a failure, and tells where it was": {
			events: `{"Action":"run","Package":"p","Test":"TestFine"}
{"Action":"pass","Package":"p","Test":"TestFine"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestA/deep"}
{"Action":"output","Package":"p","Test":"TestA/deep","Output":"panic: test timed out after 6m0s\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t360 s\n"}
{"Action":"fail","Package":"p"}`,
			want: tally{passed: 1, failed: 1},
			said: "FAIL\tp\t360 s\npanic: test timed out after 6m0s\n",
		},
		"a measurement is shown of a success too": {
			events: `{"Action":"output","Package":"p","Test":"TestA","Output":"    report: 3 s\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p"}`,
			want: tally{passed: 1},
			said: "3 s\n",
		},
		"a skip is named with its reason": {
			events: `{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: no engine\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p"}`,
			want: tally{skipped: []string{"TestA: a_test.go:3: no engine"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			events := newTestEvents()
			if err := events.read(strings.NewReader(test.events)); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			got := events.report(&said)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(tally{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if said.String() != test.said {
				t.Errorf("said %q, want %q", said.String(), test.said)
			}
		})
	}
}

func TestSelectSteps(t *testing.T) {
	all := []step{{name: "a", group: groupLint}, {name: "b", group: groupUnit, long: true}, {name: "c", group: groupUnit}}
	tests := map[string]struct {
		wanted []string
		long   bool
		want   string
	}{
		"everything":       {want: "a c"},
		"everything, long": {long: true, want: "a b c"},
		"one group":        {wanted: []string{groupUnit}, want: "c"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var names []string
			for _, s := range selectSteps(all, test.wanted, test.long) {
				names = append(names, s.name)
			}
			if got := strings.Join(names, " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestBaseImage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Dockerfile")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("# syntax\nFROM --platform=$BUILDPLATFORM registry/golang:1.26 AS build\nFROM scratch\n")
	if got, err := baseImage(file); err != nil || got != "registry/golang:1.26" {
		t.Errorf("got %q, %v", got, err)
	}
	write("RUN true\n")
	if got, err := baseImage(file); err == nil {
		t.Errorf("got %q, want an error", got)
	}
}

func TestIndentLeavesOutTheMiddle(t *testing.T) {
	got := indent(strings.Repeat("line\n", maxShown+50))
	if lines := strings.Count(got, "\n"); lines != maxShown+1 || !strings.Contains(got, "... 50 lines ...") {
		t.Errorf("%d lines shown:\n%s", lines, got)
	}
}

// What the checks have compiled is found in Go's cache by scripts/build.sh, and the other way round: else all of the AWS SDK is
// compiled twice.
func TestChecksCompileAsTheScriptsDo(t *testing.T) {
	script, err := os.ReadFile("../build.sh")
	if err != nil {
		t.Fatal(err)
	}
	var build string
	for line := range strings.Lines(string(script)) {
		if strings.Contains(line, " go build ") {
			build = strings.TrimSpace(line)
		}
	}
	settings, _, ok := strings.Cut(build, " go build ")
	if !ok {
		t.Fatalf("scripts/build.sh builds nothing:\n%s", script)
	}
	list := []string{"list", "-export", "-f", "{{.Export}}", "github.com/aws/smithy-go"}
	if strings.Contains(build, " -trimpath ") {
		list = slices.Insert(list, 1, "-trimpath")
	}
	r := &repo{root: "../.."}
	byScripts := r.command(t.Context(), io.Discard, "go", list...)
	byScripts.Env, byScripts.Stdout = append(os.Environ(), "GOFLAGS=", settings), nil
	want, err := byScripts.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.output(t.Context(), "go", slices.DeleteFunc(list, func(s string) bool { return s == "-trimpath" })...); err != nil || got != string(want) {
		t.Errorf("the checks compile it into %s, scripts/build.sh into %s: %v", got, want, err)
	}
}
