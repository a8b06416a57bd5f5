package main

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

const (
	metricsInterval = time.Minute

	// A metric may have so many values in one line (docs.aws.amazon.com, AmazonCloudWatch,
	// CloudWatch_Embedded_Metric_Format_Specification, target members).
	maxSamples = 100
)

// metrics counts requests, and writes the counts as a log line that CloudWatch reads metrics from: one a minute,
// whatever the traffic, since a line for each request would cost more than the request. A nil *metrics counts nothing.
type metrics struct {
	out       io.Writer
	namespace string
	now       func() time.Time

	mu sync.Mutex
	counts
}

// counts is one interval.
type counts struct {
	Requests     int64
	ClientErrors int64 // status 4xx
	ServerErrors int64 // status 5xx
	Panics       int64
	Duration     []int64 `json:",omitempty"` // microseconds, of at most maxSamples requests, drawn by chance
}

func (m *metrics) observe(status int, took time.Duration) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Requests++
	switch {
	case status >= http.StatusInternalServerError:
		m.ServerErrors++
	case status >= http.StatusBadRequest:
		m.ClientErrors++
	}
	if len(m.Duration) < maxSamples {
		m.Duration = append(m.Duration, took.Microseconds())
	} else if i := rand.Int64N(m.Requests); i < maxSamples { // each request is as likely as any other to be kept
		m.Duration[i] = took.Microseconds()
	}
}

func (m *metrics) panicked() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Panics++
}

// report writes a line each interval until ctx ends, and then what is left.
func (m *metrics) report(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			m.flush()
		case <-ctx.Done():
			m.flush()
			return
		}
	}
}

// flush writes the counts since the last one.
func (m *metrics) flush() {
	m.mu.Lock()
	interval := m.counts
	m.counts = counts{}
	m.mu.Unlock()
	definitions := []metricDefinition{{"Requests", "Count"}, {"ClientErrors", "Count"}, {"ServerErrors", "Count"}, {"Panics", "Count"}}
	if len(interval.Duration) > 0 {
		definitions = append(definitions, metricDefinition{"Duration", "Microseconds"})
	}
	line := metricsLine{Message: "metrics", counts: interval}
	line.AWS.Timestamp = m.now().UnixMilli()
	line.AWS.CloudWatchMetrics = []metricDirective{{Namespace: m.namespace, Dimensions: [][]string{{}}, Metrics: definitions}}
	_, _ = m.out.Write(append(mustMarshal(line), '\n'))
}

// metricsLine is a line in CloudWatch's embedded metric format. Its metrics have no dimension: what tells services and
// environments apart is the namespace.
type metricsLine struct {
	Message string `json:"msg"`
	AWS     struct {
		Timestamp         int64 // milliseconds since 1970
		CloudWatchMetrics []metricDirective
	} `json:"_aws"`
	counts
}

type metricDirective struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metricDefinition
}

type metricDefinition struct{ Name, Unit string }
