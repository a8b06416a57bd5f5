// Gen writes the CloudFormation templates that slipway.yaml asks for.
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

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/stacks"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit code: 0 done, 1 stale files or a fault in slipway.yaml, 2 wrong usage.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("gen", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "go run ./gen writes the templates that %s asks for, and says which files it created, changed or removed.\n", config.File)
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
	if err := generate(*root, *check, stdout); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func generate(root string, check bool, stdout io.Writer) error {
	cfg, err := config.Load(filepath.Join(root, config.File))
	if err != nil {
		return err
	}
	if err := cfg.CheckDockerfile(filepath.Join(root, config.Dockerfile)); err != nil {
		return err
	}
	files, err := render(cfg)
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
func render(cfg config.Config) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, file := range stacks.All(cfg) {
		text, err := file.Template.Render(header)
		if err != nil {
			return nil, fmt.Errorf("render %s/%s: %w", contract.TemplatesDir, file.Path, err)
		}
		files[file.Path] = text
	}
	return files, nil
}
