package launch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"

	"slipway/internal/awsdouble"
	"slipway/internal/release"
)

// held calls AWS with these limits in place of the standard ones.
func (b *bench) held(l limits) *bench {
	b.aws = newClients(b.AWS, b.Profile, l)
	return b
}

var hasty = limits{attempt: 50 * time.Millisecond, object: 50 * time.Millisecond, silent: 3, broken: 10, whole: time.Minute}

// A server that takes connections and never answers.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	b := newBench(t)
	b.AWS.BaseEndpoint = new("http://" + listener.Addr().String())
	began := time.Now()
	want(t, b.held(hasty).Deploy(t.Context(), DeployOptions{}), "ask AWS who you are", "exceeded maximum number of attempts, 3")
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it hung for %s", took)
	}
}

// What changes something and is not answered ends in an error, and the next run goes on.
func TestSilenceInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"CreateChangeSet", "ExecuteChangeSet", "StartBuild", "PUT"} {
		t.Run(operation, func(t *testing.T) {
			b := newBench(t).held(hasty)
			b.double.Forecast(func(_ int, _, called string) awsdouble.Weather {
				if called == operation {
					return awsdouble.Silent
				}
				return awsdouble.Fair
			})
			want(t, b.Deploy(t.Context(), DeployOptions{}), "exceeded maximum number of attempts, 3")
			b.double.Forecast(nil)
			b.again("a").mustDeploy(t, DeployOptions{})
		})
	}
}

func TestThrottlingOnlySlowsDown(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, operation := range []string{"CreateChangeSet", "DescribeStacks", "StartBuild", "GetCallerIdentity"} {
		b.double.Throttle(operation, 40)
	}
	b.mustDeploy(t, DeployOptions{})
	b.double.Throttle("GetCallerIdentity", 1_000_000)
	l := hasty
	l.whole = 50 * time.Millisecond
	want(t, b.again("a").held(l).Deploy(t.Context(), DeployOptions{}), "Throttling", "tried for 50ms")
}

// As a network answers that wants a login in the browser.
func TestForeignAnswers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var begun, captive atomic.Bool
	captive.Store(true)
	b.double.Forecast(func(_ int, _, operation string) awsdouble.Weather {
		begun.CompareAndSwap(false, operation == "ExecuteChangeSet")
		if captive.Load() && (begun.Load() && operation == "DescribeStackEvents" || !begun.Load() && operation == "GetCallerIdentity") {
			return awsdouble.Garbled
		}
		return awsdouble.Fair
	})
	want(t, b.Deploy(t.Context(), DeployOptions{}), "a web page and not from AWS", "guests' network", "login in the browser")
	if n := len(b.double.Living()); n > 0 {
		t.Errorf("%d resources were made", n)
	}
	begun.Store(true)
	b.silence = 50 * time.Millisecond
	err := b.Deploy(t.Context(), DeployOptions{})
	want(t, err, "AWS could not be asked for 50ms", "goes on by itself", "run the same command again")
	if failure, failed := errors.AsType[*Failure](err); failed || !errors.Is(err, ErrInterrupted) {
		t.Errorf("taken for a failed stack: %v", failure)
	}
	b.told(t, "trying again; what AWS has begun goes on meanwhile")
	captive.Store(false)
	b.again("a").mustDeploy(t, DeployOptions{})
}

// roundTrip changes requests and answers on their way.
type roundTrip func(*http.Request) (*http.Response, error)

func (r roundTrip) Do(request *http.Request) (*http.Response, error) { return r(request) }

// through is another run over such a way.
func (b *bench) through(way roundTrip) *bench {
	b.again("a")
	b.AWS.HTTPClient = way
	return b.held(hasty)
}

func operationIn(request *http.Request) string {
	if _, target, ok := strings.Cut(request.Header.Get("X-Amz-Target"), "."); ok {
		return target
	}
	if request.Body == nil {
		return ""
	}
	body, _ := io.ReadAll(request.Body)
	request.Body = io.NopCloser(bytes.NewReader(body))
	_, after, _ := strings.Cut(string(body), "Action=")
	operation, _, _ := strings.Cut(after, "&")
	return operation
}

// An answer that is cut off is asked for again, also where what was asked for is done; none is never taken for "there is nothing".
func TestAnswersThatAreCutOff(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"DescribeStacks", "CreateChangeSet", "DescribeChangeSet", "DescribeServices"} {
		for name, length := range map[string]func(int) int{"half": func(n int) int { return n / 2 }, "nothing": func(int) int { return 0 }} {
			t.Run(operation+" "+name, func(t *testing.T) {
				b := newBench(t)
				b.mustDeploy(t, DeployOptions{})
				cut := 0
				b.through(func(request *http.Request) (*http.Response, error) {
					called := operationIn(request)
					answer, err := http.DefaultClient.Do(request)
					if err == nil && called == operation && answer.StatusCode == http.StatusOK {
						if cut++; cut == 1 {
							body, _ := io.ReadAll(answer.Body)
							answer.Body = io.NopCloser(bytes.NewReader(body[:length(len(body))]))
						}
					}
					return answer, err
				})
				b.Source = tree("b")
				if err := b.Deploy(t.Context(), DeployOptions{}); err != nil {
					want(t, err, "cut off", "run the same command again")
					b.again("b").mustDeploy(t, DeployOptions{})
				}
				if s := b.root(t, "slipway-demo-prod"); cut == 0 || s.status != "UPDATE_COMPLETE" {
					t.Errorf("%d answers, the root is %s", cut, s.status)
				}
			})
		}
	}
}

// halved breaks off in the middle.
type halved struct {
	io.Reader
	io.Closer
}

func (h halved) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// An object that is cut off on its way is asked for again: nobody takes a lease, a record or a template for another one for that.
func TestObjectsThatAreCutOff(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.deployedFrom(t, shop, "a").mustDeploy(t, DeployOptions{})
	gets := 0
	way := func(request *http.Request) (*http.Response, error) {
		answer, err := http.DefaultClient.Do(request)
		if err != nil || request.Method != http.MethodGet || answer.StatusCode != http.StatusOK || answer.ContentLength < 2 {
			return answer, err
		}
		if gets++; gets%2 == 1 {
			answer.Body = halved{io.LimitReader(answer.Body, answer.ContentLength/2), answer.Body}
		}
		return answer, err
	}
	cut := func() {
		b.AWS.HTTPClient = roundTrip(way)
		b.held(hasty)
	}
	b.deployedFrom(t, shop, "b")
	cut()
	b.mustDeploy(t, DeployOptions{})
	b.withoutSource()
	cut()
	if err := b.Rollback(t.Context(), "prod", 0, DeployOptions{}); err != nil || gets < 20 {
		t.Errorf("after %d objects: %v", gets, err)
	}
}

// S3 says of two writes at the same time that one has to be made again, and so of a write whose first try is still under way
// (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html): that is neither done nor somebody else's.
func TestConflictOfWrites(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	refused := map[string]bool{}
	b.through(func(request *http.Request) (*http.Response, error) {
		key := request.URL.Path
		if request.Header.Get("If-None-Match") == "" && request.Header.Get("If-Match") == "" || refused[key] {
			return http.DefaultClient.Do(request)
		}
		refused[key] = true
		return &http.Response{StatusCode: http.StatusConflict, Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(strings.NewReader(
			"<Error><Code>ConditionalRequestConflict</Code><Message>The conditional request cannot succeed due to a conflicting operation against this resource.</Message></Error>"))}, nil
	})
	b.mustDeploy(t, DeployOptions{})
	if len(refused) < 8 {
		t.Errorf("only %d objects were written", len(refused))
	}
	records := b.releasesOf(t, "prod")
	wantOutcomes(t, records, release.Succeeded)
	b.wantKept(t, records[0])
}

// tooSkewed is how the service that is asked says so (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html,
// docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html).
func tooSkewed(request *http.Request) string {
	switch {
	case request.Header.Get("X-Amz-Target") != "":
		return `{"__type": "InvalidSignatureException", "message": "Signature expired: 20261125T160000Z is now earlier than 20261125T165500Z"}`
	case strings.Contains(request.Header.Get("Authorization"), "/s3/aws4_request"):
		return "<Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the current time is too large.</Message></Error>"
	case strings.Contains(request.Header.Get("Authorization"), "/ec2/aws4_request"):
		return "<Response><Errors><Error><Code>RequestExpired</Code><Message>Request has expired.</Message></Error></Errors></Response>"
	}
	return "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>Signature expired: 20261125T160000Z is now earlier than 20261125T165500Z</Message></Error></ErrorResponse>"
}

// A clock that is more than a day off, against a server that refuses what is signed more than five minutes off.
func TestClockThatIsOff(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	refused := 0
	skewed := func(request *http.Request) (*http.Response, error) {
		now := time.Now().Add(-25 * time.Hour)
		signed, err := time.Parse("20060102T150405Z", request.Header.Get("X-Amz-Date"))
		if err != nil {
			return nil, err
		}
		if now.Sub(signed).Abs() > 5*time.Minute {
			refused++
			return &http.Response{
				StatusCode: http.StatusForbidden, Header: http.Header{"Date": {now.UTC().Format(http.TimeFormat)}, "Content-Type": {"text/xml"}},
				Body: io.NopCloser(strings.NewReader(tooSkewed(request))),
			}, nil
		}
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			answer.Header.Set("Date", now.UTC().Format(http.TimeFormat))
		}
		return answer, err
	}
	b.deployedFrom(t, shop, "a").AWS.HTTPClient = roundTrip(skewed)
	if err := b.held(hasty).Deploy(t.Context(), DeployOptions{}); err != nil {
		t.Fatalf("%v\n%s", err, b.progress)
	}
	if _, err := b.aws.ec2.AvailabilityZones(t.Context()); err != nil || refused == 0 {
		t.Errorf("%d requests were refused, EC2: %v", refused, err)
	}
	b.Source = tree("b")
	b.mustDeploy(t, DeployOptions{})
	if err := b.Rollback(t.Context(), "prod", 0, DeployOptions{}); err != nil {
		t.Errorf("%v\n%s", err, b.progress)
	}
	wantOutcomes(t, b.releasesOf(t, "prod"), release.Succeeded, release.Succeeded, release.Succeeded)
	want(t, Explain(&smithy.GenericAPIError{Code: "RequestTimeTooSkewed", Message: "The difference is too large"}), "this machine's clock is off")
	want(t, Explain(&smithy.GenericAPIError{Code: "SignatureDoesNotMatch", Message: "Signature expired: 20261125T160000Z is now earlier than 20261125T170000Z"}), "this machine's clock is off")
}

// ends is a session that ends at some time.
type ends struct {
	aws.CredentialsProvider
	after *atomic.Int64
}

func (e ends) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if e.after.Add(-1) < 0 {
		return aws.Credentials{}, &ssocreds.InvalidTokenError{Err: errors.New("token expired")}
	}
	return e.CredentialsProvider.Retrieve(ctx)
}

// A session of IAM Identity Center that ends, wherever it does, is named with how to renew it, and the next run goes on.
func TestSessionThatEnds(t *testing.T) {
	t.Parallel()
	for _, after := range []int64{0, 1, 5, 20, 40, 80} {
		b := newBench(t)
		left := &atomic.Int64{}
		left.Store(after)
		b.Profile, b.AWS.Credentials = "ops", ends{b.AWS.Credentials, left}
		err := b.held(hasty).Deploy(t.Context(), DeployOptions{})
		want(t, err, "SSO session has expired", "`aws sso login --profile ops`", "run the same command again")
		if failure, failed := errors.AsType[*Failure](err); failed {
			t.Errorf("after %d calls: taken for a failed stack: %v", after, failure)
		}
		b.again("a").mustDeploy(t, DeployOptions{})
	}
}

// Also where AWS refuses credentials that do not renew themselves.
func TestCredentialsThatExpire(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Profile = "ops"
	b.held(hasty).double.Fail("DescribeStackEvents", "ExpiredToken", "The security token included in the request is expired", 1)
	want(t, b.Deploy(t.Context(), DeployOptions{}), "ExpiredToken", "`aws sso login --profile ops`", "goes on meanwhile")
	b.again("a").mustDeploy(t, DeployOptions{})
}

// Every call of a launch, an update, a rollback that is continued and a destroy bears a client token where its API takes
// one: tokens are those that the SDK's own types have.
func TestTokens(t *testing.T) {
	t.Parallel()
	b := stuck(t)
	b.again("b").mustDeploy(t, DeployOptions{})
	b.again("b").mustDestroy(t)
	takes := map[string]int{}
	for _, call := range b.double.Calls() {
		key := b.tokenOf(call)
		if key == "" {
			continue
		}
		takes[call.Operation]++
		if text(call.In, key) == "" && text(call.In, strings.ToLower(key[:1])+key[1:]) == "" {
			t.Errorf("%s without its %s", call.Operation, key)
		}
	}
	for _, operation := range []string{"CreateChangeSet", "ExecuteChangeSet", "ContinueUpdateRollback", "DeleteStack", "StartBuild"} {
		if takes[operation] == 0 {
			t.Errorf("%s was not called, or takes no token", operation)
		}
	}
}

// tokenOf is the field of a call's client token; empty where its API has none.
func (b *bench) tokenOf(call awsdouble.Call) string {
	clients := map[string]any{
		"cloudformation": b.aws.stacks, "codebuild": b.aws.builds, "codepipeline": b.aws.pipeline, "logs": b.aws.logs, "ecr": b.aws.registry, "ecs": b.aws.ecs,
		"elasticloadbalancing": b.aws.balancer, "events": b.aws.events, "iam": b.aws.iam, "s3": b.aws.s3, "application-autoscaling": b.aws.scaling,
	}
	client := clients[call.Service]
	if client == nil {
		return ""
	}
	method, ok := reflect.TypeOf(client).MethodByName(call.Operation)
	if !ok {
		return ""
	}
	in := method.Type.In(2).Elem()
	for _, name := range []string{"ClientRequestToken", "ClientToken", "IdempotencyToken"} {
		if _, ok := in.FieldByName(name); ok {
			return name
		}
	}
	return ""
}

// Another build of the account is waited for; an account that may run none is told how to get there.
func TestBuildQueue(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.double.BuildsAtOnce(0)
	want(t, b.Deploy(t.Context(), DeployOptions{}), "may not run any build yet", "Service Quotas")
	release := make(chan struct{})
	b.double.OnBuild(func(build awsdouble.Build) awsdouble.BuildResult {
		<-release
		return awsdouble.BuildResult{}
	})
	b.double.BuildsAtOnce(1)
	project := b.double.PhysicalID("slipway-demo-foundation", "ImageProject")
	if _, err := b.startBuild(t.Context(), foundation{imageProject: project}, strings.Repeat("x", 40), "pipelines"); err != nil {
		t.Fatal(err)
	}
	b.queue = time.Millisecond
	want(t, b.Deploy(t.Context(), DeployOptions{}), "Cannot have more than 1 builds in queue")
	b.double.OnBuild(nil)
	told := b.again("a").progress
	go func() {
		for !strings.Contains(told.String(), "as many builds as it may at a time; waiting") {
			time.Sleep(time.Millisecond)
		}
		close(release)
	}()
	b.mustDeploy(t, DeployOptions{})
}

// A build of which the answer says nothing is found by the next run.
func TestBuildOfWhichNothingIsSaid(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.through(func(request *http.Request) (*http.Response, error) {
		started := operationIn(request) == "StartBuild"
		answer, err := http.DefaultClient.Do(request)
		if err == nil && started {
			_ = answer.Body.Close()
			answer.Body, answer.ContentLength = io.NopCloser(strings.NewReader("{}")), 2
		}
		return answer, err
	})
	want(t, b.Deploy(t.Context(), DeployOptions{}), "start the image build: the answer says nothing of it")
	b.again("a").mustDeploy(t, DeployOptions{})
	if n := len(b.double.CallsTo("StartBuild")); n > 3 {
		t.Errorf("%d builds were asked for", n)
	}
}

// A build that failed is not given again for its token.
func TestBuildThatFailedIsBuiltAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.double.OnBuild(func(awsdouble.Build) awsdouble.BuildResult {
		return awsdouble.BuildResult{FailedPhase: "BUILD", Message: "no"}
	})
	want(t, b.Deploy(t.Context(), DeployOptions{}), "the image build failed")
	b.double.OnBuild(nil)
	b.again("a").mustDeploy(t, DeployOptions{})
	if tokens := b.double.CallsTo("StartBuild"); !slices.ContainsFunc(tokens, func(c awsdouble.Call) bool { return text(c.In, "idempotencyToken") == "image-"+tree("a").Identity() }) {
		t.Error("a build is not found again by its source")
	}
}
