package plan

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"slipway/internal/changes"
	"slipway/internal/schema"
)

// updated is an update of shop's environment prod, about which CloudFormation says this of the stack ECS.
func updated(t *testing.T, before, after string, claims ...Claim) Update {
	t.Helper()
	root := []Claim{{LogicalID: "ECS", Type: nestedStack, Action: changes.Modify, HasSet: true}, {LogicalID: "Network", Type: nestedStack, Action: changes.Modify, HasSet: true}}
	return Update{
		Environment: "prod", Stack: "shop-prod", Before: side(t, before).Templates, After: side(t, after).Templates,
		Sets: []ChangeSet{{Stack: "prod/root", Claims: root}, {Stack: "prod/ecs", Claims: claims}},
	}
}

func live(t *testing.T, u Update) Plan {
	t.Helper()
	p, err := Live(u)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// find is the change of a resource; its action is empty where there is none.
func find(p Plan, stack, id string) Change {
	i := slices.IndexFunc(p.Changes, func(c Change) bool { return c.Stack == stack && c.LogicalID == id })
	if i < 0 {
		return Change{}
	}
	return p.Changes[i]
}

// group is what CloudFormation says of the target group.
func group(r schema.Replacement, properties ...ClaimedProperty) Claim {
	return Claim{LogicalID: "TargetGroup", Type: targetGroup, Action: changes.Modify, Replacement: r, Properties: properties}
}

func property(name, before, after string, r schema.Replacement) ClaimedProperty {
	return ClaimedProperty{Path: []string{"Properties", name}, Before: before, After: after, Replacement: r}
}

// What is known to be replaced is at risk, whoever knows it; what CloudFormation only does not know is not.
func TestClaims(t *testing.T) {
	const (
		range2 = "name: shop\nenvironments: [{name: prod, network: {cidr: 10.9.0.0/16}}]\n"
		slower = "name: shop\nservice: {healthInterval: 20}\nenvironments: [{name: prod}]\n"
	)
	unknown := property("VpcId", "vpc-1", "{{changeSet:KNOWN_AFTER_APPLY}}", schema.Always)
	unknown.Unknown = true
	fromSibling := property("VpcId", "vpc-1", "", schema.Always)
	fromSibling.Parameter = "VPCID"
	fromRoot := property("Port", "80", "81", schema.Always)
	fromRoot.Parameter = "ImageURI" // the root knows what it gives for that
	retained := group(schema.Always, property("Port", "80", "81", schema.Always))
	retained.Retained = true
	for name, test := range map[string]struct {
		after  string
		claims []Claim
		action string // of the target group
		guess  bool
		risks  string
	}{
		"nothing":                         {plain, nil, "", false, ""},
		"it alone knows":                  {plain, []Claim{group(schema.Always, property("Port", "80", "81", schema.Always))}, "replace", false, "replace:prod.ECS.TargetGroup downtime:prod.ECS.TargetGroup"},
		"it alone knows, by a parameter":  {plain, []Claim{group(schema.Always, fromRoot)}, "replace", false, "replace:prod.ECS.TargetGroup downtime:prod.ECS.TargetGroup"},
		"it alone knows, perhaps":         {plain, []Claim{group(schema.Sometimes, property("Port", "80", "81", schema.Always))}, "perhaps replace", false, "replace:prod.ECS.TargetGroup downtime:prod.ECS.TargetGroup"},
		"without any reason":              {plain, []Claim{group(schema.Always)}, "replace", false, "replace:prod.ECS.TargetGroup downtime:prod.ECS.TargetGroup"},
		"it does not know the value":      {plain, []Claim{group(schema.Always, unknown)}, "modify", true, ""},
		"it comes from a sibling":         {plain, []Claim{group(schema.Always, fromSibling)}, "modify", true, ""},
		"one of two values is known":      {plain, []Claim{group(schema.Always, unknown, property("Port", "80", "81", schema.Always))}, "replace", false, "replace:prod.ECS.TargetGroup downtime:prod.ECS.TargetGroup"},
		"the known one is harmless":       {plain, []Claim{group(schema.Always, unknown, property("Name", "a", "b", schema.Never))}, "modify", true, ""},
		"only changed, not known how":     {plain, []Claim{group(schema.Never, unknown)}, "modify", true, ""},
		"the schema knows that it is not": {plain, []Claim{group(schema.Sometimes, property("HealthCheckPath", "", "", schema.Sometimes))}, "modify", true, ""},
		"in place, both say":              {slower, []Claim{group(schema.Never, property("HealthCheckIntervalSeconds", "10", "20", schema.Never))}, "modify", false, ""},
		"the templates tell what it does not know": {range2, []Claim{group(schema.Sometimes, unknown)}, "replace", false,
			"replace:prod.ECS.TargetGroup replace:prod.Network.PublicSubnetA replace:prod.Network.PublicSubnetB replace:prod.Network.VPC downtime:prod.ECS.TargetGroup downtime:prod.Network.VPC"},
		"it knows that the templates are wrong": {range2, []Claim{group(schema.Never, property("VpcId", "vpc-1", "vpc-1", schema.Always))}, "modify", false,
			"replace:prod.Network.PublicSubnetA replace:prod.Network.PublicSubnetB replace:prod.Network.VPC downtime:prod.Network.VPC"},
		"it does not speak of it": {range2, nil, "modify", false,
			"replace:prod.Network.PublicSubnetA replace:prod.Network.PublicSubnetB replace:prod.Network.VPC downtime:prod.Network.VPC"},
		"removed": {plain, []Claim{{LogicalID: "TargetGroup", Type: targetGroup, Action: changes.Remove}}, "remove", false, "loss:prod.ECS.TargetGroup"},
	} {
		t.Run(name, func(t *testing.T) {
			p := live(t, updated(t, plain, test.after, test.claims...))
			got := find(p, "prod/ecs.yaml", "TargetGroup")
			if got.Action != test.action || got.Guess != test.guess {
				t.Errorf("%+v", got)
			}
			var risks []string
			for _, r := range p.Risks {
				risks = append(risks, r.Name)
			}
			if got := strings.Join(risks, " "); got != test.risks {
				t.Errorf("risks %s\nwant  %s", got, test.risks)
			}
			var text strings.Builder
			if err := p.Text(&text); err != nil || strings.Contains(text.String(), "only guesses") != test.guess {
				t.Errorf("%v\n%s", err, text.String())
			}
		})
	}
}

// A plan says what it is made from. A nested stack that is gone into without a reason is no change of its own.
func TestBasis(t *testing.T) {
	u := updated(t, plain, plain)
	if p := live(t, u); p.Basis != WholeChangeSet || len(p.Changes) > 0 || len(p.Notes) > 0 {
		t.Errorf("%+v", p)
	}
	u.Sets[0].Claims[0].HasSet = false
	if p := live(t, u); p.Basis != RootChangeSet || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "no change set of the nested stacks") {
		t.Errorf("%+v", p)
	}
	u.Sets = nil
	if p := live(t, u); p.Basis != TemplatesOnly {
		t.Errorf("%+v", p)
	}
	u.Before = fstest.MapFS{}
	if p := live(t, u); len(p.Risks) > 0 || len(p.Changes) == 0 || !strings.Contains(p.Notes[0], "everything is made") {
		t.Errorf("%+v", p)
	}
}

// The values of parameters are told where the template has them alone; what nobody is to see is not.
func TestParameterValues(t *testing.T) {
	folder := func() fstest.MapFS {
		return fstest.MapFS{"prod/root.yaml": {Data: []byte(`
Parameters: {Open: {Type: String}, Secret: {Type: String, NoEcho: true}}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Ref Open, KmsMasterKeyId: !Ref Secret, TopicName: !Sub "x-${Secret}"}
`)}}
	}
	p := live(t, Update{
		Environment: "prod", Stack: "shop-prod", Before: folder(), After: folder(),
		Was: map[string]string{"Open": "a", "Secret": "****"}, Is: map[string]string{"Open": "b", "Secret": "swordfish"},
	})
	got := find(p, "prod/root.yaml", "Topic").Properties
	if len(got) != 3 || got[0].Before != "a" || got[0].After != "b" || got[1].Before != hidden || got[1].After != hidden {
		t.Errorf("%+v", got)
	}
	var text strings.Builder
	if err := p.Text(&text); err != nil || strings.Contains(text.String(), "swordfish") {
		t.Errorf("%v\n%s", err, text.String())
	}
}

// Money is told of what the plan is about alone, and of nothing on an engine where nothing costs any.
func TestCostOfAnUpdate(t *testing.T) {
	u := updated(t, plain, "name: shop\nenvironments: [{name: prod, tasks: {min: 4, max: 4}}]\n")
	u.Region = "us-east-1"
	p := live(t, u)
	if len(p.Risks) != 1 || p.Risks[0].Name != "cost:prod" || p.Cost.AfterLow <= p.Cost.BeforeLow || p.Cost.BeforeLow <= 0 {
		t.Errorf("%+v %v", p.Cost, p.Risks)
	}
	u.Region = ""
	var text strings.Builder
	if err := live(t, u).Text(&text); err != nil || strings.Contains(text.String(), "USD") {
		t.Errorf("%v\n%s", err, text.String())
	}
}
