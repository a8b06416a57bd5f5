package main

import (
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
)

// service is what the handlers need to know.
type service struct {
	hostname string
	now      func() time.Time
	draining *atomic.Bool // set once the process has been told to stop
	log      *slog.Logger
}

// newHandler is everything that the service answers.
func newHandler(s service) http.Handler {
	router := mux.NewRouter().SkipClean(true) // an unclean path is not found: no redirects
	get := func(path string, handle http.HandlerFunc) {
		router.HandleFunc(path, handle).Methods(http.MethodGet, http.MethodHead)
	}
	get("/", s.handleHostname)
	get("/time", s.handleTime)
	get(livenessPath, s.handleLiveness)
	get(readinessPath, s.handleReadiness)
	router.NotFoundHandler = http.HandlerFunc(handleNotFound)
	router.MethodNotAllowedHandler = handleMethodNotAllowed(router)
	return logRequests(s.log, recoverPanics(s.log, closeWhileDraining(s.draining, router)))
}

func handleNotFound(w http.ResponseWriter, _ *http.Request) {
	respondError(w, http.StatusNotFound, "there is nothing at this path")
}

// handleMethodNotAllowed asks the router itself which methods it would take, so that Allow is right for every route.
func handleMethodNotAllowed(router *mux.Router) http.Handler {
	methods := []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range methods {
			other := *r
			other.Method = method
			var match mux.RouteMatch
			if router.Match(&other, &match) && match.MatchErr == nil {
				allowed = append(allowed, method)
			}
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		respondError(w, http.StatusMethodNotAllowed, "this path takes "+strings.Join(allowed, ", "))
	})
}
