package image

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

// hasty tries as often as the limits of a build do, and waits less.
var hasty = limits{answer: 100 * time.Millisecond, pause: time.Millisecond, tries: standardLimits.tries}

// stormy has something befall a registry's first answers to each request: a method and a path, uploads apart.
func stormy(times int, befall func(w http.ResponseWriter, r *http.Request, next http.Handler)) func(http.Handler) http.Handler {
	var mu sync.Mutex
	seen := map[string]int{}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			what := r.Method + " " + r.URL.Path
			if i := strings.Index(what, "/uploads/"); i > 0 {
				what = what[:i]
			}
			mu.Lock()
			seen[what]++
			fair := seen[what] > times
			mu.Unlock()
			if fair {
				next.ServeHTTP(w, r)
				return
			}
			befall(w, r, next)
		})
	}
}

func answering(status int, text string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

func cutOff(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

func lost(_ http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

func silent(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// made is an image of some kilobytes, as a build leaves it.
func made(t *testing.T, r Request) *Image {
	t.Helper()
	content, err := random.Image(4096, 1)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := r.check()
	if err != nil {
		t.Fatal(err)
	}
	built, err := join(tr, []v1.Image{content}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	return built
}

// A registry that throttles, fails, is silent or breaks off is asked again, and the image is the one that was built.
func TestRegistryInTheStorm(t *testing.T) {
	t.Parallel()
	for name, befall := range map[string]func(http.ResponseWriter, *http.Request, http.Handler){
		"throttled":   answering(http.StatusTooManyRequests, `{"errors":[{"code":"TOOMANYREQUESTS","message":"Rate exceeded"}]}`),
		"broken":      answering(http.StatusInternalServerError, `{"errors":[{"code":"UNKNOWN","message":"internal error"}]}`),
		"unavailable": answering(http.StatusServiceUnavailable, "busy"),
		"cut off":     cutOff,
		"lost":        lost,
		"silent":      silent,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request(t, startRegistry(t, immutable, stormy(1, befall)), "a")
			r.limits = hasty
			built := made(t, r)
			if err := built.Push(t.Context()); err != nil {
				t.Fatal(err)
			}
			digest, err := built.Name(t.Context())
			if err != nil || digest != built.Digest {
				t.Errorf("%s, %v; built was %s", digest, err, built.Digest)
			}
			if found, ok, err := Digest(t.Context(), r); err != nil || !ok || found != digest {
				t.Errorf("the tag is %s, %t, %v", found, ok, err)
			}
		})
	}
}

// One that never answers is given up on.
func TestSilentRegistry(t *testing.T) {
	t.Parallel()
	r := request(t, startRegistry(t, stormy(1000, silent)), "a")
	r.limits = hasty
	began := time.Now()
	if _, _, err := Digest(t.Context(), r); err == nil || !strings.Contains(err.Error(), "timeout awaiting response headers") || time.Since(began) > 10*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

// A build that was stopped between its push and its name leaves what the next one names, without sending it again.
func TestStoppedBeforeTheName(t *testing.T) {
	t.Parallel()
	sent := 0
	r := request(t, startRegistry(t, immutable, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				sent++
			}
			next.ServeHTTP(w, r)
		})
	}), "a")
	built := made(t, r)
	if err := built.Push(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, found, err := Digest(t.Context(), r); found || err != nil {
		t.Fatalf("it is named already: %v", err)
	}
	before := sent
	if err := built.Push(t.Context()); err != nil || sent != before {
		t.Errorf("%d blobs were sent again, %v", sent-before, err)
	}
	// Another build of the same source is faster: its image is the one, whatever this one's digest is.
	other := pushRandom(t, r)
	if digest, err := built.Name(t.Context()); err != nil || digest != other || digest == built.Digest {
		t.Errorf("named %s, %v; the tag is %s", digest, err, other)
	}
}
