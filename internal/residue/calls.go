package residue

import (
	"maps"
	"slices"
)

// Calls are the actions that a proof may take, as IAM names them, sorted: one for each resource type that is asked for.
func Calls() []string {
	calls := map[string]bool{}
	for _, k := range kinds(services{}) {
		if k.call != "" {
			calls[k.call] = true
		}
	}
	return slices.Sorted(maps.Keys(calls))
}
