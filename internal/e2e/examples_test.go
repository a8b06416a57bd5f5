//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"slipway/internal/config"
)

// othersHave are the examples of which a short run has seen the options in others, or in the variants of internal/local.
var othersHave = []string{"private", "smallest", "spot"}

// TestExamples launches and destroys each of docs/examples as whoever copies it would: its slipway.yaml in the place of the
// repository's own, and nothing else changed; and so one that names all that others can have made.
func TestExamples(t *testing.T) {
	if !full() {
		t.Skip("the examples run with tasks as processes, and with --long here too")
	}
	besides(t)
	s := &system{workplace: newWorkplace(t)}
	s.shareInstallations(t)
	before := containers(t)
	t.Cleanup(func() { s.endAll(t) })
	s.env = s.environment(s.credentials(t)...)
	folders, err := filepath.Glob(filepath.Join(s.root, "docs/examples/*"))
	if err != nil || len(folders) < 5 {
		t.Fatalf("%d examples: %v", len(folders), err)
	}
	folders = append(folders, filepath.Join(s.root, "internal/e2e/testdata/named"))
	for _, folder := range folders {
		if _, err := os.Stat(filepath.Join(folder, "Dockerfile")); err == nil {
			continue // a service of somebody's own, which testOwnService launches
		}
		if !long() && slices.Contains(othersHave, filepath.Base(folder)) {
			continue
		}
		s.step(t, filepath.Base(folder), func(t *testing.T) { s.testExample(t, folder) })
	}
	s.step(t, "nothing is left", func(t *testing.T) { s.wantNothingLeft(t, before) })
}

func (s *system) testExample(t *testing.T, folder string) {
	text, err := os.ReadFile(filepath.Join(folder, config.File))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Parse(config.File, text)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, config.File, string(text))
	s.generate(t)
	s.wantExample(t, cfg, s.deploy(t))
	again := s.run(t, s.env, "deploy.sh", "--local", "--yes")
	again.wantCode(t, 0)
	again.wantSaid(t, "no changes")
	end := []string{"--local", "--yes"}
	for _, env := range cfg.Environments {
		if env.Protected {
			refused := s.run(t, s.env, "destroy.sh", end...)
			refused.wantCode(t, 1)
			refused.wantSaid(t, "environment "+env.Name+" is protected", "--protected "+env.Name)
			end = append(end, "--protected", env.Name)
		}
	}
	destroyed := s.run(t, s.env, "destroy.sh", end...)
	destroyed.wantCode(t, 0)
	destroyed.wantSaid(t, `gone: \d+ of \d+ resources`)
}

// wantExample wants of each environment what its own slipway.yaml says of how it is reached.
func (s *system) wantExample(t *testing.T, cfg config.Config, launched outcome) {
	t.Helper()
	for _, env := range cfg.Environments {
		accepted := `http://localhost:\d+ answers, from all \d+ tasks`
		switch {
		case env.Entry.Behind():
			accepted = `each of the \d+ tasks of https?://\S+ answers`
		case env.Entry.HTTPS():
			accepted = "https://" + regexp.QuoteMeta(env.Entry.Domain) + ` answers, from all \d+ tasks`
		}
		launched.wantSaid(t, accepted)
		if !strings.Contains(launched.stdout, "Environment="+env.Name+"\n") {
			t.Errorf("no output for environment %s:\n%s", env.Name, launched.stdout)
		}
	}
}

// generate writes the templates that slipway.yaml asks for, as part of the source.
func (w workplace) generate(t *testing.T) {
	t.Helper()
	gen := exec.CommandContext(t.Context(), "go", "run", "./gen")
	gen.Dir, gen.Env = w.root, w.environment()
	if out, err := gen.CombinedOutput(); err != nil {
		t.Fatalf("go run ./gen: %v\n%s", err, out)
	}
	git(t, w.root, "add", "--all")
}
