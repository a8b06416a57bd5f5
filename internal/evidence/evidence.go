// Package evidence collects why a deployment or a build failed, while it happens: a rollback deletes service, cluster and
// logs within seconds. It reads no environment values and no secrets, and everything that it keeps is bounded.
package evidence

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

// Clients are the services that are asked.
type Clients struct {
	ECS      *ecs.Client
	Balancer *elasticloadbalancingv2.Client
	Logs     *cloudwatchlogs.Client
	Builds   *codebuild.Client
}

// NewClients makes the clients from cfg.
func NewClients(cfg aws.Config) Clients {
	return Clients{
		ECS:      ecs.NewFromConfig(cfg),
		Balancer: elasticloadbalancingv2.NewFromConfig(cfg),
		Logs:     cloudwatchlogs.NewFromConfig(cfg),
		Builds:   codebuild.NewFromConfig(cfg),
	}
}

// Target is what to look at. What is empty, because it has not been created yet, is not asked for.
type Target struct {
	Cluster        string // name or ARN
	Service        string // name or ARN
	TargetGroupARN string
	LogGroup       string
	ContainerName  string    // whose log is read
	Since          time.Time // earlier events and stops belong to another deployment; zero: all
}

// Evidence is what was found. Its texts are one line each, without control characters and without what looks like a secret.
type Evidence struct {
	ServiceEvents []Event        `json:"serviceEvents"` // oldest first, at most 20
	StoppedTasks  []StoppedTask  `json:"stoppedTasks"`  // newest first, at most 10; tasks that ECS stopped to make room are left out
	Targets       []TargetHealth `json:"targets"`       // those not healthy, at most 20
	LogTask       string         `json:"logTask"`       // ARN of the stopped task that LogTail is from
	LogContainer  string         `json:"logContainer"`  // its container that LogTail is from
	LogTail       []string       `json:"logTail"`       // that container's last lines, oldest first, at most 20 of 500 characters
	Spot          bool           `json:"spot"`          // whether the service puts tasks on Fargate Spot
	Notes         []string       `json:"notes"`         // what could not be asked, and why; at most 10
}

// Event is one of ECS's messages about a service.
type Event struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Message string    `json:"message"`
}

// StoppedTask is a task that ended, and how.
type StoppedTask struct {
	TaskARN    string      `json:"task"`
	At         time.Time   `json:"at"`
	Reason     string      `json:"reason"`
	StopCode   string      `json:"stopCode"`
	Containers []Container `json:"containers"`
}

// Container is one of a stopped task's containers.
type Container struct {
	Name     string `json:"name"`
	ExitCode *int32 `json:"exitCode"` // nil where it never ran
	Reason   string `json:"reason"`
}

// TargetHealth is what the load balancer thinks of one task's address.
type TargetHealth struct {
	ID          string `json:"id"`
	Port        int32  `json:"port"`
	State       string `json:"state"`  // unhealthy, initial, draining, unused, unavailable
	Reason      string `json:"reason"` // a code, such as Target.ResponseCodeMismatch
	Description string `json:"description"`
}

// Bounds of what is kept.
const (
	maxEvents  = 20
	maxTasks   = 10
	maxTargets = 20
	maxNotes   = 10
	maxLines   = 20
	maxLine    = 500 // characters of a log line
	maxText    = 1000
)

// Merge puts together what was found at different times. Nothing found earlier is lost, except where there is more than is
// kept: a's findings come first.
func Merge(a, b Evidence) Evidence {
	merged := Evidence{
		ServiceEvents: union(a.ServiceEvents, b.ServiceEvents, func(e Event) any { return e.ID + e.Message }, nil),
		StoppedTasks:  union(a.StoppedTasks, b.StoppedTasks, func(t StoppedTask) any { return t.TaskARN }, ended),
		Targets:       union(a.Targets, b.Targets, func(t TargetHealth) any { return [2]any{t.ID, t.Port} }, sicker),
		Notes:         union(a.Notes, b.Notes, func(n string) any { return n }, nil),
		LogTask:       a.LogTask,
		LogContainer:  a.LogContainer,
		LogTail:       a.LogTail,
		Spot:          a.Spot || b.Spot,
	}
	if len(a.LogTail) == 0 {
		merged.LogTask, merged.LogContainer, merged.LogTail = b.LogTask, b.LogContainer, b.LogTail
	}
	merged.ServiceEvents = merged.ServiceEvents[:min(len(merged.ServiceEvents), maxEvents)]
	merged.StoppedTasks = merged.StoppedTasks[:min(len(merged.StoppedTasks), maxTasks)]
	merged.Targets = merged.Targets[:min(len(merged.Targets), maxTargets)]
	merged.Notes = merged.Notes[:min(len(merged.Notes), maxNotes)]
	slices.SortStableFunc(merged.ServiceEvents, func(x, y Event) int { return x.At.Compare(y.At) })
	slices.SortStableFunc(merged.StoppedTasks, func(x, y StoppedTask) int { return y.At.Compare(x.At) })
	return merged
}

// union appends to a what b has besides; of two with the same key, better may prefer the later one.
func union[T any](a, b []T, key func(T) any, better func(earlier, later T) bool) []T {
	all := slices.Clone(a)
	at := map[any]int{}
	for i, item := range all {
		at[key(item)] = i
	}
	for _, item := range b {
		i, known := at[key(item)]
		switch {
		case !known:
			at[key(item)] = len(all)
			all = append(all, item)
		case better != nil && better(all[i], item):
			all[i] = item
		}
	}
	return all
}

// sicker says that a target has become unhealthy since: starting and draining are no findings yet.
func sicker(earlier, later TargetHealth) bool {
	return earlier.State != unhealthy && later.State == unhealthy
}

// ended says that a task was seen while it was stopping, and its containers have ended since.
func ended(earlier, later StoppedTask) bool {
	exited := func(c Container) bool { return c.ExitCode != nil }
	return !slices.ContainsFunc(earlier.Containers, exited) && slices.ContainsFunc(later.Containers, exited)
}
