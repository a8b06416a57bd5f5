package config

import (
	"fmt"
	"strings"

	"slipway/internal/contract"
)

func (r *reader) service(o object) Service {
	port, _ := r.number(o, "port")
	cpu, memory := r.size(o)
	architecture, _ := choice[Architecture](r, o, "architecture")
	path, _ := r.text(o, "healthPath")
	interval, _ := r.number(o, "healthInterval")
	grace, _ := r.number(o, "healthGrace")
	stop, _ := r.number(o, "stopTimeout")
	drain, _ := r.number(o, "drain")
	user, _ := r.textOr(o, "user", userHint)
	storage, _ := r.number(o, "storage")
	s := Service{
		Port: port, CPU: cpu, Memory: memory, Architecture: architecture, BothArchitectures: r.boolean(o, "bothArchitectures"),
		HealthPath: path, HealthInterval: interval, HealthGrace: grace,
		StopTimeout: stop, Drain: drain,
		Command: r.command(o), Environment: r.variables(o), Secrets: r.secrets(o),
		Storage: storage, Exec: r.boolean(o, "exec"), ReadOnlyRoot: r.boolean(o, "readOnlyRoot"), User: user,
		Sidecars: r.sidecars(o, port), Statements: r.statements(o), BeforeDeploy: r.beforeDeploy(o), Acceptance: r.acceptance(o), Build: r.build(o),
	}
	if s.Exec && s.ReadOnlyRoot {
		r.Add(o.ValueAt("exec"), "%s is true, but the root file system is read-only, where the agent of ECS Exec cannot start "+
			"and takes the container down; set service.readOnlyRoot to false as well, or leave exec out", o.Label("exec"))
	}
	return s
}

// userHint says why the application is nobody special, and what else to write.
func userHint(text string) string {
	switch {
	case text == "root" || text == "0" || strings.HasPrefix(text, "0:") || strings.HasPrefix(text, "root:"):
		return "; the application does not run as root: who breaks into it would have the container's every right"
	case text == "image":
		return "; the image's own user is not taken, since it may be root: write its number"
	default:
		return "; an image that is built FROM scratch has no names of users, only numbers"
	}
}

func (r *reader) acceptance(service object) []Check {
	var checks []Check
	for _, o := range r.items(service, "acceptance", "") {
		path, _ := r.text(o, "path")
		status, _ := r.number(o, "status")
		contentType, _ := r.text(o, "contentType")
		contains, _ := r.text(o, "contains")
		checks = append(checks, Check{Path: path, Status: status, ContentType: contentType, Contains: contains})
	}
	return checks
}

// beforeDeploy reads the task before a deployment; where it is given at all it must have a command.
func (r *reader) beforeDeploy(service object) BeforeDeploy {
	if _, given := service.Field("beforeDeploy"); !given {
		return BeforeDeploy{}
	}
	o := r.sub(service, "beforeDeploy")
	timeout, _ := r.number(o, "timeout")
	return BeforeDeploy{Command: r.command(o), Timeout: timeout}
}

// build reads how the service is built without Docker; where it is given at all both its keys must be.
func (r *reader) build(service object) Build {
	if _, given := service.Field("build"); !given {
		return Build{}
	}
	o := r.sub(service, "build")
	binary, _ := r.text(o, "binary")
	return Build{Command: r.command(o), Binary: binary}
}

func (r *reader) command(o object) []string {
	var command []string
	for _, word := range r.texts(o, "command") {
		command = append(command, word.text)
	}
	return command
}

// sidecars reads the containers beside the application's, whose port is given.
func (r *reader) sidecars(service object, port int) []Sidecar {
	var sidecars []Sidecar
	names, ports := map[string]position{}, map[int]string{port: "the service"}
	for _, o := range r.items(service, "sidecars", "") {
		sidecar := r.sidecar(o)
		at := o.ValueAt("name")
		if first, taken := names[sidecar.Name]; taken && sidecar.Name != "" {
			r.Add(at, "%s is %q again, first on line %d; each container must have a name of its own", o.Label("name"), sidecar.Name, first.Line)
		}
		names[sidecar.Name] = at
		if owner, taken := ports[sidecar.Port]; taken && sidecar.Port != 0 {
			r.Add(o.ValueAt("port"), "%s is %d, where %s listens; the containers of a task share its ports, so each must have another",
				o.Label("port"), sidecar.Port, owner)
		}
		ports[sidecar.Port] = "sidecar " + sidecar.Name
		sidecars = append(sidecars, sidecar)
	}
	return sidecars
}

func (r *reader) sidecar(o object) Sidecar {
	name, _ := r.text(o, "name")
	if name == contract.ContainerName {
		r.Add(o.ValueAt("name"), "%s is %q, which is the application's own container; it must be another name", o.Label("name"), name)
	}
	image, _ := r.textOr(o, "image", imageHint)
	if strings.Contains(image, ".dkr.ecr.") {
		r.Add(o.ValueAt("image"), "%s is in a private registry, whose address holds an account and a Region, and tasks may pull only the application's own image from there; "+
			"take it from a public registry, such as public.ecr.aws", o.Label("image"))
	}
	port, _ := r.number(o, "port")
	user, _ := r.text(o, "user")
	return Sidecar{
		Name: name, Image: image, Port: port, Essential: r.boolean(o, "essential"), ReadOnlyRoot: r.boolean(o, "readOnlyRoot"), User: user,
		Command: r.command(o), Environment: r.variables(o), Secrets: r.secrets(o),
	}
}

// imageHint says how to come by a digest.
func imageHint(text string) string {
	if strings.Contains(text, "@sha256:") {
		return ""
	}
	return fmt.Sprintf("; a tag may be another image tomorrow: docker buildx imagetools inspect %s shows its digest", shorten(text))
}
