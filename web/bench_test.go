package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"slices"
	"testing"
)

// sink is a ResponseWriter that costs nothing itself.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }

func BenchmarkTime(b *testing.B)   { benchmarkPath(b, "/time") }
func BenchmarkHome(b *testing.B)   { benchmarkPath(b, "/") }
func BenchmarkHealth(b *testing.B) { benchmarkPath(b, "/readyz") }

func benchmarkPath(b *testing.B, path string) {
	serve := servePath(path)
	b.ReportAllocs()
	for b.Loop() {
		serve()
	}
}

// servePath gives a function that serves one request with everything on.
func servePath(path string) func() {
	handler := newHandler(testService(io.Discard))
	request := httptest.NewRequest("GET", path, nil)
	request.Header.Set("X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678")
	w := &sink{header: http.Header{}}
	return func() {
		clear(w.header)
		handler.ServeHTTP(w, request)
	}
}

// TestAllocations holds what a request may allocate: 8 times the router, thrice or so the fields of the answer, and once
// the recorder and the body, but never the log.
func TestAllocations(t *testing.T) {
	spare := 0.0
	if underRaceDetector() {
		spare = 3 // it loses what sync.Pool keeps, on purpose, and has some of its own
	}
	for path, most := range map[string]float64{"/time": 13, "/": 14, "/readyz": 12} {
		if got := testing.AllocsPerRun(1000, servePath(path)); got > most+spare {
			t.Errorf("%s: %.0f allocations, want at most %.0f", path, got, most+spare)
		}
	}
}

func underRaceDetector() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
