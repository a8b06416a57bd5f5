package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"slipway/internal/contract"
	"slipway/internal/launch"
	"slipway/internal/plan"
)

var risky = []plan.Plan{{
	Environment: "prod", Changes: make([]plan.Change, 3),
	Risks: []plan.Risk{{Name: "replace:prod.ECS.LoadBalancer", Kind: plan.Replace, Text: "is replaced"}, {Name: "cost:prod", Kind: plan.Costs, Text: "costs more"}},
}}

// Who approves reads in a line what matters, however long the list is.
func TestSummary(t *testing.T) {
	if got, want := summary(risky), "3 resources change; at risk: replace:prod.ECS.LoadBalancer, cost:prod"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := summary([]plan.Plan{{}}), "0 resources change; nothing is at risk"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	over := []plan.Plan{{Over: &plan.Over{Number: 4, ByHand: "ann on laptop"}}}
	if got, want := summary(over), "0 resources change, over release 4 by hand; nothing is at risk"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	many := []plan.Plan{{Risks: make([]plan.Risk, 400)}}
	if got := summary(many); len(got) > 600 || !strings.HasSuffix(got, "(the rest is in the log)") {
		t.Errorf("%d characters: %s", len(got), got)
	}
}

func TestBuildPage(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:codebuild:eu-west-1:123456789012:build/Deploy-1:0f-2":            "https://console.aws.amazon.com/codesuite/codebuild/123456789012/projects/Deploy-1/build/Deploy-1:0f-2/log?region=eu-west-1",
		"arn:aws-us-gov:codebuild:us-gov-west-1:123456789012:build/Deploy-1:0f-2": "https://console.amazonaws-us-gov.com/codesuite/codebuild/123456789012/projects/Deploy-1/build/Deploy-1:0f-2/log?region=us-gov-west-1",
		"": "", "nonsense": "",
	} {
		if got := buildPage(arn); got != want {
			t.Errorf("%q: got %s, want %s", arn, got, want)
		}
	}
}

// A deployment may do what its environment's plan says: that which the pipeline hands over, and none of another.
func TestDeployTakesTheRisksOfItsPlan(t *testing.T) {
	dir := t.TempDir()
	text, err := json.Marshal(risky)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, contract.PlanFile), text, 0o644); err != nil {
		t.Fatal(err)
	}
	a := &app{environ: []string{"CODEBUILD_SRC_DIR_Plan_prod=" + dir, "CODEBUILD_SRC_DIR_Plan_empty=" + t.TempDir()}}
	for environment, want := range map[string][]string{"prod": {"replace:prod.ECS.LoadBalancer", "cost:prod"}, "dev": nil} {
		plans, err := a.planned(environment)
		o := launch.DeployOptions{Environments: []string{environment}}.Planned(plans...)
		if diff := cmp.Diff(want, o.Allow); err != nil || diff != "" {
			t.Errorf("%s: %v %s", environment, err, diff)
		}
	}
	if _, err := a.planned("empty"); err == nil || !strings.Contains(err.Error(), "read the plan of empty") {
		t.Errorf("a plan that is not in the artifact: %v", err)
	}
	// What is handed over is one, of this environment: without it nobody has looked over what the deployment goes.
	other, err := json.Marshal([]plan.Plan{{Environment: "dev"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"null", "[]", "{}", `[{"environment": "prod"`, "", string(other)} {
		if err := os.WriteFile(filepath.Join(dir, contract.PlanFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := a.planned("prod"); err == nil || !strings.Contains(err.Error(), "plan of prod") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// The builds of the unit tests run what all others run, and report it besides.
func TestBuildspecsAgree(t *testing.T) {
	read := func(path string) map[string]any {
		text, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Fatal(err)
		}
		var spec map[string]any
		if err := yaml.Unmarshal(text, &spec); err != nil {
			t.Fatal(err)
		}
		return spec
	}
	all, unit := read("buildspec.yml"), read("scripts/buildspec-unit.yml")
	for _, section := range []string{"version", "phases", "cache", "artifacts"} {
		if diff := cmp.Diff(all[section], unit[section]); diff != "" || all[section] == nil {
			t.Errorf("%s: %s", section, diff)
		}
	}
	if all["reports"] != nil || unit["reports"] == nil {
		t.Error("reports are of the unit tests alone: other builds would fail for lack of their files")
	}
}
