package main

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// testLog is a log that the server writes while a test reads it.
type testLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *testLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// testService is one whose clock stands still.
func testService(log io.Writer) service {
	return service{
		hostname: "task-1",
		started:  time.Unix(1795380000, 0),
		now:      func() time.Time { return time.Unix(1795382285, 999_999_999) },
		draining: new(atomic.Bool),
		task:     new(atomic.Pointer[ecsTask]),
		log:      slog.New(slog.NewJSONHandler(log, nil)),
		requests: newRequestLog(log, slog.LevelInfo, 0),
	}
}

// listen serves a handler as the command does, on a port of its own, and returns the address.
func listen(t testing.TB, handler http.Handler, log *slog.Logger) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(handler, defaultKeepAlive, log)
	go func() { _ = server.Serve(refusals{listener.(*net.TCPListener), log}) }()
	t.Cleanup(func() { server.Close() })
	return listener.Addr().String()
}

// serveTest serves the real router and returns the URL.
func serveTest(t *testing.T, draining bool) (string, *testLog) {
	t.Helper()
	log := new(testLog)
	s := testService(log)
	s.draining.Store(draining)
	return "http://" + listen(t, newHandler(s), s.log), log
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
	notAllowed = `{"type":"about:blank","title":"Method Not Allowed","status":405,"detail":"this path takes GET, HEAD, OPTIONS"}`
	notKnown   = `{"type":"about:blank","title":"Not Implemented","status":501,"detail":"this method is not known here"}`
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
		"hostname":             {method: "GET", path: "/", status: 200, contentType: text, cache: "no-store", body: "task-1\n"},
		"time":                 {method: "GET", path: "/time", status: 200, contentType: js, cache: "no-store", body: now},
		"time with a query":    {method: "GET", path: "/time?x=1", status: 200, contentType: js, cache: "no-store", body: now},
		"head of hostname":     {method: "HEAD", path: "/", status: 200, contentType: text, cache: "no-store"},
		"head of time":         {method: "HEAD", path: "/time", status: 200, contentType: js, cache: "no-store"},
		"alive":                {method: "GET", path: "/healthz", status: 200, contentType: text, cache: "no-store", body: "ok\n"},
		"ready":                {method: "GET", path: "/readyz", status: 200, contentType: text, cache: "no-store", body: "ok\n"},
		"unknown path":         {method: "GET", path: "/nothing", status: 404, contentType: problemJSON, body: notFound},
		"head of unknown path": {method: "HEAD", path: "/nothing", status: 404, contentType: problemJSON},
		"slash behind":         {method: "GET", path: "/time/", status: 404, contentType: problemJSON, body: notFound},
		"two slashes":          {method: "GET", path: "//time", status: 404, contentType: problemJSON, body: notFound},
		"post":                 {method: "POST", path: "/time", status: 405, contentType: problemJSON, allow: "GET, HEAD, OPTIONS", body: notAllowed},
		"trace":                {method: "TRACE", path: "/", status: 405, contentType: problemJSON, allow: "GET, HEAD, OPTIONS", body: notAllowed},
		"unknown method":       {method: "BREW", path: "/", status: 501, contentType: problemJSON, body: notKnown},
		"options":              {method: "OPTIONS", path: "/time", status: 204, allow: "GET, HEAD, OPTIONS"},
		"options of nothing":   {method: "OPTIONS", path: "/nothing", status: 404, contentType: problemJSON, body: notFound},
		"version": {method: "GET", path: "/version", status: 200, contentType: js, cache: "no-store",
			body: `{"version":"development","commit":"unknown","hostname":"task-1","started":1795380000}`},
		"escaped path":   {method: "GET", path: "/%74ime", status: 200, contentType: js, cache: "no-store", body: now},
		"null in a path": {method: "GET", path: "/time%00", status: 404, contentType: problemJSON, body: notFound},
		"dots in a path": {method: "GET", path: "/x/../time", status: 404, contentType: problemJSON, body: notFound},
		"longest target": {method: "GET", path: "/time?" + strings.Repeat("x", maxTarget-len("/time?")), status: 200, contentType: js, cache: "no-store", body: now},
		"too long target": {method: "GET", path: "/time?" + strings.Repeat("x", maxTarget), status: 414, contentType: problemJSON,
			body: `{"type":"about:blank","title":"Request URI Too Long","status":414,"detail":"path and query together are longer than 8192 bytes"}`},
		"post to an unknown path": {method: "POST", path: "/nothing", status: 404, contentType: problemJSON, body: notFound},
		"draining: alive":         {method: "GET", path: "/healthz", draining: true, status: 200, contentType: text, cache: "no-store", body: "ok\n"},
		"draining: serves":        {method: "GET", path: "/time", draining: true, status: 200, contentType: js, cache: "no-store", body: now},
		"draining: not ready": {method: "GET", path: "/readyz", draining: true, status: 503, contentType: problemJSON, cache: "no-store",
			body: `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"the service is stopping"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			url, _ := serveTest(t, test.draining)
			got := ask(t, test.method, url+test.path, "Content-Type", "Cache-Control", "Allow", "X-Content-Type-Options")
			want := answer{Status: test.status, Body: test.body, Closes: test.draining, Header: map[string]string{
				"Content-Type":           test.contentType,
				"Cache-Control":          test.cache,
				"Allow":                  test.allow,
				"X-Content-Type-Options": "nosniff",
			}}
			if test.status == http.StatusNoContent {
				want.Header["X-Content-Type-Options"] = ""
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", test.method, test.path, diff)
			}
		})
	}
}

func TestHeadHasTheLengthOfGet(t *testing.T) {
	url, _ := serveTest(t, false)
	for _, path := range []string{"/", "/time", "/version", "/healthz", "/nothing"} {
		get := ask(t, "GET", url+path, "Content-Length").Header
		head := ask(t, "HEAD", url+path, "Content-Length").Header
		if diff := cmp.Diff(get, head); diff != "" {
			t.Errorf("%s: headers differ (-GET +HEAD):\n%s", path, diff)
		}
	}
}
