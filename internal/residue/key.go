package residue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"slipway/internal/ec2query"
)

// newKeys is a client of KMS for one call, for which its SDK package would be too much.
func newKeys(cfg aws.Config) *ec2query.Signed {
	return ec2query.NewSigned(cfg, ec2query.Service{ID: "KMS", Name: "kms", ReadError: readJSONError})
}

// key asks for one key. KMS deletes none at once: it waits 7 to 30 days
// (docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html), during which the key costs nothing.
func (s services) key(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	var answer struct {
		KeyMetadata struct {
			KeyState     string
			DeletionDate float64 // seconds since 1970
		}
	}
	asked, err := json.Marshal(map[string]string{"KeyId": ids[0]})
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"TrentService.DescribeKey"}}
	err = s.keys.Post(ctx, "DescribeKey", header, string(asked), func(body []byte) error {
		if err := json.Unmarshal(body, &answer); err != nil {
			return err
		}
		if answer.KeyMetadata.KeyState == "" {
			return errors.New("no state of the key")
		}
		return nil
	})
	if err != nil {
		return one(ids[0], "", err, "NotFoundException")
	}
	state := answer.KeyMetadata.KeyState
	if state != "PendingDeletion" {
		return one(ids[0], state, nil)
	}
	date := time.Unix(int64(answer.KeyMetadata.DeletionDate), 0).UTC().Format(time.DateOnly)
	return map[string]status{ids[0]: {state: state, pending: true, note: fmt.Sprintf("AWS deletes it on %s", date)}}, nil
}

// readJSONError reads the error document of the JSON protocols; the type may have a namespace before a hash.
func readJSONError(body []byte) ec2query.Failure {
	var document struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(body, &document); err != nil {
		return ec2query.Failure{}
	}
	return ec2query.Failure{Code: document.Type[strings.LastIndex(document.Type, "#")+1:], Message: document.Message}
}
