package launch

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// Every status that the SDK knows has its decision; a status that is new to the SDK must be decided here.
func TestNext(t *testing.T) {
	steps := map[types.StackStatus]step{
		noStack: create, "DELETE_COMPLETE": create,
		"CREATE_COMPLETE": update, "UPDATE_COMPLETE": update, "UPDATE_ROLLBACK_COMPLETE": update, "IMPORT_COMPLETE": update, "IMPORT_ROLLBACK_COMPLETE": update,
		"ROLLBACK_COMPLETE": recreate, "REVIEW_IN_PROGRESS": recreate, "CREATE_FAILED": recreate, "ROLLBACK_FAILED": recreate,
		"UPDATE_FAILED": refuse, "UPDATE_ROLLBACK_FAILED": refuse, "DELETE_FAILED": refuse, "IMPORT_ROLLBACK_FAILED": refuse,
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

func TestCheckRegion(t *testing.T) {
	if err := checkRegion("eu-central-1"); err != nil {
		t.Error(err)
	}
	want(t, checkRegion(""), "--region")
	want(t, checkRegion("cn-north-1"), "CodePipeline does not exist in China")
	want(t, checkRegion("ca-west-1"), "ca-west-1", "us-east-1")
}
