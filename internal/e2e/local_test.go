//go:build e2e

// Package e2e runs the product's own scripts in a fresh copy of the repository, as a newcomer would, against the local
// engine: ./scripts/test.sh e2e. With DOCKER_HOST pointing nowhere tasks run as processes, otherwise in Docker.
package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"slipway/internal/plan"
)

// underWay is what the launcher says once an update of the service can be interrupted.
var underWay = regexp.MustCompile(`UPDATE_IN_PROGRESS`)

// beingDeleted is what it says once a destroy has something deleted.
var beingDeleted = regexp.MustCompile(`DELETE_COMPLETE`)

// rollingUpdates is how many new versions a long run deploys under load.
const rollingUpdates = 12

// system is one installation under test and what is known of it.
type system struct {
	workplace
	env []string // of every script: the user's credentials are there to be seen
	url string
}

func TestLocal(t *testing.T) {
	besides(t)
	s := &system{workplace: newWorkplace(t)}
	if !full() { // else the first launch installs all that a newcomer's does
		s.shareInstallations(t)
	}
	before := containers(t)
	t.Cleanup(func() { s.endAll(t) })
	s.env = s.environment(s.credentials(t)...)

	if full() {
		s.step(t, "without credentials --local is pointed to", s.testNoCredentials)
		s.step(t, "a foreign endpoint is refused", s.testForeignEndpoint)
	}
	s.need(t, "first launch", s.testLaunch)
	s.step(t, "requests", s.testRequests)
	s.step(t, "what runs is seen", s.testLooking)
	s.step(t, "nothing new, no changes", s.testNoChanges)
	if full() {
		s.step(t, "what is risky is planned, and refused", s.testRisk)
	}
	s.step(t, "new version under load", func(t *testing.T) { s.testNewVersion(t, "v2") })
	s.step(t, "version that exits is rolled back", s.testExitingVersion)
	s.step(t, "version that is not well is rolled back", s.testUnwellVersion)
	if long() { // it takes as long as all of the above, and differs by its cause, which internal/launch tests on the double
		s.step(t, "version that listens elsewhere is rolled back", s.testVersionElsewhere)
	}
	t.Run("interruptions", s.testInterruptions)
	s.need(t, "destroy", s.testDestroy)
	s.step(t, "nothing is left", func(t *testing.T) { s.wantNothingLeft(t, before) })
	s.step(t, "second destroy finds nothing", s.testSecondDestroy)
	if full() {
		s.step(t, "warm launch and destroy", s.testWarm)
		s.step(t, "the first version's stacks are updated", s.testUpgrade)
		s.step(t, "people and builds have their policies' rights and no others", s.testRights)
		if long() { // internal/stacks holds the same against the roles' policies
			s.step(t, "the pipelines of branches have their own environments' rights and no others", s.testBranches)
		}
	}
	s.step(t, "a service of one's own", s.testOwnService)
	s.step(t, "nothing is left after all", func(t *testing.T) { s.wantNothingLeft(t, before) })
}

// long says whether the run may take its time.
func long() bool { return os.Getenv("SLIPWAY_E2E_LONG") != "" }

// full says whether the run tries what does not depend on how tasks are run: once is enough in a short run.
func full() bool { return long() || os.Getenv("SLIPWAY_E2E_TASKS") != "docker" }

// besides lets a test run at the same time as others, most of the time of all of which is waiting. Docker has one list of containers
// for all of them, so that tests which compare it take turns.
func besides(t *testing.T) {
	if os.Getenv("SLIPWAY_E2E_TASKS") == "process" {
		t.Parallel()
	}
}

// testInterruptions is what befalls launcher and engine.
func (s *system) testInterruptions(t *testing.T) {
	if !full() {
		t.Skip("interruptions and the warm launch run with tasks as processes, and with --long here too")
	}
	s.step(t, "changed slipway.yaml is deployed", s.testChangedConfig)
	s.step(t, "a second terminal is told of the first", s.testSecondTerminal)
	s.step(t, "launcher killed, second run succeeds", s.testKilledLauncher)
	s.step(t, "Ctrl-C says how to resume", s.testInterrupt)
	if long() {
		s.step(t, "rolling updates under load", s.testRollingUpdates)
	}
	s.step(t, "engine killed, deploy works", s.testKilledEngine)
	s.step(t, "destroy asks", s.testDestroyAsks)
}

// step runs one part of the story as a subtest and reports its time.
func (s *system) step(t *testing.T, name string, test func(*testing.T)) bool {
	t.Helper()
	return t.Run(name, func(t *testing.T) {
		start := time.Now()
		test(t)
		report(t, "%s: %.1f s", name, time.Since(start).Seconds())
	})
}

// need runs a part without which the others make no sense.
func (s *system) need(t *testing.T, name string, test func(*testing.T)) {
	t.Helper()
	if !s.step(t, name, test) {
		t.FailNow()
	}
}

func (s *system) testNoCredentials(t *testing.T) {
	newcomer := s.run(t, s.environment(noCredentials()...), "deploy.sh", "--yes")
	newcomer.wantCode(t, 1)
	newcomer.wantSaid(t, "--local")
	withRegion := s.run(t, s.environment(append(noCredentials(), "AWS_REGION=eu-central-1")...), "deploy.sh", "--yes")
	withRegion.wantCode(t, 1)
	withRegion.wantSaid(t, "(?i)credentials", "--local")
	destroy := s.run(t, s.environment(noCredentials()...), "destroy.sh")
	destroy.wantCode(t, 1)
	destroy.wantSaid(t, "(?i)credentials", "--local")
}

func (s *system) testForeignEndpoint(t *testing.T) {
	got := s.run(t, append(s.env, "AWS_ENDPOINT_URL=http://127.0.0.1:9"), "deploy.sh", "--yes")
	got.wantCode(t, 1)
	got.wantSaid(t, "AWS_ENDPOINT_URL", "--local")
}

// deploy deploys the copy as it is now and wants success.
func (s *system) deploy(t *testing.T, flags ...string) outcome {
	t.Helper()
	got := s.run(t, s.env, "deploy.sh", append([]string{"--local", "--yes"}, flags...)...)
	got.wantCode(t, 0)
	if url := got.outputs(t)["ServiceURL"]; url != "" {
		s.url = strings.TrimSuffix(url, "/")
	}
	return got
}

func (s *system) testLaunch(t *testing.T) {
	got := s.deploy(t)
	if !regexp.MustCompile(`(?m)^ServiceURL=http://localhost:\d+/?$`).MatchString(got.stdout) {
		t.Fatalf("standard output has no ServiceURL: %q", got.stdout)
	}
	got.wantSaid(t, `000000000000`, `us-east-1|[a-z]+-[a-z]+-\d`)
	s.wantWayOfRunning(t, got)
	s.wantNoPoison(t)
}

// wantWayOfRunning wants the way of building images and running tasks that whoever started the test has set up.
func (s *system) wantWayOfRunning(t *testing.T, launch outcome) {
	t.Helper()
	if tasks := os.Getenv("SLIPWAY_E2E_TASKS"); tasks != "" {
		launch.wantSaid(t, "tasks by "+tasks)
	}
	if os.Getenv("SLIPWAY_E2E_DOCKERFILE") != "" && strings.Contains(launch.stderr, "image without Docker") {
		t.Error("the image was assembled without Docker, although the Dockerfile's base image is there")
	}
}

func (s *system) testRequests(t *testing.T) {
	c := client(true)
	body, header, err := get(t.Context(), c, s.url+"/")
	if err != nil {
		t.Fatal(err)
	}
	if name := strings.TrimSuffix(body, "\n"); name == "" || strings.ContainsAny(name, " \n") {
		t.Errorf("GET / answers %q, want a host name on one line", body)
	}
	if !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
		t.Errorf("GET / has Content-Type %q", header.Get("Content-Type"))
	}
	body, header, err = get(t.Context(), c, s.url+"/time")
	if err != nil {
		t.Fatal(err)
	}
	if err := checkTime(body); err != nil {
		t.Error(err)
	}
	if header.Get("Content-Type") != "application/json" || header.Get("Cache-Control") != "no-store" {
		t.Errorf("GET /time has headers %v", header)
	}
}

// testLooking asks what runs, with the user's commands.
func (s *system) testLooking(t *testing.T) {
	status := s.run(t, s.env, "status.sh", "--local")
	status.wantCode(t, 0)
	status.wantPrinted(t, `prod  healthy  http://localhost:\d+`, `image     sha256:[0-9a-f]{64}, commit [0-9a-f]{40}`, `tasks     2 of 2 run`, `targets   2 of 2 healthy`, `drift     none`)
	logs := s.run(t, s.env, "logs.sh", "--since", "1h", "--local")
	logs.wantCode(t, 0)
	logs.wantPrinted(t, `(?m)^\d{4}-\d\d-\d\dT[0-9:.]+Z app [0-9a-f]{8} .*listening`)
	events := s.run(t, s.env, "events.sh", "--local")
	events.wantCode(t, 0)
	events.wantPrinted(t, `slipway-demo-prod\.ECS\.Service  CREATE_COMPLETE  AWS::ECS::Service`, `slipway-demo-foundation  CREATE_COMPLETE`)
	doctor := s.run(t, s.env, "doctor.sh", "--local")
	doctor.wantCode(t, 0)
	doctor.wantPrinted(t, `ok       local engine: it runs at http://127.0.0.1:\d+`)
	inside := s.run(t, s.env, "exec.sh", "--local", "--", "/web", "--version")
	if strings.Contains(doctor.stdout, "tasks by docker") {
		inside.wantCode(t, 0)
		inside.wantPrinted(t, `^web [0-9a-f]{12} `)
	} else {
		inside.wantCode(t, 1)
		inside.wantSaid(t, "are processes of this machine")
	}
	follow := s.start(t, s.env, "logs.sh", "--follow", "--local")
	follow.signalWhen(t, regexp.MustCompile(`Z app [0-9a-f]{8} `), syscall.SIGINT)
	follow.wait(t).wantCode(t, 0)
}

func (s *system) testNoChanges(t *testing.T) {
	got := s.run(t, s.env, "deploy.sh", "--local", "--yes")
	got.wantCode(t, 0)
	got.wantSaid(t, "no changes")
	if url := got.outputs(t)["ServiceURL"]; strings.TrimSuffix(url, "/") != s.url {
		t.Errorf("the service's URL was %s and is now %s", s.url, url)
	}
}

// testRisk asks for another network, which would replace all that is in it.
func (s *system) testRisk(t *testing.T) {
	const here, elsewhere = "cidr: 10.0.0.0/16 ", "cidr: 10.9.0.0/16 "
	s.replace(t, "slipway.yaml", here, elsewhere)
	s.generate(t)
	planned := s.run(t, s.env, "deploy.sh", "--plan", "--local")
	planned.wantCode(t, 0)
	planned.wantPrinted(t, `What changes in environment prod`, `! replace:prod\.Network\.VPC\n +is replaced, for another CidrBlock`, `CidrBlock: 10\.0\.0\.0/16 -> 10\.9\.0\.0/16`)
	refused := s.run(t, s.env, "deploy.sh", "--local", "--yes")
	refused.wantCode(t, 1)
	refused.wantSaid(t, "nothing was changed", `run: \./scripts/deploy\.sh --local --yes .*--allow replace:prod\.Network\.VPC`)
	keyboard, screen := terminal(t)
	asked := s.prepare(t, s.env, "deploy.sh", "--local")
	asked.cmd.Stdin = screen
	if err := asked.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := keyboard.WriteString("no\n"); err != nil {
		t.Fatal(err)
	}
	declined := asked.wait(t)
	declined.wantCode(t, 1)
	declined.wantSaid(t, "This is risky:\n +replace:prod", "nothing was changed: it is risky, and the answer was not yes")
	s.replace(t, "slipway.yaml", elsewhere, here)
	s.generate(t)
	s.testNoChanges(t)
}

// allowing are the flags that allow all that is at risk in what is deployed next.
func (s *system) allowing(t *testing.T) []string {
	t.Helper()
	got := s.run(t, s.env, "deploy.sh", "--plan", "--local", "--json")
	got.wantCode(t, 0)
	var plans []plan.Plan
	if err := json.Unmarshal([]byte(got.stdout), &plans); err != nil {
		t.Fatalf("%v\n%s", err, got.stdout)
	}
	var flags []string
	for _, p := range plans {
		for _, r := range p.Risks {
			flags = append(flags, "--allow", r.Name)
		}
	}
	return flags
}

// edition is a file that makes the service visibly another version: what GET / answers begins with mark.
func edition(mark string) string {
	return `package main

import "os"

func init() { os.Setenv("HOSTNAME", "` + mark + `-"+os.Getenv("HOSTNAME")) }
`
}

const editionFile = "web/edition.go"

func (s *system) testNewVersion(t *testing.T, mark string) {
	s.write(t, editionFile, edition(mark))
	traffic := startLoad(t, s.url)
	url := s.url
	s.deploy(t)
	wantVersion(t, url, mark+"-")
	traffic.end(t)
	if s.url != url {
		t.Errorf("the service's URL was %s and is now %s", url, s.url)
	}
}

// testSecondTerminal deploys twice at once: the second run is told of the first, and the first goes on undisturbed.
func (s *system) testSecondTerminal(t *testing.T) {
	s.write(t, editionFile, edition("v2b"))
	first := s.start(t, s.env, "deploy.sh", "--local", "--yes")
	first.signalWhen(t, regexp.MustCompile(`building the image of source`), syscall.Signal(0))
	second := s.run(t, s.env, "deploy.sh", "--local", "--yes")
	second.wantCode(t, 1)
	second.wantSaid(t, `another run has its turn on .*is running \./scripts/deploy\.sh since`, `--wait`)
	if got := first.wait(t); got.code != 0 {
		t.Errorf("the first ended with %d:\n%s", got.code, got.stderr)
	}
	wantVersion(t, s.url, "v2b-")
}

// deployBroken deploys what cannot run, under load: it must fail, and the version with this mark must go on serving.
func (s *system) deployBroken(t *testing.T, mark string) outcome {
	t.Helper()
	traffic := startLoad(t, s.url)
	got := s.run(t, s.env, "deploy.sh", "--local", "--yes")
	got.wantCode(t, 1)
	wantVersion(t, s.url, mark+"-")
	traffic.end(t)
	return got
}

func (s *system) testExitingVersion(t *testing.T) {
	const broken = "web/broken.go"
	s.write(t, broken, `package main

import (
	"fmt"
	"os"
)

func init() {
	fmt.Fprintln(os.Stderr, "broken on purpose: the hull leaks")
	os.Exit(3)
}
`)
	got := s.deployBroken(t, "v2")
	got.wantSaid(t, `Service`, `(?i)circuit breaker|essential container`, `(?i)exit(ed)?( with)?( code)?:? *3|the hull leaks`)
	s.wantCause(t, got, "container-exits", "the hull leaks")
	s.remove(t, broken)
}

func (s *system) testUnwellVersion(t *testing.T) {
	const file, well, unwell = "web/health.go", "respondHealthy(w)\n", "respondError(w, http.StatusInternalServerError, \"not well\")\n"
	s.replace(t, file, "\t"+well, "\t"+unwell)
	got := s.deployBroken(t, "v2")
	got.wantSaid(t, `Service`, `(?i)circuit breaker|health`, `500|(?i)unhealthy`)
	s.wantCause(t, got, "health-path", "Health checks failed with these codes: [500]")
	s.replace(t, file, "\t"+unwell, "\t"+well)
}

// testVersionElsewhere deploys a version that listens on another port than it is told.
func (s *system) testVersionElsewhere(t *testing.T) {
	const elsewhere = "web/elsewhere.go"
	s.write(t, elsewhere, `package main

import "os"

func init() { os.Setenv("PORT", "18099") }
`)
	got := s.deployBroken(t, "v2")
	s.wantCause(t, got, "wrong-port", "the log says that the application listens on 18099")
	s.remove(t, elsewhere)
}

// wantCause wants the failure named in a few lines, and more of it in the report that is named.
func (s *system) wantCause(t *testing.T, got outcome, name, evidence string) {
	t.Helper()
	got.wantSaid(t, `(?m)^cause: `+name+`: `, `(?m)^next: `)
	file := regexp.MustCompile(`(?m)^whole report: (\.slipway/failures/\S+\.json)$`).FindStringSubmatch(got.stderr)
	if file == nil {
		t.Fatalf("no report is named:\n%s", got.stderr)
	}
	text, err := os.ReadFile(filepath.Join(s.root, file[1]))
	if err != nil {
		t.Fatal(err)
	}
	var report struct{ Cause struct{ Name string } }
	if err := json.Unmarshal(text, &report); err != nil || report.Cause.Name != name || !strings.Contains(string(text), evidence) {
		t.Errorf("the report does not say %s and %q (%v):\n%s", name, evidence, err, text)
	}
}

// testChangedConfig gives the tasks more memory, which the templates must say before it is deployed.
func (s *system) testChangedConfig(t *testing.T) {
	s.replace(t, "slipway.yaml", "memory: 512 ", "memory: 1024 ")
	stale := s.run(t, s.env, "deploy.sh", "--local", "--yes")
	stale.wantCode(t, 1)
	stale.wantSaid(t, `go run \./gen`)

	s.generate(t)
	traffic := startLoad(t, s.url)
	s.deploy(t)
	wantVersion(t, s.url, "v2-")
	traffic.end(t)
}

func (s *system) testKilledLauncher(t *testing.T) {
	s.write(t, editionFile, edition("v3"))
	traffic := startLoad(t, s.url)
	first := s.start(t, s.env, "deploy.sh", "--local", "--yes")
	first.signalWhen(t, underWay, syscall.SIGKILL)
	if got := first.wait(t); got.code != -1 {
		t.Fatalf("the launcher ended with %d before it could be killed", got.code)
	}
	s.deploy(t)
	wantVersion(t, s.url, "v3-")
	traffic.end(t)
}

func (s *system) testInterrupt(t *testing.T) {
	s.write(t, editionFile, edition("v4"))
	first := s.start(t, s.env, "deploy.sh", "--local", "--yes")
	first.signalWhen(t, underWay, syscall.SIGINT)
	got := first.wait(t)
	t.Logf("interrupted deploy: exit code %d\n%s", got.code, got.stderr)
	if got.code <= 0 {
		t.Errorf("exit code %d after Ctrl-C, want the launcher's own, not 0", got.code)
	}
	got.wantSaid(t, `goes on by itself`, `again`)
	s.deploy(t)
	wantVersion(t, s.url, "v4-")
}

func (s *system) testRollingUpdates(t *testing.T) {
	for i := range rollingUpdates {
		s.testNewVersion(t, "rolling"+string(rune('a'+i)))
	}
}

func (s *system) testKilledEngine(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(s.root, ".slipway/local/engine.json"))
	if err != nil {
		t.Fatal(err)
	}
	var engine struct {
		PID int `json:"pid"`
	}
	if err := json.Unmarshal(content, &engine); err != nil || engine.PID < 2 {
		t.Fatalf("engine.json names no process: %v\n%s", err, content)
	}
	if err := syscall.Kill(engine.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.deploy(t)
	body, _, err := get(t.Context(), client(true), s.url+"/time")
	if err != nil {
		t.Fatal(err)
	}
	if err := checkTime(body); err != nil {
		t.Error(err)
	}
}

// testDestroyAsks sits at a terminal and says no. (Where nobody can answer, --local needs no --yes.)
func (s *system) testDestroyAsks(t *testing.T) {
	keyboard, screen := terminal(t)
	asked := s.prepare(t, s.env, "destroy.sh", "--local")
	asked.cmd.Stdin = screen
	if err := asked.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := keyboard.WriteString("no\n"); err != nil {
		t.Fatal(err)
	}
	got := asked.wait(t)
	got.wantCode(t, 1)
	got.wantSaid(t, "000000000000", "nothing was changed")
	if _, _, err := get(t.Context(), client(true), s.url+"/"); err != nil {
		t.Errorf("the service is gone after a destroy that nobody agreed to: %v\n%s", err, got.stderr)
	}
}

// testDestroy kills the first one in its middle; the next goes on with what that has recorded.
func (s *system) testDestroy(t *testing.T) {
	first := s.start(t, s.env, "destroy.sh", "--local", "--yes")
	first.signalWhen(t, beingDeleted, syscall.SIGKILL)
	if got := first.wait(t); got.code != -1 {
		t.Fatalf("the destroy ended with %d before it could be killed", got.code)
	}
	got := s.run(t, s.env, "destroy.sh", "--local", "--yes")
	got.wantCode(t, 0)
	got.wantSaid(t, "000000000000", "(?i)gone|nothing is left|no longer")
}

func (s *system) testSecondDestroy(t *testing.T) {
	s.run(t, s.env, "status.sh", "--local").wantCode(t, 3)
	got := s.run(t, s.env, "destroy.sh", "--local", "--yes")
	got.wantCode(t, 0)
	got.wantSaid(t, "000000000000", `[a-z]+-[a-z]+-\d`, "(?i)nothing")
}

// testWarm measures what somebody waits for who has launched before. The aim is 20 seconds; a time is no failure.
func (s *system) testWarm(t *testing.T) {
	start := time.Now()
	launch := s.deploy(t)
	destroy := s.run(t, s.env, "destroy.sh", "--local", "--yes")
	destroy.wantCode(t, 0)
	report(t, "warm: launch with acceptance %.1f s, destroy %.1f s, together %.1f s (aim: at most 20 s)",
		launch.took.Seconds(), destroy.took.Seconds(), time.Since(start).Seconds())
}
