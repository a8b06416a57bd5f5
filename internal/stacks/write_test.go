package stacks

import (
	"os"
	"path/filepath"
	"testing"

	"slipway/internal/configtest"
)

// The templates of every variant are written where SLIPWAY_WRITE_TO says: that is how ./scripts/test.sh templates lints
// and scans them. Of many environments, which differ in little, two are enough.
func TestVariantsAreWritten(t *testing.T) {
	dir := os.Getenv("SLIPWAY_WRITE_TO")
	if dir == "" {
		dir = t.TempDir()
	}
	for name, cfg := range variants() {
		if len(cfg.Environments) > 3 {
			cfg = configtest.Few(cfg, 2)
		}
		for path, template := range rendered(t, cfg) {
			path = filepath.Join(dir, name, filepath.FromSlash(path))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(template.text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
