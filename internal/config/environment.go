package config

import (
	"fmt"
	"regexp"

	"github.com/goccy/go-yaml/ast"

	"slipway/internal/contract"
)

const (
	maxEnvironments    = 10
	maxEnvironmentName = 16
	// maxTasks is far below the quota of 5000 tasks a service
	// (docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html), and above what one file should bring up by a slip.
	maxTasks = 1000
)

var environmentRule = regexp.MustCompile(fmt.Sprintf(`^[a-z][a-z0-9]{0,%d}$`, maxEnvironmentName-1))

func (r *reader) environments(root object) []Environment {
	f, given := root.field("environments")
	if !given {
		r.add(root.at, "environments is missing; it must be a list with at least one, such as: - name: prod")
		return nil
	}
	items := r.list(f)
	if _, isList := f.value.(*ast.SequenceNode); isList && (len(items) == 0 || len(items) > maxEnvironments) {
		r.add(nodePosition(f.value), "environments has %d items; it must have 1 to %d", len(items), maxEnvironments)
	}
	var environments []Environment
	lines := map[string]int{}
	for _, item := range items {
		environment, at := r.environment(item)
		if first, taken := lines[environment.Name]; taken && environment.Name != "" {
			r.add(at, "environments.name is %q again, first on line %d; each environment must have a name of its own", environment.Name, first)
			continue
		}
		lines[environment.Name] = at.line
		environments = append(environments, environment)
	}
	return environments
}

// environment reads one item of the list, and where its name stands.
func (r *reader) environment(node ast.Node) (Environment, position) {
	if _, isMapping := node.(*ast.MappingNode); !isMapping {
		r.add(nodePosition(node), "an item of environments is %s; it must be a mapping, such as name: prod", describe(node))
		return Environment{}, nodePosition(node)
	}
	o := r.mapping(node, "environments", "name", "tasks", "network")
	name, _ := r.requiredText(o, "name", environmentRule,
		fmt.Sprintf("a lower-case letter, then lower-case letters and digits, at most %d characters, such as prod", maxEnvironmentName))
	if name == contract.ReservedEnvironment {
		r.add(o.valueAt("name"), "environments.name is %q, which is the stack of what all environments share; it must be another name", name)
	}
	tasks := r.tasks(o)
	return Environment{
		Name: name, Tasks: tasks, Network: r.network(o, tasks),
		Entry: Entry{RateLimit: DefaultRateLimit, IdleTimeout: DefaultIdleTimeout},
		Watch: Watch{Alarms: true, Latency: DefaultLatency, Dashboard: true},
	}, o.valueAt("name")
}

func (r *reader) tasks(environment object) Tasks {
	var o object
	if f, given := environment.field("tasks"); given {
		o = r.mapping(f.value, "environments.tasks", "min", "max")
	}
	least, leastRead := r.integer(o, "min", DefaultMinTasks, 1, maxTasks)
	most, mostRead := r.integer(o, "max", least, 1, maxTasks)
	if leastRead && mostRead && most < least {
		r.add(o.valueAt("max"), "%s is %d, less than min, which is %d; it must be %d to %d", o.label("max"), most, least, least, maxTasks)
	}
	t := Tasks{Min: least, Max: most}
	if t.Scales() {
		t.ScaleOnCPU = DefaultScaleOnCPU
	}
	return t
}
