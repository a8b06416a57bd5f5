package stacks

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/config"
)

// pipelineVariants are configurations whose pipelines differ.
func pipelineVariants() map[string]config.Config {
	options := standard()
	options.Pipeline.Checks, options.Pipeline.Mode = config.ChecksParallel, config.ModeQueued
	return map[string]config.Config{"pipeline's options": options}
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
		"standard":           {"Lint 1", "Unit 2", "Templates 3"},
		"pipeline's options": {"Lint 1", "Unit 1", "Templates 1"},
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
