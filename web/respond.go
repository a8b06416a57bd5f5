package main

import (
	"encoding/json"
	"io"
	"net/http"
)

// problem is the body of every error (RFC 9457, Problem Details for HTTP APIs).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func respondText(w http.ResponseWriter, status int, text string) {
	writeHeader(w, status, "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, text) // a client that has gone is nobody to tell
}

func respondJSON(w http.ResponseWriter, status int, body any) {
	writeJSON(w, status, "application/json", body)
}

func respondError(w http.ResponseWriter, status int, detail string) {
	writeJSON(w, status, "application/problem+json", problem{
		Type:   "about:blank",
		Title:  http.StatusText(status),
		Status: status,
		Detail: detail,
	})
}

func writeJSON(w http.ResponseWriter, status int, contentType string, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // our own structs: a mistake in this program, answered with 500
	}
	writeHeader(w, status, contentType)
	_, _ = w.Write(text)
}

func writeHeader(w http.ResponseWriter, status int, contentType string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
}
