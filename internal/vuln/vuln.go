// Package vuln looks for known vulnerabilities in Go code with govulncheck, whose library it calls, and holds what is
// found against what is accepted.
package vuln

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/vuln/scan"
)

// Finding is one function with a known vulnerability.
type Finding struct {
	ID      string // GO-2026-1234
	Module  string // "stdlib" for Go's own library
	Version string
	Fixed   string // the version that mends it; empty where there is none yet
	Where   string // the vulnerable function
	Summary string

	symbol symbol
}

func (f Finding) String() string {
	remedy := "no version mends it yet"
	switch {
	case f.Fixed != "" && f.Module == "stdlib":
		remedy = "build with Go " + strings.TrimPrefix(f.Fixed, "v") + " or newer"
	case f.Fixed != "":
		remedy = fmt.Sprintf("go get %s@%s", f.Module, f.Fixed)
	}
	return fmt.Sprintf("%s: %s (%s in %s@%s); %s", f.ID, cmp.Or(f.Summary, "no summary"), f.Where, f.Module, f.Version, remedy)
}

// memoryLimit is from where on memory is collected as soon as it is free, not only when as much again has been used.
const memoryLimit = 5 << 29

// Source finds the vulnerable functions that the packages below dir call.
func Source(ctx context.Context, d Database, dir string, packages ...string) ([]Finding, error) {
	// The whole program in SSA form, the AWS SDK in it, may be some 3.5 GB otherwise, and the smallest build machines have 4.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(min(memoryLimit, debug.SetMemoryLimit(-1))))
	said, err := run(ctx, d, append([]string{"-C", dir}, packages...)...)
	if err != nil {
		return nil, err
	}
	return read(said)
}

// Binary finds the vulnerable functions in an executable. Of a stripped one govulncheck names all that its modules could
// have; those count that are linked in.
func Binary(ctx context.Context, d Database, file string) ([]Finding, error) {
	said, err := run(ctx, d, "-mode", "binary", file)
	if err != nil {
		return nil, err
	}
	found, err := read(said)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(f Finding) bool { return !f.symbol.isIn(content) }), nil
}

// run calls govulncheck and returns its stream of JSON messages.
func run(ctx context.Context, d Database, args ...string) (io.Reader, error) {
	var stdout, stderr bytes.Buffer
	cmd := scan.Command(ctx, append([]string{"-db", d.URL, "-format", "json"}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(""), &stdout, &stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run govulncheck: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("run govulncheck: %w\n%s", err, strings.TrimSpace(stderr.String()))
	}
	return &stdout, nil
}

// symbol is what a trace of govulncheck begins with: the vulnerable function, or less where it is not called.
type symbol struct{ Module, Version, Package, Function, Receiver string }

func (s symbol) String() string {
	if s.Receiver != "" {
		return s.Package + "." + strings.TrimPrefix(s.Receiver, "*") + "." + s.Function
	}
	return s.Package + "." + s.Function
}

// isIn looks for the function's name in an executable. Stripping leaves the table of names by which Go writes stack traces,
// with those that were inlined (go.dev/s/go12symtab); each ends with a zero.
func (s symbol) isIn(executable []byte) bool {
	// As the linker writes a package's path: the dots of its last element are escaped.
	dir, last := path.Split(s.Package)
	prefix, receiver := dir+strings.ReplaceAll(last, ".", "%2e")+".", strings.TrimPrefix(s.Receiver, "*")
	names := []string{s.Function, s.Function + "[...]"}
	if receiver != "" {
		names = []string{
			receiver + "." + s.Function, receiver + "[...]." + s.Function, "(*" + receiver + ")." + s.Function, "(*" + receiver + "[...])." + s.Function,
		}
	}
	return slices.ContainsFunc(names, func(name string) bool { return bytes.Contains(executable, []byte(prefix+name+"\x00")) })
}

// read keeps the functions that are called. That a module or a package has a vulnerability, and nobody calls it, is no
// finding.
// The messages are those of golang.org/x/vuln/internal/govulncheck, protocol v1.
func read(messages io.Reader) ([]Finding, error) {
	summaries := map[string]string{}
	called := map[string]Finding{}
	configured := false
	for decoder := json.NewDecoder(messages); ; {
		var message struct {
			Config  *struct{ ScannerName string }
			OSV     *struct{ ID, Summary string }
			Finding *struct {
				OSV          string
				FixedVersion string `json:"fixed_version"`
				Trace        []symbol
			}
		}
		err := decoder.Decode(&message)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read what govulncheck says: %w", err)
		}
		configured = configured || message.Config != nil
		if message.OSV != nil {
			summaries[message.OSV.ID] = message.OSV.Summary
		}
		if f := message.Finding; f != nil && len(f.Trace) > 0 && f.Trace[0].Function != "" {
			first := f.Trace[0]
			called[f.OSV+" "+first.String()] = Finding{ID: f.OSV, Module: first.Module, Version: first.Version, Fixed: f.FixedVersion, Where: first.String(), symbol: first}
		}
	}
	if !configured {
		return nil, errors.New("read what govulncheck says: it said nothing")
	}
	found := make([]Finding, 0, len(called))
	for _, f := range called {
		f.Summary = summaries[f.ID]
		found = append(found, f)
	}
	slices.SortFunc(found, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Where, b.Where))
	})
	return found, nil
}

// Judge writes every finding to out and fails where one is not accepted; accepted has the reasons by ID.
func Judge(out io.Writer, found []Finding, accepted map[string]string) error {
	var bad []string
	for _, f := range found {
		if reason, ok := accepted[f.ID]; ok {
			fmt.Fprintf(out, "accepted (%s): %s\n", reason, f)
			continue
		}
		fmt.Fprintln(out, f)
		bad = append(bad, f.ID)
	}
	if len(bad) > 0 {
		return fmt.Errorf("known vulnerabilities: %s: update what is named above, or accept it with its reason in security.accept of slipway.yaml", strings.Join(slices.Compact(bad), ", "))
	}
	return nil
}
