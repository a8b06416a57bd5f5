package local

import (
	"context"
	"io"
)

// Where every launch on the local engine takes place.
const (
	AccountID = "000000000000"
	Region    = region
)

// Clean ends and removes what an engine of the clone at root has left that was killed. Where nothing is left it does
// nothing; a living engine is for Stop.
func Clean(ctx context.Context, root string) error {
	dir, err := openFolder(root)
	if err != nil {
		return err
	}
	unlock, err := dir.lock(ctx, io.Discard)
	if err != nil {
		return err
	}
	defer unlock()
	return clearRemains(ctx, dir)
}
