package config

import (
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"slipway/internal/yamlfile"
)

const variablePattern = `^[A-Za-z_][A-Za-z0-9_]*$`

var (
	variableRule = regexp.MustCompile(variablePattern)
	// secretRule tells names whose values have no business in a template, which anybody may read who may see the stack.
	secretRule = regexp.MustCompile(`(?i)(PASSWORD|SECRET|TOKEN|PRIVATE_?KEY|API_?KEY|ACCESS_?KEY)$`)
)

// variables reads a container's environment variables, in the order of the file.
func (r *reader) variables(o object) []Variable {
	f, given := o.Field("environment")
	if !given {
		return nil
	}
	var variables []Variable
	for _, f := range r.Mapping(f.Value, o.Label("environment")).Fields {
		if problem := variableProblem(f.Key); problem != "" {
			r.Add(f.At, "environment variable %q %s", f.Key, problem)
			continue
		}
		if secretRule.MatchString(f.Key) {
			r.Add(f.At, "environment variable %q looks like a secret, and what stands here can be read in git, in the template and in the console; "+
				"put the value into Parameter Store or Secrets Manager and name it in service.secrets, such as %s: ssm:/shop/{environment}/%s",
				f.Key, f.Key, strings.ToLower(f.Key))
			continue
		}
		value, ok := scalar(f.Value)
		if !ok {
			r.Add(yamlfile.NodePosition(f.Value), "environment variable %s is %s; it must be a text, a number or true or false (\"\" for an empty text)", f.Key, yamlfile.Describe(f.Value))
			continue
		}
		if r.carried(yamlfile.NodePosition(f.Value), "environment variable "+f.Key, value) {
			variables = append(variables, Variable{Name: f.Key, Value: value})
		}
	}
	return variables
}

// carried says whether a template can carry the text as it is.
func (r *reader) carried(at position, what, text string) bool {
	if i := strings.IndexFunc(text, unwritable); i >= 0 {
		r.Add(at, "%s holds the control character %#02x; leave it out", what, text[i])
		return false
	}
	if strings.Contains(text, "{{resolve:") {
		r.Add(at, "%s holds {{resolve:...}}, which CloudFormation would replace; name a secret in service.secrets, and let other text not look so", what)
		return false
	}
	return true
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
		return yamlfile.TextOf(node)
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
