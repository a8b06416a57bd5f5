package ec2query_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"slipway/internal/ec2query"
)

const (
	zonesAnswer = `<?xml version="1.0" encoding="UTF-8"?>
<DescribeAvailabilityZonesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>35dc2d0f-3b7b-4a9e-8d0e-0a8f5c7c4b4e</requestId>
  <availabilityZoneInfo>
    <item><optInStatus>opt-in-not-required</optInStatus><zoneName>us-west-1a</zoneName><zoneId>usw1-az3</zoneId>
      <zoneState>available</zoneState><zoneType>availability-zone</zoneType><regionName>us-west-1</regionName></item>
    <item><optInStatus>not-opted-in</optInStatus><zoneName>us-west-2-lax-1a</zoneName><zoneId>usw2-lax1-az1</zoneId>
      <zoneState>available</zoneState><zoneType>local-zone</zoneType></item>
  </availabilityZoneInfo>
</DescribeAvailabilityZonesResponse>`

	// The error document of docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html.
	errorAnswer = `<?xml version="1.0" encoding="UTF-8"?>
<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>ea966190-f9aa-478e-9ede-example</RequestID></Response>`
)

func config(endpoint string) aws.Config {
	return aws.Config{
		Region:       "eu-central-1",
		BaseEndpoint: &endpoint,
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "session"),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = 3
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return time.Millisecond, nil })
			})
		},
	}
}

func serve(t *testing.T, handler http.HandlerFunc) aws.Config {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return config(server.URL)
}

func fail(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, errorAnswer, code, message)
}

func TestCallSignsTheForm(t *testing.T) {
	cfg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if got := r.Header.Get("Authorization"); !strings.Contains(got, "/eu-central-1/ec2/aws4_request") {
			t.Errorf("Authorization = %q", got)
		}
		form, err := url.ParseQuery(string(body))
		want := url.Values{"Action": {"DescribeThings"}, "Version": {"2016-11-15"}, "Filter.1.Name": {"a b&c"}}
		if diff := cmp.Diff(want, form); err != nil || diff != "" {
			t.Errorf("form: %v\n%s", err, diff)
		}
		_, _ = io.WriteString(w, "<DescribeThingsResponse><thing>1</thing></DescribeThingsResponse>")
	})
	var out struct {
		Thing int `xml:"thing"`
	}
	err := ec2query.New(cfg).Call(t.Context(), "DescribeThings", url.Values{"Filter.1.Name": {"a b&c"}}, &out)
	if err != nil || out.Thing != 1 {
		t.Errorf("Call = %v, out %+v", err, out)
	}
}

func TestAvailabilityZones(t *testing.T) {
	cfg := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, zonesAnswer) })
	got, err := ec2query.New(cfg).AvailabilityZones(t.Context())
	want := []ec2query.Zone{
		{Name: "us-west-1a", ID: "usw1-az3", State: "available", Type: "availability-zone", OptInStatus: "opt-in-not-required"},
		{Name: "us-west-2-lax-1a", ID: "usw2-lax1-az1", State: "available", Type: "local-zone", OptInStatus: "not-opted-in"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("AvailabilityZones: %v\n%s", err, diff)
	}
}

// The messages are those of docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html and of issue threads.
func TestErrorsAreEC2s(t *testing.T) {
	for _, test := range []struct {
		status        int
		code, message string
		attempts      int32
	}{
		{400, "RequestExpired", "Request has expired.", 1},
		{401, "AuthFailure", "AWS was not able to validate the provided access credentials", 1},
		{403, "UnauthorizedOperation", "You are not authorized to perform this operation.", 1},
		{400, "InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist", 1},
		{503, "RequestLimitExceeded", "Request limit exceeded.", 3},
		{400, "Throttling", "Rate exceeded", 3},
		{500, "InternalError", "An internal error has occurred", 3},
		{503, "Unavailable", "The service is unavailable. Please try again shortly.", 3},
	} {
		t.Run(test.code, func(t *testing.T) {
			var attempts atomic.Int32
			cfg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				attempts.Add(1)
				fail(w, test.status, test.code, test.message)
			})
			_, err := ec2query.New(cfg).AvailabilityZones(t.Context())
			var answered smithy.APIError
			if !errors.As(err, &answered) {
				t.Fatalf("error %v is no smithy.APIError", err)
			}
			if answered.ErrorCode() != test.code || answered.ErrorMessage() != test.message {
				t.Errorf("got %s: %s", answered.ErrorCode(), answered.ErrorMessage())
			}
			if !strings.Contains(err.Error(), "EC2: DescribeAvailabilityZones") || !strings.Contains(err.Error(), "ea966190") {
				t.Errorf("error %q names not the call and the request", err)
			}
			if got := attempts.Load(); got != test.attempts {
				t.Errorf("%d attempts, want %d", got, test.attempts)
			}
		})
	}
}

func TestAnswerThatIsNotUnderstood(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"page": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "welcome to the hotel") },
		"other": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<html>welcome to the hotel</html>")
		},
		"error": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "welcome to the hotel", http.StatusTeapot) },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ec2query.New(serve(t, handler)).AvailabilityZones(t.Context())
			if err == nil || !strings.Contains(err.Error(), "welcome to the hotel") {
				t.Errorf("error = %v", err)
			}
		})
	}
}
