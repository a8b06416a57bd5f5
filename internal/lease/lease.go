// Package lease lets one deployment or deletion of an application go on at a time: people and pipeline write who they are
// to one object of the foundation's bucket, by conditional writes, and renew it while they work.
package lease

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"slipway/internal/awserr"
	"slipway/internal/contract"
)

// Life is how long a lease lasts that is not renewed.
const Life = 2 * time.Minute

// Holder is who has a lease.
type Holder struct {
	Owner string    // who, as AWS knows them, and on which machine
	What  string    // the command
	Since time.Time // by the holder's clock
	Token string    // tells one holding from every other; empty where the lease was given back
	Beats int       // renewals, so that each has an ETag of its own
}

// HeldError says that somebody else has the lease.
type HeldError struct {
	Holder
	Quiet time.Duration // how long ago it was renewed, by S3's clock
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s is running %s since %s (last sign of life %s ago)", e.Owner, e.What, e.Since.Local().Format(time.DateTime), e.Quiet.Round(time.Second))
}

// ErrLost says that a lease was not renewed in time and somebody else has it now.
var ErrLost = errors.New("the lease was lost: it could not be renewed in time, and somebody else took it over")

// Lease is held until Release, or until its Context ends.
type Lease struct {
	store  store
	note   *note
	holder Holder
	beat   time.Duration
	stop   context.CancelFunc
	done   chan struct{}

	mu   sync.Mutex
	etag string
}

// Options say who wants a lease of which bucket.
type Options struct {
	S3          *s3.Client
	Bucket      string
	Owner, What string
	// Idle says whether CloudFormation works on nothing of the application. An expired lease is taken over only then:
	// its holder may be dead while what it began goes on.
	Idle func(context.Context) (bool, error)
	// File notes which lease runs of this clone took last, so that the next one knows its own dead at once. Empty: none.
	File string
	// Beat is the time between two renewals; a fifth of Life where zero.
	Beat time.Duration

	life time.Duration // in tests; Life where zero
}

// Take takes the lease, or returns a *HeldError. The context that it returns is the given one, and ends with ErrLost as
// its cause when the lease is lost.
func Take(ctx context.Context, o Options) (context.Context, *Lease, error) {
	o.Beat, o.life = cmp.Or(o.Beat, Life/5), cmp.Or(o.life, Life)
	l := &Lease{store: store{o.S3, o.Bucket}, beat: o.Beat, done: make(chan struct{}),
		holder: Holder{Owner: o.Owner, What: o.What, Since: time.Now().UTC().Truncate(time.Second), Token: rand.Text()}}
	var err error
	if l.note, err = openNote(o.File); err != nil {
		return ctx, nil, err
	}
	if err := l.take(ctx, o); err != nil {
		l.note.close()
		return ctx, nil, err
	}
	held, lose := context.WithCancelCause(ctx)
	beating, stop := context.WithCancel(context.WithoutCancel(ctx)) // who was interrupted still holds it
	l.stop = stop
	go l.keep(beating, o.life, lose)
	return held, l, nil
}

// take writes the holder where nobody is, or nobody has been for too long.
func (l *Lease) take(ctx context.Context, o Options) error {
	if err := l.note.add(l.holder.Token); err != nil {
		return err
	}
	for range 5 { // each time somebody else was faster
		there, err := l.store.read(ctx)
		if err != nil {
			return err
		}
		if there.Token == l.holder.Token { // the answer to an earlier try was lost
			l.etag = there.etag
			return nil
		}
		if there.Token != "" && !slices.Contains(l.note.tokens, there.Token) && (there.quiet < o.life || !there.expired(ctx, o)) {
			return &HeldError{there.Holder, there.quiet}
		}
		l.etag, err = l.store.write(ctx, l.holder, there.etag)
		if !errors.Is(err, errConflict) {
			return err
		}
	}
	return fmt.Errorf("s3://%s/%s is being written all the time; run the command again", l.store.bucket, contract.LeaseObject)
}

// expired says that nothing goes on that the silent holder may have begun. Where that cannot be told, it is taken to go on.
func (r record) expired(ctx context.Context, o Options) bool {
	idle, err := o.Idle(ctx)
	return err == nil && idle
}

// keep renews the lease until it is released. A renewal that fails is tried again until the lease has run out.
func (l *Lease) keep(ctx context.Context, life time.Duration, lose context.CancelCauseFunc) {
	defer close(l.done)
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(l.beat):
		}
		trying, cancel := context.WithTimeout(ctx, life/2) // a call that hangs would let the lease run out
		err := l.renew(trying)
		cancel()
		switch {
		case err == nil:
			renewed = time.Now()
		case errors.Is(err, ErrNoBucket):
			return
		case errors.Is(err, errConflict) || time.Since(renewed) > life:
			if !l.mine(ctx) {
				lose(ErrLost)
				return
			}
		}
	}
}

func (l *Lease) renew(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holder.Beats++
	etag, err := l.store.write(ctx, l.holder, l.etag)
	if err == nil {
		l.etag = etag
	}
	return err
}

// mine says whether the object still names this holder: a renewal may have been carried out whose answer was lost. While
// S3 does not answer it counts as ours; whoever takes it over has to find CloudFormation idle.
func (l *Lease) mine(ctx context.Context) bool {
	there, err := l.store.read(ctx)
	if err != nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if there.Token == l.holder.Token {
		l.etag = there.etag
		return true
	}
	return false
}

// Rest ends the renewals and keeps the lease as long as it lasts: for the time in which its bucket is emptied.
func (l *Lease) Rest() {
	l.stop()
	<-l.done
}

// Release gives the lease back. What was not given back, because S3 did not answer, runs out by itself.
func (l *Lease) Release(ctx context.Context) error {
	l.Rest()
	defer l.note.close()
	back := l.holder
	back.Token = ""
	_, err := l.store.write(ctx, back, l.etag)
	if errors.Is(err, ErrNoBucket) || errors.Is(err, errConflict) {
		return nil
	}
	return err
}

// store is the one object.
type store struct {
	s3     *s3.Client
	bucket string
}

// record is what the object says; its zero value where there is none.
type record struct {
	Holder
	etag  string
	quiet time.Duration
}

var (
	errConflict = errors.New("somebody else was faster")
)

// ErrNoBucket says that there is no bucket to keep the lease in: nothing is up, or all of it is on its way down.
var ErrNoBucket = errors.New("the foundation's bucket does not exist")

// read reads the object. Its age is told by S3's clock alone: when it was written, and when it was read.
func (s store) read(ctx context.Context) (record, error) {
	out, err := s.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(s.bucket), Key: aws.String(contract.LeaseObject)})
	switch awserr.Code(err) {
	case "NoSuchKey":
		return record{}, nil
	case "NoSuchBucket":
		return record{}, ErrNoBucket
	}
	if err != nil {
		return record{}, fmt.Errorf("read s3://%s/%s: %w", s.bucket, contract.LeaseObject, err)
	}
	defer out.Body.Close()
	r := record{etag: aws.ToString(out.ETag)}
	text, err := io.ReadAll(io.LimitReader(out.Body, 1<<16))
	if err == nil {
		err = json.Unmarshal(text, &r.Holder)
	}
	if err != nil {
		return record{}, fmt.Errorf("s3://%s/%s is not a lease (%w): look who wrote it, and delete it", s.bucket, contract.LeaseObject, err)
	}
	if answered, ok := awsmiddleware.GetServerTime(out.ResultMetadata); ok && out.LastModified != nil {
		r.quiet = answered.Sub(*out.LastModified)
	}
	return r, nil
}

// write writes the object if it is still what bears the tag; an empty one means that there is none. Needed are
// s3:PutObject and s3:GetObject (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
func (s store) write(ctx context.Context, h Holder, etag string) (string, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return "", err
	}
	in := &s3.PutObjectInput{Bucket: aws.String(s.bucket), Key: aws.String(contract.LeaseObject), Body: bytes.NewReader(text), ContentType: aws.String("application/json")}
	if etag == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = aws.String(etag)
	}
	out, err := s.s3.PutObject(ctx, in)
	switch awserr.Code(err) {
	case "":
		return aws.ToString(out.ETag), nil
	case "PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey":
		return "", errConflict
	case "NoSuchBucket":
		return "", ErrNoBucket
	}
	return "", fmt.Errorf("write s3://%s/%s: %w", s.bucket, contract.LeaseObject, err)
}
