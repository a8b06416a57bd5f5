package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startPatience = time.Minute
	startPoll     = 50 * time.Millisecond
	portTries     = 5
)

// errPortTaken is that someone else took the port between our looking for a free one and the engine's listening.
var errPortTaken = errors.New("the port was taken")

// launch starts an engine and waits until it answers.
func launch(ctx context.Context, dir folder, python string, o options, log io.Writer) (*Engine, error) {
	if err := writeSources(dir.source()); err != nil {
		return nil, err
	}
	runtime, err := chooseRuntime(ctx, o.runtime)
	if err != nil {
		return nil, err
	}
	for range portTries {
		rec, err := launchOnce(ctx, dir, python, runtime, o)
		if errors.Is(err, errPortTaken) {
			continue
		}
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(log, "The local engine runs at %s, tasks by %s.\n", rec.Endpoint, rec.Runtime)
		return dir.engine(rec), nil
	}
	return nil, fmt.Errorf("start the local engine: every port tried was taken by the time it listened (%d tries)", portTries)
}

func launchOnce(ctx context.Context, dir folder, python string, runtime dockerRuntime, o options) (*record, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	rec := &record{
		Endpoint: "http://127.0.0.1:" + strconv.Itoa(port), Region: region, Runtime: runtime.name, Enforces: o.enforce,
		Token: rand.Text(), Source: sourceHash(), Started: time.Now().UTC().Truncate(time.Second),
	}
	// Remembered before it starts: should this command be killed now, the next one finds what to end.
	if err := dir.writeRecord(rec); err != nil {
		return nil, err
	}
	cmd, err := engineCommand(ctx, dir, python, rec, runtime, o.pipelines)
	if err != nil {
		return nil, err
	}
	defer cmd.Stdout.(io.Closer).Close()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the local engine: %w", err)
	}
	rec.PID = cmd.Process.Pid
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := errors.Join(dir.writeRecord(rec), waitUntilUp(ctx, dir, rec, ended)); err != nil {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
		defer cancel()
		return nil, errors.Join(err, clearRemains(stopCtx, dir))
	}
	return rec, nil
}

// engineCommand is the engine's process: in a session of its own, so that it outlives this command and no Ctrl-C of
// the terminal reaches it.
func engineCommand(ctx context.Context, dir folder, python string, rec *record, runtime dockerRuntime, pipelines string) (*exec.Cmd, error) {
	for _, path := range []string{"home", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir.run(), path), 0o755); err != nil {
			return nil, fmt.Errorf("make the local engine's temporary folder: %w", err)
		}
	}
	builds, err := buildsAtOnce(os.Getenv)
	if err != nil {
		return nil, err
	}
	if err := newAuthority(dir.certificates()); err != nil {
		return nil, err
	}
	out, err := os.Create(dir.log())
	if err != nil {
		return nil, fmt.Errorf("open the local engine's log: %w", err)
	}
	cmd := exec.Command(python, filepath.Join(dir.source(), "engine.py"))
	cmd.Dir = dir.run()
	cmd.Env = append(environment(ctx, dir), "DOCKER_HOST="+runtime.host, "SLIPWAY_ENGINE_TOKEN="+rec.Token, "SLIPWAY_RUNTIME="+rec.Runtime, "AUTH="+strconv.FormatBool(rec.Enforces),
		pipelinesVariable+"="+pipelines, buildsVariable+"="+builds, "SLIPWAY_TOOLS="+dir.tools(), "SLIPWAY_BUILD_DIR="+dir.builds(),
		"GATEWAY_PORT="+rec.Endpoint[strings.LastIndex(rec.Endpoint, ":")+1:])
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, nil
}

func waitUntilUp(ctx context.Context, dir folder, rec *record, ended <-chan error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, fmt.Errorf("no answer after %s", startPatience))
	defer cancel()
	for {
		if status, err := askStatus(ctx, rec.Endpoint); err == nil && status.Token == rec.Token {
			return nil
		}
		select {
		case err := <-ended:
			return startError(dir, err)
		case <-ctx.Done():
			return fmt.Errorf("start the local engine: %w; the last lines of %s:\n%s", context.Cause(ctx), dir.log(), logTail(dir))
		case <-time.After(startPoll):
		}
	}
}

func startError(dir folder, ended error) error {
	tail := logTail(dir)
	if strings.Contains(tail, "already in use") {
		return errPortTaken
	}
	return fmt.Errorf("start the local engine: it ended at once (%v); the last lines of %s:\n%s", ended, dir.log(), tail)
}

func logTail(dir folder) string {
	text, err := os.ReadFile(dir.log())
	if err != nil {
		return err.Error()
	}
	return lastLines(string(text), 15)
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port for the local engine: %w", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// passed are the user's variables that the engine and its children may see. All else, AWS's above all, is kept out.
var passed = []string{
	"PATH", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "GOVULNDB",
}

// goSettings are given as `go env` tells them, so that builds in the engine share the user's caches and ways.
var goSettings = []string{
	"GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "GOFLAGS", "GOSUMDB", "GONOSUMDB", "GONOPROXY", "GOPRIVATE", "GOTOOLCHAIN",
}

// environment is everything that the engine sees of its surroundings, but for what names itself.
func environment(ctx context.Context, dir folder) []string {
	env := []string{
		"HOME=" + filepath.Join(dir.run(), "home"),
		"TMPDIR=" + filepath.Join(dir.run(), "tmp"),
		"SLIPWAY_RUN_DIR=" + dir.run(),
		"SLIPWAY_SECRETS=" + dir.secrets(),
		"STATE_DIR=" + dir.run(),
		"HOSTNAME=slipway-local-engine",
		"LANG=C.UTF-8",
		"BIND_HOST=127.0.0.1",
		"IOT_MTLS_ENABLED=0", // would listen on a second port
		"LOG_LEVEL=WARNING",
		"AWS_CONFIG_FILE=/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_DEFAULT_REGION=" + region,
		"NO_PROXY=" + strings.Trim(os.Getenv("NO_PROXY")+",localhost,127.0.0.1,::1", ","),
	}
	if outer := os.Getenv(strings.TrimSuffix(marker, "=")); outer != "" {
		env = append(env, outerMarker+outer)
	}
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, goEnvironment(ctx)...)
}

// goEnvironment is empty where there is no Go: then nothing can be built, but everything else runs.
func goEnvironment(ctx context.Context) []string {
	out, err := exec.CommandContext(ctx, "go", append([]string{"env", "-json"}, goSettings...)...).Output()
	if err != nil {
		return nil
	}
	var values map[string]string
	if json.Unmarshal(out, &values) != nil {
		return nil
	}
	var env []string
	for _, name := range goSettings {
		if values[name] != "" {
			env = append(env, name+"="+values[name])
		}
	}
	return env
}
