package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// memory is the resident set of a process in MiB, as Linux counts it.
func (p *process) memory(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Skip("memory is read from /proc, which there is on Linux only")
	}
	for line := range strings.Lines(string(text)) {
		if kilobytes, found := strings.CutPrefix(line, "VmRSS:"); found {
			n, err := strconv.Atoi(strings.Fields(kilobytes)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n / 1024
		}
	}
	t.Fatalf("no VmRSS in %s", text)
	return 0
}

// wantServed wants new clients to be answered soon.
func wantServed(t *testing.T, url string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second}
	for range 20 {
		if response := get(t, client, url+"/time"); response.StatusCode != http.StatusOK {
			t.Fatalf("others get %s", response.Status)
		}
	}
}

// TestIdleConnectionsCostLittle holds ten thousand keep-alive connections open, or as many as this machine allows.
func TestIdleConnectionsCostLittle(t *testing.T) {
	p := startQuietly(t, freePort(t))
	before := p.memory(t)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	count := int(min(10_000, limit.Cur-200))
	connections := make([]net.Conn, count)
	var openers sync.WaitGroup
	for first := range 20 {
		openers.Go(func() {
			for i := first; i < count; i += 20 {
				connections[i] = openIdle(t, p.url)
			}
		})
	}
	openers.Wait()
	defer func() {
		for _, connection := range connections {
			if connection != nil {
				connection.Close()
			}
		}
	}()
	if t.Failed() {
		return
	}
	wantServed(t, p.url)
	grown := p.memory(t) - before
	t.Logf("%d idle connections take %d MiB", count, grown)
	if most := count * 26 / 1024; grown > most { // half of the smallest task for all of them
		t.Errorf("%d idle connections take %d MiB, want at most %d, 26 KiB each", count, grown, most)
	}
}

// openIdle returns a connection on which one request was answered.
func openIdle(t *testing.T, url string) net.Conn {
	connection, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Errorf("open: %v", err)
		return nil
	}
	_, err = io.WriteString(connection, "HEAD /time HTTP/1.1\r\nHost: x\r\n\r\n")
	if err == nil {
		_, err = connection.Read(make([]byte, 1024))
	}
	if err != nil {
		t.Errorf("first request: %v", err)
	}
	return connection
}

// TestBodyOfAGigabyte is refused and not read: net/http reads on for 256 KiB, and then closes.
func TestBodyOfAGigabyte(t *testing.T) {
	p := startQuietly(t, freePort(t))
	before := p.memory(t)
	for name, head := range map[string]string{
		"with a length": "POST /time HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n",
		"in chunks":     "GET /time HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n40000000\r\n",
	} {
		connection, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = connection.SetDeadline(time.Now().Add(10 * time.Second))
		answered := make(chan int, 1)
		go func() {
			response, err := http.ReadResponse(bufio.NewReader(connection), nil)
			if err != nil {
				answered <- 0
				return
			}
			answered <- response.StatusCode
		}()
		_, _ = io.WriteString(connection, head)
		sent, block := 0, make([]byte, 1<<16)
		for sent < 1<<30 {
			n, err := connection.Write(block)
			if sent += n; err != nil {
				break
			}
		}
		connection.Close()
		if status := <-answered; status != http.StatusMethodNotAllowed && status != http.StatusOK {
			t.Errorf("%s: status %d, want an answer", name, status)
		}
		if sent > 64<<20 {
			t.Errorf("%s: %d MiB were taken", name, sent>>20)
		}
	}
	wantServed(t, p.url)
	if grown := p.memory(t) - before; grown > 16 {
		t.Errorf("grew by %d MiB", grown)
	}
}

// TestSlowloris has a thousand clients that never finish their requests, which are cut off while others are served.
func TestSlowloris(t *testing.T) {
	s := testService(io.Discard)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(newHandler(s), defaultKeepAlive, s.log)
	if server.ReadTimeout != readTimeout || server.WriteTimeout != writeTimeout {
		t.Error("the server has not the timeouts")
	}
	server.ReadTimeout = 500 * time.Millisecond // instead of 10 s
	go func() { _ = server.Serve(refusals{listener.(*net.TCPListener), s.log}) }()
	defer server.Close()

	before := runtime.NumGoroutine()
	var clients sync.WaitGroup
	defer clients.Wait() // also where the test ends early: they still speak to it
	for i := range 1000 {
		clients.Go(func() {
			connection, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			defer connection.Close()
			_, _ = io.WriteString(connection, []string{"GET /time HTTP/1.1\r\nX-", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", ""}[i%3])
			_ = connection.SetReadDeadline(time.Now().Add(10 * time.Second))
			// What it has not read when it closes is answered by a reset.
			if _, err := io.Copy(io.Discard, connection); err != nil && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("not cut off: %v", err)
			}
		})
	}
	wantServed(t, "http://"+listener.Addr().String())
	clients.Wait()
	wantGoroutines(t, before)
}

// wantGoroutines wants no more of them than before, after a while.
func wantGoroutines(t *testing.T, before int) {
	t.Helper()
	for range 100 {
		if runtime.NumGoroutine() <= before+2 { // the client's own
			return
		}
		http.DefaultClient.CloseIdleConnections()
		time.Sleep(50 * time.Millisecond)
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
}
