package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"slipway/internal/docstest"
	"slipway/internal/launch"
	"slipway/internal/operate"
	"slipway/internal/plan"
)

var update = flag.Bool("update", false, "write the generated part of docs/commands.md")

const commandsPage = "../../docs/commands.md"

// printed is what each command prints as JSON.
var printed = map[string]reflect.Type{
	"deploy":   reflect.TypeFor[plan.Plan](),
	"destroy":  reflect.TypeFor[launch.DestroyReport](),
	"doctor":   reflect.TypeFor[diagnosis](),
	"events":   reflect.TypeFor[operate.Event](),
	"exec":     reflect.TypeFor[execution](),
	"hold":     reflect.TypeFor[holding](),
	"logs":     reflect.TypeFor[operate.Line](),
	"status":   reflect.TypeFor[operate.Report](),
	"diff":     reflect.TypeFor[difference](),
	"releases": reflect.TypeFor[listed](),
	"rollback": reflect.TypeFor[plan.Plan](),
	"promote":  reflect.TypeFor[plan.Plan](),
}

// streamed is what prints one JSON object a line, and not one document.
var streamed = []string{"events", "logs", "releases"}

// docs/commands.md is made from the commands themselves; go test ./scripts/slipway -run TestCommandsDocument -update writes it.
func TestCommandsDocument(t *testing.T) {
	docstest.Fresh(t, commandsPage, "go test ./scripts/slipway -run TestCommandsDocument -update", *update, map[string]string{"commands": commandsText(t)})
}

func commandsText(t *testing.T) string {
	var b strings.Builder
	told := map[reflect.Type]*cobra.Command{} // whose fields stand there already
	for _, c := range (&app{}).command().Commands() {
		if !c.IsAvailableCommand() || c.Name() == "help" {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n```text\n%s\n", script(c), c.Short, c.Long)
		if c.HasAvailableLocalFlags() {
			fmt.Fprintf(&b, "\nFlags:\n%s", c.LocalFlags().FlagUsages())
		}
		b.WriteString("```\n")
		if c.HasExample() {
			fmt.Fprintf(&b, "\nFor example:\n\n```sh\n%s\n```\n", unindented(c.Example))
		}
		if c.Flags().Lookup("json") != nil {
			kind, known := printed[c.Name()]
			if !known {
				t.Fatalf("%s has --json, and this test does not know what it prints", c.Name())
			}
			if first := told[kind]; first != nil {
				fmt.Fprintf(&b, "\n`--json` prints what `%s --json` prints.\n", script(first))
				continue
			}
			told[kind] = c
			if slices.Contains(streamed, c.Name()) {
				b.WriteString("\n`--json` prints an object a line.\n")
			}
			fmt.Fprintf(&b, "\n| field of `--json` | type | what |\n| --- | --- | --- |\n%s", fieldRows(t, "", kind))
		}
	}
	return b.String()
}

func unindented(example string) string {
	var lines []string
	for line := range strings.Lines(example) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Join(lines, "\n")
}

// fieldRows is the documentation of a type's fields, those of structs within included; each must have some.
func fieldRows(t *testing.T, path string, kind reflect.Type) string {
	t.Helper()
	var b strings.Builder
	for field := range kind.Fields() {
		if field.Anonymous {
			b.WriteString(fieldRows(t, path, field.Type))
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || name == "-" {
			continue
		}
		about := field.Tag.Get("doc")
		if about == "" || name == "" {
			t.Errorf("%s.%s has no documentation or no name", kind, field.Name)
		}
		if options == "omitempty" || options == "omitzero" {
			about += "; may be left out"
		}
		inner, what := jsonType(field.Type)
		fmt.Fprintf(&b, "| `%s%s` | %s | %s |\n", path, name, what, about)
		if inner != nil {
			next := path + name + "."
			if strings.HasPrefix(what, "list") {
				next = path + name + "[]."
			}
			b.WriteString(fieldRows(t, next, inner))
		}
	}
	return b.String()
}

// jsonType names a type; inner is the struct in it that has fields of its own.
func jsonType(kind reflect.Type) (inner reflect.Type, what string) {
	switch {
	case kind == reflect.TypeFor[json.RawMessage]():
		return nil, "any JSON"
	case kind.Kind() == reflect.Map:
		return nil, "object of texts by name"
	case kind == reflect.TypeFor[time.Time]():
		return nil, "time (RFC 3339)"
	case kind.Kind() == reflect.Pointer:
		return jsonType(kind.Elem())
	case kind.Kind() == reflect.Slice:
		inner, what := jsonType(kind.Elem())
		return inner, "list of " + what + "s"
	case kind.Kind() == reflect.Struct:
		return kind, "object"
	case kind.Kind() == reflect.String:
		return nil, "text"
	case kind.Kind() == reflect.Bool:
		return nil, "true or false"
	}
	return nil, "number"
}

// Every command that looks can be called in a script: its exit codes are said, and it has an example.
func TestLookingCommandsAreDescribed(t *testing.T) {
	for _, c := range (&app{}).command().Commands() {
		if c.Flags().Lookup("json") == nil {
			continue
		}
		wantSaid(t, strings.Join(strings.Fields(c.Long), " "), "Exit codes: 0 ", "; 1 ", "; 2 the command line", "; 3 ")
		wantSaid(t, c.Example, script(c))
		if _, err := os.Stat("../../scripts/" + c.Name() + ".sh"); err != nil {
			t.Error(err)
		}
	}
}
