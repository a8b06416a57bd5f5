package evidence_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	gocmp "github.com/google/go-cmp/cmp"

	"slipway/internal/evidence"
)

const exited = "Essential container in task exited"

// everything is the answer of a deployment that fails in every way at once. The events are those of
// github.com/hackforla/CivicTechJobs/issues/436 and github.com/aviswerdlow/relay/issues/71.
func everything() map[string]string {
	answers := tasks(
		task{id: "old", reason: exited, code: "EssentialContainerExited", exit: "1", at: -60},
		task{id: "scaled", reason: "Scaling activity initiated by (deployment ecs-svc/8262972806176612824)", code: "ServiceSchedulerInitiated", exit: "0", at: 5},
		task{id: "migration", group: "family:shop-migrate", reason: exited, code: "EssentialContainerExited", exit: "2", at: 5},
		task{id: "aaaa", reason: exited, code: "EssentialContainerExited", exit: "3", at: 10},
		task{id: "bbbb", reason: "CannotPullContainerError: not\x1b[31m found\nnow", code: "TaskFailedToStart", at: 20},
	)
	answers["DescribeServices"] = fmt.Sprintf(`{"services":[{"events":[
		{"id":"e3","createdAt":%d,"message":"(service shop-web) is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."},
		{"id":"e2","createdAt":%d,"message":"(service shop-web) has started 1 tasks: (task ca675154981d4ebd81b7a97747141a2e)."},
		{"id":"e1","createdAt":%d,"message":"(service shop-web) has reached a steady state."}],
		"deployments":[{"id":"ecs-svc/1","rolloutState":"FAILED","updatedAt":%d,"rolloutStateReason":"ECS deployment circuit breaker: tasks failed to start."},
		{"id":"ecs-svc/2","rolloutState":"IN_PROGRESS","rolloutStateReason":"ECS deployment ecs-svc/2 in progress."}]}]}`,
		start.Unix()+30, start.Unix()+5, start.Unix()-300, start.Unix()+40)
	answers["DescribeTargetHealth"] = targets(member("10.0.1.4", "healthy", "", "") +
		member("10.0.1.5", "unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]") +
		member("10.0.1.6", "initial", "Elb.RegistrationInProgress", "Target registration is in progress"))
	answers["GetLogEvents"] = `{"events":[{"message":"starting\n"},{"message":"panic: \u001b[1mboom\u0007\tat main\n\nexit"}]}`
	return answers
}

func TestCollect(t *testing.T) {
	double, clients := serve(t, everything())
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	want := evidence.Evidence{
		ServiceEvents: []evidence.Event{
			{ID: "e2", At: at(5), Message: "(service shop-web) has started 1 tasks: (task ca675154981d4ebd81b7a97747141a2e)."},
			{ID: "e3", At: at(30), Message: "(service shop-web) is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."},
			{ID: "ecs-svc/1", At: at(40), Message: "ECS deployment circuit breaker: tasks failed to start."},
		},
		StoppedTasks: []evidence.StoppedTask{
			{TaskARN: "arn:aws:ecs:eu-central-1:123456789012:task/shop-prod/bbbb", At: at(20), Reason: "CannotPullContainerError: not found now", StopCode: "TaskFailedToStart",
				Containers: []evidence.Container{{Name: "app"}}},
			{TaskARN: "arn:aws:ecs:eu-central-1:123456789012:task/shop-prod/aaaa", At: at(10), Reason: exited, StopCode: "EssentialContainerExited",
				Containers: []evidence.Container{{Name: "app", ExitCode: new(int32(3))}}},
		},
		Targets: []evidence.TargetHealth{
			{ID: "10.0.1.5", Port: 8080, State: "unhealthy", Reason: "Target.ResponseCodeMismatch", Description: "Health checks failed with these codes: [500]"},
			{ID: "10.0.1.6", Port: 8080, State: "initial", Reason: "Elb.RegistrationInProgress", Description: "Target registration is in progress"},
		},
		LogTask: "arn:aws:ecs:eu-central-1:123456789012:task/shop-prod/aaaa", LogContainer: "app",
		LogTail: []string{"starting", "panic: boom\uFFFD at main", "", "exit"},
	}
	got := evidence.Collect(t.Context(), clients, target())
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if asked := double.asked("GetLogEvents"); !strings.Contains(asked, `"logStreamName":"tasks/app/aaaa"`) || !strings.Contains(asked, `"logGroupName":"/shop/web"`) {
		t.Errorf("asked for log: %s", asked)
	}
}

// The log is that of the container that ended the task, whichever it was.
func TestLogOfTheContainerThatEndedTheTask(t *testing.T) {
	for exits, want := range map[[2]string]string{
		{"143", "1"}: "agent", {"0", "1"}: "agent", {"137", "0"}: "agent", {"null", "2"}: "agent",
		{"3", "143"}: "app", {"1", "1"}: "app", {"0", "0"}: "app", {"137", "143"}: "app",
	} {
		answers := tasks(task{id: "aaaa", reason: exited, code: "EssentialContainerExited", exit: exits[0], sidecar: exits[1], at: 10})
		answers["GetLogEvents"] = `{"events":[]}`
		double, clients := serve(t, answers)
		evidence.Collect(t.Context(), clients, target())
		if asked := double.asked("GetLogEvents"); !strings.Contains(asked, `"logStreamName":"tasks/`+want+`/aaaa"`) {
			t.Errorf("app ended with %s and agent with %s: asked for %s, want the log of %s", exits[0], exits[1], asked, want)
		}
	}
}

// What was stopped for its health checks has a log before ECS knows how it ended; what never ran has none.
func TestLogOfATaskThatIsStopping(t *testing.T) {
	for reason, want := range map[string]bool{"Task failed ELB health checks in (target-group " + groupARN + ")": true, "CannotPullContainerError: not found": false} {
		answers := tasks(task{id: "aaaa", reason: reason, at: 10})
		answers["GetLogEvents"] = `{"events":[{"message":"listening on :3000"}]}`
		double, clients := serve(t, answers)
		e := evidence.Collect(t.Context(), clients, target())
		if asked := double.asked("GetLogEvents") != ""; asked != want || (len(e.LogTail) > 0) != want {
			t.Errorf("%s: asked for a log: %v, found %q", reason, asked, e.LogTail)
		}
	}
}

func TestCollectFromServiceARN(t *testing.T) {
	_, clients := serve(t, everything())
	byARN := target()
	byARN.Service = "arn:aws:ecs:eu-central-1:123456789012:service/shop-prod/shop-web"
	if got := evidence.Collect(t.Context(), clients, byARN); len(got.StoppedTasks) != 2 {
		t.Errorf("stopped tasks = %+v", got.StoppedTasks)
	}
}

// Whatever refuses to answer is noted, and the rest is collected.
func TestCollectNotesWhatIsRefused(t *testing.T) {
	for action, what := range map[string]string{
		"DescribeServices": "events of service shop-web", "ListTasks": "stopped tasks of service shop-web", "DescribeTasks": "stopped tasks of service shop-web",
		"DescribeTargetHealth": "health of the load balancer's targets", "GetLogEvents": "log of container app",
	} {
		t.Run(action, func(t *testing.T) {
			answers := everything()
			delete(answers, action)
			_, clients := serve(t, answers)
			got := evidence.Collect(t.Context(), clients, target())
			if len(got.Notes) != 1 || !strings.HasPrefix(got.Notes[0], what+": AccessDenied") || !strings.Contains(got.Notes[0], "not authorized to perform "+action) {
				t.Errorf("notes = %q", got.Notes)
			}
			if len(got.Explain()) == 0 {
				t.Error("nothing explained")
			}
		})
	}
}

func TestCollectAsksNotForWhatIsNotThereYet(t *testing.T) {
	double, clients := serve(t, nil)
	got := evidence.Collect(t.Context(), clients, evidence.Target{Cluster: "shop-prod", ContainerName: "app"})
	if diff := gocmp.Diff(evidence.Evidence{}, got); diff != "" || len(double.bodies) != 0 {
		t.Errorf("asked %q\n%s", double.bodies, diff)
	}
}

func TestCollectIsBounded(t *testing.T) {
	var many []task
	var events, members, log []string
	for i := range 90 {
		many = append(many, task{id: fmt.Sprint("t", i), reason: strings.Repeat("x", 5000), code: "EssentialContainerExited", exit: "1", at: i})
		events = append(events, fmt.Sprintf(`{"id":"e%d","createdAt":%d,"message":%q}`, i, start.Unix()+int64(i), strings.Repeat("é", 5000)))
		members = append(members, member(fmt.Sprint("10.0.0.", i), "unhealthy", "Target.Timeout", strings.Repeat("x", 5000)))
		log = append(log, fmt.Sprintf(`{"message":"%d %s"}`, i, strings.Repeat("x", 5000)))
	}
	answers := tasks(many...)
	answers["DescribeServices"] = `{"services":[{"events":[` + strings.Join(events, ",") + `]}]}`
	answers["DescribeTargetHealth"] = targets(strings.Join(members, ""))
	answers["GetLogEvents"] = `{"events":[` + strings.Join(log, ",") + `]}`
	_, clients := serve(t, answers)
	first := evidence.Collect(t.Context(), clients, target())
	maps.Copy(answers, tasks(task{id: "another", reason: "other", code: "EssentialContainerExited", exit: "2", at: 900}))
	for _, got := range []evidence.Evidence{first, evidence.Merge(first, evidence.Collect(t.Context(), clients, target()))} {
		if len(got.StoppedTasks) != 10 || len(got.ServiceEvents) != 20 || len(got.Targets) != 20 || len(got.LogTail) != 20 {
			t.Fatalf("%d tasks, %d events, %d targets, %d lines, notes %q", len(got.StoppedTasks), len(got.ServiceEvents), len(got.Targets), len(got.LogTail), got.Notes)
		}
		if !strings.HasPrefix(got.LogTail[19], "89 ") || got.ServiceEvents[19].ID != "e89" {
			t.Errorf("not the last ones: %.10q, %s", got.LogTail[19], got.ServiceEvents[19].ID)
		}
		for _, line := range got.Explain() {
			if len([]rune(line)) > 2500 {
				t.Errorf("line of %d characters", len([]rune(line)))
			}
		}
		if len([]rune(got.LogTail[0])) != 500 || len([]rune(got.ServiceEvents[0].Message)) != 1000 {
			t.Errorf("line of %d, event of %d characters", len([]rune(got.LogTail[0])), len([]rune(got.ServiceEvents[0].Message)))
		}
	}
}

// A service that never answers delays the collection no longer than the caller allows, and the note says so.
func TestCollectEndsWithItsContext(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	clients := evidence.NewClients(aws.Config{
		Region: "eu-central-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got := evidence.Collect(ctx, clients, target()); len(got.Notes) != 3 || !strings.Contains(got.Notes[0], "deadline") {
		t.Errorf("notes = %q", got.Notes)
	}
}

func TestMerge(t *testing.T) {
	event := evidence.Event{ID: "e1", At: start, Message: "unable"}
	later := evidence.Event{ID: "e2", At: start.Add(time.Second), Message: "rolling back"}
	stopping := evidence.StoppedTask{TaskARN: taskARN, At: start, Containers: []evidence.Container{{Name: "app"}}}
	stopped := evidence.StoppedTask{TaskARN: taskARN, At: start, Containers: []evidence.Container{{Name: "app", ExitCode: new(int32(3))}}}
	other := evidence.StoppedTask{TaskARN: taskARN + "2", At: start.Add(time.Second)}
	starting := evidence.TargetHealth{ID: "10.0.1.5", Port: 8080, State: "initial"}
	sick := evidence.TargetHealth{ID: "10.0.1.5", Port: 8080, State: "unhealthy", Reason: "Target.Timeout"}
	draining := evidence.TargetHealth{ID: "10.0.1.5", Port: 8080, State: "draining"}

	early := evidence.Evidence{ServiceEvents: []evidence.Event{event}, StoppedTasks: []evidence.StoppedTask{stopping}, Targets: []evidence.TargetHealth{starting}, Notes: []string{"n1"}}
	middle := evidence.Evidence{ServiceEvents: []evidence.Event{event, later}, StoppedTasks: []evidence.StoppedTask{other, stopped}, Targets: []evidence.TargetHealth{sick}, LogTask: taskARN, LogTail: []string{"boom"}}
	gone := evidence.Evidence{Targets: []evidence.TargetHealth{draining}, LogTask: "x", LogTail: []string{"late"}, Notes: []string{"n1", "n2"}}
	want := evidence.Evidence{
		ServiceEvents: []evidence.Event{event, later}, StoppedTasks: []evidence.StoppedTask{other, stopped},
		Targets: []evidence.TargetHealth{sick}, LogTask: taskARN, LogTail: []string{"boom"}, Notes: []string{"n1", "n2"},
	}
	if diff := gocmp.Diff(want, evidence.Merge(evidence.Merge(early, middle), gone)); diff != "" {
		t.Error(diff)
	}
}

// What looks like a secret does not get into evidence; what only resembles one does.
func TestSecretsAreLeftOut(t *testing.T) {
	for text, want := range map[string]string{
		"connect postgres://app:hunter2@db:5432/shop":                                "connect postgres://app:[hidden]@db:5432/shop",
		"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7":                                     "AWS_SECRET_ACCESS_KEY=[hidden]",
		`{"password":"hunter2","user":"app"}`:                                        `{"password":"[hidden]","user":"app"}`,
		"key AKIAIOSFODNN7EXAMPLE is disabled":                                       "key [hidden] is disabled",
		"Authorization: Bearer abcdefgh12345678":                                     "Authorization: Bearer [hidden]",
		"session eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc":                       "session [hidden]",
		"DB password: tr0ub4dor":                                                     "DB password: [hidden]",
		"You are not authorized. Encoded authorization failure message: abcDEF-123_": "You are not authorized. Encoded authorization failure message: [hidden]",
		"password: authentication failed":                                            "password: authentication failed",
		"unexpected token: }":                                                        "unexpected token: }",
		"failed to fetch secret arn:aws:secretsmanager:us-east-1:1:secret:db-AbCd12 from secrets manager": "failed to fetch secret arn:aws:secretsmanager:us-east-1:1:secret:db-AbCd12 from secrets manager",
		"did not contain json key MY_SECRET": "did not contain json key MY_SECRET",
		"https://example.com:8080/a@b":       "https://example.com:8080/a@b",
	} {
		if got := evidence.Clean(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
