package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"slipway/internal/config"
	"slipway/internal/launch"
	"slipway/internal/local"
	"slipway/internal/operate"
	"slipway/internal/release"
	"slipway/internal/source"
)

// exitCode ends a command whose output has said everything.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// look are the flags of the commands that look at what runs.
type look struct {
	where
	json bool
}

func (l *look) flags(f *pflag.FlagSet) {
	l.where.flags(f)
	f.BoolVar(&l.json, "json", false, "print JSON, whose fields are documented in docs/commands.md")
}

// sight is what a looking command works on.
type sight struct {
	root   string
	cfg    config.Config
	aws    aws.Config
	engine *local.Engine // nil on AWS
	poll   time.Duration // between two looks at the same thing
	*operate.Operator
}

// followPoll is the time between two looks at AWS's logs, of which an account may take few in a second
// (docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html).
const followPoll = 2 * time.Second

// see finds the project, and AWS or the local engine that runs already: looking starts nothing.
func (a *app) see(ctx context.Context, w where) (sight, error) {
	var s sight
	if err := w.check(); err != nil {
		return s, err
	}
	var err error
	if s.root, s.cfg, err = project(); err != nil {
		return s, err
	}
	poll := followPoll
	if w.local {
		poll = localPoll
		if s.engine, err = local.Find(s.root); err != nil {
			return s, err
		}
		if s.engine == nil {
			return s, fmt.Errorf("%w: ./scripts/deploy.sh --local starts it", errNoEngine)
		}
		s.aws = s.engine.AWSConfig()
	} else if s.aws, err = a.awsConfig(ctx, w); err != nil {
		return s, err
	} else if err := usable(ctx, s.aws); err != nil {
		return s, told(ctx, err)
	}
	if s.aws.BaseEndpoint != nil {
		poll = localPoll
	}
	s.poll, s.Operator = poll, operate.New(s.cfg, s.aws, poll)
	return s, nil
}

// seeThese is see with the environments that are meant: all where none is named.
func (a *app) seeThese(ctx context.Context, w where, environments []string) (sight, []string, error) {
	s, err := a.see(ctx, w)
	if err != nil {
		return s, nil, err
	}
	if len(environments) == 0 {
		return s, names(s.cfg), nil
	}
	return s, environments, known(s.cfg, environments)
}

// errNoEngine says that nothing is up on this machine.
var errNoEngine = errors.New("the local engine is not running on this machine, and nothing is up in it")

// usable refuses a configuration with which nobody can be asked.
func usable(ctx context.Context, cfg aws.Config) error {
	if cfg.Credentials == nil {
		return launch.ErrNoCredentials
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return fmt.Errorf("%w: %v", launch.ErrNoCredentials, err)
	}
	if cfg.Region == "" {
		return errors.New("no AWS Region: give one with --region, AWS_REGION or the profile")
	}
	return nil
}

// absent says whether an error is that what was asked for is not there.
func absent(err error) bool {
	_, ok := errors.AsType[*operate.AbsentError](err)
	return ok || errors.Is(err, errNoEngine) || errors.Is(err, source.ErrNotThere) || errors.Is(err, release.ErrNone) || errors.Is(err, launch.ErrNoPipeline)
}

// told is what a user is told of an error of looking, which changes nothing and leaves nothing begun.
func told(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return launch.ErrInterrupted
	}
	return launch.Explain(err)
}

// oneEnvironment is the one that is meant: the one named, or the only one.
func oneEnvironment(cfg config.Config, environment string) (string, error) {
	if environment != "" {
		return environment, known(cfg, []string{environment})
	}
	if all := names(cfg); len(all) > 1 {
		return "", usageError{fmt.Errorf("%s has several environments: name one of them with --environment: %s", config.File, strings.Join(all, ", "))}
	}
	return cfg.Environments[0].Name, nil
}

// printJSON writes one document.
func (a *app) printJSON(v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s\n", text)
	return err
}

// palette colours text for a terminal, or leaves it.
type palette bool

// palette is on where the output is a terminal that knows colours and nobody has asked for none (no-color.org).
func (a *app) palette() palette {
	return palette(a.outTerminal() && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb")
}

// outTerminal says whether somebody reads the output on a terminal.
func (a *app) outTerminal() bool {
	file, ok := a.out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func (p palette) good(text string) string { return p.paint("32", text) }
func (p palette) bad(text string) string  { return p.paint("31", text) }
func (p palette) mild(text string) string { return p.paint("33", text) }
func (p palette) dim(text string) string  { return p.paint("2", text) }

func (p palette) paint(code, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
