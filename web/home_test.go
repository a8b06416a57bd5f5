package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// home asks the real router for / as a browser would.
func home(t *testing.T, s service, accept string) *http.Response {
	t.Helper()
	request := httptest.NewRequest("GET", "/", nil)
	request.Header.Set("Accept", accept)
	response := httptest.NewRecorder()
	newHandler(s).ServeHTTP(response, request)
	return response.Result()
}

func body(t *testing.T, response *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestHomeByAccept(t *testing.T) {
	for accept, want := range map[string]struct {
		status      int
		contentType string
	}{
		"*/*":                     {200, "text/plain; charset=utf-8"},
		"text/plain":              {200, "text/plain; charset=utf-8"},
		"text/html,*/*;q=0.8":     {200, "text/html; charset=utf-8"},
		"image/png":               {406, problemType},
		"application/json, */*;q": {406, problemType},
	} {
		response := home(t, testService(io.Discard), accept)
		if got := response.Header.Get("Content-Type"); response.StatusCode != want.status || got != want.contentType {
			t.Errorf("Accept %q: %d with %s, want %+v", accept, response.StatusCode, got, want)
		}
		if got := response.Header.Get("Vary"); got != "Accept" {
			t.Errorf("Accept %q: Vary %q", accept, got)
		}
	}
}

func TestPageSaysWhoItIs(t *testing.T) {
	s := testService(io.Discard)
	s.hostname = `task-<1>&"x"`
	s.task.Store(&ecsTask{ID: "0123abcd", Container: "c0ffee", Zone: "eu-west-1a"})
	text := body(t, home(t, s, "text/html"))
	for _, want := range []string{
		"<h1>task-&lt;1&gt;&amp;&#34;x&#34;</h1>", "<dd>development</dd>", "<dd>unknown</dd>", "<dd>38m5s</dd>",
		"<dt>Task</dt><dd>0123abcd</dd>", "<dt>Container</dt><dd>c0ffee</dd>", "<dt>Zone</dt><dd>eu-west-1a</dd>",
		`datetime="2026-11-22T21:18:05Z">2026-11-22 21:18:05<`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %s:\n%s", want, text)
		}
	}
	if strings.Contains(text, "{{") || strings.Contains(text, "<1>") {
		t.Errorf("the page has unfilled places or unescaped text:\n%s", text)
	}
}

func TestPageLoadsNothing(t *testing.T) {
	response := home(t, testService(io.Discard), "text/html")
	policy := response.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", sourceHash(pageCSS), sourceHash(pageJS)} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s: %s", want, policy)
		}
	}
	text := body(t, response)
	if strings.Contains(policy, "unsafe") || strings.Contains(text, "http:") && strings.Count(text, "http:") != strings.Count(text, "xmlns='http:") || strings.Contains(text, "src=") {
		t.Errorf("the page or its policy allows more than it needs: %s", policy)
	}
}

// TestReadTask has answers in the form of the metadata endpoint on Fargate.
func TestReadTask(t *testing.T) {
	answers := map[string]string{
		"/v4/abc-1": `{"DockerId":"abc-1","Name":"app","Labels":{"com.amazonaws.ecs.task-arn":"x"},"Networks":[{"NetworkMode":"awsvpc"}]}`,
		"/v4/abc-1/task": `{"Cluster":"c","TaskARN":"arn:aws:ecs:eu-west-1:123456789012:task/c/158d1c8083dd49d6b527399fd6414f5c","AvailabilityZone":"eu-west-1b",` +
			`"Containers":[{"DockerId":"abc-1"}]}`,
	}
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, known := answers[r.URL.Path]
		if !known {
			http.NotFound(w, r)
		}
		_, _ = io.WriteString(w, text)
	}))
	defer metadata.Close()
	want := &ecsTask{ID: "158d1c8083dd49d6b527399fd6414f5c", Container: "abc-1", Zone: "eu-west-1b"}
	got, err := readTask(t.Context(), metadata.URL+"/v4/abc-1")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("task (-want +got): %v\n%s", err, diff)
	}
	for endpoint, want := range map[string]string{
		metadata.URL + "/v4/other": "answers 404 Not Found",
		"http://127.0.0.1:1/v4":    "connection refused",
		"::":                       "read the metadata endpoint's address",
	} {
		if _, err := readTask(t.Context(), endpoint); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", endpoint, err, want)
		}
	}
	p := start(t, "ECS_CONTAINER_METADATA_URI_V4="+metadata.URL+"/v4/abc-1")
	for range 100 {
		request, _ := http.NewRequestWithContext(t.Context(), "GET", p.url, nil)
		request.Header.Set("Accept", "text/html")
		if response, err := http.DefaultClient.Do(request); err == nil && strings.Contains(body(t, response), want.ID) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("the page does not name the task")
}

func TestMissingTaskIsLogged(t *testing.T) {
	t.Parallel()
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(300 * time.Millisecond) // until the service listens, whose line start waits for
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(metadata.Close)
	p := start(t, "ECS_CONTAINER_METADATA_URI_V4="+metadata.URL)
	if line := p.waitFor(t, "the page will not name the task"); line["level"] != "WARN" {
		t.Errorf("line = %v", line)
	}
}
