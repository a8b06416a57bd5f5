package vuln

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/vuln/vulntest"
)

// planted are two vulnerabilities of Go's own library, which a module without dependencies has, too.
var planted = []vulntest.Advisory{
	{ID: "GO-2026-9001", Module: "stdlib", Package: "path", Symbol: "Base", Fixed: "1.99.0"},
	{ID: "GO-2026-9002", Module: "stdlib", Package: "path", Symbol: "Dir"},
}

// module is a program that calls path.Base, and not path.Dir.
func module(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module tiny\n\ngo 1.26.0\n",
		"main.go": "package main\n\nimport (\n\t\"os\"\n\t\"path\"\n)\n\nfunc main() { println(path.Base(os.Args[0])) }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func database(t *testing.T, advisories ...vulntest.Advisory) Database {
	t.Helper()
	dir := t.TempDir()
	if err := vulntest.Write(dir, advisories...); err != nil {
		t.Fatal(err)
	}
	d, err := Open(t.Context(), func(string) string { return "file://" + filepath.ToSlash(dir) }, "")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSourceFindsWhatIsCalled(t *testing.T) {
	found, err := Source(t.Context(), database(t, planted...), module(t), "./...")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].ID != "GO-2026-9001" || found[0].Where != "path.Base" {
		t.Errorf("found %v, want GO-2026-9001 in path.Base only", found)
	}
	if found, err := Source(t.Context(), database(t), module(t), "./..."); err != nil || len(found) > 0 {
		t.Errorf("with an empty database: %v, %v", found, err)
	}
}

// path.Dir is in neither, and govulncheck cannot tell of the stripped one.
func TestBinary(t *testing.T) {
	for name, test := range map[string]struct {
		ldflags string
		want    []string
	}{
		"with symbols": {"", []string{"GO-2026-9001"}},
		"stripped":     {"-s -w", []string{"GO-2026-9001"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := module(t)
			build := exec.CommandContext(t.Context(), "go", "build", "-ldflags", test.ldflags, "-o", "tiny", ".")
			build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			found, err := Binary(t.Context(), database(t, planted...), filepath.Join(dir, "tiny"))
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, f := range found {
				ids = append(ids, f.ID)
			}
			if diff := cmp.Diff(test.want, ids); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSymbolIsIn(t *testing.T) {
	executable := []byte("\x00net/http.(*Server).Serve\x00net/http.Header.Get\x00gopkg.in/yaml%2ev3.Unmarshal\x00slices.Sort[...]\x00a.(*List[...]).Push\x00path.Base2\x00")
	for text, test := range map[string]struct {
		symbol symbol
		want   bool
	}{
		"method of a pointer": {symbol{Package: "net/http", Receiver: "Server", Function: "Serve"}, true},
		"with the star":       {symbol{Package: "net/http", Receiver: "*Server", Function: "Serve"}, true},
		"method of a value":   {symbol{Package: "net/http", Receiver: "Header", Function: "Get"}, true},
		"dots in the path":    {symbol{Package: "gopkg.in/yaml.v3", Function: "Unmarshal"}, true},
		"generic function":    {symbol{Package: "slices", Function: "Sort"}, true},
		"generic type":        {symbol{Package: "a", Receiver: "List", Function: "Push"}, true},
		"a longer name":       {symbol{Package: "path", Function: "Base"}, false},
		"another type's":      {symbol{Package: "net/http", Receiver: "Client", Function: "Get"}, false},
	} {
		if got := test.symbol.isIn(executable); got != test.want {
			t.Errorf("%s: %t, want %t", text, got, test.want)
		}
	}
}

func TestRunFails(t *testing.T) {
	if _, err := Source(t.Context(), database(t), t.TempDir(), "./..."); err == nil || !strings.Contains(err.Error(), "go.mod") {
		t.Errorf("a folder without a module: %v", err)
	}
}

func TestReadRefusesNothing(t *testing.T) {
	if found, err := read(strings.NewReader("")); err == nil {
		t.Errorf("nothing was said, and it is taken for %v", found)
	}
}

func TestJudge(t *testing.T) {
	found := []Finding{
		{ID: "GO-1", Module: "stdlib", Version: "v1.26.1", Fixed: "v1.26.2", Where: "os.Open", Summary: "bad"},
		{ID: "GO-2", Module: "example.com/m", Version: "v1.0.0", Fixed: "v1.0.1", Where: "example.com/m.F"},
	}
	var said bytes.Buffer
	err := Judge(&said, found, map[string]string{"GO-2": "not reached"})
	if err == nil || !strings.Contains(err.Error(), "GO-1") || strings.Contains(err.Error(), "GO-2") {
		t.Errorf("error %v, want one that names GO-1 alone", err)
	}
	for _, want := range []string{
		"GO-1: bad (os.Open in stdlib@v1.26.1); build with Go 1.26.2 or newer\n",
		"accepted (not reached): GO-2: no summary (example.com/m.F in example.com/m@v1.0.0); go get example.com/m@v1.0.1\n",
	} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%q is missing in\n%s", want, said.String())
		}
	}
	if err := Judge(&said, found, map[string]string{"GO-1": "x", "GO-2": "y"}); err != nil {
		t.Errorf("all are accepted: %v", err)
	}
}

func TestOpen(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/good/index/db.json":
			_, _ = w.Write([]byte(`{"modified":"2026-03-04T05:06:07Z"}`))
		case "/odd/index/db.json":
			_, _ = w.Write([]byte(`<html>`))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	nothing := func(string) string { return "" }
	d, err := Open(t.Context(), nothing, server.URL+"/good/")
	if want := (Database{server.URL + "/good", time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}); err != nil || !d.Modified.Equal(want.Modified) || d.URL != want.URL {
		t.Errorf("Open = %v, %v; want %v", d, err, want)
	}
	for _, url := range []string{server.URL + "/none", server.URL + "/odd", "file:///no/such/folder", "http://127.0.0.1:1"} {
		if _, err := Open(t.Context(), nothing, url); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), url) {
			t.Errorf("%s: %v, want ErrUnreachable with what to do", url, err)
		}
	}
}

func TestRequired(t *testing.T) {
	for name, test := range map[string]struct {
		env     map[string]string
		offline bool
		want    bool
	}{
		"on one's own machine":    {nil, false, false},
		"in a build on AWS":       {map[string]string{"CODEBUILD_BUILD_ID": "x:1"}, false, true},
		"allowed in slipway.yaml": {map[string]string{"CODEBUILD_BUILD_ID": "x:1"}, true, false},
		"on the local engine":     {map[string]string{"CODEBUILD_BUILD_ID": "x:1", "SLIPWAY_LOCAL_ENGINE": "1"}, false, false},
	} {
		if got := Required(func(name string) string { return test.env[name] }, test.offline); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}
