package main

import (
	"bytes"
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
	write(shop)
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

const (
	shop   = "name: shop\nenvironments: [{name: prod}]\n"
	inside = "name: shop\nenvironments: [{name: prod, entry: {internal: true}}]\n"
)

// generated makes slipway.yaml this one, and the templates those that it asks for.
func generated(t *testing.T, config string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("slipway.yaml", []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command(filepath.Join(filepath.Dir(self), "gen")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

// What a deployment would do is told before anything is there and afterwards; what is risky takes its name, or an answer.
func TestLivePlan(t *testing.T) {
	d := onDouble(t)
	withGen(t)
	planned(t)
	generated(t, shop)
	code, out, errs := callHere(t, "", "deploy", "--plan")
	if code != 0 {
		t.Fatal(errs)
	}
	wantSaid(t, out, "What changes in the foundation (stack shop-foundation)", "What changes in environment prod (stack shop-prod)", "everything is made")
	if living := d.Living(); len(living) > 0 {
		t.Fatalf("made: %v", living)
	}
	if code, _, errs := callHere(t, "", "deploy"); code != 0 {
		t.Fatal(errs)
	}
	generated(t, inside)
	_, out, _ = callHere(t, "", "deploy", "--plan", "--markdown", "--environment", "prod", "--image", "keep")
	wantSaid(t, out, "### What changes in environment `prod`", "| `replace:prod.ECS.LoadBalancer` | is replaced, for another Scheme")
	_, out, _ = callHere(t, "", "deploy", "--plan", "--json")
	var plans []plan.Plan
	if err := json.Unmarshal([]byte(out), &plans); err != nil || len(plans) != 2 || plans[1].Basis != plan.WholeChangeSet || len(plans[1].Risks) == 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	code, _, errs = callHere(t, "", "deploy", "--environment", "prod", "--image", "keep")
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	command := "./scripts/deploy.sh --environment prod --image keep"
	var names []string
	for _, r := range append(plans[0].Risks, plans[1].Risks...) {
		command += " --allow " + r.Name
		names = append(names, "--allow", r.Name)
	}
	wantSaid(t, errs, "nothing was changed", "run: "+command+"\n")
	if code, _, errs := callHere(t, "", append([]string{"deploy"}, names...)...); code != 0 {
		t.Error(errs)
	}
}

// Without a local engine nothing of the application is up, and none is started to say so.
func TestLocalPlanWithoutAnEngine(t *testing.T) {
	withGen(t)
	noAWS(t)
	planned(t)
	code, out, errs := callHere(t, "", "deploy", "--plan", "--local")
	if code != 0 {
		t.Fatal(errs)
	}
	wantSaid(t, out, "What changes in the foundation", "What changes in environment prod", "everything is made")
	if _, err := os.Stat(".slipway/local"); err == nil {
		t.Error("an engine was started")
	}
}

// A command is told as it has to be typed.
func TestAgain(t *testing.T) {
	a := &app{args: []string{"deploy", "--local", "-e", "it's", "--wait=30m", ""}}
	if got, want := a.again(), `./scripts/deploy.sh --local -e 'it'\''s' --wait=30m ''`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Risks are listed to whoever is asked, and only a yes allows them.
func TestAllow(t *testing.T) {
	for answer, want := range map[string]string{"yes\n": "", "no\n": "not yes", "": "not yes"} {
		var said bytes.Buffer
		a := &app{streams: streams{strings.NewReader(answer), &said, &said}}
		err := a.allow(t.Context(), plan.Risk{Name: "loss:prod.ECS.LogGroup", Text: "is removed"})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", answer, err)
		}
		wantSaid(t, said.String(), "loss:prod.ECS.LogGroup: is removed", "Type yes")
	}
}
