package local

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-cmp/cmp"

	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// TestDocker launches, updates under load, breaks and deletes a stack whose tasks are containers.
func TestDocker(t *testing.T) {
	t.Parallel()
	if _, err := dockerHost(t.Context()); err != nil {
		t.Skipf("no Docker daemon answers: %v", err)
	}
	b := newBench(t, WithRuntime(RuntimeDocker))
	if b.e.Runtime != RuntimeDocker {
		t.Fatalf("runtime %s", b.e.Runtime)
	}
	b.pushByDocker()
	s := b.deploy("web", cfntypes.ChangeSetTypeCreate, nil)
	b.wantStatus(s, cfntypes.StackStatusCreateComplete)
	l := startLoad(output(s, "URL"), 4)
	b.wantStatus(b.deploy("web", cfntypes.ChangeSetTypeUpdate, params{"Version": "2"}), cfntypes.StackStatusUpdateComplete)
	b.wantStatus(b.deploy("web", cfntypes.ChangeSetTypeUpdate, params{"Version": "2", "Mode": "exit"}), cfntypes.StackStatusUpdateRollbackComplete)
	if _, body := get(t, output(s, "URL")); body != "2" {
		t.Errorf("after the rollback: %q", body)
	}
	time.Sleep(time.Second)
	l.end(t)
	if b.delete("web"); t.Failed() {
		return
	}
	if left := containersOf(t, b.e); left != "" {
		t.Errorf("containers left after the stack: %s", left)
	}
}

// pushByDocker pushes to the engine's registry as `docker push` does, without a login.
func (b *bench) pushByDocker() {
	b.Helper()
	repository := strings.TrimPrefix(b.e.Endpoint, "http://") + "/web"
	for _, args := range [][]string{{"pull", repository + ":1"}, {"tag", repository + ":1", repository + ":pushed"}, {"push", repository + ":pushed"}} {
		if out, err := docker(b.Context(), args...); err != nil {
			b.Fatalf("docker %v: %v\n%s", args, err, out)
		}
	}
	images, err := ecr.NewFromConfig(b.e.AWSConfig()).DescribeImages(b.Context(), &ecr.DescribeImagesInput{
		RepositoryName: aws.String("web"), ImageIds: []ecrtypes.ImageIdentifier{{ImageTag: aws.String("pushed")}},
	})
	if err != nil || len(images.ImageDetails) != 1 {
		b.Errorf("the pushed image: %+v, %v", images, err)
	}
}

// TestDockerKilled kills the engine while containers run: the next command removes them.
func TestDockerKilled(t *testing.T) {
	t.Parallel()
	if _, err := dockerHost(t.Context()); err != nil {
		t.Skipf("no Docker daemon answers: %v", err)
	}
	root := clone(t)
	b := newBenchIn(t, root, WithRuntime(RuntimeDocker))
	b.wantStatus(b.deploy("web", cfntypes.ChangeSetTypeCreate, nil), cfntypes.StackStatusCreateComplete)
	process, err := os.FindProcess(b.e.PID)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, 5*time.Second, "the engine's end", func() bool { return !carries(b.e.PID, b.e.token) })
	if left := containersOf(t, b.e); len(strings.Fields(left)) != 2 {
		t.Fatalf("containers of the killed engine: %q, want two", left)
	}
	started(t, root)
	if left := containersOf(t, b.e); left != "" {
		t.Errorf("containers of the killed engine are left: %s", left)
	}
	if left, err := docker(t.Context(), "image", "ls", "--quiet", "--filter", "reference="+strings.TrimPrefix(b.e.Endpoint, "http://")+"/*"); err != nil || left != "" {
		t.Errorf("images of the killed engine are left: %s, %v", left, err)
	}
}

func containersOf(t *testing.T, e *Engine) string {
	t.Helper()
	ids, err := docker(t.Context(), "ps", "--all", "--quiet", "--filter", "label="+containerLabel+"="+e.token)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestImageNames(t *testing.T) {
	t.Parallel()
	got := imageNames("127.0.0.1:1/web 1 <none>\n127.0.0.1:1/web <none> sha256:ab\n127.0.0.1:1/web 1 sha256:ab\n\n")
	want := []string{"127.0.0.1:1/web:1", "127.0.0.1:1/web@sha256:ab"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
