//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	requestLimit = 10 * time.Second
	loadPause    = 4 * time.Millisecond // between two requests of one client
	loadClients  = 4                    // of each kind
	loadRequests = 50_000               // of one client at most
	answersSeen  = 60                   // requests that must all be answered by the new version
)

// client asks on connections that it keeps, or on a fresh one each time.
func client(fresh bool) *http.Client {
	return &http.Client{
		Timeout:   requestLimit,
		Transport: &http.Transport{DisableKeepAlives: fresh, MaxIdleConnsPerHost: 1},
	}
}

// get returns the body of a 200; anything else is an error.
func get(ctx context.Context, c *http.Client, url string) (body string, header http.Header, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", nil, err
	}
	response, err := c.Do(request)
	if err != nil {
		return "", nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return "", nil, fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return "", nil, fmt.Errorf("status %d: %s", response.StatusCode, content)
	}
	return string(content), response.Header, nil
}

// checkTime wants exactly the two members of the service's answer, and the time of this machine.
func checkTime(body string) error {
	var answer map[string]any
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return fmt.Errorf("GET /time answers %q: %w", body, err)
	}
	seconds, isNumber := answer["timestamp"].(float64)
	if len(answer) != 2 || answer["message"] != "Automation for the People" || !isNumber || seconds != float64(int64(seconds)) {
		return fmt.Errorf("GET /time answers %q", body)
	}
	if off := time.Since(time.Unix(int64(seconds), 0)).Abs(); off > time.Minute {
		return fmt.Errorf("GET /time is off by %s: %q", off, body)
	}
	return nil
}

// load is traffic that goes on while something is deployed.
type load struct {
	stop    context.CancelFunc
	clients sync.WaitGroup

	mu       sync.Mutex
	answered int
	failures []string
}

// startLoad asks for the time from several clients, on fresh and on kept connections, until it is ended.
func startLoad(t *testing.T, url string) *load {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), scriptLimit)
	l := &load{stop: cancel}
	for i := range 2 * loadClients {
		l.clients.Go(func() { l.ask(ctx, client(i%2 == 0), url+"/time") })
	}
	return l
}

func (l *load) ask(ctx context.Context, c *http.Client, url string) {
	defer c.CloseIdleConnections()
	for range loadRequests {
		// A request that is under way when the load ends is still waited for: it must not fail either.
		body, _, err := get(context.WithoutCancel(ctx), c, url)
		if err == nil {
			err = checkTime(body)
		}
		l.count(err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(loadPause):
		}
	}
}

func (l *load) count(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failures = append(l.failures, time.Now().Format("15:04:05.000")+" "+err.Error())
		return
	}
	l.answered++
}

// end stops the clients and wants that every request was answered.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.stop()
	l.clients.Wait()
	if len(l.failures) > 0 {
		shown := l.failures[:min(len(l.failures), 10)]
		t.Errorf("%d of %d requests failed:\n%s", len(l.failures), len(l.failures)+l.answered, strings.Join(shown, "\n"))
	}
	if l.answered < 2*loadClients {
		t.Errorf("only %d requests were answered: that was no load", l.answered)
	}
	report(t, "%d requests under load, %d failed", l.answered+len(l.failures), len(l.failures))
}

// wantVersion wants every answer to come from the version with this mark, on fresh and on kept connections.
func wantVersion(t *testing.T, url, mark string) {
	t.Helper()
	for i := range 2 {
		c := client(i == 0)
		for range answersSeen {
			body, _, err := get(t.Context(), c, url+"/")
			if err != nil {
				t.Fatalf("GET /: %v", err)
			}
			if !strings.HasPrefix(body, mark) {
				t.Fatalf("GET / answers %q, want a task of version %q", body, mark)
			}
		}
		c.CloseIdleConnections()
	}
}

// report is a measurement for whoever runs the tests: ./scripts/test.sh shows these lines of a success too.
func report(t *testing.T, format string, args ...any) {
	t.Helper()
	fmt.Fprintf(t.Output(), "report: "+format+"\n", args...)
}
