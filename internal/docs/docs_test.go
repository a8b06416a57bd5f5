package docs

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// witness is what runs a command: a file of this repository, and the text in it that shows that it does.
type witness struct{ file, text string }

// commands are those that a document may tell its reader to run.
var commands = map[string]witness{
	"./scripts/deploy.sh --local":       {"internal/e2e/local_test.go", `"deploy.sh", "--local"`},
	"./scripts/deploy.sh --local --yes": {"internal/e2e/local_test.go", `"deploy.sh", "--local", "--yes"`},
	"./scripts/deploy.sh":               {"internal/e2e/local_test.go", `"deploy.sh", "--yes"`},
	"./scripts/deploy.sh --cost":        {"scripts/slipway/main_test.go", `"deploy", "--cost"`},
	"./scripts/deploy.sh --plan":        {"internal/e2e/local_test.go", `"deploy.sh", "--plan", "--local"`},
	"./scripts/deploy.sh --allow replace:prod.ECS.LoadBalancer --allow downtime:prod.ECS.LoadBalancer": {"internal/launch/preview_test.go", "Allow: append(insideRisks"},
	"./scripts/deploy.sh --plan --against main":                                                        {"scripts/slipway/plan_test.go", `"deploy", "--plan", "--against", "main")`},
	"./scripts/deploy.sh --plan --against main --markdown":                                             {"scripts/slipway/plan_test.go", `"deploy", "--plan", "--against", "main", "--markdown"`},
	"./scripts/deploy.sh --policy deploy":                                                              {"scripts/slipway/main_test.go", `"deploy", "--policy", "deploy"`},
	"./scripts/deploy.sh --policy foundation":                                                          {"internal/deployer/docs_test.go", "range AllNames"},
	"./scripts/deploy.sh --policy destroy":                                                             {"internal/deployer/docs_test.go", "range AllNames"},
	"./scripts/deploy.sh --policy preflight":                                                           {"internal/deployer/docs_test.go", "range AllNames"},
	"./scripts/deploy.sh --yes":                                                                        {"internal/e2e/local_test.go", `"deploy.sh", "--yes"`},
	"./scripts/destroy.sh":                                                                             {"internal/e2e/local_test.go", `noCredentials()...), "destroy.sh")`},
	"./scripts/destroy.sh --plan":                                                                      {"scripts/slipway/main_test.go", `"destroy", "--plan")`},
	"./scripts/destroy.sh --environment test":                                                          {"scripts/slipway/main_test.go", `"destroy", "--environment", "prod"`},
	"./scripts/destroy.sh --yes --protected prod":                                                      {"internal/e2e/examples_test.go", `"--local", "--yes"`},
	"./scripts/destroy.sh --local":                                                                     {"internal/e2e/local_test.go", `"destroy.sh", "--local"`},
	"./scripts/destroy.sh --local --yes":                                                               {"internal/e2e/local_test.go", `"destroy.sh", "--local", "--yes"`},
	"./scripts/deploy.sh --policy operate":                                                             {"internal/deployer/docs_test.go", "range AllNames"},
	"./scripts/status.sh":                                                                              {"scripts/slipway/look_test.go", `call(t, "", "status")`},
	"./scripts/status.sh --local":                                                                      {"internal/e2e/local_test.go", `"status.sh", "--local"`},
	"./scripts/status.sh --environment prod --json":                                                    {"scripts/slipway/look_test.go", `"status", "--json", "-e", "prod"`},
	"./scripts/logs.sh --follow --local":                                                               {"internal/e2e/local_test.go", `"logs.sh", "--follow", "--local"`},
	"./scripts/logs.sh --since 1h":                                                                     {"scripts/slipway/look_test.go", `"logs", "--since", "1h"`},
	"./scripts/logs.sh --environment prod --task 25fdff94 --json":                                      {"scripts/slipway/look_test.go", `"logs", "--json", "-e", "prod", "--task"`},
	"./scripts/events.sh":                                                                              {"scripts/slipway/look_test.go", `call(t, "", "events")`},
	"./scripts/events.sh --environment prod --since 24h --json":                                        {"scripts/slipway/look_test.go", `"events", "--environment", "prod", "--since", "24h", "--json"`},
	"./scripts/doctor.sh":                                                                              {"scripts/slipway/look_test.go", `call(t, "", "doctor")`},
	"./scripts/doctor.sh --json":                                                                       {"scripts/slipway/look_test.go", `"doctor", "--json"`},
	"./scripts/doctor.sh --local":                                                                      {"internal/e2e/local_test.go", `"doctor.sh", "--local"`},
	"./scripts/exec.sh":                                                                                {"scripts/slipway/exec_test.go", `callHere(t, "", "exec")`},
	"./scripts/exec.sh --json":                                                                         {"scripts/slipway/exec_test.go", `callHere(t, "", "exec", "--json")`},
	"./scripts/exec.sh --environment prod --task 25fdff94 -- /bin/ls -l /":                             {"scripts/slipway/exec_test.go", `"exec", "--environment", "prod", "--task", ready.Task[:8], "--", "/bin/ls", "-l", "/"`},
	`eval "$(./scripts/completion.sh bash)"`:                                                           {"scripts/slipway/completion_test.go", `eval "$("$0" completion bash)"`},
	"./scripts/push.sh":                                                                                {"scripts/slipway/push_test.go", `call(t, "", "push")`},
	"./scripts/push.sh --branch develop":                                                               {"scripts/slipway/branches_test.go", `callHere(t, "", "push", "--branch", "develop")`},
	"./scripts/push.sh --wait":                                                                         {"scripts/slipway/push_test.go", `call(t, "", "push", "--wait")`},
	"./scripts/releases.sh":                                                                            {"scripts/slipway/releases_test.go", `call(t, "", "releases")`},
	"./scripts/releases.sh --environment prod --limit 3":                                               {"scripts/slipway/releases_test.go", `"releases", "--environment", "prod", "--limit", "3"`},
	"./scripts/releases.sh --json":                                                                     {"scripts/slipway/releases_test.go", `"releases", "--json"`},
	"./scripts/rollback.sh":                                                                            {"scripts/slipway/releases_test.go", `call(t, "", "rollback")`},
	"./scripts/rollback.sh --plan":                                                                     {"scripts/slipway/releases_test.go", `call(t, "", "rollback", "--plan")`},
	"./scripts/rollback.sh 12 --environment prod":                                                      {"scripts/slipway/releases_test.go", `"rollback", "2", "--environment", "prod"`},
	`./scripts/hold.sh prod --reason "freeze until Monday"`:                                            {"scripts/slipway/hold_test.go", `"hold", "prod", "--reason", "freeze until Monday`},
	"./scripts/hold.sh prod --lift":                                                                    {"scripts/slipway/hold_test.go", `"hold", "prod", "--lift"`},
	"./scripts/promote.sh dev prod":                                                                    {"internal/launch/redeliver_test.go", `Promote(t.Context(), "dev", "prod"`},
	"./scripts/diff.sh 11 12":                                                                          {"scripts/slipway/releases_test.go", `"diff", "1", "2"`},
	"./scripts/diff.sh 11 --environment prod --json":                                                   {"scripts/slipway/releases_test.go", `"diff", "1", "--environment", "prod", "--json"`},
	"./scripts/test.sh":                                                                                {".ci/run", "./scripts/test.sh"},
	"./scripts/rehearse.sh":                                                                            {"internal/e2e/rehearse_test.go", `"rehearse.sh", flags...`},
	"curl $ServiceURL/":                                                                                {"internal/e2e/local_test.go", `s.url+"/"`},
	"curl $ServiceURL/time":                                                                            {"internal/e2e/local_test.go", `s.url+"/time"`},
	"./scripts/bench/gen.sh --builds":                                                                  {"scripts/check/steps.go", `r.path("scripts/bench/gen.sh"), "--builds"`},
	"./scripts/bench/web.sh":                                                                           {"scripts/check/steps.go", `r.path("scripts/bench/web.sh")`},
	"./scripts/test.sh --long":                                                                         {"scripts/check/main.go", `"long"`},
	"go run ./gen":                                                                                     {"internal/e2e/examples_test.go", `"go", "run", "./gen"`},
	"go run ./gen -check":                                                                              {"scripts/check/templates.go", `"run", "./gen", "-check"`},
}

// documents are the README and docs/*.md, by their path from the root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(root + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, path := range append(paths, root+"/README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	return texts
}

// fence is a block of code with its language.
var fence = regexp.MustCompile("(?ms)^ *```([a-z]*)\n(.*?)^ *```$")

// comment ends a shell line.
var comment = regexp.MustCompile(`\s+#.*$`)

// shellCommands are the lines of a document's shell blocks, without prompts and comments.
func shellCommands(text string) []string {
	var found []string
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		if !slices.Contains([]string{"sh", "bash", "shell", "console"}, block[1]) {
			continue
		}
		for line := range strings.Lines(block[2]) {
			line = comment.ReplaceAllString(" "+strings.TrimSpace(line), "")
			line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
			if line != "" {
				found = append(found, line)
			}
		}
	}
	return found
}

func TestEveryCommandIsRun(t *testing.T) {
	for name, text := range documents(t) {
		for _, command := range shellCommands(text) {
			if _, known := commands[command]; !known {
				t.Errorf("%s tells the reader to run %q, which no test is known to run; known are:\n%s",
					name, command, strings.Join(slices.Sorted(maps.Keys(commands)), "\n"))
			}
		}
	}
}

func TestWitnessesRunTheCommands(t *testing.T) {
	for command, by := range commands {
		text, err := os.ReadFile(filepath.Join(root, by.file))
		if err != nil {
			t.Errorf("what runs %q: %v", command, err)
		} else if !strings.Contains(string(text), by.text) {
			t.Errorf("%s is said to run %q, but has no %s", by.file, command, by.text)
		}
	}
}

func TestShellCommands(t *testing.T) {
	text := "a\n```sh\n# all of it\n$ ./a.sh --x   # up\n\ncurl $URL/#frag\n```\n```yaml\nkey: value\n```\n"
	want := []string{"./a.sh --x", "curl $URL/#frag"}
	if got := shellCommands(text); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// foreign is what belongs to one machine, and not into a document.
var foreign = regexp.MustCompile(`(^|[\s"'(=])(/home/|/root/|/Users/|C:\\)`)

func TestNoMachinePaths(t *testing.T) {
	for name, text := range documents(t) {
		for line := range strings.Lines(text) {
			if foreign.MatchString(line) {
				t.Errorf("%s names a path of somebody's machine: %s", name, line)
			}
		}
	}
}

// link is a Markdown link or picture to something that is not on the web.
var link = regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	for name, text := range documents(t) {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			target := filepath.Join(root, filepath.Dir(name), match[1])
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", name, match[1])
			}
		}
	}
}

func TestReplace(t *testing.T) {
	page := "a\n<!-- begin x: make -->\nold\n<!-- end x -->\nb\n"
	got, err := Replace(page, "x", "make", "new\n")
	if want := "a\n<!-- begin x: make -->\nnew\n<!-- end x -->\nb\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := Replace(page, "y", "make", "new\n"); err == nil {
		t.Error("a part that is not there was replaced")
	}
}
