package image

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// dockerAnswer is how long a Docker daemon may take to say that it is there.
const dockerAnswer = 5 * time.Second

// DockerAvailable returns nil where a Docker daemon answers and the client can build with BuildKit, and else an error
// that says what is missing.
func DockerAvailable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, dockerAnswer)
	defer cancel()
	version := docker(ctx, "version", "--format", "{{.Server.Version}}")
	if _, err := output(version); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("no answer within %s", dockerAnswer)
		}
		return fmt.Errorf("no Docker engine: %w", err)
	}
	if _, err := output(docker(ctx, "build", "--help")); err != nil {
		return fmt.Errorf("docker cannot build: %w", err)
	}
	return nil
}

// WithDocker builds the image from the Dockerfile, once for each platform, and takes it out of Docker's store again: the
// layers stay in its build cache. Where the base image could not be pulled, the error is ErrBaseImage.
func WithDocker(ctx context.Context, r Request) (*Image, error) {
	t, err := r.check()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "slipway-docker-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the image: %w", err)
	}
	closing := func() { _ = os.RemoveAll(dir) }
	var images []v1.Image
	for _, platform := range t.platforms {
		image, err := dockerBuild(ctx, t, platform, filepath.Join(dir, platform.Architecture+".tar"))
		if err != nil {
			closing()
			return nil, err
		}
		images = append(images, image)
	}
	return join(t, images, closing)
}

// dockerBuild builds for one platform and saves the image to a file, which is what is then pushed.
func dockerBuild(ctx context.Context, t target, platform v1.Platform, file string) (v1.Image, error) {
	local := t.tag.String() + "-" + platform.Architecture
	arguments := []string{
		"build", "--progress=plain", "--platform", platform.String(), "--tag", local,
		"--build-arg", "VERSION=" + t.Version, "--build-arg", "COMMIT=" + t.Commit, "--build-arg", "GOPROXY",
	}
	// Newer clients add a provenance statement, with which the same build has another digest each time.
	if help, err := output(docker(ctx, "build", "--help")); err == nil && strings.Contains(help, "--provenance") {
		arguments = append(arguments, "--provenance=false")
	}
	if err := runLogged(docker(ctx, append(arguments, t.Root)...), t.Log); err != nil {
		return nil, explain(err, platform, len(t.platforms) > 1)
	}
	defer removeName(context.WithoutCancel(ctx), t, local)
	if _, err := output(docker(ctx, "save", "--output", file, local)); err != nil {
		return nil, fmt.Errorf("save the image that docker built: %w", err)
	}
	image, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		return nil, fmt.Errorf("read the image that docker saved: %w", err)
	}
	return image, nil
}

// explain tells a base image that cannot be pulled, and a step that needs the other processor, from other failures.
func explain(err error, platform v1.Platform, several bool) error {
	if base := unpulled(err.Error()); base != "" {
		return fmt.Errorf("build image with docker: %w: %s: %w", ErrBaseImage, base, err)
	}
	if several && strings.Contains(err.Error(), "exec format error") {
		return fmt.Errorf("build image with docker for %s: a step of the Dockerfile runs a program of that platform, which this machine cannot: "+
			"let the steps run on $BUILDPLATFORM and compile for $TARGETARCH, as the Dockerfile of slipway does, install emulation (binfmt), "+
			"or take service.bothArchitectures out of slipway.yaml: %w", platform.String(), err)
	}
	return fmt.Errorf("build image with docker for %s: %w", platform.String(), err)
}

// failedBase is how BuildKit's summary of a failed build names a step that needed a base image.
var failedBase = regexp.MustCompile(`(?m)^ > \[(?:internal\] load metadata for|[^\]\n]*\] FROM) (\S+?):?$`)

// unpulled returns the base image that a build failed on, or nothing.
func unpulled(text string) string {
	if match := failedBase.FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return ""
}

func removeName(ctx context.Context, t target, name string) {
	if _, err := output(docker(ctx, "image", "rm", name)); err != nil {
		fmt.Fprintf(t.Log, "%s stays in Docker's store: %v\n", name, err)
	}
}

// docker is a command with BuildKit on, which clients before 23 need to be told.
func docker(ctx context.Context, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "docker", arguments...)
	cmd.Env = append(cmd.Environ(), "DOCKER_BUILDKIT=1")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}
