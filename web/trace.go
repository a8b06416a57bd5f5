package main

import (
	"net/http"
	"regexp"
)

// traceID is the load balancer's name for the request, which also stands in its access log: docs.aws.amazon.com,
// elasticloadbalancing, load-balancer-request-tracing.
func traceID(r *http.Request) string { return r.Header.Get("X-Amzn-Trace-Id") }

// traceParent is the caller's span as OpenTelemetry sends it; empty where it is not in the form of W3C Trace Context.
func traceParent(r *http.Request) string {
	if parent := r.Header.Get("Traceparent"); parent != "" && traceParentForm.MatchString(parent) {
		return parent
	}
	return ""
}

var traceParentForm = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// traceAnswers passes the trace on to whoever gets the answer: a browser or a proxy can name the request by it. The
// service calls nobody else; one that does sends both headers along.
func traceAnswers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if parent := traceParent(r); parent != "" {
			w.Header().Set("Traceresponse", parent)
		}
		next.ServeHTTP(w, r)
	})
}
