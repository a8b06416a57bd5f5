package evidence

import (
	"fmt"
	"slices"
	"strings"
)

// Bounds of what is shown. All that was found is in the report's file.
const (
	maxShownManners = 2
	maxShownTargets = 2
	maxShownEvents  = 2
	maxShownLines   = 4
	maxShownText    = 500
)

// Explain shows in at most 10 lines of 500 characters what went wrong; log lines are indented behind a bar. What failed to answer
// is said where nothing was found, and of a log that is missed. It is empty when there is neither.
func (e Evidence) Explain() []string {
	tasks, targets := e.explainTasks(), e.explainTargets()
	lines := append(tasks, targets...)
	switch {
	case len(lines) == 0:
		lines = e.explainEvents(troubled, maxShownEvents)
	case len(targets) == 0: // a stopped task's target has left its group, and may never have been seen unhealthy
		lines = append(lines, e.explainEvents(foundUnhealthy, 1)...)
	}
	for _, note := range e.missing(tasks, lines) {
		lines = append(lines, "could not ask for "+note)
	}
	return shortened(lines)
}

// missing is what could not be asked for, of what would have said more.
func (e Evidence) missing(tasks, lines []string) []string {
	notes := e.Notes[:min(len(e.Notes), maxShownEvents)]
	if len(lines) == 0 {
		return notes
	}
	return slices.DeleteFunc(slices.Clone(notes), func(note string) bool {
		return len(tasks) == 0 || len(e.LogTail) > 0 || !strings.HasPrefix(note, logOf)
	})
}

func shortened(lines []string) []string {
	for i, line := range lines {
		lines[i] = clean(line, maxShownText)
	}
	return lines
}

// explainTasks shows each way of stopping once, by its newest task.
func (e Evidence) explainTasks() []string {
	count := map[string]int{}
	for _, task := range e.StoppedTasks {
		count[task.manner()]++
	}
	var lines []string
	told := 0
	for _, task := range e.StoppedTasks {
		manner := task.manner()
		others := count[manner] - 1
		if others < 0 || told == maxShownManners {
			continue // told already, or enough told
		}
		told++
		count[manner] = 0
		line := fmt.Sprintf("task %s stopped: %s", lastPart(task.TaskARN), manner)
		if others > 0 {
			line += fmt.Sprintf(", and %d more in the same way", others)
		}
		lines = append(lines, e.withLog(line, manner)...)
	}
	return lines
}

// withLog adds the log to the line of the tasks that stopped as the log's did.
func (e Evidence) withLog(line, manner string) []string {
	i := slices.IndexFunc(e.StoppedTasks, func(t StoppedTask) bool { return t.TaskARN == e.LogTask })
	shown := indent(e.LogTail)
	if len(shown) == 0 || i < 0 || e.StoppedTasks[i].manner() != manner {
		return []string{line}
	}
	return append([]string{line + "; last log lines:"}, shown...)
}

// indent marks the last few lines of a log as such.
func indent(lines []string) []string {
	lines = spoken(lines)
	return quote(lines[max(0, len(lines)-maxShownLines):])
}

// spoken leaves out empty lines, which say nothing.
func spoken(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return strings.TrimSpace(line) == "" })
}

func quote(lines []string) []string {
	var quoted []string
	for _, line := range lines {
		quoted = append(quoted, "  | "+line)
	}
	return quoted
}

// manner is how a task stopped: ECS's reason, and what the containers say besides.
func (t StoppedTask) manner() string {
	text := t.Reason
	for _, container := range t.Containers {
		var details []string
		if container.ExitCode != nil {
			details = append(details, fmt.Sprintf("exit code %d", *container.ExitCode))
		}
		if container.Reason != "" && !strings.Contains(t.Reason, container.Reason) {
			details = append(details, container.Reason)
		}
		if len(details) > 0 {
			text += fmt.Sprintf(" (container %s %s)", container.Name, strings.Join(details, ", "))
		}
	}
	if text == "" {
		return "ECS gave no reason"
	}
	return text
}

func (e Evidence) explainTargets() []string {
	var lines []string
	for _, target := range e.Targets {
		if target.State == unhealthy && len(lines) < maxShownTargets {
			lines = append(lines, fmt.Sprintf("target %s:%d unhealthy: %s", target.ID, target.Port, target.why()))
		}
	}
	return lines
}

func (t TargetHealth) why() string {
	if t.Description == "" {
		return t.Reason
	}
	return t.Description
}

// explainEvents shows the newest of the events that are wanted.
func (e Evidence) explainEvents(wanted func(message string) bool, most int) []string {
	var lines []string
	for _, event := range slices.Backward(e.ServiceEvents) {
		if wanted(event.Message) && len(lines) < most {
			lines = append(lines, "ECS: "+event.Message)
		}
	}
	slices.Reverse(lines)
	return lines
}

// troubled picks the messages of docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
// that are no plain progress.
func troubled(message string) bool {
	return slices.ContainsFunc([]string{"unable", "unhealthy", "failed", "failure", "rolling back", "error", "throttled"},
		func(part string) bool { return strings.Contains(strings.ToLower(message), part) })
}

// foundUnhealthy picks the message of the same page with which ECS says why the load balancer found a task unhealthy.
func foundUnhealthy(message string) bool { return strings.Contains(message, " is unhealthy in ") }
