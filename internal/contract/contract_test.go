package contract

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

func TestBranchSlug(t *testing.T) {
	for branch, want := range map[string]string{
		"main": "main", "develop": "develop", "2": "2", "release/1.x": "rel81ca", "Main": "maieb81", "production": "proab8e",
	} {
		if got := BranchSlug(branch); got != want {
			t.Errorf("%s is %s, want %s", branch, got, want)
		}
	}
	form := regexp.MustCompile(`^[a-z0-9]{1,7}$`)
	rapid.Check(t, func(t *rapid.T) {
		branch := rapid.StringMatching(`[A-Za-z0-9._/#+-]{1,40}`).Draw(t, "branch")
		if slug := BranchSlug(branch); !form.MatchString(slug) || form.MatchString(branch) && slug != branch || slug != BranchSlug(branch) {
			t.Fatalf("%s is %s", branch, slug)
		}
	})
}

// What is one branch's is told from what there is without branches, and from another's.
func TestOfBranch(t *testing.T) {
	if OfBranch("Pipeline", "") != "Pipeline" || OfBranch("Pipeline", "main") != "PipelineMain" || PipelineSource("") != SourceObject || PipelineSource("main") != "source/main.zip" {
		t.Error("names of branches")
	}
	keys := PipelineKeys(map[string]string{"PipelineNameMain": "b", "PipelineNameDevelop": "a", "EventRuleNameMain": "c", "PipelineName": ""})
	if len(keys) != 2 || keys[0] != "PipelineNameDevelop" || keys[1] != "PipelineNameMain" {
		t.Errorf("%v", keys)
	}
}
