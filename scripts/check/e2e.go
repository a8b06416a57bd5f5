package main

import (
	"context"
	"errors"
	"io"
	"os/exec"
)

// e2eTag compiles the end-to-end tests.
const e2eTag = "e2e"

// noDocker is a Docker host that answers nobody: the product then runs tasks as processes.
const noDocker = "unix:///nonexistent/docker.sock"

func e2eSteps(r *repo) []step {
	return []step{
		{name: "the service is as its document says", group: groupE2E, run: r.asDescribed},
		{name: "the page in Chromium", group: groupE2E, run: r.page},
		{name: "end to end, tasks as processes", group: groupE2E, show: true, run: func(ctx context.Context, out io.Writer) (tally, error) {
			return r.e2e(ctx, out, "DOCKER_HOST="+noDocker, "SLIPWAY_E2E_TASKS=process")
		}},
		{name: "end to end, tasks in Docker", group: groupE2E, show: true, run: r.dockerE2E},
		{name: "the rehearsal", group: groupE2E, show: true, run: r.rehearsal},
		{name: "docker build", group: groupE2E, show: true, run: r.dockerBuild},
	}
}

// dockerE2E runs tasks as containers; their image comes of the Dockerfile where its base image is to be had.
func (r *repo) dockerE2E(ctx context.Context, out io.Writer) (tally, error) {
	if err := r.needDocker(ctx); err != nil {
		return tally{}, err
	}
	env := []string{"SLIPWAY_E2E_TASKS=docker"}
	var missing leftOut
	if err := r.needBaseImage(ctx, "Dockerfile", "./scripts/dev/base-image.sh"); err == nil {
		env = append(env, "SLIPWAY_E2E_DOCKERFILE=1")
	} else if !errors.As(err, &missing) {
		return tally{}, err
	}
	if r.needBaseImage(ctx, "docs/examples/python/Dockerfile", "./scripts/dev/python-image.sh") == nil {
		env = append(env, "SLIPWAY_E2E_PYTHON=1")
	}
	got, err := r.e2e(ctx, out, env...)
	if missing != "" {
		got.skipped = append(got.skipped, "building with the Dockerfile: "+string(missing))
	}
	return got, err
}

// e2e runs the product's scripts in a fresh copy of the repository.
func (r *repo) e2e(ctx context.Context, out io.Writer, env ...string) (tally, error) {
	if err := r.need("scripts/deploy.sh", "scripts/destroy.sh"); err != nil {
		return tally{}, err
	}
	if r.long {
		env = append(env, "SLIPWAY_E2E_LONG=1")
	}
	return r.e2eTests(ctx, out, env, "^Test(Local|Examples)$")
}

func (r *repo) e2eTests(ctx context.Context, out io.Writer, env []string, tests string) (tally, error) {
	return r.goTest(ctx, out, env, "-tags", e2eTag, "-count=1", "-timeout", "30m", "-run", tests, "./internal/e2e")
}

// rehearsal plays the rehearsal with tasks as processes: a cut of it, or the whole and, where there is Docker, again with it.
func (r *repo) rehearsal(ctx context.Context, out io.Writer) (tally, error) {
	const test = "^TestRehearsal$"
	if !r.long {
		return r.e2eTests(ctx, out, []string{"DOCKER_HOST=" + noDocker}, test)
	}
	long := []string{"SLIPWAY_E2E_LONG=1"}
	got, err := r.e2eTests(ctx, out, append(long, "DOCKER_HOST="+noDocker), test)
	if err != nil {
		return got, err
	}
	if missing := r.needDocker(ctx); missing != nil {
		got.skipped = append(got.skipped, "with tasks in Docker: "+missing.Error())
		return got, nil
	}
	again, err := r.e2eTests(ctx, out, long, test)
	again.passed += got.passed
	return again, err
}

// needDocker leaves out what needs a Docker engine where none answers.
func (r *repo) needDocker(ctx context.Context) error {
	if _, err := exec.LookPath("docker"); err != nil {
		return leftOut("there is no docker command")
	}
	if err := r.do(ctx, io.Discard, "docker", "version", "--format", "{{.Server.Version}}"); err != nil {
		return leftOut("no Docker engine answers")
	}
	return nil
}
