package main

import (
	"os/exec"
	"testing"
)

const twoBranches = `name: shop
environments: [{name: dev, network: {cidr: 10.1.0.0/16}}, {name: prod}]
pipeline: {branches: [{name: develop, environments: [dev]}, {name: main, environments: [prod]}]}
`

// checkOut has a branch checked out, and something in it that is in no other.
func checkOut(t *testing.T, branch string) {
	t.Helper()
	for _, args := range [][]string{{"switch", "-q", "-C", branch}, {"add", "-A"}, {"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", branch}} {
		if text, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, text)
		}
	}
}

// The branch that is checked out says which pipeline gets the source, unless the command does; one without a pipeline is refused.
func TestPushOfABranch(t *testing.T) {
	d := onDouble(t)
	withGen(t)
	planned(t)
	generated(t, twoBranches)
	checkOut(t, "main")
	if code, _, errs := callHere(t, "", "deploy", "--yes"); code != 0 {
		t.Fatal(errs)
	}
	bucket := d.PhysicalID("shop-foundation", "Bucket")
	for _, key := range []string{"source/develop.zip", "source/main.zip"} {
		d.PutObject(bucket, key, []byte("another"))
	}
	develop, main := d.PhysicalID("shop-prod", "Pipeline.PipelineDevelop"), d.PhysicalID("shop-prod", "Pipeline.PipelineMain")
	for _, c := range []struct{ branch, pipeline, key string }{
		{"main", main, "source/main.zip"}, {"develop", develop, "source/develop.zip"},
	} {
		checkOut(t, c.branch)
		code, out, errs := callHere(t, "", "push")
		if code != 0 {
			t.Fatal(errs)
		}
		wantSaid(t, errs, "uploaded "+c.key, "push.sh --wait --branch "+c.branch)
		if valueOf(t, out, "PipelineName") != c.pipeline || valueOf(t, out, "Branch") != c.branch {
			t.Errorf("%s: %s", c.branch, out)
		}
	}
	checkOut(t, "feature/x")
	code, _, errs := callHere(t, "", "push")
	if code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	wantSaid(t, errs, "branch feature/x has no pipeline; pipeline.branches has develop, main")
	if code, out, errs := callHere(t, "", "push", "--branch", "develop"); code != 0 || valueOf(t, out, "PipelineName") != develop {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
	if text, err := exec.Command("git", "switch", "-q", "--detach").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	code, _, errs = callHere(t, "", "push")
	if code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	wantSaid(t, errs, "no branch is checked out")

	// Each pipeline is held by itself.
	code, out, errs := callHere(t, "", "hold", "dev", "--reason", "freeze")
	if code != 0 {
		t.Fatal(errs)
	}
	wantSaid(t, out, "dev: the pipeline is held since ")
	if calls := d.CallsTo("DisableStageTransition"); len(calls) != 1 || calls[0].In["pipelineName"] != develop || calls[0].In["stageName"] != "Deploy-dev" {
		t.Errorf("held: %v", calls)
	}
	_, out, _ = callHere(t, "", "hold", "prod")
	wantSaid(t, out, "prod: the pipeline is not held")
	_, out, _ = callHere(t, "", "status")
	wantSaid(t, out, "held      since ", "freeze")
	if _, out, _ = callHere(t, "", "releases", "--json"); out == "" {
		t.Error("no releases")
	}
	wantSaid(t, out, `"branch":"develop"`, `"branch":"main"`)
}

// Where there are no branches none can be named.
func TestPushOfNoBranch(t *testing.T) {
	pushable(t)
	code, _, errs := call(t, "", "push", "--branch", "main")
	if code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	wantSaid(t, errs, "no pipeline.branches", "leave --branch out")
}
