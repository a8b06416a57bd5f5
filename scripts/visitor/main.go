// Command visitor asks a service from inside its VPC, as an ECS task that is run once: what the launcher asks itself where it can
// connect. It exits with 0 where every task has answered as it must, with 1 where not, and with 2 where it was not told what to
// ask; the last line says why. What to ask is in the variable SLIPWAY_CHECKS, as JSON.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"slipway/internal/contract"
	"slipway/internal/visit"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	code := visit.Command(ctx, os.Args[1:], os.Getenv(contract.VarChecks), os.Stdout)
	stop()
	os.Exit(code)
}
