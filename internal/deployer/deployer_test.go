package deployer

import (
	"slices"
	"strings"
	"testing"

	"slipway/internal/config"
	"slipway/internal/iampolicy"
	"slipway/internal/iamref"
)

// places are those of the longest names.
var places = []Place{{Partition: "aws", Region: "ap-southeast-1", Account: "123456789012"}, {Partition: "aws-us-gov", Region: "us-gov-west-1", Account: "123456789012"}}

func committed(t *testing.T) config.Config {
	t.Helper()
	cfg, err := config.Load("../../slipway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// largest has ten environments with everything, and names at their longest.
func largest(t *testing.T) config.Config {
	t.Helper()
	cfg := committed(t)
	cfg.Name = strings.Repeat("x", 32)
	env := cfg.Environments[0]
	cfg.Environments = nil
	for i := range 10 {
		env.Name = strings.Repeat("y", 15) + string(rune('0'+i))
		env.Entry.AccessLogs = true
		cfg.Environments = append(cfg.Environments, env)
	}
	return cfg
}

func underKey(t *testing.T) config.Config {
	t.Helper()
	cfg := committed(t)
	cfg.Security.Key = "arn:aws:kms:ap-southeast-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	return cfg
}

// What lies in the bucket under the user's own key takes a right on the key, through S3 and not otherwise; without one nobody
// has it.
func TestOwnKey(t *testing.T) {
	for action, policies := range map[string][]string{"kms:Decrypt": {Deploy, Operate}, "kms:GenerateDataKey": {Deploy}} {
		for _, cfg := range []config.Config{underKey(t), committed(t)} {
			var through, otherwise []string
			for _, r := range slices.Concat(Rights(cfg, places[0]), Operating(cfg, places[0])) {
				may := func(service string) bool {
					return iampolicy.Allowed(iampolicy.Request{Action: action, Resource: underKey(t).Security.Key,
						Context: map[string][]string{"kms:ViaService": {service + ".ap-southeast-1.amazonaws.com"}}}, iampolicy.Document{Statement: []iampolicy.Statement{r.Statement}})
				}
				if may("s3") {
					through = append(through, r.Policy)
				}
				if may("secretsmanager") {
					otherwise = append(otherwise, r.Policy)
				}
			}
			want := policies
			if cfg.Security.Key == "" {
				want = nil
			}
			if !slices.Equal(through, want) || len(otherwise) > 0 {
				t.Errorf("%s with the key %q: %v through S3, %v otherwise", action, cfg.Security.Key, through, otherwise)
			}
		}
	}
}

// everything are the actions that are allowed on "*" although AWS knows a resource for them, with the reason.
var everything = map[string]string{
	"cloudformation:DescribeStacks": "Without a name it lists all stacks; only so are they found by their tag.",
}

func TestRightsKeepTheRules(t *testing.T) {
	reference, err := iamref.Load()
	if err != nil {
		t.Fatal(err)
	}
	withExec := committed(t)
	withExec.Service.Exec = true
	for _, cfg := range []config.Config{committed(t), largest(t), withExec, underKey(t)} {
		for _, r := range slices.Concat(Rights(cfg, places[0]), Operating(cfg, places[0])) {
			for _, fault := range reference.Faults(r.Statement, everything) {
				t.Errorf("policy %s, statement %s: %s", r.Policy, r.Sid, fault)
			}
			if r.Why == "" || !slices.Contains(AllNames, r.Policy) {
				t.Errorf("statement %s has no reason, or no policy: %q", r.Sid, r.Policy)
			}
		}
	}
}

// A managed policy has 6,144 characters at most (docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
func TestLimits(t *testing.T) {
	for name, d := range Policies(largest(t), places[0]) {
		for _, place := range places {
			if n := Policies(largest(t), place)[name].Size(); n > 6144 {
				t.Errorf("policy %s has %d characters in %s", name, n, place.Region)
			}
		}
		seen := map[string]bool{}
		for _, s := range d.Statement {
			if seen[s.Sid] {
				t.Errorf("policy %s has two statements %s", name, s.Sid)
			}
			seen[s.Sid] = true
		}
	}
}
