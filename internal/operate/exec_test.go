package operate

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withExec is a bench whose application has ECS Exec on, or off, and a root file system that can be written.
func withExec(t *testing.T, on, readOnly bool) *bench {
	t.Helper()
	b := newBench(t)
	b.tree = committedTree(t)
	b.cfg.Service.Exec, b.cfg.Service.ReadOnlyRoot = on, readOnly
	b.generate(t)
	b.deploy(t)
	b.cfg.Service.Exec = true
	b.look()
	return b
}

func TestExec(t *testing.T) {
	b := withExec(t, true, false)
	tasks := b.status(t).Tasks.List
	target, err := b.Find(t.Context(), "prod", "", "")
	if err != nil || len(target.Problems) > 0 || target.Task != tasks[len(tasks)-1].ID || target.Container != "app" {
		t.Fatalf("%+v, %v", target, err)
	}
	if older, err := b.Find(t.Context(), "prod", tasks[0].ID[:12], "app"); err != nil || older.Task != tasks[0].ID {
		t.Errorf("by the beginning of its id: %+v, %v", older, err)
	}
	args, err := b.Open(t.Context(), target, "/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, args[0], `"SessionId":"ecs-execute-command-`, `"StreamUrl":"wss://ssmmessages.us-east-1.amazonaws.com/`, `"TokenValue":"`)
	cluster := b.double.PhysicalID("slipway-demo-prod", "ECS.Cluster")
	want := []string{"us-east-1", "StartSession", "", `{"Target":"ecs:` + cluster + "_" + target.Task + "_" + target.runtime + `"}`, "https://ssm.us-east-1.amazonaws.com"}
	if diff := cmp.Diff(want, args[1:]); diff != "" || target.runtime == "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	calls := b.double.CallsTo("ExecuteCommand")
	if len(calls) != 1 || calls[0].In["command"] != "/bin/sh" || calls[0].In["interactive"] != true {
		t.Errorf("%+v", calls)
	}
}

// What ECS Exec fails of is told first, with its fix.
func TestExecProblems(t *testing.T) {
	for name, c := range map[string]struct {
		on, readOnly  bool
		agent, reason string
		found, fix    []string
	}{
		"off":      {false, true, "", "", []string{"was started without ECS Exec", "read-only"}, []string{"service.exec: true", "readOnlyRoot"}},
		"writable": {false, false, "", "", []string{"was started without ECS Exec"}, []string{"service.exec: true"}},
		"starting": {true, false, "PENDING", "", []string{"is starting"}, []string{"wait"}},
		"stopped":  {true, false, "STOPPED", "it crashed", []string{"is STOPPED: it crashed"}, []string{"ssmmessages"}},
		"ready":    {true, false, "", "", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := withExec(t, c.on, c.readOnly)
			b.double.ExecAgent(c.agent, c.reason)
			target, err := b.Find(t.Context(), "prod", "", "")
			if err != nil || len(target.Problems) != len(c.found) {
				t.Fatalf("%+v, %v", target, err)
			}
			for i, p := range target.Problems {
				wantText(t, p.Found, c.found[i])
				wantText(t, p.Fix, c.fix[i])
			}
		})
	}
}

func TestExecFindsNothing(t *testing.T) {
	b := withExec(t, true, false)
	_, err := b.Find(t.Context(), "prod", "zz", "")
	if err == nil || !strings.Contains(err.Error(), "no task zz") || !strings.Contains(err.Error(), b.status(t).Tasks.List[0].ID) {
		t.Errorf("task: %v", err)
	}
	if _, err := b.Find(t.Context(), "prod", "", "agent"); err == nil || !strings.Contains(err.Error(), `no container "agent"; it has app`) {
		t.Errorf("container: %v", err)
	}
	b.double.ExecAgent("STOPPED", "")
	if _, err := b.Open(t.Context(), Target{Task: "0", Container: "app", cluster: b.double.PhysicalID("slipway-demo-prod", "ECS.Cluster")}, "sh"); err == nil || !strings.Contains(err.Error(), "execute command was not enabled") {
		t.Errorf("open: %v", err)
	}
	b.double.TasksStart(2)
	if _, err := b.Find(t.Context(), "prod", "", ""); err == nil || !strings.Contains(err.Error(), "no task of environment prod runs") {
		t.Errorf("tasks that start: %v", err)
	}
	b.double.LoseTasks(2)
	if _, err := b.Find(t.Context(), "prod", "", ""); err == nil || !strings.Contains(err.Error(), "no task of environment prod runs") {
		t.Errorf("no task: %v", err)
	}
	_, err = newBench(t).Find(t.Context(), "prod", "", "")
	if _, ok := errors.AsType[*AbsentError](err); !ok {
		t.Errorf("absent: %v", err)
	}
}
