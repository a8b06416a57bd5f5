package config_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"slipway/internal/config"
	"slipway/internal/configtest"
)

// Random configurations are written where SLIPWAY_WRITE_TO says, as SLIPWAY_WRITE_COUNT folders with a slipway.yaml: that
// is how ./scripts/test.sh templates lints and scans what gen makes of them. Each run writes the same ones. Two
// environments show all that ten would.
func TestRandomConfigurationsAreWritten(t *testing.T) {
	dir, count := os.Getenv("SLIPWAY_WRITE_TO"), 1
	if dir == "" {
		dir = t.TempDir()
	}
	if text := os.Getenv("SLIPWAY_WRITE_COUNT"); text != "" {
		var err error
		if count, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for seed := range count {
		cfg := configtest.Few(configtest.Configs().Example(seed), 2)
		folder := filepath.Join(dir, fmt.Sprint(seed))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, config.File)
		if err := os.WriteFile(path, []byte(configtest.Write(cfg, false)), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(path); err != nil {
			t.Error(err)
		}
	}
}

// Whatever valid configuration is written down, in block or flow style, is the one that is read.
func TestParseReadsWhatWasMeant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := configtest.Configs().Draw(t, "config")
		text := configtest.Write(want, rapid.Bool().Draw(t, "flow"))
		got, err := config.Parse("f", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
			t.Fatalf("(-want +got):\n%s\n%s", diff, text)
		}
	})
}

// One thing broken in a valid file is refused, with the line of what was broken.
func TestParseRefusesWhatIsBroken(t *testing.T) {
	keyed := regexp.MustCompile(`^( *(?:- )?)([A-Za-z0-9_]+): .*$`)
	rapid.Check(t, func(t *rapid.T) {
		lines := strings.Split(configtest.Write(configtest.Configs().Draw(t, "config"), false), "\n")
		var places []int
		for i, line := range lines {
			if keyed.MatchString(line) {
				places = append(places, i)
			}
		}
		i := rapid.SampledFrom(places).Draw(t, "place")
		parts := keyed.FindStringSubmatch(lines[i])
		indent := strings.Repeat(" ", len(parts[1]))
		var broken int // the line that is wrong then
		switch rapid.SampledFrom([]string{"nested", "anchor", "unknown", "twice"}).Draw(t, "fault") {
		case "nested":
			lines[i], broken = parts[1]+parts[2]+": [[]]", i
		case "anchor":
			lines[i], broken = parts[1]+parts[2]+": &a 1", i
		case "unknown":
			lines, broken = slices.Insert(lines, i+1, indent+"no-such-key: 1"), i+1
		case "twice":
			lines, broken = slices.Insert(lines, i+1, indent+parts[2]+": 1"), i+1
		}
		text := strings.Join(lines, "\n")
		_, err := config.Parse("f", []byte(text))
		if err == nil || !strings.Contains("\n"+err.Error(), fmt.Sprintf("\nf:%d:", broken+1)) {
			t.Fatalf("%v, and not in line %d of\n%s", err, broken+1, text)
		}
	})
}
