package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sample is what one server did in one round.
type sample struct {
	rate   float64 // requests a second
	cpu    float64 // microseconds of the server's CPU time a request
	p99    float64 // milliseconds
	memory float64 // MiB resident, of all its processes, at the end of the load
	first  float64 // milliseconds from start to the first 200
}

const startLimit = 10 * time.Second

// measure starts a server, puts it under load, and ends it. Its log goes to a file, as a container's goes to a pipe.
func (b *bench) measure(ctx context.Context, s *server, length time.Duration) (sample, error) {
	log, err := os.Create(b.path("log"))
	if err != nil {
		return sample{}, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, s.command[0], s.command[1:]...)
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return sample{}, err
	}
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		_ = cmd.Wait()
	}()
	if err := firstAnswer(ctx, s.address); err != nil {
		return sample{}, err
	}
	got := sample{first: float64(time.Since(begin).Microseconds()) / 1000}
	before, _, err := usage(cmd.Process.Pid)
	if err != nil {
		return sample{}, err
	}
	requests, err := got.load(ctx, s.address, length)
	if err != nil {
		return sample{}, err
	}
	after, memory, err := usage(cmd.Process.Pid)
	got.cpu, got.memory = float64((after-before).Microseconds())/requests, memory
	return got, err
}

// firstAnswer asks on a new connection each time, as a health check would, until the answer is 200.
func firstAnswer(ctx context.Context, address string) error {
	for begin := time.Now(); time.Since(begin) < startLimit; time.Sleep(200 * time.Microsecond) {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			continue
		}
		fmt.Fprintf(connection, "GET /time HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", address)
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		connection.Close()
		if err == nil && response.StatusCode == http.StatusOK {
			return nil
		}
	}
	return fmt.Errorf("no answer within %s", startLimit)
}

// load runs wrk, and returns how many requests were answered; one that failed fails the measurement.
func (s *sample) load(ctx context.Context, address string, length time.Duration) (requests float64, err error) {
	seconds := strconv.Itoa(max(1, int(length.Seconds())))
	wrk := exec.CommandContext(ctx, "wrk", "-t2", "-c64", "-d"+seconds+"s", "--latency", "http://"+address+"/time")
	said, err := wrk.Output()
	if err != nil {
		return 0, fmt.Errorf("run wrk: %w", err)
	}
	return s.read(string(said))
}

var (
	wrkRate     = regexp.MustCompile(`Requests/sec: +([0-9.]+)`)
	wrkRequests = regexp.MustCompile(`([0-9]+) requests in`)
	wrkP99      = regexp.MustCompile(`99% +([0-9.]+[a-z]+)`)
)

// read takes the figures out of wrk's report.
func (s *sample) read(report string) (requests float64, err error) {
	if strings.Contains(report, "Socket errors") || strings.Contains(report, "Non-2xx") {
		return 0, fmt.Errorf("requests failed:\n%s", report)
	}
	rate, count, p99 := wrkRate.FindStringSubmatch(report), wrkRequests.FindStringSubmatch(report), wrkP99.FindStringSubmatch(report)
	if rate == nil || count == nil || p99 == nil {
		return 0, fmt.Errorf("read wrk's report:\n%s", report)
	}
	latency, err1 := time.ParseDuration(p99[1])
	s.p99 = float64(latency.Microseconds()) / 1000
	var err2, err3 error
	s.rate, err2 = strconv.ParseFloat(rate[1], 64)
	requests, err3 = strconv.ParseFloat(count[1], 64)
	return requests, errors.Join(err1, err2, err3)
}

// usage sums CPU time and resident memory (MiB) of a process group, as Linux counts them.
func usage(group int) (cpu time.Duration, memory float64, err error) {
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every architecture that Go runs on
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(files) == 0 {
		return 0, 0, errors.New("there is no /proc: this measures on Linux only")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended meanwhile
		}
		// The name, in parentheses, may hold anything; proc(5) counts it as field 2.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if fields[2] != strconv.Itoa(group) {
			continue
		}
		user, _ := strconv.ParseInt(fields[11], 10, 64)
		system, _ := strconv.ParseInt(fields[12], 10, 64)
		pages, _ := strconv.ParseInt(fields[21], 10, 64)
		cpu += time.Duration(user+system) * tick
		memory += float64(pages*int64(os.Getpagesize())) / (1 << 20)
	}
	return cpu, memory, nil
}
