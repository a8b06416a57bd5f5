// Package visit asks a service over HTTP as its users do, and says whether it answers as it must: what web/ promises, or what
// slipway.yaml lists. The launcher asks with it, and so does the task that asks from inside a VPC; it knows nothing of AWS.
package visit

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// requestTimeout is that of one request.
	requestTimeout = 10 * time.Second
	// answerLimit is how much of an answer is read.
	answerLimit = 64 << 10
)

// Check is one request and what is expected of its answer, as slipway.yaml lists it.
type Check struct {
	Path        string // with its query
	Status      int
	ContentType string // media type; empty for any
	Contains    string // empty for anything
}

// Visitor makes requests as a user of the service does.
type Visitor struct {
	URL    string
	Checks []Check // of slipway.yaml; empty for what web/ promises
	Client *http.Client
	Say    func(format string, args ...any)
	Poll   time.Duration // between two tries
	Wrong  time.Duration // how long answers may be wrong

	forwarded string // the scheme that a load balancer says it was asked by, where what is behind it is asked
}

// NewClient makes a connection for each request, so that a load balancer spreads them over its tasks, and follows no redirect.
// Where a balancer is given it is asked whatever DNS has for the URL: its name, with a port where it is not the URL's.
func NewClient(balancer string, trust *tls.Config) *http.Client {
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: trust}
	if balancer != "" {
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, balancerAddress(balancer, address))
		}
	}
	return &http.Client{
		Timeout: requestTimeout, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// balancerAddress is the load balancer's with the port of the address given, unless its name has a port of its own.
func balancerAddress(name, address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil || strings.Contains(name, ":") {
		return name
	}
	return net.JoinHostPort(name, port)
}

// Trusting trusts these authorities; nil for whom this machine trusts.
func Trusting(roots *x509.CertPool) *tls.Config {
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// NamedBy trusts whom this machine trusts and, of an authority that it does not know, the name alone: inside a VPC a certificate
// may be of an authority of one's own, which a user's machine knows and a task does not. It says so once.
func NamedBy(say func(format string, args ...any)) *tls.Config {
	told := false
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // #nosec G402 -- VerifyConnection does it
		VerifyConnection: func(s tls.ConnectionState) error {
			leaf, others := s.PeerCertificates[0], x509.NewCertPool()
			for _, c := range s.PeerCertificates[1:] {
				others.AddCert(c)
			}
			_, err := leaf.Verify(x509.VerifyOptions{DNSName: s.ServerName, Intermediates: others})
			if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
				if err = leaf.VerifyHostname(s.ServerName); err == nil && !told {
					told = true
					say("the certificate's authority (%s) is not one that this task knows: the name and the dates in it are all that is looked at", leaf.Issuer)
				}
				if now := time.Now(); err == nil && (now.Before(leaf.NotBefore) || now.After(leaf.NotAfter)) {
					err = x509.CertificateInvalidError{Cert: leaf, Reason: x509.Expired}
				}
			}
			if err != nil {
				return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
			}
			return nil
		},
	}
}

// sleep waits, unless the context ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Answered waits until every task has been seen to answer and, with HTTPS, plain requests are redirected to it.
func (v Visitor) Answered(ctx context.Context, tasks int) error {
	var last error
	var wrongSince time.Time
	seen := map[string]bool{}
	for len(seen) < tasks || last != nil {
		host, err := v.round(ctx, len(seen))
		if err == nil {
			err = v.redirected(ctx)
		}
		if ctx.Err() != nil {
			last = cmp.Or(last, err) // a request that was cut off says less than the one before
			break
		}
		if last = err; err == nil {
			seen[host], wrongSince = true, time.Time{}
			continue
		}
		if len(v.Checks) > 0 {
			clear(seen) // it counts rounds in a row
		}
		if wrong, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
			return fmt.Errorf("the load balancer's certificate is not one for it: %w; see entry.domain and entry.certificate in slipway.yaml", wrong)
		}
		if wrongSince = wrongFrom(wrongSince, err); !wrongSince.IsZero() && time.Since(wrongSince) > v.Wrong {
			break
		}
		if err := sleep(ctx, v.Poll); err != nil {
			break
		}
	}
	switch {
	case len(seen) > 0 && len(seen) < tasks:
		return fmt.Errorf("%d of %d running tasks answered in time", len(seen), tasks)
	case last != nil && len(v.Checks) == 0:
		return fmt.Errorf("%w; where the service is not the one in web/, slipway.yaml says what to ask of it, under service.acceptance", last)
	case last != nil:
		return last
	case len(v.Checks) > 0:
		v.Say("%s answers as service.acceptance says, %d times in a row", v.URL, tasks)
	default:
		v.Say("%s answers, from all %d tasks", v.URL, tasks)
	}
	return nil
}

// EachAnswered asks what is behind a load balancer, each task at its address (host:port) in plain HTTP, as the load balancer does.
func (v Visitor) EachAnswered(ctx context.Context, addresses []string) error {
	scheme, host, _ := strings.Cut(v.URL, "://")
	one := v
	one.URL, one.forwarded, one.Say = "http://"+host, scheme, func(string, ...any) {}
	for _, address := range addresses {
		one.Client = NewClient(address, nil)
		if err := one.Answered(ctx, 1); err != nil {
			return fmt.Errorf("the task at %s: %w", address, err)
		}
	}
	v.Say("each of the %d tasks of %s answers as it must", len(addresses), v.URL)
	return nil
}

// wrongFrom is since when the service has answered wrongly, after another failure: the zero time where it has not answered.
func wrongFrom(since time.Time, failure error) time.Time {
	if _, silent := errors.AsType[*silentError](failure); silent {
		return time.Time{}
	}
	if since.IsZero() {
		return time.Now()
	}
	return since
}

// silentError is that a request was not answered at all.
type silentError struct{ error }

func (e *silentError) Unwrap() error { return e.error }

// round asks all that there is to ask once. It returns who answered; a service of somebody's own does not say, and so the
// number of rounds before stands for that.
func (v Visitor) round(ctx context.Context, before int) (who string, err error) {
	if len(v.Checks) == 0 {
		return v.contractHolds(ctx)
	}
	for _, check := range v.Checks {
		if err := v.checkHolds(ctx, check); err != nil {
			return "", err
		}
	}
	return strconv.Itoa(before), nil
}

// checkHolds makes one request of slipway.yaml's list.
func (v Visitor) checkHolds(ctx context.Context, check Check) error {
	answer, err := v.do(ctx, v.URL+check.Path)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerLimit))
	mediaType, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	switch {
	case err != nil:
		return fmt.Errorf("GET %s%s: %w", v.URL, check.Path, err)
	case answer.StatusCode != check.Status:
		return fmt.Errorf("GET %s%s answered %s: service.acceptance wants status %d", v.URL, check.Path, answer.Status, check.Status)
	case check.ContentType != "" && !strings.EqualFold(strings.TrimSpace(mediaType), check.ContentType):
		return fmt.Errorf("GET %s%s answered %q: service.acceptance wants %s", v.URL, check.Path, answer.Header.Get("Content-Type"), check.ContentType)
	case !strings.Contains(string(body), check.Contains):
		return fmt.Errorf("GET %s%s answered a body of %d bytes without %q, which service.acceptance wants", v.URL, check.Path, len(body), check.Contains)
	}
	return nil
}

// contractHolds requests what the service promises, once, and returns the host that answered.
func (v Visitor) contractHolds(ctx context.Context) (string, error) {
	host, err := v.get(ctx, v.URL+"/", "text/plain")
	if err != nil {
		return "", err
	}
	text := strings.TrimSuffix(string(host), "\n")
	if text == "" || strings.Contains(text, "\n") {
		return "", fmt.Errorf("GET %s/ answered %q: want one line with the hostname", v.URL, text)
	}
	body, err := v.get(ctx, v.URL+"/time", "application/json")
	if err != nil {
		return "", err
	}
	var answer struct {
		Message   *string `json:"message"`
		Timestamp *int64  `json:"timestamp"`
	}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&answer); err != nil || answer.Message == nil || answer.Timestamp == nil || *answer.Message != "Automation for the People" {
		return "", fmt.Errorf(`GET %s/time answered %q: want {"message":"Automation for the People","timestamp":<unix seconds>}`, v.URL, body)
	}
	return text, nil
}

// redirected wants a plain request to be sent on to HTTPS, where that is spoken.
func (v Visitor) redirected(ctx context.Context) error {
	domain, secure := strings.CutPrefix(v.URL, "https://")
	if !secure {
		return nil
	}
	answer, err := v.do(ctx, "http://"+domain+"/")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if to := answer.Header.Get("Location"); answer.StatusCode != http.StatusMovedPermanently || !strings.HasPrefix(to, v.URL) {
		return fmt.Errorf("GET http://%s/ answered %s (Location %q): want a redirect to %s", domain, answer.Status, to, v.URL)
	}
	return nil
}

// get requests one URL and returns its body; anything but 200 with the wanted content type is an error.
func (v Visitor) get(ctx context.Context, url, contentType string) ([]byte, error) {
	answer, err := v.do(ctx, url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerLimit))
	switch {
	case err != nil:
		return nil, fmt.Errorf("GET %s: %w", url, err)
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("GET %s answered %s", url, answer.Status)
	case !strings.HasPrefix(answer.Header.Get("Content-Type"), contentType):
		return nil, fmt.Errorf("GET %s answered %q, want %s", url, answer.Header.Get("Content-Type"), contentType)
	}
	return body, nil
}

func (v Visitor) do(ctx context.Context, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", url, err)
	}
	if v.forwarded != "" {
		request.Header.Set("X-Forwarded-Proto", v.forwarded)
	}
	answer, err := v.Client.Do(request)
	if err != nil {
		return nil, &silentError{err}
	}
	return answer, nil
}
