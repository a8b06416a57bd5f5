//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
)

// TestRehearsal plays the rehearsal as a newcomer would: a cut of it, with --long the whole. Nothing is left of it, and the
// clone is as it was.
func TestRehearsal(t *testing.T) {
	w := newWorkplace(t)
	w.shareInstallations(t)
	before, status := containers(t), git(t, w.root, "status", "--porcelain")
	t.Cleanup(func() { w.endAll(t) })

	var flags []string
	if !long() {
		flags = []string{"--short"}
	}
	whole := w.run(t, w.environment(w.credentials(t)...), "rehearse.sh", flags...)
	whole.wantCode(t, 0)
	whole.wantPrinted(t, `Deploy-prod/Approve +Succeeded`, `the image action's sha256:[0-9a-f]{12} runs in dev, .*prod`, `gone: \d+ of \d+ resources`, `\d+ steps as expected, \d+ s`)
	report(t, "rehearsal: %.0f s", whole.took.Seconds())
	w.wantNothingLeft(t, before)

	if long() {
		w.testRehearsalEnded(t)
		w.wantNothingLeft(t, before)
	}
	if now := git(t, w.root, "status", "--porcelain"); now != status {
		t.Errorf("the clone was:\n%s\nand is now:\n%s", status, now)
	}
	if _, err := os.Stat(filepath.Join(w.root, ".slipway/local/engine.json")); err == nil {
		t.Error("the clone has an engine of its own")
	}
}

// testRehearsalEnded ends a rehearsal while its pipeline runs.
func (w workplace) testRehearsalEnded(t *testing.T) {
	s := w.start(t, w.environment(), "rehearse.sh", "--short")
	s.signalWhen(t, regexp.MustCompile(`Source/Source`), syscall.SIGTERM)
	if got := s.wait(t); got.code != 130 {
		t.Errorf("exit code %d, want 130:\n%s", got.code, got.stdout)
	}
}
