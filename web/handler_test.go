package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// serveTest starts the real router behind a real server; the log is written to the buffer before a request returns.
func serveTest(t *testing.T, draining bool) (*httptest.Server, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	s := service{
		hostname: "task-1",
		now:      func() time.Time { return time.Unix(1795382285, 999_999_999) },
		draining: new(atomic.Bool),
		log:      slog.New(slog.NewJSONHandler(&log, nil)),
	}
	s.draining.Store(draining)
	server := httptest.NewServer(newHandler(s))
	t.Cleanup(server.Close)
	return server, &log
}

type answer struct {
	Status int
	Header map[string]string
	Closes bool // the connection
	Body   string
}

// ask returns the named headers, those that are absent as "".
func ask(t *testing.T, method, url string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := answer{Status: response.StatusCode, Header: map[string]string{}, Closes: response.Close, Body: string(body)}
	for _, name := range headers {
		got.Header[name] = response.Header.Get(name)
	}
	return got
}

const (
	notFound   = `{"type":"about:blank","title":"Not Found","status":404,"detail":"there is nothing at this path"}`
	notAllowed = `{"type":"about:blank","title":"Method Not Allowed","status":405,"detail":"this path takes GET, HEAD"}`
)

func TestAnswers(t *testing.T) {
	text, js, problemJSON := "text/plain; charset=utf-8", "application/json", "application/problem+json"
	now := `{"message":"Automation for the People","timestamp":1795382285}`
	tests := map[string]struct {
		method, path                    string
		draining                        bool
		status                          int
		contentType, cache, allow, body string
	}{
		"hostname":                {method: "GET", path: "/", status: 200, contentType: text, body: "task-1\n"},
		"time":                    {method: "GET", path: "/time", status: 200, contentType: js, cache: "no-store", body: now},
		"time with a query":       {method: "GET", path: "/time?x=1", status: 200, contentType: js, cache: "no-store", body: now},
		"head of hostname":        {method: "HEAD", path: "/", status: 200, contentType: text},
		"head of time":            {method: "HEAD", path: "/time", status: 200, contentType: js, cache: "no-store"},
		"alive":                   {method: "GET", path: "/healthz", status: 200, contentType: text, cache: "no-store", body: "ok\n"},
		"ready":                   {method: "GET", path: "/readyz", status: 200, contentType: text, cache: "no-store", body: "ok\n"},
		"unknown path":            {method: "GET", path: "/nothing", status: 404, contentType: problemJSON, body: notFound},
		"head of unknown path":    {method: "HEAD", path: "/nothing", status: 404, contentType: problemJSON},
		"slash behind":            {method: "GET", path: "/time/", status: 404, contentType: problemJSON, body: notFound},
		"two slashes":             {method: "GET", path: "//time", status: 404, contentType: problemJSON, body: notFound},
		"post":                    {method: "POST", path: "/time", status: 405, contentType: problemJSON, allow: "GET, HEAD", body: notAllowed},
		"unknown method":          {method: "BREW", path: "/", status: 405, contentType: problemJSON, allow: "GET, HEAD", body: notAllowed},
		"post to an unknown path": {method: "POST", path: "/nothing", status: 404, contentType: problemJSON, body: notFound},
		"draining: alive":         {method: "GET", path: "/healthz", draining: true, status: 200, contentType: text, cache: "no-store", body: "ok\n"},
		"draining: serves":        {method: "GET", path: "/time", draining: true, status: 200, contentType: js, cache: "no-store", body: now},
		"draining: not ready": {method: "GET", path: "/readyz", draining: true, status: 503, contentType: problemJSON, cache: "no-store",
			body: `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"the service is stopping"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server, _ := serveTest(t, test.draining)
			got := ask(t, test.method, server.URL+test.path, "Content-Type", "Cache-Control", "Allow", "X-Content-Type-Options")
			want := answer{Status: test.status, Body: test.body, Closes: test.draining, Header: map[string]string{
				"Content-Type":           test.contentType,
				"Cache-Control":          test.cache,
				"Allow":                  test.allow,
				"X-Content-Type-Options": "nosniff",
			}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", test.method, test.path, diff)
			}
		})
	}
}

func TestHeadHasTheLengthOfGet(t *testing.T) {
	server, _ := serveTest(t, false)
	for _, path := range []string{"/", "/time", "/healthz", "/nothing"} {
		get := ask(t, "GET", server.URL+path, "Content-Length").Header
		head := ask(t, "HEAD", server.URL+path, "Content-Length").Header
		if diff := cmp.Diff(get, head); diff != "" {
			t.Errorf("%s: headers differ (-GET +HEAD):\n%s", path, diff)
		}
	}
}

// logLines returns the log without what changes from run to run.
func logLines(t *testing.T, log *bytes.Buffer) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for line := range strings.Lines(log.String()) {
		fields := map[string]any{}
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("log line is not JSON: %v\n%s", err, line)
		}
		if _, ok := fields["duration_us"].(float64); !ok && fields["msg"] == "request" {
			t.Errorf("duration_us is not a number: %s", line)
		}
		delete(fields, "time")
		delete(fields, "duration_us")
		lines = append(lines, fields)
	}
	return lines
}

// record serves one request in this goroutine, so that the log is complete afterwards.
func record(t *testing.T, log *bytes.Buffer, r *http.Request) []map[string]any {
	t.Helper()
	newHandler(service{hostname: "h", now: time.Now, draining: new(atomic.Bool), log: slog.New(slog.NewJSONHandler(log, nil))}).
		ServeHTTP(httptest.NewRecorder(), r)
	return logLines(t, log)
}

func TestRequestIsLoggedOnce(t *testing.T) {
	long := strings.Repeat("x", 5000)
	tests := map[string]struct {
		method, path, trace string
		want                []map[string]any
	}{
		"plain": {"GET", "/", "", []map[string]any{
			{"level": "INFO", "msg": "request", "method": "GET", "path": "/", "status": 200.0, "bytes": 2.0}}},
		"head sends no bytes": {"HEAD", "/", "", []map[string]any{
			{"level": "INFO", "msg": "request", "method": "HEAD", "path": "/", "status": 200.0, "bytes": 0.0}}},
		"trace, without the query": {"GET", "/?token=secret", "Root=1-67891233-abcdef012345678912345678", []map[string]any{
			{"level": "INFO", "msg": "request", "method": "GET", "path": "/", "status": 200.0, "bytes": 2.0,
				"trace_id": "Root=1-67891233-abcdef012345678912345678"}}},
		"bounded": {"GET", "/" + long, long, []map[string]any{
			{"level": "INFO", "msg": "request", "method": "GET", "path": "/" + long[:maxLoggedPath-1], "status": 404.0, "bytes": float64(len(notFound)),
				"trace_id": long[:maxLoggedTrace]}}},
		"a forged line is escaped": {"GET", "/a%0A%7B%22level%22:%22ERROR%22%7D", "", []map[string]any{
			{"level": "INFO", "msg": "request", "method": "GET", "path": "/a\n{\"level\":\"ERROR\"}", "status": 404.0, "bytes": float64(len(notFound))}}},
		"health checks are not": {"GET", "/healthz", "", nil},
		"nor readiness":         {"GET", "/readyz", "", nil},
		"refused health check is": {"POST", "/healthz", "", []map[string]any{
			{"level": "INFO", "msg": "request", "method": "POST", "path": "/healthz", "status": 405.0, "bytes": float64(len(notAllowed))}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(test.method, test.path, nil)
			if test.trace != "" {
				request.Header.Set("X-Amzn-Trace-Id", test.trace)
			}
			if diff := cmp.Diff(test.want, record(t, new(bytes.Buffer), request)); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPanicIsAnsweredAndLogged(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	broken := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no such luck") })
	server := httptest.NewServer(logRequests(logger, recoverPanics(logger, broken)))
	got := ask(t, "GET", server.URL+"/x")
	server.Close()
	if got.Status != http.StatusInternalServerError || !strings.Contains(got.Body, "its log says why") {
		t.Errorf("answer = %+v, want 500 that points to the log", got)
	}
	lines := logLines(t, &log)
	if len(lines) != 2 || lines[0]["cause"] != "no such luck" || !strings.Contains(lines[0]["stack"].(string), "handler_test.go") {
		t.Errorf("log = %v, want the panic with its stack, then the request", lines)
	}
}

func TestPanicInsideAnAnswerCutsIt(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	broken := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		respondText(w, http.StatusOK, strings.Repeat("x", 100_000))
		panic("too late")
	})
	server := httptest.NewServer(logRequests(logger, recoverPanics(logger, broken)))
	defer server.Close()
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err == nil {
		t.Errorf("read %d bytes to a proper end; half an answer must not look whole", len(body))
	}
}
