package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// refusals makes net/http's own answers to what is no HTTP, or more of it than it reads, look like all other errors, and
// logs them. net/http writes them in plain text, past every handler.
type refusals struct {
	*net.TCPListener
	log *slog.Logger
}

func (l refusals) Accept() (net.Conn, error) {
	conn, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return &refusingConn{TCPConn: conn, log: l.log}, nil
}

type refusingConn struct {
	*net.TCPConn
	log *slog.Logger
}

func (c *refusingConn) Write(p []byte) (int, error) {
	status, cause := parseRefusal(p)
	if status == 0 {
		return c.TCPConn.Write(p)
	}
	c.log.Info("refused", "status", status, "cause", bounded(cause, maxLoggedPath))
	body := problemJSON(status, cause)
	_, err := fmt.Fprintf(c.TCPConn, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n%s",
		status, http.StatusText(status), problemType, len(body), body)
	return len(p), err
}

// parseRefusal gives status and cause of "HTTP/1.1 400 Bad Request: missing required Host header" where just these
// fields follow: what comes from a handler has a Date too. For any other text the status is 0.
func parseRefusal(p []byte) (status int, cause string) {
	if !bytes.HasPrefix(p, []byte("HTTP/1.1 4")) && !bytes.HasPrefix(p, []byte("HTTP/1.1 5")) {
		return 0, ""
	}
	line, fields, _ := bytes.Cut(p, []byte("\r\n"))
	if !bytes.HasPrefix(fields, []byte("Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")) {
		return 0, ""
	}
	code, reason, _ := strings.Cut(strings.TrimPrefix(string(line), "HTTP/1.1 "), " ")
	status, err := strconv.Atoi(code)
	if err != nil {
		return 0, ""
	}
	if _, cause, _ = strings.Cut(reason, ": "); cause == "" {
		cause = "the request cannot be read"
	}
	return status, cause
}
