package image

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// limits say how long a call to a registry is tried. What was done already is found again: layers and images have their digest for a
// name, and a tag is asked for.
type limits struct {
	answer time.Duration // until an answer begins, once the request is sent
	pause  time.Duration // after the first try that came to nothing; twice as long after each further one
	tries  int
}

// standardLimits leave a registry that throttles half a minute, and a large layer two to be put together.
var standardLimits = limits{answer: 2 * time.Minute, pause: time.Second, tries: 6}

// options are what every call to the registry is made with.
func (r Request) options(ctx context.Context) []remote.Option {
	l := cmp.Or(r.limits, standardLimits)
	way := remote.DefaultTransport.(*http.Transport).Clone()
	way.ResponseHeaderTimeout = l.answer
	return []remote.Option{
		remote.WithContext(ctx), r.authentication(), remote.WithTransport(way),
		remote.WithRetryBackoff(remote.Backoff{Duration: l.pause, Factor: 2, Jitter: 0.1, Steps: l.tries}),
		remote.WithRetryPredicate(func(err error) bool { return ctx.Err() == nil && passing(err) }),
	}
}

// passing says whether a call that failed is worth repeating: the registry said that it is, did not answer, or the connection broke.
func passing(err error) bool {
	if answer, ok := errors.AsType[*transport.Error](err); ok {
		return answer.Temporary()
	}
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		return true
	}
	return slices.ContainsFunc([]error{io.EOF, io.ErrUnexpectedEOF, syscall.EPIPE, syscall.ECONNRESET, net.ErrClosed}, func(broken error) bool { return errors.Is(err, broken) })
}
