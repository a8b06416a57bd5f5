package awsdouble

import (
	"maps"
	"slices"
)

// What befalls the services that run, past any stack.

// services are all that exist.
func (d *Double) services() []*service {
	var list []*service
	for _, t := range d.existing("AWS::ECS::Service") {
		list = append(list, t.service)
	}
	return list
}

// TasksStart makes the newest n tasks of every service such as have been started and do not run yet.
func (d *Double) TasksStart(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.services() {
		tasks := s.living()
		for _, t := range tasks[max(0, len(tasks)-n):] {
			t.pending = true
		}
	}
}

// LoseTasks stops the newest n tasks of every service, and ECS has not noticed yet.
func (d *Double) LoseTasks(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.services() {
		tasks := s.living()
		for _, t := range tasks[max(0, len(tasks)-n):] {
			d.stopTask(t, "Essential container in task exited", nil)
		}
	}
}

// Rollout puts the last deployment of every service into a state (IN_PROGRESS, COMPLETED, FAILED), so many of its tasks
// having failed.
func (d *Double) Rollout(state string, failed int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.services() {
		s.deployments[0].rollout, s.deployments[0].failed = state, failed
		s.deployments[0].reason = "ECS deployment " + s.deployments[0].id + " is " + state + "."
	}
}

// Redeploy deploys another image past the stacks, as somebody does with RegisterTaskDefinition and UpdateService, and
// returns the task definition's ARN.
func (d *Double) Redeploy(image string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	arn := ""
	for _, s := range d.services() {
		before := d.definition(s.deployments[0].definition)
		properties := maps.Clone(before.Properties)
		var containers list
		for _, c := range objects(properties, "ContainerDefinitions") {
			c = maps.Clone(c)
			c["Image"] = image
			containers = append(containers, c)
		}
		properties["ContainerDefinitions"] = containers
		arn = d.taskDefinitionID(nil, "", properties)
		d.things = append(d.things, &thing{Type: before.Type, ID: arn, Properties: properties, Created: d.now(), stack: outside, Attributes: map[string]string{}})
		s.deployments[0].definition = arn
		for _, t := range s.living() {
			t.definition = arn
		}
	}
	return arn
}

// Running are the images in the tasks that run of the service of a root stack (path as PhysicalID takes it), of which there is one
// where all tasks are the same.
func (d *Double) Running(root, path string) []string {
	arn := d.PhysicalID(root, path)
	d.mu.Lock()
	defer d.mu.Unlock()
	var images []string
	for _, s := range d.services() {
		if s.arn != arn {
			continue
		}
		for _, t := range s.running() {
			images = append(images, d.imageOf(t))
		}
	}
	slices.Sort(images)
	return slices.Compact(images)
}

// imageOf is the image of a task's first container.
func (d *Double) imageOf(t *task) string {
	if definition := d.definition(t.definition); definition != nil {
		for _, c := range objects(definition.Properties, "ContainerDefinitions") {
			return text(c, "Image")
		}
	}
	return ""
}

// ExecAgent sets what ECS says of the agent of ECS Exec in every task: RUNNING, PENDING or STOPPED, and why.
func (d *Double) ExecAgent(status, reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.agentStatus, d.agentReason = status, reason
}

// living are the tasks that have not been stopped.
func (s *service) living() []*task {
	return slices.DeleteFunc(slices.Clone(s.tasks), func(t *task) bool { return !t.stopped.IsZero() })
}
