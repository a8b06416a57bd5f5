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
		Name: "slipway-demo",
		Service: Service{Port: 8080, CPU: 256, Memory: 512, Architecture: X86, HealthPath: "/healthz",
			HealthInterval: 10, HealthGrace: 60, StopTimeout: 30, Drain: 15, ReadOnlyRoot: true, User: "65532:65532"},
		Environments: []Environment{{
			Name:    "prod",
			Tasks:   Tasks{Min: 2, Max: 2},
			Network: Network{CIDR: netip.MustParsePrefix("10.0.0.0/16"), Zones: 2, NAT: NATNone},
			Entry:   Entry{RateLimit: 2000, IdleTimeout: 60},
			Watch:   Watch{Alarms: true, Latency: 1000, Dashboard: true},
		}},
		Pipeline: Pipeline{Environment: "prod", Checks: DefaultChecks, Scope: DefaultScope, Mode: DefaultMode},
		Security: Security{Severity: "high", Licences: []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}},
	}
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
}
