package config

import (
	"fmt"
	"strings"

	"slipway/internal/suggest"
)

// unknownKeyHelp says what to do about a key that is not known where it stands.
func unknownKeyHelp(key, name string, keys []string) string {
	if reason := notHere(key); reason != "" {
		return reason
	}
	if home := homeOf(key); home != name && home != "" {
		return fmt.Sprintf("%s belongs in %s", key, home)
	}
	allowed := "allowed are " + strings.Join(keys, ", ")
	if near := suggest.Nearest(key, keys); near != "" {
		return fmt.Sprintf("did you mean %s? (%s)", near, allowed)
	}
	return allowed
}

// notHere explains the keys that people look for in such a file and that slipway.yaml does not have.
func notHere(key string) string {
	switch strings.ToLower(key) {
	case "region":
		return "the Region is not in this file: it comes from --region, AWS_REGION or the profile"
	case "account", "accountid":
		return "the account is not in this file: it is that of the credentials, from --profile or the environment variables"
	case "profile":
		return "the profile is not in this file: it comes from --profile or AWS_PROFILE"
	case "services":
		return "more than one service an application is not planned: use a slipway.yaml with its own name for each"
	case "launchtype", "ec2", "instancetype":
		return "tasks run on Fargate; EC2 capacity is not planned"
	case "windows", "os", "operatingsystem", "operatingsystemfamily":
		return "tasks run on Linux; Windows is not planned"
	case "image", "dockerfile":
		return "the image is built from the Dockerfile in the root of the repository"
	case "count", "replicas", "desiredcount":
		return "how many tasks run is said in environments.tasks, by min and max"
	case "env", "variables":
		return "variables stand in environment"
	case "volumes", "mountpoints", "efs":
		return "volumes are not planned; service.storage sets the size of the task's own"
	default:
		return ""
	}
}

// homeOf names the mapping that has this key, where it is only one, or one and others inside it.
func homeOf(name string) string {
	var home string
	for _, k := range keys {
		switch {
		case k.name() != name:
		case home == "":
			home = k.parent()
		case !strings.HasPrefix(k.path, home+"."):
			return ""
		}
	}
	return home
}
