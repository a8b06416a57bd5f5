//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testOwnService is a team that brings a service in another language: its Dockerfile and slipway.yaml in place of ours, and
// nothing else is changed. Without Docker it is told what that takes.
func (s *system) testOwnService(t *testing.T) {
	for _, name := range []string{"Dockerfile", "app.py", "slipway.yaml"} {
		content, err := os.ReadFile(filepath.Join(s.root, "docs/examples/python", name))
		if err != nil {
			t.Fatal(err)
		}
		s.write(t, name, string(content))
	}
	s.generate(t)
	if os.Getenv("SLIPWAY_E2E_TASKS") == "process" {
		refused := s.run(t, s.env, "deploy.sh", "--local", "--yes")
		refused.wantCode(t, 1)
		refused.wantSaid(t, "Dockerfile is one of your own", "start a Docker engine", "service.build")
	} else if os.Getenv("SLIPWAY_E2E_PYTHON") != "" {
		s.launchOwnService(t)
	} else {
		t.Skip("launching docs/examples/python: its base image cannot be pulled; ./scripts/dev/python-image.sh builds a stand-in")
	}
	s.testDestroy(t)
}

func (s *system) launchOwnService(t *testing.T) {
	got := s.deploy(t)
	got.wantSaid(t, "answers as service.acceptance says, 2 times in a row")
	body, header, err := get(t.Context(), client(true), s.url+"/hello")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(body, `"hello": "from Python"`) || header.Get("Content-Type") != "application/json" {
		t.Errorf("GET /hello answers %q with %v", body, header)
	}
}
