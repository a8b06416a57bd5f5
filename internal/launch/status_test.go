package launch

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// Every status that the SDK knows has its decision; a status that is new to the SDK must be decided here.
func TestNext(t *testing.T) {
	t.Parallel()
	steps := map[types.StackStatus]step{
		noStack: create, "DELETE_COMPLETE": create,
		"CREATE_COMPLETE": update, "UPDATE_COMPLETE": update, "UPDATE_ROLLBACK_COMPLETE": update, "IMPORT_COMPLETE": update, "IMPORT_ROLLBACK_COMPLETE": update,
		"ROLLBACK_COMPLETE": recreate, "REVIEW_IN_PROGRESS": recreate, "CREATE_FAILED": recreate, "ROLLBACK_FAILED": recreate,
		"UPDATE_ROLLBACK_FAILED": goBack,
		"UPDATE_FAILED":          rollBack,
		"DELETE_FAILED":          refuse, "IMPORT_ROLLBACK_FAILED": refuse,
	}
	for _, status := range append(noStack.Values(), noStack) {
		wanted, named := steps[status]
		if !named {
			wanted = wait
			if !strings.HasSuffix(string(status), "_IN_PROGRESS") {
				t.Errorf("%s is decided by nobody", status)
			}
		}
		got, why := next(status)
		if got != wanted {
			t.Errorf("%s: step %d, want %d", status, got, wanted)
		}
		if (got == refuse) != (why != "") {
			t.Errorf("%s: refused with the reason %q", status, why)
		}
		if succeeded(status) && (strings.Contains(string(status), "ROLLBACK") || strings.Contains(string(status), "FAILED")) {
			t.Errorf("%s counts as success", status)
		}
	}
	if got, _ := next("SOMETHING_NEW"); got != refuse {
		t.Error("an unknown status is not refused")
	}
}

func TestRegionHasAll(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	check := func(region string) error {
		b.AWS.Region = region
		return b.regionHasAll()
	}
	if err := check("eu-central-1"); err != nil {
		t.Error(err)
	}
	want(t, check(""), "--region")
	want(t, check("cn-north-1"), "cn-north-1", "lacks AWS::CodePipeline::Pipeline (", "us-east-1")
	want(t, check("ca-west-1"), "lacks AWS::CodeBuild::Project, AWS::CodeBuild::ReportGroup, AWS::CodePipeline::Pipeline (")
	want(t, check("eu-west-9"), "none of those", "eu-west-1")
	want(t, b.Deploy(t.Context(), DeployOptions{}), "eu-west-9")
	if calls := b.operations(); len(calls) > 0 {
		t.Errorf("AWS was asked before the Region was refused: %v", calls)
	}
}
