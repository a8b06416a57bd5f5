package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// balancer is a HAProxy that asks two tasks for their readiness and never tries a request twice, so that each one that a
// task drops is seen.
const balancer = `
defaults
  mode http
  retries 0
  http-reuse always
  timeout connect 2s
  timeout client 30s
  timeout server 30s
frontend state
  bind 127.0.0.1:%s
  stats enable
  stats uri /
frontend front
  bind 127.0.0.1:%s
  default_backend tasks
backend tasks
  option httpchk GET /readyz
  default-server check inter 100ms fastinter 50ms fall 1 rise 1
  server a 127.0.0.1:%s
  server b 127.0.0.1:%s
`

// TestRollingUpdatesDropNothing replaces both tasks again and again while clients with keep-alive connections ask.
func TestRollingUpdatesDropNothing(t *testing.T) {
	haproxy, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("there is no haproxy (Debian and Ubuntu: apt-get install haproxy), so no balancer but the local engine's was tried")
	}
	rounds := 2
	if os.Getenv("SLIPWAY_LONG") != "" {
		rounds = 25
	}
	state, front, ports := freePort(t), freePort(t), []string{freePort(t), freePort(t)}
	tasks := []*process{startQuietly(t, ports[0]), startQuietly(t, ports[1])}
	startBalancer(t, haproxy, fmt.Sprintf(balancer, state, front, ports[0], ports[1]), "http://127.0.0.1:"+front+"/time")
	waitUntilReady(t, state)

	load := newLoad("http://127.0.0.1:" + front + "/time")
	for range rounds {
		for i, port := range ports {
			tasks[i].signal(t, syscall.SIGTERM)
			if state := tasks[i].exit(t); state.ExitCode() != 0 {
				t.Errorf("a task ended with %d, want 0", state.ExitCode())
			}
			tasks[i] = startQuietly(t, port)
			waitUntilReady(t, state)
		}
	}
	answered, failures := load.stop()
	t.Logf("%d requests in %d rolling updates", answered, rounds)
	if len(failures) > 0 || answered < int64(rounds)*100 {
		t.Errorf("%d answered, %d failed; first: %v", answered, len(failures), failures[:min(len(failures), 3)])
	}
}

// startQuietly throws the log away, which nobody reads: a full pipe would stop the task.
func startQuietly(t *testing.T, port string, variables ...string) *process {
	t.Helper()
	p := startAt(t, port, variables...)
	go func() {
		for range p.lines {
		}
	}()
	return p
}

func startBalancer(t *testing.T, command, config, url string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd := exec.CommandContext(t.Context(), command, "-db", "-f", file)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	for range 100 {
		if response, err := http.Get(url); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the balancer does not answer: %s", &said)
}

// waitUntilReady waits until the balancer has found both tasks ready; it reports them as "tasks,a,...,UP,...".
func waitUntilReady(t *testing.T, state string) {
	t.Helper()
	both := regexp.MustCompile(`(?m)^tasks,a,.*,UP,(?s:.*)^tasks,b,.*,UP,`)
	report := ""
	for range 200 {
		response, err := http.Get("http://127.0.0.1:" + state + "/;csv")
		if err != nil {
			t.Fatal(err)
		}
		report = body(t, response)
		response.Body.Close()
		if both.MatchString(report) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the balancer does not find both tasks ready:\n%s", report)
}

// load is eight clients that ask one after the other, each on its connection.
type load struct {
	answered atomic.Int64
	stopped  atomic.Bool
	clients  sync.WaitGroup
	mu       sync.Mutex
	failures []string
}

func newLoad(url string) *load {
	l := new(load)
	for range 8 {
		l.clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
			for !l.stopped.Load() {
				l.ask(client, url)
				time.Sleep(time.Millisecond)
			}
		})
	}
	return l
}

func (l *load) ask(client *http.Client, url string) {
	response, err := client.Post(url, "text/plain", nil) // a POST is not tried again by anyone
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	if err == nil && response.StatusCode != http.StatusMethodNotAllowed {
		err = fmt.Errorf("status %s", response.Status)
	}
	if err == nil {
		l.answered.Add(1)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, err.Error())
}

func (l *load) stop() (answered int64, failures []string) {
	l.stopped.Store(true)
	l.clients.Wait()
	return l.answered.Load(), l.failures
}
