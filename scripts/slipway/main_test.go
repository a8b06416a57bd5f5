package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"slipway/internal/cause"
	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/cost"
	"slipway/internal/iampolicy"
	"slipway/internal/launch"
	"slipway/internal/local"
	"slipway/internal/source"
)

// repository is a copy of the root, as a build gets it: what a command leaves in .slipway is not the user's.
var repository string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "slipway-commands-")
	if err != nil {
		panic(err)
	}
	repository = dir
	if err := copyRepository(context.Background()); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(repository)
	os.Exit(code)
}

func copyRepository(ctx context.Context) error {
	tree, err := source.List(ctx, "../..")
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	if err := tree.WriteZip(&packed); err != nil {
		return err
	}
	files, err := zip.NewReader(bytes.NewReader(packed.Bytes()), int64(packed.Len()))
	if err != nil {
		return err
	}
	return os.CopyFS(repository, files)
}

// call runs the command at the repository's root, as the scripts do.
func call(t *testing.T, input string, args ...string) (code int, out, errs string) {
	t.Helper()
	t.Chdir(repository)
	return callHere(t, input, args...)
}

// callHere runs the command where the test is.
func callHere(t *testing.T, input string, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, streams{strings.NewReader(input), &stdout, &stderr}, os.Environ())
	return code, stdout.String(), stderr.String()
}

// emptyProject is a folder with a slipway.yaml and nothing else.
func emptyProject(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "slipway.yaml"), []byte("name: shop\nenvironments: [{name: prod}]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}

// noAWS takes away whatever AWS settings the tests' own environment has.
func noAWS(t *testing.T) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	none := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", none)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// withGen puts a built gen beside the test's own executable, where deploy looks for it.
func withGen(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command("go", "-C", repository, "build", "-trimpath", "-o", filepath.Join(filepath.Dir(self), "gen"), "./gen").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

func wantSaid(t *testing.T, said string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(said, part) {
			t.Errorf("it does not say %q:\n%s", part, said)
		}
	}
}

func TestSidecarsAreLeftOut(t *testing.T) {
	cfg := config.Config{Service: config.Service{Architecture: config.X86, Sidecars: []config.Sidecar{{Name: "agent"}, {Name: "proxy"}}}}
	for tasks, want := range map[string]bool{local.RuntimeProcess: true, local.RuntimeDocker: false} {
		var said bytes.Buffer
		a := &app{streams: streams{err: &said}}
		a.sayDifferences(cfg, tasks)
		for _, name := range []string{"agent", "proxy"} {
			if got := strings.Contains(said.String(), "the sidecar "+name+" is left out"); got != want {
				t.Errorf("tasks by %s: said %q", tasks, said.String())
			}
		}
	}
}

func TestConnectedPipelineIsSaidNotToRun(t *testing.T) {
	for repository, want := range map[string]bool{"": false, "owner/shop": true} {
		var said bytes.Buffer
		a := &app{streams: streams{err: &said}}
		var cfg config.Config
		if want {
			cfg.Pipeline.Source = config.Source{Connection: "arn:aws:codeconnections:us-east-1:000000000000:connection/x", Repository: repository}
		}
		a.sayDifferences(cfg, local.RuntimeDocker)
		if got := strings.Contains(said.String(), "owner/shop at a git host"); got != want {
			t.Errorf("source %q: said %q", repository, said.String())
		}
	}
}

func TestUsage(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
		said []string
	}{
		"flag":         {[]string{"deploy", "--locla"}, exitUsage, []string{"--locla", "./scripts/deploy.sh --help"}},
		"argument":     {[]string{"destroy", "prod"}, exitUsage, []string{"prod", "./scripts/destroy.sh"}},
		"image":        {[]string{"deploy", "--image", "web:latest"}, exitUsage, []string{"web:latest", "keep"}},
		"empty image":  {[]string{"deploy", "--image", ""}, exitUsage, []string{"keep"}},
		"local cost":   {[]string{"deploy", "--cost", "--local"}, exitUsage, []string{"--cost", "--local costs nothing"}},
		"cost where":   {[]string{"deploy", "--cost", "-e", "nope"}, exitUsage, []string{`"nope"`, "it has prod"}},
		"allow none":   {[]string{"deploy", "--plan", "--allow", "replace:prod.ECS.TargetGroup"}, exitUsage, []string{"--allow has no place"}},
		"against some": {[]string{"deploy", "--plan", "--against", "main", "--environment", "prod"}, exitUsage, []string{"--environment has no place"}},
		"no plan":      {[]string{"deploy", "--json"}, exitUsage, []string{"--json", "add --plan"}},
		"two forms":    {[]string{"deploy", "--plan", "--against", "main", "--json", "--markdown"}, exitUsage, []string{"two forms"}},
		"local plan":   {[]string{"deploy", "--plan", "--against", "main", "--local"}, exitUsage, []string{"--local changes nothing"}},
		"plan and yes": {[]string{"deploy", "--plan", "--against", "main", "--yes"}, exitUsage, []string{"--yes has no place"}},
		"against none": {[]string{"deploy", "--plan", "--against", ""}, exitUsage, []string{"--against is empty"}},
		"policy":       {[]string{"deploy", "--policy", "admin"}, exitUsage, []string{`"admin"`, "deploy, foundation, destroy, preflight"}},
		"local policy": {[]string{"deploy", "--policy", "deploy", "--local"}, exitUsage, []string{"--policy", "--local needs no rights"}},
		"environment":  {[]string{"deploy", "--local", "--environment", "nope"}, exitUsage, []string{`"nope"`, "it has prod"}},
		"empty name":   {[]string{"deploy", "--local", "--environment", ""}, exitUsage, []string{`""`, "it has prod"}},
		"Region":       {[]string{"deploy", "--local", "--region", "eu-west-1"}, exitUsage, []string{"--region", "--local"}},
		"profile":      {[]string{"destroy", "--local", "--profile", "x"}, exitUsage, []string{"--profile", "--local"}},
		"stage":        {[]string{"stage", "imgae"}, exitUsage, []string{"imgae", "image", "./scripts/stage.sh --help"}},
		"no stage":     {[]string{"stage"}, exitUsage, []string{"acceptance"}},
		"two stages":   {[]string{"stage", "image", "deploy"}, exitUsage, []string{"one stage"}},
		"no shell":     {[]string{"completion"}, exitUsage, []string{"bash, zsh or fish"}},
		"odd shell":    {[]string{"completion", "cmd"}, exitUsage, []string{`"cmd"`, "bash, zsh or fish"}},
		"bare command": {[]string{"exec", "ls", "/"}, exitUsage, []string{"./scripts/exec.sh -- ls /"}},
		"time span":    {[]string{"logs", "--since", "0s"}, exitUsage, []string{"--since", "10m"}},
		"no time span": {[]string{"events", "--since", "-1h"}, exitUsage, []string{"--since", "10m"}},
		"odd span":     {[]string{"logs", "--since", "yesterday"}, exitUsage, []string{"yesterday", "such as 90s, 10m, 24h or 7d", "./scripts/logs.sh --help"}},
		"odd days":     {[]string{"logs", "--since", "1.5d"}, exitUsage, []string{"1.5d", "24h or 7d"}},
		"command":      {[]string{"deplyo"}, exitUsage, []string{`"deplyo"`, "did you mean deploy?", "slipway --help"}},
		"far command":  {[]string{"frobnicate"}, exitUsage, []string{`"frobnicate"; see slipway --help`}},
		"near flag":    {[]string{"status", "--environmnt", "dev"}, exitUsage, []string{"unknown flag: --environmnt; did you mean --environment? see ./scripts/status.sh --help"}},
		"far flag":     {[]string{"status", "--frobnicate"}, exitUsage, []string{"unknown flag: --frobnicate; see ./scripts/status.sh --help"}},
		"near name":    {[]string{"deploy", "--local", "--environment", "prodd"}, exitUsage, []string{`no environment "prodd"; did you mean prod? (it has prod)`}},
		"no names":     {[]string{"promote"}, exitUsage, []string{"takes two environments, FROM and TO, and none was given; see ./scripts/promote.sh --help"}},
		"three names":  {[]string{"promote", "a", "b", "c"}, exitUsage, []string{`takes two environments, FROM and TO, not "a", "b", "c"; see`}},
		"one name":     {[]string{"promote", "dev", "dev"}, exitUsage, []string{`takes two different environments, and both are "dev"; see`}},
		"root flag":    {[]string{"--locla"}, exitUsage, []string{"--locla", "slipway --help"}},
	} {
		t.Run(name, func(t *testing.T) {
			noAWS(t)
			code, _, errs := call(t, "", c.args...)
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			wantSaid(t, errs, c.said...)
		})
	}
}

func TestHelp(t *testing.T) {
	for _, c := range []struct{ args, said []string }{
		{nil, []string{"deploy ", "destroy ", "stage "}},
		{[]string{"--help"}, []string{"deploy ", "destroy ", "stage "}},
		{[]string{"deploy", "--help"}, []string{"./scripts/deploy.sh [flags]", "--local", "--environment name", "--image keep", "--yes", "--cost"}},
		{[]string{"destroy", "--help"}, []string{"./scripts/destroy.sh [flags]", "--local", "--yes"}},
		{[]string{"stage", "--help"}, []string{"./scripts/stage.sh lint|", contract.VarRepositoryURI, contract.VarEnvironment, contract.VarImageURI}},
	} {
		code, out, errs := call(t, "", c.args...)
		if code != 0 || errs != "" {
			t.Errorf("%v: exit code %d, %s", c.args, code, errs)
		}
		wantSaid(t, out, c.said...)
	}
}

// A stage says which variable it lacks.
func TestStageVariables(t *testing.T) {
	for name, c := range map[string]struct {
		stage string
		given map[string]string
		said  []string
	}{
		"image":            {"image", nil, []string{contract.VarRepositoryURI + " is not set"}},
		"another source":   {"image", map[string]string{contract.VarRepositoryURI: "r", contract.VarIdentity: "0123"}, []string{"0123", "changed on its way"}},
		"deploy":           {"deploy", nil, []string{contract.VarEnvironment + " is not set"}},
		"deploy, no image": {"deploy", map[string]string{contract.VarEnvironment: "prod"}, []string{contract.VarImageURI + " is not set", "@sha256:"}},
		"acceptance":       {"acceptance", nil, []string{contract.VarEnvironment + " is not set"}},
	} {
		t.Run(name, func(t *testing.T) {
			noAWS(t)
			for _, key := range []string{contract.VarEnvironment, contract.VarImageURI, contract.VarRepositoryURI, contract.VarIdentity} {
				t.Setenv(key, c.given[key])
			}
			code, out, errs := call(t, "", "stage", c.stage)
			if code != exitFailed || out != "" {
				t.Errorf("exit code %d, output %q", code, out)
			}
			wantSaid(t, errs, c.said...)
		})
	}
}

func TestNoCredentials(t *testing.T) {
	noAWS(t)
	withGen(t)
	for _, command := range []string{"deploy", "destroy"} {
		code, out, errs := call(t, "", command, "--yes")
		if code != exitFailed || out != "" {
			t.Errorf("%s: exit code %d, output %q", command, code, out)
		}
		wantSaid(t, errs, "no AWS credentials", "--local")
	}
}

// The cost is told to whoever has no credentials, for the Region that the flag, the variable or nobody names.
func TestCost(t *testing.T) {
	withGen(t)
	for _, c := range []struct {
		variable, flag, region string
		said                   []string
	}{
		{"", "", "us-east-1", []string{"What slipway-demo costs in us-east-1", "730 x 0.0225", "by use", "docs/cost.md"}},
		{"eu-central-1", "", "eu-central-1", []string{"What slipway-demo costs in eu-central-1", "730 x 0.027"}},
		{"eu-central-1", "sa-east-1", "sa-east-1", []string{"no table of prices for sa-east-1", "730 x ~0.0225"}},
	} {
		noAWS(t)
		t.Setenv("AWS_REGION", c.variable)
		args := []string{"deploy", "--cost"}
		if c.flag != "" {
			args = append(args, "--region", c.flag)
		}
		code, out, errs := call(t, "", args...)
		if code != 0 {
			t.Fatal(errs)
		}
		wantSaid(t, out, c.said...)
		if noRegion := strings.Contains(errs, "no Region is set"); noRegion != (c.region == cost.DefaultRegion) {
			t.Errorf("%s: %s", c.region, errs)
		}
	}
}

// A policy is printed without credentials, for the Region that is set or for all.
func TestPolicy(t *testing.T) {
	noAWS(t)
	for region, want := range map[string]string{
		"": "arn:aws:cloudformation:*:*:stack/slipway-demo-*", "cn-north-1": "arn:aws-cn:cloudformation:cn-north-1:*:stack/slipway-demo-*",
		"us-gov-west-1": "arn:aws-us-gov:cloudformation:us-gov-west-1:*:stack/slipway-demo-*",
	} {
		args := []string{"deploy", "--policy", "deploy"}
		if region != "" {
			args = append(args, "--region", region)
		}
		code, out, errs := call(t, "", args...)
		if code != 0 {
			t.Fatal(errs)
		}
		if _, err := iampolicy.Parse([]byte(out)); err != nil {
			t.Error(err)
		}
		wantSaid(t, out, want)
		if all := strings.Contains(errs, "holds in all of them"); all != (region == "") {
			t.Errorf("%q: %s", region, errs)
		}
	}
}

// The whole way through the command, against a double of AWS that stands where the local engine would.
func TestDeployAndDestroy(t *testing.T) {
	d := onDouble(t)
	withGen(t)
	code, out, errs := call(t, "", "deploy")
	if code != 0 {
		t.Fatal(errs)
	}
	wantSaid(t, out, "ServiceURL=http://")
	if strings.Contains(errs, "USD") {
		t.Errorf("it speaks of money where nothing costs any:\n%s", errs)
	}
	if code, _, errs := call(t, "no\n", "destroy"); code != exitFailed || !strings.Contains(errs, "nothing was changed") {
		t.Errorf("declined: exit code %d, %s", code, errs)
	}
	code, _, errs = call(t, "yes\n", "destroy", "--environment", "prod")
	if code != 0 {
		t.Error(errs)
	}
	wantSaid(t, errs, "Delete environment prod of slipway-demo from account", "stay: the foundation")
	if code, _, errs := call(t, "", "destroy", "--yes", "--protected", "prdo"); code != exitFailed || !strings.Contains(errs, `no environment "prdo"`) {
		t.Errorf("exit code %d, %s", code, errs)
	}
	if code, _, errs := call(t, "yes\n", "destroy"); code != 0 {
		t.Error(errs)
	}
	if living := d.Living(); len(living) > 0 {
		t.Errorf("left: %v", living)
	}
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]string{
		"yes\n": "", "YES\n": "", " y \n": "", "yes\r\n": "", "yes": "",
		"n\n": "not yes", "no\n": "not yes", "\n": "not yes", "yess\n": "not yes", "": "add --yes",
	} {
		var said bytes.Buffer
		a := &app{streams: streams{strings.NewReader(answer), &said, &said}}
		err := a.confirm(t.Context(), "Go?")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", answer, err)
		}
		wantSaid(t, said.String(), "Go? Type yes")
	}
}

// A protected environment's name is typed, and a yes is none.
func TestConfirmName(t *testing.T) {
	for answer, want := range map[string]string{
		"prod\n": "", " prod\r\n": "", "prod": "", "yes\n": "not its name", "Prod\n": "not its name", "\n": "not its name", "": "add --protected prod",
	} {
		var said bytes.Buffer
		a := &app{streams: streams{strings.NewReader(answer), &said, &said}}
		err := a.confirmName(t.Context(), "prod")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", answer, err)
		}
	}
	a := &app{streams: streams{strings.NewReader("one\ntwo\n"), io.Discard, io.Discard}}
	for _, name := range []string{"one", "two"} {
		if err := a.confirmName(t.Context(), name); err != nil {
			t.Errorf("of several questions, that for %s: %v", name, err)
		}
	}
}

// Who is asked and presses Ctrl-C has answered.
func TestConfirmIsInterrupted(t *testing.T) {
	in, _ := io.Pipe()
	defer in.Close()
	ctx, cancel := context.WithCancel(t.Context())
	a := &app{streams: streams{in, io.Discard, io.Discard}}
	time.AfterFunc(10*time.Millisecond, cancel)
	if err := a.confirm(ctx, "Go?"); !errors.Is(err, launch.ErrInterrupted) {
		t.Error(err)
	}
}

func TestInterrupted(t *testing.T) {
	noAWS(t)
	withGen(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	t.Chdir(repository)
	for _, args := range [][]string{{"deploy"}, {"destroy", "--yes"}} {
		var said bytes.Buffer
		if code := run(ctx, args, streams{strings.NewReader(""), &said, &said}, os.Environ()); code != exitInterrupted {
			t.Errorf("%v: exit code %d: %s", args, code, &said)
		}
		wantSaid(t, said.String(), "stopped: ")
	}
}

// A check of the templates that is cut off says nothing about them.
func TestInterruptedWhileChecking(t *testing.T) {
	noAWS(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	gen, started := filepath.Join(filepath.Dir(self), "gen"), filepath.Join(t.TempDir(), "started")
	if err := os.RemoveAll(gen); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(gen, []byte("#!/bin/sh\n: >'"+started+"'\nexec sleep 60\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(gen) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for ctx.Err() == nil {
			if _, err := os.Stat(started); err == nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	t.Chdir(repository)
	var said bytes.Buffer
	if code := run(ctx, []string{"deploy"}, streams{strings.NewReader(""), &said, &said}, os.Environ()); code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(said.String(), "templates are not") {
		t.Errorf("it blames the templates: %s", &said)
	}
}

func TestOutsideAProject(t *testing.T) {
	t.Chdir(t.TempDir())
	var said bytes.Buffer
	if code := run(t.Context(), []string{"deploy", "--local"}, streams{strings.NewReader(""), &said, &said}, os.Environ()); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	wantSaid(t, said.String(), "slipway.yaml")
}

// A source that came as an archive, without git, has no commit; its image is built all the same.
func TestImageOfASourceWithoutGit(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "file"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	tree, err := source.List(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	r := (&app{}).imageRequest(config.Service{}, "registry/repository", tree)
	if r.Commit == "" || r.Tag != tree.Identity() {
		t.Errorf("commit %q, tag %q", r.Commit, r.Tag)
	}
}

func TestExport(t *testing.T) {
	for _, value := range []string{"registry/repository@sha256:0", "it's $HOME `id` \\ \"x\"\nand 'more'", ""} {
		root := t.TempDir()
		if err := export(root, map[string]string{contract.VarImageURI: value}); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("sh", "-c", ". "+filepath.Join(root, contract.StageDir, "stage.env")+`; sh -c 'printf %s "$IMAGE_URI"'`).Output()
		if err != nil || string(out) != value {
			t.Errorf("%q arrives as %q, %v", value, out, err)
		}
	}
}

// Without gen beside it the command cannot know whether the templates fit, and says how to get it.
func TestGenIsMissing(t *testing.T) {
	noAWS(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(filepath.Dir(self), "gen")); err != nil {
		t.Fatal(err)
	}
	code, _, errs := call(t, "", "deploy")
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	wantSaid(t, errs, "check the templates", "./scripts/deploy.sh")
}

// Templates that no longer fit slipway.yaml are refused by name, before anything else happens.
func TestStaleTemplates(t *testing.T) {
	noAWS(t)
	withGen(t)
	t.Chdir(emptyProject(t))
	var said bytes.Buffer
	if code := run(t.Context(), []string{"deploy"}, streams{strings.NewReader(""), &said, &said}, os.Environ()); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	wantSaid(t, said.String(), "templates/prod/root.yaml: missing", "go run ./gen")
}

// What fails in a build of CodeBuild's has its whole report in the build's log, and nothing of other errors; on a laptop the report is in
// its file.
func TestReportInTheBuildLog(t *testing.T) {
	var log strings.Builder
	a := &app{streams: streams{err: &log}}
	failure := &launch.Failure{Operation: "update of stack shop-prod", Cause: cause.Find([]cause.Signal{{Origin: cause.Task, Text: "OutOfMemoryError"}})}
	if err := a.logReport(failure); err != nil || log.Len() > 0 {
		t.Errorf("on a laptop the log has %q: %v", log.String(), err)
	}
	a.environ = []string{"CODEBUILD_BUILD_ID=shop:1"}
	if err := errors.Join(a.logReport(fmt.Errorf("environment prod: %w", failure)), a.logReport(errors.New("other")), a.logReport(nil)); err != nil {
		t.Fatal(err)
	}
	text, found := strings.CutPrefix(log.String(), "report ")
	var got launch.Failure
	if err := json.Unmarshal([]byte(text), &got); err != nil || !found || got.Cause.Name != "out-of-memory" || got.Operation != failure.Operation {
		t.Errorf("the log has %q: %v", log.String(), err)
	}
}

// An acceptance that fails in the pipeline says where its report is, and has it there.
func TestAcceptanceFailsInABuild(t *testing.T) {
	d := launchedOnDouble(t)
	t.Setenv(contract.VarEnvironment, "prod")
	t.Setenv("CODEBUILD_BUILD_ID", "shop:1")
	d.Redeploy("somebody/else@sha256:1")
	code, _, errs := call(t, "", "stage", "acceptance")
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	wantSaid(t, errs, "\nreport {", "\nerror: ", `whole report: the line of this log that begins with "report {"`)
}

// A plan of a destroy says what goes and what stands in its way, by text, JSON and exit code.
func TestDestroyPlan(t *testing.T) {
	d := onDouble(t)
	withGen(t)
	if code, out, _ := call(t, "", "destroy", "--plan", "--json"); code != exitAbsent || !strings.Contains(out, `"resources": []`) {
		t.Errorf("of nothing: exit code %d, %s", code, out)
	}
	if code, _, errs := call(t, "", "deploy"); code != 0 {
		t.Fatal(errs)
	}
	code, out, errs := call(t, "", "destroy", "--plan")
	if code != 0 {
		t.Error(errs)
	}
	wantSaid(t, out, "would be deleted: ", "stands in the way: nothing", "service-linked role AWSServiceRoleForECS")
	if code, _, errs := call(t, "", "destroy", "--plan", "--yes"); code != exitUsage || !strings.Contains(errs, "--yes has no place") {
		t.Errorf("exit code %d, %s", code, errs)
	}
	protect := cloudformation.NewFromConfig(d.Config())
	if _, err := protect.UpdateTerminationProtection(t.Context(), &cloudformation.UpdateTerminationProtectionInput{StackName: new("slipway-demo-prod"), EnableTerminationProtection: new(true)}); err != nil {
		t.Fatal(err)
	}
	code, out, _ = call(t, "", "destroy", "--plan", "--json")
	var plan launch.DestroyReport
	if err := json.Unmarshal([]byte(out), &plan); err != nil || code != exitFailed || !plan.Planned || len(plan.Obstacles) != 1 || len(plan.Resources) == 0 {
		t.Errorf("exit code %d, %v: %v, %d resources", code, err, plan.Obstacles, len(plan.Resources))
	}
	if len(d.CallsTo("DeleteStack")) > 0 {
		t.Error("a plan deleted something")
	}
	code, out, errs = call(t, "", "destroy", "--yes", "--protected", "prod", "--json")
	var report launch.DestroyReport
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != 0 || report.Planned || len(report.Resources) != len(plan.Resources) {
		t.Errorf("exit code %d, %v: %d resources of %d\n%s", code, err, len(report.Resources), len(plan.Resources), errs)
	}
}
