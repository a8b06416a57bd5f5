package main

import (
	"net/http"
	"strconv"
	"strings"
)

// accepted gives the offered media type that the request's Accept prefers, the first where it is indifferent. Where it
// wants none of them, accepted answers 406 and is false.
func accepted(w http.ResponseWriter, r *http.Request, offers ...string) (string, bool) {
	if len(offers) > 1 {
		w.Header().Set("Vary", "Accept")
	}
	chosen := prefer(r.Header["Accept"], offers)
	if chosen == "" {
		respondError(w, http.StatusNotAcceptable, "this path answers "+strings.Join(offers, " or "))
	}
	return chosen, chosen != ""
}

// prefer reads Accept as RFC 9110, 12.5.1 says: the most specific range decides about an offer, the highest weight about
// the choice. A range that cannot be read is left out, and a header without any that can is like none.
func prefer(accept, offers []string) string {
	best, bestWeight, known := "", 0.0, false
	for _, offer := range offers {
		weight, specific := 0.0, 0
		for _, line := range accept {
			for part := range strings.SplitSeq(line, ",") {
				mediaRange, q, ok := parseRange(part)
				known = known || ok
				if n := specificity(mediaRange, offer); ok && n > specific {
					weight, specific = q, n
				}
			}
		}
		if weight > bestWeight {
			best, bestWeight = offer, weight
		}
	}
	if !known {
		return offers[0]
	}
	return best
}

// specificity is 3 where the range names the media type, 2 for type/*, 1 for */*, and 0 where it is another.
func specificity(mediaRange, offer string) int {
	kind, _, _ := strings.Cut(offer, "/")
	switch {
	case strings.EqualFold(mediaRange, offer):
		return 3
	case mediaRange == "*/*":
		return 1
	case strings.HasSuffix(mediaRange, "/*") && strings.EqualFold(strings.TrimSuffix(mediaRange, "/*"), kind):
		return 2
	}
	return 0
}

// parseRange reads "text/html;q=0.8"; parameters other than the weight are passed over.
func parseRange(text string) (mediaRange string, weight float64, ok bool) {
	mediaRange, parameters, _ := strings.Cut(text, ";")
	mediaRange = strings.TrimSpace(mediaRange)
	if kind, subtype, _ := strings.Cut(mediaRange, "/"); kind == "" || subtype == "" {
		return "", 0, false
	}
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		q, err := strconv.ParseFloat(value, 64)
		return mediaRange, q, err == nil && q >= 0 && q <= 1
	}
	return mediaRange, 1, true
}
