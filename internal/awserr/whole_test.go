package awserr_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"slipway/internal/awserr"
)

// The content of an object that is cut off is asked for again, with the SDK's own retries, and what is longer than is read at once comes whole.
func TestWhole(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 2<<20)
	for name, text := range map[string]string{"short": "a few words", "empty": "", "long": long} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked++; asked == 1 && text != "" {
					w.Header().Set("Content-Length", "1000000000")
					_, _ = io.WriteString(w, text[:len(text)/3])
					return
				}
				_, _ = io.WriteString(w, text)
			}))
			t.Cleanup(server.Close)
			client := s3.New(s3.Options{
				BaseEndpoint: &server.URL, Region: "us-east-1", UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
				Retryer:    retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond }),
				APIOptions: []func(*middleware.Stack) error{awserr.Whole},
			})
			out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: new("bucket"), Key: new("key")})
			if err != nil {
				t.Fatal(err)
			}
			defer out.Body.Close()
			if got, err := io.ReadAll(out.Body); err != nil || string(got) != text {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}
