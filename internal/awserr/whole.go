package awserr

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// mostWhole is how much of an answer is read before it is handed on, in bytes: more than anything has that is read at once.
const mostWhole = 16 << 20

// Whole has a client's answers read before they are handed on, so that one which is cut off is asked for again like any other call that
// breaks. Without it that is so for all of AWS but the content of an object, which the SDK hands on as it comes.
func Whole(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("slipway:Whole", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		answer, ok := out.RawResponse.(*smithyhttp.Response)
		if err != nil || !ok || answer.Body == nil {
			return out, metadata, err
		}
		text, err := io.ReadAll(io.LimitReader(answer.Body, mostWhole))
		if err != nil {
			_ = answer.Body.Close()
			return out, metadata, &smithy.DeserializationError{Err: &cutOffError{err}}
		}
		answer.Body = body{io.MultiReader(bytes.NewReader(text), answer.Body), answer.Body}
		return out, metadata, nil
	}), middleware.After)
}

type body struct {
	io.Reader
	io.Closer
}

// cutOffError says that an answer broke off.
type cutOffError struct{ err error }

func (e *cutOffError) Error() string { return fmt.Sprintf("the answer broke off: %v", e.err) }
func (e *cutOffError) Unwrap() error { return e.err }

// RetryableError is what the SDK's retryers ask for.
func (e *cutOffError) RetryableError() bool { return true }
