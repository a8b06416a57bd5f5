package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"slipway/internal/awsdouble"
	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/operate"
)

// onDouble leads the command to a double of AWS, as the local engine leads what it runs.
func onDouble(t *testing.T) *awsdouble.Double {
	t.Helper()
	noAWS(t)
	d := awsdouble.New(t)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": d.URL, contract.VarLocalEngine: "1", "AWS_REGION": d.Region,
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
	} {
		t.Setenv(name, value)
	}
	return d
}

// launchedOnDouble has the committed application up.
func launchedOnDouble(t *testing.T) *awsdouble.Double {
	t.Helper()
	d := onDouble(t)
	withGen(t)
	if code, _, errs := call(t, "", "deploy", "--yes"); code != 0 {
		t.Fatal(errs)
	}
	return d
}

func TestStatus(t *testing.T) {
	d := launchedOnDouble(t)
	code, out, errs := call(t, "", "status")
	if code != 0 || errs != "" {
		t.Errorf("exit code %d, %s", code, errs)
	}
	wantSaid(t, out, "slipway-demo in account 123456789012, Region us-east-1", "prod  healthy  http://", "image     sha256:", "tasks     2 of 2 run, 0 starting",
		"targets   2 of 2 healthy", " s ago), COMPLETED", "drift     none", "stack     slipway-demo-prod.ECS  CREATE_COMPLETE", "task      ", "slipway-demo-foundation  CREATE_COMPLETE")
	if strings.Contains(out, "\x1b") {
		t.Error("it colours what is no terminal")
	}
	_, out, _ = call(t, "", "status", "--json", "-e", "prod")
	var report operate.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Environments[0].State != operate.Healthy || report.Environments[0].Tasks.Running != 2 {
		t.Errorf("%v: %s", err, out)
	}
	d.Unhealthy("slipway-demo-prod")
	if code, out, errs = call(t, "", "status"); code != exitFailed || errs != "" {
		t.Errorf("unhealthy: exit code %d, %s", code, errs)
	}
	wantSaid(t, out, "prod  unhealthy", "problem   target ")
	d.Fail("DescribeServices", "AccessDeniedException", "User is not authorized to perform: ecs:DescribeServices", 1)
	if code, _, errs = call(t, "", "status"); code != exitFailed {
		t.Errorf("refused: exit code %d", code)
	}
	wantSaid(t, errs, "error: ", "ecs:DescribeServices", "docs/permissions.md")
}

func TestStatusOfNothing(t *testing.T) {
	onDouble(t)
	code, out, errs := call(t, "", "status")
	if code != exitAbsent || errs != "" {
		t.Errorf("exit code %d, %s", code, errs)
	}
	wantSaid(t, out, "prod  absent", "there is no stack slipway-demo-prod", "slipway-demo-foundation  not there")
}

// One environment that is not well counts more than one that is not there.
func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		states []operate.State
		want   int
	}{
		{[]operate.State{operate.Healthy, operate.Healthy}, 0},
		{[]operate.State{operate.Healthy, operate.Absent}, exitAbsent},
		{[]operate.State{operate.Absent, operate.Changing}, exitFailed},
		{[]operate.State{operate.Absent, operate.Unhealthy, operate.Healthy}, exitFailed},
	} {
		var r operate.Report
		for _, s := range c.states {
			r.Environments = append(r.Environments, operate.Environment{State: s})
		}
		code := exitCode(0)
		if err := verdict(r); err != nil {
			code = err.(exitCode)
		}
		if int(code) != c.want {
			t.Errorf("%v: exit code %d, want %d", c.states, code, c.want)
		}
	}
}

func TestRough(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0 s", 119 * time.Second: "119 s", 2 * time.Minute: "2 min", 3 * time.Hour: "3 h", 49 * time.Hour: "2 days"} {
		if got := rough(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestPalette(t *testing.T) {
	if got := palette(false).bad("x"); got != "x" {
		t.Errorf("%q", got)
	}
	if got := palette(true).bad("x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("%q", got)
	}
}

// looking are the commands that look at what runs.
var looking = []string{"status", "logs", "events", "exec"}

func TestLogs(t *testing.T) {
	d := launchedOnDouble(t)
	_, out, _ := call(t, "", "deploy", "--image", "keep")
	_, group, _ := strings.Cut(out, "LogGroupName=")
	group, _, _ = strings.Cut(group, "\n")
	code, out, errs := call(t, "", "logs")
	if code != 0 || out != "" {
		t.Errorf("nothing written: exit code %d, output %q", code, out)
	}
	wantSaid(t, errs, "no line in the last 10m0s")
	_, _, errs = call(t, "", "logs", "--task", "nope", "--since", "7d")
	wantSaid(t, errs, "no line of a task nope in the last 168h0m0s", "./scripts/status.sh names the tasks that run")
	d.PutLog(group, "tasks/app/0123456789abcdef", "hello <world>")
	code, out, errs = call(t, "", "logs", "--since", "1h")
	if code != 0 || errs != "" || !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z app 01234567 hello <world>\n$`).MatchString(out) {
		t.Errorf("exit code %d, output %q, %s", code, out, errs)
	}
	_, out, _ = call(t, "", "logs", "--json", "-e", "prod", "--task", "0123")
	var line operate.Line
	if err := json.Unmarshal([]byte(out), &line); err != nil || line.Message != "hello <world>" || line.Task != "0123456789abcdef" || line.Container != "app" {
		t.Errorf("%v: %s", err, out)
	}
}

// Ctrl-C is how following ends; nothing but lines is on stdout.
func TestLogsAreFollowedUntilInterrupted(t *testing.T) {
	launchedOnDouble(t)
	for _, c := range []struct {
		args []string
		want int
	}{{[]string{"logs", "-f"}, 0}, {[]string{"logs"}, exitInterrupted}, {[]string{"status"}, exitInterrupted}, {[]string{"events"}, exitInterrupted}} {
		ctx, cancel := context.WithCancel(t.Context())
		if c.want == 0 {
			time.AfterFunc(300*time.Millisecond, cancel)
		} else {
			cancel()
		}
		var out, errs bytes.Buffer
		code := run(ctx, c.args, streams{strings.NewReader(""), &out, &errs}, os.Environ())
		if code != c.want || out.Len() > 0 || strings.Contains(errs.String(), "goes on") {
			t.Errorf("%v: exit code %d, output %q, %s", c.args, code, &out, &errs)
		}
		cancel()
	}
}

func TestHarmless(t *testing.T) {
	for _, c := range []struct {
		message string
		colours bool
		want    string
	}{
		{"plain\ttext ü", true, "plain\ttext ü"},
		{"\x1b[31mred\x1b[0m", true, "\x1b[31mred\x1b[0m\x1b[0m"},
		{"\x1b[31mred\x1b[0m", false, "red"},
		{"\x1b[2Jcleared\r\a", true, "\ufffd[2Jcleared\ufffd\ufffd"},
		{"\x1b]0;title\x07", false, "\ufffd]0;title\ufffd"},
		{"\u202eright to left", true, "\ufffdright to left"},
	} {
		if got := harmless(c.message, c.colours); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.message, got, c.want)
		}
	}
}

func TestEvents(t *testing.T) {
	d := launchedOnDouble(t)
	code, out, errs := call(t, "", "events")
	if code != 0 || errs != "" {
		t.Errorf("exit code %d, %s", code, errs)
	}
	wantSaid(t, out, "slipway-demo-foundation  CREATE_COMPLETE", "slipway-demo-prod.ECS.Service  CREATE_COMPLETE  AWS::ECS::Service", "slipway-demo-prod  CREATE_COMPLETE")
	_, only, _ := call(t, "", "events", "--environment", "prod", "--since", "24h", "--json")
	first, _, _ := strings.Cut(only, "\n")
	var e operate.Event
	if err := json.Unmarshal([]byte(first), &e); err != nil || e.Stack != "slipway-demo-prod" || strings.Contains(only, "foundation\"") {
		t.Errorf("%v: %s", err, first)
	}
	time.Sleep(time.Second) // the double's clock is ahead
	if code, out, errs := call(t, "", "events", "--since", "1ms"); code != 0 || out != "" || !strings.Contains(errs, "--since goes further back") {
		t.Errorf("of late: exit code %d, output %q, %s", code, out, errs)
	}
	d.SetStackStatus("slipway-demo-prod", "DELETE_COMPLETE", "")
	if code, out, _ := call(t, "", "events"); code != 0 || !strings.Contains(out, "slipway-demo-foundation") {
		t.Errorf("the foundation alone: exit code %d, output %q", code, out)
	}
	code, out, errs = call(t, "", "events", "-e", "prod")
	if code != exitAbsent || out != "" {
		t.Errorf("gone: exit code %d, output %q", code, out)
	}
	wantSaid(t, errs, "environment prod is not there")
}

func TestEventText(t *testing.T) {
	e := operate.Event{Stack: "shop-prod", Resource: "Service", Status: "CREATE_FAILED", Type: "AWS::ECS::Service", Reason: "why", Failed: true}
	if got := eventText(e, false); !strings.HasPrefix(got, "! ") || !strings.HasSuffix(got, "shop-prod.Service  CREATE_FAILED  AWS::ECS::Service  why") {
		t.Errorf("%q", got)
	}
}

func TestOneEnvironment(t *testing.T) {
	cfg := config.Config{Environments: []config.Environment{{Name: "test"}, {Name: "prod"}}}
	if _, err := oneEnvironment(cfg, ""); err == nil || !strings.Contains(err.Error(), "--environment") {
		t.Errorf("of two: %v", err)
	}
	if got, err := oneEnvironment(cfg, "prod"); got != "prod" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	cfg.Environments = cfg.Environments[:1]
	if got, err := oneEnvironment(cfg, ""); got != "test" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestDoctor(t *testing.T) {
	d := onDouble(t)
	withGen(t)
	code, out, errs := call(t, "", "doctor")
	if code != 0 || errs != "" {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
	wantSaid(t, out, "ok       Go: go1.", "ok       slipway.yaml: is valid", "ok       templates: are what", "ok       account and Region: account 123456789012", "ok       environment prod: not up")
	if calls := d.CallsTo("CreateServiceLinkedRole"); len(calls) > 0 || len(d.Living()) > 0 {
		t.Errorf("it made %v, %v", d.Living(), calls)
	}
	d.PutStack(awsdouble.StackSpec{Name: "slipway-demo-prod", Status: "UPDATE_ROLLBACK_FAILED"})
	if code, out, _ = call(t, "", "doctor"); code != exitFailed {
		t.Errorf("with problems: exit code %d", code)
	}
	wantSaid(t, out, "problem  names of the stacks: ", "-> choose another name in slipway.yaml", "warning  environment prod: stack slipway-demo-prod is in status UPDATE_ROLLBACK_FAILED", "-> a launch continues the rollback")
	_, out, _ = call(t, "", "doctor", "--json")
	var got diagnosis
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Well || len(got.Checks) < 8 {
		t.Errorf("%v: %s", err, out)
	}
}

// Without credentials, without gen, with a slipway.yaml that is wrong: all else is told.
func TestDoctorGoesOn(t *testing.T) {
	noAWS(t)
	root := emptyProject(t)
	withGen(t)
	t.Chdir(root)
	code, out, _ := callHere(t, "", "doctor")
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	wantSaid(t, out, "problem  templates: ", "-> run `go run ./gen`", "problem  credentials: ", "-> give some (AWS_PROFILE")
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
	if _, out, _ = callHere(t, "", "doctor"); !strings.Contains(out, "problem  AWS configuration: an endpoint of its own") {
		t.Error(out)
	}
	if err := os.WriteFile("slipway.yaml", []byte("nmae: shop\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, out, _ = callHere(t, "", "doctor", "--local"); code != exitFailed || !strings.Contains(out, "problem  slipway.yaml: ") || !strings.Contains(out, "-> mend it") {
		t.Errorf("exit code %d: %s", code, out)
	}
	t.Chdir(t.TempDir())
	if code, out, errs := callHere(t, "", "doctor"); code != exitAbsent || out != "" || !strings.Contains(errs, "slipway.yaml") {
		t.Errorf("outside: exit code %d, %s%s", code, out, errs)
	}
}

// On the local engine doctor says what that needs, and starts none.
func TestDoctorOfTheEngine(t *testing.T) {
	noAWS(t)
	t.Chdir(emptyProject(t))
	t.Setenv("PATH", t.TempDir())
	code, out, _ := callHere(t, "", "doctor", "--local")
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	wantSaid(t, out, "problem  Go: 'go' is not on the PATH", "-> install Go 1.26", "warning  git: ", "problem  Python: ", "ok       ports: ", "tasks run as processes", "installed by the first launch", "ok       local engine: it is not running")
}

// Every looking command says how to go on where there is nothing to ask, or nobody to ask it of.
func TestLookingNeedsSomebodyToAsk(t *testing.T) {
	for _, name := range looking {
		t.Run(name, func(t *testing.T) {
			noAWS(t)
			code, out, errs := call(t, "", name)
			if code != exitFailed || out != "" {
				t.Errorf("without credentials: exit code %d, output %q", code, out)
			}
			wantSaid(t, errs, "credentials", "--local")
			t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
			code, _, errs = call(t, "", name)
			if code != exitFailed {
				t.Errorf("without a Region: exit code %d", code)
			}
			wantSaid(t, errs, "no AWS Region")
			code, _, errs = call(t, "", name, "-e", "nope", "--region", "eu-west-1")
			if code != exitUsage {
				t.Errorf("unknown environment: exit code %d", code)
			}
			wantSaid(t, errs, fmt.Sprintf("%q", "nope"), "it has prod")
		})
	}
}

// Looking at an engine that is not there starts none.
func TestLookingStartsNoEngine(t *testing.T) {
	t.Chdir(emptyProject(t))
	for _, name := range looking {
		code, out, errs := callHere(t, "", name, "--local")
		if code != exitAbsent || out != "" {
			t.Errorf("%s: exit code %d, output %q", name, code, out)
		}
		wantSaid(t, errs, "the local engine is not running", "./scripts/deploy.sh --local")
	}
}
