// Package ec2query asks the EC2 query API with the SDK core's signer. EC2's own SDK package takes longer to compile than
// the rest of this project, and no more than a handful of its read-only actions is needed here.
package ec2query

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

const (
	apiVersion     = "2016-11-15"
	serviceID      = "EC2" // as the SDK names it in errors and in AWS_ENDPOINT_URL_EC2
	attemptTimeout = 15 * time.Second
	callTimeout    = time.Minute // all attempts of one call together
	maxAttempts    = 6           // EC2 throttles its describe actions readily; the SDK's default of 3 is soon used up
)

// Client asks EC2 in one Region with one set of credentials; it may be used by several goroutines.
type Client struct {
	region      string
	endpoint    func(context.Context) (string, error)
	credentials aws.CredentialsProvider
	http        aws.HTTPClient
	retryer     aws.Retryer
	signer      *v4.Signer
}

// New makes a client from the configuration that the SDK's clients take: Region, credentials, endpoint, HTTP client and
// retryer are honoured. What is missing shows with the first call.
func New(cfg aws.Config) *Client {
	client := &Client{
		region:      cfg.Region,
		endpoint:    func(ctx context.Context) (string, error) { return endpoint(ctx, cfg) },
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

// Call sends one action with its parameters and decodes the XML answer into out. It repeats the call when EC2 throttles,
// fails or cannot be reached, for up to a minute: only for actions that may be repeated. An error that EC2 answered
// is a smithy.APIError with EC2's code and message.
func (c *Client) Call(ctx context.Context, action string, params url.Values, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	body, err := c.retry(ctx, encode(action, params))
	if err == nil {
		err = decode(action, body, out)
	}
	if err != nil {
		return &smithy.OperationError{ServiceID: serviceID, OperationName: action, Err: err}
	}
	return nil
}

func encode(action string, params url.Values) string {
	form := url.Values{"Action": {action}, "Version": {apiVersion}}
	for key, values := range params {
		form[key] = values
	}
	return form.Encode()
}

// decode refuses a document that is not the action's own: read as an empty list it would mean "nothing there".
func decode(action string, body []byte, out any) error {
	var document struct{ XMLName xml.Name }
	err := xml.Unmarshal(body, &document)
	if err == nil && document.XMLName.Local != action+"Response" {
		err = fmt.Errorf("document is a %q", document.XMLName.Local)
	}
	if err == nil {
		err = xml.Unmarshal(body, out)
	}
	if err != nil {
		return &smithy.DeserializationError{Err: fmt.Errorf("read answer %q: %w", excerpt(body), err), Snapshot: body}
	}
	return nil
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

// endpoint is where the SDK's own EC2 client would go: the endpoint set for EC2, else the one set for all services, else
// the Region's.
func endpoint(ctx context.Context, cfg aws.Config) (string, error) {
	for _, source := range cfg.ConfigSources {
		if s, ok := source.(interface {
			GetServiceBaseEndpoint(context.Context, string) (string, bool, error)
		}); ok {
			if url, found, err := s.GetServiceBaseEndpoint(ctx, serviceID); err != nil || found {
				return url, err
			}
		}
	}
	if cfg.BaseEndpoint != nil {
		return *cfg.BaseEndpoint, nil
	}
	if cfg.Region == "" {
		return "", fmt.Errorf("find EC2's endpoint: no Region is set; set AWS_REGION or use a profile with one")
	}
	return "https://ec2." + cfg.Region + "." + dnsSuffix(cfg.Region), nil
}

// dnsSuffix follows the partitions of the SDK's endpoint rules (partitions.json); the standard partition and GovCloud
// share one.
func dnsSuffix(region string) string {
	for _, partition := range []struct{ prefix, suffix string }{
		{"cn-", "amazonaws.com.cn"},
		{"eusc-", "amazonaws.eu"},
		{"us-iso-", "c2s.ic.gov"},
		{"us-isob-", "sc2s.sgov.gov"},
		{"eu-isoe-", "cloud.adc-e.uk"},
		{"us-isof-", "csp.hci.ic.gov"},
		{"eu-isof-", "csp.hci.ic.gov"},
	} {
		if strings.HasPrefix(region, partition.prefix) {
			return partition.suffix
		}
	}
	return "amazonaws.com"
}
