package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// Who holds the pipeline, since when and why is said by hold and by status, until it is let go.
func TestHold(t *testing.T) {
	d := launchedOnDouble(t)
	code, out, errs := call(t, "", "hold", "prod")
	if code != 0 || out != "prod: the pipeline is not held\n" {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
	if code, out, errs = call(t, "", "hold", "prod", "--reason", "freeze until Monday (ops)"); code != 0 {
		t.Fatal(errs)
	}
	wantSaid(t, out, "prod: the pipeline is held since ", ":user/tester: freeze until Monday (ops)", "./scripts/hold.sh prod --lift")
	_, out, _ = call(t, "", "status")
	wantSaid(t, out, "held      since ", "freeze until Monday (ops)")
	var is holding
	_, out, _ = call(t, "", "hold", "prod", "--json")
	if err := json.Unmarshal([]byte(out), &is); err != nil || is.Stage != "Deploy-prod" || is.Held == nil || is.Held.Reason != "freeze until Monday (ops)" || is.Held.Since == nil {
		t.Errorf("%v: %s", err, out)
	}
	// Whoever holds it anew, or lets it go, is told what for it was held: that may have been somebody else's.
	code, out, errs = call(t, "", "hold", "prod", "--reason", "incident 4711")
	if code != 0 {
		t.Fatal(errs)
	}
	wantSaid(t, out, "tester: incident 4711")
	wantSaid(t, errs, "prod was held already, since ", ":user/tester: freeze until Monday (ops)")
	if _, _, errs = call(t, "", "hold", "prod", "--reason", "incident 4711"); strings.Contains(errs, "held already") {
		t.Errorf("the same once more: %s", errs)
	}
	_, _, errs = call(t, "", "hold", "prod", "--lift")
	wantSaid(t, errs, "prod was held, since ", ":user/tester: incident 4711")
	d.Fail("GetPipelineState", "AccessDeniedException", "User is not authorized to perform: codepipeline:GetPipelineState", 2)
	if code, _, errs = call(t, "", "hold", "prod", "--reason", "who may not look holds all the same"); code != exitFailed || len(d.CallsTo("DisableStageTransition")) != 4 {
		t.Errorf("exit code %d, %s", code, errs)
	}
	for range 2 { // nothing holds it the second time, and that is no failure
		if code, out, errs = call(t, "", "hold", "prod", "--lift"); code != 0 || out != "prod: the pipeline is not held\n" {
			t.Errorf("exit code %d, %s%s", code, out, errs)
		}
	}
	_, out, _ = call(t, "", "status")
	if strings.Contains(out, "held") {
		t.Errorf("it is held no more:\n%s", out)
	}
	for _, wrong := range [][]string{
		{"hold"}, {"hold", "dev"}, {"hold", "prod", "dev"}, {"hold", "prod", "--reason", ""}, {"hold", "prod", "--reason", "50 % off"},
		{"hold", "prod", "--reason", "x", "--lift"}, {"hold", "prod", "--reason", strings.Repeat("x", 301)},
	} {
		if code, _, errs := call(t, "", wrong...); code != exitUsage {
			t.Errorf("%v: exit code %d, %s", wrong, code, errs)
		}
	}
	// Whoever may look and may not see this learns the rest.
	d.Fail("GetPipelineState", "AccessDeniedException", "User is not authorized to perform: codepipeline:GetPipelineState", 1)
	if code, out, errs = call(t, "", "status"); code != 0 {
		t.Errorf("exit code %d, %s", code, errs)
	}
	wantSaid(t, out, "prod  healthy", "note      whether the pipeline is held here is not known: ")
	d.Fail("DisableStageTransition", "AccessDeniedException", "User is not authorized to perform: codepipeline:DisableStageTransition", 1)
	if code, _, errs = call(t, "", "hold", "prod", "--reason", "x"); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	wantSaid(t, errs, "hold stage Deploy-prod of pipeline ", "docs/permissions.md")
}

func TestHoldOfNothing(t *testing.T) {
	onDouble(t)
	code, _, errs := call(t, "", "hold", "prod", "--reason", "x")
	if code != exitAbsent {
		t.Errorf("exit code %d, %s", code, errs)
	}
	wantSaid(t, errs, "environment prod is not there", "./scripts/deploy.sh brings it up")
}
