package local

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// carries tells whether a process lives and has the token in its environment. A number that was given to another
// process since has not.
func carries(pid int, token string) bool {
	if pid <= 0 {
		return false
	}
	env, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil {
		return false
	}
	for entry := range bytes.SplitSeq(env, []byte{0}) {
		if string(entry) == marker+token || string(entry) == outerMarker+token {
			return true
		}
	}
	return false
}

// carriers lists the processes that carry the token; those of other users cannot be looked at, nor be ours.
func carriers(token string) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var found []int
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && carries(pid, token) {
			found = append(found, pid)
		}
	}
	return found, nil
}
