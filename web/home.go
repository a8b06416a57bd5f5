package main

import "net/http"

// handleHome says who answers.
func (s service) handleHome(w http.ResponseWriter, r *http.Request) {
	if _, ok := accepted(w, r, textType); !ok {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	respondText(w, http.StatusOK, s.hostname+"\n")
}
