package local

import (
	"strings"
	"testing"
)

// Inside of a process nothing can be run, and that is said with the way out.
func TestNoContainerAmongProcesses(t *testing.T) {
	id, err := (&Engine{Runtime: RuntimeProcess}).Container(t.Context(), "1", "app")
	if id != "" || err == nil || !strings.Contains(err.Error(), "are processes of this machine") || !strings.Contains(err.Error(), "start Docker") {
		t.Errorf("%q, %v", id, err)
	}
}
