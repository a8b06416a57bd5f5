// Package awserr tells answers of AWS apart by their codes.
package awserr

import (
	"errors"
	"slices"

	"github.com/aws/smithy-go"
)

// ErrNothing is that an answer lacks what it is about.
var ErrNothing = errors.New("the answer says nothing of it")

// Code is AWS's code for an error; empty where AWS answered no error, and "none" where it did not answer.
func Code(err error) string {
	if err == nil {
		return ""
	}
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		return answer.ErrorCode()
	}
	return "none"
}

// Is says whether an error is an answer of AWS with one of these codes.
func Is(err error, codes ...string) bool {
	answer, ok := errors.AsType[smithy.APIError](err)
	return ok && slices.Contains(codes, answer.ErrorCode())
}
