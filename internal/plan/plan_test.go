package plan

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/changes"
	"slipway/internal/config"
	"slipway/internal/stacks"
	"slipway/internal/template"
)

var update = flag.Bool("update", false, "write the outputs in testdata")

// side is what gen makes of a slipway.yaml.
func side(t *testing.T, text string) Side {
	t.Helper()
	cfg, err := config.Parse(config.File, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	folder := fstest.MapFS{}
	for _, file := range stacks.All(cfg) {
		text, err := file.Template.Render("")
		if err != nil {
			t.Fatal(err)
		}
		folder[file.Path] = &fstest.MapFile{Data: text}
	}
	return Side{folder, &cfg}
}

func made(t *testing.T, before, after string) Plan {
	t.Helper()
	p, err := Make("main", side(t, before), side(t, after), "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	plain = "name: shop\nenvironments: [{name: prod}]\n"
	inner = "name: shop\nenvironments: [{name: prod, network: {nat: one}, entry: {internal: true}}]\n"
)

// pairs are changes of slipway.yaml, each with the names of its risks.
var pairs = map[string]struct {
	before, after string
	risks         []string
}{
	"nothing":  {plain, plain, nil},
	"harmless": {plain, "name: shop\nservice: {healthInterval: 20}\nenvironments: [{name: prod, watch: {latency: 2000}}]\n", nil},
	"range": {plain, "name: shop\nenvironments: [{name: prod, network: {cidr: 10.9.0.0/16}}]\n", []string{
		"replace:prod.ECS.TargetGroup", "replace:prod.Network.PublicSubnetA", "replace:prod.Network.PublicSubnetB", "replace:prod.Network.VPC",
		"downtime:prod.ECS.TargetGroup", "downtime:prod.Network.VPC"}},
	"flow-logs-off": {"name: shop\nenvironments: [{name: prod, network: {flowLogs: true}}]\n", plain, []string{"loss:prod.Network.FlowLogGroup"}},
	"allow-more": {"name: shop\nenvironments: [{name: prod, entry: {allow: [203.0.113.0/24]}}]\n", plain, []string{
		"exposure:prod.ECS.LoadBalancerSecurityGroup"}},
	"allow-less": {plain, "name: shop\nenvironments: [{name: prod, entry: {allow: [203.0.113.0/24]}}]\n", []string{
		"iam:foundation.DeliveryBoundary", "iam:prod.ECS.VisitorExecutionRole", "iam:prod.Pipeline.DeployRole"}},
	"permissions": {"name: shop\nservice: {permissions: [{actions: [\"s3:GetObject\"], resources: [\"arn:${AWS::Partition}:s3:::x/*\"]}]}\nenvironments: [{name: prod}]\n",
		"name: shop\nservice: {permissions: [{actions: [\"s3:GetObject\", \"s3:PutObject\"], resources: [\"arn:${AWS::Partition}:s3:::x/*\"]}]}\nenvironments: [{name: prod}]\n",
		[]string{"iam:foundation.PermissionsBoundary", "iam:prod.ECS.TaskRole"}},
	"more-tasks":      {plain, "name: shop\nenvironments: [{name: prod, tasks: {min: 4, max: 4}}]\n", []string{"cost:prod"}},
	"environment-out": {"name: shop\nenvironments: [{name: dev}, {name: prod}]\npipeline: {environment: prod}\n", plain, nil},
	"name":            {plain, "name: store\nenvironments: [{name: prod}]\n", nil},
	"public": {inner, plain, []string{
		"replace:prod.ECS.LoadBalancer", "loss:prod.ECS.InternalTargetGroup", "loss:prod.Network.NATAddressA",
		"loss:prod.Network.PrivateSubnetA", "loss:prod.Network.PrivateSubnetB", "downtime:prod.ECS.LoadBalancer",
		"exposure:prod.ECS.LoadBalancer", "exposure:prod.ECS.LoadBalancerSecurityGroup", "exposure:prod.ECS.Service"}},
}

// left are the pairs that leave stacks behind, with what is said of it.
var left = map[string]string{
	"name":            "the name changes from shop to store: everything is made once more",
	"environment-out": "the environment dev is taken out: its stack stays",
}

func TestPlans(t *testing.T) {
	shown := map[Kind]bool{}
	for name, pair := range pairs {
		t.Run(name, func(t *testing.T) {
			p := made(t, pair.before, pair.after)
			var got []string
			for _, r := range p.Risks {
				got = append(got, r.Name)
				shown[r.Kind] = true
			}
			// Under another name everything is new.
			if name != "name" && !slices.Equal(got, pair.risks) {
				t.Errorf("risks %q, want %q", got, pair.risks)
			}
			if note := left[name]; note != "" {
				if len(p.Notes) != 1 || !strings.Contains(p.Notes[0], note) {
					t.Errorf("notes %q", p.Notes)
				}
				return // what is made of the pipeline then is told by its own tests
			}
			golden(t, name+".txt", p.Text)
			golden(t, name+".md", p.Markdown)
			golden(t, name+".json", func(w io.Writer) error {
				out := json.NewEncoder(w)
				out.SetEscapeHTML(false)
				out.SetIndent("", "  ")
				return out.Encode(p)
			})
		})
	}
	for _, kind := range kinds {
		if !shown[kind] && kind != Drift { // which no template shows
			t.Errorf("no pair has a risk of the kind %s", kind)
		}
	}
}

// golden compares an output with what testdata has; go test ./internal/plan -update writes that.
func golden(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s is not what is printed; look at it and run go test ./internal/plan -update (-want +got)\n%s", file, diff)
	}
}

// What a resource opens, by what it was; an override may bring any of it.
func TestExposureAndWidening(t *testing.T) {
	statement := func(rest string) string {
		return "{Type: \"AWS::IAM::ManagedPolicy\", Properties: {PolicyDocument: {Statement: [" + rest + "]}}}"
	}
	role := func(rest string) string { return "{Type: \"AWS::IAM::Role\", Properties: {" + rest + "}}" }
	group := func(rules string) string {
		return "{Type: \"AWS::EC2::SecurityGroup\", Properties: {SecurityGroupIngress: [" + rules + "]}}"
	}
	open := func(rest string) string { return "{CidrIp: 0.0.0.0/0, IpProtocol: tcp, " + rest + "}" }
	blocks := func(rest string) string {
		return "{Type: \"AWS::S3::Bucket\", Properties: {PublicAccessBlockConfiguration: {" + rest + "}}}"
	}
	for name, test := range map[string]struct{ before, after, exposes, widens string }{
		"port in a range":    {group(open("FromPort: 80, ToPort: 90")), group(open("FromPort: 80, ToPort: 80")), "", ""},
		"another port":       {group(open("FromPort: 80, ToPort: 80")), group(open("FromPort: 22, ToPort: 22")), "lets 0.0.0.0/0 in on port 22 (tcp)", ""},
		"IPv6":               {group(""), group("{CidrIpv6: \"::/0\", IpProtocol: \"-1\"}"), "lets ::/0 in on all ports (any protocol)", ""},
		"private":            {group(""), group("{CidrIp: 10.0.0.0/8, IpProtocol: \"-1\"}"), "", ""},
		"not known":          {group(""), group("{CidrIp: !Ref Range, IpProtocol: tcp, FromPort: 1, ToPort: 1}"), "lets {\"Ref\":\"Range\"} in on port 1 (tcp)", ""},
		"no scheme":          {"{Type: \"AWS::ElasticLoadBalancingV2::LoadBalancer\", Properties: {Scheme: internal}}", "{Type: \"AWS::ElasticLoadBalancingV2::LoadBalancer\"}", "the load balancer faces the internet", ""},
		"block off":          {blocks("BlockPublicAcls: true"), blocks("BlockPublicAcls: false"), "BlockPublicAcls is off", ""},
		"block gone":         {blocks("BlockPublicPolicy: true"), "{Type: \"AWS::S3::Bucket\"}", "BlockPublicPolicy is off", ""},
		"block on":           {"{Type: \"AWS::S3::Bucket\"}", blocks("BlockPublicAcls: true"), "", ""},
		"public subnet":      {"{Type: \"AWS::EC2::Subnet\"}", "{Type: \"AWS::EC2::Subnet\", Properties: {MapPublicIpOnLaunch: true}}", "whatever starts in the subnet gets a public address", ""},
		"anybody":            {statement("{Effect: Allow, Principal: {AWS: \"1\"}, Action: \"s3:Get\", Resource: x}"), statement("{Effect: Allow, Principal: \"*\", Action: \"s3:Get\", Resource: x}"), "allows anybody s3:Get", "allows s3:Get on x to *"},
		"within a wildcard":  {statement("{Effect: Allow, Action: \"s3:*\", Resource: \"*\"}"), statement("{Effect: Allow, Action: \"s3:Get\", Resource: \"a\"}"), "", ""},
		"a wildcard":         {statement("{Effect: Allow, Action: \"s3:Get\", Resource: a}"), statement("{Effect: Allow, Action: \"s3:*\", Resource: a}"), "", "allows s3:* on a"},
		"another resource":   {statement("{Effect: Allow, Action: \"s3:Get\", Resource: a}"), statement("{Effect: Allow, Action: \"s3:Get\", Resource: [a, b]}"), "", "allows s3:Get on b"},
		"condition comes":    {statement("{Effect: Allow, Action: a, Resource: a}"), statement("{Effect: Allow, Action: a, Resource: a, Condition: {Bool: {k: true}}}"), "", ""},
		"condition goes":     {statement("{Effect: Allow, Action: a, Resource: a, Condition: {Bool: {k: true}}}"), statement("{Effect: Allow, Action: a, Resource: a}"), "", "allows a on a"},
		"deny goes":          {statement("{Effect: Deny, Action: a, Resource: a}"), statement(""), "", "no longer denies a on a"},
		"deny is narrower":   {statement("{Effect: Deny, Action: \"a:*\", Resource: a}"), statement("{Effect: Deny, Action: \"a:b\", Resource: a}"), "", "no longer denies a:* on a"},
		"not action":         {statement("{Effect: Allow, NotAction: [a, b], Resource: \"*\"}"), statement("{Effect: Allow, NotAction: [a], Resource: \"*\"}"), "", "allows all but [\"a\"] on *"},
		"a policy goes":      {statement("{Effect: Deny, Action: a, Resource: a}"), "{}", "", "no longer denies a on a"},
		"boundary goes":      {role("AssumeRolePolicyDocument: a, PermissionsBoundary: b"), role("AssumeRolePolicyDocument: a"), "", "its boundary was b and is none"},
		"boundary comes":     {role("AssumeRolePolicyDocument: a"), role("AssumeRolePolicyDocument: a, PermissionsBoundary: b"), "", ""},
		"another boundary":   {role("AssumeRolePolicyDocument: a, PermissionsBoundary: b"), role("AssumeRolePolicyDocument: a, PermissionsBoundary: !Ref C"), "", "its boundary was b and is C"},
		"trust":              {role("AssumeRolePolicyDocument: a"), role("AssumeRolePolicyDocument: b"), "", "who may assume it changes"},
		"attached":           {role("AssumeRolePolicyDocument: a"), role("AssumeRolePolicyDocument: a, ManagedPolicyArns: [x]"), "", "ManagedPolicyArns has x"},
		"new, unbound":       {"{}", role("AssumeRolePolicyDocument: a"), "", "is a new role; has no boundary"},
		"less is allowed":    {statement("{Effect: Allow, Action: [a, b], Resource: a}"), statement("{Effect: Allow, Action: a, Resource: a}"), "", ""},
		"more is denied too": {statement(""), statement("{Effect: Deny, Action: a, Resource: a}"), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			was, is := one(t, test.before), one(t, test.after)
			if got := strings.Join(exposure(was, is), "; "); got != test.exposes {
				t.Errorf("exposes %q, want %q", got, test.exposes)
			}
			if got := strings.Join(widening(was, is), "; "); got != test.widens {
				t.Errorf("widens %q, want %q", got, test.widens)
			}
		})
	}
}

func one(t *testing.T, text string) template.Resource {
	t.Helper()
	read, err := template.Parse([]byte("Resources:\n  X: " + text + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return read.Resources["X"]
}

// A slipway.yaml of another version is not read, and the plan says what follows from that.
func TestWithoutTheOldConfiguration(t *testing.T) {
	before := side(t, plain)
	before.Config = nil
	p, err := Make("v1", before, side(t, plain), "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "slipway.yaml of v1 cannot be read") || len(p.Changes) > 0 {
		t.Errorf("notes %q, changes %v", p.Notes, p.Changes)
	}
}

// A long value is shown from where it differs on.
func TestShort(t *testing.T) {
	long := strings.Repeat("a", 150)
	before, after := short(long+"1"+long, long+"2")
	if want := "..." + strings.Repeat("a", lead) + "2"; after != want || !strings.HasPrefix(before, "..."+strings.Repeat("a", lead)+"1a") || !strings.HasSuffix(before, "a...") {
		t.Errorf("%q -> %q", before, after)
	}
	if before, after := short("", "a\nb"); before != "(none)" || after != `a\nb` {
		t.Errorf("%q -> %q", before, after)
	}
}

// What gets lost, or stops answering, beside what slipway.yaml can bring: an override may.
func TestLossAndDowntime(t *testing.T) {
	serviceOf := func(rest string) string { return "{Type: \"AWS::ECS::Service\", Properties: {" + rest + "}}" }
	for name, test := range map[string]struct{ before, after, want string }{
		"no longer kept":   {"{Type: \"AWS::S3::Bucket\", DeletionPolicy: Retain}", "{Type: \"AWS::S3::Bucket\", DeletionPolicy: Delete}", "DeletionPolicy is no longer Retain"},
		"kept now":         {"{Type: \"AWS::S3::Bucket\"}", "{Type: \"AWS::S3::Bucket\", DeletionPolicy: Retain}", ""},
		"no task":          {serviceOf("DesiredCount: 1"), serviceOf("DesiredCount: 0"), "no task is to run"},
		"fewer stay":       {serviceOf(""), serviceOf("DeploymentConfiguration: {MinimumHealthyPercent: 50}"), "a deployment may stop tasks before others stand in for them: 50 % stay, and were 100 %"},
		"more stay":        {serviceOf("DeploymentConfiguration: {MinimumHealthyPercent: 0}"), serviceOf("DeploymentConfiguration: {MinimumHealthyPercent: 50}"), ""},
		"a service goes":   {serviceOf(""), "", "is removed; lost: the running tasks; its tasks are stopped"},
		"a bucket is kept": {"{Type: \"AWS::S3::Bucket\", DeletionPolicy: Retain}", "", "is removed; kept in the account, and no longer the application's: the objects"},
		"another name":     {"{Type: \"AWS::Route53::RecordSet\", Properties: {Name: a}}", "{Type: \"AWS::Route53::RecordSet\", Properties: {Name: b}}", "the old name no longer leads here"},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := changes.Between(setOf(t, test.before), setOf(t, test.after))
			if err != nil || len(found) != 1 {
				t.Fatal(found, err)
			}
			c := found[0]
			was, is := resource(setOf(t, test.before), c), resource(setOf(t, test.after), c)
			if got := strings.Join(append(loss(c, was, is), downtime(c, was, is)...), "; "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func setOf(t *testing.T, resource string) changes.Set {
	t.Helper()
	resources := map[string]template.Resource{}
	if resource != "" {
		resources["X"] = one(t, resource)
	}
	return changes.Set{Templates: map[string]template.Template{"prod/ecs": {Resources: resources}}}
}
