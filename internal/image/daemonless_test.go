package image

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// maxSize is what the image may weigh unpacked, in bytes.
const maxSize = 6_500_000

func TestDaemonless(t *testing.T) {
	r := request(t, startRegistry(t, withLogin), "a")
	r.Username, r.Password = testUser, testPassword
	digest, err := publish(t, Daemonless, r)
	if err != nil {
		t.Fatal(err)
	}
	if tagged, found, err := Digest(t.Context(), r); tagged != digest || !found || err != nil {
		t.Errorf("the tag's digest = %s, %t, %v; want %s", tagged, found, err, digest)
	}
	image := pull(t, r, digest)
	t.Run("is repeatable", func(t *testing.T) {
		again := r
		again.Tag = "b"
		if got, err := publish(t, Daemonless, again); got != digest || err != nil {
			t.Errorf("the second build is %s, %v; want %s", got, err, digest)
		}
	})
	t.Run("has the settings", func(t *testing.T) {
		want := v1.Config{
			User:         "65532:65532",
			ExposedPorts: map[string]struct{}{"8080/tcp": {}},
			Env:          []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
			Entrypoint:   []string{"/web"},
			WorkingDir:   "/",
			StopSignal:   "SIGTERM",
			Labels: map[string]string{
				"org.opencontainers.image.title":    "web",
				"org.opencontainers.image.version":  "1.2.3",
				"org.opencontainers.image.revision": "abcdef0",
			},
		}
		config := configOf(t, image)
		if diff := cmp.Diff(want, config.Config); diff != "" {
			t.Errorf("config (-want +got):\n%s", diff)
		}
		if config.OS != "linux" || config.Architecture != runtime.GOARCH {
			t.Errorf("platform %s/%s, want %s", config.OS, config.Architecture, r.Platforms)
		}
	})
	t.Run("is small", func(t *testing.T) {
		total := 0
		for path, file := range filesOf(t, image) {
			total += len(file.Contents)
			if file.Owner != 0 || file.Mode&0o022 != 0 {
				t.Errorf("%s: owner %d, mode %s; want root's and not for others to write", path, file.Owner, file.Mode)
			}
		}
		t.Logf("%d bytes", total)
		if total > maxSize {
			t.Errorf("%d bytes, want at most %d", total, maxSize)
		}
	})
	t.Run("runs", func(t *testing.T) { runImage(t, image) })
}

// TestDaemonlessIsRepeatable builds the same source again, elsewhere, later, and with files that nobody else may read: the
// image is the same, bit for bit.
func TestDaemonlessIsRepeatable(t *testing.T) {
	r := request(t, startRegistry(t), "a")
	first, err := publish(t, Daemonless, r)
	if err != nil {
		t.Fatal(err)
	}
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	root := filepath.Join(t.TempDir(), "another folder")
	if err := os.CopyFS(filepath.Join(root, "web"), os.DirFS(filepath.Join(r.Root, "web"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "go.sum", "Dockerfile"} {
		text, err := os.ReadFile(filepath.Join(r.Root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	<-time.After(1100 * time.Millisecond) // archives have whole seconds
	r.Root, r.Tag = root, "b"
	t.Setenv("TZ", "Pacific/Auckland")
	second, err := publish(t, Daemonless, r)
	if err != nil || second != first {
		t.Errorf("the second build is %s, %v; the first was %s", second, err, first)
	}
}

// TestDaemonlessForBothArchitectures wants an index, in which each platform has its own binary.
func TestDaemonlessForBothArchitectures(t *testing.T) {
	r := request(t, startRegistry(t), "a")
	r.Platforms = []string{"linux/amd64", "linux/arm64"}
	digest, err := publish(t, Daemonless, r)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := r.reference()
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(tag)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := index.Digest(); err != nil || got.String() != digest {
		t.Errorf("the tag names %s, %v; want the index %s", got, err, digest)
	}
	for _, test := range []struct {
		platform v1.Platform
		machine  elf.Machine
	}{{v1.Platform{OS: "linux", Architecture: "amd64"}, elf.EM_X86_64}, {v1.Platform{OS: "linux", Architecture: "arm64"}, elf.EM_AARCH64}} {
		image, err := remote.Image(tag, remote.WithPlatform(test.platform))
		if err != nil {
			t.Fatal(err)
		}
		file, err := elf.NewFile(strings.NewReader(filesOf(t, image)["web"].Contents))
		if err != nil || file.Machine != test.machine || configOf(t, image).Architecture != test.platform.Architecture {
			t.Errorf("%s: %v, a binary for %v, configured for %s", test.platform, err, file.Machine, configOf(t, image).Architecture)
		}
	}
}

// TestPushLeavesTheTagAlone: what is pushed and not named is nothing that anybody deploys.
// Another command of the repository gets an image of its own, whatever builds the service.
func TestProgram(t *testing.T) {
	r := request(t, startRegistry(t), "a")
	r.Root = tree(t, map[string]string{"go.mod": "module tiny\n\ngo 1.26.0\n", "Dockerfile": "FROM scratch\n", "scripts/asks/main.go": "package main\n\nfunc main() {}\n"})
	r.Build = Build{Command: []string{"false"}, Binary: "app"}
	build := func(ctx context.Context, r Request) (*Image, error) { return Program(ctx, r, "./scripts/asks") }
	digest, err := publish(t, build, r)
	if err != nil {
		t.Fatal(err)
	}
	image := pull(t, r, digest)
	config := configOf(t, image).Config
	if _, has := filesOf(t, image)["asks"]; !has || !slices.Equal(config.Entrypoint, []string{"/asks"}) || config.User != "65532:65532" || len(config.ExposedPorts) > 0 {
		t.Errorf("the image is of %v, runs %v as %s and listens on %v", filesOf(t, image), config.Entrypoint, config.User, config.ExposedPorts)
	}
	r.Tag = "b"
	if again, err := publish(t, build, r); again != digest || err != nil {
		t.Errorf("the second build is %s, %v; want %s", again, err, digest)
	}
	_, err = Program(t.Context(), r, "./scripts/nothing")
	if err == nil || !strings.Contains(err.Error(), "compile ./scripts/nothing for linux/") {
		t.Errorf("of a command that is not there it says %v", err)
	}
}

func TestPushLeavesTheTagAlone(t *testing.T) {
	r := request(t, startRegistry(t), "a")
	r.Root = tree(t, map[string]string{"build.sh": "echo binary >app\n"})
	r.Build = Build{[]string{"sh", "build.sh"}, "app"}
	image, err := Daemonless(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds it there
		if err := image.Push(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if digest, found, err := Digest(t.Context(), r); found || err != nil {
		t.Errorf("the tag names %s, %v, before the image was named", digest, err)
	}
	pull(t, r, image.Digest)
	if digest, err := image.Name(t.Context()); digest != image.Digest || err != nil {
		t.Errorf("Name = %s, %v; want %s", digest, err, image.Digest)
	}
	if digest, found, err := Digest(t.Context(), r); digest != image.Digest || !found || err != nil {
		t.Errorf("the tag names %s, %t, %v; want %s", digest, found, err, image.Digest)
	}
}

// runImage unpacks the service, starts it and asks it the time.
func runImage(t *testing.T, image v1.Image) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("a Linux binary runs on Linux only")
	}
	files := filesOf(t, image)
	if files["etc/ssl/certs/ca-certificates.crt"].Contents == "" {
		t.Error("no CA certificates")
	}
	if !static(t, files["web"].Contents) {
		t.Error("the binary needs a loader, which an image from scratch has not")
	}
	binary := filepath.Join(t.TempDir(), "web")
	if err := os.WriteFile(binary, []byte(files["web"].Contents), files["web"].Mode.Perm()); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = []string{"HOST=127.0.0.1", "PORT=" + port}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	var started struct{ Msg, Version, Commit string }
	if err := json.NewDecoder(out).Decode(&started); err != nil || started.Version != "1.2.3" || started.Commit != "abcdef0" {
		t.Fatalf("first log line %+v, %v; want version 1.2.3 and commit abcdef0", started, err)
	}
	response, err := http.Get("http://127.0.0.1:" + port + "/time")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(body), "Automation for the People") {
		t.Errorf("answer %q, %v", body, err)
	}
}

// static says that a Linux binary names no loader, as one that uses C libraries would.
func static(t *testing.T, binary string) bool {
	t.Helper()
	file, err := elf.NewFile(strings.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	return !slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

func TestDaemonlessTakesTheImageOfAnImmutableTag(t *testing.T) {
	r := request(t, startRegistry(t, immutable), "a")
	there := pushRandom(t, r)
	var log bytes.Buffer
	r.Log = &log
	if got, err := pushTiny(t, r); got != there || err != nil {
		t.Errorf("push = %s, %v; want the image that is there, %s", got, err, there)
	}
	if !strings.Contains(log.String(), "is there already") {
		t.Errorf("log %q does not say so", &log)
	}
}

func TestPushFails(t *testing.T) {
	r := request(t, startRegistry(t, withLogin), "a")
	if _, err := pushTiny(t, r); err == nil || !strings.Contains(err.Error(), "push "+r.Repository+"@sha256:") {
		t.Errorf("error %v, want one that names the image", err)
	}
}

// pushTiny pushes an image whose binary is a few bytes.
func pushTiny(t *testing.T, r Request) (string, error) {
	t.Helper()
	checked, err := r.check()
	if err != nil {
		t.Fatal(err)
	}
	image, err := assemble(checked, checked.platforms[0], []byte("binary"), []byte("certificates"))
	if err != nil {
		t.Fatal(err)
	}
	return publish(t, func(context.Context, Request) (*Image, error) { return join(checked, []v1.Image{image}, func() {}) }, r)
}

func TestLayerDependsOnContentsOnly(t *testing.T) {
	first, err := layer(binaryPath, []byte("binary"), []byte("certificates"))
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(1100 * time.Millisecond) // a tar has whole seconds
	second, err := layer(binaryPath, []byte("binary"), []byte("certificates"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the same contents made two layers")
	}
}

func TestSourcesThatCannotBeBuilt(t *testing.T) {
	module := "module shop\n\ngo 1.26.0\n"
	tests := map[string]struct {
		files map[string]string
		want  string
	}{
		"no web":           {map[string]string{"go.mod": module}, "has no Go command in ./web"},
		"no module":        {map[string]string{"web/main.go": "package main\nfunc main() {}\n"}, "has no Go command in ./web"},
		"another language": {map[string]string{"go.mod": module, "web/app.py": "print()"}, "has no Go command in ./web"},
		"a library":        {map[string]string{"go.mod": module, "web/web.go": "package web\n"}, "it is package web"},
		"does not compile": {map[string]string{"go.mod": module, "web/main.go": "package main\nfunc main() { missing() }\n"}, "undefined: missing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request(t, "127.0.0.1:1", "a")
			r.Root = tree(t, test.files)
			if _, err := Daemonless(t.Context(), r); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

// TestBuildCommand makes the image of a service that is not in ./web.
func TestBuildCommand(t *testing.T) {
	root := tree(t, map[string]string{
		"Dockerfile": "FROM python\nCMD [\"python3\", \"/app.py\"]\n",
		"build.sh":   "mkdir -p out && echo \"$TARGETOS $TARGETARCH $VERSION $COMMIT\" >out/shop && echo built\n",
	})
	registry := startRegistry(t)
	tests := map[string]struct {
		build Build
		want  string // in the error; empty for success
	}{
		"works":          {Build{[]string{"sh", "build.sh"}, "out/shop"}, ""},
		"fails":          {Build{[]string{"sh", "-c", "echo no such thing; exit 3"}, "out/shop"}, "no such thing"},
		"is not there":   {Build{[]string{"no-such-program"}, "out/shop"}, "service.build.command of slipway.yaml (no-such-program)"},
		"leaves nothing": {Build{[]string{"true"}, "out/shop"}, "left no file that service.build.binary names"},
		"is not given":   {Build{}, "is one of your own (it lacks \"-o /web ./web\"), and it takes Docker to build it: start a Docker engine, or say in slipway.yaml, under service.build"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := request(t, registry, "a")
			r.Root, r.Build = root, test.build
			digest, err := publish(t, Daemonless, r)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want one with %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			image := pull(t, r, digest)
			shop := filesOf(t, image)["shop"]
			if want := "linux " + runtime.GOARCH + " 1.2.3 abcdef0\n"; shop.Contents != want || shop.Mode.Perm() != 0o755 {
				t.Errorf("the image has %+v, want %q", shop, want)
			}
			config := configOf(t, image).Config
			if !slices.Equal(config.Entrypoint, []string{"/shop"}) || config.Labels["org.opencontainers.image.title"] != "shop" {
				t.Errorf("entry point %v, labels %v", config.Entrypoint, config.Labels)
			}
		})
	}
}

func TestCertificates(t *testing.T) {
	root := tree(t, map[string]string{"second.pem": "certificates"})
	missing, there := filepath.Join(root, "first.pem"), filepath.Join(root, "second.pem")
	var log bytes.Buffer
	if got, err := readCertificates([]string{missing, there}, &log); string(got) != "certificates" || err != nil || log.Len() > 0 {
		t.Errorf("readCertificates = %q, %v, log %q", got, err, &log)
	}
	if got, err := readCertificates([]string{missing}, &log); got != nil || err != nil || !strings.Contains(log.String(), missing) {
		t.Errorf("where there are none: %q, %v, log %q; want a note that names the places", got, err, &log)
	}
	if _, err := readCertificates([]string{root}, &log); err == nil {
		t.Error("a folder was read as certificates")
	}
	if content, err := layer(binaryPath, []byte("binary"), nil); err != nil || strings.Contains(string(content), "etc/") {
		t.Errorf("the layer without certificates has a place for them, or %v", err)
	}
}
