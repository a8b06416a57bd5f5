package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/awsdouble"
	"slipway/internal/config"
)

// writer writes to the log of the bench's environment.
type writer struct {
	*bench
	group string
}

func newWriter(t *testing.T, opts ...awsdouble.Option) writer {
	t.Helper()
	b := launched(t, opts...)
	root, err := b.root(t.Context(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	return writer{b, root.outputs["LogGroupName"]}
}

func (w writer) write(container, task string, lines ...string) {
	w.double.PutLog(w.group, "tasks/"+container+"/"+task, lines...)
}

// lines are all that Logs visits, as "container/task message".
func (w writer) lines(t *testing.T, l LogOptions) []string {
	t.Helper()
	l.Environment = "prod"
	var got []string
	err := w.Logs(t.Context(), l, func(line Line) error {
		got = append(got, fmt.Sprintf("%s/%s %s", line.Container, line.Task, line.Message))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// All containers' lines come in the order of their time, over several pages, without those of ECS Exec.
func TestLogs(t *testing.T) {
	w := newWriter(t, awsdouble.WithPageSize(2))
	w.write("app", "1", "one")
	w.write("agent", "1", "two\n")
	w.double.PutLog(w.group, "ecs-execute-command-1", "a session")
	w.write("app", "2", "three", "four")
	w.write("app", "1", "five")
	want := []string{"app/1 one", "agent/1 two", "app/2 three", "app/2 four", "app/1 five"}
	if diff := cmp.Diff(want, w.lines(t, LogOptions{})); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestLogsSince(t *testing.T) {
	w := newWriter(t)
	w.double.PutLateLog(w.group, "tasks/app/1", time.Now().Add(-time.Hour), "old")
	w.write("app", "1", "new")
	if got := w.lines(t, LogOptions{Since: time.Now().Add(-time.Minute)}); !slices.Equal(got, []string{"app/1 new"}) {
		t.Errorf("got %q", got)
	}
}

// A task is named by its id or the beginning of it; its sidecars' lines are merged with the application's.
func TestLogsOfATask(t *testing.T) {
	w := newWriter(t, awsdouble.WithPageSize(1))
	w.cfg.Service.Sidecars = []config.Sidecar{{Name: "agent"}}
	w.look()
	w.write("app", "abcd", "one")
	w.write("agent", "abcd", "two")
	w.write("app", "ffff", "other")
	w.write("app", "abcd", "three")
	for _, id := range []string{"abcd", "ab"} {
		if diff := cmp.Diff([]string{"app/abcd one", "agent/abcd two", "app/abcd three"}, w.lines(t, LogOptions{Task: id})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
	if got := w.lines(t, LogOptions{Task: "0"}); got != nil {
		t.Errorf("a task that there is not: %q", got)
	}
}

// What a task that runs once wrote is a part of the log where there is such a task.
func TestLogsOfTasksThatRunOnce(t *testing.T) {
	w := newWriter(t)
	w.cfg.Service.BeforeDeploy = config.BeforeDeploy{Command: []string{"migrate"}}
	w.cfg.Environments[0].Entry.Internal = true
	w.look()
	w.double.PutLog(w.group, "before-deploy/app/abcd", "made 12 tables")
	w.double.PutLog(w.group, "acceptance/app/abef", "it answers")
	w.write("app", "ffff", "listening")
	if diff := cmp.Diff([]string{"app/abcd made 12 tables", "app/abef it answers", "app/ffff listening"}, w.lines(t, LogOptions{})); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"app/abcd made 12 tables"}, w.lines(t, LogOptions{Task: "abc"})); diff != "" {
		t.Errorf("of the task (-want +got):\n%s", diff)
	}
}

// followed collects the lines of a log that is followed, until stop.
func (w writer) followed(t *testing.T, l LogOptions) (got func() []string, said func() string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var lines, sayings []string
	l.Environment, l.Follow = "prod", true
	l.Say = func(text string) {
		mu.Lock()
		defer mu.Unlock()
		sayings = append(sayings, text)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- w.Logs(ctx, l, func(line Line) error {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, line.Message)
			return nil
		})
	}()
	got = func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(lines)
	}
	said = func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(sayings, "\n")
	}
	return got, said, func() error {
		cancel()
		return <-ended
	}
}

// eventually wants lines to come.
func eventually(t *testing.T, got func() []string, want ...string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if slices.Equal(got(), want) {
			return
		}
	}
	t.Fatalf("got %q, want %q", got(), want)
}

// Each line is shown once, also one that was long under way, and one with the same text and time as another.
func TestLogsAreFollowed(t *testing.T) {
	w := newWriter(t)
	w.write("app", "1", "one")
	got, said, stop := w.followed(t, LogOptions{})
	eventually(t, got, "one")
	at := time.Now().Add(-time.Second)
	w.write("app", "2", "two")
	eventually(t, got, "one", "two")
	w.double.PutLateLog(w.group, "tasks/app/1", at, "late")
	w.double.PutLateLog(w.group, "tasks/app/1", at, "late")
	eventually(t, got, "one", "two", "late", "late")
	time.Sleep(20 * time.Millisecond) // some looks more, which show nothing again
	if err := stop(); err != nil {
		t.Errorf("interrupted: %v", err)
	}
	if diff := cmp.Diff([]string{"one", "two", "late", "late"}, got()); diff != "" || said() != "" {
		t.Errorf("lines (-want +got), said %q:\n%s", said(), diff)
	}
}

// Where events have no id, they are told apart by all that they have; where prefixes are not heeded, nothing else slips in.
func TestLogsOfAnEmulator(t *testing.T) {
	w := newWriter(t)
	w.double.SimpleLogs()
	w.double.PutLog(w.group, "ecs-execute-command-1", "a session")
	at := time.Now()
	w.double.PutLateLog(w.group, "tasks/app/1", at, "same")
	got, _, stop := w.followed(t, LogOptions{})
	eventually(t, got, "same")
	w.double.PutLateLog(w.group, "tasks/app/1", at, "same")
	w.double.PutLateLog(w.group, "tasks/app/1", at, "other")
	eventually(t, got, "same", "same", "other")
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// Throttled for longer than the SDK tries, following goes on, and says so.
func TestFollowingOutlastsThrottling(t *testing.T) {
	w := newWriter(t)
	got, said, stop := w.followed(t, LogOptions{})
	w.double.Throttle("FilterLogEvents", 2*callAttempts)
	w.write("app", "1", "one")
	eventually(t, got, "one")
	if err := stop(); err != nil {
		t.Error(err)
	}
	wantText(t, said(), "Rate exceeded", "trying again")
}

// A refusal ends it, and so does the end of what is followed.
func TestFollowingEnds(t *testing.T) {
	w := newWriter(t)
	w.double.Fail("FilterLogEvents", "AccessDeniedException", "not today", 1)
	if err := w.Logs(t.Context(), LogOptions{Environment: "prod", Follow: true}, nil); err == nil || !strings.Contains(err.Error(), "not today") {
		t.Errorf("refused: %v", err)
	}
	_, _, stop := w.followed(t, LogOptions{})
	w.double.Delete(w.group)
	time.Sleep(10 * time.Millisecond)
	absent, ok := errors.AsType[*AbsentError](stop())
	if !ok || !strings.Contains(absent.Why, "is gone") {
		t.Errorf("deleted: %v", absent)
	}
	broken := errors.New("broken pipe")
	w2 := newWriter(t)
	w2.write("app", "1", "one")
	if err := w2.Logs(t.Context(), LogOptions{Environment: "prod", Follow: true}, func(Line) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("nobody reads: %v", err)
	}
}

// Without --follow an interrupt is one.
func TestLogsInterrupted(t *testing.T) {
	w := newWriter(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Logs(ctx, LogOptions{Environment: "prod"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestLogsOfWhatIsAbsent(t *testing.T) {
	b := newBench(t)
	err := b.Logs(t.Context(), LogOptions{Environment: "prod"}, nil)
	if _, ok := errors.AsType[*AbsentError](err); !ok {
		t.Errorf("got %v", err)
	}
}
