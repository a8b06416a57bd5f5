package cost

import (
	"fmt"
	"math"
	"net/netip"
	"testing"
	"testing/fstest"

	"slipway/internal/config"
	"slipway/internal/stacks"
)

// application is the committed slipway.yaml's, changed as a test wants it.
func application(change func(*config.Config)) config.Config {
	env := config.Environment{Name: "prod", Tasks: config.Tasks{Min: 2, Max: 2},
		Entry:   config.Entry{RateLimit: config.DefaultRateLimit, IdleTimeout: config.DefaultIdleTimeout},
		Watch:   config.Watch{Alarms: true, Latency: config.DefaultLatency, Dashboard: true},
		Network: config.Network{CIDR: netip.MustParsePrefix("10.0.0.0/16"), Zones: 2, NAT: config.NATNone}}
	cfg := config.Config{Name: "shop",
		Service: config.Service{Port: 8080, CPU: 256, Memory: 512, Architecture: config.X86, HealthPath: "/healthz",
			HealthInterval: config.DefaultHealthInterval, HealthGrace: config.DefaultHealthGrace, StopTimeout: config.DefaultStopTimeout,
			Drain: config.DefaultDrain, ReadOnlyRoot: true, User: config.DefaultUser},
		Environments: []config.Environment{env}, Pipeline: config.Pipeline{Environment: "prod", Checks: config.DefaultChecks, Scope: config.DefaultScope, Mode: config.DefaultMode}}
	if change != nil {
		change(&cfg)
	}
	return cfg
}

// rendered are the templates of a configuration.
func rendered(t *testing.T, cfg config.Config) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for _, file := range stacks.All(cfg) {
		text, err := file.Template.Render("test")
		if err != nil {
			t.Fatalf("%s: %v", file.Path, err)
		}
		files[file.Path] = &fstest.MapFile{Data: text}
	}
	return files
}

func report(t *testing.T, cfg config.Config, region string) Report {
	t.Helper()
	var names []string
	for _, env := range cfg.Environments {
		names = append(names, env.Name)
	}
	r, err := Read(rendered(t, cfg), names, region)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func cents(v float64) string { return fmt.Sprintf("%.2f", math.Round(v*100)/100) }

// The totals are worked out by hand, from the prices of docs/cost.md. Alarms and the dashboard stay within what an
// account has for nothing.
func TestGoldenTotals(t *testing.T) {
	one := func(c *config.Config) { c.Environments[0].Network.NAT = config.NATOne }
	for _, c := range []struct {
		name, region string
		change       func(*config.Config)
		low, high    string
	}{
		// Load balancer 730 x 0.0225 = 16.425, its two addresses 2 x 730 x 0.005 = 7.30,
		// two tasks 2 x 0.25 x 730 x 0.04048 = 14.7752 and 2 x 0.5 x 730 x 0.004445 = 3.24485, their addresses 7.30.
		{"default", virginia, nil, "49.05", "49.05"},
		// 730 x 0.027 = 19.71, 7.30, 365 x 0.04656 = 16.9944, 730 x 0.00511 = 3.7303, 7.30.
		{"default", frankfurt, nil, "55.03", "55.03"},
		// 730 x 0.0243 = 17.739, 7.30, 365 x 0.05056 = 18.4544, 730 x 0.00553 = 4.0369, 7.30.
		{"default", tokyo, nil, "54.83", "54.83"},
		// 730 x 0.0252 = 18.396, 7.30, 14.7752, 3.24485, 7.30.
		{"default", ireland, nil, "51.02", "51.02"},
		{"default", oregon, nil, "49.05", "49.05"},
		// A Region without a table costs what us-east-1 does.
		{"default", "sa-east-1", nil, "49.05", "49.05"},
		// 16.425 + 7.30 + 14.7752 + 3.24485, gateway 730 x 0.045 = 32.85, its address 3.65; the tasks have none.
		{"one NAT", virginia, one, "78.25", "78.25"},
		// 19.71 + 7.30 + 16.9944 + 3.7303, 730 x 0.052 = 37.96, 3.65.
		{"one NAT", frankfurt, one, "89.34", "89.34"},
		// One more gateway and address: 78.24505 + 32.85 + 3.65.
		{"NAT a zone", virginia, func(c *config.Config) { c.Environments[0].Network.NAT = config.NATPerZone }, "114.75", "114.75"},
		// 16.425 + 7.30, 365 x 0.03238 = 11.8187, 730 x 0.00356 = 2.5988, 7.30.
		{"ARM", virginia, func(c *config.Config) { c.Service.Architecture = config.ARM64 }, "45.44", "45.44"},
		// 19.71 + 7.30, 365 x 0.03725 = 13.59625, 730 x 0.00409 = 2.9857, 7.30.
		{"ARM", frankfurt, func(c *config.Config) { c.Service.Architecture = config.ARM64 }, "50.89", "50.89"},
		// At most ten tasks: 16.425 + 7.30 + 5 x (14.7752 + 3.24485 + 7.30). Nine metrics of seven alarms and the two alarms of
		// scaling are one more than the ten that are free: 0.10.
		{"scaling", virginia, func(c *config.Config) {
			c.Environments[0].Tasks = config.Tasks{Min: 2, Max: 10, ScaleOnCPU: config.DefaultScaleOnCPU}
		}, "49.15", "150.43"},
		// 16.425 + 7.30 + 14.7752 + 3.24485, three endpoints in two zones 6 x 730 x 0.01 = 43.80; neither gateway nor addresses of tasks.
		{"endpoints", virginia, endpoints, "85.55", "85.55"},
		// 19.71 + 7.30 + 16.9944 + 3.7303, 6 x 730 x 0.012 = 52.56.
		{"endpoints", frankfurt, endpoints, "100.29", "100.29"},
		// 16.425 + 14.7752 + 3.24485 and the tasks' 7.30: an internal load balancer has no public addresses.
		{"internal", virginia, func(c *config.Config) { c.Environments[0].Entry.Internal = true }, "41.75", "41.75"},
		// In a VPC that exists: 16.425 + 7.30 + 14.7752 + 3.24485. Its gateway and endpoints are paid already.
		{"existing VPC", virginia, existing, "41.75", "41.75"},
		// 49.04505, a web ACL 5 and its four rules 4 x 1.
		{"firewall", virginia, firewall, "58.05", "58.05"},
		// Three zones: an address of the load balancer more, 3.65.
		{"three zones", virginia, func(c *config.Config) { c.Environments[0].Network.Zones = 3 }, "52.70", "52.70"},
	} {
		t.Run(c.name+" in "+c.region, func(t *testing.T) {
			r := report(t, application(c.change), c.region)
			low, high := r.Total("prod")
			if cents(low) != c.low || cents(high) != c.high {
				var text printed
				_ = r.Text(&text)
				t.Errorf("%s to %s, want %s to %s:\n%s", cents(low), cents(high), c.low, c.high, text)
			}
		})
	}
}

func endpoints(c *config.Config) { c.Environments[0].Network.Endpoints = true }

func firewall(c *config.Config) { c.Environments[0].Entry.WAF = true }

// existing has the load balancer in two public subnets of somebody's VPC, and the tasks in two private ones.
func existing(c *config.Config) {
	c.Environments[0].Network = config.Network{CIDR: netip.MustParsePrefix("10.0.0.0/16"), VPC: "vpc-0123456789abcdef0",
		PublicSubnets: []string{"subnet-1", "subnet-2"}, PrivateSubnets: []string{"subnet-3", "subnet-4"}}
}

type printed []byte

func (p *printed) Write(b []byte) (int, error) { *p = append(*p, b...); return len(b), nil }

// No type of the templates may be forgotten.
func TestEveryTypeIsKnown(t *testing.T) {
	for _, change := range []func(*config.Config){nil, everything} {
		if r := report(t, application(change), virginia); len(r.unpriced) > 0 {
			t.Errorf("internal/cost knows nothing of %v: say in kinds what they cost", r.unpriced)
		}
	}
}

// everything turns on what makes resources of its own.
func everything(c *config.Config) {
	c.Service.Storage, c.Service.Exec = 40, true
	env := &c.Environments[0]
	env.Tasks = config.Tasks{Min: 2, Max: 10, ScaleOnCPU: 60, ScaleOnMemory: 60, ScaleOnRequests: 1000, Spot: 50,
		Schedule: []config.Schedule{{At: "cron(0 22 * * ? *)", Timezone: "Europe/Berlin", Min: 1, Max: 2}}}
	env.Network.NAT, env.Network.Endpoints, env.Network.FlowLogs = config.NATOne, true, true
	env.Entry.Domain, env.Entry.HostedZone = "shop.example.com", "Z0123456789"
	env.Entry.AccessLogs, env.Entry.WAF = true, true
	env.Watch.Email, env.Watch.Insights = "team@example.com", true
}
