package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	checkImage    = "slipway-check" // what dockerBuild builds; removed afterwards
	answerLimit   = 15 * time.Second
	answerTick    = 50 * time.Millisecond
	maxImageBytes = 6_500_000
)

// dockerBuild builds the Dockerfile as it is, runs the image as a task would, and asks it for the time.
func (r *repo) dockerBuild(ctx context.Context, out io.Writer) (tally, error) {
	if err := r.need("Dockerfile"); err != nil {
		return tally{}, err
	}
	if err := r.needDocker(ctx); err != nil {
		return tally{}, err
	}
	if err := r.needBaseImage(ctx, "Dockerfile", "./scripts/dev/base-image.sh"); err != nil {
		return tally{}, err
	}
	proxy, err := r.output(ctx, "go", "env", "GOPROXY")
	if err != nil {
		return tally{}, err
	}
	var log strings.Builder
	build := r.command(ctx, &log, "docker", "build", "--network", "host", "--build-arg", "GOPROXY="+strings.TrimSpace(proxy), "--tag", checkImage, ".")
	build.Env = append(build.Environ(), "DOCKER_BUILDKIT=1")
	if err := build.Run(); err != nil {
		if strings.Contains(log.String(), "buildx component is missing") {
			return tally{}, leftOut("this docker command cannot build with BuildKit: its buildx component is missing")
		}
		fmt.Fprint(out, log.String())
		return tally{}, fmt.Errorf("docker build: %w", err)
	}
	defer func() {
		_ = r.do(context.WithoutCancel(ctx), io.Discard, "docker", "image", "rm", "--force", checkImage)
	}()
	return tally{}, r.tryImage(ctx, out)
}

// needBaseImage wants what a Dockerfile builds from, which a machine without a way to its registry lacks; a script builds
// something in its stead.
func (r *repo) needBaseImage(ctx context.Context, dockerfile, script string) error {
	base, err := baseImage(r.path(dockerfile))
	if err != nil {
		return err
	}
	if r.do(ctx, io.Discard, "docker", "image", "inspect", base) == nil || r.do(ctx, io.Discard, "docker", "pull", base) == nil {
		return nil
	}
	return leftOut(base + " cannot be pulled; " + script + " builds a stand-in")
}

// baseImage is the image of the first stage.
func baseImage(dockerfile string) (string, error) {
	f, err := os.Open(dockerfile)
	if err != nil {
		return "", fmt.Errorf("read the Dockerfile: %w", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 2 || words[0] != "FROM" {
			continue
		}
		words = slices.DeleteFunc(words[1:], func(word string) bool { return strings.HasPrefix(word, "--") })
		return words[0], nil
	}
	return "", errors.New("the Dockerfile has no FROM")
}

// tryImage runs the image read-only and without capabilities, and reports its size.
func (r *repo) tryImage(ctx context.Context, out io.Writer) error {
	size, err := r.output(ctx, "docker", "image", "inspect", "--format", "{{.Size}}", checkImage)
	if err != nil {
		return err
	}
	var bytes int
	if _, err := fmt.Sscan(size, &bytes); err != nil {
		return fmt.Errorf("read the image's size %q: %w", size, err)
	}
	fmt.Fprintf(out, "image: %.2f MB\n", float64(bytes)/1e6)
	if bytes > maxImageBytes {
		return fmt.Errorf("the image has %d bytes, more than %d", bytes, maxImageBytes)
	}
	id, err := r.output(ctx, "docker", "run", "--detach", "--read-only", "--cap-drop", "ALL", "--publish", "127.0.0.1::8080", checkImage)
	if err != nil {
		return err
	}
	id = strings.TrimSpace(id)
	defer func() { _ = r.do(context.WithoutCancel(ctx), io.Discard, "docker", "rm", "--force", id) }()
	address, err := r.output(ctx, "docker", "port", id, "8080/tcp")
	if err != nil {
		return err
	}
	return askTime(ctx, "http://"+strings.TrimSpace(address)+"/time")
}

// askTime waits until the container answers, and wants the two members of the service's answer.
func askTime(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	for {
		err := askTimeOnce(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the container does not answer: %w", err)
		case <-time.After(answerTick):
		}
	}
}

func askTimeOnce(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct {
		Message   string
		Timestamp int64
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("GET %s: status %d: %w", url, response.StatusCode, err)
	}
	if answer.Message != "Automation for the People" || answer.Timestamp < 1 {
		return fmt.Errorf("GET %s: unexpected answer %+v", url, answer)
	}
	return nil
}
