package config

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var compare = cmp.Options{cmpopts.EquateComparable(netip.Prefix{})}

func TestLoadCommittedFile(t *testing.T) {
	got, err := Load("../../slipway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Name:    "slipway-demo",
		Service: Service{Port: 8080, CPU: 256, Memory: 512, Architecture: X86, HealthPath: "/healthz"},
		Environments: []Environment{{
			Name:    "prod",
			Tasks:   Tasks{Min: 2, Max: 2},
			Network: Network{CIDR: netip.MustParsePrefix("10.0.0.0/16"), Zones: 2, NAT: NATNone},
		}},
		Pipeline: Pipeline{Environment: "prod"},
	}
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
}
