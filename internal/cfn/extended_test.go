package cfn_test

import (
	"testing"

	"github.com/awslabs/goformation/v7/cloudformation/ecs"
	"github.com/google/go-cmp/cmp"

	"slipway/internal/cfn"
)

// TestExtended says with Extended what ecs.Service cannot.
func TestExtended(t *testing.T) {
	template := cfn.New("Extended")
	weight := template.Parameter(cfn.Parameter{Name: "Weight", Description: "Tasks", Type: "Number"})
	service := &ecs.Service{
		Cluster:                    new("shop"),
		LoadBalancers:              []ecs.Service_LoadBalancer{{ContainerName: new("web"), ContainerPort: new(80)}},
		PlacementStrategies:        []ecs.Service_PlacementStrategy{{}}, // Type is required and left empty
		AWSCloudFormationDependsOn: []string{"Rule"},
	}
	template.Add("Rule", &ecs.Cluster{})
	template.Add("Service", &cfn.Extended{
		Base: cfn.Extended{
			Base: service,
			Properties: map[string]any{
				"DesiredCount":            weight,
				"AvailabilityZoneBalance": "ENABLED",
				"PlacementStrategies":     []any{map[string]any{"Type": "spread"}, map[string]any{"Type": "random"}},
				"LoadBalancers":           []any{map[string]any{"AdvancedConfiguration": map[string]any{"ProductionListenerRule": "x"}}},
			},
		},
		Properties: struct {
			LoadBalancers []any
			Cluster       *string
		}{[]any{map[string]any{"ContainerPort": 8080}}, nil},
		Attributes: map[string]any{
			"UpdatePolicy": map[string]any{"UseOnlineResharding": true},
			"Metadata":     map[string]any{"note": ""},
		},
	})
	out, err := template.Render("")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "extended.yaml", out)
	again, err := template.Render("")
	if diff := cmp.Diff(string(out), string(again)); diff != "" || err != nil {
		t.Errorf("Render changed the template: %v\n%s", err, diff)
	}
}
