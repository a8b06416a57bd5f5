package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// withPlugin puts a stand-in for session-manager-plugin on the PATH. It says what it is called with, a line an argument, and
// ends with this exit code.
func withPlugin(t *testing.T, code string) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\nfor argument; do echo \"[$argument]\"; done\nexit " + code + "\n"
	if err := os.WriteFile(filepath.Join(dir, sessionPlugin), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// execProject is an application with ECS Exec on, launched on a double.
func execProject(t *testing.T) {
	t.Helper()
	onDouble(t)
	withGen(t)
	root := emptyProject(t)
	const text = "name: shop\nservice: {exec: true, readOnlyRoot: false}\nenvironments: [{name: prod}]\n"
	if err := os.WriteFile(filepath.Join(root, "slipway.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(filepath.Join(filepath.Dir(self), "gen"), "-root", root).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Chdir(root)
	if code, _, errs := callHere(t, "", "deploy", "--yes"); code != 0 {
		t.Fatal(errs)
	}
}

func TestExec(t *testing.T) {
	execProject(t)
	withPlugin(t, "0")
	code, out, errs := callHere(t, "", "exec")
	if code != 0 || errs != "" {
		t.Errorf("exit code %d, %s", code, errs)
	}
	arguments := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(arguments) != 6 || arguments[2] != "[StartSession]" || arguments[3] != "[]" || !strings.HasPrefix(arguments[4], `[{"Target":"ecs:shop-prod-`) {
		t.Errorf("the plugin is called with %q", arguments)
	}
	var ready execution
	_, out, _ = callHere(t, "", "exec", "--json")
	if err := json.Unmarshal([]byte(out), &ready); err != nil || !ready.Ready || ready.Container != "app" {
		t.Errorf("%v: %s", err, out)
	}
	withPlugin(t, "7")
	if code, _, _ := callHere(t, "", "exec", "--environment", "prod", "--task", ready.Task[:8], "--", "/bin/ls", "-l", "/"); code != 7 {
		t.Errorf("the plugin ends with 7: exit code %d", code)
	}
}

// All that stands against a session is said at once, each with its fix.
func TestExecIsOff(t *testing.T) {
	launchedOnDouble(t)
	code, out, errs := call(t, "", "exec")
	if code != exitFailed || out != "" {
		t.Errorf("exit code %d, %s", code, out)
	}
	wantSaid(t, errs, "service.exec is off in slipway.yaml", "-> set service.exec to true and service.readOnlyRoot to false", "session-manager-plugin is not on the PATH", "-> install it",
		"was started without ECS Exec", "the root file system of container app is read-only")
	var ready execution
	code, out, _ = call(t, "", "exec", "--json")
	if err := json.Unmarshal([]byte(out), &ready); err != nil || ready.Ready || len(ready.Problems) != 4 || code != exitFailed {
		t.Errorf("exit code %d, %v: %s", code, err, out)
	}
}

func TestQuoted(t *testing.T) {
	for _, command := range [][]string{{"/bin/sh"}, {"sh", "-c", "echo 'it''s' \"$HOME\""}, {"ls", "a b", ""}, {"echo", "it's", "*"}} {
		line := "printf '[%s]' " + quoted(command)
		out, err := exec.Command("sh", "-c", line).Output()
		if want := "[" + strings.Join(command, "][") + "]"; err != nil || string(out) != want {
			t.Errorf("%q becomes %s, which a shell reads as %s", command, line, out)
		}
	}
}

func TestLacksProgram(t *testing.T) {
	for code, want := range map[int]bool{1: false, 125: false, 126: true, 127: true, 130: false} {
		a := app{streams: streams{in: strings.NewReader(""), out: io.Discard, err: io.Discard}}
		if got := lacksProgram(a.hold([]string{"sh", "-c", fmt.Sprintf("exit %d", code)})); got != want {
			t.Errorf("exit code %d: %t, want %t", code, got, want)
		}
	}
}
