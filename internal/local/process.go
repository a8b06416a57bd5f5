package local

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

const (
	// marker is the variable by which the engine and everything it starts are known.
	marker = "SLIPWAY_ENGINE_TOKEN="

	// outerMarker is that of the engine in one of whose builds an engine was started: it ends with that one at the latest.
	outerMarker = "SLIPWAY_OUTER_ENGINE_TOKEN="
)

const (
	endPoll = 50 * time.Millisecond

	// gracePeriod is what an engine gets to end its tasks; longer than its own patience with them.
	gracePeriod = 12 * time.Second
)

// endGracefully asks the engine to end and waits until it has, or for gracePeriod.
func endGracefully(ctx context.Context, pid int, token string) {
	ctx, cancel := context.WithTimeout(ctx, gracePeriod)
	defer cancel()
	if !carries(pid, token) || syscall.Kill(pid, syscall.SIGTERM) != nil {
		return
	}
	for carries(pid, token) && pause(ctx, endPoll) == nil {
	}
}

// sweep kills every process that carries the token and returns when there is none.
func sweep(ctx context.Context, token string) error {
	for {
		left, err := carriers(token)
		if err != nil {
			return fmt.Errorf("look for processes of the local engine: %w", err)
		}
		if len(left) == 0 {
			return nil
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if err := pause(ctx, endPoll); err != nil {
			return fmt.Errorf("end processes %v of the local engine: %w", left, err)
		}
	}
}
