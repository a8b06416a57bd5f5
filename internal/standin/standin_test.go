package standin_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"slipway/internal/awsdouble"
	"slipway/internal/config"
	"slipway/internal/standin"
)

const named = `name: shop
security:
  boundary: arn:aws:iam::111122223333:policy/limit
  key: arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef
service:
  secrets: {DB: "ssm:/shop/{environment}/db", KEY: "secretsmanager:shop-{environment}#key", WHOLE: "secretsmanager:whole"}
environments:
  - name: test
    entry: {domain: test.example.com, hostedZone: Z0123456789ABCDEFGHIJ}
    watch: {topic: "arn:aws:sns:eu-central-1:111122223333:oncall"}
  - name: prod
    network:
      vpc: vpc-0aaaaaaaaaaaaaaaa
      cidr: 10.9.0.0/16
      publicSubnets: [subnet-0aaaaaaaaaaaaaaa1, subnet-0aaaaaaaaaaaaaaa2]
      privateSubnets: [subnet-0bbbbbbbbbbbbbbb1, subnet-0bbbbbbbbbbbbbbb2]
    entry:
      domain: example.com
      hostedZone: Z0123456789ABCDEFGHIJ
      certificate: arn:aws:acm:eu-central-1:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef
`

func read(t *testing.T, text string) config.Config {
	t.Helper()
	cfg, err := config.Parse(config.File, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// Whatever slipway.yaml names has another id afterwards, and nothing else of it has changed; a second call makes nothing.
func TestMake(t *testing.T) {
	d := awsdouble.New(t)
	given := read(t, named)
	got, lines, err := standin.Make(t.Context(), d.Config(), given)
	if err != nil {
		t.Fatal(err)
	}
	for _, env := range got.Environments {
		values := got.RootParameters(env)
		for key, value := range read(t, named).RootParameters(*environment(given, env.Name)) {
			if values[key] == value || values[key] == "" {
				t.Errorf("%s: %s is %q, was %q", env.Name, key, values[key], value)
			}
		}
	}
	for key, value := range given.FoundationParameters() {
		if now := got.FoundationParameters()[key]; now == value || now == "" {
			t.Errorf("%s is %q, was %q", key, now, value)
		}
	}
	if diff := cmp.Diff(read(t, named), given, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("the configuration that was given has changed: %s", diff)
	}
	for _, part := range []string{"Z0123456789ABCDEFGHIJ", "zone example.com", "vpc-0aaaaaaaaaaaaaaaa", "/shop/test/db", "/shop/prod/db", "shop-prod", "whole", ":policy/limit", ":oncall"} {
		if !strings.Contains(strings.Join(lines, "\n"), part) {
			t.Errorf("no line names %s:\n%s", part, strings.Join(lines, "\n"))
		}
	}
	again, _, err := standin.Make(t.Context(), d.Config(), given)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, again, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("the second call gives other ids: %s", diff)
	}
	if n := len(d.CallsTo("CreateStack")) + len(d.CallsTo("UpdateStack")); n != 1 {
		t.Errorf("%d stacks were made or changed, want 1", n)
	}
}

func environment(cfg config.Config, name string) *config.Environment {
	for i := range cfg.Environments {
		if cfg.Environments[i].Name == name {
			return &cfg.Environments[i]
		}
	}
	return nil
}

// A slipway.yaml that names more than before adds to what stands in already.
func TestMakeMore(t *testing.T) {
	d := awsdouble.New(t)
	before := read(t, named)
	before.Environments = before.Environments[:1]
	first, _, err := standin.Make(t.Context(), d.Config(), before)
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := standin.Make(t.Context(), d.Config(), read(t, named))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := first.Environments[0].Entry.HostedZone, second.Environments[0].Entry.HostedZone; a != b {
		t.Errorf("the zone is %s, was %s", b, a)
	}
	if second.Environments[1].Network.VPC == "vpc-0aaaaaaaaaaaaaaaa" {
		t.Error("the VPC has no stand-in")
	}
}

func TestMakeNothing(t *testing.T) {
	d := awsdouble.New(t)
	cfg := read(t, "name: shop\nenvironments: [{name: prod}]\n")
	if _, lines, err := standin.Make(t.Context(), d.Config(), cfg); err != nil || len(lines) > 0 || len(d.Calls()) > 0 {
		t.Errorf("%v, %v, %v", lines, err, d.Calls())
	}
}

// What cannot be made is said with the stack's own reason.
func TestMakeFails(t *testing.T) {
	d := awsdouble.New(t)
	d.PutStack(awsdouble.StackSpec{Name: standin.StackName, Status: "ROLLBACK_COMPLETE", Reason: "no such thing"})
	_, _, err := standin.Make(t.Context(), d.Config(), read(t, named))
	if err == nil || !strings.Contains(err.Error(), "stand-ins") {
		t.Errorf("got %v", err)
	}
}
