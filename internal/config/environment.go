package config

import (
	"slipway/internal/contract"
)

const (
	maxEnvironments    = 10
	maxEnvironmentName = 16
)

func (r *reader) environments(root object, service Service) []Environment {
	var environments []Environment
	lines := map[string]int{}
	for _, o := range r.items(root, "environments", "a list with at least one, such as: - name: prod") {
		environment := r.environment(o, service)
		at := o.ValueAt("name")
		if first, taken := lines[environment.Name]; taken && environment.Name != "" {
			r.Add(at, "environments.name is %q again, first on line %d; each environment must have a name of its own", environment.Name, first)
			continue
		}
		lines[environment.Name] = at.Line
		environments = append(environments, environment)
	}
	return environments
}

func (r *reader) environment(o object, service Service) Environment {
	name, _ := r.text(o, "name")
	if name == contract.ReservedEnvironment {
		r.Add(o.ValueAt("name"), "environments.name is %q, which is the stack of what all environments share; it must be another name", name)
	}
	e := Environment{Name: name, Tasks: r.tasks(o, service), Entry: r.entry(o), Watch: r.watch(o),
		Variables: r.variables(o), Protected: r.boolean(o, "protected"), Approval: r.boolean(o, "approval")}
	e.Network = r.network(o, e, service)
	r.secretsOverwritten(o, service)
	return e
}

// secretsOverwritten refuses a variable that would take a secret's place: ECS refuses two of one name.
func (r *reader) secretsOverwritten(environment object, service Service) {
	f, _ := environment.Field("environment")
	for _, secret := range service.Secrets {
		if at, both := keyIn(f, secret.Name); both {
			r.Add(at, "environment variable %s is also in service.secrets; keep one of them", secret.Name)
		}
	}
}
