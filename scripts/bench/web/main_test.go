package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const report = `Running 8s test @ http://127.0.0.1:18080/time
  2 threads and 64 connections
  Latency Distribution
     50%    1.35ms
     99%   13.70ms
  255248 requests in 8.00s, 45.03MB read
Requests/sec:  31906.12
`

func TestReadReport(t *testing.T) {
	var got sample
	requests, err := got.read(report)
	if want := (sample{rate: 31906.12, p99: 13.7}); err != nil || requests != 255248 || got != want {
		t.Errorf("%v requests, %+v, %v; want 255248, %+v", requests, got, err, want)
	}
	for _, bad := range []string{"", report + "  Socket errors: connect 0, read 1, write 0, timeout 0\n", report + "  Non-2xx or 3xx responses: 3\n"} {
		if _, err := got.read(bad); err == nil {
			t.Errorf("taken for good:\n%s", bad)
		}
	}
}

func TestTableAndPlot(t *testing.T) {
	servers := []*server{
		{name: "web", samples: []sample{{rate: 100, cpu: 20}, {rate: 300, cpu: 30}, {rate: 200, cpu: 25}}},
		{name: "<other>", samples: []sample{{rate: 200, cpu: 10}, {rate: 400, cpu: 12}, {rate: 400, cpu: 15}}},
	}
	table := tableOf(servers, 3, 8*time.Second)
	for _, want := range []string{"| web | 200 (100–300) | 1.00 (1.00–1.00) | 25.0 (20.0–30.0) | 1.00 (1.00–1.00) |", "| <other> | 400 (200–400) | 0.50 (0.50–0.75) | 12.0 (10.0–15.0) | 0.50 (0.40–0.60) |"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %s:\n%s", want, table)
		}
	}
	decoder := xml.NewDecoder(strings.NewReader(plot(servers)))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the plot is not XML: %v", err)
		}
	}
}

func TestWriteDocs(t *testing.T) {
	root := t.TempDir()
	page := filepath.Join(root, "docs/performance.md")
	if err := os.MkdirAll(filepath.Dir(page), 0o755); err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- begin service: ./scripts/bench/web.sh --docs -->\n", "<!-- end service -->\n"
	if err := os.WriteFile(page, []byte("a\n"+begin+"old\n"+end+"z\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeDocs(root, "new\n", "<svg/>"); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(page); string(got) != "a\n"+begin+"new\n"+end+"z\n" {
		t.Errorf("page = %q", got)
	}
	if err := os.WriteFile(page, []byte("without marks"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeDocs(root, "new\n", "<svg/>"); err == nil {
		t.Error("a page without marks was written")
	}
}

// TestMeasure puts the Go servers under load for a second each: that the measurement works, not what it measures.
func TestMeasure(t *testing.T) {
	if _, err := exec.LookPath("wrk"); err != nil {
		t.Skip("there is no wrk to make the load (Debian and Ubuntu: apt-get install wrk)")
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{root: root, dir: t.TempDir()}
	if err := b.build(t.Context()); err != nil {
		t.Fatal(err)
	}
	servers := b.list("no python needed", []string{"no nginx needed"})
	for _, s := range []*server{servers[0], servers[2], servers[3]} {
		got, err := b.measure(t.Context(), s, time.Second)
		if err != nil || got.rate <= 0 || got.cpu <= 0 || got.p99 <= 0 || got.memory <= 0 || got.first <= 0 {
			t.Errorf("%s: %+v, %v", s.name, got, err)
		}
	}
}
