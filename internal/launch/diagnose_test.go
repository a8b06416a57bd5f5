package launch

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"slipway/internal/awsdouble"
	"slipway/internal/deployer"
)

// checked finds a check by its name.
func checked(t *testing.T, checks []Check, name string) Check {
	t.Helper()
	i := slices.IndexFunc(checks, func(c Check) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no check %q among %+v", name, checks)
	}
	return checks[i]
}

// Everything that a launch would be refused for is told at once, with what to do, and with no right to change anything.
func TestDiagnose(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.may(deployer.Deploy, deployer.Preflight)
	for _, c := range b.Diagnose(t.Context()) {
		if c.Refused || c.Warned || c.Found == "" {
			t.Errorf("before a launch: %+v", c)
		}
	}
	if c := checked(t, b.Diagnose(t.Context()), "environment prod, availability zones"); c.Found == "" {
		t.Errorf("%+v", c)
	}
	if living := b.double.Living(); len(living) > 0 {
		t.Errorf("it made %v", living)
	}
	for status, want := range map[string]Check{
		"CREATE_COMPLETE":        {Refused: true, Name: "names of the stacks"}, // without our tag
		"DELETE_FAILED":          {Refused: true, Name: "environment prod"},
		"UPDATE_FAILED":          {Warned: true, Name: "environment prod"},
		"UPDATE_ROLLBACK_FAILED": {Warned: true, Name: "environment prod"},
		"UPDATE_IN_PROGRESS":     {Warned: true, Name: "environment prod"},
	} {
		b := newBench(t)
		b.double.PutStack(awsdouble.StackSpec{Name: "slipway-demo-prod", Status: status})
		got := checked(t, b.Diagnose(t.Context()), want.Name)
		if got.Refused != want.Refused || got.Warned != want.Warned || got.Fix == "" {
			t.Errorf("%s: %+v", status, got)
		}
	}
}

func TestDiagnoseWithoutSomebodyToAsk(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.AWS.Credentials = nil
	if c := checked(t, b.Diagnose(t.Context()), "credentials"); !c.Refused || c.Fix == "" {
		t.Errorf("%+v", c)
	}
	b = newBench(t)
	b.AWS = aws.Config{Credentials: b.AWS.Credentials}
	if c := checked(t, b.Diagnose(t.Context()), "account and Region"); !c.Refused {
		t.Errorf("%+v", c)
	}
}

// What slipway.yaml names is looked at, and all that does not fit is told.
func TestDiagnoseWhatIsNamed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.asking(t, "name: shop\nenvironments:\n  - name: prod\n    watch: {topic: arn:aws:sns:us-east-1:123456789012:gone}\nsecurity: {key: arn:aws:kms:us-east-1:123456789012:key/gone}\n")
	b.may(deployer.Deploy, deployer.Preflight)
	checks := b.Diagnose(t.Context())
	for _, name := range []string{"environment prod, watch.topic", "security.key"} {
		if c := checked(t, checks, name); !c.Refused || c.Fix == "" {
			t.Errorf("%+v", c)
		}
	}
	b.may(deployer.Deploy)
	if c := checked(t, b.Diagnose(t.Context()), "security.key"); c.Refused || !c.Warned || c.Fix == "" {
		t.Errorf("without the right to look: %+v", c)
	}
}
