package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/smithy-go"

	"slipway/internal/awsdouble"
	"slipway/internal/launch"
)

// valueOf is the value of a Key=Value line.
func valueOf(t *testing.T, out, key string) string {
	t.Helper()
	for line := range strings.Lines(out) {
		if value, ok := strings.CutPrefix(line, key+"="); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("no %s in %s", key, out)
	return ""
}

// pushable has the application up, and a pipeline that has another source.
func pushable(t *testing.T) (d *awsdouble.Double, pipeline string) {
	t.Helper()
	d = launchedOnDouble(t)
	d.PutObject(d.PhysicalID("slipway-demo-foundation", "Bucket"), "source.zip", []byte("another"))
	return d, d.PhysicalID("slipway-demo-prod", "Pipeline.Pipeline")
}

func TestPush(t *testing.T) {
	d, pipeline := pushable(t)
	changes, leases := len(d.CallsTo("CreateChangeSet")), len(d.CallsTo("PutObject"))
	code, out, errs := call(t, "", "push")
	if code != 0 {
		t.Fatal(errs)
	}
	wantSaid(t, errs, "uploaded source.zip", "has source "+valueOf(t, out, "Identity")[:12]+" now", "push.sh --wait", "https://console.aws.amazon.com/codesuite/codepipeline/pipelines/"+pipeline)
	if valueOf(t, out, "PipelineName") != pipeline || valueOf(t, out, "Dirty") == "" {
		t.Errorf("%s", out)
	}
	if len(d.CallsTo("CreateChangeSet")) != changes || len(d.CallsTo("PutObject")) != leases+1 {
		t.Error("it did more than upload the source")
	}
	_, again, errs := call(t, "", "push")
	wantSaid(t, errs, "already", "start-pipeline-execution --name "+pipeline)
	if valueOf(t, again, "SourceVersion") != valueOf(t, out, "SourceVersion") || strings.Contains(errs, "uploaded") {
		t.Errorf("it was uploaded again: %s", again)
	}
}

func TestPushWaits(t *testing.T) {
	d, pipeline := pushable(t)
	_, out, _ := call(t, "", "push")
	version := valueOf(t, out, "SourceVersion")
	lint := awsdouble.ActionRun{Stage: "Checks", Action: "Lint", Status: "Succeeded"}
	d.SetRun(pipeline, version, "InProgress", awsdouble.ActionRun{Stage: "Checks", Action: "Lint", Status: "InProgress"},
		awsdouble.ActionRun{Stage: "Deploy-prod", Action: "Approve", Status: "InProgress"})
	go func() {
		seen(d, "ListActionExecutions")
		d.SetRun(pipeline, version, "Succeeded", lint)
	}()
	code, out, errs := call(t, "", "push", "--wait")
	if code != 0 || valueOf(t, out, "Result") != "Succeeded" {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
	wantSaid(t, errs, "Checks/Lint: Succeeded", "it waits for somebody to approve or reject on https://console.aws.amazon.com/codesuite/codepipeline/pipelines/"+pipeline,
		"put-approval-result --pipeline-name "+pipeline+" --stage-name Deploy-prod --action-name Approve")
	if n := strings.Count(errs, "put-approval-result"); n != 1 {
		t.Errorf("it says %d times how to approve: %s", n, errs)
	}
	if strings.Contains(errs, "follow it") {
		t.Errorf("it says how to follow what it follows: %s", errs)
	}

	d.OnBuild(func(awsdouble.Build) awsdouble.BuildResult {
		return awsdouble.BuildResult{FailedPhase: "BUILD", Message: "exit status 1", Log: []string{"web/main_test.go:7: it broke"}}
	})
	project := d.PhysicalID("slipway-demo-prod", "Pipeline.ChecksProject")
	builds := codebuild.NewFromConfig(d.Config())
	started, err := builds.StartBuild(t.Context(), &codebuild.StartBuildInput{
		ProjectName: &project, SourceTypeOverride: types.SourceTypeS3, SourceLocationOverride: new("nowhere"),
		ArtifactsOverride: &types.ProjectArtifacts{Type: types.ArtifactsTypeNoArtifacts},
	})
	if err != nil {
		t.Fatal(err)
	}
	for {
		out, err := builds.BatchGetBuilds(t.Context(), &codebuild.BatchGetBuildsInput{Ids: []string{*started.Build.Id}})
		if err != nil {
			t.Fatal(err)
		}
		if out.Builds[0].BuildStatus != types.StatusTypeInProgress {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	d.SetRun(pipeline, version, "Failed", lint,
		awsdouble.ActionRun{Stage: "Checks", Action: "Unit", Status: "Failed", Build: *started.Build.Id, Message: "Build terminated with state: FAILED"})
	code, out, errs = call(t, "", "push", "--wait")
	if code != exitFailed || valueOf(t, out, "Result") != "Failed" {
		t.Errorf("exit code %d, %s", code, out)
	}
	wantSaid(t, errs, "action Checks/Unit failed: Build terminated with state: FAILED", "in phase BUILD", "web/main_test.go:7: it broke")

	d.SetRun(pipeline, version, "Superseded", lint)
	if code, _, errs = call(t, "", "push", "--wait"); code != exitFailed || !strings.Contains(errs, "ended as Superseded") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

// What became of a run that did not fail is said as it is.
func TestPushSaysHowARunEnded(t *testing.T) {
	d, pipeline := pushable(t)
	_, out, _ := call(t, "", "push")
	version := valueOf(t, out, "SourceVersion")
	for _, status := range []string{"Stopped", "Cancelled", "Superseded"} {
		d.SetRun(pipeline, version, status, awsdouble.ActionRun{Stage: "Deploy-prod", Action: "Plan", Status: "Abandoned"})
		code, out, errs := call(t, "", "push", "--wait")
		if code != exitFailed || valueOf(t, out, "Result") != status || strings.Contains(errs, " failed") {
			t.Errorf("%s: exit code %d, %s%s", status, code, out, errs)
		}
		wantSaid(t, errs, "execution "+valueOf(t, out, "Execution")+" ended as "+status+", at Deploy-prod/Plan")
	}
	d.SetRun(pipeline, version, "Stopping")
	go func() {
		time.Sleep(300 * time.Millisecond)
		d.SetRun(pipeline, version, "Stopped")
	}()
	if code, out, errs := call(t, "", "push", "--wait"); code != exitFailed || valueOf(t, out, "Result") != "Stopped" {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
	d.Fail("GetPipelineExecution", "PipelineExecutionNotFoundException", "The pipeline execution does not exist", 1)
	code, _, errs := call(t, "", "push", "--wait")
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	wantSaid(t, errs, "ask about execution ", "The pipeline execution does not exist")

	// An event that comes twice starts two runs, of which the second may supersede the first: the source goes on in that one.
	d.SetRun(pipeline, version, "InProgress")
	go func() {
		time.Sleep(300 * time.Millisecond)
		d.AnotherRun(pipeline, version, "Succeeded")
		d.SetRun(pipeline, version, "Superseded")
	}()
	code, out, errs = call(t, "", "push", "--wait")
	if code != 0 || valueOf(t, out, "Result") != "Succeeded" || strings.Count(out, "Execution=") != 2 {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
	wantSaid(t, errs, "has superseded execution")
}

// That AWS is out of reach for a while says nothing of a run, which goes on.
func TestRunIsAskedForAgain(t *testing.T) {
	busy := &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded"}
	var said bytes.Buffer
	a, asked := &app{streams: streams{err: &said}}, 0
	err := a.askOn(t.Context(), time.Millisecond, time.Minute, func() error {
		if asked++; asked < 4 {
			return busy
		}
		return nil
	})
	if err != nil || asked != 4 || strings.Count(said.String(), "trying again") != 1 {
		t.Errorf("%v after %d: %s", err, asked, said.String())
	}
	err = a.askOn(t.Context(), time.Millisecond, 20*time.Millisecond, func() error { return busy })
	if !errors.Is(err, launch.ErrInterrupted) || !strings.Contains(err.Error(), "Rate exceeded") || !strings.Contains(err.Error(), "push.sh --wait") {
		t.Errorf("it ends with %v", err)
	}
	denied := &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "not authorized"}
	asked = 0
	if err := a.askOn(t.Context(), time.Millisecond, time.Minute, func() error { asked++; return denied }); !errors.Is(err, denied) || asked != 1 {
		t.Errorf("%v after %d", err, asked)
	}
}

func TestPushIsRefused(t *testing.T) {
	onDouble(t)
	withGen(t)
	if code, _, errs := call(t, "", "push"); code != exitAbsent || !strings.Contains(errs, "there is no pipeline") {
		t.Errorf("exit code %d, %s", code, errs)
	}
	if code, _, errs := call(t, "", "push", "--wait", "--patience", "1ms"); code != exitAbsent {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

// A run that never begins is not waited for for ever.
func TestPushWaitsNotForEver(t *testing.T) {
	pushable(t)
	code, _, errs := call(t, "", "push", "--wait", "--patience", "1ms")
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	wantSaid(t, errs, "no run of pipeline", "start-pipeline-execution")
}

// seen waits until a call was answered, since it is made again.
func seen(d *awsdouble.Double, call string) {
	for len(d.CallsTo(call)) < 2 {
		time.Sleep(time.Millisecond)
	}
}

// A run that stands still before a stage says why, once.
func TestPushSaysWhatARunWaitsFor(t *testing.T) {
	d, pipeline := pushable(t)
	_, out, _ := call(t, "", "push")
	version := valueOf(t, out, "SourceVersion")
	source := awsdouble.ActionRun{Stage: "Source", Action: "Source", Status: "Succeeded"}
	d.SetRun(pipeline, "another", "InProgress", source, awsdouble.ActionRun{Stage: "Checks", Action: "Unit", Status: "InProgress"})
	runs := d.Executions(pipeline)
	other := runs[len(runs)-1].ID
	d.SetRun(pipeline, version, "InProgress", source)
	go func() {
		seen(d, "GetPipelineState")
		d.SetRun(pipeline, version, "Succeeded", source)
	}()
	code, out, errs := call(t, "", "push", "--wait")
	if code != 0 || strings.Count(errs, "Checks: it waits until execution "+other+" has left this stage") != 1 {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
}
