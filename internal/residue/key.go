package residue

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// key asks for one key. KMS deletes none at once: it waits 7 to 30 days
// (docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html), during which the key costs nothing.
func (s services) key(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	var answer struct {
		KeyMetadata struct {
			KeyState     string
			DeletionDate float64 // seconds since 1970
		}
	}
	err := s.keys.Call(ctx, "DescribeKey", map[string]string{"KeyId": ids[0]}, &answer)
	state := answer.KeyMetadata.KeyState
	if err == nil && state == "" {
		err = errors.New("KMS answered without the key's state")
	}
	if err != nil || state != "PendingDeletion" {
		return one(ids[0], state, err, "NotFoundException")
	}
	date := time.Unix(int64(answer.KeyMetadata.DeletionDate), 0).UTC().Format(time.DateOnly)
	return map[string]status{ids[0]: {state: state, pending: true, note: fmt.Sprintf("AWS deletes it on %s", date)}}, nil
}
