package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"slipway/internal/config"
	"slipway/internal/visit"
)

// The task reads the list as the template states it.
func TestVisitor(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/orders" {
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	list := func(checks ...config.Check) string {
		text, err := json.Marshal(checks)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	at := []string{"-url", server.URL, "-tasks", "2", "-poll", "1ms", "-wrong", "20ms", "-patience", "5s"}
	address := strings.TrimPrefix(server.URL, "http://")
	for name, c := range map[string]struct {
		arguments []string
		checks    string
		code      int
		last      string
	}{
		"as it must":      {at, list(config.Check{Path: "/orders", Status: 200}, config.Check{Path: "/", Status: 404}), 0, "2 times in a row"},
		"otherwise":       {at, list(config.Check{Path: "/orders", Status: 401}), visit.ExitRefused, "answered 200 OK: service.acceptance wants status 401"},
		"not web/":        {at, "[]", visit.ExitRefused, "where the service is not the one in web/"},
		"no list":         {at, "", visit.ExitUsage, "a list of checks as JSON"},
		"no URL":          {nil, "[]", visit.ExitUsage, "want -url"},
		"unknown":         {[]string{"-ulr", "x"}, "[]", visit.ExitUsage, ""},
		"each task":       {append(slices.Clone(at), "-task", address, "-task", address), list(config.Check{Path: "/orders", Status: 200}), 0, "each of the 2 tasks of http://"},
		"one of them not": {append(slices.Clone(at), "-task", address, "-task", "127.0.0.1:1", "-patience", "50ms"), list(config.Check{Path: "/orders", Status: 200}), visit.ExitRefused, "the task at 127.0.0.1:1: "},
		"no address":      {append(slices.Clone(at), "-task", "web"), "[]", visit.ExitUsage, ""},
		"nobody is there": {[]string{"-url", "http://127.0.0.1:1", "-patience", "50ms", "-poll", "1ms"}, "[]", visit.ExitRefused, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			code := visit.Command(context.Background(), c.arguments, c.checks, &log)
			lines := strings.Split(strings.TrimSpace(log.String()), "\n")
			if code != c.code || !strings.Contains(lines[len(lines)-1], c.last) {
				t.Errorf("exit code %d, want %d; it says\n%s", code, c.code, log.String())
			}
		})
	}
}
