package launch

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"slipway/internal/awsdouble"
)

// sourceVersions is how many versions there are of what the pipeline watches: each starts a run.
func (b *bench) sourceVersions(t *testing.T) int {
	t.Helper()
	out, err := b.aws.s3.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String(b.double.PhysicalID("slipway-demo-foundation", "Bucket")), Prefix: aws.String("source.zip")})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Versions)
}

// pushedSource is another run that pushes a source in some weather on the way there.
func (b *bench) pushedSource(t *testing.T, source string, way roundTrip) Pushed {
	t.Helper()
	b.again(source)
	b.AWS.HTTPClient = way
	p, err := b.held(hasty).Push(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A source is handed over once, and starts one run, whatever befalls its upload.
func TestSourceIsPushedOnce(t *testing.T) {
	t.Parallel()
	for name, weather := range map[string]awsdouble.Weather{"its answer is lost": awsdouble.Lost, "it comes twice": awsdouble.Twice, "it is cut off": awsdouble.CutOff, "S3 is busy": awsdouble.Throttled} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.mustDeploy(t, DeployOptions{})
			puts := 0
			b.double.Forecast(func(_ int, service, operation string) awsdouble.Weather {
				if service == "s3" && operation == "PUT" {
					if puts++; puts == 1 {
						return weather
					}
				}
				return awsdouble.Fair
			})
			p := b.pushedSource(t, "b", http.DefaultClient.Do)
			time.Sleep(20 * time.Millisecond) // what comes twice comes late
			b.double.Forecast(nil)
			if n := b.sourceVersions(t); n != 2 || !p.New {
				t.Errorf("there are %d versions, %+v", n, p)
			}
			again, err := b.again("b").Push(t.Context(), "")
			if err != nil || again.New || again.Version != p.Version || again.Version == "" {
				t.Errorf("once more: %+v, %v; before %+v", again, err, p)
			}
		})
	}
}

// The first source goes the same way.
func TestFirstSourceIsPushedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	lost := map[string]bool{}
	b.through(func(request *http.Request) (*http.Response, error) {
		answer, err := http.DefaultClient.Do(request)
		if key := request.URL.Path; err == nil && request.Method == http.MethodPut && strings.HasSuffix(key, ".zip") && !lost[key] {
			lost[key] = true
			_ = answer.Body.Close()
			return nil, errors.New("connection reset by peer")
		}
		return answer, err
	})
	b.mustDeploy(t, DeployOptions{})
	if n := b.sourceVersions(t); n != 1 || len(lost) != 2 {
		t.Errorf("there are %d versions, lost was %v", n, lost)
	}
}

// Of two who push at the same time both hand theirs over, one after the other.
func TestTwoPushAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	other := false
	p := b.pushedSource(t, "b", func(request *http.Request) (*http.Response, error) {
		if request.Method == http.MethodPut && !other { // somebody was faster
			other = true
			b.double.PutObject(b.double.PhysicalID("slipway-demo-foundation", "Bucket"), "source.zip", []byte("another"))
		}
		return http.DefaultClient.Do(request)
	})
	if n := b.sourceVersions(t); n != 3 || !p.New {
		t.Errorf("there are %d versions, %+v", n, p)
	}
	// Where somebody writes to it all the time, that is said.
	n := 0
	b.again("c")
	b.AWS.HTTPClient = roundTrip(func(request *http.Request) (*http.Response, error) {
		if request.Method == http.MethodPut {
			n++
			b.double.PutObject(b.double.PhysicalID("slipway-demo-foundation", "Bucket"), "source.zip", fmt.Appendf(nil, "another %d", n))
		}
		return http.DefaultClient.Do(request)
	})
	_, err := b.held(hasty).Push(t.Context(), "")
	want(t, err, "source.zip is being written all the time", "run the command again")
}

// An upload that breaks in its middle is begun again and comes whole.
func TestUploadThatBreaks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	broken := false
	b.pushedSource(t, "b", func(request *http.Request) (*http.Response, error) {
		if request.Method == http.MethodPut && !broken {
			broken = true
			_, _ = io.CopyN(io.Discard, request.Body, request.ContentLength/2)
			return nil, errors.New("connection reset by peer")
		}
		return http.DefaultClient.Do(request)
	})
	object, _ := b.double.Object(b.double.PhysicalID("slipway-demo-foundation", "Bucket"), "source.zip")
	var whole strings.Builder
	if err := tree("b").WriteZip(&whole); err != nil || string(object) != whole.String() || !broken {
		t.Errorf("%v: %d bytes, want %d", err, len(object), whole.Len())
	}
}
