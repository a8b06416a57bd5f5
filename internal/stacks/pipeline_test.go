package stacks

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/iampolicy"
)

// pipelineVariants are configurations whose pipelines differ.
func pipelineVariants() map[string]config.Config {
	options := standard()
	options.Pipeline.Checks, options.Pipeline.Mode = config.ChecksParallel, config.ModeQueued
	git, former := standard(), standard()
	git.Pipeline.Source = config.Source{Connection: "arn:aws:codeconnections:eu-west-1:123456789012:connection/12345678-1234-1234-1234-123456789012", Repository: "example/shop", Branch: "main", Paths: []string{"web/**", "Dockerfile"}}
	former.Pipeline.Source = config.Source{Connection: "arn:aws:codestar-connections:eu-west-1:123456789012:connection/12345678-1234-1234-1234-123456789012",
		Repository: "example/shop", Branch: "main"}
	return map[string]config.Config{"pipeline's options": options, "git host": git, "git host, former name": former}
}

// actionsOf are a stage's actions in the pipeline of prod, as "name order".
func actionsOf(t *testing.T, cfg config.Config, stage string) []string {
	t.Helper()
	var list []string
	for _, s := range at(t, rendered(t, cfg)["prod/pipeline.yaml"].Resources, "Pipeline", "Properties", "Stages").([]any) {
		if at(t, s, "Name") != stage {
			continue
		}
		for _, a := range at(t, s, "Actions").([]any) {
			list = append(list, fmt.Sprintf("%v %v", at(t, a, "Name"), at(t, a, "RunOrder")))
		}
	}
	return list
}

// Checks wait for each other unless somebody has builds to spare.
func TestChecksRunInOrderOrAtOnce(t *testing.T) {
	for name, want := range map[string][]string{
		"standard":           {"Lint 1", "Unit 2", "Templates 3", "Security 4"},
		"pipeline's options": {"Lint 1", "Unit 1", "Templates 1", "Security 1"},
	} {
		if diff := cmp.Diff(want, actionsOf(t, variants()[name], "Checks")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestExecutionMode(t *testing.T) {
	for name, want := range map[string]string{"standard": "SUPERSEDED", "pipeline's options": "QUEUED"} {
		if got := at(t, rendered(t, variants()[name])["prod/pipeline.yaml"].Resources, "Pipeline", "Properties", "ExecutionMode"); got != want {
			t.Errorf("%s: the mode is %v, want %s", name, got, want)
		}
	}
}

// Where several lines are told, each is quoted by itself: one text with line feeds would be no JSON.
func TestEachLineIsQuoted(t *testing.T) {
	template := at(t, rendered(t, variants()["email"])["prod/pipeline.yaml"].Resources, "FailureRule", "Properties", "Targets", 0, "InputTransformer", "InputTemplate").(string)
	lines := strings.Split(template, "\n")
	for _, line := range lines {
		if len(line) < 2 || line[0] != '"' || line[len(line)-1] != '"' || strings.Contains(line[1:len(line)-1], `"`) {
			t.Errorf("the line %s", line)
		}
	}
	if len(lines) != 4 {
		t.Errorf("%d lines", len(lines))
	}
}

// A pipeline on a git host is started by pushes to the branch and by nothing else, and may use its connection alone.
func TestGitHost(t *testing.T) {
	for name, paths := range map[string][]any{"git host": {"web/**", "Dockerfile"}, "git host, former name": nil} {
		cfg := variants()[name]
		all := rendered(t, cfg)
		tpl := all["prod/pipeline.yaml"]
		p := at(t, tpl.Resources, "Pipeline", "Properties")
		source := at(t, p, "Stages", 0, "Actions", 0)
		want := map[string]any{"ConnectionArn": map[string]any{"Ref": "ConnectionARN"}, "FullRepositoryId": "example/shop", "BranchName": "main",
			"OutputArtifactFormat": "CODE_ZIP", "DetectChanges": "false"}
		if diff := cmp.Diff(want, at(t, source, "Configuration")); diff != "" || at(t, source, "ActionTypeId", "Provider") != gitConnection {
			t.Errorf("%s: %s", name, diff)
		}
		push := at(t, p, "Triggers", 0, "GitConfiguration", "Push", 0).(map[string]any)
		if diff := cmp.Diff([]any{"main"}, at(t, push, "Branches", "Includes")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		var filter []any
		if push["FilePaths"] != nil {
			filter = at(t, push, "FilePaths", "Includes").([]any)
		}
		if diff := cmp.Diff(paths, filter); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if n := len(ofType(tpl, "AWS::Events::Rule")); n > 0 || all["prod/root.yaml"].Outputs[contract.KeyEventRuleName] != nil {
			t.Errorf("%s: %d rules start it, too", name, n)
		}
		a := deployed(t, cfg)
		use := cfg.Pipeline.Source.ConnectionService() + ":UseConnection"
		for resource, allowed := range map[string]bool{cfg.Pipeline.Source.Connection: true, cfg.Pipeline.Source.Connection[:len(cfg.Pipeline.Source.Connection)-1] + "0": false} {
			if got := iampolicy.Allowed(iampolicy.Request{Action: use, Resource: resource}, a.of("prod/pipeline.yaml", "PipelineRole")...); got != allowed {
				t.Errorf("%s: it may %s on %s: %v", name, use, resource, got)
			}
		}
		for _, action := range actions(tpl.Resources["PipelineRole"]) {
			if strings.HasPrefix(action, "s3:GetObjectTagging") {
				t.Errorf("%s: it may read a source.zip that it does not use", name)
			}
		}
	}
}

// The reports of the unit tests go to groups that the stack makes, under the names that CodeBuild would give them, and the checks'
// builds may write to these alone.
func TestReports(t *testing.T) {
	a := deployed(t, standard())
	const file = "prod/pipeline.yaml"
	project := a.name(file, "UnitProject")
	for id, c := range map[string]struct{ name, kind, put string }{
		"TestReports": {"tests", "TEST", "BatchPutTestCases"}, "CoverageReports": {"coverage", "CODE_COVERAGE", "BatchPutCodeCoverages"},
	} {
		p := a.properties(file, id)
		arn := a.arn("codebuild", "report-group/"+project+"-"+c.name)
		if a.attribute(file, id+".Arn") != arn || p["Type"] != c.kind || p["DeleteReports"] != true {
			t.Errorf("%s is %s, %v; want %s", id, a.attribute(file, id+".Arn"), p, arn)
		}
		for role, allowed := range map[string]bool{"ChecksRole": true, "DeployRole": false} {
			if got := iampolicy.Allowed(iampolicy.Request{Action: "codebuild:" + c.put, Resource: arn}, a.of(file, role)...); got != allowed {
				t.Errorf("%s may report to %s: %v", role, id, got)
			}
		}
	}
	other := iampolicy.Request{Action: "codebuild:CreateReport", Resource: a.arn("codebuild", "report-group/shop-dev-unit-tests")}
	if iampolicy.Allowed(other, a.of(file, "ChecksRole")...) {
		t.Error("it may report to another group")
	}
}

// What one action hands to the next only those write who have something to hand on: a commit's code, which the checks and the
// image build run, could otherwise put a plan or a source of its own in the place of what was looked at.
func TestOnlyTheDeploymentHandsArtifactsOn(t *testing.T) {
	a := deployed(t, standard())
	artifact := a.attribute(contract.FoundationTemplate, "Bucket.Arn") + "/" + contract.ArtifactFolder("shop", "prod") + "/Plan_prod/x"
	for _, c := range []struct {
		file, role  string
		read, write bool
	}{
		{"prod/pipeline.yaml", "ChecksRole", true, false},
		{contract.FoundationTemplate, "ImageRole", true, false},
		{"prod/pipeline.yaml", "DeployRole", true, true},
		{"prod/pipeline.yaml", "PipelineRole", true, true},
		{"prod/pipeline.yaml", "TriggerRole", false, false},
	} {
		for action, want := range map[string]bool{"s3:GetObject": c.read, "s3:PutObject": c.write, "s3:DeleteObject": false} {
			if got := iampolicy.Allowed(iampolicy.Request{Action: action, Resource: artifact}, a.of(c.file, c.role)...); got != want {
				t.Errorf("%s may %s on an artifact: %v, want %v", c.role, action, got, want)
			}
		}
	}
}
