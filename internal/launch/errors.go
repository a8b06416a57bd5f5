package launch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/smithy-go"

	"slipway/internal/cause"
)

// ErrInterrupted says that following was stopped from outside; what AWS has begun goes on.
var ErrInterrupted = errors.New("interrupted")

// Kinds of answers that the launcher acts on. AWS tells most of them by text alone, so all matching stands here.
type kind int

const (
	notFound kind = iota
	noChanges
	expiredCredentials
	alreadyTaken
	alreadyExists
	alreadyExecuted
	alreadyGoingBack
	keyExists
)

// answers lists for each kind the error codes and a part of the message; an empty part matches every message.
var answers = map[kind][]struct{ code, part string }{
	notFound: {
		{"ValidationError", "does not exist"}, {"ChangeSetNotFound", ""}, {"NoSuchEntity", ""}, {"NoSuchKey", ""}, {"NotFound", ""},
		{"NoSuchBucket", ""}, {"ImageNotFoundException", ""}, {"RepositoryNotFoundException", ""}, {"ResourceNotFoundException", ""},
		{"PipelineNotFoundException", ""}, {"ClusterNotFoundException", ""}, {"ServiceNotFoundException", ""},
	},
	noChanges: {{"ValidationError", "No updates are to be performed"}},
	expiredCredentials: {
		{"ExpiredToken", ""}, {"ExpiredTokenException", ""}, {"RequestExpired", ""}, {"TokenRefreshRequired", ""},
		{"InvalidClientTokenId", ""}, {"UnrecognizedClientException", ""}, {"InvalidGrantException", ""},
	},
	alreadyTaken:     {{"InvalidInput", "has been taken"}, {"EntityAlreadyExists", ""}},
	alreadyExists:    {{"AlreadyExistsException", ""}},
	alreadyExecuted:  {{"InvalidChangeSetStatus", ""}, {"ChangeSetNotFound", ""}},
	alreadyGoingBack: {{"ValidationError", "UPDATE_ROLLBACK_IN_PROGRESS"}, {"ValidationError", "UPDATE_ROLLBACK_COMPLETE"}},
	keyExists:        {{"PreconditionFailed", ""}, {"ConditionalRequestConflict", ""}},
}

// is says whether err is an answer of this kind from AWS.
func is(err error, k kind) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	return slices.ContainsFunc(answers[k], func(a struct{ code, part string }) bool {
		return api.ErrorCode() == a.code && strings.Contains(api.ErrorMessage(), a.part)
	})
}

// emptyChangeSet says whether a change set failed because there is nothing to change. AWS has no status for it.
func emptyChangeSet(reason string) bool {
	return strings.Contains(reason, "didn't contain changes") || strings.Contains(reason, "No updates are to be performed")
}

// passing says whether a look at something is worth repeating: AWS answered neither yes nor no.
func passing(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return true // no answer at all: the network, a time-out
	}
	return slices.Contains(throttles, api.ErrorCode()) || api.ErrorFault() == smithy.FaultServer
}

var throttles = []string{"Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "TooManyRequestsException",
	"SlowDown", "PriorRequestNotComplete", "RequestThrottled", "BandwidthLimitExceeded", "EC2ThrottledException"}

// Explain adds to an answer of AWS what a user can do about it, where that is known.
func Explain(err error) error {
	var answered smithy.APIError
	switch {
	case err == nil:
		return nil
	case is(err, expiredCredentials):
		return fmt.Errorf("%w\nthe AWS credentials have expired or are not valid: renew them (for example `aws sso login`) and run the same command again; what AWS has begun goes on meanwhile", err)
	case errors.As(err, &answered):
		return withCause(err, cause.Signal{Origin: cause.Call, Text: answered.ErrorCode() + ": " + answered.ErrorMessage()})
	}
	return err
}

// withCause adds to an error the cause that these words show, and what to do; where they show none it is the error alone.
func withCause(err error, words cause.Signal) error {
	c := cause.Find([]cause.Signal{words})
	if c.Name == cause.Unknown {
		return err
	}
	return fmt.Errorf("%w\ncause: %s\nnext: %s", err, c, c.Next)
}
