package ec2query

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// JSON calls a service that speaks JSON, where a call or two are needed of it and its SDK package would be too much.
type JSON struct {
	service *Signed
	target  string
	content string
}

// NewJSON makes a client from the configuration that the SDK's clients take. The id and the name are those of Service; the
// target begins the header X-Amz-Target, such as TrentService for KMS.
func NewJSON(cfg aws.Config, id, name, target string) *JSON {
	return &JSON{NewSigned(cfg, Service{ID: id, Name: name, ReadError: readJSONError}), target, "application/x-amz-json-1.1"}
}

// NewJSON10 makes the same for a service that speaks JSON 1.0.
func NewJSON10(cfg aws.Config, id, name, target string) *JSON {
	c := NewJSON(cfg, id, name, target)
	c.content = "application/x-amz-json-1.0"
	return c
}

// Call sends one operation and decodes the answer into out. It repeats the call as Signed.Post does. An answer that is not a
// JSON object is an error: read as an empty one it would mean "nothing there".
func (c *JSON) Call(ctx context.Context, operation string, in, out any) error {
	asked, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("ask %s: %w", operation, err)
	}
	header := http.Header{"Content-Type": {c.content}, "X-Amz-Target": {c.target + "." + operation}}
	return c.service.Post(ctx, operation, header, string(asked), func(answer []byte) error {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(answer, &object); err != nil {
			return err
		}
		return json.Unmarshal(answer, out)
	})
}

// readJSONError reads the error document of the JSON protocols; the type may have a namespace before a hash.
func readJSONError(body []byte) Failure {
	var document struct {
		Type    string `json:"__type"`
		Message string `json:"message"` // some services write Message, which the decoder takes for it
	}
	if err := json.Unmarshal(body, &document); err != nil {
		return Failure{}
	}
	return Failure{Code: document.Type[strings.LastIndex(document.Type, "#")+1:], Message: document.Message}
}
