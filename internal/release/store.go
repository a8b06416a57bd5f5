package release

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"slipway/internal/awserr"
	"slipway/internal/contract"
)

// Store is where releases are kept.
type Store struct {
	S3     *s3.Client
	Bucket string
}

const (
	begunSuffix = ".begun.json"
	endSuffix   = ".json"
	// maxRecord is how long a record may be, in bytes; a plan in it is the largest part.
	maxRecord = 8 << 20
	// tries is how often the next number is taken where somebody else was faster each time.
	tries = 20
)

// ErrNone says that there is no such release.
var ErrNone = errors.New("there is no such release")

func key(environment string, number int, suffix string) string {
	return contract.ReleasesPrefix + environment + "/" + strconv.Itoa(number) + suffix
}

// Begin writes that a deployment begins and gives it the environment's next number. It needs s3:PutObject and s3:ListBucket.
func (s Store) Begin(ctx context.Context, r Record) (Record, error) {
	numbers, err := s.numbers(ctx, r.Environment)
	if err != nil {
		return r, err
	}
	r.Format, r.Number, r.Result, r.Stands = Format, 1, Unfinished, false
	if len(numbers) > 0 {
		r.Number = numbers[0].number + 1
	}
	for range tries {
		at := key(r.Environment, r.Number, begunSuffix)
		err := s.write(ctx, at, r)
		if !errors.Is(err, errTaken) {
			return r, err
		}
		there, err := s.read(ctx, at)
		if _, corrupt := errors.AsType[*corruptError](err); err != nil && !corrupt {
			return r, err // it may be this one's
		}
		if err == nil && there.By == r.By && there.Began.Equal(r.Began) {
			return r, nil // the answer to an earlier try was lost
		}
		r.Number++
	}
	return r, fmt.Errorf("s3://%s/%s%s/ is written to all the time; run the command again", s.Bucket, contract.ReleasesPrefix, r.Environment)
}

// End writes how a deployment that Begin has begun came out. What is there already stays.
func (s Store) End(ctx context.Context, r Record) error {
	at := key(r.Environment, r.Number, endSuffix)
	err := s.write(ctx, at, r)
	if !errors.Is(err, errTaken) {
		return err
	}
	there, err := s.read(ctx, at)
	if _, corrupt := errors.AsType[*corruptError](err); err != nil && !corrupt {
		return fmt.Errorf("the end of release %d of %s is recorded, and whether it is this one cannot be seen: %w", r.Number, r.Environment, err)
	}
	if err == nil && there.Result == r.Result && there.Ended.Equal(r.Ended) {
		return nil // the answer to an earlier try was lost
	}
	return fmt.Errorf("the end of release %d of %s is recorded already, as %s: somebody else writes to s3://%s/%s", r.Number, r.Environment,
		cmp.Or(there.Result, Unreadable), s.Bucket, contract.ReleasesPrefix)
}

var errTaken = errors.New("it is there already")

// write writes an object that is not there yet
// (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
func (s Store) write(ctx context.Context, key string, r Record) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("record a release: %w", err)
	}
	_, err = s.S3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(s.Bucket), Key: aws.String(key), Body: bytes.NewReader(append(text, '\n')),
		ContentType: aws.String("application/json"), IfNoneMatch: aws.String("*"),
	})
	switch awserr.Code(err) {
	case "":
		return nil
	case "PreconditionFailed":
		return errTaken
	}
	return fmt.Errorf("record a release in s3://%s/%s: %w", s.Bucket, key, err)
}

// entry is a release that there is, without its content.
type entry struct {
	number       int
	begun, ended bool
}

// numbers are an environment's releases, newest first.
func (s Store) numbers(ctx context.Context, environment string) ([]entry, error) {
	prefix := contract.ReleasesPrefix + environment + "/"
	found := map[int]entry{}
	pages := s3.NewListObjectsV2Paginator(s.S3, &s3.ListObjectsV2Input{Bucket: aws.String(s.Bucket), Prefix: aws.String(prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if awserr.Is(err, "NoSuchBucket") {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list s3://%s/%s: %w", s.Bucket, prefix, err)
		}
		for _, object := range page.Contents {
			name := strings.TrimPrefix(aws.ToString(object.Key), prefix)
			number, suffix, _ := strings.Cut(name, ".")
			n, err := strconv.Atoi(number)
			if err != nil || n < 1 || n > math.MaxInt32 || strconv.Itoa(n) != number {
				continue // something else of a later version
			}
			e := found[n]
			e.number = n
			switch "." + suffix {
			case begunSuffix:
				e.begun = true
			case endSuffix:
				e.ended = true
			default:
				continue
			}
			found[n] = e
		}
	}
	var list []entry
	for _, e := range found {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(b.number, a.number) })
	return list, nil
}

// List reads an environment's releases, newest first, at most limit of them; 0 is all. One that cannot be read is in the list
// as Unreadable and says why: it hides no other. It needs s3:ListBucket and s3:GetObject.
func (s Store) List(ctx context.Context, environment string, limit int) ([]Record, error) {
	entries, err := s.numbers(ctx, environment)
	if err != nil {
		return nil, err
	}
	if limit > 0 && len(entries) > limit {
		entries = entries[:limit]
	}
	records := []Record{}
	for _, e := range entries {
		r, err := s.entry(ctx, environment, e)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// Latest reads an environment's releases, newest first, as far as the newest one that stands.
func (s Store) Latest(ctx context.Context, environment string) ([]Record, error) {
	entries, err := s.numbers(ctx, environment)
	if err != nil {
		return nil, err
	}
	var records []Record
	for _, e := range entries {
		r, err := s.entry(ctx, environment, e)
		if err != nil {
			return nil, err
		}
		if records = append(records, r); r.Stands {
			break
		}
	}
	return records, nil
}

// Read reads one release, or returns ErrNone.
func (s Store) Read(ctx context.Context, environment string, number int) (Record, error) {
	r, err := s.entry(ctx, environment, entry{number: number, ended: true})
	if errors.Is(err, ErrNone) {
		r, err = s.entry(ctx, environment, entry{number: number, begun: true})
	}
	if err == nil && r.Result == Unreadable {
		err = fmt.Errorf("release %d of %s cannot be read: %s", number, environment, r.Error)
	}
	return r, err
}

// entry reads what there is of a release.
func (s Store) entry(ctx context.Context, environment string, e entry) (Record, error) {
	suffix := begunSuffix
	if e.ended {
		suffix = endSuffix
	}
	at := key(environment, e.number, suffix)
	r, err := s.read(ctx, at)
	if broken, ok := errors.AsType[*corruptError](err); ok {
		return Record{Environment: environment, Number: e.number, Result: Unreadable, Error: broken.Error()}, nil
	}
	if err == nil && (r.Number != e.number || r.Environment != environment) {
		return Record{Environment: environment, Number: e.number, Result: Unreadable,
			Error: fmt.Sprintf("s3://%s/%s is the record of release %d of %s", s.Bucket, at, r.Number, r.Environment)}, nil
	}
	return r, err
}

// corruptError says that an object is no record.
type corruptError struct {
	place string
	err   error
}

func (e *corruptError) Error() string {
	return e.place + " is not a release's record: " + e.err.Error()
}

// read reads one object. Fields that this version does not know are passed over.
func (s Store) read(ctx context.Context, key string) (Record, error) {
	text, err := s.Object(ctx, key)
	if err != nil {
		return Record{}, err
	}
	var r Record
	err = json.Unmarshal(text, &r)
	switch {
	case len(text) > maxRecord:
		err = fmt.Errorf("it is longer than %d bytes", maxRecord)
	case err == nil && r.Format > Format:
		err = fmt.Errorf("a newer slipway has written it, in format %d", r.Format)
	}
	if err != nil {
		return Record{}, &corruptError{fmt.Sprintf("s3://%s/%s", s.Bucket, key), err}
	}
	return r, nil
}

// Object reads an object that releases name, such as a template; ErrNone where it is not there.
func (s Store) Object(ctx context.Context, key string) ([]byte, error) {
	out, err := s.S3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(s.Bucket), Key: aws.String(key)})
	switch awserr.Code(err) {
	case "":
	case "NoSuchKey", "NoSuchBucket", "NotFound":
		return nil, fmt.Errorf("s3://%s/%s: %w", s.Bucket, key, ErrNone)
	default:
		return nil, fmt.Errorf("read s3://%s/%s: %w", s.Bucket, key, err)
	}
	defer out.Body.Close()
	text, err := io.ReadAll(io.LimitReader(out.Body, maxRecord+1))
	if err != nil {
		return nil, fmt.Errorf("read s3://%s/%s: %w", s.Bucket, key, err)
	}
	return text, nil
}

// Unpack writes the templates of a release below a folder. Each is what its hash says: whoever may write to the bucket, as the
// pipeline's deployment, cannot put another one in its place.
func (s Store) Unpack(ctx context.Context, r Record, folder string) (Set, error) {
	text, err := s.Object(ctx, r.Set)
	if err != nil {
		return Set{}, fmt.Errorf("its list of templates: %w", err)
	}
	set, err := DecodeSet(r.Set, text)
	if err != nil {
		return set, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return set, err
	}
	below, err := os.OpenRoot(folder)
	if err != nil {
		return set, err
	}
	defer below.Close()
	for name, hash := range set.Files {
		text, err := s.Object(ctx, contract.TemplateKey(hash))
		if err != nil {
			return set, fmt.Errorf("its template %s: %w", name, err)
		}
		if hashOf(text) != hash {
			return set, fmt.Errorf("s3://%s/%s is not what its name says: somebody else has written it", s.Bucket, contract.TemplateKey(hash))
		}
		if err := below.MkdirAll(path.Dir(name), 0o700); err != nil {
			return set, err
		}
		if err := below.WriteFile(name, text, 0o600); err != nil {
			return set, err
		}
	}
	return set, nil
}
