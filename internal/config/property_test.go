package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/yamlfile"
)

func TestLoadMissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slipway.yaml")
	_, err := Load(path)
	if err == nil || !strings.HasPrefix(err.Error(), path+": there is no such file") {
		t.Errorf("Load of a missing file: %v", err)
	}
}

func TestLoadUnreadableFile(t *testing.T) {
	if _, err := Load(t.TempDir()); err == nil || !strings.HasPrefix(err.Error(), "read the configuration: ") {
		t.Errorf("Load of a directory: %v", err)
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slipway.yaml")
	if err := os.WriteFile(path, []byte("name: S\nenvironments: [{name: prod}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.HasPrefix(err.Error(), path+":1:7: name is \"S\"") {
		t.Errorf("Load: %v", err)
	}
}

func TestParseFillsInDefaults(t *testing.T) {
	text := "name: shop\nservice: {cpu: 1024}\nenvironments: [{name: test, tasks: {min: 3}}, {name: prod}]\n"
	got, err := Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	network := Network{CIDR: netip.MustParsePrefix(DefaultCIDR), Zones: DefaultZones, NAT: DefaultNAT}
	entry := Entry{RateLimit: DefaultRateLimit, IdleTimeout: DefaultIdleTimeout}
	watch := Watch{Alarms: true, Latency: DefaultLatency, Dashboard: true}
	want := Config{
		Name: "shop",
		Service: Service{Port: DefaultPort, CPU: 1024, Memory: 2048, Architecture: DefaultArchitecture, HealthPath: DefaultHealthPath,
			HealthInterval: DefaultHealthInterval, HealthGrace: DefaultHealthGrace, StopTimeout: DefaultStopTimeout, Drain: DefaultDrain,
			ReadOnlyRoot: true, User: DefaultUser},
		Environments: []Environment{
			{Name: "test", Tasks: Tasks{Min: 3, Max: 3}, Network: network, Entry: entry, Watch: watch},
			{Name: "prod", Tasks: Tasks{Min: DefaultMinTasks, Max: DefaultMinTasks}, Network: network, Entry: entry, Watch: watch},
		},
		Pipeline: Pipeline{Environment: "prod", Checks: DefaultChecks, Scope: DefaultScope, Mode: DefaultMode},
		Security: Security{Severity: High, Licences: StandardLicences()},
	}
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
}

// A variable's value is the text that stands in the file, whatever YAML would make of it.
func TestParseKeepsVariablesAsWritten(t *testing.T) {
	text := service("environment:", "  INT: 3", "  FLOAT: 1.50", "  BOOL: true", "  UPPER: FALSE", "  OCTAL: 007", "  HEX: 0x1F", "  YES: yes",
		"  DATE: 2026-01-01", "  QUOTED: \"a\\tb\"", "  SINGLE: 'it''s'", "  EMPTY: \"\"", "  INF: .inf", "  EXP: 1e3", "  BIG: 99999999999999999999",
		"  HASH: a#b", "  COMMENT: a # b", "  URL: http://x:1/y?z", "  BLOCK: |", "    one", "    two", "  NULLISH: nullable", "  CAPACITY: 1_000")
	cfg, err := Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []Variable{{"INT", "3"}, {"FLOAT", "1.50"}, {"BOOL", "true"}, {"UPPER", "FALSE"}, {"OCTAL", "007"}, {"HEX", "0x1F"}, {"YES", "yes"},
		{"DATE", "2026-01-01"}, {"QUOTED", "a\tb"}, {"SINGLE", "it's"}, {"EMPTY", ""}, {"INF", ".inf"}, {"EXP", "1e3"}, {"BIG", "99999999999999999999"},
		{"HASH", "a#b"}, {"COMMENT", "a"}, {"URL", "http://x:1/y?z"}, {"BLOCK", "one\ntwo\n"}, {"NULLISH", "nullable"}, {"CAPACITY", "1_000"}}
	if diff := cmp.Diff(want, cfg.Service.Environment); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
}

func TestEveryFargateSize(t *testing.T) {
	sizes := map[int][]int{256: {512, 1024, 2048}}
	for _, row := range [][4]int{{512, 1024, 4096, 1024}, {1024, 2048, 8192, 1024}, {2048, 4096, 16384, 1024}, {4096, 8192, 30720, 1024},
		{8192, 16384, 61440, 4096}, {16384, 32768, 122880, 8192}} {
		for memory := row[1]; memory <= row[2]; memory += row[3] {
			sizes[row[0]] = append(sizes[row[0]], memory)
		}
	}
	for cpu, memories := range sizes {
		allowed := map[int]bool{}
		for _, memory := range memories {
			allowed[memory] = true
		}
		for memory := 512; memory <= 122880; memory += 512 {
			_, err := Parse("f", []byte(service(fmt.Sprintf("cpu: %d", cpu), fmt.Sprintf("memory: %d", memory))))
			if (err == nil) != allowed[memory] {
				t.Errorf("cpu %d with memory %d: %v", cpu, memory, err)
			}
		}
	}
}

// No text makes Parse panic, and what it refuses it refuses with a place in the file.
func FuzzParse(f *testing.F) {
	committed, err := os.ReadFile("../../slipway.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(committed))
	for _, seed := range []string{"", "a: [", "a: &x 1\nb: *x\n<<: *x", "? [a]\n: b", "a: !!str |\n  x", "name: x\n---\n", "%YAML 1.2\n---\na: 1", "\ufeffname: a",
		service("environment: {A: 1}"), environment("tasks: {min: 1}", "network: {cidr: 10.0.0.0/24}")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := Parse("f", []byte(text))
		if err == nil {
			return
		}
		for line := range strings.Lines(err.Error()) {
			var l, c int
			if n, _ := fmt.Sscanf(line, "f:%d:%d:", &l, &c); n != 2 || l < 1 || c < 1 {
				t.Errorf("no position in %q", line)
			}
		}
	})
}

func TestParseDeepNesting(t *testing.T) {
	// The parser's time grows with the square of the depth: a quarter of the size keeps the test quick.
	for _, piece := range []string{"[", "{", "- ", "a: {", "? ", "&a ", "!x ", "'", "- - ", "[a: ", "*a ", "| ", "a:\n "} {
		if _, err := Parse("f", []byte(strings.Repeat(piece, yamlfile.MaxSize/4/len(piece)))); err == nil {
			t.Errorf("Parse accepted a file full of %q", piece)
		}
	}
}
