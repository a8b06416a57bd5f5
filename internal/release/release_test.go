package release

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"slipway/internal/awsdouble"
)

func newStore(t *testing.T, opts ...awsdouble.Option) (Store, *awsdouble.Double) {
	t.Helper()
	double := awsdouble.New(t, opts...)
	double.PutBucket("releases")
	return Store{S3: s3.NewFromConfig(double.Config(), func(o *s3.Options) { o.UsePathStyle = true }), Bucket: "releases"}, double
}

func (s Store) mustRecord(t *testing.T, r Record, result Result) Record {
	t.Helper()
	r.Began = time.Now().UTC()
	r, err := s.Begin(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if result == Unfinished {
		return r
	}
	r.Result, r.Stands, r.Ended = result, result == Succeeded, r.Began.Add(time.Second)
	if err := s.End(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return r
}

func (s Store) put(t *testing.T, key, text string) {
	t.Helper()
	if _, err := s.S3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(s.Bucket), Key: aws.String(key), Body: strings.NewReader(text)}); err != nil {
		t.Fatal(err)
	}
}

// Records come back as they were written, newest first, each environment's by itself, over pages.
func TestRecordsComeBack(t *testing.T) {
	store, _ := newStore(t, awsdouble.WithPageSize(2))
	var want []Record
	for _, result := range []Result{Succeeded, RolledBack, Unfinished, Succeeded} {
		r := store.mustRecord(t, Record{Environment: "prod", Kind: Deployment, Image: "r@sha256:" + string(result), Parameters: map[string]string{"A": "b"}}, result)
		want = append([]Record{r}, want...)
	}
	store.mustRecord(t, Record{Environment: "prod-2"}, Succeeded)
	got, err := store.List(t.Context(), "prod", 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, err := store.List(t.Context(), "prod", 2); err != nil || len(got) != 2 || got[0].Number != 4 {
		t.Errorf("the newest two are %v, %v", got, err)
	}
	if got, err := store.Latest(t.Context(), "prod"); err != nil || len(got) != 1 {
		t.Errorf("as far as what stands: %v, %v", got, err)
	}
	if got, err := store.Read(t.Context(), "prod", 3); err != nil || got.Result != Unfinished {
		t.Errorf("release 3 is %v, %v", got, err)
	}
	if _, err := store.Read(t.Context(), "prod", 5); !errors.Is(err, ErrNone) {
		t.Errorf("release 5: %v", err)
	}
	if got, err := store.List(t.Context(), "nowhere", 0); err != nil || len(got) > 0 {
		t.Errorf("of nowhere: %v, %v", got, err)
	}
}

// Writers at the same time get numbers of their own, and none overwrites another's.
func TestWritersDoNotOverwrite(t *testing.T) {
	store, _ := newStore(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	numbers := map[int]bool{}
	for n := range 8 {
		all.Go(func() {
			r, err := store.Begin(context.WithoutCancel(t.Context()), Record{Environment: "prod", By: string(rune('a' + n)), Began: time.Now()})
			if err == nil {
				r.Result = Succeeded
				err = store.End(t.Context(), r)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil || numbers[r.Number] {
				t.Errorf("release %d again, %v", r.Number, err)
			}
			numbers[r.Number] = true
		})
	}
	all.Wait()
	records, err := store.List(t.Context(), "prod", 0)
	if err != nil || len(records) != 8 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	other := records[0]
	other.Result, other.Ended = Failed, time.Now()
	if err := store.End(t.Context(), other); err == nil || !strings.Contains(err.Error(), "recorded already") {
		t.Errorf("it ends twice: %v", err)
	}
}

// A write whose answer is lost is made again by the SDK, and is still the same release.
func TestLostAnswers(t *testing.T) {
	store, double := newStore(t)
	double.Lose("PutObject", 1)
	r := store.mustRecord(t, Record{Environment: "prod", By: "me"}, Unfinished)
	double.Lose("PutObject", 1)
	r.Result, r.Ended = Succeeded, time.Now().UTC()
	if err := store.End(t.Context(), r); err != nil {
		t.Error(err)
	}
	if records, err := store.List(t.Context(), "prod", 0); err != nil || len(records) != 1 {
		t.Errorf("%v, %v", records, err)
	}
}

// What is there already is looked at: where that look fails nobody knows whose it is, and no other number is taken.
func TestLostAnswerAndNoLook(t *testing.T) {
	store, double := newStore(t)
	double.Lose("PutObject", 1)
	double.Fail("GetObject", "AccessDenied", "Access Denied", 1)
	if r, err := store.Begin(t.Context(), Record{Environment: "prod", By: "me", Began: time.Now().UTC()}); err == nil || !strings.Contains(err.Error(), "Access Denied") {
		t.Errorf("begun as release %d, %v", r.Number, err)
	}
	r := store.mustRecord(t, Record{Environment: "prod", By: "me"}, Unfinished)
	double.Lose("PutObject", 1)
	double.Fail("GetObject", "AccessDenied", "Access Denied", 1)
	r.Result, r.Ended = Succeeded, time.Now().UTC()
	if err := store.End(t.Context(), r); err == nil || strings.Contains(err.Error(), "somebody else") || !strings.Contains(err.Error(), "Access Denied") {
		t.Errorf("its end: %v", err)
	}
	if keys := double.Keys("releases"); len(keys) != 3 {
		t.Errorf("written is %v", keys)
	}
}

// A record that is longer than any is said to be that.
func TestRecordThatIsTooLong(t *testing.T) {
	store, _ := newStore(t)
	store.put(t, "releases/prod/1.json", `{"plan": "`+strings.Repeat("x", maxRecord)+`"}`)
	records, err := store.List(t.Context(), "prod", 0)
	if err != nil || len(records) != 1 || records[0].Result != Unreadable || !strings.Contains(records[0].Error, "longer than 8388608 bytes") {
		t.Errorf("%v, %+v", err, records)
	}
}

// What a newer version writes besides is passed over, and what is no record is said and hides nothing.
func TestStrangeObjects(t *testing.T) {
	store, _ := newStore(t)
	store.mustRecord(t, Record{Environment: "prod"}, Succeeded)
	store.put(t, "releases/prod/2.json", "{")
	store.put(t, "releases/prod/3.json", `{"format": 1, "environment": "prod", "number": 3, "result": "succeeded", "stands": true, "novelty": {"a": [1]}}`)
	store.put(t, "releases/prod/4.json", `{"environment": "test", "number": 4, "result": "succeeded", "stands": true}`)
	store.put(t, "releases/prod/5.begun.json", `[]`)
	store.put(t, "releases/prod/6.json", `{"format": 7, "environment": "prod", "number": 6, "result": "succeeded", "stands": true}`)
	for _, other := range []string{"notes.txt", "05.json", "0.json", "7.zip", "8/1.json", "-1.json", "9223372036854775807.json"} {
		store.put(t, "releases/prod/"+other, "?")
	}
	records, err := store.List(t.Context(), "prod", 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range records {
		got = append(got, string(r.Result))
	}
	want := []string{"unreadable", "unreadable", "unreadable", "succeeded", "unreadable", "succeeded"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, says := range map[int]string{4: "s3://releases/releases/prod/2.json is not a release's record", 2: "release 4 of test", 0: "a newer slipway has written it, in format 7"} {
		if !strings.Contains(records[i].Error, says) {
			t.Errorf("%q does not say %q", records[i].Error, says)
		}
	}
	if _, err := store.Read(t.Context(), "prod", 2); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("reading it: %v", err)
	}
	if next, err := store.Begin(t.Context(), Record{Environment: "prod"}); err != nil || next.Number != 7 {
		t.Errorf("the next is %d, %v", next.Number, err)
	}
}

func TestBefore(t *testing.T) {
	made := func(number int, image string, result Result) Record {
		return Record{Number: number, Image: image, Kind: Deployment, Result: result, Stands: result == Succeeded}
	}
	back := func(number, to int, image string) Record {
		r := made(number, image, Succeeded)
		r.Kind, r.Of = Rollback, &Ref{"prod", to}
		return r
	}
	stands := func(r Record) Record { r.Stands = true; return r }
	cutOff := func(r Record) Record { r.Result, r.Stands = Unfinished, false; return r }
	for name, c := range map[string]struct {
		oldestFirst []Record
		want        int
	}{
		"none":                       {nil, 0},
		"one":                        {[]Record{made(1, "a", Succeeded)}, 0},
		"two":                        {[]Record{made(1, "a", Succeeded), made(2, "b", Succeeded)}, 1},
		"the same again":             {[]Record{made(1, "a", Succeeded), made(2, "b", Succeeded), made(3, "b", Succeeded)}, 1},
		"one that failed between":    {[]Record{made(1, "a", Succeeded), made(2, "b", RolledBack), made(3, "c", Succeeded)}, 1},
		"a failure at the end":       {[]Record{made(1, "a", Succeeded), made(2, "b", Succeeded), made(3, "c", RolledBack)}, 1},
		"a failure that stands":      {[]Record{made(1, "a", Succeeded), stands(made(2, "b", Failed))}, 1},
		"after a rollback":           {[]Record{made(1, "a", Succeeded), made(2, "b", Succeeded), made(3, "c", Succeeded), back(4, 2, "b")}, 1},
		"after two":                  {[]Record{made(1, "a", Succeeded), made(2, "b", Succeeded), back(3, 1, "a")}, 0},
		"of a rollback":              {[]Record{made(1, "a", Succeeded), made(2, "b", Succeeded), made(3, "c", Succeeded), back(4, 2, "b"), back(5, 4, "b")}, 1},
		"unfinished":                 {[]Record{made(1, "a", Succeeded), made(2, "b", Succeeded), made(3, "c", Unfinished)}, 2},
		"a rollback cut off":         {[]Record{made(1, "a", Succeeded), made(2, "b", Succeeded), made(3, "c", Succeeded), cutOff(back(4, 1, "a"))}, 1},
		"a rollback cut off twice":   {[]Record{made(1, "a", Succeeded), made(2, "b", Succeeded), cutOff(back(3, 1, "a")), cutOff(back(4, 1, "a"))}, 1},
		"to what is not there":       {[]Record{made(2, "b", Succeeded), made(3, "c", Succeeded), cutOff(back(4, 1, "a"))}, 3},
		"a deployment cut off later": {[]Record{made(1, "a", Succeeded), made(2, "b", Succeeded), cutOff(back(3, 1, "a")), made(4, "c", Unfinished)}, 2},
		"unreadable between":         {[]Record{made(1, "a", Succeeded), {Number: 2, Result: Unreadable}, made(3, "c", Succeeded)}, 1},
		"rollback to one that's not": {[]Record{made(2, "b", Succeeded), back(4, 1, "a")}, 2},
	} {
		var records []Record
		for _, r := range c.oldestFirst {
			records = append([]Record{r}, records...)
		}
		got := 0
		if r := Before(records); r != nil {
			got = r.Number
		}
		if got != c.want {
			t.Errorf("%s: release %d, want %d", name, got, c.want)
		}
	}
}

func TestSets(t *testing.T) {
	set := Set{Files: map[string]string{"prod/root.yaml": "1", "foundation.yaml": "2"}, Slipway: "name: x\n"}
	key, text, err := set.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeSet(key, text)
	if diff := cmp.Diff(set, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if _, err := DecodeSet(key, append(text, '\n')); err == nil {
		t.Error("what is not as its name says is taken")
	}
	other := set
	other.Files = map[string]string{"prod/root.yaml": "2", "foundation.yaml": "1"}
	if set.Hash() == other.Hash() {
		t.Error("other templates have the same hash")
	}
	other.Files, other.Slipway = set.Files, "name: y\n"
	if set.Hash() != other.Hash() {
		t.Error("the hash is not over the templates alone")
	}
}
