package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// binary is the command as it is shipped, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(buildAndTest(m))
}

func buildAndTest(m *testing.M) int {
	dir, err := os.MkdirTemp("", "web-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "web")
	build := exec.Command("go", "build", "-o", binary, "-ldflags", "-X main.version=1.2.3 -X main.commit=abcdef0", ".")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build web: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// process is a running web.
type process struct {
	url    string
	first  map[string]any // the log line that says that it listens
	cmd    *exec.Cmd
	stderr *bytes.Buffer
	lines  chan map[string]any // the log; closed when the process has ended
}

func start(t *testing.T, variables ...string) *process {
	t.Helper()
	return startAt(t, freePort(t), variables...)
}

func startAt(t *testing.T, port string, variables ...string) *process {
	t.Helper()
	p := &process{url: "http://127.0.0.1:" + port, stderr: new(bytes.Buffer), lines: make(chan map[string]any, 100)}
	p.cmd = exec.CommandContext(t.Context(), binary)
	p.cmd.Env = append([]string{"HOST=127.0.0.1", "PORT=" + port}, variables...)
	p.cmd.Stderr = p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go readLog(stdout, p.lines)
	p.first = p.waitFor(t, "listening")
	return p
}

// freePort is one below those that the system gives to connections: of these a test beside this one, which opens thousands,
// may be given any before it is used.
func freePort(t *testing.T) string {
	t.Helper()
	const lowest, above = 20000, 32000
	for range 100 {
		port := strconv.Itoa(lowest + rand.IntN(above-lowest))
		listener, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue // somebody listens there
		}
		defer listener.Close()
		return port
	}
	t.Fatal("no free port")
	return ""
}

func readLog(r io.Reader, lines chan<- map[string]any) {
	defer close(lines)
	for scanner := bufio.NewScanner(r); scanner.Scan(); {
		fields := map[string]any{}
		if err := json.Unmarshal(scanner.Bytes(), &fields); err != nil {
			fields["msg"] = "not JSON: " + scanner.Text()
		}
		lines <- fields
	}
}

// waitFor returns the next log line with this message.
func (p *process) waitFor(t *testing.T, message string) map[string]any {
	t.Helper()
	timeout := time.After(10 * time.Second)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				t.Fatalf("the process ended without logging %q; stderr: %s", message, p.stderr)
			}
			if line["msg"] == message {
				return line
			}
		case <-timeout:
			t.Fatalf("not logged: %q", message)
		}
	}
}

func (p *process) signal(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// exit waits for the end of the process.
func (p *process) exit(t *testing.T) *os.ProcessState {
	t.Helper()
	for range p.lines {
	}
	_ = p.cmd.Wait()
	return p.cmd.ProcessState
}

func TestStartIsLogged(t *testing.T) {
	t.Parallel()
	p := start(t, "HOSTNAME=task-3")
	want := map[string]any{
		"level":    "INFO",
		"address":  strings.TrimPrefix(p.url, "http://"),
		"hostname": "task-3",
		"version":  "1.2.3",
		"commit":   "abcdef0",
	}
	for key, value := range want {
		if p.first[key] != value {
			t.Errorf("%s = %v, want %v", key, p.first[key], value)
		}
	}
	if got := ask(t, "GET", p.url+"/"); got.Body != "task-3\n" {
		t.Errorf("GET / = %q, want HOSTNAME", got.Body)
	}
}

func TestSignalDrainsAndEnds(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			p := start(t, "DRAIN_PAUSE=800ms", "METRICS_NAMESPACE=shop")
			client := &http.Client{Transport: &http.Transport{}}
			kept := get(t, client, p.url+"/readyz") // its connection stays open, idle
			if kept.StatusCode != http.StatusOK || kept.Close {
				t.Fatalf("before: %s, close %t", kept.Status, kept.Close)
			}
			p.signal(t, signal)
			p.waitFor(t, "draining")

			during := get(t, client, p.url+"/readyz")
			if during.StatusCode != http.StatusServiceUnavailable || !during.Close {
				t.Errorf("readyz while draining: %s, close %t; want 503 and close", during.Status, during.Close)
			}
			if served := get(t, client, p.url+"/time"); served.StatusCode != http.StatusOK || !served.Close {
				t.Errorf("time while draining: %s, close %t; want 200 and close", served.Status, served.Close)
			}
			p.waitFor(t, "stopped")
			if counted := p.waitFor(t, "metrics"); counted["Requests"] != 3.0 {
				t.Errorf("metrics = %v, want 3 requests", counted)
			}
			if state := p.exit(t); state.ExitCode() != 0 {
				t.Errorf("exit code %d, want 0; stderr: %s", state.ExitCode(), p.stderr)
			}
		})
	}
}

// TestIdleConnectionIsServedWhileDraining holds a raw connection: an http.Client would quietly try again on a new one.
func TestIdleConnectionIsServedWhileDraining(t *testing.T) {
	t.Parallel()
	p := start(t, "DRAIN_PAUSE=2s")
	connection, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	answers := bufio.NewReader(connection)
	send := func() (*http.Response, error) {
		if _, err := io.WriteString(connection, "GET /time HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return nil, err
		}
		response, err := http.ReadResponse(answers, nil)
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
		}
		return response, err
	}
	if _, err := send(); err != nil {
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGTERM)
	p.waitFor(t, "draining")
	response, err := send()
	if err != nil {
		t.Fatalf("the request on the idle connection was dropped: %v", err)
	}
	if response.StatusCode != http.StatusOK || !response.Close {
		t.Errorf("%s, close %t; want 200 and close", response.Status, response.Close)
	}
}

func get(t *testing.T, client *http.Client, url string) *http.Response {
	t.Helper()
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	p := start(t, "DRAIN_PAUSE=10s")
	p.signal(t, syscall.SIGTERM)
	p.waitFor(t, "draining")
	begin := time.Now()
	p.signal(t, syscall.SIGTERM)
	state := p.exit(t)
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
	if state.Success() {
		t.Error("exit code 0; requests may have been cut, want a failure")
	}
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	tests := map[string]struct {
		variables []string
		arguments []string
		want      string
	}{
		"taken port":       {[]string{"HOST=127.0.0.1", "PORT=" + port}, nil, "127.0.0.1:" + port + ": bind: address already in use"},
		"foreign address":  {[]string{"HOST=192.0.2.1"}, nil, "192.0.2.1:8080"},
		"bad port":         {[]string{"PORT=web"}, nil, `PORT is "web"; it must be a number from 1 to 65535`},
		"unknown flag":     {nil, []string{"-verbose"}, `unexpected argument "-verbose"; web -help lists what there is`},
		"unknown argument": {nil, []string{"serve"}, `unexpected argument "serve"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), binary, test.arguments...)
			cmd.Env = append([]string{"HOSTNAME=h"}, test.variables...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			_ = cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			got := stderr.String()
			if !strings.HasPrefix(got, "web: ") || !strings.Contains(got, test.want) || strings.Count(got, "\n") != 1 {
				t.Errorf("stderr = %q, want one line with %q", got, test.want)
			}
			if stdout.Len() > 0 {
				t.Errorf("stdout = %q, want nothing", &stdout)
			}
		})
	}
}

func TestVersionAndHelp(t *testing.T) {
	t.Parallel()
	for argument, want := range map[string]string{
		"-version": "web 1.2.3 (commit abcdef0)\n",
		"-help":    "DRAIN_PAUSE",
	} {
		out, err := exec.CommandContext(t.Context(), binary, argument).Output()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("web %s = %q, %v; want %q", argument, out, err, want)
		}
	}
}
