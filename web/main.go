// Command web is the service: GET / answers the name of the host that serves, GET /time the time.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// Set by the linker: -X main.version=... -X main.commit=...
var version, commit = "development", "unknown"

func main() {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "web:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then drains; nil means that every request was answered.
func run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	if done, err := answerArguments(args, stdout); done || err != nil {
		return err
	}
	cfg, err := readSettings(getenv)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(stdout, &slog.HandlerOptions{Level: cfg.logLevel}))
	s := service{
		hostname: cfg.hostname,
		started:  time.Now(),
		now:      time.Now,
		draining: new(atomic.Bool),
		task:     new(atomic.Pointer[ecsTask]),
		log:      log,
		requests: newRequestLog(stdout, cfg.logLevel, cfg.healthChecks),
	}
	if cfg.metadata != "" {
		go s.findTask(ctx, cfg.metadata)
	}
	if cfg.metrics != "" {
		s.metrics = &metrics{out: stdout, namespace: cfg.metrics, now: time.Now}
		defer s.metrics.start()()
	}
	return serve(ctx, cfg, newHandler(s), s.draining, log)
}

// findTask runs beside the service, which does not wait for it.
func (s service) findTask(ctx context.Context, endpoint string) {
	task, err := readTask(ctx, endpoint)
	if err != nil {
		s.log.Warn("the page will not name the task", "cause", err.Error())
		return
	}
	s.task.Store(task)
}

// answerArguments answers -version and -help itself, and then says that it is done. All else is told by variables.
func answerArguments(args []string, stdout io.Writer) (done bool, err error) {
	if len(args) == 0 {
		return false, nil
	}
	switch args[0] {
	case "-version", "--version":
		_, err := fmt.Fprintf(stdout, "web %s (commit %s)\n", version, commit)
		return true, err
	case "-help", "--help", "-h":
		_, err := fmt.Fprint(stdout, usage)
		return true, err
	}
	return false, fmt.Errorf("unexpected argument %q; web -help lists what there is", args[0])
}

const usage = `web serves GET /, /time, /version, /healthz and /readyz until SIGTERM or SIGINT.

Environment:
  PORT               port to listen on, 1 to 65535 (8080)
  HOST               address to listen on (all)
  HOSTNAME           what GET / answers (the system's host name)
  LOG_LEVEL          debug, info, warn or error (info)
  LOG_HEALTH_CHECKS  log one in so many of the health checks that go well (0, none)
  METRICS_NAMESPACE  CloudWatch namespace of metrics in embedded format, a log line a minute (none)
  DRAIN_PAUSE        how long to go on serving after a signal, 0s to 10s (1s)
  KEEP_ALIVE         how long an idle connection stays open, 1s to 2h (90s)

Arguments:
  -version           print version and commit, and exit
  -help              print this, and exit
`
