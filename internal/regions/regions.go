// Package regions says which resource types exist in which Region. Its table, regions.json, is made by
// scripts/dev/regions.py of cfn-lint's lists and of AWS's documents, and is dated.
package regions

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
)

//go:embed regions.json
var file []byte

// Table is what is known of every Region.
type Table struct {
	Source  string              // whose lists these are, and of what day
	Regions []string            // all that there is data of
	Without map[string][]string // the Regions that lack a resource type; every type that slipway may use is a key

	// FargateZones are the ids of the only zones with Fargate, in Regions where not all have it.
	FargateZones map[string][]string
}

// Load reads the table.
func Load() (Table, error) {
	var t Table
	if err := json.Unmarshal(file, &t); err != nil {
		return t, fmt.Errorf("read the table of Regions: %w", err)
	}
	return t, nil
}

// Missing are those of the types that the Region lacks. A type that is not in the table is missing everywhere: nobody
// has looked where it exists. So is every type in a Region that is not in it.
func (t Table) Missing(region string, types []string) []string {
	known := slices.Contains(t.Regions, region)
	return slices.DeleteFunc(slices.Clone(types), func(kind string) bool {
		without, listed := t.Without[kind]
		return known && listed && !slices.Contains(without, region)
	})
}

// Having are the Regions that lack none of the types.
func (t Table) Having(types []string) []string {
	return slices.DeleteFunc(slices.Clone(t.Regions), func(region string) bool { return len(t.Missing(region, types)) > 0 })
}

// typeLine is how gen writes a resource's type. A parameter's type has either one word or four.
var typeLine = regexp.MustCompile(`(?m)^    Type: (AWS::\w+::\w+)$`)

// Types are the resource types in the text of templates as gen writes them, sorted.
func Types(templates ...[]byte) []string {
	var types []string
	for _, text := range templates {
		for _, match := range typeLine.FindAllSubmatch(text, -1) {
			types = append(types, string(match[1]))
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}
