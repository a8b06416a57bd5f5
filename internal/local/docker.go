package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	dockerPatience = 5 * time.Second

	// containerLabel has the engine's token as its value on every container of an engine.
	containerLabel = "slipway.engine"
)

type dockerRuntime struct {
	name string // RuntimeProcess or RuntimeDocker
	host string // the daemon's address, as in DOCKER_HOST; empty without Docker
}

// chooseRuntime takes Docker where a daemon answers, unless one of the two is asked for.
func chooseRuntime(ctx context.Context, asked string) (dockerRuntime, error) {
	// The daemon of Docker Desktop runs in a virtual machine, from which the engine's registry cannot be reached.
	if asked == RuntimeProcess || asked == "" && runtime.GOOS != "linux" {
		return dockerRuntime{name: RuntimeProcess}, nil
	}
	host, err := dockerHost(ctx)
	switch {
	case err == nil:
		return dockerRuntime{name: RuntimeDocker, host: host}, nil
	case asked == RuntimeDocker:
		return dockerRuntime{}, fmt.Errorf("run tasks in Docker: %w", err)
	default:
		return dockerRuntime{name: RuntimeProcess}, nil
	}
}

// dockerHost returns the address of the daemon that the docker command uses, if it answers.
func dockerHost(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, dockerPatience)
	defer cancel()
	if _, err := docker(ctx, "version", "--format", "{{.Server.Version}}"); err != nil {
		return "", err
	}
	return docker(ctx, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
}

// removeContainers removes every container of the engine of that record, and the names by which the daemon knows the
// images of its registry.
func removeContainers(ctx context.Context, rec *record) error {
	ids, err := docker(ctx, "ps", "--all", "--quiet", "--filter", "label="+containerLabel+"="+rec.Token)
	if err == nil && ids != "" {
		_, err = docker(ctx, append([]string{"rm", "--force", "--volumes"}, strings.Fields(ids)...)...)
	}
	if err != nil {
		return fmt.Errorf("remove the local engine's containers (label %s=%s): %w", containerLabel, rec.Token, err)
	}
	registry := strings.TrimPrefix(rec.Endpoint, "http://")
	lines, err := docker(ctx, "image", "ls", "--digests", "--filter", "reference="+registry+"/*", "--format", "{{.Repository}} {{.Tag}} {{.Digest}}")
	if names := imageNames(lines); err == nil && len(names) > 0 {
		_, err = docker(ctx, append([]string{"image", "rm", "--force"}, names...)...)
	}
	if err != nil {
		return fmt.Errorf("remove the images of the local engine's registry %s from Docker: %w", registry, err)
	}
	return nil
}

// imageNames reads lines of repository, tag and digest, of which one of the two is <none> where there is no such name.
func imageNames(lines string) []string {
	var names []string
	for line := range strings.Lines(lines) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		if fields[1] != "<none>" {
			names = append(names, fields[0]+":"+fields[1])
		}
		if fields[2] != "<none>" {
			names = append(names, fields[0]+"@"+fields[2])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func docker(ctx context.Context, args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", errors.Join(fmt.Errorf("docker %s: %w", args[0], err), errorText(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

func errorText(text string) error {
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	return errors.New(text)
}
