package main

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"
)

// Bounds on what a client can make us log, in bytes.
const (
	maxLoggedMethod = 16
	maxLoggedPath   = 512
	maxLoggedTrace  = 256
)

func appendRequest(b []byte, level slog.Level, r *http.Request, rec *recorder, start time.Time, took time.Duration) []byte {
	sent := rec.bytes
	if r.Method == http.MethodHead {
		sent = 0 // net/http drops the body
	}
	b = append(b, `{"time":"`...)
	b = start.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","level":"`...)
	b = append(b, level.String()...)
	b = append(b, `","msg":"request","method":`...)
	b = appendString(b, bounded(r.Method, maxLoggedMethod))
	b = append(b, `,"path":`...)
	b = appendString(b, bounded(r.URL.Path, maxLoggedPath))
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(rec.status), 10)
	b = append(b, `,"bytes":`...)
	b = strconv.AppendInt(b, int64(sent), 10)
	b = append(b, `,"duration_us":`...)
	b = strconv.AppendInt(b, took.Microseconds(), 10)
	if id := traceID(r); id != "" {
		b = append(b, `,"trace_id":`...)
		b = appendString(b, bounded(id, maxLoggedTrace))
	}
	if parent := traceParent(r); parent != "" {
		b = append(b, `,"traceparent":"`...)
		b = append(append(b, parent...), '"')
	}
	return append(b, "}\n"...)
}

// appendString appends text as JSON (RFC 8259, 7): what is not UTF-8 becomes the replacement character.
func appendString(b []byte, text string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = utf8.AppendRune(b, c)
		}
	}
	return append(b, '"')
}

func bounded(text string, limit int) string { return text[:min(len(text), limit)] }
