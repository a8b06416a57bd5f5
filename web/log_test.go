package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// logLines returns the log without what changes from run to run.
func logLines(t *testing.T, log *testLog) []map[string]any {
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
func record(t *testing.T, log *testLog, r *http.Request) []map[string]any {
	t.Helper()
	newHandler(testService(log)).ServeHTTP(httptest.NewRecorder(), r)
	return logLines(t, log)
}

func TestRequestIsLoggedOnce(t *testing.T) {
	long := strings.Repeat("x", 5000)
	tests := map[string]struct {
		method, path, trace string
		want                []map[string]any
	}{
		"plain": {"GET", "/", "", []map[string]any{
			{"level": "INFO", "msg": "request", "method": "GET", "path": "/", "status": 200.0, "bytes": 7.0}}},
		"head sends no bytes": {"HEAD", "/", "", []map[string]any{
			{"level": "INFO", "msg": "request", "method": "HEAD", "path": "/", "status": 200.0, "bytes": 0.0}}},
		"trace, without the query": {"GET", "/?token=secret", "Root=1-67891233-abcdef012345678912345678", []map[string]any{
			{"level": "INFO", "msg": "request", "method": "GET", "path": "/", "status": 200.0, "bytes": 7.0,
				"trace_id": "Root=1-67891233-abcdef012345678912345678"}}},
		"bounded": {"GET", "/" + long, long, []map[string]any{
			{"level": "INFO", "msg": "request", "method": "GET", "path": "/" + long[:maxLoggedPath-1], "status": 404.0, "bytes": float64(len(notFound)),
				"trace_id": long[:maxLoggedTrace]}}},
		"a forged line is escaped": {"GET", "/a%0A%7B%22level%22:%22ERROR%22%7D", "", []map[string]any{
			{"level": "INFO", "msg": "request", "method": "GET", "path": "/a\n{\"level\":\"ERROR\"}", "status": 404.0, "bytes": float64(len(notFound))}}},
		"a method is bounded": {strings.Repeat("X", 100), "/", "", []map[string]any{
			{"level": "WARN", "msg": "request", "method": strings.Repeat("X", maxLoggedMethod), "path": "/", "status": 501.0, "bytes": float64(len(notKnown))}}},
		"no UTF-8": {"GET", "/%ff%7f%22", "", []map[string]any{
			{"level": "INFO", "msg": "request", "method": "GET", "path": "/\ufffd\u007f\"", "status": 404.0, "bytes": float64(len(notFound))}}},
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
			if diff := cmp.Diff(test.want, record(t, new(testLog), request)); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTraceIsLoggedAndPassedOn(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for header, want := range map[string]string{
		parent:                         parent,
		strings.ToUpper(parent):        "",
		parent + "\"":                  "",
		"00-" + strings.Repeat("0", 9): "",
	} {
		log := new(testLog)
		request := httptest.NewRequest("GET", "/time", nil)
		request.Header.Set("Traceparent", header)
		response := httptest.NewRecorder()
		newHandler(testService(log)).ServeHTTP(response, request)
		logged, _ := logLines(t, log)[0]["traceparent"].(string)
		if got := response.Header().Get("Traceresponse"); got != want || logged != want {
			t.Errorf("traceparent %q: answered %q, logged %q; want %q", header, got, logged, want)
		}
	}
}

func TestHealthChecksAreSampled(t *testing.T) {
	for every, want := range map[uint64]int{0: 0, 1: 10, 5: 2, 100: 0} {
		log := new(testLog)
		s := testService(log)
		s.requests = newRequestLog(log, slog.LevelInfo, every)
		handler := newHandler(s)
		for range 10 {
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/readyz", nil))
		}
		if got := len(logLines(t, log)); got != want {
			t.Errorf("one in %d: %d of 10 logged, want %d", every, got, want)
		}
	}
}

func TestLevelSilencesRequests(t *testing.T) {
	log := new(testLog)
	s := testService(log)
	s.requests = newRequestLog(log, slog.LevelWarn, 1)
	newHandler(s).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/time", nil))
	if log.String() != "" {
		t.Errorf("logged at level warn: %s", log)
	}
	newHandler(s).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("BREW", "/", nil))
	if lines := logLines(t, log); len(lines) != 1 || lines[0]["level"] != "WARN" {
		t.Errorf("log = %v, want the 501 as a warning", lines)
	}
}

func TestPanicIsAnsweredAndLogged(t *testing.T) {
	log := new(testLog)
	logger := slog.New(slog.NewJSONHandler(log, nil))
	broken := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no such luck") })
	server := httptest.NewServer(newRequestLog(log, slog.LevelInfo, 0).middleware(nil, recoverPanics(logger, nil, broken)))
	got := ask(t, "GET", server.URL+"/x")
	server.Close()
	if got.Status != http.StatusInternalServerError || !strings.Contains(got.Body, "its log says why") {
		t.Errorf("answer = %+v, want 500 that points to the log", got)
	}
	lines := logLines(t, log)
	if len(lines) != 2 || lines[0]["cause"] != "no such luck" || !strings.Contains(lines[0]["stack"].(string), "log_test.go") {
		t.Errorf("log = %v, want the panic with its stack, then the request", lines)
	}
}

func TestPanicInsideAnAnswerCutsIt(t *testing.T) {
	log := new(testLog)
	logger := slog.New(slog.NewJSONHandler(log, nil))
	broken := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		respondText(w, strings.Repeat("x", 100_000))
		panic("too late")
	})
	server := httptest.NewServer(newRequestLog(log, slog.LevelInfo, 0).middleware(nil, recoverPanics(logger, nil, broken)))
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
