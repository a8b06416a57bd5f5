package launch

import (
	"context"
	"crypto/tls"
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
	clockOff
	alreadyTaken
	alreadyExists
	imageTagged
	alreadyExecuted
	alreadyGoingBack
	keyExists
	writeConflict
	writtenSince
	roleGone
	notAllowed
	noBuildsAllowed
	buildQueueFull
)

// answers lists for each kind the error codes and a part of the message; an empty part matches every message.
var answers = map[kind][]struct{ code, part string }{
	notFound: {
		{"ValidationError", "does not exist"}, {"ChangeSetNotFound", ""}, {"NoSuchEntity", ""}, {"NoSuchKey", ""}, {"NotFound", ""},
		{"NoSuchBucket", ""}, {"ImageNotFoundException", ""}, {"RepositoryNotFoundException", ""}, {"ResourceNotFoundException", ""},
		{"PipelineNotFoundException", ""}, {"ClusterNotFoundException", ""}, {"ServiceNotFoundException", ""},
	},
	// The SDK corrects for a clock that is off by what the answers say of the time; what is left it cannot (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html,
	// docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html).
	clockOff: {
		{"RequestTimeTooSkewed", ""}, {"SignatureDoesNotMatch", "Signature expired"}, {"SignatureDoesNotMatch", "Signature not yet current"},
		{"InvalidSignatureException", "Signature expired"}, {"InvalidSignatureException", "Signature not yet current"}, {"RequestInTheFuture", ""},
	},
	noChanges: {{"ValidationError", "No updates are to be performed"}},
	expiredCredentials: {
		{"ExpiredToken", ""}, {"ExpiredTokenException", ""}, {"RequestExpired", ""}, {"TokenRefreshRequired", ""},
		{"InvalidClientTokenId", ""}, {"UnrecognizedClientException", ""}, {"InvalidGrantException", ""},
	},
	alreadyTaken:     {{"InvalidInput", "has been taken"}, {"EntityAlreadyExists", ""}},
	alreadyExists:    {{"AlreadyExistsException", ""}},
	imageTagged:      {{"ImageAlreadyExistsException", ""}, {"ImageTagAlreadyExistsException", ""}},
	alreadyExecuted:  {{"InvalidChangeSetStatus", ""}, {"ChangeSetNotFound", ""}},
	alreadyGoingBack: {{"ValidationError", "UPDATE_ROLLBACK_IN_PROGRESS"}, {"ValidationError", "UPDATE_ROLLBACK_COMPLETE"}},
	// github.com/awslabs/landing-zone-accelerator-on-aws/issues/1013 and 249
	noBuildsAllowed: {{"AccountLimitExceededException", "more than 0 builds"}},
	buildQueueFull:  {{"AccountLimitExceededException", "builds in queue"}},
	roleGone:        {{"ValidationError", "is invalid or cannot be assumed"}}, // github.com/aws/aws-cdk/issues/10116
	notAllowed:      {{"AccessDenied", ""}, {"AccessDeniedException", ""}},
	keyExists:       {{"PreconditionFailed", ""}},
	writeConflict:   {{"ConditionalRequestConflict", ""}},
	writtenSince:    {{"PreconditionFailed", ""}, {"NoSuchKey", ""}},
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
	if session, ok := errors.AsType[*SessionError](err); ok {
		return session.passing()
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return true // no answer at all: the network, a time-out
	}
	return throttled(err) || api.ErrorFault() == smithy.FaultServer
}

// Explain adds to an answer of AWS what a user can do about it, where that is known.
func Explain(err error) error {
	if advice := advised(err); advice != nil {
		return advice
	}
	var answered smithy.APIError
	if errors.As(err, &answered) {
		return withCause(err, cause.Signal{Origin: cause.Call, Text: words(answered)})
	}
	return err
}

// advised is Explain where not the service that was called is at fault; nil elsewhere.
func advised(err error) error {
	_, foreign := errors.AsType[*ForeignAnswerError](err)
	_, brokenOff := errors.AsType[*smithy.DeserializationError](err)
	_, impostor := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case is(err, expiredCredentials): // of a client that is not the SDK's
		return &SessionError{Err: err}
	case is(err, clockOff):
		return fmt.Errorf("%w\nthis machine's clock is off: set it (most systems do so by themselves, with NTP) and run the same command again", err)
	case foreign || brokenOff || impostor:
		return fmt.Errorf("%w\nsomething between this machine and AWS answers in its place or cuts answers off: a network that wants a login in the browser, or a proxy (HTTPS_PROXY, and AWS_CA_BUNDLE for its certificate; a certificate is also refused where this machine's clock is off). Mend that and run the same command again; what AWS has begun goes on meanwhile", err)
	}
	return nil
}

// words are an answer's code and message, without what the SDK says around them.
func words(err error) string {
	var answered smithy.APIError
	if !errors.As(err, &answered) {
		return err.Error()
	}
	return answered.ErrorCode() + ": " + answered.ErrorMessage()
}

// withCause adds to an error the cause that these words show, and what to do; where they show none it is the error alone.
func withCause(err error, words cause.Signal) error {
	c := cause.Find([]cause.Signal{words})
	if c.Name == cause.Unknown {
		return err
	}
	return fmt.Errorf("%w\ncause: %s\nnext: %s", err, c, c.Next)
}
