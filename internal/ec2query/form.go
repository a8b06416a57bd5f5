package ec2query

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Form calls a service that takes a form and answers in XML: EC2, and the query services.
type Form struct {
	service *Signed
	version string
}

// NewForm makes a client from the configuration that the SDK's clients take: Region, credentials, endpoint, HTTP client and
// retryer are honoured. What is missing shows with the first call. The id and the name are those of Service; the
// version is the API's date.
func NewForm(cfg aws.Config, id, name, version string) *Form {
	return &Form{NewSigned(cfg, Service{ID: id, Name: name, ReadError: readError}), version}
}

// Call sends one action with its parameters and decodes the XML answer into out. It repeats the call when the service
// throttles, fails or cannot be reached, for up to a minute: only for actions that may be repeated. An error that the
// service answered is a smithy.APIError with its code and message.
func (c *Form) Call(ctx context.Context, action string, params url.Values, out any) error {
	form := url.Values{"Action": {action}, "Version": {c.version}}
	for key, values := range params {
		form[key] = values
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	return c.service.Post(ctx, action, header, form.Encode(), func(answer []byte) error { return decode(action, answer, out) })
}

// decode refuses a document that is not the action's own: read as an empty list it would mean "nothing there".
func decode(action string, answer []byte, out any) error {
	var document struct{ XMLName xml.Name }
	if err := xml.Unmarshal(answer, &document); err != nil {
		return err
	}
	if document.XMLName.Local != action+"Response" {
		return fmt.Errorf("document is a %q", document.XMLName.Local)
	}
	return xml.Unmarshal(answer, out)
}

// readError reads EC2's error document; its shape differs from the other query services', which is read too.
func readError(body []byte) Failure {
	type detail struct {
		Code    string `xml:"Code"`
		Message string `xml:"Message"`
	}
	var document struct {
		EC2       detail `xml:"Errors>Error"`
		Query     detail `xml:"Error"`
		RequestID string `xml:"RequestID"`
		QueryID   string `xml:"RequestId"`
	}
	if err := xml.Unmarshal(body, &document); err != nil {
		return Failure{}
	}
	found := document.EC2
	if found.Code == "" {
		found = document.Query
	}
	return Failure{Code: found.Code, Message: found.Message, RequestID: document.RequestID + document.QueryID}
}
