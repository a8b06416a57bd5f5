package main

import "net/http"

// timeAnswer is the body of GET /time; clients know its two members in this order.
type timeAnswer struct {
	Message   string `json:"message"`
	Timestamp int64  `json:"timestamp"` // seconds since 1970
}

func (s service) handleTime(w http.ResponseWriter, r *http.Request) {
	if _, ok := accepted(w, r, jsonType); !ok {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	respondJSON(w, http.StatusOK, timeAnswer{Message: "Automation for the People", Timestamp: s.now().Unix()})
}
