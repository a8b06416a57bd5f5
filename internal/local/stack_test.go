package local

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

const bucket = "slipway-local-test"

// bench is an engine with the test's templates and image in it.
type bench struct {
	*testing.T
	e     *Engine
	cfn   *cloudformation.Client
	image string
	urls  map[string]string
}

func newBench(t *testing.T, opts ...Option) *bench {
	t.Helper()
	return newBenchIn(t, clone(t), opts...)
}

func newBenchIn(t *testing.T, root string, opts ...Option) *bench {
	t.Helper()
	e := started(t, root, opts...)
	b := &bench{T: t, e: e, cfn: cloudformation.NewFromConfig(e.AWSConfig()), urls: map[string]string{}}
	if _, err := s3Client(e).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"network", "service"} {
		b.upload(name, b.template(name))
	}
	b.image = pushServer(t, e)
	return b
}

func (b *bench) template(name string) string {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

func (b *bench) upload(name, text string) {
	b.Helper()
	key := fmt.Sprintf("%s-%s.yaml", name, hash([]byte(text))[:8])
	_, err := s3Client(b.e).PutObject(b.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader(text)})
	if err != nil {
		b.Fatal(err)
	}
	b.urls[name] = "https://" + bucket + ".s3.us-east-1.amazonaws.com/" + key
}

var serverOnce = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "slipway-test-server-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "server"), "./testdata/server")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if runtime.GOOS == "darwin" {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, "server"))
})

// pushServer pushes an image of testdata/server and returns its reference as AWS would give it.
func pushServer(t *testing.T, e *Engine) string {
	t.Helper()
	binary, err := serverOnce()
	if err != nil {
		t.Fatal(err)
	}
	repository, err := ecr.NewFromConfig(e.AWSConfig()).CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: aws.String("web")})
	if err != nil {
		t.Fatal(err)
	}
	image := serverImage(t, binary)
	ref, err := name.NewTag(strings.TrimPrefix(e.Endpoint, "http://")+"/web:1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return *repository.Repository.RepositoryUri + "@" + digest.String()
}

func serverImage(t *testing.T, binary []byte) v1.Image {
	t.Helper()
	var layer bytes.Buffer
	archive := tar.NewWriter(&layer)
	err := errors.Join(
		archive.WriteHeader(&tar.Header{Name: "server", Mode: 0o755, Size: int64(len(binary))}),
		func() error { _, err := archive.Write(binary); return err }(),
		archive.Close(),
	)
	if err != nil {
		t.Fatal(err)
	}
	content, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, content)
	if err != nil {
		t.Fatal(err)
	}
	image, err = mutate.Config(image, v1.Config{Entrypoint: []string{"/server"}, WorkingDir: "/", User: "65532:65532"})
	if err != nil {
		t.Fatal(err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	if image, err = mutate.ConfigFile(image, file); err != nil {
		t.Fatal(err)
	}
	return image
}

// params are the root's parameters that a test changes.
type params map[string]string

// deploy creates or updates the stack by a change set and returns it when it is no longer in progress.
func (b *bench) deploy(stack string, kind cfntypes.ChangeSetType, given params) cfntypes.Stack {
	b.Helper()
	id, err := b.changeSet(stack, kind, given)
	if err != nil {
		b.Fatal(err)
	}
	for range 2 { // as an SDK does that has lost the first answer
		_, err = b.cfn.ExecuteChangeSet(b.Context(), &cloudformation.ExecuteChangeSetInput{ChangeSetName: id, ClientRequestToken: aws.String("token-" + stack)})
		if err != nil {
			b.Fatal(err)
		}
	}
	return b.settled(stack)
}

// changeSet makes a change set and returns its id, or the reason why it failed.
func (b *bench) changeSet(stack string, kind cfntypes.ChangeSetType, given params) (*string, error) {
	b.Helper()
	all := params{"NetworkTemplate": b.urls["network"], "ServiceTemplate": b.urls["service"], "ImageURI": b.image}
	for key, value := range given {
		all[key] = value
	}
	in := &cloudformation.CreateChangeSetInput{
		StackName: &stack, ChangeSetName: aws.String(fmt.Sprintf("c%d", time.Now().UnixNano())), ChangeSetType: kind,
		TemplateBody: aws.String(b.template("root")), Capabilities: []cfntypes.Capability{cfntypes.CapabilityCapabilityIam},
		IncludeNestedStacks: aws.Bool(true), RoleARN: aws.String("arn:aws:iam::000000000000:role/executes"),
		Tags: []cfntypes.Tag{{Key: aws.String("slipway:name"), Value: aws.String("web")}},
	}
	for key, value := range all {
		in.Parameters = append(in.Parameters, cfntypes.Parameter{ParameterKey: &key, ParameterValue: &value})
	}
	out, err := b.cfn.CreateChangeSet(b.Context(), in)
	if err != nil {
		b.Fatal(err)
	}
	for {
		got, err := b.cfn.DescribeChangeSet(b.Context(), &cloudformation.DescribeChangeSetInput{ChangeSetName: out.Id})
		if err != nil {
			b.Fatal(err)
		}
		switch got.Status {
		case cfntypes.ChangeSetStatusCreateComplete:
			return out.Id, nil
		case cfntypes.ChangeSetStatusFailed:
			return out.Id, errors.New(aws.ToString(got.StatusReason))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (b *bench) describe(stack string) cfntypes.Stack {
	b.Helper()
	out, err := b.cfn.DescribeStacks(context.WithoutCancel(b.Context()), &cloudformation.DescribeStacksInput{StackName: &stack})
	if err != nil {
		b.Fatal(err)
	}
	return out.Stacks[0]
}

func (b *bench) settled(stack string) cfntypes.Stack {
	b.Helper()
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if s := b.describe(stack); !strings.HasSuffix(string(s.StackStatus), "_IN_PROGRESS") {
			return s
		}
	}
	b.Fatalf("stack %s never settled:\n%s", stack, b.events(stack))
	return cfntypes.Stack{}
}

func (b *bench) rawEvents(stack string) []cfntypes.StackEvent {
	b.Helper()
	out, err := b.cfn.DescribeStackEvents(b.Context(), &cloudformation.DescribeStackEventsInput{StackName: &stack})
	if err != nil {
		b.Fatal(err)
	}
	return out.StackEvents
}

// events are a stack's events, the oldest first, one a line.
func (b *bench) events(stack string) string {
	b.Helper()
	var lines []string
	for _, event := range b.rawEvents(stack) {
		line := fmt.Sprintf("%s %s %s %s", *event.LogicalResourceId, *event.ResourceType, event.ResourceStatus, aws.ToString(event.ResourceStatusReason))
		lines = append([]string{strings.TrimSpace(line)}, lines...)
	}
	return strings.Join(lines, "\n")
}

func (b *bench) wantStatus(s cfntypes.Stack, want cfntypes.StackStatus) {
	b.Helper()
	if s.StackStatus == want {
		return
	}
	text := b.events(*s.StackId)
	for _, child := range b.children(*s.StackName) {
		text += "\n\n" + b.events(child)
	}
	b.Fatalf("stack %s is %s, want %s:\n%s", *s.StackName, s.StackStatus, want, text)
}

// children are the ids of all stacks nested in a stack that ever were.
func (b *bench) children(stack string) []string {
	b.Helper()
	ids := map[string]bool{}
	for _, event := range b.rawEvents(stack) {
		if *event.ResourceType == "AWS::CloudFormation::Stack" && *event.LogicalResourceId != stack && aws.ToString(event.PhysicalResourceId) != "" {
			ids[*event.PhysicalResourceId] = true
		}
	}
	var list []string
	for id := range ids {
		list = append(list, id)
	}
	return list
}

func output(s cfntypes.Stack, key string) string {
	for _, o := range s.Outputs {
		if *o.OutputKey == key {
			return *o.OutputValue
		}
	}
	return ""
}

func (b *bench) delete(stack string) cfntypes.Stack {
	b.Helper()
	id := *b.describe(stack).StackId
	if _, err := b.cfn.DeleteStack(b.Context(), &cloudformation.DeleteStackInput{StackName: &stack}); err != nil {
		b.Fatal(err)
	}
	return b.settled(id)
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, strings.TrimSpace(string(body))
}

func TestStackLifecycle(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.deploy("web", cfntypes.ChangeSetTypeCreate, nil)
	b.wantStatus(s, cfntypes.StackStatusCreateComplete)
	if status, body := get(t, output(s, "URL")); status != 200 || body != "1" {
		t.Errorf("GET %s: %d %q", output(s, "URL"), status, body)
	}
	if _, err := b.changeSet("web", cfntypes.ChangeSetTypeUpdate, nil); err == nil || !strings.Contains(err.Error(), "didn't contain changes") {
		t.Errorf("change set without changes: %v", err)
	}
	s = b.deploy("web", cfntypes.ChangeSetTypeUpdate, params{"Version": "2"})
	b.wantStatus(s, cfntypes.StackStatusUpdateComplete)
	if _, body := get(t, output(s, "URL")); body != "2" {
		t.Errorf("after the update: %q", body)
	}
	b.wantStatus(b.delete("web"), cfntypes.StackStatusDeleteComplete)
}
