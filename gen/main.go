// Gen writes the CloudFormation templates that slipway.yaml asks for, with what override.yaml changes in them.
//
//	go run ./gen          writes templates/ and says what changed
//	go run ./gen -check   writes nothing; exits 1 and names the files that are not up to date
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/override"
	"slipway/internal/stacks"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit code: 0 done, 1 stale files or a fault in slipway.yaml or override.yaml, 2 wrong usage.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("gen", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "go run ./gen writes the templates that %s asks for, with what %s changes in them, and says which files it created, changed or removed.\n",
			config.File, override.File)
		flags.PrintDefaults()
	}
	check := flags.Bool("check", false, "write nothing; exit 1 and name the files that are not up to date")
	root := flags.String("root", ".", "the `folder` that holds slipway.yaml and templates/")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "gen takes no arguments, only flags: %q\n", flags.Args())
		return 2
	}
	if err := generate(*root, *check, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func generate(root string, check bool, stdout, stderr io.Writer) error {
	cfg, err := config.Load(filepath.Join(root, config.File))
	if err != nil {
		return err
	}
	if err := cfg.CheckDockerfile(filepath.Join(root, config.Dockerfile)); err != nil {
		return err
	}
	overrides, err := override.Load(filepath.Join(root, override.File))
	if err != nil {
		return err
	}
	files, warnings, err := render(cfg, overrides)
	if err != nil {
		return err
	}
	dir := folder(filepath.Join(root, contract.TemplatesDir))
	changes, err := dir.compare(files)
	if err != nil {
		return err
	}
	if check {
		return stale(changes)
	}
	for _, warning := range warnings {
		fmt.Fprintln(stderr, warning)
	}
	for _, c := range changes {
		if err := dir.apply(c); err != nil {
			return fmt.Errorf("update %s/%s: %w; mend that and run gen again, it goes on from here", contract.TemplatesDir, c.path, err)
		}
		fmt.Fprintln(stdout, c)
	}
	if len(changes) == 0 {
		fmt.Fprintf(stdout, "%s/ is up to date (%d files)\n", contract.TemplatesDir, len(files))
	}
	return nil
}

// render makes the text of every template before the first is written: a fault leaves all files as they were.
func render(cfg config.Config, overrides override.Overrides) (files map[string][]byte, warnings []string, err error) {
	all := stacks.All(cfg)
	overridden, err := overrides.Apply(all)
	if err != nil {
		return nil, nil, err
	}
	files = map[string][]byte{}
	for _, file := range all {
		text, err := file.Template.Render(headerOf(overridden.Changed[file.Path]))
		if err != nil {
			return nil, nil, fmt.Errorf("render %s/%s: %w", contract.TemplatesDir, file.Path, err)
		}
		if file.Path == contract.FoundationTemplate && len(text) > maxFoundation {
			return nil, nil, fmt.Errorf("render %s/%s: it has %d bytes; it is sent as text, which may have at most %d", contract.TemplatesDir, file.Path, len(text), maxFoundation)
		}
		files[file.Path] = text
	}
	return files, overridden.Warnings, nil
}

// maxFoundation is the most that CloudFormation takes as text, in bytes; the foundation is what makes the bucket for the
// other templates (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
const maxFoundation = 51_200

// headerOf is the header of a file in which some resources, by logical id, are overridden.
func headerOf(overridden []string) string {
	if len(overridden) == 0 {
		return header
	}
	return header + "\n" + override.File + " changes in it: " + strings.Join(overridden, ", ") + "."
}
