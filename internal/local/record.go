package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	statusPath    = "/_slipway/status"
	statusTimeout = 10 * time.Second
	lockPoll      = 100 * time.Millisecond
)

// record is what engine.json says of the engine that was last started.
type record struct {
	Endpoint string    `json:"endpoint"`
	Region   string    `json:"region"`
	PID      int       `json:"pid"`
	Runtime  string    `json:"runtime"`
	Enforces bool      `json:"enforces,omitempty"`
	Token    string    `json:"token"`  // random; the engine, its children and containers carry it
	Source   string    `json:"source"` // hash of the engine's own Python and lock file
	Started  time.Time `json:"started"`
}

func (f folder) engine(rec *record) *Engine {
	return &Engine{Endpoint: rec.Endpoint, Region: rec.Region, PID: rec.PID, Runtime: rec.Runtime, Enforces: rec.Enforces, root: f, token: rec.Token}
}

// readRecord returns nil where there is none, or where it is cut short: then no engine has ever answered from it.
func (f folder) readRecord() (*record, error) {
	text, err := os.ReadFile(f.record())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read which local engine runs: %w", err)
	}
	var rec record
	if json.Unmarshal(text, &rec) != nil || rec.Token == "" {
		return nil, nil
	}
	return &rec, nil
}

func (f folder) writeRecord(rec *record) error {
	text, err := json.MarshalIndent(rec, "", "  ")
	if err == nil {
		err = writeFile(f.record(), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("remember which local engine runs: %w", err)
	}
	return nil
}

// writeFile writes a file whole or not at all.
func writeFile(path string, content []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(content)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// lock keeps two commands from installing, starting or stopping at the same time on one clone.
func (f folder) lock(ctx context.Context, log io.Writer) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(string(f), "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the local engine: %w", err)
	}
	for said := false; ; said = true {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			file.Close()
			return nil, fmt.Errorf("lock the local engine: %w", err)
		}
		if !said {
			fmt.Fprintln(log, "Waiting for another command that starts or stops the local engine of this clone.")
		}
		if err := pause(ctx, lockPoll); err != nil {
			file.Close()
			return nil, fmt.Errorf("wait for another command on the local engine: %w", err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

type status struct {
	Token   string `json:"token"`
	PID     int    `json:"pid"`
	Runtime string `json:"runtime"`
}

// askStatus asks whoever listens at an endpoint which engine it is. What is no engine gives an empty status.
func askStatus(ctx context.Context, endpoint string) (status, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+statusPath, nil)
	if err != nil {
		return status{}, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy: it is on loopback
	answer, err := client.Do(request)
	if err != nil {
		return status{}, err
	}
	defer answer.Body.Close()
	var s status
	if json.NewDecoder(io.LimitReader(answer.Body, 1<<16)).Decode(&s) != nil {
		return status{}, nil
	}
	return s, nil
}
