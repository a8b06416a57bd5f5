package main

import (
	_ "embed"
	"net/http"
)

// openAPI describes all that is answered; a test holds its paths against the router, and schemathesis the answers
// against it.
//
//go:embed openapi.json
var openAPI []byte

func (s service) handleOpenAPI(w http.ResponseWriter, r *http.Request) {
	if _, ok := accepted(w, r, jsonType); !ok {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	writeHeader(w, http.StatusOK, jsonType)
	_, _ = w.Write(openAPI)
}
