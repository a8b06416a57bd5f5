package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// built is the command itself, which a shell calls.
func built(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "it's slipway")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// bash completes flags and environments of a script that is called by its path.
func TestCompletion(t *testing.T) {
	command := built(t)
	complete := func(words ...string) string {
		t.Helper()
		script := `eval "$("$0" completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _slipway; echo "${COMPREPLY[*]}"; complete -p deploy.sh`
		shell := exec.Command("bash", append([]string{"-c", script, command}, words...)...)
		shell.Dir = repository
		out, err := shell.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	wantSaid(t, complete("./scripts/status.sh", "--env"), "--environment\n", "-F _slipway deploy.sh")
	wantSaid(t, complete("./scripts/status.sh", "--environment", ""), "prod\n")
	wantSaid(t, complete("./scripts/logs.sh", "-e", "p"), "prod\n")
	wantSaid(t, complete("scripts/completion.sh", ""), "bash zsh fish\n")
}

// The other shells at least read it.
func TestCompletionIsRead(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		code, out, errs := call(t, "", "completion", shell)
		if code != 0 || errs != "" || !strings.Contains(out, "status.sh") {
			t.Errorf("%s: exit code %d, %s", shell, code, errs)
		}
		if _, err := exec.LookPath(shell); err != nil {
			t.Logf("%s is not installed", shell)
			continue
		}
		file := filepath.Join(t.TempDir(), "completion")
		if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(shell, "-n", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", shell, err, out)
		}
	}
}
