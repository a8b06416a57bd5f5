package operate

import (
	"strings"
	"testing"
	"time"

	"slipway/internal/release"
)

// The release that an environment holds is told, and what is odd about newer ones.
func TestStatusTellsTheRelease(t *testing.T) {
	b := launched(t)
	e := b.status(t)
	if e.Release == nil || e.Release.Number != 1 || e.Release.Result != release.Succeeded || e.Release.Kind != release.Deployment || e.Release.Began.IsZero() || e.Drift != "" {
		t.Fatalf("release %+v, drift %q", e.Release, e.Drift)
	}
	b.unrestricted()
	store, err := b.Releases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Begin(t.Context(), release.Record{Environment: "prod", Began: time.Now()}); err != nil {
		t.Fatal(err)
	}
	b.double.PutObject(store.Bucket, "releases/prod/3.json", []byte("?"))
	b.look()
	e = b.status(t)
	if e.State != Healthy || e.Release.Number != 1 || e.Drift != "" {
		t.Errorf("state %s, release %+v, drift %q", e.State, e.Release, e.Drift)
	}
	wantText(t, strings.Join(e.Notes, "\n"), "release 2 has no end", "release 3 cannot be read")
}

// A stack that somebody changed past slipway is told by its parameters.
func TestStackIsNotTheRelease(t *testing.T) {
	b := launched(t)
	b.unrestricted()
	store, err := b.Releases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, err := store.Read(t.Context(), "prod", 1)
	if err != nil {
		t.Fatal(err)
	}
	first.Parameters["ZoneA"] = "elsewhere"
	first.Began = time.Now()
	r, err := store.Begin(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	r.Result, r.Stands, r.Ended = release.Failed, true, time.Now()
	if err := store.End(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	b.look()
	e := b.status(t)
	wantText(t, e.Drift, "the stack has other values than release 2 for ZoneA")
	wantText(t, strings.Join(e.Notes, "\n"), "release 2, which it holds, failed")
}
