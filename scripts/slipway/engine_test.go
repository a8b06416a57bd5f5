package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"slipway/internal/local"
)

// What works on a local engine that ends, ends, and says so; on AWS, and where it ends well, nothing is said.
func TestEngineThatEnds(t *testing.T) {
	waits := func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Second):
			return errors.New("it goes on without its engine")
		}
	}
	if err := whileItRuns(t.Context(), &local.Engine{}, waits); !errors.Is(err, errEngineEnded) {
		t.Errorf("it ends with %v", err)
	}
	broken := errors.New("broken")
	if err := whileItRuns(t.Context(), nil, func(context.Context) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("it ends with %v", err)
	}
	interrupted, stop := context.WithCancel(t.Context())
	stop()
	if err := whileItRuns(interrupted, nil, waits); !errors.Is(err, context.Canceled) || errors.Is(err, errEngineEnded) {
		t.Errorf("interrupted it ends with %v", err)
	}
}
