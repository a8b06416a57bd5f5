package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// maxHealthPath is the longest HealthCheckPath of a target group
// (docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html).
const maxHealthPath = 1024

// healthPathRule is a path with an optional query as RFC 3986 writes it.
var healthPathRule = regexp.MustCompile(`^/([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*` +
	`(\?([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?$`)

const healthPathAllowed = "a path that begins with a slash, without spaces or fragment, such as /healthz, at most 1024 characters"

func (r *reader) service(root object) Service {
	var o object
	if f, given := root.field("service"); given {
		o = r.mapping(f.value, "service", "port", "cpu", "memory", "architecture", "healthPath", "environment")
	}
	port, _ := r.integer(o, "port", DefaultPort, 1, 65535)
	cpu, memory := r.size(o)
	architecture, _ := choice(r, o, "architecture", DefaultArchitecture, X86, ARM64)
	return Service{
		Port:         port,
		CPU:          cpu,
		Memory:       memory,
		Architecture: architecture,
		HealthPath:   r.healthPath(o),
		Environment:  r.variables(o),

		HealthInterval: DefaultHealthInterval,
		HealthGrace:    DefaultHealthGrace,
		StopTimeout:    DefaultStopTimeout,
		Drain:          DefaultDrain,
		ReadOnlyRoot:   true,
		User:           DefaultUser,
	}
}

func (r *reader) healthPath(o object) string {
	path, ok := r.text(o, "healthPath", DefaultHealthPath, healthPathAllowed)
	if ok && (len(path) > maxHealthPath || !healthPathRule.MatchString(path)) {
		r.add(o.valueAt("healthPath"), "%s is %q; it must be %s", o.label("healthPath"), shorten(path), healthPathAllowed)
	}
	return path
}

// size reads cpu and memory, which must be a pair that Fargate has.
func (r *reader) size(o object) (cpu, memory int) {
	cpu, cpuRead := r.integer(o, "cpu", DefaultCPU, fargateSizes[0].cpu, fargateSizes[len(fargateSizes)-1].cpu)
	i := slices.IndexFunc(fargateSizes, func(s fargateSize) bool { return s.cpu == cpu })
	if i < 0 {
		r.add(o.valueAt("cpu"), "%s is %d; Fargate has %s", o.label("cpu"), cpu, cpusOfFargate())
		cpuRead, i = false, 0
	}
	size := fargateSizes[i]
	memory, memoryRead := r.integer(o, "memory", size.least, fargateSizes[0].least, fargateSizes[len(fargateSizes)-1].most)
	// Without a known cpu there is nothing to hold the memory against.
	if cpuRead && memoryRead && !size.has(memory) {
		r.add(o.valueAt("memory"), "%s is %d; with cpu %d Fargate has %s", o.label("memory"), memory, cpu, size)
	}
	return cpu, memory
}

// fargateSize is the memory, in MiB, that goes with one CPU size.
type fargateSize struct{ cpu, least, most, step int }

// fargateSizes are the task sizes for Linux (docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html).
var fargateSizes = []fargateSize{
	{256, 512, 2048, 0}, // 512, 1024 and 2048: the only row that is not a plain sequence
	{512, 1024, 4096, 1024},
	{1024, 2048, 8192, 1024},
	{2048, 4096, 16384, 1024},
	{4096, 8192, 30720, 1024},
	{8192, 16384, 61440, 4096},
	{16384, 32768, 122880, 8192},
}

func (s fargateSize) has(memory int) bool {
	if s.step == 0 {
		return memory == s.least || memory == 2*s.least || memory == s.most
	}
	return s.least <= memory && memory <= s.most && (memory-s.least)%s.step == 0
}

// String lists the memory sizes for a person.
func (s fargateSize) String() string {
	if s.step == 0 {
		return fmt.Sprintf("%d, %d or %d", s.least, 2*s.least, s.most)
	}
	return fmt.Sprintf("%d to %d in steps of %d", s.least, s.most, s.step)
}

func cpusOfFargate() string {
	texts := make([]string, len(fargateSizes))
	for i, size := range fargateSizes {
		texts[i] = strconv.Itoa(size.cpu)
	}
	return strings.Join(texts, ", ")
}

var (
	variableRule = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// secretRule tells names whose values have no business in a template, which anybody may read who may see the stack.
	secretRule = regexp.MustCompile(`(?i)(PASSWORD|SECRET|TOKEN|PRIVATE_?KEY|API_?KEY|ACCESS_?KEY)$`)
)

// variables reads the container's environment variables, in the order of the file.
func (r *reader) variables(o object) []Variable {
	f, given := o.field("environment")
	if !given {
		return nil
	}
	var variables []Variable
	for _, f := range r.anyMapping(f.value, "service.environment").fields {
		if problem := variableProblem(f.key); problem != "" {
			r.add(f.at, "environment variable %q %s", f.key, problem)
			continue
		}
		value, ok := scalar(f.value)
		if !ok {
			r.add(nodePosition(f.value), "environment variable %s is %s; it must be a text, a number or true or false (\"\" for an empty text)", f.key, describe(f.value))
			continue
		}
		if i := strings.IndexFunc(value, unwritable); i >= 0 {
			r.add(nodePosition(f.value), "environment variable %s holds the control character %#02x; leave it out", f.key, value[i])
			continue
		}
		if strings.Contains(value, "{{resolve:") {
			r.add(nodePosition(f.value), "environment variable %s holds {{resolve:...}}, which CloudFormation would replace; secrets are not supported yet, and other text must not look so", f.key)
			continue
		}
		variables = append(variables, Variable{Name: f.key, Value: value})
	}
	return variables
}

// unwritable is a control character that an escape has brought in ("\0" in YAML): no template can carry it.
func unwritable(c rune) bool { return c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == 0x7f }

// variableProblem says what is wrong with a variable's name, or nothing.
func variableProblem(name string) string {
	switch {
	case !variableRule.MatchString(name):
		return "is not a name that a program can read; it must be letters, digits and underscores, not beginning with a digit"
	case name == "PORT":
		return "is set by slipway to service.port; set that instead"
	case name == "HOST" || name == "HOSTNAME":
		return "is set where the task runs, not in this file; leave it out"
	case strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "ECS_"):
		return "is among those that the platform sets for credentials, Region and metadata (AWS_*, ECS_*); leave it out"
	case secretRule.MatchString(name):
		return "looks like a secret, and what stands here can be read in git, in the template and in the console; " +
			"secrets are not supported yet: let the service read it from Secrets Manager or Parameter Store by a name that you pass here"
	default:
		return ""
	}
}

// scalar is a value as it is written in the file: people write DEBUG: true and RETRIES: 3, and a variable is always text.
func scalar(node ast.Node) (string, bool) {
	switch node.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return node.GetToken().Value, true
	default:
		return textOf(node)
	}
}

// shorten keeps a message readable where the value is not.
func shorten(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}
