package main

import "net/http"

const (
	livenessPath  = "/healthz"
	readinessPath = "/readyz"
)

// handleLiveness answers 200 for as long as the process serves, also while it drains: who asks here would restart it.
func (s service) handleLiveness(w http.ResponseWriter, _ *http.Request) {
	respondHealthy(w)
}

// handleReadiness answers 503 once the process has been told to stop, so that no new requests are sent to it.
func (s service) handleReadiness(w http.ResponseWriter, _ *http.Request) {
	if s.draining.Load() {
		w.Header().Set("Cache-Control", "no-store")
		respondError(w, http.StatusServiceUnavailable, "the service is stopping")
		return
	}
	respondHealthy(w)
}

func respondHealthy(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	respondText(w, "ok\n")
}
