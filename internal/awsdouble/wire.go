package awsdouble

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

type (
	object  = map[string]any
	list    = []any
	entries map[string]string // a map, as the query services write one
)

// handler answers one operation, with the lock held.
type handler func(in object) (object, error)

type apiError struct {
	Code, Message string
	Status        int
}

func (e *apiError) Error() string { return e.Code + ": " + e.Message }

func fail(code, format string, args ...any) error {
	return &apiError{Code: code, Message: fmt.Sprintf(format, args...), Status: 400}
}

var credentialScope = regexp.MustCompile(`Credential=[^/]+/[0-9]{8}/[^/]+/([^/]+)/aws4_request`)

// answer records the call and runs it.
func (d *Double) answer(service, operation string, in object) (object, *apiError) {
	d.calls = append(d.calls, Call{Service: service, Operation: operation, In: in, Time: time.Now()})
	if err := d.authorize(service, operation, in); err != nil {
		return nil, err
	}
	if err := d.fault(service, operation); err != nil {
		return nil, err
	}
	handle := d.handlers[service+"."+operation]
	if handle == nil {
		return nil, &apiError{Code: "InvalidAction", Message: "Could not find operation " + operation + " of " + service + ": awsdouble does not have it", Status: 400}
	}
	out, err := handle(in)
	d.loseAnswer(service, operation)
	if err == nil {
		return out, nil
	}
	if e, ok := errors.AsType[*apiError](err); ok {
		return nil, e
	}
	return nil, &apiError{Code: "InternalFailure", Message: err.Error(), Status: 500}
}

func (d *Double) serveJSON(w http.ResponseWriter, service, target string, body []byte) {
	_, operation, _ := strings.Cut(target, ".")
	in := object{}
	if err := json.Unmarshal(body, &in); err != nil {
		http.Error(w, "awsdouble: "+err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Requestid", d.uuid())
	out, fault := d.answer(service, operation, in)
	if fault != nil {
		w.WriteHeader(fault.Status)
		writeJSON(w, object{"__type": fault.Code, "message": fault.Message})
		return
	}
	writeJSON(w, jsonValue(out))
}

func writeJSON(w io.Writer, v any) {
	// The connection may be gone; nobody is left to be told.
	_ = json.NewEncoder(w).Encode(v)
}

// jsonValue turns times into seconds since 1970, as the JSON protocols write them, and leaves out what is nil.
func jsonValue(v any) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for key, value := range v {
			if value != nil {
				out[key] = jsonValue(value)
			}
		}
		return out
	case list:
		out := make(list, len(v))
		for i := range v {
			out[i] = jsonValue(v[i])
		}
		return out
	case time.Time:
		return float64(v.UnixMilli()) / 1000
	}
	return v
}

func (d *Double) serveQuery(w http.ResponseWriter, service string, body []byte) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		http.Error(w, "awsdouble: "+err.Error(), http.StatusBadRequest)
		return
	}
	operation := values.Get("Action")
	values.Del("Action")
	values.Del("Version")
	out, fault := d.answer(service, operation, unflatten(values))
	w.Header().Set("Content-Type", "text/xml")
	if fault != nil {
		w.WriteHeader(fault.Status)
	}
	_, _ = w.Write(queryAnswer(service, operation, d.uuid(), out, fault))
}

func queryAnswer(service, operation, id string, out object, fault *apiError) []byte {
	var b bytes.Buffer
	switch {
	case fault != nil && service == "ec2":
		writeXML(&b, "Response", object{
			"Errors":    object{"Error": object{"Code": fault.Code, "Message": fault.Message}},
			"RequestID": id,
		}, "item")
	case fault != nil:
		writeXML(&b, "ErrorResponse", object{
			"Error":     object{"Type": "Sender", "Code": fault.Code, "Message": fault.Message},
			"RequestId": id,
		}, "member")
	case service == "ec2":
		answer := maps.Clone(out)
		answer["requestId"] = id
		writeXML(&b, operation+"Response", answer, "item")
	default:
		writeXML(&b, operation+"Response", object{
			operation + "Result": out,
			"ResponseMetadata":   object{"RequestId": id},
		}, "member")
	}
	return b.Bytes()
}

// writeXML writes a value under a name; the members of lists are called item. What is nil is left out.
func writeXML(b *bytes.Buffer, name string, v any, item string) {
	if v == nil {
		return
	}
	b.WriteString("<" + name + ">")
	switch v := v.(type) {
	case object:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			writeXML(b, key, v[key], item)
		}
	case list:
		for _, member := range v {
			writeXML(b, item, member, item)
		}
	case entries:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			writeXML(b, "entry", object{"key": key, "value": v[key]}, item)
		}
	case time.Time:
		b.WriteString(v.Format("2006-01-02T15:04:05.000Z"))
	default:
		_ = xml.EscapeText(b, fmt.Append(nil, v)) // a bytes.Buffer takes everything
	}
	b.WriteString("</" + name + ">")
}

// unflatten turns Tags.member.1.Key=x into {"Tags": [{"Key": "x"}]}; EC2's lists have no "member".
func unflatten(values url.Values) object {
	tree := object{}
	for key, value := range values {
		place := tree
		parts := slices.DeleteFunc(strings.Split(key, "."), func(p string) bool { return p == "member" })
		for _, part := range parts[:len(parts)-1] {
			next, ok := place[part].(object)
			if !ok {
				next = object{}
				place[part] = next
			}
			place = next
		}
		place[parts[len(parts)-1]] = value[0]
	}
	out, _ := withLists(tree).(object)
	return out
}

func withLists(v any) any {
	tree, ok := v.(object)
	if !ok {
		return v
	}
	for key := range tree {
		tree[key] = withLists(tree[key])
	}
	var members list
	for i := 1; tree[strconv.Itoa(i)] != nil; i++ {
		members = append(members, tree[strconv.Itoa(i)])
	}
	if members == nil {
		return tree
	}
	return members
}

// text, texts, objects and flag read a parameter; what is not there is empty.
func text(in object, key string) string {
	switch v := in[key].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case int:
		return strconv.Itoa(v)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func texts(in object, key string) []string {
	members, _ := in[key].(list)
	var out []string
	for _, m := range members {
		out = append(out, fmt.Sprint(m))
	}
	return out
}

func objects(in object, key string) []object {
	members, _ := in[key].(list)
	var out []object
	for _, m := range members {
		if o, ok := m.(object); ok {
			out = append(out, o)
		}
	}
	return out
}

func sub(in object, key string) object {
	o, _ := in[key].(object)
	return o
}

func flag(in object, key string) bool { return text(in, key) == "true" }

func number(in object, key string) int {
	n, _ := strconv.Atoi(text(in, key))
	return n
}

// opt leaves an empty text out of an answer.
func opt(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func optTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

func asList[T any](items []T) list {
	out := list{}
	for _, item := range items {
		out = append(out, item)
	}
	return out
}

// page cuts one page out of all, beginning at the token that the page before gave; the service's own limit, if
// smaller than the double's, counts.
func page[T any](d *Double, all []T, token string, limit int) (items []T, next string) {
	start, _ := strconv.Atoi(token)
	start = min(start, len(all))
	size := d.pageSize
	if limit > 0 && limit < size {
		size = limit
	}
	end := min(start+size, len(all))
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return all[start:end], next
}

// restAnswer is the document of a REST service: lists hold members named after themselves, without their plural.
func restAnswer(operation string, out object) []byte {
	var b bytes.Buffer
	b.WriteString("<" + operation + "Response>")
	for _, key := range slices.Sorted(maps.Keys(out)) {
		writeXML(&b, key, out[key], strings.TrimSuffix(key, "s"))
	}
	b.WriteString("</" + operation + "Response>")
	return b.Bytes()
}
