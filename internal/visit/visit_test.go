package visit

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
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

// Each task behind a load balancer is asked as that one would, and the one that answers wrongly is named.
func TestEachTaskBehindIsAsked(t *testing.T) {
	t.Parallel()
	asked := map[string]int{}
	var mu sync.Mutex
	task := func(name string, code int) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			asked[name+" "+r.Host+r.URL.Path+" "+r.Header.Get("X-Forwarded-Proto")]++
			w.WriteHeader(code)
		}))
		t.Cleanup(server.Close)
		return strings.TrimPrefix(server.URL, "http://")
	}
	var said []string
	v := Visitor{
		URL: "https://shop.example.com", Checks: []Check{{Path: "/orders", Status: 200}}, Poll: time.Millisecond, Wrong: 20 * time.Millisecond,
		Say: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) },
	}
	if err := v.EachAnswered(t.Context(), []string{task("a", 200), task("b", 200)}); err != nil {
		t.Fatal(err)
	}
	if want := map[string]int{"a shop.example.com/orders https": 1, "b shop.example.com/orders https": 1}; !maps.Equal(asked, want) {
		t.Errorf("asked %v, want %v", asked, want)
	}
	if !slices.Equal(said, []string{"each of the 2 tasks of https://shop.example.com answers as it must"}) {
		t.Errorf("said %q", said)
	}
	wrong := task("c", 500)
	if err := v.EachAnswered(t.Context(), []string{task("a", 200), wrong}); err == nil || !strings.Contains(err.Error(), "the task at "+wrong+": GET http://shop.example.com/orders answered 500") {
		t.Errorf("a wrong one: %v", err)
	}
}
