package image

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const (
	testUser     = "AWS"
	testPassword = "only for this test"
)

// startRegistry returns the host of a real registry in memory, behind the given conditions.
func startRegistry(t *testing.T, conditions ...func(http.Handler) http.Handler) string {
	t.Helper()
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	for _, condition := range conditions {
		handler = condition(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// withLogin lets in only who logs in as the test user.
func withLogin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, password, ok := r.BasicAuth(); !ok || name != testUser || password != testPassword {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"log in"}]}`, http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// immutable refuses a second push to a tag in the words of ECR.
func immutable(next http.Handler) http.Handler {
	pushed := map[string]bool{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") && !strings.Contains(r.URL.Path, "sha256:") {
			if pushed[r.URL.Path] {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, `{"errors":[{"code":"TAG_INVALID","message":"The image tag 'a' already exists in the 'shop' `+
					`repository and cannot be overwritten because the tag is immutable."}]}`)
				return
			}
			pushed[r.URL.Path] = true
		}
		next.ServeHTTP(w, r)
	})
}

// request is for this repository's own service and this machine's architecture.
func request(t *testing.T, host, tag string) Request {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return Request{
		Root:       root,
		Repository: host + "/shop",
		Tag:        tag,
		Platforms:  []string{"linux/" + runtime.GOARCH},
		Version:    "1.2.3",
		Commit:     "abcdef0",
		Insecure:   true,
		Log:        t.Output(),
	}
}

// publish builds, pushes and names an image as the image stage does.
func publish(t *testing.T, build func(context.Context, Request) (*Image, error), r Request) (string, error) {
	t.Helper()
	image, err := build(t.Context(), r)
	if err != nil {
		return "", err
	}
	defer image.Close()
	if err := image.Push(t.Context()); err != nil {
		return "", err
	}
	return image.Name(t.Context())
}

func pull(t *testing.T, r Request, digest string) v1.Image {
	t.Helper()
	reference, err := name.NewDigest(r.Repository+"@"+digest, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	image, err := remote.Image(reference, r.authentication())
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func configOf(t *testing.T, image v1.Image) *v1.ConfigFile {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// file is one entry of an image.
type file struct {
	Mode     fs.FileMode
	Owner    int
	Contents string
}

// filesOf returns the files of an image by path, without folders.
func filesOf(t *testing.T, image v1.Image) map[string]file {
	t.Helper()
	content := mutate.Extract(image)
	defer content.Close()
	files := map[string]file{}
	for r := tar.NewReader(content); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		contents, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = file{header.FileInfo().Mode(), header.Uid, string(contents)}
	}
}

// tree writes files below a new folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}
