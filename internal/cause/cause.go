// Package cause names why an operation failed. It is given what the services said about the failure, each sentence as it
// came, and answers with one name of a fixed list and what to do about it. It asks nobody and keeps nothing.
package cause

import "strings"

// Origin is who said something about a failure.
type Origin string

// The origins, and what the text of each is.
const (
	Stack    Origin = "stack"     // CloudFormation: the reason of a resource's event, or of a change set
	Call     Origin = "call"      // an answer to a call: "Code: message"
	Task     Origin = "task"      // ECS: stop code and reasons of a stopped task, and how its container ended
	Log      Origin = "log"       // the last lines of the container that ended the task
	Target   Origin = "target"    // the load balancer: "Reason.Code: description" of a target that is not healthy
	Service  Origin = "service"   // ECS: an event of the service, or the reason of its deployment's state
	Build    Origin = "build"     // CodeBuild: status, phase and message of the phase that failed
	BuildLog Origin = "build-log" // the last lines of the build's commands
)

// Signal is one thing that was said, with its exact words.
type Signal struct {
	Origin   Origin `json:"origin"`
	Resource string `json:"resource,omitempty"` // whom it is about, as the origin calls it
	Text     string `json:"text"`
}

// Unknown is the name where no rule recognises anything that was said.
const Unknown = "unknown"

// Cause is why something failed.
type Cause struct {
	Name   string `json:"name"`             // stable: scripts may rely on it
	Means  string `json:"means"`            // what happened, in a few words
	Detail string `json:"detail,omitempty"` // what the rule read from the words: who lacks which right, which port
	Next   string `json:"next"`             // what to do
	Signal Signal `json:"signal"`           // what showed it; where the name is Unknown, the first that was said
}

// Find names the cause of a failure. A rule that knows more goes before one that knows less, whoever spoke first: a
// circuit breaker that has tripped says less than the task that made it trip. Among signals that the same rule recognises
// the first counts.
func Find(signals []Signal) Cause { return find(rules, signals) }

func find(rules []rule, signals []Signal) Cause {
	for _, r := range rules {
		for _, s := range signals {
			if r.recognises(signals, s) {
				return r.cause(signals, s)
			}
		}
	}
	unknown := Cause{
		Name: Unknown, Means: "nothing that was said is known to this slipway",
		Next: "read what the services said, in the report; the words that are not known belong into an issue of slipway",
	}
	if len(signals) > 0 {
		unknown.Signal = signals[0]
	}
	return unknown
}

// String is a line for a person.
func (c Cause) String() string {
	text := c.Name + ": " + c.Means
	if c.Detail != "" {
		text += " (" + c.Detail + ")"
	}
	return text
}

// Names lists all causes that there are, Unknown last.
func Names() []string {
	var names []string
	for _, r := range rules {
		names = append(names, r.name)
	}
	return append(names, Unknown)
}

// of are the texts of one origin.
func of(signals []Signal, origin Origin) string {
	var texts []string
	for _, s := range signals {
		if s.Origin == origin {
			texts = append(texts, s.Text)
		}
	}
	return strings.Join(texts, "\n")
}
