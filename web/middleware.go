package main

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Bounds on what a client can make us log, in bytes.
const (
	maxLoggedPath  = 512
	maxLoggedTrace = 256
)

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int // 0 until the header is written
	bytes  int // of the body, as the handler wrote it
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	n, err := r.ResponseWriter.Write(p)
	r.bytes += n
	return n, err
}

// logRequests writes one line a request, after the answer, also where a handler gave up in the middle of it.
func logRequests(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		defer func() {
			log.LogAttrs(r.Context(), levelFor(r, rec.status), "request", requestAttrs(r, rec, time.Since(start))...)
		}()
		next.ServeHTTP(rec, r)
	})
}

// levelFor keeps the health checks, one every few seconds from each balancer node, out of the log unless they fail.
func levelFor(r *http.Request, status int) slog.Level {
	if healthy := status < http.StatusBadRequest; healthy && (r.URL.Path == livenessPath || r.URL.Path == readinessPath) {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

func requestAttrs(r *http.Request, rec *recorder, duration time.Duration) []slog.Attr {
	sent := rec.bytes
	if r.Method == http.MethodHead {
		sent = 0 // net/http drops the body
	}
	attrs := make([]slog.Attr, 0, 6)
	attrs = append(attrs,
		slog.String("method", r.Method),
		slog.String("path", bounded(r.URL.Path, maxLoggedPath)),
		slog.Int("status", rec.status),
		slog.Int("bytes", sent),
		slog.Int64("duration_us", duration.Microseconds()),
	)
	// The load balancer's, which also stands in its access log: docs.aws.amazon.com, elasticloadbalancing,
	// load-balancer-request-tracing.
	if trace := r.Header.Get("X-Amzn-Trace-Id"); trace != "" {
		attrs = append(attrs, slog.String("trace_id", bounded(trace, maxLoggedTrace)))
	}
	return attrs
}

func bounded(text string, limit int) string { return text[:min(len(text), limit)] }

// recoverPanics answers 500, for net/http would cut the connection, and the load balancer would say 502 without a cause.
// An answer that was begun can only be cut.
func recoverPanics(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			log.Error("panic", "path", bounded(r.URL.Path, maxLoggedPath), "cause", cause, "stack", string(debug.Stack()))
			if rec, ok := w.(*recorder); ok && rec.status != 0 {
				panic(http.ErrAbortHandler)
			}
			respondError(w, http.StatusInternalServerError, "the service failed to answer; its log says why")
		}()
		next.ServeHTTP(w, r)
	})
}

// closeWhileDraining asks clients to come again on a new connection, which then leads elsewhere.
func closeWhileDraining(draining *atomic.Bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
