package local

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// clone is a folder to start an engine in. Its installation is shared by all tests of this user: a symbolic link to
// one in the user's cache folder, whose name holds the lock's hash.
func clone(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	dir, err := openFolder(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(sharedInstallation(t), dir.venv()); err != nil {
		t.Fatal(err)
	}
	return root
}

var sharedOnce = sync.OnceValues(func() (string, error) {
	lock, err := sources.ReadFile(lockFile)
	if err != nil {
		return "", err
	}
	cache := os.Getenv("SLIPWAY_TOOLS") // of a build, whose home is a new one each time
	if cache == "" {
		if cache, err = os.UserCacheDir(); err != nil {
			return "", err
		}
	}
	dir := filepath.Join(cache, "slipway-test", hash(lock)[:12])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	unlock, err := folder(dir).lock(context.Background(), io.Discard)
	if err != nil {
		return "", err
	}
	defer unlock()
	_, err = Install(context.Background(), filepath.Join(dir, "venv"), os.Stderr)
	return filepath.Join(dir, "venv"), err
})

func sharedInstallation(t *testing.T) string {
	t.Helper()
	dir, err := sharedOnce()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// started starts an engine that is stopped at the end of the test, when nothing of it may be left.
func started(t *testing.T, root string, opts ...Option) *Engine {
	t.Helper()
	if len(opts) == 0 {
		opts = []Option{WithRuntime(RuntimeProcess)}
	}
	e, err := Start(t.Context(), root, io.Discard, append([]Option{WithPipelines(PipelinesManual)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := os.ReadFile(e.root.log())
			t.Logf("engine.log:\n%s", lastLines(string(text), 60))
		}
		if err := e.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		nothingLeft(t, e)
	})
	return e
}

func nothingLeft(t *testing.T, e *Engine) {
	t.Helper()
	if left, err := carriers(e.token); err != nil || len(left) > 0 {
		t.Errorf("processes left: %v, %v", left, err)
	}
	for _, path := range []string{e.root.run(), e.root.builds(), e.root.record()} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	if _, err := askStatus(context.Background(), e.Endpoint); err == nil {
		t.Errorf("something still listens at %s", e.Endpoint)
	}
}

func s3Client(e *Engine) *s3.Client {
	return s3.NewFromConfig(e.AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true })
}

func TestStartFindStop(t *testing.T) {
	t.Parallel()
	root := clone(t)
	if e, err := Find(root); e != nil || err != nil {
		t.Fatalf("find before start: %v, %v", e, err)
	}
	e := started(t, root)
	if _, err := s3Client(e).ListBuckets(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	found, err := Find(root)
	if err != nil || found == nil || *found != *e {
		t.Errorf("find: %+v, %v, want %+v", found, err, e)
	}
	again, err := Start(t.Context(), root, io.Discard)
	if err != nil || *again != *e {
		t.Errorf("second start: %+v, %v, want the living %+v", again, err, e)
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, e)
	if err := e.Stop(t.Context()); err != nil {
		t.Errorf("a second stop: %v", err)
	}
	if e, err := Find(root); e != nil || err != nil {
		t.Errorf("find after stop: %v, %v", e, err)
	}
}

func TestKilledEngine(t *testing.T) {
	t.Parallel()
	root := clone(t)
	first := started(t, root)
	if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitFor(t, 5*time.Second, "the engine's end", func() bool { return !carries(first.PID, first.token) })
	if e, err := Find(root); e != nil || err != nil {
		t.Errorf("find after kill: %v, %v", e, err)
	}
	second := started(t, root)
	if second.token == first.token {
		t.Error("the killed engine was reused")
	}
}

// TestEngineInABuild starts an engine as a test in a build of another engine does: it is known to be of that one, too.
func TestEngineInABuild(t *testing.T) {
	t.Setenv(strings.TrimSuffix(marker, "="), "outer")
	e := started(t, clone(t))
	if found, err := carriers("outer"); err != nil || !slices.Contains(found, e.PID) {
		t.Errorf("%v carry the outer engine's token, %v, want %d among them", found, err, e.PID)
	}
}

// TestForeignProcess has the id of a killed engine's process go to another process, and its port to another server.
func TestForeignProcess(t *testing.T) {
	t.Parallel()
	root := clone(t)
	dir, err := openFolder(root)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	rec := &record{Endpoint: "http://" + listener.Addr().String(), PID: os.Getpid(), Token: "of-another", Runtime: RuntimeProcess}
	if err := dir.writeRecord(rec); err != nil {
		t.Fatal(err)
	}
	if e, err := Find(root); e != nil || err != nil {
		t.Errorf("find: %v, %v", e, err)
	}
	if e := started(t, root); e.Endpoint == rec.Endpoint {
		t.Errorf("the engine claims the port of another server: %s", e.Endpoint)
	}
}

func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	root := clone(t)
	engines := make([]*Engine, 2)
	errs := make([]error, 2)
	var both sync.WaitGroup
	for i := range engines {
		both.Go(func() { engines[i], errs[i] = Start(t.Context(), root, io.Discard, WithRuntime(RuntimeProcess)) })
	}
	both.Wait()
	if errs[0] != nil || errs[1] != nil {
		t.Fatal(errs)
	}
	started(t, root)
	if *engines[0] != *engines[1] {
		t.Errorf("two engines: %+v and %+v", engines[0], engines[1])
	}
}

// Two clones have an engine each, with their own ports: the end of one leaves the other as it is.
func TestTwoClones(t *testing.T) {
	t.Parallel()
	one, other := started(t, clone(t)), started(t, clone(t))
	if one.Endpoint == other.Endpoint {
		t.Fatalf("both are at %s", one.Endpoint)
	}
	name := "only-in-the-other"
	if _, err := s3Client(other).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	if _, err := s3Client(one).HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &name}); err == nil {
		t.Error("the clones share their buckets")
	}
	if err := one.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, one)
	if _, err := s3Client(other).HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &name}); err != nil {
		t.Errorf("the other clone's engine after the end of the first: %v", err)
	}
}

func TestStoppedByHandIsReported(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for a time-out")
	}
	root := clone(t)
	e := started(t, root)
	if err := syscall.Kill(e.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	_, err := Find(root)
	if want := fmt.Sprintf("kill -9 %d", e.PID); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("find: %v, want advice %q", err, want)
	}
	if err := syscall.Kill(e.PID, syscall.SIGCONT); err != nil {
		t.Error(err)
	}
}

func TestDiesAtStart(t *testing.T) {
	t.Parallel()
	root := clone(t)
	dir, err := openFolder(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir.source(), 0o755); err != nil {
		t.Fatal(err)
	}
	broken := "raise SystemExit('the moon is in the wrong house')"
	if err := os.WriteFile(filepath.Join(dir.source(), "engine.py"), []byte(broken), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Start(t.Context(), root, io.Discard, WithRuntime(RuntimeProcess))
	if err == nil || !strings.Contains(err.Error(), "the moon is in the wrong house") {
		t.Errorf("start: %v, want the log's last lines", err)
	}
}

func waitFor(t *testing.T, patience time.Duration, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("no sign of %s after %s", what, patience)
}

func TestBuildsAtOnce(t *testing.T) {
	for set, want := range map[string]string{"": "1", "1": "1", "20": "20", "0": "", "21": "", "two": "", "-1": ""} {
		got, err := buildsAtOnce(func(string) string { return set })
		if got != want || (err == nil) != (want != "") || err != nil && !strings.Contains(err.Error(), buildsVariable+" is \""+set) {
			t.Errorf("%q: %q, %v", set, got, err)
		}
	}
}
