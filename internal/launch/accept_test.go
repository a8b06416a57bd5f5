package launch

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
)

// prod is a slipway.yaml with one environment and these lines in it.
func prod(lines ...string) string {
	return "name: shop\nenvironments:\n  - name: prod\n    " + strings.Join(lines, "\n    ") + "\n"
}

const (
	inOwnZone       = "entry: {domain: www.example.com, hostedZone: Z0123456789ABCDEFGHIJ}"
	withCertificate = "entry: {domain: www.example.com, certificate: \"" + certificateARN + "\"}"
)

// trusting lets the launcher trust the double's certificates, as everybody trusts AWS's.
func (b *bench) trusting() *bench {
	b.RootCAs = b.double.RootCAs()
	return b
}

// impatient shortens how long an acceptance may take.
func (b *bench) impatient() *bench {
	b.patience = 400 * time.Millisecond
	return b
}

// A domain is asked over HTTPS of the load balancer itself, by its certificate's name.
func TestDomainIsAcceptedOverHTTPS(t *testing.T) {
	t.Parallel()
	for name, entry := range map[string]string{"made for it": inOwnZone, "given": withCertificate} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).given().asking(t, prod(entry)).trusting()
			hosts := make(chan string, 100000)
			b.double.ServeApp(func(w http.ResponseWriter, r *http.Request, task awsdouble.Task) {
				if r.TLS != nil {
					hosts <- r.Host
				}
				awsdouble.DefaultApp(w, r, task)
			})
			b.mustDeploy(t, DeployOptions{})
			if host := <-hosts; host != "www.example.com" {
				t.Errorf("the request was for %s", host)
			}
			if !strings.Contains(b.progress.String(), "https://www.example.com answers, from all 2 tasks") {
				t.Error(b.progress)
			}
			b.mustDestroy(t)
		})
	}
}

func TestAcceptanceFails(t *testing.T) {
	t.Parallel()
	wrong := func(status int) awsdouble.AppHandler {
		return func(w http.ResponseWriter, _ *http.Request, _ awsdouble.Task) { http.Error(w, "no", status) }
	}
	for name, c := range map[string]struct {
		slipway string
		before  func(b *bench)
		said    []string
	}{
		"another answer": {prod("tasks: {min: 1}"), func(b *bench) { b.double.ServeApp(wrong(500)) }, []string{"acceptance of http://", "answered 500", "service.acceptance"}},
		"another answer over HTTPS": {prod(inOwnZone), func(b *bench) { b.double.ServeApp(wrong(404)) },
			[]string{"acceptance of https://www.example.com failed", "answered 404"}},
		"a certificate for another name": {prod(withCertificate), func(b *bench) {
			b.double.Delete(certificateARN)
			b.double.Put("AWS::CertificateManager::Certificate", certificateARN, map[string]any{"DomainName": "shop.example.org"})
		}, []string{"certificate", "shop.example.org", "entry.certificate"}},
		"nobody vouches for the certificate": {prod(inOwnZone), func(b *bench) { b.RootCAs = nil }, []string{"certificate", "unknown authority"}},
		"targets that are not well": {prod("entry: {allow: [203.0.113.0/24]}"), func(b *bench) { b.double.Unhealthy("task-definition") },
			[]string{"0 of 2 tasks pass the health checks of /healthz", "unhealthy", "codes: [500]"}},
		"only one task answers": {prod("tasks: {min: 2}"), func(b *bench) {
			b.double.ServeApp(func(w http.ResponseWriter, r *http.Request, task awsdouble.Task) {
				task.Hostname = "one"
				awsdouble.DefaultApp(w, r, task)
			})
		}, []string{"1 of 2 running tasks answered"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t).given().asking(t, c.slipway).trusting().impatient()
			c.before(b)
			want(t, b.Deploy(t.Context(), DeployOptions{}), c.said...)
		})
	}
}

// listing is a slipway.yaml that says what to ask.
func listing(checks string) string {
	return "name: shop\nservice:\n  acceptance: " + checks + "\nenvironments:\n  - name: prod\n"
}

// A service of one's own is asked what slipway.yaml lists, and nothing else.
func TestListedAcceptance(t *testing.T) {
	t.Parallel()
	own := func(w http.ResponseWriter, r *http.Request, _ awsdouble.Task) {
		switch r.URL.RequestURI() {
		case "/healthz":
		case "/orders?limit=1":
			w.Header().Set("Content-Type", "Application/JSON; charset=utf-8")
			_, _ = io.WriteString(w, `{"orders":[]}`)
		case "/old":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		default:
			t.Errorf("%s was asked for", r.URL)
		}
	}
	for name, c := range map[string]struct{ checks, said string }{
		"all of it":      {`[{path: "/orders?limit=1", contentType: application/json, contains: '"orders"'}, {path: /old, status: 302}]`, ""},
		"another status": {`[{path: /old}]`, "answered 302 Found: service.acceptance wants status 200"},
		"another type":   {`[{path: "/orders?limit=1", contentType: text/html}]`, `answered "Application/JSON; charset=utf-8": service.acceptance wants text/html`},
		"another text":   {`[{path: "/orders?limit=1", contains: Orders}]`, `answered a body of 13 bytes without "Orders", which service.acceptance wants`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t).given().asking(t, listing(c.checks))
			b.double.ServeApp(own)
			if c.said != "" {
				want(t, b.impatient().Deploy(t.Context(), DeployOptions{}), c.said)
				return
			}
			b.mustDeploy(t, DeployOptions{})
			if !strings.Contains(b.progress.String(), "answers as service.acceptance says, 2 times in a row") {
				t.Error(b.progress)
			}
		})
	}
}

// Who may not connect says so and makes no request: health checks are the witness.
func TestRestrictedEntryIsAcceptedByHealth(t *testing.T) {
	t.Parallel()
	for entry, why := range map[string]string{
		"entry: {internal: true}":          "its load balancer is internal, and this release has no task that asks from inside",
		"entry: {allow: [203.0.113.0/24]}": "its load balancer lets in [203.0.113.0/24] only, and this release has no task that asks from inside",
	} {
		t.Run(entry, func(t *testing.T) {
			b := newBench(t).asking(t, prod(entry))
			b.double.TasksOnLoopback()
			b.double.ServeApp(func(http.ResponseWriter, *http.Request, awsdouble.Task) { t.Error("it was asked all the same") })
			b.mustDeploy(t, DeployOptions{})
			for _, part := range []string{"cannot be reached from here: " + why, "all 2 tasks pass the health checks of /healthz"} {
				if !strings.Contains(b.progress.String(), part) {
					t.Errorf("it does not say %q:\n%s", part, b.progress)
				}
			}
			if err := b.asking(t, prod(entry)).Accept(t.Context(), "prod"); err != nil {
				t.Error(err)
			}
		})
	}
}

// A scaled service is lifted to the minimum that holds now: a schedule changes the scalable target, not the template.
func TestCountIsRaisedToTheRealMinimum(t *testing.T) {
	t.Parallel()
	scheduled := prod("tasks: {min: 2, max: 3, schedule: [{at: cron(0 7 ? * MON-FRI *), timezone: Europe/Berlin, min: 4, max: 6}]}")
	b := newBench(t).asking(t, scheduled)
	b.mustDeploy(t, DeployOptions{})
	if got := b.count(t, "shop-prod"); got != 2 {
		t.Errorf("%d tasks, want the minimum of 2", got)
	}
	b.double.SetMinimum(4)
	b.asking(t, scheduled).mustDeploy(t, DeployOptions{})
	if got := b.count(t, "shop-prod"); got != 4 {
		t.Errorf("%d tasks, want the scheduled minimum of 4", got)
	}
}

// count is the number of tasks that a service wants.
func (b *bench) count(t *testing.T, name string) int {
	t.Helper()
	out := b.root(t, name).outputs
	s, err := b.service(t.Context(), out[contract.KeyClusterName], out[contract.KeyServiceName])
	if err != nil {
		t.Fatal(err)
	}
	return int(s.DesiredCount)
}

// TestHowLongAnswersMayBeWrong is by how often is looked: of AWS every five seconds.
func TestHowLongAnswersMayBeWrong(t *testing.T) {
	t.Parallel()
	for poll, want := range map[time.Duration]time.Duration{0: wrongTimeout, 5 * time.Second: wrongTimeout, time.Minute: wrongTimeout, 150 * time.Millisecond: 5 * time.Second} {
		if got := New(Options{Poll: poll}).wrong; got != want {
			t.Errorf("looking every %s: %s, want %s", poll, got, want)
		}
	}
}
