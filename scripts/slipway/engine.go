package main

import (
	"context"
	"errors"
	"time"

	"slipway/internal/local"
)

// errEngineEnded says that there is nobody to ask any more.
var errEngineEnded = errors.New("the local engine has ended meanwhile, and all that ran in it with it: ./scripts/deploy.sh --local begins anew")

// engineLook is the time between two looks whether the engine still runs.
const engineLook = time.Second

// whileItRuns does something for as long as the engine runs, without one as it is. That AWS does not answer is waited for; an engine that
// has ended never answers again.
func whileItRuns(ctx context.Context, engine *local.Engine, do func(context.Context) error) error {
	if engine == nil {
		return do(ctx)
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() {
		for ctx.Err() == nil {
			if !engine.Runs() {
				end(errEngineEnded)
			}
			select {
			case <-ctx.Done():
			case <-time.After(engineLook):
			}
		}
	}()
	err := do(ctx)
	if errors.Is(context.Cause(ctx), errEngineEnded) {
		return errEngineEnded
	}
	return err
}
