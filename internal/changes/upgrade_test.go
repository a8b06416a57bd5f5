package changes

import (
	"os"
	"slices"
	"testing"

	"slipway/internal/schema"
)

// The stacks that slipway's first templates made are updated by today's without the loss of anything: the templates are
// those that the end-to-end test launches and updates. They were made of the committed slipway.yaml.
func TestFirstTemplatesAreUpdated(t *testing.T) {
	first, err := Read(os.DirFS("../e2e/testdata/upgrade/first"))
	if err != nil {
		t.Fatal(err)
	}
	now, err := Read(os.DirFS("../../templates"))
	if err != nil {
		t.Fatal(err)
	}
	found, err := Between(first, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range found {
		if risk := riskOf(c, first, now); risk != "" {
			t.Errorf("%s: whoever updates loses %s", risk, c.Lost())
		}
	}
	for _, one := range []string{"foundation Bucket", "foundation Repository", "prod/network VPC", "prod/network PublicSubnetA", "prod/ecs LoadBalancer",
		"prod/ecs TargetGroup", "prod/ecs Cluster", "prod/ecs Service", "prod/ecs LogGroup", "prod/pipeline Pipeline"} {
		if !slices.Contains(lasting(first, found), one) {
			t.Errorf("%s is not what it was", one)
		}
	}
}

// lasting are the resources of a set that are the same ones after the changes.
func lasting(before Set, found []Change) []string {
	var all []string
	for _, stack := range union(before.Templates, before.Templates) {
		for id := range before.resources(stack) {
			gone := slices.ContainsFunc(found, func(c Change) bool {
				return c.Stack == stack && c.LogicalID == id && (c.Action == Remove || c.Replacement != schema.Never)
			})
			if !gone {
				all = append(all, stack+" "+id)
			}
		}
	}
	return all
}
