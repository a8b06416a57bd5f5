package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// exchange sends text as it is and reads so many answers; fewer where the server closes the connection before.
func exchange(t *testing.T, address, text string, answers int) ([]*http.Response, []string) {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(10 * time.Second))
	go func() { _, _ = io.WriteString(connection, text) }() // may be cut by an early answer
	var got []*http.Response
	var bodies []string
	for reader := bufio.NewReader(connection); len(got) < answers; {
		request := &http.Request{Method: "GET"}
		if strings.HasPrefix(text, "HEAD") {
			request.Method = "HEAD"
		}
		response, err := http.ReadResponse(reader, request)
		if err != nil {
			break
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatalf("body of answer %d: %v", len(got), err)
		}
		got, bodies = append(got, response), append(bodies, string(body))
	}
	return got, bodies
}

// TestWire holds what RFC 9112 says of requests that no well-behaved client sends. In two things net/http does otherwise:
// it skips no empty line in front, and keeps the connection after a request with both a length and chunks, whose length
// it leaves out of account.
func TestWire(t *testing.T) {
	url, log := serveTest(t, false)
	address := strings.TrimPrefix(url, "http://")
	many := strings.Repeat("X-Filler: "+strings.Repeat("y", 1000)+"\r\n", 80)
	tests := map[string]struct {
		request string
		status  []int // of each answer
		closes  bool  // after the last
	}{
		"HTTP/1.1 keeps the connection":    {"GET /time HTTP/1.1\r\nHost: x\r\n\r\n", []int{200}, false},
		"close is asked for":               {"GET /time HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", []int{200}, true},
		"HTTP/1.0 closes":                  {"GET /time HTTP/1.0\r\n\r\n", []int{200}, true},
		"HTTP/1.0 keep-alive":              {"GET /time HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", []int{200}, false},
		"pipelining":                       {"GET /time HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", []int{200, 404, 200}, false},
		"empty line in front":              {"\r\nGET /time HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}, true},
		"bare line feeds":                  {"GET /time HTTP/1.1\nHost: x\n\n", []int{200}, false},
		"absolute form":                    {"GET http://x/time HTTP/1.1\r\nHost: x\r\n\r\n", []int{200}, false},
		"options of the server":            {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", []int{204}, false},
		"connect":                          {"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", []int{404}, false},
		"body on GET":                      {"GET /time HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: x\r\n\r\n", []int{200, 200}, false},
		"chunked body on GET":              {"GET /time HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", []int{200, 200}, false},
		"expects 100-continue":             {"POST /time HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", []int{405}, true},
		"expects what there is not":        {"GET /time HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", []int{417}, true},
		"no Host":                          {"GET /time HTTP/1.1\r\n\r\n", []int{400}, true},
		"two Hosts":                        {"GET /time HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", []int{400}, true},
		"Host with a slash":                {"GET /time HTTP/1.1\r\nHost: x/y\r\n\r\n", []int{400}, true},
		"no version":                       {"GET /time\r\n\r\n", []int{400}, true},
		"HTTP/2 preface":                   {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{505}, true},
		"HTTP/3.0":                         {"GET /time HTTP/3.0\r\nHost: x\r\n\r\n", []int{505}, true},
		"null byte in the target":          {"GET /ti\x00me HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}, true},
		"null byte in a field":             {"GET /time HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n", []int{400}, true},
		"space in a name":                  {"GET /time HTTP/1.1\r\nHost: x\r\nX A: b\r\n\r\n", []int{400}, true},
		"space before the colon":           {"GET /time HTTP/1.1\r\nHost: x\r\nX-A : b\r\n\r\n", []int{400}, true},
		"folded field":                     {"GET /time HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\n\r\n", []int{200}, false},
		"length and chunked, as smugglers": {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: x\r\n\r\n", []int{405, 404}, false},
		"two lengths":                      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd", []int{400}, true},
		"length of no number":              {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\nabcd", []int{400}, true},
		"unknown transfer coding":          {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", []int{501}, true},
		"fields too large":                 {"GET /time HTTP/1.1\r\nHost: x\r\n" + many + "\r\n", []int{431}, true},
		"no HTTP at all":                   {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", []int{400}, true},
		"lower-case method":                {"get /time HTTP/1.1\r\nHost: x\r\n\r\n", []int{501}, false},
		"HEAD has no body":                 {"HEAD /time HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.1\r\nHost: x\r\n\r\n", []int{200, 200}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, bodies := exchange(t, address, test.request, len(test.status))
			if len(got) != len(test.status) {
				t.Fatalf("%d answers, want %d", len(got), len(test.status))
			}
			for i, want := range test.status {
				if got[i].StatusCode != want {
					t.Errorf("answer %d: %s, want %d\n%s", i, got[i].Status, want, bodies[i])
				}
				// net/http refuses an expectation without a body.
				if want >= 400 && want != http.StatusExpectationFailed {
					wantProblem(t, got[i], bodies[i])
				}
			}
			if last := got[len(got)-1]; last.Close != test.closes {
				t.Errorf("closes %t, want %t", last.Close, test.closes)
			}
		})
	}
	t.Cleanup(func() {
		if text := log.String(); !strings.Contains(text, `"msg":"refused","status":400,"cause":"missing required Host header"`) {
			t.Errorf("a refused request is not logged:\n%s", text)
		}
	})
}

func wantProblem(t *testing.T, response *http.Response, body string) {
	t.Helper()
	var got problem
	if err := json.Unmarshal([]byte(body), &got); err != nil || response.Header.Get("Content-Type") != problemType {
		t.Fatalf("%s with %q is no problem JSON: %v\n%s", response.Status, response.Header.Get("Content-Type"), err, body)
	}
	if got.Status != response.StatusCode || got.Title != http.StatusText(got.Status) || got.Detail == "" {
		t.Errorf("problem %+v does not fit %s", got, response.Status)
	}
}

// TestSlowClientIsServed sends a request byte by byte.
func TestSlowClientIsServed(t *testing.T) {
	url, _ := serveTest(t, false)
	connection, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	for _, c := range []byte("GET /time HTTP/1.1\r\nHost: x\r\n\r\n") {
		if _, err := connection.Write([]byte{c}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if response, err := http.ReadResponse(bufio.NewReader(connection), nil); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("answer %v, %v; want 200", response, err)
	}
}
