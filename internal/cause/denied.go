package cause

import (
	"fmt"
	"regexp"
	"strings"
)

// denied takes a refusal apart. The form is that of docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html;
// services leave out parts of it.
var (
	deniedWho    = regexp.MustCompile(`User: (arn:\S+) is not authorized to perform`)
	deniedAction = regexp.MustCompile(`(?:not authorized to perform: |^API: |[ "]API: )([a-z0-9-]+:[A-Za-z0-9]+)`)
	deniedOn     = regexp.MustCompile(`on resource: (\S+)`)
	deniedBy     = regexp.MustCompile(`because no ([a-z ()-]+?)(?: policy)? allows|with an explicit deny in an? ([a-z ()-]+?)(?: policy)?(?:[^a-z -]|$)`)
)

// denial says which right is missing, to whom, on what, and which kind of policy withholds it, as far as the words tell.
func denial(_ []Signal, s Signal) string {
	var parts []string
	if action := group(deniedAction, s.Text); action != "" {
		parts = append(parts, "right "+action)
	}
	if who := group(deniedWho, s.Text); who != "" {
		parts = append(parts, "of "+principal(who))
	}
	if on := strings.Trim(group(deniedOn, s.Text), `".,`); on != "" {
		parts = append(parts, "on "+on)
	}
	text := strings.Join(parts, " ")
	if by := deniedBy.FindStringSubmatch(s.Text); by != nil {
		text += fmt.Sprintf("; %s", withheld(by[1], by[2]))
	}
	return strings.TrimPrefix(text, "; ")
}

// withheld says which policy is in the way: one that does not allow, or one that denies.
func withheld(silent, denying string) string {
	kind := map[string]string{
		"identity-based": "policy of its own", "permissions boundary": "permissions boundary", "service control": "service control policy of the organization",
		"resource control": "resource control policy of the organization", "session": "session policy", "resource-based": "policy of the resource",
		"vpc endpoint": "policy of the VPC endpoint",
	}
	name := func(text string) string {
		if known := kind[strings.ToLower(text)]; known != "" {
			return known
		}
		return text + " policy"
	}
	if denying != "" {
		return "denied by a " + name(denying)
	}
	return "allowed by no " + name(silent)
}

// principal shortens the ARN of a role's session or of a user to what one looks for in IAM.
func principal(arn string) string {
	resource := arn[strings.LastIndex(arn, ":")+1:]
	kind, name, _ := strings.Cut(resource, "/")
	switch kind {
	case "assumed-role":
		role, _, _ := strings.Cut(name, "/")
		return "role " + role
	case "user", "role":
		return kind + " " + name
	}
	return arn
}

func group(pattern *regexp.Regexp, text string) string {
	if found := pattern.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}
