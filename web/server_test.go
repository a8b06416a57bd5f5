package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
)

// TestRequestUnderWayIsAnswered stops the server while a handler is at work.
func TestRequestUnderWayIsAnswered(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	asked, finish := make(chan struct{}), make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-finish
		respondText(w, "done")
	})
	draining := new(atomic.Bool)
	address := "127.0.0.1:" + freePort(t)
	ended := make(chan error, 1)
	log, lines := io.Pipe()
	logged := make(chan map[string]any, 10)
	go readLog(log, logged)
	go func() {
		ended <- serve(ctx, settings{address: address}, slow, draining, slog.New(slog.NewJSONHandler(lines, nil)))
	}()
	<-logged // listening

	status := make(chan int, 1)
	go func() {
		response, err := http.Get("http://" + address)
		if err != nil {
			t.Error(err)
			status <- 0
			return
		}
		response.Body.Close()
		status <- response.StatusCode
	}()
	<-asked
	stop()
	<-logged // draining
	select {
	case err := <-ended:
		t.Fatalf("ended before the answer: %v", err)
	default:
	}
	close(finish)
	if got := <-status; got != http.StatusOK {
		t.Errorf("status %d, want 200", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("serve: %v, want nil", err)
	}
}
