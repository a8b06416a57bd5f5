package awsdouble

import (
	"bytes"
	"crypto/md5" // #nosec G501 -- what an ETag is
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

type bucket struct {
	name      string
	versioned bool
	objects   map[string][]*version // by key, oldest first
	uploads   map[string]string     // upload id -> key
	created   time.Time
}

type version struct {
	id       string
	body     []byte
	marker   bool // a delete marker
	modified time.Time
	header   http.Header
}

func (b *bucket) latest(key string) *version {
	versions := b.objects[key]
	if len(versions) == 0 || versions[len(versions)-1].marker {
		return nil
	}
	return versions[len(versions)-1]
}

func (d *Double) bucketCreated(t *thing) error {
	if d.buckets[t.ID] != nil {
		return fail("AlreadyExists", "%s already exists", t.ID)
	}
	d.buckets[t.ID] = newBucket(t.ID, text(sub(t.Properties, "VersioningConfiguration"), "Status") == "Enabled")
	return nil
}

func newBucket(name string, versioned bool) *bucket {
	return &bucket{name: name, versioned: versioned, objects: map[string][]*version{}, uploads: map[string]string{}, created: time.Now()}
}

func (d *Double) bucketRemoved(t *thing) error {
	b := d.buckets[t.ID]
	if b != nil && len(b.objects) > 0 {
		return fail("BucketNotEmpty", "The bucket you tried to delete is not empty. You must delete all versions in the bucket. (Service: S3, Status Code: 409, Request ID: %s)", d.chars(upper, 16))
	}
	delete(d.buckets, t.ID)
	return nil
}

// PutBucket puts an empty versioned bucket in place that belongs to no stack.
func (d *Double) PutBucket(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.buckets[name] = newBucket(name, true)
}

// PutObject writes an object, in a bucket that there is.
func (d *Double) PutObject(bucketName, key string, body []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.buckets[bucketName].put(key, &version{id: d.newVersionID(), body: body, modified: d.now()})
}

// PutUpload leaves a multipart upload unfinished in a bucket.
func (d *Double) PutUpload(bucketName, key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.buckets[bucketName].uploads[d.chars(upper, 32)] = key
}

// MisplaceMarkers has S3 answer like one that loses its place: a listing of versions that goes on behind a version which has
// been deleted meanwhile leaves out what else the key has, as the local engine's does.
func (d *Double) MisplaceMarkers() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.misplaced = true
}

// KeepObjects has S3 say of whatever is deleted that it is, and list it still.
func (d *Double) KeepObjects() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keeping = true
}

// Object reads the latest version of an object; ok is false where there is none.
func (d *Double) Object(bucketName, key string) (body []byte, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.buckets[bucketName]
	if b == nil || b.latest(key) == nil {
		return nil, false
	}
	return b.latest(key).body, true
}

// Keys lists the keys of a bucket's latest versions, sorted.
func (d *Double) Keys(bucketName string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if b := d.buckets[bucketName]; b != nil {
		return b.keys("")
	}
	return nil
}

func (b *bucket) keys(prefix string) []string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		if strings.HasPrefix(key, prefix) && b.latest(key) != nil {
			keys = append(keys, key)
		}
	}
	return keys
}

func (b *bucket) put(key string, v *version) {
	if !b.versioned {
		v.id = "null"
		b.objects[key] = nil
	}
	b.objects[key] = append(b.objects[key], v)
}

// remove deletes one version, or puts a delete marker on top.
func (b *bucket) remove(key, versionID, markerID string, now time.Time) {
	switch {
	case versionID != "":
		b.objects[key] = slices.DeleteFunc(b.objects[key], func(v *version) bool { return v.id == versionID })
	case b.versioned:
		b.objects[key] = append(b.objects[key], &version{id: markerID, marker: true, modified: now})
	default:
		b.objects[key] = nil
	}
	if len(b.objects[key]) == 0 {
		delete(b.objects, key)
	}
}

type s3Request struct {
	d      *Double
	w      http.ResponseWriter
	r      *http.Request
	body   []byte
	query  url.Values
	bucket *bucket
	key    string
}

func (d *Double) serveS3(w http.ResponseWriter, r *http.Request, body []byte) {
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	q := &s3Request{d: d, w: w, r: r, body: body, query: r.URL.Query(), key: key}
	operation := q.operation(name)
	in := object{"Bucket": name, "Key": key}
	d.calls = append(d.calls, Call{Service: "s3", Operation: operation, In: in, Time: time.Now()})
	if operation == "DeleteObjects" {
		in = object{"Bucket": name, "Body": string(body)}
	}
	if err := d.authorize("s3", operation, in); err != nil {
		q.fail(err)
		return
	}
	if err := d.fault("s3", operation); err != nil {
		q.fail(err)
		return
	}
	q.bucket = d.buckets[name]
	if q.bucket == nil && name != "" {
		q.fail(&apiError{Code: "NoSuchBucket", Message: "The specified bucket does not exist", Status: 404})
		return
	}
	if err := q.run(operation); err != nil {
		q.fail(err)
	}
	d.loseAnswer("s3", operation)
}

func (q *s3Request) operation(bucketName string) string {
	method, has := q.r.Method, q.query.Has
	switch {
	case bucketName == "":
		return "ListBuckets"
	case q.key == "" && method == "HEAD":
		return "HeadBucket"
	case q.key == "" && method == "POST" && has("delete"):
		return "DeleteObjects"
	case q.key == "" && has("versions"):
		return "ListObjectVersions"
	case q.key == "" && has("uploads"):
		return "ListMultipartUploads"
	case q.key == "" && has("versioning"):
		return "GetBucketVersioning"
	case q.key == "" && method == "GET":
		return "ListObjectsV2"
	case method == "DELETE" && has("uploadId"):
		return "AbortMultipartUpload"
	}
	return map[string]string{"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}[method]
}

func (q *s3Request) run(operation string) *apiError {
	switch operation {
	case "HeadBucket":
		q.w.Header().Set("X-Amz-Bucket-Region", q.d.Region)
	case "ListBuckets":
		q.listBuckets()
	case "GetBucketVersioning":
		q.answer("VersioningConfiguration", object{"Status": map[bool]any{true: "Enabled"}[q.bucket.versioned]})
	case "ListObjectsV2":
		q.listObjects()
	case "ListObjectVersions":
		q.listVersions()
	case "ListMultipartUploads":
		q.listUploads()
	case "AbortMultipartUpload":
		delete(q.bucket.uploads, q.query.Get("uploadId"))
		q.w.WriteHeader(http.StatusNoContent)
	case "DeleteObjects":
		return q.deleteObjects()
	case "DeleteObject":
		q.bucket.remove(q.key, q.query.Get("versionId"), q.d.newVersionID(), q.d.now())
		q.w.WriteHeader(http.StatusNoContent)
	case "PutObject":
		return q.putObject()
	case "GetObject", "HeadObject":
		return q.getObject()
	default:
		return &apiError{Code: "NotImplemented", Message: "A header you provided implies functionality that is not implemented", Status: 501}
	}
	return nil
}

func (q *s3Request) fail(err *apiError) {
	q.w.Header().Set("Content-Type", "application/xml")
	q.w.WriteHeader(err.Status)
	if q.r.Method == "HEAD" {
		return
	}
	var b bytes.Buffer
	writeXML(&b, "Error", object{"Code": err.Code, "Message": err.Message, "RequestId": q.d.chars(upper, 16)}, "")
	_, _ = q.w.Write(b.Bytes())
}

func (q *s3Request) answer(root string, fields object) {
	var b bytes.Buffer
	b.WriteString("<" + root + ">")
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		members, repeated := fields[name].(list)
		if !repeated {
			members = list{fields[name]}
		}
		for _, m := range members { // lists are flat in S3: the element itself is repeated
			writeXML(&b, name, m, "")
		}
	}
	b.WriteString("</" + root + ">")
	q.w.Header().Set("Content-Type", "application/xml")
	_, _ = q.w.Write(b.Bytes())
}

func (q *s3Request) listBuckets() {
	buckets := list{}
	for _, name := range slices.Sorted(maps.Keys(q.d.buckets)) {
		buckets = append(buckets, object{"Name": name, "CreationDate": q.d.buckets[name].created.UTC()})
	}
	var b bytes.Buffer
	writeXML(&b, "ListAllMyBucketsResult", object{"Buckets": buckets}, "Bucket")
	_, _ = q.w.Write(b.Bytes())
}

func (q *s3Request) limit() int {
	n, _ := strconv.Atoi(q.query.Get("max-keys"))
	return n
}

func (q *s3Request) listObjects() {
	keys, next := page(q.d, q.bucket.keys(q.query.Get("prefix")), q.query.Get("continuation-token"), q.limit())
	contents := list{}
	for _, key := range keys {
		v := q.bucket.latest(key)
		contents = append(contents, object{"Key": key, "Size": len(v.body), "ETag": v.etag(), "LastModified": v.modified, "StorageClass": "STANDARD"})
	}
	q.answer("ListBucketResult", object{
		"Name": q.bucket.name, "KeyCount": len(keys), "Contents": contents, "IsTruncated": next != "", "NextContinuationToken": opt(next),
	})
}

// newVersionID ends in a number that grows, so that a marker says where it stood even when its version is gone.
func (d *Double) newVersionID() string {
	d.lastVersion++
	return d.chars(upper, 20) + fmt.Sprintf("%012d", d.lastVersion)
}

func versionOrder(id string) string { return id[max(0, len(id)-12):] }

type keyedVersion struct {
	key    string
	latest bool
	*version
}

func (q *s3Request) listVersions() {
	var all []keyedVersion
	for _, key := range slices.Sorted(maps.Keys(q.bucket.objects)) {
		if !strings.HasPrefix(key, q.query.Get("prefix")) {
			continue
		}
		versions := q.bucket.objects[key]
		for i, v := range slices.Backward(versions) {
			all = append(all, keyedVersion{key, i == len(versions)-1, v})
		}
	}
	if after, at := q.query.Get("key-marker"), q.query.Get("version-id-marker"); after != "" {
		lost := q.d.misplaced && !slices.ContainsFunc(all, func(v keyedVersion) bool { return v.key == after && v.id == at })
		all = slices.DeleteFunc(all, func(v keyedVersion) bool {
			return v.key < after || v.key == after && (lost || versionOrder(v.id) >= versionOrder(at))
		})
	}
	shown, next := page(q.d, all, "", q.limit())
	versions, markers := list{}, list{}
	for _, v := range shown {
		o := object{"Key": v.key, "VersionId": v.id, "IsLatest": v.latest, "LastModified": v.modified}
		if v.marker {
			markers = append(markers, o)
			continue
		}
		o["Size"], o["ETag"] = len(v.body), v.etag()
		versions = append(versions, o)
	}
	fields := object{"Name": q.bucket.name, "Version": versions, "DeleteMarker": markers, "IsTruncated": next != ""}
	if next != "" {
		last := shown[len(shown)-1]
		fields["NextKeyMarker"], fields["NextVersionIdMarker"] = last.key, last.id
	}
	q.answer("ListVersionsResult", fields)
}

func (q *s3Request) listUploads() {
	uploads := list{}
	for _, id := range slices.Sorted(maps.Keys(q.bucket.uploads)) {
		uploads = append(uploads, object{"UploadId": id, "Key": q.bucket.uploads[id]})
	}
	q.answer("ListMultipartUploadsResult", object{"Bucket": q.bucket.name, "Upload": uploads, "IsTruncated": false})
}

func (q *s3Request) deleteObjects() *apiError {
	var in struct {
		Quiet  bool
		Object []struct{ Key, VersionId string }
	}
	if err := xml.Unmarshal(q.body, &in); err != nil {
		return &apiError{Code: "MalformedXML", Message: err.Error(), Status: 400}
	}
	if len(in.Object) == 0 || len(in.Object) > 1000 {
		return &apiError{Code: "MalformedXML", Message: "The XML you provided was not well-formed or did not validate against our published schema", Status: 400}
	}
	deleted := list{}
	for _, o := range in.Object {
		if !q.d.keeping {
			q.bucket.remove(o.Key, o.VersionId, q.d.newVersionID(), q.d.now())
		}
		deleted = append(deleted, object{"Key": o.Key, "VersionId": opt(o.VersionId)})
	}
	if in.Quiet {
		deleted = list{}
	}
	q.answer("DeleteResult", object{"Deleted": deleted})
	return nil
}

func (v *version) etag() string {
	sum := md5.Sum(v.body) // #nosec G401 -- what S3's ETag is; nothing secret
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func (q *s3Request) putObject() *apiError {
	if q.r.Header.Get("If-None-Match") == "*" && q.bucket.latest(q.key) != nil {
		return &apiError{Code: "PreconditionFailed", Message: "At least one of the pre-conditions you specified did not hold", Status: 412}
	}
	if match := q.r.Header.Get("If-Match"); match != "" {
		latest := q.bucket.latest(q.key)
		if latest == nil {
			return &apiError{Code: "NoSuchKey", Message: "The specified key does not exist.", Status: 404}
		}
		if strings.Trim(match, `"`) != strings.Trim(latest.etag(), `"`) {
			return &apiError{Code: "PreconditionFailed", Message: "At least one of the pre-conditions you specified did not hold", Status: 412}
		}
	}
	if strings.HasPrefix(q.r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		// The SDK sends chunks over https only.
		return &apiError{Code: "NotImplemented", Message: "awsdouble does not decode aws-chunked", Status: 501}
	}
	v := &version{id: q.d.newVersionID(), body: q.body, modified: q.d.now(), header: http.Header{}}
	for name, values := range q.r.Header {
		if name == "Content-Type" || strings.HasPrefix(name, "X-Amz-Meta-") {
			v.header[name] = values
		}
	}
	q.bucket.put(q.key, v)
	q.w.Header().Set("ETag", v.etag())
	q.w.Header().Set("X-Amz-Version-Id", v.id)
	return nil
}

func (q *s3Request) getObject() *apiError {
	v := q.bucket.latest(q.key)
	if id := q.query.Get("versionId"); id != "" {
		v = nil
		for _, other := range q.bucket.objects[q.key] {
			if other.id == id && !other.marker {
				v = other
			}
		}
	}
	if v == nil {
		return &apiError{Code: "NoSuchKey", Message: "The specified key does not exist.", Status: 404}
	}
	maps.Copy(q.w.Header(), v.header)
	q.w.Header().Set("ETag", v.etag())
	q.w.Header().Set("X-Amz-Version-Id", v.id)
	q.w.Header().Set("Last-Modified", v.modified.Format(http.TimeFormat))
	if q.r.Header.Get("Range") != "" {
		http.ServeContent(q.w, q.r, "", v.modified, bytes.NewReader(v.body))
		return nil
	}
	q.w.Header().Set("Content-Length", strconv.Itoa(len(v.body)))
	if q.r.Method == "GET" {
		_, _ = q.w.Write(v.body)
	}
	return nil
}

// Objects lists the keys of what a bucket has, delete markers and all but the newest versions aside, sorted.
func (d *Double) Objects(bucketName string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.buckets[bucketName]
	if b == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(b.objects)), func(key string) bool { return b.latest(key) == nil })
}
