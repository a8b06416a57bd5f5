package config

import (
	"regexp"
	"strings"
)

// statements reads what the application may do in AWS.
func (r *reader) statements(service object) []Statement {
	var statements []Statement
	for _, o := range r.items(service, "permissions", "") {
		s := Statement{Actions: r.unique(o, "actions", actionHint), Resources: r.unique(o, "resources", resourceHint)}
		r.escalation(o, s)
		r.everything(o, s)
		statements = append(statements, s)
	}
	return statements
}

// escalation refuses what would let the application give itself other rights than these.
func (r *reader) escalation(o object, s Statement) {
	for _, action := range s.Actions {
		if service, _, _ := strings.Cut(action, ":"); service == "iam" || service == "organizations" || service == "account" {
			r.Add(o.ValueAt("actions"), "%s holds %q; who may change roles, policies or accounts can give itself every right, so an application may not", o.Label("actions"), action)
		}
	}
}

// everything refuses all resources for actions that are not named in full.
func (r *reader) everything(o object, s Statement) {
	for _, resource := range s.Resources {
		if resource != "*" {
			continue
		}
		for _, action := range s.Actions {
			if strings.Contains(action, "*") {
				r.Add(o.ValueAt("resources"), "%s is \"*\" for %q; on everything only actions are allowed that are named in full, since some know no resources (cloudwatch:PutMetricData)",
					o.Label("resources"), action)
			}
		}
	}
}

// actionHint says what is wrong with an action.
func actionHint(text string) string {
	switch {
	case text == "*" || text == "*:*":
		return "; an application that may do everything is one that whoever breaks in may do everything with"
	case !strings.Contains(text, ":"):
		return "; the service stands before a colon"
	default:
		return ""
	}
}

var (
	literalAccount = regexp.MustCompile(`^arn:[^:]*:[^:]*:[^:]*:[0-9]{12}:`)
	literalRegion  = regexp.MustCompile(`^arn:[^:]*:[^:]*:[a-z]{2}(-[a-z]+)+-[0-9]:`)
)

// resourceHint says what is wrong with a resource. Pseudo parameters hold colons of their own.
func resourceHint(text string) string {
	plain := strings.NewReplacer("${AWS::Partition}", "aws", "${AWS::Region}", "", "${AWS::AccountId}", "").Replace(text)
	switch {
	case literalAccount.MatchString(plain):
		return "; it names an account, which belongs in no template: write ${AWS::AccountId}"
	case literalRegion.MatchString(plain):
		return "; it names a Region, which belongs in no template: write ${AWS::Region}"
	case strings.HasPrefix(text, "arn:aws"):
		return "; it names a partition, which belongs in no template: write ${AWS::Partition}"
	case strings.Contains(text, EnvironmentPlaceholder):
		return "; " + EnvironmentPlaceholder + " is known in secrets only"
	case strings.Contains(plain, "${"):
		return "; of placeholders there are only ${AWS::Partition}, ${AWS::Region} and ${AWS::AccountId}"
	default:
		return ""
	}
}
