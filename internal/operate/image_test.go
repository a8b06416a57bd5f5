package operate

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
)

// What is read of an object in parts is the object.
func TestObjectIsReadInParts(t *testing.T) {
	b := newBench(t)
	b.unrestricted()
	content := make([]byte, 3*blockSize+1000)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range content {
		content[i] = byte(random.Uint32())
	}
	b.double.PutBucket("bucket")
	b.double.PutObject("bucket", "key", content)
	read := &object{ctx: t.Context(), client: b.s3, bucket: "bucket", key: "key", size: int64(len(content)), blocks: map[int64][]byte{}}
	got, err := io.ReadAll(io.NewSectionReader(read, 0, read.size))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("read %d of %d bytes, or others: %v", len(got), len(content), err)
	}
	across := make([]byte, 20)
	if n, err := read.ReadAt(across, 2*blockSize-10); n != 20 || err != nil || !bytes.Equal(across, content[2*blockSize-10:2*blockSize+10]) {
		t.Errorf("across two blocks: %d, %v", n, err)
	}
	if n, err := read.ReadAt(across, read.size-5); n != 5 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
	if calls := len(b.double.CallsTo("GetObject")); calls != 4 {
		t.Errorf("%d requests for 4 blocks", calls)
	}
}
