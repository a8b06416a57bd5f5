package main

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"strings"
	"time"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string

	// The page loads nothing: style and script are in it, so that they are of its version, and are known by their hashes.
	pagePolicy = "default-src 'none'; img-src data:; connect-src 'self'; style-src " + sourceHash(pageCSS) + "; script-src " + sourceHash(pageJS) +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// sourceHash is how a Content-Security-Policy names what is inline (CSP Level 3, hash-source).
func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// handleHome says who answers: in a line of text, or on a page to whoever prefers one.
func (s service) handleHome(w http.ResponseWriter, r *http.Request) {
	chosen, ok := accepted(w, r, textType, htmlType)
	if !ok {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if chosen == textType {
		respondText(w, s.hostname+"\n")
		return
	}
	w.Header().Set("Content-Security-Policy", pagePolicy)
	w.Header().Set("Referrer-Policy", "no-referrer")
	writeHeader(w, http.StatusOK, "text/html; charset=utf-8")
	_, _ = io.WriteString(w, s.page())
}

// page fills the page in; html/template would add a third to the binary for these few places.
func (s service) page() string {
	now := s.now().UTC()
	return strings.NewReplacer(
		"{{hostname}}", html.EscapeString(s.hostname),
		"{{facts}}", s.facts(now),
		"{{time}}", now.Format(time.RFC3339),
		"{{clock}}", now.Format(time.DateTime),
		"{{style}}", pageCSS,
		"{{script}}", pageJS,
	).Replace(pageHTML)
}

// facts lists what there is to know; outside ECS there is no task.
func (s service) facts(now time.Time) string {
	var list strings.Builder
	add := func(name, value string) {
		if value != "" {
			list.WriteString("<div><dt>" + name + "</dt><dd>" + html.EscapeString(value) + "</dd></div>\n")
		}
	}
	add("Version", version)
	add("Commit", commit)
	add("Up for", now.Sub(s.started).Truncate(time.Second).String())
	if task := s.task.Load(); task != nil {
		add("Task", task.ID)
		add("Container", task.Container)
		add("Zone", task.Zone)
	}
	return list.String()
}
