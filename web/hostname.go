package main

import "net/http"

func (s service) handleHostname(w http.ResponseWriter, _ *http.Request) {
	respondText(w, http.StatusOK, s.hostname+"\n")
}
