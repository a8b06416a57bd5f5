package main

import (
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
)

// service is what the handlers need to know.
type service struct {
	hostname string
	started  time.Time
	now      func() time.Time
	draining *atomic.Bool // set once the process has been told to stop
	log      *slog.Logger
	requests *requestLog
	task     *atomic.Pointer[ecsTask] // nil inside where there is none, or not yet
	metrics  *metrics                 // nil where nobody reads them
}

// newHandler is everything that the service answers.
func newHandler(s service) http.Handler {
	return s.requests.middleware(s.metrics,
		recoverPanics(s.log, s.metrics,
			refuseForeign(traceAnswers(closeWhileDraining(s.draining, s.routes())))))
}

func (s service) routes() *mux.Router {
	router := mux.NewRouter().SkipClean(true) // an unclean path is not found: no redirects
	get := func(path string, handle http.HandlerFunc) {
		router.HandleFunc(path, handle).Methods(http.MethodGet, http.MethodHead)
	}
	get("/", s.handleHome)
	get("/time", s.handleTime)
	get("/version", s.handleVersion)
	get("/openapi.json", s.handleOpenAPI)
	get(livenessPath, s.handleLiveness)
	get(readinessPath, s.handleReadiness)
	router.NotFoundHandler = http.HandlerFunc(handleNotFound)
	router.MethodNotAllowedHandler = handleOtherMethods(router)
	return router
}
