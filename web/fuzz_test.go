package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzHandler wants an answer that is described and one log line that is JSON and bounded, whatever a request is like.
func FuzzHandler(f *testing.F) {
	f.Add("GET", "/", "text/html", "", "")
	f.Add("GET", "/time", "*/*;q=0.1", "Root=1-67891233-abcdef012345678912345678", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	f.Add("OPTIONS", "*", "", "", "")
	f.Add("BREW", "//time/../\x00\xff\"\n", "a/b;q=,;/", "\x7f\"", "00-")
	known := []int{200, 204, 404, 405, 406, 414, 501}
	f.Fuzz(func(t *testing.T, method, path, accept, trace, parent string) {
		log := new(testLog)
		request := &http.Request{
			Method: method, URL: &url.URL{Path: path}, RequestURI: path, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Accept": {accept}, "X-Amzn-Trace-Id": {trace}, "Traceparent": {parent}},
		}
		response := httptest.NewRecorder()
		newHandler(testService(log)).ServeHTTP(response, request)
		if !slices.Contains(known, response.Code) {
			t.Errorf("status %d", response.Code)
		}
		var body problem
		if err := json.Unmarshal(response.Body.Bytes(), &body); response.Code >= 400 && (err != nil || body.Status != response.Code) {
			t.Errorf("%d without a problem: %s", response.Code, response.Body)
		}
		// A byte takes six at most: \u0000.
		text := log.String()
		if most := 6*(maxLoggedMethod+maxLoggedPath+maxLoggedTrace) + 300; len(text) > most || strings.Count(text, "\n") > 1 {
			t.Errorf("logged %d bytes, %d lines: %s", len(text), strings.Count(text, "\n"), text)
		}
		if text != "" && !json.Valid([]byte(text)) {
			t.Errorf("not JSON: %q", text)
		}
	})
}

// FuzzWire sends any bytes to a real server, and wants whatever comes back to be HTTP.
func FuzzWire(f *testing.F) {
	f.Add([]byte("GET /time HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.0\r\n\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nffffffffffffffff\r\n"))
	f.Add([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	f.Add([]byte("\x00\x16\x03\x01\r\n\r\n"))
	s := testService(io.Discard)
	address := listen(f, newHandler(s), s.log)
	f.Fuzz(func(t *testing.T, sent []byte) {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		_ = connection.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = connection.Write(sent)
		_ = connection.(*net.TCPConn).CloseWrite()
		for answers := bufio.NewReader(connection); ; {
			if _, err := answers.Peek(1); err != nil {
				return // the server has said all that it will
			}
			// Without knowing the method the body of an answer to HEAD cannot be told from none.
			response, err := http.ReadResponse(answers, nil)
			if err == nil {
				_, err = io.Copy(io.Discard, response.Body)
			}
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !strings.Contains(string(sent), "HEAD") && !isNetwork(err) {
				t.Fatalf("%q is answered with what is not HTTP: %v", sent, err)
			}
			if err != nil {
				return
			}
		}
	})
}

func isNetwork(err error) bool {
	var cut net.Error
	return errors.As(err, &cut)
}

func FuzzPrefer(f *testing.F) {
	f.Add("text/html, */*;q=0.8")
	f.Add("text/*;q=0, ;q=1;q")
	offers := []string{textType, htmlType}
	f.Fuzz(func(t *testing.T, accept string) {
		if got := prefer([]string{accept}, offers); got != "" && !slices.Contains(offers, got) {
			t.Errorf("prefer(%q) = %q, which was not offered", accept, got)
		}
	})
}
