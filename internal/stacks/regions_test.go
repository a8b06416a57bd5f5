package stacks

import (
	"slices"
	"testing"

	"slipway/internal/regions"
	"slipway/internal/residue"
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

// What cannot be asked for when a stack has been deleted cannot be proven gone.
func TestEveryTypeCanBeProvenGone(t *testing.T) {
	known := residue.Types()
	for name, cfg := range variants() {
		for path, template := range rendered(t, cfg) {
			for _, kind := range regions.Types([]byte(template.text)) {
				if !slices.Contains(known, kind) {
					t.Errorf("%s, %s: destroy could not prove that %s is gone: give it a kind in internal/residue", name, path, kind)
				}
			}
		}
	}
}
