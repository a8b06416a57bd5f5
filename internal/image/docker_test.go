package image

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWithDocker builds the Dockerfile for real and compares what comes out with what is made without Docker.
func TestWithDocker(t *testing.T) {
	if err := DockerAvailable(t.Context()); err != nil {
		t.Skip(err)
	}
	r := request(t, startRegistry(t, withLogin), "docker")
	r.Username, r.Password = testUser, testPassword
	digest, err := publish(t, WithDocker, r)
	if errors.Is(err, ErrBaseImage) {
		t.Skipf("%v\nscripts/dev/base-image.sh makes a stand-in from what this machine has", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.Tag = "daemonless"
	other, err := publish(t, Daemonless, r)
	if err != nil {
		t.Fatal(err)
	}
	withDocker, without := pull(t, r, digest), pull(t, r, other)
	got, want := configOf(t, withDocker), configOf(t, without)
	if diff := cmp.Diff(want.Config, got.Config); diff != "" {
		t.Errorf("config (-without Docker +with):\n%s", diff)
	}
	if got.OS != want.OS || got.Architecture != want.Architecture {
		t.Errorf("platform %s/%s, without Docker %s/%s", got.OS, got.Architecture, want.OS, want.Architecture)
	}
	if diff := cmp.Diff(modes(filesOf(t, without)), modes(filesOf(t, withDocker))); diff != "" {
		t.Errorf("files (-without Docker +with):\n%s", diff)
	}
	runImage(t, withDocker)
	if names, err := output(docker(t.Context(), "image", "ls", "--quiet", r.Repository)); names != "" || err != nil {
		t.Errorf("images left under the pushed name: %q, %v", names, err)
	}
}

func modes(files map[string]file) map[string]string {
	found := map[string]string{}
	for path, file := range files {
		found[path] = file.Mode.String()
	}
	return found
}

func TestWithDockerTakesTheImageOfAnImmutableTag(t *testing.T) {
	if err := DockerAvailable(t.Context()); err != nil {
		t.Skip(err)
	}
	r := request(t, startRegistry(t, immutable), "a")
	r.Root = tree(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
	there := pushRandom(t, r)
	if got, err := publish(t, WithDocker, r); got != there || err != nil {
		t.Errorf("WithDocker = %s, %v; want the image that is there, %s", got, err, there)
	}
}

func TestWithDockerForBothArchitectures(t *testing.T) {
	if err := DockerAvailable(t.Context()); err != nil {
		t.Skip(err)
	}
	r := request(t, startRegistry(t), "a")
	r.Root = tree(t, map[string]string{"Dockerfile": "FROM scratch\nARG TARGETARCH\nLABEL for=$TARGETARCH\nCOPY Dockerfile /\n"})
	r.Platforms = []string{"linux/amd64", "linux/arm64"}
	image, err := WithDocker(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	if err := image.Push(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, architecture := range []string{"amd64", "arm64"} {
		part := pull(t, r, image.Parts[i].Digest)
		if config := configOf(t, part); config.Architecture != architecture || config.Config.Labels["for"] != architecture {
			t.Errorf("part %d is for %s, labelled %v; want %s", i, config.Architecture, config.Config.Labels, architecture)
		}
	}
	if digest, err := image.Name(t.Context()); err != nil || digest != image.Digest || digest == image.Parts[0].Digest {
		t.Errorf("the tag names %s, %v; want the index %s", digest, err, image.Digest)
	}
}

func TestWithDockerFails(t *testing.T) {
	if err := DockerAvailable(t.Context()); err != nil {
		t.Skip(err)
	}
	tests := map[string]struct {
		dockerfile string
		base       bool
		want       string
	}{
		"no base image": {"FROM registry.invalid/no/such:1\nCOPY Dockerfile /\n", true, "registry.invalid/no/such:1"},
		"bad step":      {"FROM scratch\nCOPY missing /\n", false, "missing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := request(t, startRegistry(t), "a")
			r.Root = tree(t, map[string]string{"Dockerfile": test.dockerfile})
			_, err := WithDocker(t.Context(), r)
			if errors.Is(err, ErrBaseImage) != test.base || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; want one with %q, ErrBaseImage: %t", err, test.want, test.base)
			}
		})
	}
	t.Run("wrong login", func(t *testing.T) {
		r := request(t, startRegistry(t, withLogin), "a")
		r.Root = tree(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
		r.Username, r.Password = testUser, "not the password"
		_, err := publish(t, WithDocker, r)
		if err == nil || !strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), r.Password) {
			t.Errorf("error %v; want one about the login that does not show it", err)
		}
	})
}

func TestDockerAvailableSaysWhatIsMissing(t *testing.T) {
	t.Run("client", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		if err := DockerAvailable(t.Context()); err == nil || !strings.Contains(err.Error(), "no Docker engine") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("engine", func(t *testing.T) {
		t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(t.TempDir(), "no.sock"))
		if err := DockerAvailable(t.Context()); err == nil || !strings.Contains(err.Error(), "no Docker engine") {
			t.Errorf("error %v", err)
		}
	})
}

func TestUnpulledBaseImage(t *testing.T) {
	tests := map[string]struct{ output, want string }{
		"not found, Docker 20.10": {
			"#3 ERROR: failed to do request: Head \"https://r.example/v2/x/manifests/9\": no such host\n------\n" +
				" > [internal] load metadata for r.example/x:9:\n------\nfailed to solve with frontend dockerfile.v0: failed to create LLB definition",
			"r.example/x:9",
		},
		"not found, buildx": {
			"#2 ERROR: failed to resolve source metadata\n------\n > [internal] load metadata for r.example/x:9:\n------\nDockerfile:1\n" +
				"ERROR: failed to build: failed to solve: r.example/x:9: failed to resolve source metadata for r.example/x:9",
			"r.example/x:9",
		},
		"layers broke off": {
			"------\n > [build 1/6] FROM r.example/x:9@sha256:abc:\n------\nERROR: failed to solve: failed to copy: httpReadSeeker: 429 Too Many Requests",
			"r.example/x:9@sha256:abc",
		},
		"a later step": {
			"------\n > [build 6/6] RUN go build -o /web ./web:\n#10 1.0 from r.example/x:9\n------\nERROR: failed to solve: exit code: 1",
			"",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := unpulled(test.output); got != test.want {
				t.Errorf("unpulled = %q, want %q", got, test.want)
			}
		})
	}
}

// TestDockerfileSaysTheSame holds the Dockerfile and this package together where no Docker is at hand.
func TestDockerfileSaysTheSame(t *testing.T) {
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\nUSER " + user + "\n",
		"\nEXPOSE " + strings.TrimSuffix(port, "/tcp") + "\n",
		"\nSTOPSIGNAL " + stopSignal + "\n",
		"\nENTRYPOINT [\"/" + binaryPath + "\"]\n",
		" /" + certificatesPath + "\n",
		" go build -buildvcs=false -trimpath -tags " + BuildTags + " ",
		`-ldflags "-s -w -X main.version=$VERSION -X main.commit=$COMMIT" `,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the Dockerfile has no %q", strings.TrimSpace(want))
		}
	}
	for label := range settings(target{}).Labels {
		if !strings.Contains(string(text), label+"=") {
			t.Errorf("the Dockerfile has no label %s", label)
		}
	}
}
