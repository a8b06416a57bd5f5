package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
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
		cfg := configurations().Example(seed)
		cfg.Environments = cfg.Environments[:min(2, len(cfg.Environments))]
		cfg.Pipeline.Environment = cfg.Environments[0].Name
		folder := filepath.Join(dir, fmt.Sprint(seed))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, File)
		if err := os.WriteFile(path, []byte(write(cfg, false)), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err != nil {
			t.Error(err)
		}
	}
}
