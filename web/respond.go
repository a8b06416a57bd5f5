package main

import (
	"encoding/json"
	"io"
	"net/http"
)

const (
	textType    = "text/plain"
	htmlType    = "text/html"
	jsonType    = "application/json"
	problemType = "application/problem+json"
)

// problem is the body of every error (RFC 9457, Problem Details for HTTP APIs).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func respondText(w http.ResponseWriter, text string) {
	writeHeader(w, http.StatusOK, "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, text) // a client that has gone is nobody to tell
}

func respondJSON(w http.ResponseWriter, status int, body any) {
	text := mustMarshal(body)
	writeHeader(w, status, jsonType)
	_, _ = w.Write(text)
}

func respondError(w http.ResponseWriter, status int, detail string) {
	text := problemJSON(status, detail)
	writeHeader(w, status, problemType)
	_, _ = w.Write(text)
}

func problemJSON(status int, detail string) []byte {
	return mustMarshal(problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail})
}

func mustMarshal(body any) []byte {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // our own structs: a mistake in this program, answered with 500
	}
	return text
}

func writeHeader(w http.ResponseWriter, status int, contentType string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
}
