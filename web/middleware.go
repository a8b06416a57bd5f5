package main

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
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

// recoverPanics answers 500, for net/http would cut the connection, and the load balancer would say 502 without a cause.
// An answer that was begun can only be cut. The line in the log counts the panics of this process.
func recoverPanics(log *slog.Logger, m *metrics, next http.Handler) http.Handler {
	panics := new(atomic.Int64)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			m.panicked()
			log.Error("panic", "path", bounded(r.URL.Path, maxLoggedPath), "cause", cause, "count", panics.Add(1), "stack", string(debug.Stack()))
			if rec, ok := w.(*recorder); ok && rec.status != 0 {
				panic(http.ErrAbortHandler)
			}
			respondError(w, http.StatusInternalServerError, "the service failed to answer; its log says why")
		}()
		next.ServeHTTP(w, r)
	})
}

// maxTarget is the longest path and query, in bytes; RFC 9110, 4.1 asks for at least 8000. Where all fields together
// are above maxHeaderBytes, net/http has answered 431 before.
const maxTarget = 8 << 10

// refuseForeign turns away what net/http lets through and no handler should have to think of.
func refuseForeign(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.ProtoMajor != 1: // the preface of HTTP/2
			w.Header().Set("Connection", "close")
			respondError(w, http.StatusHTTPVersionNotSupported, "this server speaks HTTP/1.1")
		case len(r.RequestURI) > maxTarget:
			respondError(w, http.StatusRequestURITooLong, "path and query together are longer than 8192 bytes")
		default:
			next.ServeHTTP(w, r)
		}
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
