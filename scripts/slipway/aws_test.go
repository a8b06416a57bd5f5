package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"slipway/internal/contract"
	"slipway/internal/launch"
)

// withProfile makes an AWS configuration file with these lines.
func withProfile(t *testing.T, lines ...string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", path)
}

// A setting that leads elsewhere than to AWS is refused by its name, unless the local engine itself has made it.
func TestForeignEndpoint(t *testing.T) {
	const nowhere = "http://127.0.0.1:9"
	type variables map[string]string
	for name, c := range map[string]struct {
		variables variables
		profile   []string
		said      string
	}{
		"all services":                {variables{"AWS_ENDPOINT_URL": nowhere}, nil, "AWS_ENDPOINT_URL: " + nowhere},
		"one service":                 {variables{"AWS_ENDPOINT_URL_S3": nowhere}, nil, "AWS_ENDPOINT_URL_S3: "},
		"profile":                     {nil, []string{"[default]", "endpoint_url = " + nowhere}, "endpoint_url of profile default"},
		"profile, one service":        {nil, []string{"[default]", "services = here", "[services here]", "s3 =", "  endpoint_url = " + nowhere}, "endpoint_url of s3 in profile default"},
		"marked, but not loopback":    {variables{"AWS_ENDPOINT_URL": "http://10.0.0.1:9", contract.VarLocalEngine: "1"}, nil, "AWS_ENDPOINT_URL: "},
		"marked, but a name":          {variables{"AWS_ENDPOINT_URL": "http://localhost.example.com:9", contract.VarLocalEngine: "1"}, nil, "AWS_ENDPOINT_URL: "},
		"marked, one service astray":  {variables{"AWS_ENDPOINT_URL": nowhere, "AWS_ENDPOINT_URL_S3": "http://10.0.0.1:9", contract.VarLocalEngine: "1"}, nil, "AWS_ENDPOINT_URL_S3: "},
		"marked, one service only":    {variables{"AWS_ENDPOINT_URL_S3": nowhere, contract.VarLocalEngine: "1"}, nil, "AWS_ENDPOINT_URL_S3: "},
		"marked, a profile's":         {variables{contract.VarLocalEngine: "1"}, []string{"[default]", "endpoint_url = " + nowhere}, "endpoint_url of profile default"},
		"marked, but no endpoint":     {variables{contract.VarLocalEngine: "1"}, nil, contract.VarLocalEngine + " is set"},
		"marked, but endpoint unused": {variables{"AWS_ENDPOINT_URL": nowhere, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", contract.VarLocalEngine: "1"}, nil, contract.VarLocalEngine + " is set"},
	} {
		t.Run(name, func(t *testing.T) {
			noAWS(t)
			for key, value := range c.variables {
				t.Setenv(key, value)
			}
			if c.profile != nil {
				withProfile(t, c.profile...)
			}
			code, out, errs := call(t, "", "destroy", "--yes")
			if code != exitFailed || out != "" {
				t.Errorf("exit code %d, output %q", code, out)
			}
			wantSaid(t, errs, c.said, "AWS")
		})
	}
}

func TestUnknownProfile(t *testing.T) {
	noAWS(t)
	code, _, errs := call(t, "", "destroy", "--yes", "--profile", "nope")
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	wantSaid(t, errs, `no profile "nope"`, "--profile")
}

// metadataService stands in for an EC2 instance's, and counts what it is asked.
func metadataService(t *testing.T, handler http.HandlerFunc) (asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.URL)
	return asked
}

func TestInstanceRole(t *testing.T) {
	noAWS(t)
	metadataService(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/latest/api/token":
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "300")
			_, _ = w.Write([]byte("token"))
		case "/latest/meta-data/iam/security-credentials/":
			_, _ = w.Write([]byte("deployer"))
		case "/latest/meta-data/iam/security-credentials/deployer":
			_, _ = w.Write([]byte(`{"Code":"Success","AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"secret","Token":"session","Expiration":"2999-01-01T00:00:00Z"}`))
		default:
			http.NotFound(w, r)
		}
	})
	cfg, err := (&app{}).awsConfig(t.Context(), where{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := cfg.Credentials.Retrieve(t.Context()); err != nil || got.AccessKeyID != "AKIDEXAMPLE" || got.SessionToken != "session" {
		t.Errorf("%+v, %v", got, err)
	}
}

// Where there is no instance, the search for its role is given up soon.
func TestNoInstanceRole(t *testing.T) {
	noAWS(t)
	asked := metadataService(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	code, _, errs := call(t, "", "destroy", "--yes")
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	wantSaid(t, errs, "no AWS credentials", "--local", "attempts, 2,")
	if asked.Load() == 0 {
		t.Error("the metadata service was not asked")
	}
}

// The code of a role with MFA is asked for, for a session that lasts; where nobody can be asked that is said.
func TestRoleWithMFA(t *testing.T) {
	noAWS(t)
	asked := url.Values{}
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		asked = r.PostForm
		_, _ = io.WriteString(w, "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKIDROLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>")
	}))
	t.Cleanup(sts.Close)
	file := filepath.Join(t.TempDir(), "config")
	text := "[profile ops]\nrole_arn = arn:aws:iam::123456789012:role/ops\nmfa_serial = arn:aws:iam::123456789012:mfa/me\nsource_profile = me\nregion = eu-west-1\n[profile me]\naws_access_key_id = AKIDME\naws_secret_access_key = secret\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", file)
	t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
	cfg, err := loadConfig(t.Context(), where{profile: "ops"}, func() (string, error) { return "123456", nil })
	if err != nil {
		t.Fatal(err)
	}
	got, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil || got.AccessKeyID != "AKIDROLE" || asked.Get("TokenCode") != "123456" || asked.Get("DurationSeconds") != "3600" {
		t.Errorf("%+v, %v, asked with %v", got, err, asked)
	}
	if cfg, err = loadConfig(t.Context(), where{profile: "ops"}, (&app{}).oneTimeCode(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, err := cfg.Credentials.Retrieve(t.Context()); err == nil || !strings.Contains(err.Error(), "no terminal to ask for the code") {
		t.Errorf("without a terminal: %v", err)
	}
}

// A build of the local engine trusts the authority that a variable names; on AWS nothing is named.
func TestTrust(t *testing.T) {
	engine := aws.Config{BaseEndpoint: new("http://127.0.0.1:9")}
	for name, c := range map[string]struct {
		settings aws.Config
		environ  []string
		fails    string
	}{
		"AWS":                         {aws.Config{}, []string{contract.VarLocalCA + "=/nowhere/ca.pem"}, ""},
		"engine, nothing named":       {engine, nil, ""},
		"engine, a file that is gone": {engine, []string{contract.VarLocalCA + "=/nowhere/ca.pem"}, "/nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			l := launch.New(launch.Options{AWS: c.settings})
			err := (&app{environ: c.environ}).trust(l, nil)
			if l.RootCAs != nil || (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("got %v, %v", l.RootCAs, err)
			}
		})
	}
}
