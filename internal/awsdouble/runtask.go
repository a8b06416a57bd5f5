package awsdouble

import (
	"strings"
	"time"
)

// OneOff is how the tasks that RunTask starts go on; they end well where nothing is said.
type OneOff struct {
	Failure *TaskFailure // how they end, where not well; its exit code may be 0
	Looks   int          // how often one is still seen running; below zero for ever
	Refused string       // the reason among the failures of RunTask, which then starts none
	Log     []string     // what they write

	// Run, where there is one, is what they do: from the command in the request and the definition's variables to an exit code and
	// what they write. They are seen running until it returns.
	Run func(command []string, variables map[string]string) (code int, log []string)

	Late time.Duration // after it has returned what they write is there
}

// RunOneOff sets how the tasks that RunTask starts from now on, and those that run, go on.
func (d *Double) RunOneOff(o OneOff) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.oneOff = o
	for _, s := range d.oneOffs {
		for _, t := range s.living() {
			t.looks = o.Looks
		}
	}
}

// TasksOnLoopback gives tasks from now on addresses of loopback, where load balancers are, as they are where tasks are processes.
func (d *Double) TasksOnLoopback() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.beside = true
}

// OneOffTasks are the tasks that RunTask has started, oldest first, with the image of their application.
func (d *Double) OneOffTasks() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var images []string
	for _, s := range d.oneOffs {
		for _, t := range s.tasks {
			images = append(images, t.image)
		}
	}
	return images
}

// OneOffsAtOnce is how many of them have run at the same time, at most.
func (d *Double) OneOffsAtOnce() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.oneOffsAtOnce
}

func familyOf(t *task) string {
	family, _, _ := strings.Cut(lastPart(t.definition, "/"), ":")
	return family
}

// runTask starts one task of no service (docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html).
func (d *Double) runTask(in object) (object, error) {
	cluster, err := d.cluster(in)
	if err != nil {
		return nil, err
	}
	definition := d.definition(text(in, "taskDefinition"))
	network := sub(sub(in, "networkConfiguration"), "awsvpcConfiguration")
	switch {
	case definition == nil:
		return nil, fail("ClientException", "TaskDefinition not found.")
	case definition.Gone:
		return nil, fail("ClientException", "TaskDefinition is inactive")
	case len(texts(network, "subnets")) == 0:
		return nil, fail("InvalidParameterException", "Network Configuration must be provided when networkMode 'awsvpc' is specified.")
	case d.oneOff.Refused != "":
		return object{"tasks": list{}, "failures": list{object{"reason": d.oneOff.Refused}}}, nil
	}
	s := d.oneOffs[cluster.ID]
	if s == nil {
		s = &service{cluster: cluster.ID}
		d.oneOffs[cluster.ID] = s
	}
	s.arn = text(in, "startedBy")
	t := d.startTasks(s, &deployment{definition: definition.ID}, 1)[0]
	t.looks = d.oneOff.Looks
	t.image = text(objects(definition.Properties, "ContainerDefinitions")[0], "Image")
	d.oneOffsAtOnce = max(d.oneOffsAtOnce, len(s.living()))
	d.taskLog(t, d.oneOff.Log)
	if run := d.oneOff.Run; run != nil {
		t.looks = -1
		command, variables := d.toldTo(in, definition)
		d.ops.Go(func() {
			code, log := run(command, variables)
			d.mu.Lock()
			late := d.oneOff.Late
			if late == 0 {
				d.taskLog(t, log)
			}
			t.ends, t.looks = &TaskFailure{ExitCode: code}, 0
			d.mu.Unlock()
			if late > 0 {
				time.Sleep(late)
				d.mu.Lock()
				d.taskLog(t, log)
				d.mu.Unlock()
			}
		})
	}
	return object{"tasks": list{d.taskAnswer(s, t)}, "failures": list{}}, nil
}

// toldTo is the command that a task of one container is given, and its variables.
func (d *Double) toldTo(in object, definition *thing) (command []string, variables map[string]string) {
	container := objects(definition.Properties, "ContainerDefinitions")[0]
	variables = map[string]string{}
	for _, v := range objects(container, "Environment") {
		variables[text(v, "Name")] = text(v, "Value")
	}
	for _, o := range objects(sub(in, "overrides"), "containerOverrides") {
		command = texts(o, "command")
	}
	return command, variables
}

// goOn lets time pass for a task that was run once: it is seen running, or stopping, and then it has ended.
func (d *Double) goOn(t *task) {
	switch {
	case t.image == "" || !t.stopped.IsZero():
	case t.looks != 0:
		t.looks--
	case t.stopping:
		d.stopTask(t, t.reason, &TaskFailure{ExitCode: 143})
	case t.ends != nil:
		d.stopTask(t, "Essential container in task exited", t.ends)
	case d.oneOff.Failure != nil:
		d.stopTask(t, d.oneOff.Failure.StoppedReason, d.oneOff.Failure)
	default:
		d.stopTask(t, "Essential container in task exited", &TaskFailure{})
	}
}

// stopOneOff tells a task to stop: it is seen stopping once before it has.
func (d *Double) stopOneOff(t *task, reason string) {
	if t.stopped.IsZero() {
		t.stopping, t.reason, t.looks = true, reason, 1
	}
}
