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
	} else if i := rand.Int64N(m.Requests); i < maxSamples { // #nosec G404 -- a sample, no secret: each request is as likely as any other to be kept
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

// start reports until the returned function is called, which waits for the last line.
func (m *metrics) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		m.report(ctx, metricsInterval)
		close(ended)
	}()
	return func() {
		cancel()
		<-ended
	}
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
