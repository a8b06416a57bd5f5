package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"slipway/internal/contract"
	"slipway/internal/vuln/vulntest"
)

// account is as much of AWS as the image stage asks for: the registry, its scan, and the bucket.
type account struct {
	url  string
	scan string // the answer about the scan

	internal bool              // the load balancer of the service
	objects  map[string]string // by bucket and key
	busy     int               // how often each service says first that it is
	nameless bool              // images get no tag
}

func newAccount(t *testing.T) *account {
	a := &account{objects: map[string]string{}, scan: `{"imageScanStatus":{"status":"FAILED","description":"UnsupportedImageError: The operating system '' version '' is not supported."}}`}
	asked := map[string]int{}
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service := r.Method + r.Header.Get("X-Amz-Target")
		if !strings.HasPrefix(r.URL.Path, "/v2/") && asked[service] < a.busy {
			asked[service]++
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		}
		switch {
		case strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".DescribeImageScanFindings"):
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			_, _ = io.WriteString(w, a.scan)
		case a.nameless && r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") && !strings.Contains(r.URL.Path, "sha256:"):
			panic(http.ErrAbortHandler)
		case strings.HasPrefix(r.URL.Path, "/v2/"):
			images.ServeHTTP(w, r)
		case r.Method == http.MethodPut && a.objects[strings.TrimPrefix(r.URL.Path, "/")] != "" && r.Header.Get("If-None-Match") == "*":
			w.WriteHeader(http.StatusPreconditionFailed)
			_, _ = io.WriteString(w, "<Error><Code>PreconditionFailed</Code><Message>At least one of the pre-conditions you specified did not hold</Message></Error>")
		case r.Method == http.MethodPut:
			body, _ := io.ReadAll(r.Body)
			a.objects[strings.TrimPrefix(r.URL.Path, "/")] = string(body)
		default:
			http.Error(w, "unexpected "+r.Method+" "+r.URL.Path, http.StatusTeapot)
		}
	}))
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

// stageImage runs the image stage on a service of a few lines, with a database of vulnerabilities.
func (a *account) stageImage(t *testing.T, security string, advisories ...vulntest.Advisory) (code int, said, root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range map[string]string{
		"slipway.yaml": "name: shop\nenvironments: [{name: prod, entry: {internal: " + strconv.FormatBool(a.internal) + "}}]\nservice: {build: {command: [go, build, -o, app, .], binary: app}}\n" + security,
		"go.mod":       "module tiny\n\ngo 1.26.0\n",
		"main.go":      "package main\n\nimport (\n\t\"os\"\n\t\"path\"\n)\n\nfunc main() { println(path.Base(os.Args[0])) }\n",
		".gitignore":   "/app\n/.slipway/\n",

		"scripts/visitor/main.go": "package main\n\nimport (\n\t\"os\"\n\t\"path\"\n)\n\nfunc main() { println(path.Dir(os.Args[0])) }\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, contract.TemplatesDir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, contract.TemplatesDir, "foundation.yaml"), []byte("Resources: {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	database := t.TempDir()
	if err := vulntest.Write(database, advisories...); err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	var out, errs bytes.Buffer
	env := append(os.Environ(), "AWS_ENDPOINT_URL="+a.url, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION=eu-west-1", contract.VarLocalEngine+"=1",
		contract.VarRepositoryURI+"=123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop", contract.VarBucket+"=kept", "GOVULNDB=file://"+filepath.ToSlash(database),
		"DOCKER_HOST=unix:///nonexistent/docker.sock", "CGO_ENABLED=0")
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value) // the AWS SDK and Docker read them themselves
	}
	code = run(t.Context(), []string{"stage", "image"}, streams{strings.NewReader(""), &out, &errs}, env)
	return code, errs.String(), root
}

// tags are those that the registry has.
func (a *account) tags(t *testing.T) []string {
	t.Helper()
	response, err := http.Get(a.url + "/v2/shop/tags/list")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var list struct{ Tags []string }
	if response.StatusCode == http.StatusOK {
		if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
			t.Fatal(err)
		}
	}
	return list.Tags
}

// A build that ended between an image's bill of materials and its name is made again, and names just that image.
func TestImageStageThatWasCutOff(t *testing.T) {
	if os.Getenv("SLIPWAY_LONG") == "" {
		t.Skip("a registry that breaks off is tried for half a minute: SLIPWAY_LONG=1")
	}
	a := newAccount(t)
	a.nameless = true
	if code, said, _ := a.stageImage(t, ""); code != exitFailed || len(a.objects) != 1 || len(a.tags(t)) > 0 || !strings.Contains(said, "error: name ") {
		t.Errorf("exit code %d, %d objects, tags %v:\n%s", code, len(a.objects), a.tags(t), said)
	}
	a.nameless = false
	code, said, _ := a.stageImage(t, "")
	_, digest, _ := strings.Cut(said, "shop@")
	digest, _, _ = strings.Cut(digest, ",")
	if code != 0 || len(a.tags(t)) != 1 || a.objects["kept/"+contract.BillKey(digest)] == "" {
		t.Errorf("exit code %d, tags %v, bills %v, named is %s:\n%s", code, a.tags(t), slices.Collect(maps.Keys(a.objects)), digest, said)
	}
}

// Services that are busy for some seconds do not fail a build.
func TestImageStageIsPatient(t *testing.T) {
	if os.Getenv("SLIPWAY_LONG") == "" {
		t.Skip("it takes ten seconds: SLIPWAY_LONG=1")
	}
	a := newAccount(t)
	a.busy = 4
	if code, said, _ := a.stageImage(t, ""); code != 0 || len(a.objects) != 1 || len(a.tags(t)) != 1 {
		t.Errorf("exit code %d, %d objects, tags %v:\n%s", code, len(a.objects), a.tags(t), said)
	}
}

var inPathBase = vulntest.Advisory{ID: "GO-2026-9001", Module: "stdlib", Package: "path", Symbol: "Base"}

func TestImageStage(t *testing.T) {
	findings := `{"imageScanStatus":{"status":"COMPLETE"},"imageScanFindings":{"findings":[{"name":"CVE-2026-1","severity":"HIGH"}]}}`
	tests := map[string]struct {
		scan, security string
		advisories     []vulntest.Advisory
		refused        bool
		said           []string
	}{
		"nothing is found": {said: []string{"/app: 0 vulnerabilities in the database file://", "the registry has not scanned the image: UnsupportedImageError", "bill of materials: 1 packages, s3://kept/images/"}},
		"the binary has a vulnerability": {advisories: []vulntest.Advisory{inPathBase}, refused: true,
			said: []string{"GO-2026-9001: planted in path (path.Base in stdlib@v", "is not released: known vulnerabilities: GO-2026-9001"}},
		"an accepted one":       {advisories: []vulntest.Advisory{inPathBase}, security: "security: {accept: [{id: GO-2026-9001, reason: planted}]}\n", said: []string{"accepted (planted): GO-2026-9001"}},
		"the registry finds":    {scan: findings, refused: true, said: []string{"high CVE-2026-1", "is not released: linux/", "findings of severity high or above: CVE-2026-1"}},
		"below what is refused": {scan: findings, security: "security: {severity: critical}\n", said: []string{"high CVE-2026-1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := newAccount(t)
			if test.scan != "" {
				a.scan = test.scan
			}
			code, said, root := a.stageImage(t, test.security, test.advisories...)
			for _, want := range test.said {
				if !strings.Contains(said, want) {
					t.Errorf("%q is missing in:\n%s", want, said)
				}
			}
			bill, billErr := os.ReadFile(filepath.Join(root, contract.StageDir, contract.BillFile))
			if test.refused {
				if code == 0 || len(a.tags(t)) > 0 || len(a.objects) > 0 {
					t.Errorf("exit code %d, tags %v, %d objects; a refused image has no tag, and nothing is kept of it", code, a.tags(t), len(a.objects))
				}
				return
			}
			if code != 0 || len(a.tags(t)) != 1 || len(a.objects) != 1 || billErr != nil {
				t.Fatalf("exit code %d, tags %v, %d objects, %v:\n%s", code, a.tags(t), len(a.objects), billErr, said)
			}
			for key, text := range a.objects {
				digest := strings.TrimSuffix(strings.TrimPrefix(key, "kept/"+contract.ImagesPrefix), ".cdx.json")
				if text != string(bill) || !strings.Contains(text, digest) || !strings.Contains(said, "@sha256:"+digest) {
					t.Errorf("%s: not the bill of the image %s", key, said)
				}
			}
		})
	}
}

// What asks an internal load balancer has its image before the service's has its name. It passes the same gate, has a bill of
// its own, and neither image has a name where either is refused.
func TestImageStageMakesTheVisitor(t *testing.T) {
	inVisitor := vulntest.Advisory{ID: "GO-2026-9002", Module: "stdlib", Package: "path", Symbol: "Dir"}
	for name, test := range map[string]struct {
		advisories []vulntest.Advisory
		refused    string
	}{
		"released":             {},
		"the service's is not": {[]vulntest.Advisory{inPathBase}, "GO-2026-9001"},
		"the visitor's is not": {[]vulntest.Advisory{inVisitor}, "GO-2026-9002"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount(t)
			a.internal = true
			code, said, root := a.stageImage(t, "", test.advisories...)
			tags := a.tags(t)
			if test.refused != "" {
				if code == 0 || len(tags) > 0 || !strings.Contains(said, "known vulnerabilities: "+test.refused) {
					t.Errorf("exit code %d, tags %v:\n%s", code, tags, said)
				}
				return
			}
			if code != 0 || len(tags) != 2 || !slices.Contains(tags, contract.VisitorTag(contract.SourceTag(tags))) {
				t.Errorf("exit code %d, tags %v:\n%s", code, tags, said)
			}
			if len(a.objects) != 2 || !strings.Contains(said, "the image of the acceptance task:\n") || !strings.Contains(said, "/visitor: 0 vulnerabilities in the database") {
				t.Errorf("%d bills of materials:\n%s", len(a.objects), said)
			}
			for _, file := range []string{contract.BillFile, contract.VisitorBillFile} {
				bill, err := os.ReadFile(filepath.Join(root, contract.StageDir, file))
				if err != nil || !slices.Contains(slices.Collect(maps.Values(a.objects)), string(bill)) {
					t.Errorf("%s is not what was kept: %v", file, err)
				}
			}
		})
	}
}

// An image that is there is used again, whatever has become known since: that is for the checks of the source.
func TestImageStageUsesTheImageThatIsThere(t *testing.T) {
	a := newAccount(t)
	code, first, _ := a.stageImage(t, "")
	again, second, _ := a.stageImage(t, "", inPathBase)
	if code != 0 || again != 0 || len(a.objects) != 1 || len(a.tags(t)) != 1 {
		t.Errorf("exit codes %d and %d, %d objects, tags %v:\n%s\n%s", code, again, len(a.objects), a.tags(t), first, second)
	}
	if last := func(s string) string { lines := strings.Split(strings.TrimSpace(s), "\n"); return lines[len(lines)-1] }; last(first) != last(second) {
		t.Errorf("the first said %q, the second %q", last(first), last(second))
	}
}
