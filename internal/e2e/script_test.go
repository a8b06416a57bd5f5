//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"slipway/internal/local"
)

const (
	// scriptLimit ends a script that hangs.
	scriptLimit = 8 * time.Minute

	// poison stands for the user's AWS credentials. Nothing that a local launch starts may see it.
	poison = "AKIAPOISONEDPOISONED"
)

// inherited are the variables that scripts get from the test's own environment: what Go, pip and Docker need.
var inherited = []string{"PATH", "HOME", "USER", "LANG", "DOCKER_HOST", "SSL_CERT_FILE", "SSL_CERT_DIR", "CGO_ENABLED"}

// inheritedPrefixes of variables, for the same reason. Whoever sits behind a proxy of packages says so in these.
var inheritedPrefixes = []string{"GO", "PIP_", "PYENV_"}

// environment is what the scripts run with; more is added at the end and wins. The pipeline stands still: its checks would
// take the machine from what is tried here.
func (w workplace) environment(more ...string) []string {
	kept := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return !slices.Contains(inherited, name) && !slices.ContainsFunc(inheritedPrefixes, func(prefix string) bool {
			return strings.HasPrefix(name, prefix)
		})
	})
	return slices.Concat(kept, []string{"TMPDIR=" + w.temp, "SLIPWAY_LOCAL_PIPELINES=" + local.PipelinesManual}, more)
}

// credentials are a user's: in the environment, and in a profile.
func (w workplace) credentials(t *testing.T) []string {
	t.Helper()
	config := filepath.Join(w.base, "aws-config")
	profile := "[profile poisoned]\naws_access_key_id = " + poison + "\naws_secret_access_key = " + poison + "\nregion = xx-nowhere-1\n"
	if err := os.WriteFile(config, []byte(profile), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"AWS_ACCESS_KEY_ID=" + poison, "AWS_SECRET_ACCESS_KEY=" + poison, "AWS_PROFILE=poisoned", "AWS_CONFIG_FILE=" + config}
}

// noCredentials is an environment in which the SDK finds none, wherever it looks.
func noCredentials() []string {
	return []string{"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null"}
}

// script is a running script of the copy.
type script struct {
	cmd    *exec.Cmd
	stdout watched
	stderr watched
}

// outcome is how a script ended.
type outcome struct {
	code           int // -1 after a signal
	stdout, stderr string
	took           time.Duration
}

// run runs a script to its end.
func (w workplace) run(t *testing.T, env []string, name string, args ...string) outcome {
	t.Helper()
	start := time.Now()
	s := w.start(t, env, name, args...)
	got := s.wait(t)
	got.took = time.Since(start)
	t.Logf("%s %s: exit code %d after %.1f s\nstdout:\n%s\nstderr:\n%s", name, strings.Join(args, " "), got.code, got.took.Seconds(), got.stdout, got.stderr)
	return got
}

// start runs a script beside the test. Without standard input: nothing may wait for a person.
func (w workplace) start(t *testing.T, env []string, name string, args ...string) *script {
	t.Helper()
	s := w.prepare(t, env, name, args...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

func (w workplace) prepare(t *testing.T, env []string, name string, args ...string) *script {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), scriptLimit)
	t.Cleanup(cancel)
	s := &script{cmd: exec.CommandContext(ctx, "./scripts/"+name, args...)}
	s.cmd.Dir = w.root
	s.cmd.Env = env
	s.cmd.Stdout, s.cmd.Stderr = &s.stdout, &s.stderr
	s.cmd.WaitDelay = 5 * time.Second
	return s
}

func (s *script) wait(t *testing.T) outcome {
	t.Helper()
	err := s.cmd.Wait()
	var exit *exec.ExitError
	if errors.Is(err, exec.ErrWaitDelay) {
		t.Error("the script ended, but a process that it started keeps its output open")
	} else if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{code: s.cmd.ProcessState.ExitCode(), stdout: s.stdout.String(), stderr: s.stderr.String()}
}

// signalWhen sends a signal to the script's process as soon as its progress or its output shows the pattern. The script must still be
// running then.
func (s *script) signalWhen(t *testing.T, pattern *regexp.Regexp, signal syscall.Signal) {
	t.Helper()
	deadline := time.After(scriptLimit)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !pattern.MatchString(s.stderr.String()) && !pattern.MatchString(s.stdout.String()) {
		select {
		case <-deadline:
			t.Fatalf("the script never said %s:\n%s", pattern, s.stderr.String())
		case <-tick.C:
			if s.cmd.Process.Signal(syscall.Signal(0)) != nil {
				t.Fatalf("the script ended before it said %s:\n%s", pattern, s.stderr.String())
			}
		}
	}
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// watched is a buffer that can be read while it is written.
type watched struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buffer.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buffer.String()
}

// outputs parses what a script printed on standard output: Key=Value lines and nothing else.
func (o outcome) outputs(t *testing.T) map[string]string {
	t.Helper()
	values := map[string]string{}
	for line := range strings.Lines(o.stdout) {
		key, value, found := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !found || key == "" {
			t.Errorf("standard output has a line that is not Key=Value: %q", line)
			continue
		}
		values[key] = value
	}
	return values
}

// wantSaid wants every pattern in what the script said on standard error.
func (o outcome) wantSaid(t *testing.T, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		if !regexp.MustCompile(pattern).MatchString(o.stderr) {
			t.Errorf("standard error does not say %q", pattern)
		}
	}
}

// wantPrinted wants every pattern in what the script printed on standard output.
func (o outcome) wantPrinted(t *testing.T, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		if !regexp.MustCompile(pattern).MatchString(o.stdout) {
			t.Errorf("standard output does not have %q", pattern)
		}
	}
}

// wantCode wants an exit code.
func (o outcome) wantCode(t *testing.T, want int) {
	t.Helper()
	if o.code != want {
		t.Errorf("exit code %d, want %d", o.code, want)
	}
}
