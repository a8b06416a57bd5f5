package visit

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A service that answers, and wrongly, is not waited for as long as one that does not answer yet.
func TestWrongAnswersAreSoonBelieved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		silent bool
		cut    bool // by the patience for all of it
	}{"wrong": {false, false}, "silent": {true, true}} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.silent {
					panic(http.ErrAbortHandler)
				}
				http.Error(w, "no", http.StatusInternalServerError)
			}))
			defer server.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			v := Visitor{URL: server.URL, Client: server.Client(), Poll: time.Millisecond, Wrong: 20 * time.Millisecond}
			if err := v.Answered(ctx, 1); err == nil {
				t.Error("it passes for right")
			}
			if cut := ctx.Err() != nil; cut != c.cut {
				t.Errorf("cut off at the end: %t, want %t", cut, c.cut)
			}
		})
	}
}
