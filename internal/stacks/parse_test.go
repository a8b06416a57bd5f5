package stacks

import (
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"gopkg.in/yaml.v3"

	"slipway/internal/config"
)

// template is a rendered template, read back with short intrinsics as one-key maps ("!Ref X" is {"Ref": "X"}).
type template struct {
	text       string
	Parameters map[string]any
	Resources  map[string]any
	Outputs    map[string]any
}

// renderings keeps what rendered has read, since most tests look at every variant: a third of their time was spent on reading
// the same again.
var renderings sync.Map

// rendered renders every template of a configuration and reads it back. The caller changes nothing of it.
func rendered(t *testing.T, cfg config.Config) map[string]template {
	t.Helper()
	key := fmt.Sprintf("%#v", cfg)
	if all, kept := renderings.Load(key); kept {
		return all.(map[string]template)
	}
	all := map[string]template{}
	for _, file := range All(cfg) {
		text, err := file.Template.Render("test")
		if err != nil {
			t.Fatalf("%s: %v", file.Path, err)
		}
		var node yaml.Node
		if err := yaml.Unmarshal(text, &node); err != nil {
			t.Fatalf("%s: %v", file.Path, err)
		}
		root := plain(t, node.Content[0]).(map[string]any)
		section := func(name string) map[string]any { m, _ := root[name].(map[string]any); return m }
		all[file.Path] = template{string(text), section("Parameters"), section("Resources"), section("Outputs")}
	}
	renderings.Store(key, all)
	return all
}

func plain(t *testing.T, n *yaml.Node) any {
	t.Helper()
	if short, ok := strings.CutPrefix(n.Tag, "!"); ok && !strings.HasPrefix(short, "!") {
		bare := *n
		bare.Tag = ""
		value := plain(t, &bare)
		if parts := list(value); short == "Sub" && len(parts) == 2 && parts[0] == "${Text}" { // a text as it stands
			return at(t, parts[1], "Text")
		}
		return map[string]any{short: value}
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(t, n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			list = append(list, plain(t, c))
		}
		return list
	}
	var v any
	if err := n.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// at walks into maps by key and lists by index.
func at(t *testing.T, v any, path ...any) any {
	t.Helper()
	for i, step := range path {
		switch s := step.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok || m[s] == nil {
				t.Fatalf("nothing at %v", path[:i+1])
			}
			v = m[s]
		case int:
			list, ok := v.([]any)
			if !ok || len(list) <= s {
				t.Fatalf("nothing at %v", path[:i+1])
			}
			v = list[s]
		}
	}
	return v
}

// walk visits every value below v with its path.
func walk(path string, v any, visit func(path string, v any)) {
	visit(path, v)
	switch x := v.(type) {
	case map[string]any:
		for key, item := range x {
			walk(path+"."+key, item, visit)
		}
	case []any:
		for i, item := range x {
			walk(fmt.Sprintf("%s[%d]", path, i), item, visit)
		}
	}
}

// standard is the committed slipway.yaml's shape.
func standard() config.Config {
	return config.Config{
		Name: "shop",
		Service: config.Service{Port: 8080, CPU: 256, Memory: 512, Architecture: config.X86, HealthPath: "/healthz",
			HealthInterval: config.DefaultHealthInterval, HealthGrace: config.DefaultHealthGrace, StopTimeout: config.DefaultStopTimeout,
			Drain: config.DefaultDrain, ReadOnlyRoot: true, User: config.DefaultUser,
			Environment: []config.Variable{{Name: "GREETING", Value: "yes: no # 1"}}},
		Environments: []config.Environment{environment("prod", 2, 2, 2, config.NATNone)},
		Pipeline:     config.Pipeline{Environment: "prod", Checks: config.DefaultChecks, Scope: config.DefaultScope, Mode: config.DefaultMode},
	}
}

func environment(name string, low, high, zones int, nat config.NAT) config.Environment {
	tasks := config.Tasks{Min: low, Max: high}
	if tasks.Scales() {
		tasks.ScaleOnCPU = config.DefaultScaleOnCPU
	}
	return config.Environment{Name: name, Tasks: tasks,
		Entry:   config.Entry{RateLimit: config.DefaultRateLimit, IdleTimeout: config.DefaultIdleTimeout},
		Watch:   config.Watch{Alarms: true, Latency: config.DefaultLatency, Dashboard: true},
		Network: config.Network{CIDR: netip.MustParsePrefix("10.0.0.0/16"), Zones: zones, NAT: nat}}
}

// variants are configurations whose templates differ in shape.
func variants() map[string]config.Config {
	several := standard()
	several.Environments = []config.Environment{environment("dev", 1, 1, 2, config.NATNone), environment("stage", 1, 4, 2, config.NATOne), environment("prod", 2, 10, 3, config.NATPerZone)}
	several.Environments[2].Approval = true
	elsewhere := several
	elsewhere.Pipeline.Environment = "dev"
	arm := standard()
	arm.Service.Architecture, arm.Service.Port, arm.Service.Environment = config.ARM64, 3000, nil
	long := standard()
	long.Name = strings.Repeat("x", 32)
	for i := range 10 {
		e := environment(fmt.Sprintf("environment%05d", i), 1, 2, 3, config.NATPerZone)
		long.Environments = append(long.Environments, e)
	}
	all := map[string]config.Config{"standard": standard(), "several": several, "pipeline elsewhere": elsewhere, "arm": arm, "as large as allowed": long}
	maps.Copy(all, networkVariants())
	maps.Copy(all, entryVariants())
	maps.Copy(all, serviceVariants())
	maps.Copy(all, watchVariants())
	maps.Copy(all, securityVariants())
	maps.Copy(all, pipelineVariants())
	return all
}
