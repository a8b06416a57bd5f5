package main

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"
)

// methods are those of RFC 9110, RFC 5789 and the IETF's "The HTTP QUERY Method". Any other is "not implemented" rather than "not allowed" (RFC 9110, 9.1).
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodOptions, http.MethodTrace, http.MethodConnect, "QUERY",
}

func handleNotFound(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions && r.RequestURI == "*" { // of the server as a whole: RFC 9110, 9.3.7
		respondOptions(w, []string{http.MethodGet, http.MethodHead})
		return
	}
	respondError(w, http.StatusNotFound, "there is nothing at this path")
}

// handleOtherMethods answers for paths that exist the methods that no route names: OPTIONS, and what is refused.
func handleOtherMethods(router *mux.Router) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		allowed := allowedMethods(router, r)
		switch {
		case r.Method == http.MethodOptions:
			respondOptions(w, allowed)
		case slices.Contains(methods, r.Method):
			w.Header().Set("Allow", allow(allowed))
			respondError(w, http.StatusMethodNotAllowed, "this path takes "+allow(allowed))
		default:
			respondError(w, http.StatusNotImplemented, "this method is not known here")
		}
	})
}

// allowedMethods asks the router itself which methods it would take, so that Allow is right for every route.
func allowedMethods(router *mux.Router, r *http.Request) []string {
	return slices.DeleteFunc(slices.Clone(methods), func(method string) bool {
		other := *r
		other.Method = method
		var match mux.RouteMatch
		return !router.Match(&other, &match) || match.MatchErr != nil
	})
}

func allow(methods []string) string { return strings.Join(append(methods, http.MethodOptions), ", ") }

func respondOptions(w http.ResponseWriter, methods []string) {
	w.Header().Set("Allow", allow(methods))
	w.WriteHeader(http.StatusNoContent)
}
