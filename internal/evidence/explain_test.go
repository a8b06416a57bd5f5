package evidence_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"slipway/internal/cause"
	"slipway/internal/evidence"
)

func TestExplain(t *testing.T) {
	answers := tasks(
		task{id: "1111", reason: exited, code: "EssentialContainerExited", exit: "3", at: 1},
		task{id: "2222", reason: exited, code: "EssentialContainerExited", exit: "3", at: 2},
		task{id: "3333", reason: "Task failed ELB health checks in (target-group " + groupARN + ")", code: "ServiceSchedulerInitiated", exit: "0", at: 3},
	)
	answers["DescribeTargetHealth"] = targets(member("10.0.1.5", "unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]"))
	answers["DescribeServices"] = `{"services":[]}`
	answers["GetLogEvents"] = `{"events":[{"message":"cannot open database"}]}`
	_, clients := serve(t, answers)
	want := []string{
		"task 3333 stopped: Task failed ELB health checks in (target-group " + groupARN + ") (container app exit code 0); last log lines:",
		"  | cannot open database",
		"task 2222 stopped: Essential container in task exited (container app exit code 3), and 1 more in the same way",
		"target 10.0.1.5:8080 unhealthy: Health checks failed with these codes: [500]",
	}
	if diff := gocmp.Diff(want, evidence.Collect(t.Context(), clients, target()).Explain()); diff != "" {
		t.Error(diff)
	}
}

func TestExplainByEvents(t *testing.T) {
	e := evidence.Evidence{ServiceEvents: []evidence.Event{
		{Message: "(service shop-web) has started 1 tasks: (task ca675154981d4ebd81b7a97747141a2e)."},
		{Message: "(service shop-web) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone."},
	}, Notes: []string{"log of container app: AccessDeniedException: no"}}
	want := []string{
		"ECS: (service shop-web) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.",
	}
	if diff := gocmp.Diff(want, e.Explain()); diff != "" {
		t.Error(diff)
	}
}

// A target that left its group before it was seen unhealthy has its reason in ECS's event; what was seen is not said twice.
func TestExplainTargetThatLeft(t *testing.T) {
	event := evidence.Event{Message: "(service shop) (task 1a2b) (port 8080) is unhealthy in (target-group arn:x) due to (reason Health checks failed with these codes: [404])."}
	e := evidence.Evidence{
		StoppedTasks:  []evidence.StoppedTask{{TaskARN: "arn:aws:ecs:r:a:task/c/1a2b", Reason: "Task failed ELB health checks in (target-group arn:x)"}},
		ServiceEvents: []evidence.Event{{Message: "(service shop) has started 1 tasks: (task 1a2b)."}, event, event, {Message: "(service shop) (deployment d) deployment failed: tasks failed to start."}},
	}
	stopped := "task 1a2b stopped: Task failed ELB health checks in (target-group arn:x)"
	if diff := gocmp.Diff([]string{stopped, "ECS: " + event.Message}, e.Explain()); diff != "" {
		t.Error(diff)
	}
	e.Targets = []evidence.TargetHealth{{ID: "10.0.1.5", Port: 8080, State: "unhealthy", Description: "Health checks failed with these codes: [404]"}}
	if diff := gocmp.Diff([]string{stopped, "target 10.0.1.5:8080 unhealthy: Health checks failed with these codes: [404]"}, e.Explain()); diff != "" {
		t.Error(diff)
	}
}

func TestExplainNothing(t *testing.T) {
	if got := (evidence.Evidence{}).Explain(); len(got) != 0 {
		t.Errorf("explained %q", got)
	}
	got := evidence.Evidence{Notes: []string{"log of container app: AccessDeniedException: no"}}.Explain()
	if diff := gocmp.Diff([]string{"could not ask for log of container app: AccessDeniedException: no"}, got); diff != "" {
		t.Error(diff)
	}
}

// A log that could not be read is missed where a task is explained; one that is empty, or was read, is not.
func TestExplainWithoutTheLog(t *testing.T) {
	e := evidence.Evidence{
		StoppedTasks: []evidence.StoppedTask{{TaskARN: "arn:aws:ecs:r:a:task/c/1a2b", Reason: "Essential container exited"}},
		LogTask:      "arn:aws:ecs:r:a:task/c/1a2b", LogContainer: "app",
	}
	stopped := []string{"task 1a2b stopped: Essential container exited"}
	if diff := gocmp.Diff(stopped, e.Explain()); diff != "" {
		t.Error(diff)
	}
	e.Notes = []string{"log of container app: AccessDeniedException: no"}
	if diff := gocmp.Diff(append(stopped, "could not ask for log of container app: AccessDeniedException: no"), e.Explain()); diff != "" {
		t.Error(diff)
	}
	e.LogTail = []string{"boom"}
	if diff := gocmp.Diff([]string{stopped[0] + "; last log lines:", "  | boom"}, e.Explain()); diff != "" {
		t.Error(diff)
	}
}

// The reasons are ECS's own, as people reported them; the sources are beside them. From what ECS answers to the cause.
func TestCausesOfTasks(t *testing.T) {
	for _, test := range []struct {
		name, reason, containerReason, exit, log, want string
	}{
		// github.com/aviswerdlow/relay/issues/71
		{"other processor", "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'.", "", "", "", "architecture-mismatch"},
		// github.com/aws/containers-roadmap/issues/1120
		{"other processor, older", "CannotPullContainerError: failed to find a descriptor for platform {linux/amd64}", "", "", "", "architecture-mismatch"},
		{"other processor, single", exited, "", "255", "exec /web: exec format error", "architecture-mismatch"},
		// github.com/aws/containers-roadmap/issues/2687
		{"no such image", "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 1.dkr.ecr.eu-west-1.amazonaws.com/example@sha256:863: not found", "", "", "", "image-missing"},
		// github.com/aws/containers-roadmap/issues/2493
		{"no right", "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 1.dkr.ecr.us-west-2.amazonaws.com/otel: unexpected status from HEAD request to https://1.dkr.ecr.us-west-2.amazonaws.com/v2/otel/blobs/sha256:863: 403 Forbidden", "", "", "", "image-forbidden"},
		// github.com/aws-samples/generative-ai-sagemaker-cdk-demo/issues/4
		{"no route", "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried 3 time(s): RequestError: send request failed caused by: Post \"https://api.ecr.us-west-2.amazonaws.com/\": dial tcp 34.223.27.76:443: i/o timeout. Please check your task network configuration.", "", "", "", "image-no-route"},
		// repost.aws/knowledge-center/ecs-unable-to-pull-secrets
		{"no right to a secret", "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:us-east-1:1:secret:SecretName from secrets manager: AccessDeniedException", "", "", "", "secret-forbidden"},
		// the local engine
		{"no secret", "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret DB: the local engine has no ssm:/shop/prod/db; write it into .slipway/local/secrets.yaml", "", "", "", "secret-missing"},
		// github.com/globaldothealth/list/issues/2662
		{"no route, older", exited, "CannotPullContainerError: Error response from daemon: net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)", "", "", "image-no-route"},
		// github.com/cn-terraform/terraform-aws-ecs-fargate-task-definition/issues/1
		{"no log group", "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.", "", "", "", "log-unwritable"},
		// github.com/civiform/civiform/issues/7648
		{"no way to the log", "ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log group defined in the task definition. There is a connection issue between the task and Amazon CloudWatch. Check your network configuration. : signal: killed", "", "", "", "log-unwritable"},
		// github.com/saebyn/glowing-telegram/issues/398
		{"no command", "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"web\": executable file not found in $PATH: unknown", "", "", "", "command-missing"},
		// github.com/aws/amazon-ecs-agent/issues/1187
		{"memory", exited, "OutOfMemoryError: Container killed due to memory usage", "137", "", "out-of-memory"},
		{"killed", exited, "", "137", "", "container-killed"},
		{"ends well", exited, "", "0", "", "container-ends"},
		{"ends badly", exited, "", "3", "boom", "container-exits"},
		{"not found by shell", exited, "", "127", "", "command-missing"},
		// repost.aws/knowledge-center/ecs-fargate-runtask-capacity
		{"no capacity", "Capacity is unavailable at this time. Please try again later or in a different availability zone", "", "", "", "no-capacity"},
		// repost.aws/questions/QUmYO0T8YKQgG5zOMJQ7HsMw
		{"quota", "You've reached the limit on the number of vCPUs you can run concurrently", "", "", "", "quota"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code := "TaskFailedToStart"
			if test.reason == exited {
				code = "EssentialContainerExited"
			}
			answers := tasks(task{id: "1111", reason: test.reason, code: code, exit: test.exit, containerReason: test.containerReason, at: 1})
			answers["GetLogEvents"] = `{"events":[{"message":"` + test.log + `"}]}`
			_, clients := serve(t, answers)
			signals := evidence.Collect(t.Context(), clients, target()).Signals()
			if got := cause.Find(signals); got.Name != test.want {
				t.Errorf("named %s, want %s: %+v", got.Name, test.want, signals)
			}
		})
	}
}

// The codes and texts are those of
// docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html.
func TestCausesOfTargets(t *testing.T) {
	for _, test := range []struct{ state, reason, description, want string }{
		{"unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]", "health-path"},
		{"unhealthy", "Target.Timeout", "Request timed out", "health-timeout"},
		{"unhealthy", "Target.FailedHealthChecks", "Health checks failed", "wrong-port"},
		{"unhealthy", "Elb.InternalError", "", "balancer-fault"},
		{"draining", "Target.DeregistrationInProgress", "Target deregistration is in progress", cause.Unknown},
		{"initial", "Target.FailedHealthChecks", "it is not unhealthy yet", cause.Unknown},
	} {
		t.Run(test.reason, func(t *testing.T) {
			e := evidence.Evidence{Targets: []evidence.TargetHealth{{ID: "10.0.1.5", Port: 8080, State: test.state, Reason: test.reason, Description: test.description}}}
			if got := cause.Find(e.Signals()); got.Name != test.want {
				t.Errorf("named %s, want %s", got.Name, test.want)
			}
			if got := strings.Join(e.Explain(), "\n"); strings.Contains(got, "target 10.0.1.5:8080 unhealthy: ") != (test.state == "unhealthy") {
				t.Errorf("explained %q", got)
			}
		})
	}
}

// Where the capacity is missing is known from the service's strategy alone.
func TestCapacityOfSpot(t *testing.T) {
	for strategy, want := range map[string]string{
		`[{"capacityProvider":"FARGATE","weight":1}]`: "no-capacity", `[{"capacityProvider":"FARGATE","base":1},{"capacityProvider":"FARGATE_SPOT","weight":1}]`: "no-spot-capacity",
	} {
		answers := tasks()
		answers["DescribeServices"] = fmt.Sprintf(`{"services":[{"capacityProviderStrategy":%s,"events":[{"id":"e1","createdAt":%d,
			"message":"(service shop-web) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone."}]}]}`, strategy, start.Unix()+1)
		_, clients := serve(t, answers)
		if got := cause.Find(evidence.Collect(t.Context(), clients, target()).Signals()); got.Name != want {
			t.Errorf("%s: named %s, want %s", strategy, got.Name, want)
		}
	}
}

// In the terminal it stays short, whatever there is.
func TestExplainIsShort(t *testing.T) {
	_, clients := serve(t, everything())
	e := evidence.Collect(t.Context(), clients, target())
	for i := range 10 {
		e.LogTail = append(e.LogTail, fmt.Sprint("line ", i))
		e.StoppedTasks = append(e.StoppedTasks, evidence.StoppedTask{TaskARN: fmt.Sprint(i), Reason: fmt.Sprint("reason ", i)})
		e.Targets = append(e.Targets, evidence.TargetHealth{ID: fmt.Sprint(i), State: "unhealthy"})
	}
	lines := e.Explain()
	if len(lines) > 10 || !slices.Contains(lines, "  | line 9") {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
}
