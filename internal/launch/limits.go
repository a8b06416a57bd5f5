package launch

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// limits say how long a call to AWS is tried. It may be repeated whatever it does: what changes something has a client token,
// a condition or a name of its own by which what was done already is found again.
type limits struct {
	attempt time.Duration // for an answer to begin, once the request is sent; and for a whole attempt at anything but an object
	object  time.Duration // for a whole attempt at an object of S3: a large source on a slow line
	silent  int           // tries of a call that is not answered
	broken  int           // tries of one that breaks, or is answered by a fault of AWS's
	whole   time.Duration // for all tries of a call that AWS throttles, whatever their number
}

var standardLimits = limits{attempt: 30 * time.Second, object: 10 * time.Minute, silent: 5, broken: 10, whole: 15 * time.Minute}

// hold gives a configuration's clients these limits, and what tells a session that ran out and a foreign answer from AWS's.
// A retryer that is set already keeps its delays.
func (l limits) hold(cfg aws.Config, profile string) aws.Config {
	cfg = cfg.Copy()
	cfg.HTTPClient = deadline(cfg.HTTPClient, l.attempt, l.attempt)
	before := cfg.Retryer
	if before == nil {
		// The SDK's quota of retries is for many callers of one service: here a long throttling would use it up.
		before = func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.RateLimiter = ratelimit.None })
		}
	}
	cfg.Retryer = func() aws.Retryer { return patient{before(), l} }
	if cfg.Credentials != nil {
		cfg.Credentials = session{cfg.Credentials, profile}
	}
	cfg.APIOptions = append(cfg.APIOptions, stamp, genuine, func(stack *middleware.Stack) error { return renewable(stack, profile) })
	return cfg
}

// Patient gives the clients of a configuration the limits of a launcher's.
func Patient(cfg aws.Config) aws.Config { return standardLimits.hold(cfg, "") }

// deadline bounds each attempt: the time until an answer begins, and the whole, where the client has no deadline yet. Another client than the SDK's own, which
// only tests set, is left as it is.
func deadline(c aws.HTTPClient, begin, whole time.Duration) aws.HTTPClient {
	if c == nil {
		c = awshttp.NewBuildableClient()
	}
	if b, ok := c.(*awshttp.BuildableClient); ok {
		if asked := b.GetTimeout(); asked > 0 {
			whole = asked
		}
		return b.WithTimeout(whole).WithTransportOptions(func(t *http.Transport) { t.ResponseHeaderTimeout = begin }).
			WithDialerOptions(func(d *net.Dialer) { d.Timeout = min(d.Timeout, begin) })
	}
	return c
}

// patient is a retryer with the limits: exponential back-off with jitter as the one within has it.
type patient struct {
	aws.Retryer
	limits
}

// MaxAttempts is more than are ever made: the other limits end them.
func (p patient) MaxAttempts() int { return 1000 }

// IsErrorRetryable adds an answer that broke off: what was asked for is done or not, and asking again is safe. It adds S3's that two writes
// of an object met, as a write and its own first try do (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
func (p patient) IsErrorRetryable(err error) bool {
	if _, foreign := errors.AsType[*tls.CertificateVerificationError](err); foreign {
		return false
	}
	if _, foreign := errors.AsType[*ForeignAnswerError](err); foreign {
		return false
	}
	_, brokenOff := errors.AsType[*smithy.DeserializationError](err)
	return brokenOff || is(err, writeConflict) || p.Retryer.IsErrorRetryable(err)
}

func (p patient) RetryDelay(attempt int, err error) (time.Duration, error) {
	most := p.broken
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		most = p.silent
	}
	if attempt >= most && !throttled(err) {
		return 0, &retry.MaxAttemptsError{Attempt: attempt, Err: err}
	}
	return p.Retryer.RetryDelay(attempt, err)
}

func (p patient) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	if began, ok := middleware.GetStackValue(ctx, beganKey{}).(time.Time); ok && time.Since(began) > p.whole {
		return nil, fmt.Errorf("tried for %s", p.whole)
	}
	return p.Retryer.GetRetryToken(ctx, err)
}

func throttled(err error) bool {
	return retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err) == aws.TrueTernary
}

type beganKey struct{}

// stamp notes when a call began.
func stamp(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("slipway:Stamp", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		return next.HandleInitialize(middleware.WithStackValue(ctx, beganKey{}, time.Now()), in)
	}), middleware.Before)
}

// ForeignAnswerError says that somebody between here and AWS answered in its place. No service that is called answers in
// HTML, but for faults of its front, which the SDK knows by their status.
type ForeignAnswerError struct {
	Status string
	Text   string // its beginning
}

func (e *ForeignAnswerError) Error() string {
	return fmt.Sprintf("the answer (%s) is a web page and not from AWS: %q", e.Status, e.Text)
}

// genuine refuses answers of others.
func genuine(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("slipway:Genuine", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		answer, ok := out.RawResponse.(*smithyhttp.Response)
		if err != nil || !ok || answer.StatusCode >= http.StatusInternalServerError || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
			return out, metadata, err
		}
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 200)) // what could not be read says no less
		return out, metadata, &ForeignAnswerError{Status: answer.Status, Text: string(bytes.TrimSpace(text))}
	}), middleware.After)
}

// SessionError says that the credentials have run out, or that none can be had any more. It hides what is within from those
// who ask what AWS answered: that a session is not found says nothing of a stack.
type SessionError struct {
	Profile string // empty: the credentials are of no profile
	Err     error
}

func (e *SessionError) Error() string {
	login := "aws sso login"
	if e.Profile != "" {
		login += " --profile " + e.Profile
	}
	return fmt.Sprintf("%v\nthe AWS credentials have expired or are not valid: renew them (where they are of IAM Identity Center: `%s`; with MFA: make a new session) and run the same command again; what AWS has begun goes on meanwhile",
		e.Err, login)
}

// passing says whether the credentials may be had at another try: only the network stood between.
func (e *SessionError) passing() bool {
	_, unsent := errors.AsType[*smithyhttp.RequestSendError](e.Err)
	_, unreached := errors.AsType[*net.OpError](e.Err)
	return unsent || unreached
}

// session names the profile where credentials cannot be had.
type session struct {
	aws.CredentialsProvider
	profile string
}

func (s session) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := s.CredentialsProvider.Retrieve(ctx)
	if err != nil && ctx.Err() == nil {
		err = &SessionError{s.profile, err}
	}
	return c, err
}

// renewable names the profile where AWS refuses the credentials as old.
func renewable(stack *middleware.Stack, profile string) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("slipway:Renewable", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleInitialize(ctx, in)
		if is(err, expiredCredentials) {
			err = &SessionError{profile, err}
		}
		return out, metadata, err
	}), middleware.Before)
}
