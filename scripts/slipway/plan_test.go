package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"slipway/internal/plan"
)

// planned is a repository whose last commit has the templates of one slipway.yaml, and its working tree those of another.
func planned(t *testing.T) {
	t.Helper()
	t.Setenv("GIT_CONFIG_GLOBAL", "/dev/null")
	do := func(name string, args ...string) {
		t.Helper()
		if text, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, text)
		}
	}
	root := filepath.Join(t.TempDir(), "below") // the root of the application need not be that of the repository
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	commit := func(message string) {
		do("git", "add", "-A")
		do("git", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", message)
	}
	write := func(config string) {
		if err := os.WriteFile("slipway.yaml", []byte(config), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dockerfile, err := os.ReadFile(filepath.Join(repository, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("Dockerfile", dockerfile, 0o644); err != nil {
		t.Fatal(err)
	}
	do("git", "init", "-q", "-b", "main", "..")
	write("name: shop\nenvironments: [{name: prod}]\n")
	commit("without templates")
	gen := filepath.Join(filepath.Dir(self), "gen")
	do(gen)
	commit("with templates")
	write("name: shop\nenvironments: [{name: prod, tasks: {min: 4, max: 4}}]\n")
	do(gen)
}

// A plan is made without credentials, in each of its forms; a ref that has nothing to compare with is said.
func TestPlan(t *testing.T) {
	withGen(t)
	noAWS(t)
	planned(t)
	args := func(more ...string) []string { return append([]string{"deploy", "--plan", "--against"}, more...) }
	code, out, errs := callHere(t, "", "deploy", "--plan", "--against", "main")
	if code != 0 {
		t.Fatal(errs)
	}
	wantSaid(t, out, "against main", "! cost:prod", "Cost in us-east-1", "prod/ecs.yaml", "DesiredCount: 2 -> 4")
	if _, out, _ = callHere(t, "", "deploy", "--plan", "--against", "main", "--markdown"); !strings.HasPrefix(out, "### What the templates change against `main`") {
		t.Errorf("Markdown:\n%s", out)
	}
	_, out, _ = callHere(t, "", args("HEAD", "--json", "--region", "eu-central-1")...)
	var made plan.Plan
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.Against != "HEAD" || made.Cost.Region != "eu-central-1" || len(made.Risks) != 1 || len(made.Notes) > 0 {
		t.Errorf("JSON: %v\n%s", err, out)
	}
	for ref, want := range map[string]string{"HEAD^": "templates/ is not there at the git ref HEAD^", "nope": "the git ref nope is not there", "--all": "the git ref --all is not there"} {
		if code, _, errs := callHere(t, "", args(ref)...); code != exitAbsent || !strings.Contains(errs, want) {
			t.Errorf("%s: exit code %d, %s", ref, code, errs)
		}
	}
	if err := os.WriteFile("templates/foundation.yaml", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := callHere(t, "", args("HEAD")...); code != exitFailed || !strings.Contains(errs, "go run ./gen") {
		t.Errorf("stale templates: exit code %d, %s", code, errs)
	}
}
