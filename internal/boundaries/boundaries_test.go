// Package boundaries holds the rule of who may import whom. The rule is what keeps the launcher and the service small and
// lets either side of the contract be changed alone.
package boundaries

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	module      = "slipway/"
	goformation = "github.com/awslabs/goformation/v7"
)

// allowed lists, for each package, the packages of ours that it may import itself. What is not listed here is new: give
// it a line.
var allowed = map[string][]string{
	"gen":                    {"internal/config", "internal/contract", "internal/override", "internal/stacks"},
	"internal/awsdouble":     {"internal/contract", "internal/iampolicy", "internal/iamref"},
	"internal/awserr":        nil,
	"internal/cause":         nil,
	"internal/cfn":           nil,
	"internal/changes":       {"internal/contract", "internal/schema", "internal/template"},
	"internal/config":        {"internal/contract", "internal/suggest", "internal/yamlfile"},
	"internal/configtest":    {"internal/config"},
	"internal/contract":      nil,
	"internal/cost":          {"internal/contract"},
	"internal/deployer":      {"internal/config", "internal/contract", "internal/iampolicy"},
	"internal/docs":          nil,
	"internal/docstest":      {"internal/docs"},
	"internal/ec2query":      nil,
	"internal/evidence":      {"internal/cause", "internal/contract"},
	"internal/iampolicy":     nil,
	"internal/iamref":        {"internal/iampolicy"},
	"internal/image":         {"internal/contract"},
	"internal/launch":        {"internal/awserr", "internal/cause", "internal/changes", "internal/config", "internal/contract", "internal/ec2query", "internal/evidence", "internal/image", "internal/lease", "internal/plan", "internal/preflight", "internal/progress", "internal/regions", "internal/release", "internal/residue", "internal/schema", "internal/source", "internal/template", "internal/visit"},
	"internal/lease":         {"internal/awserr", "internal/contract"},
	"internal/local":         {"internal/contract"},
	"internal/localtest":     nil,
	"internal/operate":       {"internal/awserr", "internal/config", "internal/contract", "internal/release", "internal/source"},
	"internal/override":      {"internal/cfn", "internal/contract", "internal/schema", "internal/stacks", "internal/suggest", "internal/template", "internal/yamlfile"},
	"internal/plan":          {"internal/changes", "internal/config", "internal/contract", "internal/cost", "internal/schema", "internal/template"},
	"internal/preflight":     {"internal/awserr", "internal/config", "internal/ec2query"},
	"internal/progress":      nil,
	"internal/regions":       nil,
	"internal/release":       {"internal/awserr", "internal/contract"},
	"internal/residue":       {"internal/awserr", "internal/contract", "internal/ec2query"},
	"internal/sbom":          nil,
	"internal/scan":          {"internal/config"},
	"internal/schema":        {"internal/suggest"},
	"internal/source":        {"internal/contract"},
	"internal/stacks":        {"internal/cfn", "internal/config", "internal/contract"},
	"internal/standin":       {"internal/config"},
	"internal/suggest":       nil,
	"internal/template":      nil,
	"internal/visit":         nil,
	"internal/vuln":          {"internal/contract"},
	"internal/vuln/vulntest": nil,
	"internal/yamlfile":      nil,
	"scripts/bench":          nil,
	"scripts/bench/floor":    nil,
	"scripts/bench/measure":  nil,
	"scripts/bench/web":      {"internal/docs"},
	"scripts/bench/web/peer": nil,
	"scripts/check":          {"internal/config", "internal/image", "internal/regions", "internal/source", "internal/vuln"},
	"scripts/rehearse":       {"internal/contract", "internal/local", "internal/source", "internal/vuln/vulntest"},
	"scripts/visitor":        {"internal/contract", "internal/visit"},
	"scripts/slipway":        {"internal/awserr", "internal/config", "internal/contract", "internal/cost", "internal/deployer", "internal/ec2query", "internal/evidence", "internal/image", "internal/launch", "internal/local", "internal/operate", "internal/plan", "internal/progress", "internal/release", "internal/residue", "internal/sbom", "internal/scan", "internal/source", "internal/standin", "internal/suggest", "internal/vuln"},
	"web":                    nil,
}

// withGoformation may link goformation at all; everybody else stays free of its compile time.
var withGoformation = []string{"gen", "internal/cfn", "internal/override", "internal/stacks"}

// sideEffects are the packages through which a pure function would stop being one.
var sideEffects = []string{"io/fs", "io/ioutil", "math/rand", "net", "net/http", "os", "os/exec", "path/filepath", "syscall", "time"}

// goPackage is what `go list` says of a package of ours; tests' imports are not in it.
type goPackage struct {
	ImportPath    string
	Imports, Deps []string
}

// name is the package's folder.
func (p goPackage) name() string { return strings.TrimPrefix(p.ImportPath, module) }

func TestImports(t *testing.T) {
	for _, pkg := range packages(t) {
		may, known := allowed[pkg.name()]
		if !known && len(pkg.Imports) > 0 {
			t.Errorf("%s is not in the table of this test: give it a line that says what it may import", pkg.name())
		}
		for _, imported := range pkg.Imports {
			if other, ours := strings.CutPrefix(imported, module); ours && !slices.Contains(may, other) {
				t.Errorf("%s imports %s; of ours it may import: %s", pkg.name(), other, strings.Join(may, ", "))
			}
		}
	}
}

func TestGoformationStaysWithTheTemplates(t *testing.T) {
	for _, pkg := range packages(t) {
		if slices.Contains(pkg.Deps, goformation) {
			t.Errorf("%s links goformation's root package, and with it 247 packages: use its service packages", pkg.name())
		}
		links := slices.ContainsFunc(pkg.Deps, func(dep string) bool { return strings.HasPrefix(dep, goformation) })
		if links && !slices.Contains(withGoformation, pkg.name()) {
			t.Errorf("%s links goformation, which only %s may", pkg.name(), strings.Join(withGoformation, ", "))
		}
	}
}

func TestPureFunctionsDoNoIO(t *testing.T) {
	pure := []string{"internal/cfn", "internal/contract", "internal/stacks"}
	for _, pkg := range packages(t) {
		if !slices.Contains(pure, pkg.name()) {
			continue
		}
		for _, imported := range pkg.Imports {
			if slices.Contains(sideEffects, imported) {
				t.Errorf("%s imports %s: config goes in, a template comes out, and nothing else happens", pkg.name(), imported)
			}
		}
	}
}

// packages lists what is in the module.
func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for in := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg goPackage
		if err := in.Decode(&pkg); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("read what go list says: %v", err)
		}
		all = append(all, pkg)
	}
}
