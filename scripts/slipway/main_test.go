package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
	"slipway/internal/source"
)

// repository is the root, as an absolute path: a test that has gone elsewhere must find it too.
var repository string

func TestMain(m *testing.M) {
	var err error
	if repository, err = filepath.Abs("../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// call runs the command at the repository's root, as the scripts do.
func call(t *testing.T, input string, args ...string) (code int, out, errs string) {
	t.Helper()
	t.Chdir(repository)
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, streams{strings.NewReader(input), &stdout, &stderr}, os.Getenv)
	return code, stdout.String(), stderr.String()
}

// noAWS takes away whatever AWS settings the tests' own environment has.
func noAWS(t *testing.T) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	none := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", none)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// withGen puts a built gen beside the test's own executable, where deploy looks for it.
func withGen(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command("go", "build", "-o", filepath.Join(filepath.Dir(self), "gen"), filepath.Join(repository, "gen")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

func wantSaid(t *testing.T, said string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(said, part) {
			t.Errorf("it does not say %q:\n%s", part, said)
		}
	}
}

func TestUsage(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
		said []string
	}{
		"flag":        {[]string{"deploy", "--locla"}, exitUsage, []string{"--locla", "./scripts/deploy.sh --help"}},
		"argument":    {[]string{"destroy", "prod"}, exitUsage, []string{"prod", "./scripts/destroy.sh"}},
		"image":       {[]string{"deploy", "--image", "web:latest"}, exitUsage, []string{"web:latest", "keep"}},
		"stage":       {[]string{"stage", "imgae"}, exitUsage, []string{"imgae", "image"}},
		"no stage":    {[]string{"stage"}, exitUsage, []string{"acceptance"}},
		"command":     {[]string{"deplyo"}, exitFailed, []string{"deplyo", "deploy"}},
		"no variable": {[]string{"stage", "deploy"}, exitFailed, []string{contract.VarEnvironment}},
	} {
		t.Run(name, func(t *testing.T) {
			noAWS(t)
			code, _, errs := call(t, "", c.args...)
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			wantSaid(t, errs, c.said...)
		})
	}
}

func TestHelp(t *testing.T) {
	code, out, _ := call(t, "", "deploy", "--help")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	wantSaid(t, out, "./scripts/deploy.sh [flags]", "--local", "--environment", "--yes")
}

func TestNoCredentials(t *testing.T) {
	noAWS(t)
	withGen(t)
	for _, command := range []string{"deploy", "destroy"} {
		code, out, errs := call(t, "", command, "--yes")
		if code != exitFailed || out != "" {
			t.Errorf("%s: exit code %d, output %q", command, code, out)
		}
		wantSaid(t, errs, "no AWS credentials", "--local")
	}
}

// A setting that leads elsewhere than to AWS is refused, unless the local engine itself has made it.
func TestForeignEndpoint(t *testing.T) {
	for name, settings := range map[string]map[string]string{
		"all services":             {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
		"one service":              {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"},
		"marked, but not loopback": {"AWS_ENDPOINT_URL": "http://10.0.0.1:9", contract.VarLocalEngine: "1"},
		"marked, but a name":       {"AWS_ENDPOINT_URL": "http://localhost.example.com:9", contract.VarLocalEngine: "1"},
	} {
		t.Run(name, func(t *testing.T) {
			noAWS(t)
			for key, value := range settings {
				t.Setenv(key, value)
			}
			code, _, errs := call(t, "", "destroy", "--yes")
			if code != exitFailed {
				t.Errorf("exit code %d", code)
			}
			wantSaid(t, errs, "AWS_ENDPOINT_URL", "--local")
		})
	}
}

// The whole way through the command, against a double of AWS that stands where the local engine would.
func TestDeployAndDestroy(t *testing.T) {
	noAWS(t)
	withGen(t)
	d := awsdouble.New(t)
	for key, value := range map[string]string{
		"AWS_ENDPOINT_URL": d.URL, contract.VarLocalEngine: "1", "AWS_REGION": d.Region, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
	} {
		t.Setenv(key, value)
	}
	code, out, errs := call(t, "", "deploy")
	if code != 0 {
		t.Fatal(errs)
	}
	wantSaid(t, out, "ServiceURL=http://")
	if code, _, errs := call(t, "no\n", "destroy"); code != exitFailed || !strings.Contains(errs, "nothing was changed") {
		t.Errorf("declined: exit code %d, %s", code, errs)
	}
	if code, _, errs := call(t, "yes\n", "destroy"); code != 0 {
		t.Error(errs)
	}
	if living := d.Living(); len(living) > 0 {
		t.Errorf("left: %v", living)
	}
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]bool{"yes\n": true, "YES\n": true, " y \n": true, "yes": true, "n\n": false, "\n": false, "": false, "yess\n": false} {
		var said bytes.Buffer
		a := &app{streams: streams{strings.NewReader(answer), &said, &said}, getenv: os.Getenv}
		if err := a.confirm("Go?"); (err == nil) != want {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

func TestInterrupted(t *testing.T) {
	noAWS(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	t.Chdir(repository)
	var said bytes.Buffer
	if code := run(ctx, []string{"deploy"}, streams{strings.NewReader(""), &said, &said}, os.Getenv); code != exitInterrupted {
		t.Errorf("exit code %d: %s", code, &said)
	}
}

func TestOutsideAProject(t *testing.T) {
	t.Chdir(t.TempDir())
	var said bytes.Buffer
	if code := run(t.Context(), []string{"deploy", "--local"}, streams{strings.NewReader(""), &said, &said}, os.Getenv); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	wantSaid(t, said.String(), "slipway.yaml")
}

// A source that came as an archive, without git, has no commit; its image is built all the same.
func TestImageOfASourceWithoutGit(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "file"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	tree, err := source.List(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	r := (&app{}).imageRequest(root, "registry/repository", tree)
	if r.Commit == "" || r.Tag != tree.Identity() {
		t.Errorf("commit %q, tag %q", r.Commit, r.Tag)
	}
}

func TestExport(t *testing.T) {
	root := t.TempDir()
	if err := export(root, contract.VarImageURI, "registry/repository@sha256:0"); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sh", "-c", ". "+filepath.Join(root, ".slipway", "stage.env")+`; sh -c 'printf %s "$IMAGE_URI"'`).Output()
	if err != nil || string(out) != "registry/repository@sha256:0" {
		t.Errorf("%q, %v", out, err)
	}
}
