package awserr_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aws/smithy-go"

	"slipway/internal/awserr"
)

func TestCodes(t *testing.T) {
	answer := fmt.Errorf("put it: %w", &smithy.GenericAPIError{Code: "PreconditionFailed", Message: "it is there"})
	broken := errors.New("connection reset")
	for err, want := range map[error]string{nil: "", answer: "PreconditionFailed", broken: "none"} {
		if got := awserr.Code(err); got != want {
			t.Errorf("code of %v: %q, want %q", err, got, want)
		}
	}
	if !awserr.Is(answer, "NoSuchKey", "PreconditionFailed") || awserr.Is(answer, "NoSuchKey") || awserr.Is(broken, "none") || awserr.Is(nil, "") {
		t.Error("told apart wrongly")
	}
}
