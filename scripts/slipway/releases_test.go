package main

import (
	"encoding/json"
	"strings"
	"testing"

	"slipway/internal/awsdouble"
	"slipway/internal/plan"
	"slipway/internal/release"
)

// twoReleases has the committed application up, and a second release of another image after it.
func twoReleases(t *testing.T) *awsdouble.Double {
	t.Helper()
	d := launchedOnDouble(t)
	repository := d.PhysicalID("slipway-demo-foundation", "Repository")
	digest := d.PutImage(repository, strings.Repeat("b", 40), "")
	d.Redeploy(d.AccountID + ".dkr.ecr." + d.Region + ".amazonaws.com/" + repository + "@" + digest)
	if code, _, errs := call(t, "", "deploy", "--yes", "--image", "keep"); code != 0 {
		t.Fatal(errs)
	}
	return d
}

func TestReleases(t *testing.T) {
	d := twoReleases(t)
	code, out, errs := call(t, "", "releases")
	if code != 0 || errs != "" {
		t.Errorf("exit code %d, %s", code, errs)
	}
	wantSaid(t, out, "prod\n", "*    2  succeeded", "     1  succeeded", "tester on ", "source bbbbbbbbbbbb")
	d.PutObject(d.PhysicalID("slipway-demo-foundation", "Bucket"), "releases/prod/3.json", []byte("?"))
	if code, out, _ = call(t, "", "releases", "--environment", "prod", "--limit", "3"); code != 0 {
		t.Errorf("exit code %d", code)
	}
	wantSaid(t, out, "     3  unreadable", "is not a release's record", "*    2  succeeded")
	_, out, _ = call(t, "", "releases", "--json")
	var numbers []int
	for line := range strings.Lines(out) {
		var r listed
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if numbers = append(numbers, r.Number); r.Current != (r.Number == 2) || r.Environment != "prod" {
			t.Errorf("%+v", r)
		}
	}
	if len(numbers) != 3 {
		t.Errorf("releases %v", numbers)
	}
	if code, _, errs = call(t, "", "releases", "--limit", "-1"); code != exitUsage {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

func TestReleasesOfNothing(t *testing.T) {
	onDouble(t)
	for _, command := range [][]string{{"releases"}, {"diff", "1", "2"}, {"rollback"}} {
		if code, _, errs := call(t, "", command...); code != exitAbsent || !strings.Contains(errs, "there is no such release") {
			t.Errorf("%v: exit code %d, %s", command, code, errs)
		}
	}
}

func TestDiff(t *testing.T) {
	twoReleases(t)
	code, out, errs := call(t, "", "diff", "1", "2")
	if code != 0 {
		t.Errorf("exit code %d, %s", code, errs)
	}
	wantSaid(t, out, "prod: release 1 (succeeded) and release 2 (succeeded)", "source bbbbbbbbbbbb", ", the same\n", "ImageURI", "TaskDefinition (AWS::ECS::TaskDefinition)")
	_, out, _ = call(t, "", "diff", "1", "--environment", "prod", "--json")
	var d difference
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatal(err)
	}
	if d.From.Number != 1 || d.To.Number != 2 || len(d.Parameters) != 1 || d.Parameters[0].Name != "ImageURI" || d.From.TemplateSet != d.To.TemplateSet || len(d.Plan.Changes) == 0 {
		t.Errorf("%+v", d)
	}
	for _, wrong := range [][]string{{"diff"}, {"diff", "x"}, {"diff", "1", "2", "3"}, {"diff", "0"}} {
		if code, _, errs := call(t, "", wrong...); code != exitUsage {
			t.Errorf("%v: exit code %d, %s", wrong, code, errs)
		}
	}
	if code, _, _ = call(t, "", "diff", "1", "9"); code != exitAbsent {
		t.Errorf("exit code %d", code)
	}
}

func TestRollback(t *testing.T) {
	twoReleases(t)
	code, out, errs := call(t, "", "rollback")
	if code != 0 {
		t.Fatal(errs)
	}
	wantSaid(t, out, "Environment=prod", "ImageURI=")
	if code, _, errs = call(t, "", "rollback", "2", "--environment", "prod"); code != 0 {
		t.Fatal(errs)
	}
	wantSaid(t, errs, "going back to release 2 of prod: source bbbb")
	_, out, _ = call(t, "", "releases")
	wantSaid(t, out, "*    4  succeeded", "(rollback of prod 2)", "(rollback of prod 1)")
	for want, command := range map[int][]string{exitAbsent: {"rollback", "9"}, exitUsage: {"rollback", "-2"}} {
		if code, _, errs = call(t, "", command...); code != want {
			t.Errorf("%v: exit code %d, %s", command, code, errs)
		}
	}
	for _, wrong := range [][]string{{"promote", "prod"}, {"promote", "prod", "prod"}, {"promote", "dev", "prod"}, {"rollback", "1", "2"}} {
		if code, _, errs := call(t, "", wrong...); code != exitUsage {
			t.Errorf("%v: exit code %d, %s", wrong, code, errs)
		}
	}
}

// What going back would change is shown before, and changes nothing.
func TestRollbackPlan(t *testing.T) {
	twoReleases(t)
	code, out, errs := call(t, "", "rollback", "--plan")
	if code != 0 {
		t.Fatal(errs)
	}
	wantSaid(t, out, "slipway-demo-prod", "TaskDefinition", "ImageURI")
	wantSaid(t, errs, "going back to release 1 of prod")
	code, out, errs = call(t, "", "rollback", "1", "--plan", "--json")
	var plans []plan.Plan
	if err := json.Unmarshal([]byte(out), &plans); err != nil || code != 0 {
		t.Fatal(code, err, errs)
	}
	if len(plans) != 1 || plans[0].Environment != "prod" || len(plans[0].Changes) == 0 || plans[0].Over == nil || plans[0].Over.Number != 2 {
		t.Errorf("%+v", plans)
	}
	if code, out, errs = call(t, "", "rollback", "2", "--plan"); code != 0 || !strings.Contains(out, "No resource changes") {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
	_, out, _ = call(t, "", "releases")
	wantSaid(t, out, "*    2  succeeded")
	if strings.Contains(out, "    3  ") {
		t.Errorf("a plan is a release:\n%s", out)
	}
	for want, command := range map[int][]string{exitAbsent: {"rollback", "9", "--plan"}, exitUsage: {"rollback", "--json"}} {
		if code, _, errs := call(t, "", command...); code != want {
			t.Errorf("%v: exit code %d, %s", command, code, errs)
		}
	}
	if code, _, errs := call(t, "", "rollback", "--plan", "--yes"); code != exitUsage || !strings.Contains(errs, "--plan deploys nothing, so --yes has no place beside it") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

func TestWhoText(t *testing.T) {
	for want, r := range map[string]release.Record{
		"anna on laptop":            {By: "arn:aws:iam::123456789012:user/anna on laptop"},
		"root":                      {By: "arn:aws:iam::123456789012:root"},
		"pipeline, execution e-1":   {By: "arn:aws:sts::123456789012:assumed-role/deploy/x on build", Execution: "e-1"},
		"anna (promotion of dev 3)": {By: "arn:aws:iam::123456789012:user/anna", Kind: release.Promotion, Of: &release.Ref{Environment: "dev", Number: 3}},
	} {
		if got := whoText(r); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
