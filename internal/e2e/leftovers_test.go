//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// process is one of this machine's processes that belong to a workplace.
type process struct {
	pid     int
	command string
	environ string
}

// processes finds what runs in, from or for the workplace: its path is in the command, the environment, or the folder.
func (w workplace) processes(t *testing.T) []process {
	t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var found []process
	for _, folder := range folders {
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil || pid == os.Getpid() {
			continue
		}
		// A process that ended meanwhile has none of these.
		command, _ := os.ReadFile(folder + "/cmdline")
		environ, _ := os.ReadFile(folder + "/environ")
		dir, _ := os.Readlink(folder + "/cwd")
		exe, _ := os.Readlink(folder + "/exe")
		all := strings.Join([]string{string(command), string(environ), dir, exe}, "\n")
		if len(command) > 0 && strings.Contains(all, w.base) {
			found = append(found, process{pid, strings.ReplaceAll(string(command), "\x00", " "), string(environ)})
		}
	}
	return found
}

// wantNoPoison wants that no process sees the user's credentials.
func (w workplace) wantNoPoison(t *testing.T) {
	t.Helper()
	running := w.processes(t)
	if len(running) == 0 {
		t.Error("no process of the local engine was found to look at")
	}
	for _, p := range running {
		if strings.Contains(p.environ, poison) || strings.Contains(p.environ, "AWS_PROFILE=poisoned") {
			t.Errorf("process %d sees the user's AWS credentials: %s", p.pid, p.command)
		}
	}
}

// endingTime is how long processes have to end after the script that told them to.
const endingTime = 3 * time.Second

// wantNothingLeft wants no process, no temporary file and no container after a destroy.
func (w workplace) wantNothingLeft(t *testing.T, containersBefore []string) {
	t.Helper()
	running := w.processes(t)
	for deadline := time.Now().Add(endingTime); len(running) > 0 && time.Now().Before(deadline); running = w.processes(t) {
		time.Sleep(50 * time.Millisecond)
	}
	for _, p := range running {
		t.Errorf("process %d is left: %s", p.pid, p.command)
	}
	entries, err := os.ReadDir(w.temp)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		t.Errorf("a temporary file is left: %s", entry.Name())
	}
	for _, container := range containers(t) {
		if !slices.Contains(containersBefore, container) {
			t.Errorf("a container is left: %s", container)
		}
	}
}

// containers lists every container, running or not; none where no Docker engine answers.
func containers(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "docker", "ps", "--all", "--format", "{{.ID}} {{.Image}} {{.Names}}").Output()
	if err != nil {
		return nil
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })
}

// endAll ends what a failed test left running, and says so.
func (w workplace) endAll(t *testing.T) {
	t.Helper()
	for _, p := range w.processes(t) {
		fmt.Fprintf(t.Output(), "ending process %d: %s\n", p.pid, p.command)
		if running, err := os.FindProcess(p.pid); err == nil {
			_ = running.Kill()
		}
	}
}
