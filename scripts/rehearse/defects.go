package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"slipway/internal/vuln/vulntest"
)

// defect is one kind of broken change and the gate that is to stop it.
type defect struct {
	name    string // short, for the table
	what    string
	plant   func(context.Context, *workplace) error
	at      string // the action that is to fail, as stage/name
	because string // a regular expression that its log is to have
	mend    func(context.Context, *workplace) error
}

const (
	rehearsedFile = "web/rehearsed.go"
	rehearsedTest = "web/a_rehearsed_test.go" // go test runs it first
	healthFile    = "web/health.go"
	timeFile      = "web/time.go"
	overrideFile  = "override.yaml"
)

// inTaskOnly is a file of web that knows whether it runs in a task of the rehearsal.
const inTaskOnly = `package main

import "os"

var rehearsed = os.Getenv("` + inTask + `") != ""
`

// edition is a file that makes the service visibly another version: in a task, what GET / answers begins with mark.
func edition(mark string) string {
	return `package main

import "os"

func init() {
	if os.Getenv("` + inTask + `") != "" {
		_ = os.Setenv("HOSTNAME", "` + mark + `-"+os.Getenv("HOSTNAME"))
	}
}
`
}

const editionFile = "web/edition.go"

// stopped are the kinds, in the order of the gates. What is broken passes the gates before its own: it is well formed,
// and wrong only in a task.
func stopped() []defect {
	return []defect{
		{
			name: "lint", what: "a Go file that gofmt would write otherwise",
			plant: writing(rehearsedFile, inTaskOnly+"\nvar   _ = rehearsed\n"), mend: removing(rehearsedFile),
			at: "Checks/Lint", because: `failed: gofmt: not formatted: gofmt -w web/rehearsed\.go\n`,
		},
		{
			name: "unit", what: "a test that fails",
			plant: writing(rehearsedTest, "package main\n\nimport \"testing\"\n\nfunc TestRehearsed(t *testing.T) {\n\tt.Error(\"broken on purpose\")\n}\n"), mend: removing(rehearsedTest),
			at: "Checks/Unit", because: `--- FAIL: TestRehearsed`,
		},
		{
			name: "templates", what: "an override.yaml that opens the load balancer to SSH from anywhere",
			plant: both(writing(overrideFile, opening), generating), mend: both(removing(overrideFile), generating),
			at: "Checks/Templates", because: `CKV_AWS_24 on LoadBalancerSecurityGroup`,
		},
		{
			name: "vulnerability", what: "nothing broken, but an advisory on what the service calls has been published meanwhile",
			plant: func(ctx context.Context, w *workplace) error {
				advisory := vulntest.Advisory{ID: "GO-2026-9999", Module: "stdlib", Package: "net/http", Symbol: "Server.Serve"}
				return errors.Join(w.write("web/note.go", "package main\n\n// A harmless change.\n"), w.publish(advisory))
			},
			mend: func(ctx context.Context, w *workplace) error {
				return errors.Join(removing("web/note.go")(ctx, w), w.publish())
			},
			at: "Checks/Security", because: `GO-2026-9999: planted`,
		},
		{
			name: "crash", what: "a service that exits when it starts",
			plant: writing(rehearsedFile, "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nfunc init() {\n\tif os.Getenv(\""+inTask+"\") != \"\" {\n\t\tfmt.Fprintln(os.Stderr, \"broken on purpose\")\n\t\tos.Exit(3)\n\t}\n}\n"),
			mend:  removing(rehearsedFile),
			at:    "Deploy-dev/Deploy", because: `cause: container-exits`,
		},
		{
			name: "health", what: "a service whose health check answers 500",
			plant: both(writing(rehearsedFile, inTaskOnly), replacing(healthFile, wellHandler, unwellHandler)), mend: both(removing(rehearsedFile), replacing(healthFile, unwellHandler, wellHandler)),
			at: "Deploy-dev/Deploy", because: `cause: health-path`,
		},
		{
			name: "acceptance", what: "a service that is well and answers GET /time wrongly",
			plant: both(writing(rehearsedFile, wrongTime), replacing(timeFile, rightMessage, wrongMessage)), mend: both(removing(rehearsedFile), replacing(timeFile, wrongMessage, rightMessage)),
			at: "Deploy-dev/Deploy", because: `release \d+, which was there before, is back`,
		},
	}
}

// opening breaks no rule of gen, of CloudFormation or of cfn-lint.
const opening = `dev/ecs.yaml:
  LoadBalancerSecurityGroup:
    Properties:
      SecurityGroupIngress:
        - {Description: HTTP, CidrIp: 0.0.0.0/0, FromPort: 80, ToPort: 80, IpProtocol: tcp}
        - {Description: SSH, CidrIp: 0.0.0.0/0, FromPort: 22, ToPort: 22, IpProtocol: tcp}
`

const wrongTime = `package main

import "os"

func message() string {
	if os.Getenv("` + inTask + `") != "" {
		return "broken on purpose"
	}
	return "Automation for the People"
}
`

const (
	rightMessage  = `Message: "Automation for the People"`
	wrongMessage  = `Message: message()`
	wellHandler   = "_ *http.Request) {\n\trespondHealthy(w)\n"
	unwellHandler = "_ *http.Request) {\n\tif rehearsed {\n\t\trespondError(w, http.StatusInternalServerError, \"broken on purpose\")\n\t\treturn\n\t}\n\trespondHealthy(w)\n"
)

func writing(name, content string) func(context.Context, *workplace) error {
	return func(ctx context.Context, w *workplace) error { return w.write(name, content) }
}

func removing(name string) func(context.Context, *workplace) error {
	return func(ctx context.Context, w *workplace) error {
		return os.Remove(filepath.Join(w.root, filepath.FromSlash(name)))
	}
}

func replacing(name, old, new string) func(context.Context, *workplace) error {
	return func(ctx context.Context, w *workplace) error { return w.replace(name, old, new) }
}

// generating writes the templates of the copy's slipway.yaml and override.yaml.
func generating(ctx context.Context, w *workplace) error {
	said, err := w.run(ctx, "go", "run", "./gen")
	if err != nil {
		return fmt.Errorf("%w\n%s", err, said)
	}
	return nil
}

func both(first, second func(context.Context, *workplace) error) func(context.Context, *workplace) error {
	return func(ctx context.Context, w *workplace) error {
		if err := first(ctx, w); err != nil {
			return err
		}
		return second(ctx, w)
	}
}
