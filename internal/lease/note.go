package lease

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// note is a file of this clone with the tokens of its last two leases: the new one is noted before it is taken, while the
// bucket may still have the one before. Who holds a lease holds a lock on the file, which the
// operating system gives back when the process dies: who gets the lock and finds the token in the bucket, finds a dead
// run's lease.
type note struct {
	file   *os.File // nil where another run of this clone has the lock
	tokens []string
}

func openNote(path string) (*note, error) {
	if path == "" {
		return &note{}, nil
	}
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	var file *os.File
	if err == nil {
		file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	}
	if err != nil {
		return nil, fmt.Errorf("note the lease: %w", err)
	}
	if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		file.Close()
		return &note{}, nil
	}
	text, err := io.ReadAll(io.LimitReader(file, 1<<10))
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("read the note of the lease: %w", err)
	}
	return &note{file: file, tokens: strings.Fields(string(text))}, nil
}

func (n *note) add(token string) error {
	if n.file == nil {
		return nil
	}
	n.tokens = append(n.tokens[max(0, len(n.tokens)-1):], token)
	err := n.file.Truncate(0)
	if err == nil {
		_, err = n.file.WriteAt([]byte(strings.Join(n.tokens, "\n")), 0)
	}
	if err != nil {
		return fmt.Errorf("note the lease: %w", err)
	}
	return nil
}

func (n *note) close() {
	if n.file != nil {
		n.file.Close()
	}
}
