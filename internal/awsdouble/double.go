// Package awsdouble stands in for AWS in tests: one HTTP server that the real SDK clients talk to. It holds state and
// answers with the wire shapes, error codes and messages of the services, as far as a deployer can see them: stacks,
// nested stacks and nested change sets run slowly, event by event, and what they make can be looked up, fail and be
// deleted. Request signatures are not checked; the service is told from the credential scope.
package awsdouble

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"slipway/internal/iampolicy"
	"slipway/internal/iamref"
)

// Double is one account in one Region. All methods may be called at any time from any goroutine.
type Double struct {
	URL       string // where it listens, without a trailing slash
	AccountID string
	Region    string

	delay    time.Duration
	pageSize int
	handlers map[string]handler
	kinds    map[string]kind

	ctx context.Context
	ops sync.WaitGroup

	mu       sync.Mutex
	held     chan struct{} // not nil while Hold is in force
	random   *rand.Rand
	calls    []Call
	policies []iampolicy.Document // nil: the caller may do everything
	requests []iampolicy.Request

	reference iamref.Reference
	authority *authority
	faults    []*fault
	forecast  func(n int, service, operation string) Weather
	forecasts int
	answers   map[string]answered // by request: the last ones, while there is a forecast
	failing   map[string]string   // phase and logical path of a resource -> why it fails
	nestedCS  string              // why no nested change set can be made
	found     []Validation        // in the change sets from now on

	stacks        []*stack // in the order of their creation, deleted ones too
	things        []*thing // everything that stacks made, deleted ones too, and what was put beside it
	buckets       map[string]*bucket
	misplaced     bool // MisplaceMarkers
	keeping       bool // KeepObjects
	builds        []*build
	buildHook     func(Build) BuildResult
	buildsAtOnce  int                              // below zero: any number
	logs          map[string]map[string][]LogEvent // group, stream
	roles         map[string]bool                  // service-linked roles by service principal
	pipelines     map[string][]*Execution
	heldStages    map[string]heldStage // by pipeline/stage
	proofs        []dnsRecord          // that certificates wrote into hosted zones; they stay
	revisions     map[string]int       // of task definition families
	tasks         TaskFailure
	oneOff        OneOff
	beside        bool // tasks have addresses of loopback
	oneOffsAtOnce int
	oneOffs       map[string]*service // the tasks that RunTask has started, by their cluster
	simpleLogs    bool
	agentStatus   string // of the agent of ECS Exec in every task; RUNNING where empty
	agentReason   string
	app           AppHandler
	apps          []*httptest.Server
	lastIP        int
	lastVersion   int
	unhealthy     []string
	quotas        map[string]float64
	fargate       map[string]float64 // vCPUs that run past any stack, by class
	clockTick     int64
	lateLogs      bool
}

// Option changes a Double before it starts.
type Option func(*Double)

// WithEventDelay sets the time between two events of a stack operation; 1 ms unless said otherwise.
func WithEventDelay(delay time.Duration) Option { return func(d *Double) { d.delay = delay } }

// WithPageSize sets how many items a page of any listing holds at most; 25 unless said otherwise.
func WithPageSize(n int) Option { return func(d *Double) { d.pageSize = n } }

// New starts an empty account. It ends with the test.
func New(t testing.TB, opts ...Option) *Double {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	d := &Double{
		AccountID: "123456789012", Region: "us-east-1",
		delay: time.Millisecond, pageSize: 25, buildsAtOnce: -1,
		ctx:     ctx,
		random:  rand.New(rand.NewPCG(1, 2)), // #nosec G404 -- the same each time, on purpose
		failing: map[string]string{}, buckets: map[string]*bucket{}, logs: map[string]map[string][]LogEvent{},
		quotas: map[string]float64{}, fargate: map[string]float64{},
		roles: map[string]bool{}, pipelines: map[string][]*Execution{}, heldStages: map[string]heldStage{}, revisions: map[string]int{}, oneOffs: map[string]*service{},
		tasks: TaskFailure{StoppedReason: "Essential container in task exited", ExitCode: 1, Log: []string{"panic: cannot start"}},
	}
	for _, opt := range opts {
		opt(d)
	}
	var err error
	if d.reference, err = iamref.Load(); err != nil {
		t.Fatal(err)
	}
	if d.authority, err = newAuthority(); err != nil {
		t.Fatal(err)
	}
	d.handlers, d.kinds = d.allHandlers(), d.allKinds()
	server := httptest.NewServer(http.HandlerFunc(d.serve))
	d.URL = server.URL
	t.Cleanup(func() {
		stop()
		d.ops.Wait()
		server.Close()
		d.closeApps()
	})
	return d
}

// Config is what the SDK's clients need to talk to the double: endpoint, made-up credentials, Region and retries that
// hardly wait. S3 clients must be told UsePathStyle besides.
func (d *Double) Config() aws.Config {
	return aws.Config{
		Region:       d.Region,
		BaseEndpoint: new(d.URL),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
		},
	}
}

// Call is one request as it came in.
type Call struct {
	Service, Operation string         // as in "cloudformation", "DescribeStacks"
	In                 map[string]any // the parameters; a query service's are all text
	Time               time.Time
}

// Calls returns all requests so far, oldest first, those that were throttled or failed on purpose too.
func (d *Double) Calls() []Call {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

// CallsTo returns the requests of one operation, oldest first.
func (d *Double) CallsTo(operation string) []Call {
	return slices.DeleteFunc(d.Calls(), func(c Call) bool { return c.Operation != operation })
}

type fault struct {
	operation string    // "DescribeStacks" or "cloudformation.DescribeStacks"
	err       *apiError // nil: the service's way to throttle
	lost      bool      // the call is done, its answer never arrives
	left      int
}

// Throttle lets the next n calls of an operation ("DescribeStacks", or "cloudformation.DescribeStacks" where two
// services have it) answer as a service does that has too many of them.
func (d *Double) Throttle(operation string, n int) { d.addFault(fault{operation: operation, left: n}) }

// Fail lets the next n calls of an operation answer with this error code and message and status 400.
func (d *Double) Fail(operation, code, message string, n int) {
	d.addFault(fault{operation: operation, err: &apiError{Code: code, Message: message, Status: 400}, left: n})
}

// Lose lets the next n calls of an operation be carried out, but breaks the connection before the answer.
func (d *Double) Lose(operation string, n int) {
	d.addFault(fault{operation: operation, lost: true, left: n})
}

func (d *Double) addFault(f fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, &f)
}

// fault consumes and returns what was arranged for this call, or nil.
func (d *Double) fault(service, operation string) *apiError {
	f := d.takeFault(service, operation, false)
	switch {
	case f == nil:
		return nil
	case f.err == nil:
		return throttled(service)
	}
	return f.err
}

// loseAnswer breaks the connection where that was arranged for this call.
func (d *Double) loseAnswer(service, operation string) {
	if d.takeFault(service, operation, true) != nil {
		panic(http.ErrAbortHandler)
	}
}

func (d *Double) takeFault(service, operation string, lost bool) *fault {
	for _, f := range d.faults {
		if f.left > 0 && f.lost == lost && (f.operation == operation || f.operation == service+"."+operation) {
			f.left--
			return f
		}
	}
	return nil
}

func throttled(service string) *apiError {
	switch service {
	case "s3":
		return &apiError{Code: "SlowDown", Message: "Please reduce your request rate.", Status: 503}
	case "ec2":
		return &apiError{Code: "RequestLimitExceeded", Message: "Request limit exceeded.", Status: 503}
	case "cloudformation", "iam", "elasticloadbalancing", "sts", "route53", "sns", "monitoring":
		return &apiError{Code: "Throttling", Message: "Rate exceeded", Status: 400}
	}
	return &apiError{Code: "ThrottlingException", Message: "Rate exceeded", Status: 400}
}

// FailResource lets a resource fail with this reason whenever it is created or updated. The path is that of logical ids
// below the root stack, as in "ECS.Service"; an empty reason heals it.
func (d *Double) FailResource(path, reason string) { d.setFailing("converge", path, reason) }

// FailRollback lets a resource fail when an update is rolled back, which leaves UPDATE_ROLLBACK_FAILED.
func (d *Double) FailRollback(path, reason string) { d.setFailing("rollback", path, reason) }

// FailDelete lets a resource's deletion fail, which leaves DELETE_FAILED.
func (d *Double) FailDelete(path, reason string) { d.setFailing("delete", path, reason) }

func (d *Double) setFailing(phase, path, reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failing[phase+" "+path] = reason
}

// NestedChangeSetsFail lets every nested change set fail with this reason, and so the root's; an empty reason ends it.
func (d *Double) NestedChangeSetsFail(reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.nestedCS = reason
}

// Hold stops everything that goes on by itself (stack operations, change sets, builds) at its next step; Release lets
// it go on.
func (d *Double) Hold() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held == nil {
		d.held = make(chan struct{})
	}
}

// Release ends Hold.
func (d *Double) Release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held != nil {
		close(d.held)
		d.held = nil
	}
}

// background runs work with the lock held; work lets go of it in each step. The end of the test ends it.
func (d *Double) background(work func()) {
	d.ops.Go(func() {
		d.mu.Lock()
		work()
		d.mu.Unlock()
	})
}

// now is the time, never the same twice: services order by it, in milliseconds.
func (d *Double) now() time.Time {
	ms := max(time.Now().UnixMilli(), d.clockTick+1)
	d.clockTick = ms
	return time.UnixMilli(ms).UTC()
}

const upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func (d *Double) chars(alphabet string, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[d.random.IntN(len(alphabet))])
	}
	return b.String()
}

func (d *Double) hex(n int) string { return d.chars("0123456789abcdef", n) }

func (d *Double) uuid() string {
	return d.hex(8) + "-" + d.hex(4) + "-11f0-" + d.hex(4) + "-" + d.hex(12)
}

// arn of something in this account and Region; resource is what follows the account.
func (d *Double) arn(service, resource string) string {
	return "arn:aws:" + service + ":" + d.Region + ":" + d.AccountID + ":" + resource
}
