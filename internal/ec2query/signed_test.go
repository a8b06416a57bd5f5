package ec2query_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"

	"slipway/internal/ec2query"
)

// things is a service whose errors are {"code": ...} and whose operation List answers with a text.
func things() ec2query.Service {
	return ec2query.Service{ID: "Things", Name: "things", ReadError: func(body []byte) ec2query.Failure {
		var failure struct{ Code, Message, RequestID string }
		_ = json.Unmarshal(body, &failure)
		return failure
	}}
}

func list(ctx context.Context, cfg aws.Config) (string, error) {
	var answer string
	err := ec2query.NewSigned(cfg, things()).Post(ctx, "List", http.Header{"Content-Type": {"text/plain"}}, "all", func(body []byte) error {
		answer = string(body)
		return nil
	})
	return answer, err
}

func failThing(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"code": code, "message": message, "requestid": "r-1"})
}

func TestPostSigns(t *testing.T) {
	cfg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if got, want := r.Header.Get("Authorization"), sign(t, r, body); got != want {
			t.Errorf("Authorization = %q, want %q", got, want)
		}
		if r.Header.Get("X-Amz-Security-Token") != "session" || string(body) != "all" {
			t.Errorf("token %q, body %q", r.Header.Get("X-Amz-Security-Token"), body)
		}
		_, _ = io.WriteString(w, "some")
	})
	if got, err := list(t.Context(), cfg); err != nil || got != "some" {
		t.Errorf("Post = %q, %v", got, err)
	}
}

// sign signs what arrived once more, as the service does to check it.
func sign(t *testing.T, r *http.Request, body []byte) string {
	t.Helper()
	again, err := http.NewRequest(r.Method, "http://"+r.Host+r.URL.String(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	again.Header.Set("Content-Type", r.Header.Get("Content-Type"))
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(body)
	creds := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret", SessionToken: "session"}
	if err := v4.NewSigner().SignHTTP(t.Context(), creds, again, hex.EncodeToString(hash[:]), "things", "eu-central-1", at); err != nil {
		t.Fatal(err)
	}
	return again.Header.Get("Authorization")
}

func TestErrorsAreTheServices(t *testing.T) {
	for _, test := range []struct {
		status   int
		code     string
		attempts int32
	}{{400, "RequestExpired", 1}, {403, "AccessDenied", 1}, {400, "Throttling", 3}, {500, "InternalError", 3}} {
		t.Run(test.code, func(t *testing.T) {
			var attempts atomic.Int32
			cfg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				attempts.Add(1)
				failThing(w, test.status, test.code, "no")
			})
			_, err := list(t.Context(), cfg)
			var answered smithy.APIError
			if !errors.As(err, &answered) || answered.ErrorCode() != test.code || answered.ErrorMessage() != "no" {
				t.Fatalf("error = %v", err)
			}
			if !strings.Contains(err.Error(), "Things: List") || !strings.Contains(err.Error(), "r-1") {
				t.Errorf("error %q names not the call and the request", err)
			}
			if got := attempts.Load(); got != test.attempts {
				t.Errorf("%d attempts, want %d", got, test.attempts)
			}
		})
	}
}

func TestPostAnswerThatIsNotUnderstood(t *testing.T) {
	cfg := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "welcome to the hotel") })
	err := ec2query.NewSigned(cfg, things()).Post(t.Context(), "List", nil, "", func([]byte) error { return errors.New("no list") })
	if err == nil || !strings.Contains(err.Error(), "welcome to the hotel") || !strings.Contains(err.Error(), "no list") {
		t.Errorf("error = %v", err)
	}
	cfg = serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "teapot", http.StatusTeapot) })
	if _, err = list(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "teapot") {
		t.Errorf("error = %v", err)
	}
}

func TestRetriesUntilAnswered(t *testing.T) {
	for name, stumble := range map[string]func(http.ResponseWriter){
		"throttled": func(w http.ResponseWriter) { failThing(w, 503, "RequestLimitExceeded", "Request limit exceeded.") },
		"proxy":     func(w http.ResponseWriter) { http.Error(w, "<html>bad gateway</html>", http.StatusBadGateway) },
		"hung up": func(w http.ResponseWriter) {
			connection, _, _ := w.(http.Hijacker).Hijack()
			_ = connection.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			var attempts atomic.Int32
			cfg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if attempts.Add(1) < 3 {
					stumble(w)
					return
				}
				_, _ = io.WriteString(w, "some")
			})
			answer, err := list(t.Context(), cfg)
			if err != nil || answer != "some" {
				t.Errorf("Post = %q, %v", answer, err)
			}
		})
	}
}

func TestCancelledCallIsNotRepeated(t *testing.T) {
	var attempts atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	cfg := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		attempts.Add(1)
		cancel()
		_, _ = io.Copy(io.Discard, r.Body) // the server sees a client leave only after the body
		<-r.Context().Done()
	})
	_, err := list(ctx, cfg)
	if !errors.Is(err, context.Canceled) || attempts.Load() != 1 {
		t.Errorf("error %v after %d attempts", err, attempts.Load())
	}
}

type serviceEndpoint string

func (s serviceEndpoint) GetServiceBaseEndpoint(_ context.Context, id string) (string, bool, error) {
	return string(s), id == "Things", nil
}

// recorder answers without a network and keeps the address that was asked.
type recorder struct{ url string }

func (r *recorder) Do(request *http.Request) (*http.Response, error) {
	r.url = request.URL.String()
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("some"))}, nil
}

func TestEndpoint(t *testing.T) {
	region := func(name string) func(*aws.Config) {
		return func(cfg *aws.Config) { cfg.Region, cfg.BaseEndpoint = name, nil }
	}
	for want, change := range map[string]func(*aws.Config){
		"https://things.us-east-1.amazonaws.com/":        region("us-east-1"),
		"https://things.us-gov-west-1.amazonaws.com/":    region("us-gov-west-1"),
		"https://things.cn-north-1.amazonaws.com.cn/":    region("cn-north-1"),
		"https://things.us-iso-east-1.c2s.ic.gov/":       region("us-iso-east-1"),
		"https://things.us-isob-east-1.sc2s.sgov.gov/":   region("us-isob-east-1"),
		"https://things.eu-isoe-west-1.cloud.adc-e.uk/":  region("eu-isoe-west-1"),
		"https://things.us-isof-south-1.csp.hci.ic.gov/": region("us-isof-south-1"),
		"https://things.eusc-de-east-1.amazonaws.eu/":    region("eusc-de-east-1"),
		"http://localhost:4566/":                         func(cfg *aws.Config) { cfg.BaseEndpoint = new("http://localhost:4566") },
		"http://localhost:9/things/":                     func(cfg *aws.Config) { cfg.ConfigSources = []any{serviceEndpoint("http://localhost:9/things/")} },
	} {
		t.Run(want, func(t *testing.T) {
			cfg, asked := config("http://unused"), &recorder{}
			cfg.HTTPClient = asked
			change(&cfg)
			if _, err := list(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			if asked.url != want {
				t.Errorf("asked %s", asked.url)
			}
		})
	}
}

func TestIncompleteConfiguration(t *testing.T) {
	for want, cfg := range map[string]aws.Config{
		"no Region is set":       {},
		"no credentials are set": {Region: "eu-central-1"},
	} {
		if _, err := list(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want %q", err, want)
		}
	}
}
