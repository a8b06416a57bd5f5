package awsdouble_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"slipway/internal/awsdouble"
)

// emptyBucket deletes all versions, delete markers and uploads, page by page.
func (a *account) emptyBucket(bucket string) {
	a.t.Helper()
	pages := s3.NewListObjectVersionsPaginator(a.s3, &s3.ListObjectVersionsInput{Bucket: &bucket})
	for pages.HasMorePages() {
		page := must[*s3.ListObjectVersionsOutput](a.t)(pages.NextPage(a.ctx))
		var ids []s3types.ObjectIdentifier
		for _, v := range page.Versions {
			ids = append(ids, s3types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, m := range page.DeleteMarkers {
			ids = append(ids, s3types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
		}
		if len(ids) == 0 {
			continue
		}
		must[*s3.DeleteObjectsOutput](a.t)(a.s3.DeleteObjects(a.ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &s3types.Delete{Objects: ids}}))
	}
	uploads := must[*s3.ListMultipartUploadsOutput](a.t)(a.s3.ListMultipartUploads(a.ctx, &s3.ListMultipartUploadsInput{Bucket: &bucket}))
	for _, u := range uploads.Uploads {
		must[*s3.AbortMultipartUploadOutput](a.t)(a.s3.AbortMultipartUpload(a.ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: u.Key, UploadId: u.UploadId}))
	}
}

func TestObjectsAreNotOverwritten(t *testing.T) {
	a := newAccount(t)
	a.PutBucket("b")
	put := func(body io.Reader, condition *string) error {
		_, err := a.s3.PutObject(a.ctx, &s3.PutObjectInput{Bucket: new("b"), Key: new("templates/one.yaml"), Body: body, IfNoneMatch: condition})
		return err
	}
	if err := put(strings.NewReader("first"), new("*")); err != nil {
		t.Fatal(err)
	}
	wantError(t, put(strings.NewReader("second"), new("*")), "PreconditionFailed", "pre-conditions")
	got := must[*s3.GetObjectOutput](t)(a.s3.GetObject(a.ctx, &s3.GetObjectInput{Bucket: new("b"), Key: new("templates/one.yaml")}))
	if body := must[[]byte](t)(io.ReadAll(got.Body)); string(body) != "first" {
		t.Errorf("the object holds %q", body)
	}
	_, err := a.s3.HeadObject(a.ctx, &s3.HeadObjectInput{Bucket: new("b"), Key: new("no")})
	wantError(t, err, "NotFound", "")
	_, err = a.s3.GetObject(a.ctx, &s3.GetObjectInput{Bucket: new("b"), Key: new("no")})
	wantError(t, err, "NoSuchKey", "The specified key does not exist.")
	_, err = a.s3.GetObject(a.ctx, &s3.GetObjectInput{Bucket: new("none"), Key: new("no")})
	wantError(t, err, "NoSuchBucket", "")
}

func TestVersionsAndMarkersInPages(t *testing.T) {
	a := newAccount(t, awsdouble.WithPageSize(3))
	a.PutBucket("b")
	for i := range 4 {
		for range 2 {
			a.PutObject("b", fmt.Sprintf("k%d", i), []byte("x"))
		}
	}
	must[*s3.DeleteObjectOutput](t)(a.s3.DeleteObject(a.ctx, &s3.DeleteObjectInput{Bucket: new("b"), Key: new("k1")}))
	a.PutUpload("b", "unfinished")
	if keys := a.Keys("b"); len(keys) != 3 {
		t.Errorf("behind a delete marker k1 is not seen: %v", keys)
	}
	pages := s3.NewListObjectVersionsPaginator(a.s3, &s3.ListObjectVersionsInput{Bucket: new("b")})
	versions, markers, n := 0, 0, 0
	for ; pages.HasMorePages(); n++ {
		page := must[*s3.ListObjectVersionsOutput](t)(pages.NextPage(a.ctx))
		versions, markers = versions+len(page.Versions), markers+len(page.DeleteMarkers)
	}
	if versions != 8 || markers != 1 || n != 3 {
		t.Errorf("%d versions and %d markers in %d pages, want 8, 1, 3", versions, markers, n)
	}
	a.emptyBucket("b")
	left := must[*s3.ListObjectVersionsOutput](t)(a.s3.ListObjectVersions(a.ctx, &s3.ListObjectVersionsInput{Bucket: new("b")}))
	uploads := must[*s3.ListMultipartUploadsOutput](t)(a.s3.ListMultipartUploads(a.ctx, &s3.ListMultipartUploadsInput{Bucket: new("b")}))
	if len(left.Versions)+len(left.DeleteMarkers)+len(uploads.Uploads) != 0 {
		t.Errorf("left in the bucket: %+v %+v", left, uploads)
	}
}
