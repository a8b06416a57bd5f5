package launch

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	balancertypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	smithytime "github.com/aws/smithy-go/time"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/progress"
)

const (
	// acceptanceTimeout is how long the service may take to answer: a new load balancer's name is known only after a while.
	acceptanceTimeout = 5 * time.Minute
	// wrongTimeout is how long a service may answer, and wrongly, without a right answer between: it is stable by then, and all
	// that may still come is that a load balancer sends nothing more to the tasks before.
	wrongTimeout = 30 * time.Second
	// requestTimeout is that of one request.
	requestTimeout = 10 * time.Second
	// answerLimit is how much of an answer is read.
	answerLimit = 64 << 10
)

var errTooLate = errors.New("took too long")

// accept asks the service for its contract until every running task has been seen to answer; where slipway.yaml lists what
// to ask, that, as often as there are tasks. Who may not connect asks the
// load balancer whether its health checks succeed.
func (l *Launcher) accept(ctx context.Context, env config.Environment, root stack, tasks int) error {
	if tasks == 0 {
		return errors.New("acceptance failed: the service runs no task")
	}
	url := root.outputs[contract.KeyServiceURL]
	limited, cancel := context.WithTimeoutCause(ctx, l.patience, errTooLate)
	defer cancel()
	var err error
	if env.Entry.Restricted() {
		err = l.healthy(limited, env, root, tasks)
	} else {
		err = l.asUsers(env, root).answered(limited, tasks)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w while asking %s", ErrInterrupted, url)
	}
	return &refusedError{url, err}
}

// refusedError says that a service runs, and does not answer as it must.
type refusedError struct {
	url string
	err error
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("acceptance of %s failed: %v", e.url, e.err)
}
func (e *refusedError) Unwrap() error { return e.err }

// wrongAtMost is how long answers may be wrong where so much time passes between two looks: the local engine, which is looked
// at often, does in seconds what takes AWS minutes.
func wrongAtMost(poll time.Duration) time.Duration {
	return min(wrongTimeout, max(wrongTimeout/6, 6*poll))
}

// visitor makes requests as a user of the service does.
type visitor struct {
	url    string
	checks []config.Check // of slipway.yaml; empty for what web/ promises
	client *http.Client
	report *progress.Display
	poll   time.Duration
	wrong  time.Duration // how long answers may be wrong
}

// asUsers is a visitor of an environment. A domain is asked of the load balancer itself, whatever DNS has for it by now: it
// must show a certificate for the domain, and answers a request for it.
func (l *Launcher) asUsers(env config.Environment, root stack) visitor {
	// A connection for each request, so that the load balancer spreads them over the tasks.
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: l.RootCAs, MinVersion: tls.VersionTLS12}}
	if env.Entry.HTTPS() {
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, balancerAddress(root, address))
		}
	}
	return visitor{
		url: root.outputs[contract.KeyServiceURL], checks: l.Config.Service.Acceptance, report: l.Progress, poll: l.Poll, wrong: l.wrong,
		client: &http.Client{
			Timeout: requestTimeout, Transport: transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// balancerAddress is the load balancer's with the port of the address given, unless its name has a port of its own.
func balancerAddress(root stack, address string) string {
	name := root.outputs[contract.KeyLoadBalancerName]
	_, port, err := net.SplitHostPort(address)
	if err != nil || strings.Contains(name, ":") {
		return name
	}
	return net.JoinHostPort(name, port)
}

// answered waits until every task has been seen to answer and, with HTTPS, plain requests are redirected to it.
func (v visitor) answered(ctx context.Context, tasks int) error {
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
		if len(v.checks) > 0 {
			clear(seen) // it counts rounds in a row
		}
		if wrong, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
			return fmt.Errorf("the load balancer's certificate is not one for it: %w; see entry.domain and entry.certificate in slipway.yaml", wrong)
		}
		if wrongSince = wrongFrom(wrongSince, err); !wrongSince.IsZero() && time.Since(wrongSince) > v.wrong {
			break
		}
		if err := smithytime.SleepWithContext(ctx, v.poll); err != nil {
			break
		}
	}
	switch {
	case len(seen) > 0 && len(seen) < tasks:
		return fmt.Errorf("%d of %d running tasks answered in time", len(seen), tasks)
	case last != nil && len(v.checks) == 0:
		return fmt.Errorf("%w; where the service is not the one in web/, slipway.yaml says what to ask of it, under service.acceptance", last)
	case last != nil:
		return last
	case len(v.checks) > 0:
		v.report.Line("%s answers as service.acceptance says, %d times in a row", v.url, tasks)
	default:
		v.report.Line("%s answers, from all %d tasks", v.url, tasks)
	}
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
func (v visitor) round(ctx context.Context, before int) (who string, err error) {
	if len(v.checks) == 0 {
		return v.contractHolds(ctx)
	}
	for _, check := range v.checks {
		if err := v.checkHolds(ctx, check); err != nil {
			return "", err
		}
	}
	return strconv.Itoa(before), nil
}

// checkHolds makes one request of slipway.yaml's list.
func (v visitor) checkHolds(ctx context.Context, check config.Check) error {
	answer, err := v.do(ctx, v.url+check.Path)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerLimit))
	mediaType, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	switch {
	case err != nil:
		return fmt.Errorf("GET %s%s: %w", v.url, check.Path, err)
	case answer.StatusCode != check.Status:
		return fmt.Errorf("GET %s%s answered %s: service.acceptance wants status %d", v.url, check.Path, answer.Status, check.Status)
	case check.ContentType != "" && !strings.EqualFold(strings.TrimSpace(mediaType), check.ContentType):
		return fmt.Errorf("GET %s%s answered %q: service.acceptance wants %s", v.url, check.Path, answer.Header.Get("Content-Type"), check.ContentType)
	case !strings.Contains(string(body), check.Contains):
		return fmt.Errorf("GET %s%s answered a body of %d bytes without %q, which service.acceptance wants", v.url, check.Path, len(body), check.Contains)
	}
	return nil
}

// contractHolds requests what the service promises, once, and returns the host that answered.
func (v visitor) contractHolds(ctx context.Context) (string, error) {
	host, err := v.get(ctx, v.url+"/", "text/plain")
	if err != nil {
		return "", err
	}
	text := strings.TrimSuffix(string(host), "\n")
	if text == "" || strings.Contains(text, "\n") {
		return "", fmt.Errorf("GET %s/ answered %q: want one line with the hostname", v.url, text)
	}
	body, err := v.get(ctx, v.url+"/time", "application/json")
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
		return "", fmt.Errorf(`GET %s/time answered %q: want {"message":"Automation for the People","timestamp":<unix seconds>}`, v.url, body)
	}
	return text, nil
}

// redirected wants a plain request to be sent on to HTTPS, where that is spoken.
func (v visitor) redirected(ctx context.Context) error {
	domain, secure := strings.CutPrefix(v.url, "https://")
	if !secure {
		return nil
	}
	answer, err := v.do(ctx, "http://"+domain+"/")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if to := answer.Header.Get("Location"); answer.StatusCode != http.StatusMovedPermanently || !strings.HasPrefix(to, v.url) {
		return fmt.Errorf("GET http://%s/ answered %s (Location %q): want a redirect to %s", domain, answer.Status, to, v.url)
	}
	return nil
}

// get requests one URL and returns its body; anything but 200 with the wanted content type is an error.
func (v visitor) get(ctx context.Context, url, contentType string) ([]byte, error) {
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

func (v visitor) do(ctx context.Context, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", url, err)
	}
	answer, err := v.client.Do(request)
	if err != nil {
		return nil, &silentError{err}
	}
	return answer, nil
}

// healthy waits until the load balancer's health checks succeed for every task: the witness where it does not let the
// launcher in.
func (l *Launcher) healthy(ctx context.Context, env config.Environment, root stack, tasks int) error {
	url := root.outputs[contract.KeyServiceURL]
	why := "its load balancer is internal"
	if !env.Entry.Internal {
		why = fmt.Sprintf("its load balancer lets in %v only", env.Entry.Allow)
	}
	l.Progress.Line("%s cannot be reached from here: %s. No request is made; the load balancer's health checks are the witness", url, why)
	failure := errTooLate
	for {
		well, rest, err := l.targetHealth(ctx, root.outputs[contract.KeyTargetGroupARN])
		switch {
		case ctx.Err() != nil:
			return failure
		case err != nil && !passing(err):
			return fmt.Errorf("describe the health of its targets: %w", Explain(err))
		case err != nil:
			failure = err
		case well < tasks || len(rest) > 0:
			failure = fmt.Errorf("%d of %d tasks pass the health checks of %s%s", well, tasks, l.Config.Service.HealthPath, strings.Join(rest, ""))
		default:
			l.Progress.Line("%s: all %d tasks pass the health checks of %s", root.name, tasks, l.Config.Service.HealthPath)
			return nil
		}
		if smithytime.SleepWithContext(ctx, l.Poll) != nil {
			return failure
		}
	}
}

// targetHealth counts the healthy targets of a group and says what is wrong with the others; those that are leaving do not count.
func (l *Launcher) targetHealth(ctx context.Context, group string) (well int, rest []string, err error) {
	out, err := l.aws.balancer.DescribeTargetHealth(ctx, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: aws.String(group)})
	if err != nil {
		return 0, nil, err
	}
	for _, t := range out.TargetHealthDescriptions {
		switch health := t.TargetHealth; health.State {
		case balancertypes.TargetHealthStateEnumHealthy:
			well++
		case balancertypes.TargetHealthStateEnumDraining:
		default:
			rest = append(rest, fmt.Sprintf("\n  %s is %s: %s %s", aws.ToString(t.Target.Id), health.State, health.Reason, aws.ToString(health.Description)))
		}
	}
	return well, rest, nil
}
