package evidence

import (
	"fmt"
	"slices"
	"strings"

	"slipway/internal/cause"
	"slipway/internal/contract"
)

// Signals are the evidence as statements, by which the cause is named: tasks before targets before events, since who
// ended says more than who noticed. An event about capacity says which provider has none, where that is known.
func (e Evidence) Signals() []cause.Signal {
	var signals []cause.Signal
	for _, task := range e.StoppedTasks {
		signals = append(signals, cause.Signal{Origin: cause.Task, Resource: lastPart(task.TaskARN), Text: task.statement()})
	}
	for _, target := range e.Targets {
		if target.State == unhealthy {
			signals = append(signals, cause.Signal{
				Origin: cause.Target, Resource: fmt.Sprintf("%s:%d", target.ID, target.Port), Text: target.Reason + ": " + target.Description,
			})
		}
	}
	for _, event := range e.ServiceEvents {
		text := event.Message
		if e.Spot && strings.Contains(text, "Capacity is unavailable") {
			text += " (capacity provider " + spotProvider + ")"
		}
		signals = append(signals, cause.Signal{Origin: cause.Service, Text: text})
	}
	if len(e.LogTail) > 0 {
		signals = append(signals, cause.Signal{Origin: cause.Log, Resource: e.LogContainer, Text: strings.Join(e.LogTail, "\n")})
	}
	return signals
}

// statement is how the task ended: stop code, reasons, and the exit code of the container that ended it.
func (t StoppedTask) statement() string {
	text := strings.TrimPrefix(t.StopCode+": "+t.Reason, ": ")
	for _, container := range t.Containers {
		if container.Reason != "" && !strings.Contains(t.Reason, container.Reason) {
			text += "; " + container.Reason
		}
	}
	if c, ran := t.cause(contract.ContainerName); ran {
		text += fmt.Sprintf("; container %s exit code %d", c.Name, *c.ExitCode)
	}
	return text
}

// Signals are the build's failure as statements, by which the cause is named.
func (f BuildFailure) Signals() []cause.Signal {
	if f.Status == "" {
		return nil
	}
	text := f.Status
	if f.Phase != "" {
		text += " in " + f.Phase
	}
	if len(f.Messages) > 0 {
		text += ": " + strings.Join(f.Messages, "; ")
	}
	signals := []cause.Signal{{Origin: cause.Build, Resource: f.ID, Text: text}}
	fallback := func(line string) bool { return strings.HasPrefix(line, contract.WithoutDocker) }
	if log := slices.DeleteFunc(slices.Clone(f.LogTail), fallback); len(log) > 0 {
		signals = append(signals, cause.Signal{Origin: cause.BuildLog, Resource: f.ID, Text: strings.Join(log, "\n")})
	}
	return signals
}
