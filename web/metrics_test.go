package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMetricsLine(t *testing.T) {
	log := new(testLog)
	s := testService(log)
	s.metrics = &metrics{out: log, namespace: "shop/prod", now: s.now}
	handler := newHandler(s)
	for path, times := range map[string]int{"/time": 200, "/nothing": 3} {
		for range times {
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
		}
	}
	s.metrics.observe(http.StatusServiceUnavailable, time.Millisecond)
	s.metrics.panicked()
	s.metrics.flush()
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	var got map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); err != nil {
		t.Fatal(err)
	}
	if samples, _ := got["Duration"].([]any); len(samples) != maxSamples {
		t.Errorf("%d durations, want %d", len(samples), maxSamples)
	}
	delete(got, "Duration")
	definition := func(name, unit string) any { return map[string]any{"Name": name, "Unit": unit} }
	want := map[string]any{
		"msg": "metrics", "Requests": 204.0, "ClientErrors": 3.0, "ServerErrors": 1.0, "Panics": 1.0,
		"_aws": map[string]any{"Timestamp": 1795382285999.0, "CloudWatchMetrics": []any{map[string]any{
			"Namespace": "shop/prod", "Dimensions": []any{[]any{}}, "Metrics": []any{
				definition("Requests", "Count"), definition("ClientErrors", "Count"), definition("ServerErrors", "Count"),
				definition("Panics", "Count"), definition("Duration", "Microseconds"),
			},
		}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
}

// TestMetricsOfAQuietMinute has counts of 0, which an alarm can tell from missing data, and no duration.
func TestMetricsOfAQuietMinute(t *testing.T) {
	log := new(testLog)
	m := &metrics{out: log, namespace: "x", now: time.Now}
	m.flush()
	if text := log.String(); !strings.Contains(text, `"Requests":0`) || strings.Contains(text, "Duration") {
		t.Errorf("line = %s", text)
	}
}

func TestMetricsAreReportedUntilTheEnd(t *testing.T) {
	log := new(testLog)
	m := &metrics{out: log, namespace: "x", now: time.Now}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { m.report(ctx, time.Hour); close(ended) }()
	m.observe(200, time.Second)
	stop()
	<-ended
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, `"Requests":1`) {
		t.Errorf("log = %q, want what was counted since the last line", text)
	}
}
