package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// What the Dockerfile says too; a test compares the two.
const (
	binaryPath       = "web"
	certificatesPath = "etc/ssl/certs/ca-certificates.crt"
	user             = "65532:65532"
	port             = "8080/tcp"
	stopSignal       = "SIGTERM"
	searchPath       = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// BuildTags are those that the service in ./web is compiled with.
const BuildTags = "nethttpomithttp2"

// systemCertificates is where systems keep their CA certificates in one file: Debian and Alpine, Fedora and Amazon
// Linux, openSUSE, macOS.
func systemCertificates() []string {
	return []string{
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem",
		"/etc/ssl/cert.pem",
	}
}

// Daemonless compiles ./web with this machine's Go and lays it into an image of one layer. It makes the same image as the
// committed Dockerfile, and the same digest whenever the sources, the compiler and the CA certificates are the same. For
// another service it runs the request's build command instead; without one, a Dockerfile that does not build ./web is
// refused.
func Daemonless(ctx context.Context, r Request) (*Image, error) {
	t, err := r.check()
	if err != nil {
		return nil, err
	}
	build := compileWeb
	if len(t.Build.Command) > 0 {
		build = runBuild
	}
	return makeDaemonless(ctx, t, build)
}

// Program compiles a command of this repository other than the service (its package, such as ./scripts/visitor) and lays it into an
// image of its own, in the same way. No Dockerfile and no build command plays a part in it.
func Program(ctx context.Context, r Request, command string) (*Image, error) {
	r.Build = Build{}
	t, err := r.check()
	if err != nil {
		return nil, err
	}
	t.program = path.Base(command)
	return makeDaemonless(ctx, t, func(ctx context.Context, t target, platform v1.Platform) ([]byte, error) {
		return compile(ctx, t, platform, command, "-s -w")
	})
}

// makeDaemonless lays what a build leaves for each platform into images.
func makeDaemonless(ctx context.Context, t target, build func(context.Context, target, v1.Platform) ([]byte, error)) (*Image, error) {
	certificates, err := readCertificates(systemCertificates(), t.Log)
	if err != nil {
		return nil, err
	}
	var images []v1.Image
	for _, platform := range t.platforms {
		binary, err := build(ctx, t, platform)
		if err != nil {
			return nil, err
		}
		image, err := assemble(t, platform, binary, certificates)
		if err != nil {
			return nil, fmt.Errorf("assemble image: %w", err)
		}
		images = append(images, image)
	}
	return join(t, images, func() {})
}

// compileWeb builds ./web as the Dockerfile does.
func compileWeb(ctx context.Context, t target, platform v1.Platform) ([]byte, error) {
	if err := checkSources(ctx, t.Root); err != nil {
		return nil, err
	}
	return compile(ctx, t, platform, "./web", fmt.Sprintf("-s -w -X main.version=%s -X main.commit=%s", t.Version, t.Commit), "-tags", BuildTags)
}

// compile builds a command with the caches and the proxy of this process's environment.
func compile(ctx context.Context, t target, platform v1.Platform, command, ldflags string, flags ...string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "slipway-image-")
	if err != nil {
		return nil, fmt.Errorf("make a folder to compile into: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "program")
	arguments := append([]string{"build", "-buildvcs=false", "-trimpath"}, flags...)
	build := exec.CommandContext(ctx, "go", append(arguments, "-ldflags", ldflags, "-o", file, command)...)
	build.Dir = t.Root
	build.Env = append(build.Environ(), "CGO_ENABLED=0", "GOOS="+platform.OS, "GOARCH="+platform.Architecture)
	if err := runLogged(build, t.Log); err != nil {
		return nil, fmt.Errorf("compile %s for %s: %w", command, platform.String(), err)
	}
	return os.ReadFile(file)
}

// runBuild runs the build command with what the Dockerfile gets as arguments, and reads what it leaves.
func runBuild(ctx context.Context, t target, platform v1.Platform) ([]byte, error) {
	file := filepath.Join(t.Root, filepath.FromSlash(t.Build.Binary))
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove what an earlier build left: %w", err) // or a build that does nothing would go unseen
	}
	build := exec.CommandContext(ctx, t.Build.Command[0], t.Build.Command[1:]...)
	build.Dir = t.Root
	build.Env = append(build.Environ(), "TARGETOS="+platform.OS, "TARGETARCH="+platform.Architecture, "VERSION="+t.Version, "COMMIT="+t.Commit)
	if err := runLogged(build, t.Log); err != nil {
		return nil, fmt.Errorf("run service.build.command of slipway.yaml (%s): %w", strings.Join(t.Build.Command, " "), err)
	}
	binary, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("service.build.command of slipway.yaml (%s) left no file that service.build.binary names: %w", strings.Join(t.Build.Command, " "), err)
	}
	return binary, nil
}

// buildsWeb are the lines by which a Dockerfile makes the image that Daemonless makes; all else in it may be changed.
var buildsWeb = []string{"-o /web ./web", `ENTRYPOINT ["/web"]`}

// checkDockerfile refuses one of somebody's own, which would otherwise be passed over in silence.
func checkDockerfile(root string) error {
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // and so none of somebody's own
	}
	if err != nil {
		return fmt.Errorf("read the Dockerfile: %w", err)
	}
	for _, line := range buildsWeb {
		if !strings.Contains(string(text), line) {
			return fmt.Errorf("the Dockerfile is one of your own (it lacks %q), and it takes Docker to build it: start a Docker engine, "+
				"or say in slipway.yaml, under service.build, which command builds the service here and which binary it leaves", line)
		}
	}
	return nil
}

// checkSources says what is missing where the working tree is not one that can be built without its Dockerfile.
func checkSources(ctx context.Context, root string) error {
	if err := checkDockerfile(root); err != nil {
		return err
	}
	list := exec.CommandContext(ctx, "go", "list", "-f", "{{.Name}}", "./web")
	list.Dir = root
	out, err := list.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return fmt.Errorf("%s has no Go command in ./web, and without Docker only that can be built, unless slipway.yaml says under service.build how: %s", root, bytes.TrimSpace(exit.Stderr))
	}
	if err != nil {
		return fmt.Errorf("run go in %s: %w", root, err)
	}
	if found := strings.TrimSpace(string(out)); found != "main" {
		return fmt.Errorf("%s has no Go command in ./web (it is package %s), and without Docker only that can be built", root, found)
	}
	return nil
}

// readCertificates returns the first of the files that there is; nil, with a note, where there is none.
func readCertificates(paths []string, log io.Writer) ([]byte, error) {
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read CA certificates: %w", err)
		}
		return text, nil
	}
	fmt.Fprintf(log, "no CA certificates in %s: the image has none, and the service cannot ask others over https\n", strings.Join(paths, ", "))
	return nil, nil
}

func assemble(t target, platform v1.Platform, binary, certificates []byte) (v1.Image, error) {
	content, err := layer(t.binary(), binary, certificates)
	if err != nil {
		return nil, err
	}
	compressed, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{
		Layer:   compressed,
		History: v1.History{CreatedBy: "slipway, without Docker", Created: v1.Time{Time: time.Unix(0, 0).UTC()}},
	})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
	config.OS, config.Architecture = platform.OS, platform.Architecture
	config.Config = settings(t)
	return mutate.ConfigFile(image, config)
}

// binary is the program's file in the image, from its root.
func (t target) binary() string {
	if t.program != "" {
		return t.program
	}
	if len(t.Build.Command) > 0 {
		return path.Base(t.Build.Binary)
	}
	return binaryPath
}

// settings is the end of the Dockerfile.
func settings(t target) v1.Config {
	ports := map[string]struct{}{port: {}}
	if t.program != "" {
		ports = nil // the service alone is listened to
	}
	return v1.Config{
		User:         user,
		ExposedPorts: ports,
		Env:          []string{searchPath},
		Entrypoint:   []string{"/" + t.binary()},
		WorkingDir:   "/",
		StopSignal:   stopSignal,
		Labels: map[string]string{
			"org.opencontainers.image.title":    t.binary(),
			"org.opencontainers.image.version":  t.Version,
			"org.opencontainers.image.revision": t.Commit,
		},
	}
}

// layer is a tar in which only the contents can differ: owner, times and order are fixed.
func layer(path string, binary, certificates []byte) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if certificates != nil {
		for _, dir := range []string{"etc/", "etc/ssl/", "etc/ssl/certs/"} {
			if err := add(w, &tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755}, nil); err != nil {
				return nil, err
			}
		}
		if err := add(w, &tar.Header{Typeflag: tar.TypeReg, Name: certificatesPath, Mode: 0o644}, certificates); err != nil {
			return nil, err
		}
	}
	if err := add(w, &tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0o755}, binary); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func add(w *tar.Writer, header *tar.Header, content []byte) error {
	header.Size = int64(len(content))
	header.ModTime = time.Unix(0, 0)
	header.Format = tar.FormatUSTAR
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}
