package ec2query

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	attemptTimeout = 15 * time.Second
	callTimeout    = 5 * time.Minute // all attempts of one call together
	maxSkew        = 4 * time.Minute // of the clock here; AWS refuses what is signed more than five minutes off
	maxAttempts    = 6               // EC2 throttles its describe actions readily; the SDK's default of 3 is soon used up
	maxAnswer      = 16 << 20        // bytes of one answer; a page is far smaller
)

// Service is one to be called.
type Service struct {
	ID   string // as the SDK names it in errors and in AWS_ENDPOINT_URL_ID: EC2
	Name string // in host names and signatures: ec2
	// ReadError finds code, message and request id in the body of an answer that is not 200; an empty code: not understood.
	ReadError func(body []byte) Failure
}

// Failure is what a service says of a call that it refuses.
type Failure struct{ Code, Message, RequestID string }

// Signed calls one service with the SDK core's signer, retries and errors: for services whose own SDK package is not worth
// its compile time. It has one Region and one set of credentials, and may be used by several goroutines.
type Signed struct {
	service     Service
	region      string
	endpoint    func(context.Context) (string, error)
	credentials aws.CredentialsProvider
	http        aws.HTTPClient
	retryer     aws.Retryer
	signer      *v4.Signer
	skew        atomic.Int64 // how far AWS's clock is ahead of the one here, in nanoseconds, where that matters
}

// NewSigned makes a client from the configuration that the SDK's clients take: Region, credentials, endpoint, HTTP client and
// retryer are honoured. What is missing shows with the first call.
func NewSigned(cfg aws.Config, service Service) *Signed {
	client := &Signed{
		service:     service,
		region:      cfg.Region,
		endpoint:    func(ctx context.Context) (string, error) { return endpoint(ctx, cfg, service) },
		credentials: cfg.Credentials,
		http:        cfg.HTTPClient,
		retryer:     retryer(cfg),
		signer:      v4.NewSigner(),
	}
	if client.http == nil {
		client.http = awshttp.NewBuildableClient()
	}
	return client
}

func retryer(cfg aws.Config) aws.Retryer {
	if cfg.Retryer != nil {
		return cfg.Retryer()
	}
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		if cfg.RetryMaxAttempts > 0 {
			o.MaxAttempts = cfg.RetryMaxAttempts
		}
	})
}

// Post sends a body with its headers, and reads the answer with decode. It repeats the call when the service throttles,
// fails or cannot be reached, for up to five minutes: only for operations that may be repeated. An error that the service
// answered is a smithy.APIError with its code and message; each error names service and operation.
func (c *Signed) Post(ctx context.Context, operation string, header http.Header, body string, decode func([]byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := c.retry(ctx, header, body)
	if err == nil {
		if err = decode(answer); err != nil {
			err = &smithy.DeserializationError{Err: fmt.Errorf("read answer %q: %w", excerpt(answer), err), Snapshot: answer}
		}
	}
	if err != nil {
		return &smithy.OperationError{ServiceID: c.service.ID, OperationName: operation, Err: err}
	}
	return nil
}

// retry sends the body until it is answered, the retryer gives up, or ctx ends.
func (c *Signed) retry(ctx context.Context, header http.Header, body string) ([]byte, error) {
	release := c.retryer.GetInitialToken()
	for attempt := 1; ; attempt++ {
		answer, err := c.attempt(ctx, header, body)
		if releaseErr := release(err); err == nil {
			return answer, releaseErr
		}
		if errors.Is(err, errSkewed) && attempt == 1 {
			continue
		}
		if !c.retryer.IsErrorRetryable(err) {
			return nil, err
		}
		if attempt >= c.retryer.MaxAttempts() {
			return nil, &retry.MaxAttemptsError{Attempt: attempt, Err: err}
		}
		if release, err = c.pause(ctx, attempt, err); err != nil {
			return nil, err
		}
	}
}

// pause waits for the retryer's jittered delay after a failed attempt, and returns the token of the next one. Where there
// will be none, the failure itself is returned: it says more than the token bucket.
func (c *Signed) pause(ctx context.Context, attempt int, failure error) (func(error) error, error) {
	release, err := c.retryer.GetRetryToken(ctx, failure)
	if err != nil {
		return nil, failure
	}
	delay, err := c.retryer.RetryDelay(attempt, failure)
	if err != nil {
		return nil, failure
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return release, nil
	case <-ctx.Done():
		return nil, &aws.RequestCanceledError{Err: errors.Join(ctx.Err(), failure)}
	}
}

func (c *Signed) attempt(ctx context.Context, header http.Header, body string) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	request, err := c.request(limited, header, body)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, sendError(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, sendError(ctx, err)
	}
	if response.StatusCode == http.StatusOK {
		return answer, nil
	}
	err = c.answeredError(response, answer)
	if c.learnSkew(response) {
		err = fmt.Errorf("%w%w", err, errSkewed)
	}
	return nil, err
}

// errSkewed says no more than that a call failed with a clock that is now known to be off.
var errSkewed = errors.New("")

// learnSkew reads AWS's clock off an answer and says whether that is news, so that the call may fare better.
func (c *Signed) learnSkew(response *http.Response) bool {
	there, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return false
	}
	skew, before := time.Until(there), time.Duration(c.skew.Load())
	if (skew - before).Abs() < maxSkew {
		return false
	}
	c.skew.Store(int64(skew))
	return true
}

func (c *Signed) request(ctx context.Context, header http.Header, body string) (*http.Request, error) {
	url, err := c.endpoint(ctx)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(url, "/")+"/", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	maps.Copy(request.Header, header)
	if c.credentials == nil {
		return nil, errors.New("sign request: no credentials are set")
	}
	credentials, err := c.credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("sign request: get credentials: %w", err)
	}
	hash := sha256.Sum256([]byte(body))
	err = c.signer.SignHTTP(ctx, credentials, request, hex.EncodeToString(hash[:]), c.service.Name, c.region, time.Now().Add(time.Duration(c.skew.Load())))
	return request, err
}

// sendError tells a caller who gave up, which is final, from a network or a server that did not answer in time.
func sendError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &aws.RequestCanceledError{Err: err}
	}
	return &smithyhttp.RequestSendError{Err: err}
}

func (c *Signed) answeredError(response *http.Response, body []byte) error {
	found := c.service.ReadError(body)
	if found.Code == "" {
		found = Failure{Code: "UnknownError", Message: fmt.Sprintf("%s, no error document: %q", response.Status, excerpt(body))}
	}
	fault := smithy.FaultClient
	if response.StatusCode >= http.StatusInternalServerError {
		fault = smithy.FaultServer
	}
	return &awshttp.ResponseError{
		RequestID: found.RequestID,
		ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: response},
			Err:      &smithy.GenericAPIError{Code: found.Code, Message: found.Message, Fault: fault},
		},
	}
}

// excerpt is the beginning of an answer that was not understood.
func excerpt(body []byte) string {
	const most = 200
	if len(body) > most {
		return string(body[:most]) + "..."
	}
	return string(body)
}
