package main

import (
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// requestLog writes one JSON line a request, in the form of slog's and beside it, without allocating: a line costs more
// than all else that the service does for a request.
type requestLog struct {
	out          io.Writer // takes one whole line a call, from several goroutines, as os.Stdout does
	level        slog.Level
	healthChecks uint64 // of the health checks that go well one in so many is logged; 0 for none
	healthSeen   atomic.Uint64
	lines        sync.Pool
}

func newRequestLog(out io.Writer, level slog.Level, healthChecks uint64) *requestLog {
	return &requestLog{out: out, level: level, healthChecks: healthChecks, lines: sync.Pool{New: func() any { return new([]byte) }}}
}

// middleware counts and logs after the answer, also where a handler gave up in the middle of it.
func (l *requestLog) middleware(m *metrics, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		defer func() {
			took := time.Since(start)
			m.observe(rec.status, took)
			l.write(r, rec, start, took)
		}()
		next.ServeHTTP(rec, r)
	})
}

func (l *requestLog) write(r *http.Request, rec *recorder, start time.Time, took time.Duration) {
	level := slog.LevelInfo
	if rec.status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	if level < l.level || l.isRoutine(r, rec.status) {
		return
	}
	line := l.lines.Get().(*[]byte)
	*line = appendRequest((*line)[:0], level, r, rec, start, took)
	_, _ = l.out.Write(*line) // there is no other place to say that the log fails
	l.lines.Put(line)
}

// isRoutine leaves out the health checks, one every few seconds from each balancer node, unless they fail.
func (l *requestLog) isRoutine(r *http.Request, status int) bool {
	if status >= http.StatusBadRequest || r.URL.Path != livenessPath && r.URL.Path != readinessPath {
		return false
	}
	return l.healthChecks == 0 || l.healthSeen.Add(1)%l.healthChecks != 0
}
