package launch

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// step is what to do with a stack in a given status before it can hold what is wanted.
type step int

const (
	create   step = iota // there is nothing
	update               // it is well
	wait                 // somebody's operation is under way
	goBack               // its rollback failed half-way, and can be continued
	rollBack             // its update failed with rollback switched off, and can be rolled back
	recreate             // a husk that CloudFormation can only delete
	refuse               // a person has to decide
)

// noStack is the status of a stack that does not exist.
const noStack types.StackStatus = ""

// next decides what to do with a stack, and says why where it refuses. It knows every status of the SDK.
func next(status types.StackStatus) (step, string) {
	switch status {
	case noStack, types.StackStatusDeleteComplete:
		return create, ""
	case types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete,
		types.StackStatusImportComplete, types.StackStatusImportRollbackComplete:
		return update, ""
	// These never held anything that worked: CloudFormation allows nothing but deleting them.
	case types.StackStatusRollbackComplete, types.StackStatusReviewInProgress, types.StackStatusCreateFailed, types.StackStatusRollbackFailed:
		return recreate, ""
	case types.StackStatusUpdateRollbackFailed:
		return goBack, ""
	case types.StackStatusUpdateFailed:
		return rollBack, ""
	case types.StackStatusDeleteFailed:
		return refuse, "its deletion failed half-way; finish that with ./scripts/destroy.sh"
	case types.StackStatusImportRollbackFailed:
		return refuse, "an import into it failed and so did the way back; mend it in the console"
	}
	if inProgress(status) {
		return wait, ""
	}
	return refuse, fmt.Sprintf("this slipway does not know the status %s", status)
}

// takesBack says whether the stack's last update has to be taken back before another can follow.
func (s step) takesBack() bool { return s == goBack || s == rollBack }

// inProgress says whether CloudFormation is working on the stack. REVIEW_IN_PROGRESS is not work: it waits for a person.
func inProgress(status types.StackStatus) bool {
	return strings.HasSuffix(string(status), "_IN_PROGRESS") && status != types.StackStatusReviewInProgress
}

// succeeded says whether an operation that ended in this status did what was asked. A rollback is a failure.
func succeeded(status types.StackStatus) bool {
	return status == types.StackStatusCreateComplete || status == types.StackStatusUpdateComplete
}
