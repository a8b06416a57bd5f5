package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
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

// WithDocker builds the image from the Dockerfile and pushes it. Where the base image could not be pulled, the error is
// ErrBaseImage. A login is written to a folder of its own, removed afterwards, and never to the user's configuration.
// The image's name is taken from Docker's store again; the layers stay in its build cache. It returns the digest
// ("sha256:...") as the registry says it.
func WithDocker(ctx context.Context, r Request) (string, error) {
	t, err := r.check()
	if err != nil {
		return "", err
	}
	if err := dockerBuild(ctx, t); err != nil {
		return "", err
	}
	defer removeName(context.WithoutCancel(ctx), t)
	return dockerPush(ctx, t)
}

func dockerBuild(ctx context.Context, t target) error {
	arguments := []string{
		"build", "--progress=plain", "--platform", t.platform.String(), "--tag", t.tag.String(),
		"--build-arg", "VERSION=" + t.Version, "--build-arg", "COMMIT=" + t.Commit, "--build-arg", "GOPROXY",
	}
	// Newer clients add a provenance statement, with which the same build has another digest each time.
	if help, err := output(docker(ctx, "build", "--help")); err == nil && strings.Contains(help, "--provenance") {
		arguments = append(arguments, "--provenance=false")
	}
	err := runLogged(docker(ctx, append(arguments, t.Root)...), t.Log)
	if err == nil {
		return nil
	}
	if base := unpulled(err.Error()); base != "" {
		return fmt.Errorf("build image with docker: %w: %s: %w", ErrBaseImage, base, err)
	}
	return fmt.Errorf("build image with docker: %w", err)
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

func dockerPush(ctx context.Context, t target) (string, error) {
	environment, logout, err := login(ctx, t)
	if err != nil {
		return "", err
	}
	defer logout()
	cmd := docker(ctx, "push", t.tag.String())
	cmd.Env = append(cmd.Env, environment...)
	if err := runLogged(cmd, t.Log); err != nil {
		return existing(ctx, t, saysImmutable(err.Error()), fmt.Errorf("push %s with docker: %w", t.tag, err))
	}
	digest, found, err := Digest(ctx, t.Request)
	if err == nil && !found {
		err = errors.New("the registry has no such tag")
	}
	if err != nil {
		return "", fmt.Errorf("read the digest of %s after pushing it: %w", t.tag, err)
	}
	return digest, nil
}

// login returns what a docker command needs in its environment to be logged in, and the function that ends that.
func login(ctx context.Context, t target) (environment []string, logout func(), err error) {
	if t.Username == "" {
		return nil, func() {}, nil
	}
	// The daemon's address may stand in the user's configuration, which is not read any more below.
	host, err := output(docker(ctx, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"))
	if err != nil {
		return nil, nil, fmt.Errorf("ask docker where its engine is: %w", err)
	}
	dir, err := os.MkdirTemp("", "slipway-docker-")
	if err != nil {
		return nil, nil, fmt.Errorf("make a folder for the docker login: %w", err)
	}
	environment = []string{"DOCKER_CONFIG=" + dir, "DOCKER_HOST=" + host}
	logout = func() { _ = os.RemoveAll(dir) }
	cmd := docker(ctx, "login", "--username", t.Username, "--password-stdin", t.tag.RegistryStr())
	cmd.Env = append(cmd.Env, environment...)
	cmd.Stdin = strings.NewReader(t.Password)
	if _, err := output(cmd); err != nil {
		logout()
		return nil, nil, fmt.Errorf("log docker in to %s as %s: %w", t.tag.RegistryStr(), t.Username, err)
	}
	return environment, logout, nil
}

func removeName(ctx context.Context, t target) {
	if _, err := output(docker(ctx, "image", "rm", t.tag.String())); err != nil {
		fmt.Fprintf(t.Log, "%s stays in Docker's store: %v\n", t.tag, err)
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
