package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"sync/atomic"
	"time"
)

const (
	readTimeout  = 10 * time.Second // of head and body together: no path takes a body
	writeTimeout = 30 * time.Second // answers take far less than a millisecond

	// What a load balancer lets through (docs.aws.amazon.com, elasticloadbalancing, load-balancer-limits).
	maxHeaderBytes = 64 << 10

	shutdownLimit = 15 * time.Second
)

// serve listens and answers until ctx ends, then drains.
func serve(ctx context.Context, cfg settings, handler http.Handler, draining *atomic.Bool, log *slog.Logger) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.address)
	if err != nil {
		return fmt.Errorf("cannot listen where HOST and PORT say: %w", err)
	}
	server := newServer(handler, cfg.keepAlive, log)
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(refusals{listener.(*net.TCPListener), log}) }()
	log.Info("listening", "address", listener.Addr().String(), "hostname", cfg.hostname, "version", version, "commit", commit)
	select {
	case err := <-stopped:
		return fmt.Errorf("serve %s: %w", cfg.address, err)
	case <-ctx.Done():
		signal.Reset() // before anything is said about draining: a second signal ends the process at once
		return drain(server, cfg.drainPause, draining, log)
	}
}

func newServer(handler http.Handler, keepAlive time.Duration, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:        handler,
		ReadTimeout:    readTimeout,
		WriteTimeout:   writeTimeout,
		IdleTimeout:    keepAlive,
		MaxHeaderBytes: maxHeaderBytes,

		DisableGeneralOptionsHandler: true, // "OPTIONS *" is answered and logged like the rest
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// drain turns readiness off, goes on serving for the pause, and then waits for the requests that are under way. The
// answers of the pause close their connections; SetKeepAlivesEnabled(false) would close idle ones at once, and with
// them requests that a balancer is about to send.
func drain(server *http.Server, pause time.Duration, draining *atomic.Bool, log *slog.Logger) error {
	draining.Store(true)
	log.Info("draining", "pause", pause.String())
	<-time.After(pause)
	ctx, cancel := context.WithTimeout(context.Background(), shutdownLimit)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("requests still open after %s were cut: %w", shutdownLimit, err)
	}
	log.Info("stopped")
	return nil
}
