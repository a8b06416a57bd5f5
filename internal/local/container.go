package local

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// The emulator's labels on each container of a task.
const (
	taskLabel = "com.amazonaws.ecs.task-arn"
	nameLabel = "com.amazonaws.ecs.container-name"
)

// Container is the id of a task's container in Docker, by the task's id and the container's name. It is an error where tasks
// run as processes.
func (e *Engine) Container(ctx context.Context, task, name string) (string, error) {
	if e.Runtime != RuntimeDocker {
		return "", errors.New("the tasks of this local engine are processes of this machine, and no command can be run inside of one; " +
			"with Docker, on Linux, they are containers: end it (./scripts/destroy.sh --local), start Docker and launch again")
	}
	lines, err := docker(ctx, "ps", "--filter", "label="+containerLabel+"="+e.token, "--filter", "label="+nameLabel+"="+name,
		"--format", `{{.ID}} {{.Label "`+taskLabel+`"}}`)
	if err != nil {
		return "", fmt.Errorf("look for container %s of task %s in Docker: %w", name, task, err)
	}
	for line := range strings.Lines(lines) {
		if id, arn, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasSuffix(arn, "/"+task) {
			return id, nil
		}
	}
	return "", fmt.Errorf("container %s of task %s does not run in Docker", name, task)
}
