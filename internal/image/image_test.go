package image

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// pushRandom puts an image there, behind the back of this package.
func pushRandom(t *testing.T, r Request) string {
	t.Helper()
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(r.Repository+":"+r.Tag, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, image, r.authentication()); err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func TestDigest(t *testing.T) {
	r := request(t, startRegistry(t), "a")
	if _, found, err := Digest(t.Context(), r); found || err != nil {
		t.Errorf("in a registry without the repository: found %t, %v; want neither", found, err)
	}
	want := pushRandom(t, r)
	if got, found, err := Digest(t.Context(), r); got != want || !found || err != nil {
		t.Errorf("Digest = %s, %t, %v; want %s", got, found, err, want)
	}
	r.Tag = "b"
	if _, found, err := Digest(t.Context(), r); found || err != nil {
		t.Errorf("of another tag: found %t, %v; want neither", found, err)
	}
}

func TestDigestWithLogin(t *testing.T) {
	r := request(t, startRegistry(t, withLogin), "a")
	if _, _, err := Digest(t.Context(), r); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("without login: %v; want an error, for a tag that may be there must not look absent", err)
	}
	r.Username, r.Password = testUser, testPassword
	want := pushRandom(t, r)
	if got, found, err := Digest(t.Context(), r); got != want || !found || err != nil {
		t.Errorf("Digest = %s, %t, %v; want %s", got, found, err, want)
	}
}

func TestDigestFails(t *testing.T) {
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer broken.Close()
	r := request(t, strings.TrimPrefix(broken.URL, "http://"), "a")
	_, found, err := Digest(t.Context(), r)
	if found || err == nil || !strings.Contains(err.Error(), r.Repository+":a") {
		t.Errorf("found %t, %v; want an error that names the image", found, err)
	}
}

func TestRequestRefused(t *testing.T) {
	tests := map[string]struct {
		change func(*Request)
		want   string
	}{
		"version with a space":  {func(r *Request) { r.Version = "1 2" }, `version is "1 2"`},
		"commit with a flag":    {func(r *Request) { r.Commit = "-X" }, `commit is "-X"`},
		"no commit":             {func(r *Request) { r.Commit = "" }, `commit is ""`},
		"version with a quote":  {func(r *Request) { r.Version = `1"` }, `version is "1\""`},
		"other system":          {func(r *Request) { r.Platforms = []string{"windows/amd64"} }, `platform is "windows/amd64"`},
		"no architecture":       {func(r *Request) { r.Platforms = []string{"linux"} }, `platform is "linux"`},
		"no platform":           {func(r *Request) { r.Platforms = nil }, "no platform"},
		"bad tag":               {func(r *Request) { r.Tag = "a b" }, `tag "a b"`},
		"no tag":                {func(r *Request) { r.Tag = "" }, `tag ""`},
		"repository in capital": {func(r *Request) { r.Repository += "/Shop" }, `/Shop"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := request(t, "127.0.0.1:1", "a")
			test.change(&r)
			if _, err := r.check(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}
