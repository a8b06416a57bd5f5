//go:build !linux

package local

import (
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// carries tells whether a process lives and has the token in its environment. A number that was given to another
// process since has not.
func carries(pid int, token string) bool {
	found, err := carriers(token)
	return err == nil && slices.Contains(found, pid)
}

// carriers lists the processes that carry the token, as ps shows their environment (macOS: ps -E).
func carriers(token string) ([]int, error) {
	out, err := exec.Command("ps", "-axEww", "-o", "pid=,command=").Output()
	if err != nil {
		return nil, err
	}
	var found []int
	for line := range strings.Lines(string(out)) {
		number, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if pid, err := strconv.Atoi(number); err == nil && (strings.Contains(rest, marker+token) || strings.Contains(rest, outerMarker+token)) {
			found = append(found, pid)
		}
	}
	return found, nil
}
