package awsdouble

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"
)

// Weather is what befalls one request or its answer.
type Weather string

// The weathers there are. What is documented of the errors' codes stands in docs.aws.amazon.com under "Common errors" of each
// service, and for S3 under API/ErrorResponses.
const (
	Fair      Weather = ""
	Throttled Weather = "throttled" // the service's way to say that there are too many
	Broken    Weather = "broken"    // an internal error, status 500, before anything was done
	Silent    Weather = "silent"    // the request is never answered, nor carried out
	CutOff    Weather = "cut off"   // the connection breaks before the request is carried out
	Lost      Weather = "lost"      // it is carried out, and the connection breaks before the answer
	Twice     Weather = "twice"     // it is carried out once more some time after it was answered
	Stale     Weather = "stale"     // a read is answered as one like it was a moment ago; S3's reads never are
	Denied    Weather = "denied"    // the caller may not
	Garbled   Weather = "garbled"   // status 200 and a page of HTML, as a captive portal answers
)

// Weathers are all but Fair.
var Weathers = []Weather{Throttled, Broken, Silent, CutOff, Lost, Twice, Stale, Denied, Garbled}

// late is how long after its answer a request comes again, and moment how old a stale answer is at most: what AWS does in
// minutes takes milliseconds here.
const late, moment = 3 * time.Millisecond, 10 * time.Millisecond

// answered is an answer that was given.
type answered struct {
	*httptest.ResponseRecorder
	at time.Time
}

// Forecast decides the weather of every request, given its number from 0 on, its service and its operation ("GET" or the
// like where the path tells it). It is asked by one request at a time; nil ends it.
func (d *Double) Forecast(weather func(n int, service, operation string) Weather) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forecast, d.forecasts, d.answers = weather, 0, map[string]answered{}
}

// serve answers one request of any service, in the weather that there is.
func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	scope := credentialScope.FindStringSubmatch(r.Header.Get("Authorization"))
	if scope == nil {
		http.Error(w, "awsdouble: request without a signature", http.StatusForbidden)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	service, operation := scope[1], operationOf(r, body)
	weather, before := d.next(service, operation, requestKey(r, body))
	switch weather {
	case Silent:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case CutOff:
		panic(http.ErrAbortHandler)
	case Throttled:
		d.refuse(w, r, service, operation, throttled(service))
		return
	case Broken:
		d.refuse(w, r, service, operation, broken(service))
		return
	case Denied:
		d.refuse(w, r, service, operation, refused(service, operation))
		return
	case Garbled:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><html><head><title>Log in to the guests' network</title></head><body><br><p>Welcome</body></html>")
		return
	case Stale:
		if before != nil {
			copyAnswer(w, before)
			return
		}
	}
	answer := d.carryOut(r, service, body)
	switch weather {
	case Lost:
		panic(http.ErrAbortHandler)
	case Twice:
		d.ops.Go(func() {
			select {
			case <-d.ctx.Done():
			case <-time.After(late):
				d.carryOut(r, service, body)
			}
		})
	}
	copyAnswer(w, answer)
}

// carryOut does what a request asks for.
func (d *Double) carryOut(r *http.Request, service string, body []byte) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case service == "s3":
		d.serveS3(answer, r, body)
	case service == "route53":
		d.serveDNS(answer, r, body)
	case r.Header.Get("X-Amz-Target") != "":
		d.serveJSON(answer, service, r.Header.Get("X-Amz-Target"), body)
	default:
		d.serveQuery(answer, service, body)
	}
	if d.forecast != nil && answer.Code == http.StatusOK && service != "s3" {
		d.answers[requestKey(r, body)] = answered{answer, time.Now()}
	}
	return answer
}

// next is the weather of the next request, and the last answer to one like it.
func (d *Double) next(service, operation, request string) (Weather, *httptest.ResponseRecorder) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.forecast == nil {
		return Fair, nil
	}
	d.forecasts++
	weather := d.forecast(d.forecasts-1, service, operation)
	before := d.answers[request]
	if !reads(operation) || time.Since(before.at) > moment {
		return weather, nil
	}
	return weather, before.ResponseRecorder
}

func reads(operation string) bool {
	for _, verb := range []string{"Describe", "List", "Get", "BatchGet", "GET"} {
		if strings.HasPrefix(operation, verb) {
			return true
		}
	}
	return false
}

func operationOf(r *http.Request, body []byte) string {
	if _, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		return operation
	}
	if values, err := url.ParseQuery(string(body)); err == nil && values.Get("Action") != "" {
		return values.Get("Action")
	}
	return r.Method
}

// refuse answers with an error in the service's own form.
func (d *Double) refuse(w http.ResponseWriter, r *http.Request, service, operation string, e *apiError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case service == "s3":
		(&s3Request{d: d, w: w, r: r, query: r.URL.Query()}).fail(e)
	case r.Header.Get("X-Amz-Target") != "":
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(e.Status)
		writeJSON(w, object{"__type": e.Code, "message": e.Message})
	default:
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(e.Status)
		_, _ = w.Write(queryAnswer(service, operation, d.uuid(), nil, e))
	}
}

func broken(service string) *apiError {
	if service == "s3" {
		return &apiError{Code: "InternalError", Message: "We encountered an internal error. Please try again.", Status: 500}
	}
	return &apiError{Code: "InternalFailure", Message: "The request processing has failed because of an unknown error, exception or failure.", Status: 500}
}

func refused(service, operation string) *apiError {
	e := &apiError{Code: "AccessDenied", Status: 403, Message: "User: arn:aws:iam::123456789012:user/tester is not authorized to perform: " +
		service + ":" + operation + " because no identity-based policy allows the " + service + ":" + operation + " action"}
	switch service {
	case "ec2":
		e.Code = "UnauthorizedOperation"
	case "s3", "cloudformation", "iam", "elasticloadbalancing", "sts", "route53", "sns", "monitoring":
	default:
		e.Code, e.Status = "AccessDeniedException", 400
	}
	return e
}

func copyAnswer(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = io.Copy(w, bytes.NewReader(answer.Body.Bytes())) // the connection may be gone
}

// requestKey tells requests apart, of which some differ in their target alone.
func requestKey(r *http.Request, body []byte) string {
	return r.Header.Get("X-Amz-Target") + "\n" + r.URL.String() + "\n" + string(body)
}
