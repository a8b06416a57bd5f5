package evidence_test

import (
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"slipway/internal/cause"
	"slipway/internal/evidence"
)

const buildID = "shop-image:6c2d1f0e"

// failedBuild is shaped after github.com/data-dot-all/dataall/issues/217; the texts are those of
// github.com/awslabs/aws-deployment-framework/issues/471.
func failedBuild(status string) map[string]string {
	return map[string]string{
		"BatchGetBuilds": `{"builds":[{"id":"` + buildID + `","buildStatus":"` + status + `","phases":[
			{"phaseType":"SUBMITTED","phaseStatus":"SUCCEEDED"},
			{"phaseType":"INSTALL","phaseStatus":"SUCCEEDED","contexts":[{"statusCode":"","message":""}]},
			{"phaseType":"BUILD","phaseStatus":"FAILED","contexts":[{"statusCode":"COMMAND_EXECUTION_ERROR","message":"Error while executing command: ./scripts/stage.sh \"$STAGE\". Reason: exit status 2"}]},
			{"phaseType":"UPLOAD_ARTIFACTS","phaseStatus":"FAILED","contexts":[{"statusCode":"CLIENT_ERROR","message":"no matching artifact paths found"}]},
			{"phaseType":"COMPLETED"}],
			"environment":{"environmentVariables":[{"name":"TOKEN","value":"s3cret"}]},
			"logs":{"groupName":"/shop/image","streamName":"6c2d1f0e","deepLink":"https://console.aws.amazon.com/cloudwatch/home#logEvent"}}]}`,
		"GetLogEvents": `{"events":[{"message":"[Container] 2026/11/22 12:00:00 Running command ./scripts/stage.sh\n"},
			{"message":"web/main.go:7:2: undefined: x\n"},{"message":"[Container] 2026/11/22 12:00:01 Phase complete: BUILD State: FAILED\n"}]}`,
	}
}

func TestBuild(t *testing.T) {
	_, clients := serve(t, failedBuild("FAILED"))
	got := evidence.Build(t.Context(), clients, buildID).Explain()
	want := []string{
		`build shop-image:6c2d1f0e FAILED in phase BUILD: COMMAND_EXECUTION_ERROR: Error while executing command: ./scripts/stage.sh "$STAGE". Reason: exit status 2; last log lines:`,
		"  | web/main.go:7:2: undefined: x",
		"whole log: https://console.aws.amazon.com/cloudwatch/home#logEvent",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Slipway's own error at the end of a build's log is shown whole: its last lines alone say what to do and not why.
func TestBuildThatEndsWithAnError(t *testing.T) {
	answers := failedBuild("FAILED")
	var events []string
	whole := []string{"error: environment prod: acceptance of http://x failed: GET http://x/time answered 500", "cause: acceptance-refused: the service runs",
		"task 1a2b stopped: Essential container exited", "next: mend the service", "whole report: the line of this log", "release 2, which was there before, is back"}
	for _, line := range append([]string{"error: an earlier one", "ImageURI=x"}, whole...) {
		events = append(events, fmt.Sprintf(`{"message":%q}`, line+"\n"))
	}
	answers["GetLogEvents"] = `{"events":[` + strings.Join(events, ",") + `]}`
	_, clients := serve(t, answers)
	var want []string
	for _, line := range whole {
		want = append(want, "  | "+line)
	}
	got := evidence.Build(t.Context(), clients, buildID).Explain()
	if diff := gocmp.Diff(want, got[1:len(got)-1]); diff != "" {
		t.Error(diff)
	}
}

func TestBuildThatHasNotFailed(t *testing.T) {
	for _, status := range []string{"SUCCEEDED", "IN_PROGRESS"} {
		_, clients := serve(t, failedBuild(status))
		got := evidence.Build(t.Context(), clients, buildID)
		if got.Status != status || len(got.Explain()) != 0 {
			t.Errorf("%+v explained %q", got, got.Explain())
		}
	}
}

func TestBuildThatCannotBeAsked(t *testing.T) {
	for name, answers := range map[string]map[string]string{
		"build shop-image:6c2d1f0e: AccessDenied":                   nil,
		"build shop-image:6c2d1f0e: CodeBuild does not know it":     {"BatchGetBuilds": `{"builds":[],"buildsNotFound":["` + buildID + `"]}`},
		"log of build shop-image:6c2d1f0e: AccessDeniedException: ": {"BatchGetBuilds": failedBuild("FAILED")["BatchGetBuilds"]},
	} {
		_, clients := serve(t, answers)
		got := strings.Join(evidence.Build(t.Context(), clients, buildID).Explain(), "\n")
		if !strings.Contains(got, "could not ask for "+name) {
			t.Errorf("explained %q, want %q", got, name)
		}
	}
}

func TestCausesOfBuilds(t *testing.T) {
	for _, test := range []struct{ status, log, want string }{
		{"FAILED", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", "docker-missing"},
		// docs.docker.com/docker-hub/usage
		{"FAILED", "toomanyrequests: You have reached your pull rate limit.", "pull-limit"},
		{"FAILED", "exec /bin/sh: exec format error", "architecture-mismatch"},
		{"FAILED", "undefined: x", "build-fails"},
		// On the local engine the build that fails is not Docker's.
		{"FAILED", "building the image without Docker (no Docker engine: Cannot connect to the Docker daemon at unix:///var/run/docker.sock.)\\nundefined: x", "build-fails"},
		{"STOPPED", "x", "build-stopped"},
		{"TIMED_OUT", "x", "build-timeout"},
	} {
		answers := failedBuild(test.status)
		answers["GetLogEvents"] = `{"events":[{"message":"` + test.log + `"}]}`
		_, clients := serve(t, answers)
		signals := evidence.Build(t.Context(), clients, buildID).Signals()
		if got := cause.Find(signals); got.Name != test.want {
			t.Errorf("named %s, want %s: %+v", got.Name, test.want, signals)
		}
	}
}
