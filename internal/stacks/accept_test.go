package stacks

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAcceptSortsByTool(t *testing.T) {
	got := accept(finding{"CKV_AWS_2", "a"}, finding{"PublicELBCheckerRule", "b"}, finding{"CKV_AWS_103", "c"}, ownActions)
	entry := func(id, comment string) any { return map[string]any{"id": id, "comment": comment} }
	want := map[string]any{
		"checkov": map[string]any{"skip": []any{entry("CKV_AWS_2", "a"), entry("CKV_AWS_103", "c")}},
		"cfripper": map[string]any{"skip": []any{
			entry("PublicELBCheckerRule", "b"),
			map[string]any{"id": ownActions.rule, "comment": ownActions.reason, "optional": true},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
