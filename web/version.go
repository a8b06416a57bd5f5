package main

import "net/http"

// versionAnswer is the body of GET /version: what runs, and in which task.
type versionAnswer struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Hostname string `json:"hostname"`
	Started  int64  `json:"started"` // seconds since 1970
}

func (s service) handleVersion(w http.ResponseWriter, r *http.Request) {
	if _, ok := accepted(w, r, jsonType); !ok {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	respondJSON(w, http.StatusOK, versionAnswer{
		Version: version, Commit: commit, Hostname: s.hostname, Started: s.started.Unix(),
	})
}
