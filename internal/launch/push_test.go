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

// A source is handed over once and whole, and starts one run, whatever befalls its upload, and whoever pushes at the same time.
func TestSourceIsPushedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	bucket := b.double.PhysicalID("slipway-demo-foundation", "Bucket")
	pushed := func(what, source string, versions int, way roundTrip) {
		t.Helper()
		before := b.sourceVersions(t)
		p := b.pushedSource(t, source, way)
		time.Sleep(20 * time.Millisecond) // what comes twice comes late
		if n := b.sourceVersions(t) - before; n != versions || !p.New {
			t.Errorf("%s: %d versions were made, %+v", what, n, p)
		}
		again, err := b.again(source).Push(t.Context(), "")
		if err != nil || again.New || again.Version != p.Version || again.Version == "" {
			t.Errorf("%s: once more %+v, %v; before %+v", what, again, err, p)
		}
		var whole strings.Builder
		object, _ := b.double.Object(bucket, "source.zip")
		if err := tree(source).WriteZip(&whole); err != nil || string(object) != whole.String() {
			t.Errorf("%s: %v: %d bytes, want %d", what, err, len(object), whole.Len())
		}
	}
	for what, weather := range map[string]awsdouble.Weather{"b": awsdouble.Lost, "c": awsdouble.Twice, "d": awsdouble.CutOff, "e": awsdouble.Throttled} {
		puts := 0
		b.double.Forecast(func(_ int, service, operation string) awsdouble.Weather {
			if service == "s3" && operation == "PUT" {
				if puts++; puts == 1 {
					return weather
				}
			}
			return awsdouble.Fair
		})
		pushed(string(weather), what, 1, http.DefaultClient.Do)
	}
	b.double.Forecast(nil)
	// before has something happen at the first upload.
	before := func(happens func(*http.Request) error) roundTrip {
		first := true
		return func(request *http.Request) (*http.Response, error) {
			if request.Method == http.MethodPut && first {
				first = false
				if err := happens(request); err != nil {
					return nil, err
				}
			}
			return http.DefaultClient.Do(request)
		}
	}
	pushed("broken in the middle", "f", 1, before(func(request *http.Request) error {
		_, _ = io.CopyN(io.Discard, request.Body, request.ContentLength/2)
		return errors.New("connection reset by peer")
	}))
	pushed("somebody was faster", "g", 2, before(func(*http.Request) error {
		b.double.PutObject(bucket, "source.zip", []byte("another"))
		return nil
	}))
	b.again("h")
	n := 0
	b.AWS.HTTPClient = roundTrip(func(request *http.Request) (*http.Response, error) {
		if request.Method == http.MethodPut {
			n++
			b.double.PutObject(bucket, "source.zip", fmt.Appendf(nil, "another %d", n))
		}
		return http.DefaultClient.Do(request)
	})
	_, err := b.held(hasty).Push(t.Context(), "")
	want(t, err, "source.zip is being written all the time", "run the command again")
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
