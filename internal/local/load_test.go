package local

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// load asks a URL again and again until it is ended.
type load struct {
	done     atomic.Bool
	workers  sync.WaitGroup
	requests atomic.Int64
	mutex    sync.Mutex
	failures []string
}

// startLoad starts workers that each ask as fast as they are answered, half of them on a fresh connection each time.
func startLoad(url string, workers int) *load {
	l := &load{}
	for i := range workers {
		transport := &http.Transport{DisableKeepAlives: i%2 == 0}
		l.workers.Go(func() {
			defer transport.CloseIdleConnections()
			for !l.done.Load() {
				if err := l.ask(&http.Client{Transport: transport, Timeout: 10 * time.Second}, url); err != nil {
					l.mutex.Lock()
					l.failures = append(l.failures, err.Error())
					l.mutex.Unlock()
				}
				time.Sleep(4 * time.Millisecond)
			}
		})
	}
	return l
}

func (l *load) ask(client *http.Client, url string) error {
	l.requests.Add(1)
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK {
		err = errors.Join(err, fmt.Errorf("status %d: %s", answer.StatusCode, body))
	}
	return err
}

// end stops the load and fails the test if any request failed.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.done.Store(true)
	l.workers.Wait()
	t.Logf("%d requests", l.requests.Load())
	if len(l.failures) > 0 || l.requests.Load() < 100 {
		t.Errorf("%d of %d requests failed: %s", len(l.failures), l.requests.Load(), strings.Join(l.failures[:min(5, len(l.failures))], "\n"))
	}
}

func TestUpdateUnderLoad(t *testing.T) {
	b := newBench(t)
	s := b.deploy("web", cfntypes.ChangeSetTypeCreate, params{"Version": "0"})
	b.wantStatus(s, cfntypes.StackStatusCreateComplete)
	l := startLoad(output(s, "URL"), 8)
	for version := range 3 {
		want := fmt.Sprint(version + 1)
		began := time.Now()
		b.wantStatus(b.deploy("web", cfntypes.ChangeSetTypeUpdate, params{"Version": want}), cfntypes.StackStatusUpdateComplete)
		t.Logf("update took %s", time.Since(began))
		if _, body := get(t, output(s, "URL")); body != want {
			t.Errorf("after the update to %s: %q", want, body)
		}
	}
	time.Sleep(2 * time.Second) // the last version's tasks drain
	l.end(t)
	b.wantScheduled(output(s, "Cluster"))
}

// wantScheduled wants every stopped task of a cluster to have made room for a deployment, and none stopped by a user.
func (b *bench) wantScheduled(cluster string) {
	b.Helper()
	client := ecs.NewFromConfig(b.e.AWSConfig())
	listed, err := client.ListTasks(b.Context(), &ecs.ListTasksInput{Cluster: &cluster, DesiredStatus: ecstypes.DesiredStatusStopped})
	if err != nil || len(listed.TaskArns) == 0 {
		b.Fatalf("stopped tasks: %v, %v", listed, err)
	}
	out, err := client.DescribeTasks(b.Context(), &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: listed.TaskArns})
	if err != nil {
		b.Fatal(err)
	}
	for _, task := range out.Tasks {
		const want = "Scaling activity initiated by (deployment ecs-svc/"
		if got := aws.ToString(task.StoppedReason); task.StopCode != ecstypes.TaskStopCodeServiceSchedulerInitiated || !strings.HasPrefix(got, want) {
			b.Errorf("stopped with %s and %q, want %s and %q", task.StopCode, got, ecstypes.TaskStopCodeServiceSchedulerInitiated, want)
		}
	}
}

// TestBrokenVersion launches versions that end at once, that never are healthy, and that do not exist; the old one
// goes on serving.
func TestBrokenVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.deploy("web", cfntypes.ChangeSetTypeCreate, nil)
	b.wantStatus(s, cfntypes.StackStatusCreateComplete)
	l := startLoad(output(s, "URL"), 4)
	for _, tt := range []struct {
		name  string
		given params
		want  string
	}{
		{"exits", params{"Mode": "exit"}, "ECS Deployment Circuit Breaker was triggered"},
		{"sick", params{"Mode": "sick"}, "ECS Deployment Circuit Breaker was triggered"},
		{"missing", params{"ImageURI": strings.Split(b.image, "@")[0] + "@sha256:" + strings.Repeat("0", 64)}, "ECS Deployment Circuit Breaker was triggered"},
	} {
		began := time.Now()
		s := b.deploy("web", cfntypes.ChangeSetTypeUpdate, tt.given)
		b.wantStatus(s, cfntypes.StackStatusUpdateRollbackComplete)
		t.Logf("%s took %s", tt.name, time.Since(began))
		text := ""
		for _, child := range b.children("web") {
			text += b.events(child)
		}
		if !strings.Contains(text, tt.want) {
			t.Errorf("%s: no event says %q:\n%s", tt.name, tt.want, text)
		}
		if _, body := get(t, output(s, "URL")); body != "1" {
			t.Errorf("%s: %q serves, want the old version", tt.name, body)
		}
	}
	l.end(t)
}
