//go:build e2e

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// tool is one that ./scripts/test.sh has installed; its tests are for that command alone.
func tool(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Skip(variable + " is not set: ./scripts/test.sh e2e installs what this needs and sets it")
	}
	return path
}

// TestAnswersAreAsDescribed has schemathesis make requests of what /openapi.json says, and of what it does not say.
func TestAnswersAreAsDescribed(t *testing.T) {
	schemathesis := tool(t, "SLIPWAY_SCHEMATHESIS")
	p := startQuietly(t, freePort(t))
	cmd := exec.CommandContext(t.Context(), schemathesis, "run", p.url+"/openapi.json", "--checks", "all", "--max-examples", "50", "--no-color", "--generation-deterministic")
	cmd.Dir = t.TempDir() // it keeps its examples where it runs
	said, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "No issues found") {
		t.Errorf("%v\n%s", err, said)
	}
}

// TestPageInChromium has two tasks behind a balancer that takes turns, for each reader by itself: an even number of pages
// that ask in step would otherwise each get the same task for good.
func TestPageInChromium(t *testing.T) {
	python, chromium, folder := tool(t, "SLIPWAY_PYTHON"), tool(t, "SLIPWAY_CHROMIUM"), tool(t, "SLIPWAY_SCREENSHOTS")
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"DockerId":"158d1c8083dd49d6b527399fd6414f5c-3456789012","TaskARN":"a/158d1c8083dd49d6b527399fd6414f5c","AvailabilityZone":"eu-west-1b"}`)
	}))
	defer metadata.Close()
	var tasks []*url.URL
	for _, name := range []string{"ip-10-0-1-23.eu-west-1.compute.internal", "ip-10-0-2-42.eu-west-1.compute.internal"} {
		p := startQuietly(t, freePort(t), "HOSTNAME="+name, "ECS_CONTAINER_METADATA_URI_V4="+metadata.URL)
		task, err := url.Parse(p.url)
		if err != nil {
			t.Fatal(err)
		}
		tasks = append(tasks, task)
	}
	var turns sync.Map
	balancer := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		of, _ := turns.LoadOrStore(r.In.Header.Get("X-Reader"), new(atomic.Int64))
		turn := of.(*atomic.Int64)
		if r.In.URL.Path == "/version" { // what the page tells the tasks apart by
			turn.Add(1)
		}
		r.SetURL(tasks[turn.Load()%2])
	}})
	defer balancer.Close()
	if said, err := exec.CommandContext(t.Context(), python, "../scripts/dev/page.py", balancer.URL, chromium, folder).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}
