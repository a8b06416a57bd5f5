package stacks

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"slipway/internal/iampolicy"
	"slipway/internal/iamref"
)

// The rules that every policy of every template keeps, by AWS's own reference of actions, resources and condition keys.
func TestPolicies(t *testing.T) {
	reference, err := iamref.Load()
	if err != nil {
		t.Fatal(err)
	}
	for name, cfg := range variants() {
		t.Run(name, func(t *testing.T) {
			a := deployed(t, cfg)
			theirs := map[string]bool{} // what slipway.yaml says of rights is for its writer to answer for
			for _, p := range cfg.Service.Statements {
				for _, action := range p.Actions {
					theirs[action] = true
				}
			}
			for _, p := range a.policies() {
				for _, s := range p.Statement {
					if theirs[s.Action[0]] {
						continue
					}
					for _, fault := range slices.Concat(reference.Faults(s, everything), trustFaults(p, s)) {
						t.Errorf("%s, statement %q: %s", p, s.Sid, fault)
					}
				}
			}
			for _, fault := range voidRights(reference, a) {
				t.Error(fault)
			}
		})
	}
}

// everything are the actions that are allowed on "*" although AWS knows a resource for them, with the reason. Any other
// action on "*" has no resource.
var everything = map[string]string{
	"cloudwatch:DescribeAlarms": "Composite alarms are told only to those who may describe all (docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html).",
	"wafv2:DisassociateWebACL":  "The reference names the load balancer, the firewall's own guide no resource; the load balancer's permission, which goes with it, is limited (docs.aws.amazon.com/waf/latest/developerguide/security_iam_service-with-iam.html).",
}

// withoutSource are the services whose documents do not promise aws:SourceAccount and aws:SourceArn when they take a role:
// IfExists holds them where they send it.
var withoutSource = map[string]string{
	"cloudformation.amazonaws.com": "The page on service roles names no source (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html).",
	"codepipeline.amazonaws.com":   "The page on service roles names no source (docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html).",
}

// trustFaults are what is wrong with who may use a role.
func trustFaults(p policy, s iampolicy.Statement) []string {
	if !p.trust {
		return nil
	}
	service := s.Principal["Service"]
	if len(s.Principal) != 1 || len(service) != 1 {
		return []string{fmt.Sprintf("it trusts %v: one service and nobody else", s.Principal)}
	}
	if withoutSource[service[0]] != "" {
		if s.Condition["StringEqualsIfExists"]["aws:SourceAccount"] == nil {
			return []string{"no aws:SourceAccount, not even IfExists"}
		}
		return nil
	}
	var faults []string
	if s.Condition["StringEquals"]["aws:SourceAccount"] == nil {
		faults = append(faults, "no aws:SourceAccount")
	}
	if s.Condition["ArnLike"]["aws:SourceArn"] == nil {
		faults = append(faults, "no aws:SourceArn")
	}
	return faults
}

// voidRights are actions that a role may do on some of the resources that they need at once, and not on the others.
func voidRights(reference iamref.Reference, a account) []string {
	var faults []string
	a.roles(func(file, id string) {
		resources := map[string][]string{} // by action
		for _, d := range a.of(file, id) {
			for _, s := range d.Statement {
				for _, action := range s.Action {
					if s.Effect == iampolicy.Allow {
						resources[action] = append(resources[action], s.Resource...)
					}
				}
			}
		}
		for action, allowed := range resources {
			known, _ := reference.Action(action)
			for _, kind := range known.Required {
				if !slices.ContainsFunc(allowed, func(arn string) bool { return arn == "*" || isOf(reference, action, arn, kind) }) {
					faults = append(faults, fmt.Sprintf("%s %s may %s on %v, but not on a %s, which it needs besides", file, id, action, allowed, kind))
				}
			}
		}
	})
	return faults
}

// isOf says whether an ARN can be of a type, or of another kind of the same: a listener of one load balancer or another.
func isOf(reference iamref.Reference, action, arn, kind string) bool {
	family, _, _ := strings.Cut(kind, "/")
	return slices.ContainsFunc(reference.TypesOf(action, arn), func(found string) bool {
		other, _, _ := strings.Cut(found, "/")
		return other == family
	})
}

// The rule on who may use a role sees what it is there for.
func TestTrustFaults(t *testing.T) {
	const tasks = `"Principal":{"Service":"ecs-tasks.amazonaws.com"}`
	for statement, want := range map[string]string{
		tasks: "no aws:SourceAccount",
		tasks + `,"Condition":{"StringEquals":{"aws:SourceAccount":"1"}}`:                                         "no aws:SourceArn",
		tasks + `,"Condition":{"StringEqualsIfExists":{"aws:SourceAccount":"1"},"ArnLike":{"aws:SourceArn":"x"}}`: "no aws:SourceAccount",
		`"Principal":"*"`: "one service and nobody else",
		`"Principal":{"AWS":"arn:aws:iam::1:root","Service":"codepipeline.amazonaws.com"}`: "one service and nobody else",
		`"Principal":{"Service":"codepipeline.amazonaws.com"}`:                             "not even IfExists",
	} {
		d, err := iampolicy.Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole",` + statement + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(trustFaults(policy{trust: true}, d.Statement[0]), "; "); !strings.Contains(got, want) {
			t.Errorf("%s: found %q, want %q", statement, got, want)
		}
	}
}

// IAM's limits at the longest names, Region and partition (docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
func TestPolicyLimits(t *testing.T) {
	for name, cfg := range variants() {
		a := deployed(t, cfg)
		a.partition, a.region = "aws-us-gov", "ap-southeast-1"
		for _, p := range a.policies() {
			if n := p.Size(); p.kind == "AWS::IAM::ManagedPolicy" && n > 6144 {
				t.Errorf("%s: %s has %d characters, 6,144 at most", name, p, n)
			}
		}
		a.roles(func(file, id string) {
			attached, _ := a.properties(file, id)["ManagedPolicyArns"].([]any)
			if len(attached) > 10 {
				t.Errorf("%s: %s %s has %d policies attached, 10 at most", name, file, id, len(attached))
			}
			inline := 0
			for _, d := range a.inline(file, id) {
				inline += d.Size()
			}
			if inline > 10240 {
				t.Errorf("%s: the inline policies of %s %s have %d characters, 10,240 at most", name, file, id, inline)
			}
			if n := len(a.name(file, id)); n > 64 {
				t.Errorf("%s: the role's name %s has %d characters, 64 at most", name, a.name(file, id), n)
			}
		})
	}
}

// A boundary allows what its roles do, and on all that they do it on: what it leaves out is refused whatever the role says.
func TestBoundariesAllowWhatTheirRolesDo(t *testing.T) {
	for name, cfg := range variants() {
		a := deployed(t, cfg)
		held := 0
		a.roles(func(file, id string) {
			arn := a.text(file, a.properties(file, id)["PermissionsBoundary"])
			for _, p := range a.policies() {
				if p.kind != "AWS::IAM::ManagedPolicy" || a.name(p.file, p.id) != arn {
					continue
				}
				held++
				for _, d := range a.of(file, id) {
					for _, r := range examples(d) {
						if !iampolicy.Allowed(r, p.Document) {
							t.Errorf("%s: %s %s may do %s, which %s leaves out", name, file, id, r, p.id)
						}
					}
				}
			}
		})
		if held == 0 && cfg.Security.Boundary == "" {
			t.Errorf("%s: no role was found with its boundary", name)
		}
	}
}

// examples are requests that the statements of a document allow: each action on each resource, any text in the place of
// "*", and under conditions that hold.
func examples(d iampolicy.Document) []iampolicy.Request {
	var list []iampolicy.Request
	for _, s := range d.Statement {
		context := map[string][]string{}
		for _, keys := range s.Condition {
			for key, values := range keys {
				context[key] = []string{strings.ReplaceAll(values[0], "*", "x")}
			}
		}
		for _, action := range s.Action {
			for _, resource := range s.Resource {
				if resource != "*" {
					resource = strings.ReplaceAll(resource, "*", "x")
				}
				list = append(list, iampolicy.Request{Action: action, Resource: resource, Context: context})
			}
		}
	}
	return list
}
