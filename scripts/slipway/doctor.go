package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/launch"
	"slipway/internal/local"
	"slipway/internal/progress"
)

// diagnosis is what doctor prints as JSON.
type diagnosis struct {
	Well   bool        `json:"well" doc:"no check found a problem"`
	Checks []diagnosed `json:"checks" doc:"in the order in which they were made"`
}

// diagnosed is one check.
type diagnosed struct {
	Check string     `json:"check" doc:"what was looked at"`
	State checkState `json:"state" doc:"ok, warning (a launch goes on) or problem (a launch is refused, or fails)"`
	Found string     `json:"found" doc:"what it is like"`
	Fix   string     `json:"fix,omitempty" doc:"what to do about it"`
}

type checkState string

const (
	checkOK      checkState = "ok"
	checkWarning checkState = "warning"
	checkProblem checkState = "problem"
)

func (a *app) doctorCommand() *cobra.Command {
	var l look
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look at all that a launch depends on, and say how to mend what is wrong",
		Long: `Looks at the tools on this machine, at slipway.yaml and its templates, and on AWS at credentials, Region, the names of the stacks,
the state of each environment, what slipway.yaml names, the account's quotas that a first launch counts against, and the
service-linked roles. Each line is ok, a warning or a problem with what to do. It changes nothing and asks on after what it finds.
With --local it looks at what the local engine needs instead, and starts none. On AWS it takes the rights of the policies deploy and preflight (docs/permissions.md).

Exit codes: 0 no problem was found, though there may be warnings; 1 there is a problem; 2 the command line cannot be meant; 3 there
is no slipway.yaml in this folder.`,
		Example: `  ./scripts/doctor.sh
  ./scripts/doctor.sh --local
  ./scripts/doctor.sh --json`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.doctor(c.Context(), l) },
	}
	l.flags(c.Flags())
	return c
}

func (a *app) doctor(ctx context.Context, l look) error {
	if err := l.check(); err != nil {
		return err
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(root, config.File)); err != nil {
		fmt.Fprintf(a.err, "there is no %s in %s: run it at the root of an application\n", config.File, root)
		return exitCode(exitAbsent)
	}
	d := &diagnosis{}
	d.machine(ctx, l.local)
	cfg, err := config.Load(filepath.Join(root, config.File))
	d.note(config.File, "is valid", "mend it: docs/configuration.md explains every key", err)
	if err == nil {
		a.templatesChecked(ctx, d, root)
		if l.local {
			d.engine(ctx, root)
		} else {
			a.onAWS(ctx, d, l.where, root, cfg)
		}
	}
	if ctx.Err() != nil {
		return launch.ErrInterrupted
	}
	return a.printDiagnosis(d, l.json)
}

func (d *diagnosis) add(check string, state checkState, found, fix string) {
	d.Checks = append(d.Checks, diagnosed{check, state, strings.ReplaceAll(found, "\n", " "), fix})
}

// note is ok with what was found, or a problem with the error and what to do about it.
func (d *diagnosis) note(check, found, fix string, err error) {
	if err != nil {
		d.add(check, checkProblem, err.Error(), fix)
		return
	}
	d.add(check, checkOK, found, "")
}

// machine looks at the tools that the scripts use.
func (d *diagnosis) machine(ctx context.Context, onEngine bool) {
	version, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output()
	if err != nil {
		err = errors.New("'go' is not on the PATH, or does not run")
	}
	d.note("Go", strings.TrimSpace(string(version)), "install Go 1.26 or newer", err)
	if path, err := exec.LookPath("git"); err == nil {
		d.add("git", checkOK, path, "")
	} else {
		d.add("git", checkWarning, "it is not on the PATH: the source is then all that .gitignore does not name, and no commit is known", "install git")
	}
	if onEngine {
		return
	}
	if path, err := exec.LookPath(sessionPlugin); err == nil {
		d.add(sessionPlugin, checkOK, path, "")
	} else {
		d.add(sessionPlugin, checkOK, "it is not on the PATH; only ./scripts/exec.sh needs it", "")
	}
}

// templatesChecked says whether the templates are what slipway.yaml asks for.
func (a *app) templatesChecked(ctx context.Context, d *diagnosis, root string) {
	quiet := &app{streams: streams{a.in, a.out, io.Discard}, environ: a.environ}
	d.note(contract.TemplatesDir, "are what slipway.yaml asks for", "run `go run ./gen`, and look at the difference", quiet.templatesFresh(ctx, root))
}

// engine looks at what the local engine needs.
func (d *diagnosis) engine(ctx context.Context, root string) {
	needs := local.Look(ctx, root)
	d.note("Python", needs.Python, "install it, with its venv module", needs.NoPython)
	d.note("ports", "one can be had on loopback", "let this user listen on 127.0.0.1", needs.NoPort)
	switch {
	case needs.Docker != "":
		d.add("Docker", checkOK, "tasks run as containers of "+needs.Docker, "")
	case runtime.GOOS != "linux":
		d.add("Docker", checkOK, "it is used on Linux only: tasks run as processes", "")
	default:
		reason, _, _ := strings.Cut(needs.NoDocker.Error(), "\n")
		d.add("Docker", checkOK, "none answers ("+reason+"): tasks run as processes, and sidecars are left out", "")
	}
	installed := "its packages are installed"
	if !needs.Installed {
		installed = "its packages (about 100 MB) are installed by the first launch"
	}
	d.add("packages of the local engine", checkOK, installed, "")
	running, err := local.Find(root)
	found := "it is not running: a launch starts it"
	if running != nil {
		found = fmt.Sprintf("it runs at %s, tasks by %s", running.Endpoint, running.Runtime)
	}
	d.note("local engine", found, "end it as it says, and launch again", err)
}

// onAWS looks at what a launch would look at there.
func (a *app) onAWS(ctx context.Context, d *diagnosis, w where, root string, cfg config.Config) {
	settings, err := a.awsConfig(ctx, w)
	if err != nil {
		d.note("AWS configuration", "", "mend it, or work without AWS: --local", err)
		return
	}
	l := launch.New(launch.Options{
		Config: cfg, AWS: settings, Templates: os.DirFS(filepath.Join(root, contract.TemplatesDir)), Progress: progress.New(io.Discard, progress.Screen{}), Output: io.Discard, Poll: awsPoll,
	})
	for _, c := range l.Diagnose(ctx) {
		state := checkOK
		switch {
		case c.Refused:
			state = checkProblem
		case c.Warned:
			state = checkWarning
		}
		d.add(c.Name, state, c.Found, c.Fix)
	}
}

// printDiagnosis ends in exit code 1 where there is a problem.
func (a *app) printDiagnosis(d *diagnosis, asJSON bool) error {
	d.Well = true
	for _, c := range d.Checks {
		d.Well = d.Well && c.State != checkProblem
	}
	var err error
	if asJSON {
		err = a.printJSON(d)
	} else {
		_, err = io.WriteString(a.out, diagnosisText(*d, a.palette()))
	}
	if err == nil && !d.Well {
		return exitCode(exitFailed)
	}
	return err
}

func diagnosisText(d diagnosis, p palette) string {
	paint := map[checkState]func(string) string{checkOK: p.good, checkWarning: p.mild, checkProblem: p.bad}
	var b strings.Builder
	for _, c := range d.Checks {
		fmt.Fprintf(&b, "%s  %s: %s\n", paint[c.State](fmt.Sprintf("%-7s", c.State)), c.Check, cmp.Or(c.Found, "ok"))
		if c.Fix != "" {
			fmt.Fprintf(&b, "         -> %s\n", c.Fix)
		}
	}
	return b.String()
}
