package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/launch"
	"slipway/internal/local"
	"slipway/internal/progress"
	"slipway/internal/source"
	"slipway/internal/standin"
)

// app is what all commands share.
type app struct {
	streams
	environ []string      // NAME=value, as os.Environ has it
	args    []string      // the command line
	lines   *bufio.Reader // of in, once something was asked
}

// again is how to call this command as it was called, for a shell.
func (a *app) again() string {
	words := []string{"./scripts/" + a.args[0] + ".sh"}
	for _, word := range a.args[1:] {
		if strings.ContainsFunc(word, func(r rune) bool { return !strings.ContainsRune(plainCharacters, r) }) || word == "" {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// plainCharacters mean themselves in every shell.
const plainCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./:@,+"

// getenv is a variable's value, empty where it is not set.
func (a *app) getenv(name string) string {
	for _, entry := range a.environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// where are the flags that say which account and Region a command works in.
type where struct {
	local           bool
	region, profile string
}

func (w *where) flags(f *pflag.FlagSet) {
	f.BoolVar(&w.local, "local", false, "work on this machine's local engine instead of AWS")
	f.StringVar(&w.region, "region", "", "AWS Region, by `name` (default: AWS_REGION or the profile's)")
	f.StringVar(&w.profile, "profile", "", "profile of the AWS configuration files, by `name` (default: AWS_PROFILE)")
}

// check refuses flags that contradict each other.
func (w *where) check() error {
	if w.local && (w.region != "" || w.profile != "") {
		return usageError{errors.New("--region and --profile are for AWS, and --local works without it: leave out one or the other")}
	}
	return nil
}

// localPoll and awsPoll are the times between two looks: nobody else shares the local engine.
const (
	localPoll = 150 * time.Millisecond
	awsPoll   = 5 * time.Second
)

// project is the repository that the command was called in.
func project() (root string, cfg config.Config, err error) {
	if root, err = os.Getwd(); err != nil {
		return "", cfg, err
	}
	cfg, err = config.Load(filepath.Join(root, config.File))
	return root, cfg, err
}

// display shows progress as a tree on a terminal that can draw one, and as lines elsewhere.
func (a *app) display() *progress.Display {
	file, ok := a.err.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) || a.getenv("TERM") == "dumb" {
		return progress.New(a.err, progress.Screen{})
	}
	return progress.New(a.err, progress.Screen{
		Color: a.getenv("NO_COLOR") == "",
		Size: func() (columns, rows int) {
			columns, rows, err := term.GetSize(int(file.Fd()))
			if err != nil || columns < 1 || rows < 1 {
				return 80, 24
			}
			return columns, rows
		},
	})
}

// inBuild is the id of the build of CodeBuild's that this runs in, if any (docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html).
func (a *app) inBuild() string { return a.getenv("CODEBUILD_BUILD_ID") }

// machine tells others where this runs.
func (a *app) machine() string {
	if build := a.inBuild(); build != "" {
		return build
	}
	name, _ := os.Hostname() // who cannot tell is nameless
	return name
}

// launcher puts a launcher together for AWS or, given an engine, for this machine.
func (a *app) launcher(ctx context.Context, root string, cfg config.Config, w where, engine *local.Engine) (*launch.Launcher, error) {
	tree, err := source.List(ctx, root)
	if err != nil {
		return nil, err
	}
	for _, path := range tree.Untracked {
		fmt.Fprintf(a.err, "warning: %s is neither tracked by git nor ignored, so it is not deployed\n", path)
	}
	slipway, err := os.ReadFile(filepath.Join(root, config.File))
	if err != nil {
		return nil, err
	}
	l, err := a.sourceless(ctx, root, cfg, w, engine)
	if err == nil {
		l.Slipway, l.Templates, l.Source = string(slipway), os.DirFS(filepath.Join(root, contract.TemplatesDir)), tree
	}
	return l, err
}

// sourceless is a launcher that knows nothing of the working tree but the application's name.
func (a *app) sourceless(ctx context.Context, root string, cfg config.Config, w where, engine *local.Engine) (*launch.Launcher, error) {
	o := launch.Options{
		Config: cfg, Records: filepath.Join(root, ".slipway"),
		Progress: a.display(), Output: a.out, Machine: a.machine(), Profile: cmp.Or(w.profile, a.getenv("AWS_PROFILE")),
	}
	if a.inBuild() != "" {
		o.Reports = reportInLog
	}
	if engine != nil {
		o.AWS, o.Poll = engine.AWSConfig(), localPoll
		return launch.New(o), nil
	}
	var err error
	o.AWS, err = a.awsConfig(ctx, w)
	o.Poll = awsPoll
	if o.AWS.BaseEndpoint != nil {
		o.Poll = localPoll
	}
	return launch.New(o), err
}

// trust lets a launcher on the local engine accept the certificates of its load balancers; AWS's everybody trusts. A build
// of the engine has no engine at hand, but a variable that tells where the authority is.
func (a *app) trust(l *launch.Launcher, engine *local.Engine) (err error) {
	switch {
	case engine != nil:
		l.RootCAs, err = engine.RootCAs()
	case l.AWS.BaseEndpoint != nil && a.getenv(contract.VarLocalCA) != "":
		l.RootCAs, err = local.RootCAs(a.getenv(contract.VarLocalCA))
	}
	return err
}

// standIns takes, on the local engine, the place of what slipway.yaml names and exists on AWS alone.
func (a *app) standIns(ctx context.Context, l *launch.Launcher) (err error) {
	if l.AWS.BaseEndpoint == nil {
		return nil
	}
	var made []string
	l.Config, made, err = standin.Make(ctx, l.AWS, l.Config)
	if len(made) > 0 {
		fmt.Fprintln(a.err, "What exists on AWS alone has stand-ins in the local engine:")
	}
	for _, line := range made {
		fmt.Fprintf(a.err, "  %s\n", line)
	}
	return err
}
