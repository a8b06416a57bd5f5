package launch

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	smithytime "github.com/aws/smithy-go/time"

	"slipway/internal/contract"
	"slipway/internal/lease"
)

// releaseTime is how long giving the lease back may take at the end of a run that was interrupted.
const releaseTime = 10 * time.Second

// turn runs what changes the application while no other run does. Where there is no bucket yet there is nothing to hold:
// CloudFormation lets one of two first launches create the foundation, and the other follows.
func (l *Launcher) turn(ctx context.Context, bucket, what string, wait time.Duration, change func(context.Context, *lease.Lease) error) error {
	held, taken, err := l.take(ctx, bucket, what, wait)
	if err != nil {
		return err
	}
	if taken != nil {
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
			defer cancel()
			if err := taken.Release(ctx); err != nil {
				l.Progress.Line("warning: the lease could not be given back, and runs out in %s: %v", lease.Life, err)
			}
		}()
	}
	err = change(held, taken)
	if errors.Is(context.Cause(held), lease.ErrLost) {
		return fmt.Errorf("%w\nwhat CloudFormation has begun goes on; run the same command again when the other run has ended", lease.ErrLost)
	}
	return err
}

// take takes the lease, waiting for who has it. Without a bucket there is none.
func (l *Launcher) take(ctx context.Context, bucket, what string, wait time.Duration) (context.Context, *lease.Lease, error) {
	if bucket == "" {
		return ctx, nil, nil
	}
	o := lease.Options{
		S3: l.aws.s3, Bucket: bucket, Owner: l.owner(), What: what, Idle: l.idle, File: l.leaseFile(), Beat: l.beat,
	}
	waited := ""
	for start := time.Now(); ; {
		held, taken, err := lease.Take(ctx, o)
		other, busy := errors.AsType[*lease.HeldError](err)
		switch {
		case errors.Is(err, lease.ErrNoBucket):
			return ctx, nil, nil
		case !busy:
			return held, taken, Explain(err)
		case time.Since(start) >= wait:
			return ctx, nil, fmt.Errorf("another run has its turn on %s: %w\nwait for it to end, or let this one wait with --wait 30m; if that run is dead, its turn runs out %s after its last sign of life",
				l.Config.Name, other, lease.Life)
		case waited != other.Token:
			waited = other.Token
			l.Progress.Line("%v; waiting for it, at most %s", other, wait)
		}
		if err := smithytime.SleepWithContext(ctx, l.Poll); err != nil {
			return ctx, nil, err
		}
	}
}

func (l *Launcher) leaseFile() string {
	return filepath.Join(l.Records, fmt.Sprintf("lease-%s-%s-%s", l.Config.Name, l.account, l.AWS.Region))
}

// idle says whether CloudFormation works on none of the application's stacks.
func (l *Launcher) idle(ctx context.Context) (bool, error) {
	roots, err := l.roots(ctx)
	if err != nil {
		return false, err
	}
	f, err := l.describe(ctx, contract.FoundationStackName(l.Config.Name))
	if err != nil || inProgress(f.status) {
		return false, err
	}
	for _, s := range roots {
		if inProgress(s.status) {
			return false, nil
		}
	}
	return true, nil
}

// bucket is the foundation's, empty where there is none, or soon will be none: a lease in a bucket that is being deleted
// would keep it from going.
func (l *Launcher) bucket(ctx context.Context) (string, error) {
	s, err := l.describe(ctx, contract.FoundationStackName(l.Config.Name))
	if strings.HasPrefix(string(s.status), "DELETE_") {
		return "", err
	}
	return s.outputs[contract.KeyBucketName], err
}
