package stacks

import (
	"testing"

	"slipway/internal/regions"
)

// Nobody can say where a type exists that the table does not have: a launch would be refused everywhere.
func TestTableOfRegionsHasEveryType(t *testing.T) {
	table, err := regions.Load()
	if err != nil {
		t.Fatal(err)
	}
	for name, cfg := range variants() {
		for path, template := range rendered(t, cfg) {
			for _, kind := range regions.Types([]byte(template.text)) {
				if _, ok := table.Without[kind]; !ok {
					t.Errorf("%s, %s: %s is not in the table of Regions: add it to TYPES in scripts/dev/regions.py and run that", name, path, kind)
				}
			}
		}
	}
}
