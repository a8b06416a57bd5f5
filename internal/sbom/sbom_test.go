package sbom

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// imageOf is an image of one layer with these files, executable where they begin like a program.
func imageOf(t *testing.T, files map[string]string) v1.Image {
	t.Helper()
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	for name, text := range files {
		mode := int64(0o644)
		if strings.HasPrefix(text, "\x7fELF") || strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestReadLists(t *testing.T) {
	found, err := Read(imageOf(t, map[string]string{
		"lib/apk/db/installed":       "C:Q1abc\nP:musl\nV:1.2.5-r9\nA:x86_64\n\nP:zlib\nV:1.3.1-r2\nF:lib\n",
		"var/lib/dpkg/status":        "Package: libc6\nStatus: install ok installed\nVersion: 2.36-9+deb12u4\nDescription: C\n .\n Name: no\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n",
		"var/lib/dpkg/status.d/base": "Package: base-files\nVersion: 12\n",
		"usr/lib/python3/site-packages/Flask_Login-0.6.dist-info/METADATA": "Metadata-Version: 2.1\nName: Flask_Login\nVersion: 0.6\n\nName: not this\n",
		"app/node_modules/@scope/pkg/package.json":                         `{"name":"@scope/pkg","version":"1.0.0"}`,
		"app/node_modules/pkg/lib/package.json":                            `{"type":"module"}`,
		"app/package.json":                                                 `{"name":"app","version":"9"}`,
		"var/lib/rpm/rpmdb.sqlite":                                         "SQLite",
		"bin/run":                                                          "#!/bin/sh\n",
		"bin/c":                                                            "\x7fELF and no Go",
	}), "linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	want := []Package{
		{"apk", "alpine/musl", "1.2.5-r9", "lib/apk/db/installed"},
		{"apk", "alpine/zlib", "1.3.1-r2", "lib/apk/db/installed"},
		{"deb", "debian/base-files", "12", "var/lib/dpkg/status.d/base"},
		{"deb", "debian/libc6", "2.36-9+deb12u4", "var/lib/dpkg/status"},
		{"npm", "@scope/pkg", "1.0.0", "app/node_modules/@scope/pkg/package.json"},
		{"pypi", "flask-login", "0.6", "usr/lib/python3/site-packages/Flask_Login-0.6.dist-info/METADATA"},
	}
	if diff := cmp.Diff(want, found.Packages); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"var/lib/rpm/rpmdb.sqlite"}, found.Blind); diff != "" || len(found.Binaries) > 0 {
		t.Errorf("blind (-want +got):\n%s\n%d binaries, want none", diff, len(found.Binaries))
	}
}

// The service itself is a Go binary with dependencies.
func TestReadGoBinary(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web")
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-s -w", "-o", file, "slipway/web")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	binary, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found, err := Read(imageOf(t, map[string]string{"web": string(binary)}), "linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Binaries) != 1 || found.Binaries[0].Path != "web" || !bytes.Equal(found.Binaries[0].Content, binary) {
		t.Fatalf("%d binaries, want this one", len(found.Binaries))
	}
	want := []Package{{"golang", "github.com/gorilla/mux", "v1.8.1", "web"}, {"golang", "stdlib", strings.TrimPrefix(runtime.Version(), "go"), "web"}}
	if diff := cmp.Diff(want, found.Packages); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWrite(t *testing.T) {
	about := About{Name: "shop", Digest: "sha256:" + strings.Repeat("ab", 32), Version: "0123", Commit: "abc"}
	images := []Image{{Platform: "linux/arm64", Digest: about.Digest, Packages: []Package{
		{"golang", "github.com/gorilla/mux", "v1.8.1", "web"}, {"deb", "debian/libc6", "1:2.36+9", "var/lib/dpkg/status"}, {"npm", "@scope/pkg", "1.0.0", "x"},
	}, Blind: []string{"var/lib/rpm/rpmdb.sqlite"}}}
	var first, second bytes.Buffer
	for _, w := range []io.Writer{&first, &second} {
		if err := Write(w, about, images); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two bills of one image differ")
	}
	var got struct {
		BOMFormat, SpecVersion string
		Metadata               struct {
			Component struct {
				Type, Name, Version string
				Hashes              []struct{ Alg, Content string }
			}
		}
		Components   []struct{ Name, Version, Purl string }
		Compositions []struct{ Aggregate string }
	}
	if err := json.Unmarshal(first.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	component := got.Metadata.Component
	if got.BOMFormat != "CycloneDX" || got.SpecVersion != "1.6" || component.Version != about.Digest || component.Hashes[0].Content != strings.Repeat("ab", 32) {
		t.Errorf("%+v does not name the image", got)
	}
	var urls []string
	for _, c := range got.Components {
		urls = append(urls, c.Purl)
	}
	if diff := cmp.Diff([]string{"pkg:golang/github.com/gorilla/mux@v1.8.1", "pkg:deb/debian/libc6@1%3A2.36%2B9", "pkg:npm/%40scope/pkg@1.0.0"}, urls); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(got.Compositions) != 1 || got.Compositions[0].Aggregate != "incomplete" {
		t.Errorf("compositions %v, want that it is incomplete", got.Compositions)
	}
}
