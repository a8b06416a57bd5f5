package awsdouble_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"slipway/internal/awsdouble"
)

// account is a double with the clients that most tests need.
type account struct {
	*awsdouble.Double
	t   *testing.T
	ctx context.Context
	cfn *cloudformation.Client
	s3  *s3.Client
}

func newAccount(t *testing.T, opts ...awsdouble.Option) *account {
	t.Helper()
	d := awsdouble.New(t, opts...)
	return &account{
		Double: d, t: t, ctx: t.Context(),
		cfn: cloudformation.NewFromConfig(d.Config()),
		s3:  s3.NewFromConfig(d.Config(), func(o *s3.Options) { o.UsePathStyle = true }),
	}
}

// must ends the test on an error.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// wantError holds an error against a code and a part of its message.
func wantError(t *testing.T, err error, code, part string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("got %v, want the error %s", err, code)
	}
	if api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), part) {
		t.Errorf("got %s: %s\nwant %s with %q", api.ErrorCode(), api.ErrorMessage(), code, part)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

const templatesBucket = "templates"

// upload puts a template into a bucket and returns its URL as the launcher writes it.
func (a *account) upload(key, body string) string {
	a.t.Helper()
	if a.Keys(templatesBucket) == nil {
		a.PutBucket(templatesBucket)
	}
	must[*s3.PutObjectOutput](a.t)(a.s3.PutObject(a.ctx, &s3.PutObjectInput{
		Bucket: new(templatesBucket), Key: new(key), Body: bytes.NewReader([]byte(body)),
	}))
	return "https://" + templatesBucket + ".s3." + a.Region + ".amazonaws.com/" + key
}

const digestA = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:aaaa"

// launchValues are the root's parameters with the templates of testdata.
func (a *account) launchValues(image string) map[string]string {
	return map[string]string{
		"NetworkTemplateURL": a.upload("network.yaml", read(a.t, "network.yaml")),
		"ECSTemplateURL":     a.upload("ecs.yaml", read(a.t, "ecs.yaml")),
		"ImageURI":           image,
	}
}

func parameters(values map[string]string) []cftypes.Parameter {
	var out []cftypes.Parameter
	for key, value := range values {
		out = append(out, cftypes.Parameter{ParameterKey: new(key), ParameterValue: new(value)})
	}
	return out
}

var namedIAM = []cftypes.Capability{cftypes.CapabilityCapabilityNamedIam}

// createChangeSet makes one for the stack shop-prod and waits until it is made or has failed.
func (a *account) createChangeSet(name string, kind cftypes.ChangeSetType, values map[string]string) *cloudformation.DescribeChangeSetOutput {
	a.t.Helper()
	out := must[*cloudformation.CreateChangeSetOutput](a.t)(a.cfn.CreateChangeSet(a.ctx, &cloudformation.CreateChangeSetInput{
		StackName: new("shop-prod"), ChangeSetName: new(name), ChangeSetType: kind, IncludeNestedStacks: new(true),
		TemplateBody: new(read(a.t, "root.yaml")), Parameters: parameters(values), Capabilities: namedIAM,
	}))
	return a.changeSetEnd(*out.Id)
}

func (a *account) changeSetEnd(id string) *cloudformation.DescribeChangeSetOutput {
	a.t.Helper()
	for {
		cs := must[*cloudformation.DescribeChangeSetOutput](a.t)(a.cfn.DescribeChangeSet(a.ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: new(id)}))
		if !strings.HasSuffix(string(cs.Status), "_IN_PROGRESS") && !strings.HasSuffix(string(cs.Status), "_PENDING") {
			return cs
		}
		a.pause()
	}
}

// pause is the time between two looks; the test's own end ends it.
func (a *account) pause() {
	a.t.Helper()
	select {
	case <-a.ctx.Done():
		a.t.Fatal(a.ctx.Err())
	case <-time.After(2 * time.Millisecond):
	}
}

func (a *account) execute(cs *cloudformation.DescribeChangeSetOutput) {
	a.t.Helper()
	must[*cloudformation.ExecuteChangeSetOutput](a.t)(a.cfn.ExecuteChangeSet(a.ctx, &cloudformation.ExecuteChangeSetInput{
		ChangeSetName: cs.ChangeSetId, ClientRequestToken: new("token-" + *cs.ChangeSetName),
	}))
}

// end waits until a stack's operation has ended and returns the status.
func (a *account) end(stack string) string {
	a.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); a.pause() {
		status := a.StackStatus(stack)
		if !strings.HasSuffix(status, "_IN_PROGRESS") {
			return status
		}
	}
	a.t.Fatalf("%s does not end: %s", stack, a.StackStatus(stack))
	return ""
}

// launch brings shop-prod up.
func (a *account) launch() {
	a.t.Helper()
	a.execute(a.createChangeSet("first", cftypes.ChangeSetTypeCreate, a.launchValues(digestA)))
	if status := a.end("shop-prod"); status != "CREATE_COMPLETE" {
		a.t.Fatalf("launch ends in %s:\n%s", status, strings.Join(a.story("shop-prod"), "\n"))
	}
}

// events reads all events of a stack through pages, oldest first.
func (a *account) events(stack string) []cftypes.StackEvent {
	a.t.Helper()
	var all []cftypes.StackEvent
	pages := cloudformation.NewDescribeStackEventsPaginator(a.cfn, &cloudformation.DescribeStackEventsInput{StackName: new(stack)})
	for pages.HasMorePages() {
		page := must[*cloudformation.DescribeStackEventsOutput](a.t)(pages.NextPage(a.ctx))
		for _, e := range page.StackEvents {
			all = append([]cftypes.StackEvent{e}, all...)
		}
	}
	return all
}

// story is one line an event, "LogicalId STATUS reason", of a stack and those nested in it, by time.
func (a *account) story(stack string) []string {
	a.t.Helper()
	var lines []string
	for _, e := range a.events(stack) {
		line := *e.LogicalResourceId + " " + string(e.ResourceStatus)
		if e.ResourceStatusReason != nil {
			line += " " + *e.ResourceStatusReason
		}
		lines = append(lines, line)
	}
	return lines
}

func (a *account) describe(stack string) cftypes.Stack {
	a.t.Helper()
	out := must[*cloudformation.DescribeStacksOutput](a.t)(a.cfn.DescribeStacks(a.ctx, &cloudformation.DescribeStacksInput{StackName: new(stack)}))
	return out.Stacks[0]
}

func (a *account) output(stack, key string) string {
	a.t.Helper()
	for _, o := range a.describe(stack).Outputs {
		if *o.OutputKey == key {
			return *o.OutputValue
		}
	}
	a.t.Fatalf("stack %s has no output %s", stack, key)
	return ""
}
