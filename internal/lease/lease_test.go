package lease

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/aws/aws-sdk-go-v2/aws"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
)

const bucket = "shop-foundation-bucket-1"

func options(d *awsdouble.Double, owner string) Options {
	cfg := d.Config()
	cfg.Retryer = func() aws.Retryer { return retry.AddWithMaxBackoffDelay(retry.NewStandard(), time.Millisecond) }
	return Options{
		S3: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }), Bucket: bucket, Owner: owner, What: "deploy.sh",
		Idle: func(context.Context) (bool, error) { return true, nil },
		Beat: 20 * time.Millisecond, life: time.Hour,
	}
}

func double(t *testing.T) *awsdouble.Double {
	d := awsdouble.New(t)
	d.PutBucket(bucket)
	return d
}

func take(t *testing.T, o Options) (context.Context, *Lease) {
	t.Helper()
	ctx, l, err := Take(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Release(context.Background()) })
	return ctx, l
}

// The second is told who has it and since when, and gets it when it was given back.
func TestOneAtATime(t *testing.T) {
	d := double(t)
	_, first := take(t, options(d, "ann on box"))
	_, _, err := Take(t.Context(), options(d, "bob on laptop"))
	held, ok := errors.AsType[*HeldError](err)
	if !ok || held.Owner != "ann on box" || time.Since(held.Since) > time.Minute || !strings.Contains(err.Error(), "ann on box is running deploy.sh since 20") {
		t.Fatalf("the second is told: %v", err)
	}
	if err := first.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	take(t, options(d, "bob on laptop"))
}

// Of many who want it at once, one has it.
func TestRace(t *testing.T) {
	d := double(t)
	var mu sync.Mutex
	var won []*Lease
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, l, err := Take(t.Context(), options(d, "somebody"))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won = append(won, l)
			} else if _, held := errors.AsType[*HeldError](err); !held {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(won) != 1 {
		t.Fatalf("%d have it", len(won))
	}
	_ = won[0].Release(t.Context())
}

// A silent holder's lease is taken over when CloudFormation has nothing more to do, not before, and the former holder
// gets to know.
func TestExpired(t *testing.T) {
	d := double(t)
	o := options(d, "ann")
	o.Beat = time.Hour // says nothing any more
	first, lease := take(t, o)
	second := options(d, "bob")
	second.life = -time.Hour // all that is there has run out
	for _, answer := range []struct {
		idle bool
		err  error
	}{{false, nil}, {true, errors.New("no answer")}} {
		second.Idle = func(context.Context) (bool, error) { return answer.idle, answer.err }
		if _, _, err := Take(t.Context(), second); err == nil {
			t.Fatalf("taken over with idle %v, %v", answer.idle, answer.err)
		}
	}
	second.Idle = func(context.Context) (bool, error) { return true, nil }
	take(t, second)

	err := lease.renew(t.Context())
	if !errors.Is(err, errConflict) || lease.mine(t.Context()) {
		t.Errorf("the former holder renews: %v", err)
	}
	if first.Err() != nil {
		t.Error("it cannot know before it renews")
	}
}

// A run that died without giving its lease back is known to the next one of the same clone; one that lives is not.
func TestOwnDead(t *testing.T) {
	d := double(t)
	o := options(d, "ann")
	o.File = filepath.Join(t.TempDir(), "new", "lease")
	_, first := take(t, o)
	if _, _, err := Take(t.Context(), o); err == nil {
		t.Fatal("a second run of the clone has it, too")
	}
	first.note.close() // as the operating system does when the process dies
	first.stop()
	take(t, o)
}

// Who has lost the lease is told, by the context and why.
func TestLost(t *testing.T) {
	d := double(t)
	ctx, _ := take(t, options(d, "ann"))
	d.PutObject(bucket, contract.LeaseObject, []byte(`{"Owner":"bob","Token":"other"}`))
	select {
	case <-ctx.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("it goes on as if it had the lease")
	}
	if !errors.Is(context.Cause(ctx), ErrLost) {
		t.Errorf("it ends with %v", context.Cause(ctx))
	}
}

// Throttling, errors and lost answers are no loss.
func TestStumbles(t *testing.T) {
	d := double(t)
	d.Lose("PutObject", 1)
	ctx, lease := take(t, options(d, "ann"))
	d.Lose("PutObject", 2)
	d.Throttle("PutObject", 4)
	d.Fail("PutObject", "InternalError", "We encountered an internal error. Please try again.", 6)
	d.Fail("GetObject", "InternalError", "We encountered an internal error. Please try again.", 4)
	for deadline := time.Now().Add(10 * time.Second); len(d.CallsTo("PutObject")) < 25 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if ctx.Err() != nil {
		t.Errorf("lost by %v", context.Cause(ctx))
	}
	if _, _, err := Take(t.Context(), options(d, "bob")); err == nil {
		t.Error("somebody else has it as well")
	}
	if err := lease.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

// At the end of a deletion the lease goes with its bucket.
func TestBucketGone(t *testing.T) {
	d := double(t)
	ctx, lease := take(t, options(d, "ann"))
	d.Fail("PutObject", "NoSuchBucket", "The specified bucket does not exist", 100)
	time.Sleep(60 * time.Millisecond)
	if err := lease.Release(t.Context()); err != nil || ctx.Err() != nil {
		t.Errorf("release: %v, context: %v", err, ctx.Err())
	}
}

// Something else under the lease's name is no lease that could be taken.
func TestNoLease(t *testing.T) {
	d := double(t)
	d.PutObject(bucket, contract.LeaseObject, []byte("hello"))
	if _, _, err := Take(t.Context(), options(d, "ann")); err == nil || !strings.Contains(err.Error(), "is not a lease") {
		t.Errorf("got %v", err)
	}
}
