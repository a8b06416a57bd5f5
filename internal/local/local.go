// Package local installs, starts, finds and stops the local engine: an emulator of AWS on loopback, with our mends
// (see engine/), in which --local launches the same templates as AWS.
package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// How tasks run: as child processes of the engine, or as containers of a Docker daemon.
const (
	RuntimeProcess = "process"
	RuntimeDocker  = "docker"
)

// How executions of pipelines start: by themselves, as on AWS, or by StartPipelineExecution alone.
const (
	PipelinesAutomatic = "automatic"
	PipelinesManual    = "manual"

	// pipelinesVariable says the same to a command, which starts an engine without options.
	pipelinesVariable = "SLIPWAY_LOCAL_PIPELINES"
)

// buildsVariable says how many builds of pipelines an engine runs at once: one, where it is not set.
const (
	buildsVariable = "SLIPWAY_LOCAL_BUILDS"
	mostBuilds     = 20
)

const (
	region = "us-east-1"

	// accessKey is the emulator's root; a key of twelve digits would select another account.
	accessKey = "test"

	stopPatience = 20 * time.Second
)

// Engine is a running local engine.
type Engine struct {
	Endpoint string // http://127.0.0.1:PORT, of every AWS service and of the image registry
	Region   string
	PID      int
	Runtime  string // RuntimeProcess or RuntimeDocker
	Enforces bool   // callers are held to their IAM policies

	root  folder
	token string
}

// Option changes how Start starts an engine.
type Option func(*options)

type options struct {
	runtime   string
	enforce   bool
	pipelines string
}

// WithRuntime asks for RuntimeProcess or RuntimeDocker. Without it a Docker daemon is used where one answers,
// on Linux.
func WithRuntime(name string) Option { return func(o *options) { o.runtime = name } }

// WithEnforcement holds callers to their IAM policies: signatures are verified and what no policy allows is refused.
// The credentials of AWSConfig are root's. What is not enforced stands in docs/local-engine.md.
func WithEnforcement() Option { return func(o *options) { o.enforce = true } }

// WithPipelines asks for PipelinesAutomatic or PipelinesManual. Without it the variable SLIPWAY_LOCAL_PIPELINES does, and
// where that is not set either they are automatic: a new pipeline runs once, and every upload of its source starts it.
func WithPipelines(how string) Option { return func(o *options) { o.pipelines = how } }

func buildsAtOnce(getenv func(string) string) (string, error) {
	text := cmp.Or(getenv(buildsVariable), "1")
	if number, err := strconv.Atoi(text); err != nil || number < 1 || number > mostBuilds {
		return "", fmt.Errorf("the variable %s is %q: set it to a number from 1 to %d, or not at all", buildsVariable, text, mostBuilds)
	}
	return text, nil
}

// Start returns the living engine of the clone at root, or installs (on first use) and starts one, and returns when
// it answers. It writes what takes time to log. Errors say what to install or where to look.
func Start(ctx context.Context, root string, log io.Writer, opts ...Option) (*Engine, error) {
	o := options{pipelines: cmp.Or(os.Getenv(pipelinesVariable), PipelinesAutomatic)}
	for _, set := range opts {
		set(&o)
	}
	if o.pipelines != PipelinesAutomatic && o.pipelines != PipelinesManual {
		return nil, fmt.Errorf("the variable %s is %q: set it to %s or %s, or not at all", pipelinesVariable, o.pipelines, PipelinesAutomatic, PipelinesManual)
	}
	if _, err := buildsAtOnce(os.Getenv); err != nil {
		return nil, err
	}
	dir, err := openFolder(root)
	if err != nil {
		return nil, err
	}
	unlock, err := dir.lock(ctx, log)
	if err != nil {
		return nil, err
	}
	defer unlock()
	living, err := find(ctx, dir)
	if err != nil {
		return nil, err
	}
	if living != nil {
		return reuse(living, o, log)
	}
	if err := clearRemains(ctx, dir); err != nil {
		return nil, err
	}
	python, err := install(ctx, dir.venv(), log)
	if err != nil {
		return nil, err
	}
	return launch(ctx, dir, python, o, log)
}

func reuse(e *Engine, o options, log io.Writer) (*Engine, error) {
	if o.runtime != "" && o.runtime != e.Runtime {
		return nil, fmt.Errorf("the local engine already runs tasks by %s, not by %s: end it first (./scripts/destroy.sh --local)", e.Runtime, o.runtime)
	}
	if o.enforce && !e.Enforces {
		return nil, errors.New("the local engine already runs, and lets everybody do everything: end it first (./scripts/destroy.sh --local)")
	}
	if rec, err := e.root.readRecord(); err == nil && rec != nil && rec.Source != sourceHash() {
		fmt.Fprintln(log, "The running local engine is of another version of this clone; ./scripts/destroy.sh --local ends it.")
	}
	return e, nil
}

// Find returns the living engine of the clone at root, or nil when there is none: never started, stopped, killed, or
// its process id or port now being someone else's. It is an error when its process lives but does not answer.
func Find(root string) (*Engine, error) {
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	return find(ctx, newFolder(root))
}

func find(ctx context.Context, dir folder) (*Engine, error) {
	rec, err := dir.readRecord()
	if err != nil || rec == nil {
		return nil, err
	}
	if !carries(rec.PID, rec.Token) {
		return nil, nil
	}
	status, err := askStatus(ctx, rec.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("the local engine (process %d) does not answer at %s: %w; end it with `kill -9 %d` and run the command again, or see %s",
			rec.PID, rec.Endpoint, err, rec.PID, dir.log())
	}
	if status.Token != rec.Token {
		return nil, nil
	}
	return dir.engine(rec), nil
}

// Stop ends the engine and every process and container that it started, and removes what they kept outside of the
// installation. It returns when nothing is left; that none is running any more is no error.
func (e *Engine) Stop(ctx context.Context) error {
	unlock, err := e.root.lock(ctx, io.Discard)
	if err != nil {
		return err
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(ctx, stopPatience)
	defer cancel()
	endGracefully(ctx, e.PID, e.token)
	return clearRemains(ctx, e.root)
}

// Runs says whether the engine's process is still there.
func (e *Engine) Runs() bool { return carries(e.PID, e.token) }

// AWSConfig is the configuration for clients of the engine. Nothing in it comes from the user's environment or AWS
// files. Clients of S3 must also be told to use path style.
func (e *Engine) AWSConfig() aws.Config {
	return aws.Config{
		Region:       e.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(accessKey, accessKey, ""),
		BaseEndpoint: aws.String(e.Endpoint),
	}
}

// clearRemains ends and removes whatever the engine of record has left: also one that was killed.
func clearRemains(ctx context.Context, dir folder) error {
	rec, err := dir.readRecord()
	if err != nil || rec == nil {
		return errors.Join(err, os.RemoveAll(dir.run()), os.RemoveAll(dir.builds()))
	}
	if err := sweep(ctx, rec.Token); err != nil {
		return err
	}
	if rec.Runtime == RuntimeDocker {
		if err := removeContainers(ctx, rec); err != nil {
			return err
		}
	}
	if err := errors.Join(os.RemoveAll(dir.run()), os.RemoveAll(dir.builds())); err != nil {
		return fmt.Errorf("remove the local engine's temporary files: %w", err)
	}
	if err := os.Remove(dir.record()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forget the local engine: %w", err)
	}
	return nil
}

// folder is .slipway/local of a clone: everything that the engine keeps.
type folder string

func newFolder(root string) folder { return folder(filepath.Join(root, ".slipway", "local")) }

func openFolder(root string) (folder, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return "", fmt.Errorf("find the folder of the local engine: %w", err)
	}
	dir := newFolder(root)
	if err := os.MkdirAll(string(dir), 0o755); err != nil {
		return "", fmt.Errorf("make the folder of the local engine: %w", err)
	}
	return dir, nil
}

// builds is where the engine's builds have their folders: outside of the clone.
func (f folder) builds() string {
	return filepath.Join(os.TempDir(), "slipway-builds-"+hash([]byte(f))[:12])
}

func (f folder) venv() string         { return filepath.Join(string(f), "venv") }
func (f folder) log() string          { return filepath.Join(string(f), "engine.log") }
func (f folder) record() string       { return filepath.Join(string(f), "engine.json") }
func (f folder) run() string          { return filepath.Join(string(f), "run") }
func (f folder) secrets() string      { return filepath.Join(string(f), "secrets.yaml") }
func (f folder) certificates() string { return filepath.Join(f.run(), "tls") }
func (f folder) source() string       { return filepath.Join(string(f), "engine-"+sourceHash()) }

// tools is where a stage of the pipeline keeps the checkers that it installs: the builds share those of the clone. Where that
// is a symbolic link, it is where that leads: what is installed there names its own place, and outlives the link.
func (f folder) tools() string {
	dir := filepath.Join(filepath.Dir(string(f)), "tools")
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}
