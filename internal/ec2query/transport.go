package ec2query

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// maxAnswer bounds one answer, in bytes; a page of EC2's is far smaller.
const maxAnswer = 16 << 20

// retry sends the form until it is answered, the retryer gives up, or ctx ends.
func (c *Client) retry(ctx context.Context, form string) ([]byte, error) {
	release := c.retryer.GetInitialToken()
	for attempt := 1; ; attempt++ {
		body, err := c.attempt(ctx, form)
		if releaseErr := release(err); err == nil {
			return body, releaseErr
		}
		if ctx.Err() != nil || !c.retryer.IsErrorRetryable(err) {
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
func (c *Client) pause(ctx context.Context, attempt int, failure error) (func(error) error, error) {
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

func (c *Client) attempt(ctx context.Context, form string) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	request, err := c.request(limited, form)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, sendError(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, sendError(ctx, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, answeredError(response, body)
	}
	return body, nil
}

func (c *Client) request(ctx context.Context, form string) (*http.Request, error) {
	url, err := c.endpoint(ctx)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(url, "/")+"/", strings.NewReader(form))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if c.credentials == nil {
		return nil, errors.New("sign request: no credentials are set")
	}
	credentials, err := c.credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("sign request: get credentials: %w", err)
	}
	hash := sha256.Sum256([]byte(form))
	err = c.signer.SignHTTP(ctx, credentials, request, hex.EncodeToString(hash[:]), "ec2", c.region, time.Now())
	return request, err
}

// sendError tells a caller who gave up, which is final, from a network or a server that did not answer in time.
func sendError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &aws.RequestCanceledError{Err: err}
	}
	return &smithyhttp.RequestSendError{Err: err}
}

// answeredError reads EC2's error document; its shape differs from the other query services', which is read too.
func answeredError(response *http.Response, body []byte) error {
	type detail struct {
		Code    string `xml:"Code"`
		Message string `xml:"Message"`
	}
	var document struct {
		EC2       detail `xml:"Errors>Error"`
		Query     detail `xml:"Error"`
		RequestID string `xml:"RequestID"`
	}
	_ = xml.Unmarshal(body, &document) // what is no XML is shown as it came
	found := document.EC2
	if found.Code == "" {
		found = document.Query
	}
	if found.Code == "" {
		found = detail{Code: "UnknownError", Message: fmt.Sprintf("%s, no error document: %q", response.Status, excerpt(body))}
	}
	fault := smithy.FaultClient
	if response.StatusCode >= http.StatusInternalServerError {
		fault = smithy.FaultServer
	}
	return &awshttp.ResponseError{
		RequestID: document.RequestID,
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
