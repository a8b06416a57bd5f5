package stacks

import (
	"os"
	"slices"
	"strings"
	"testing"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/iampolicy"
)

func secured(security config.Security, change func(*config.Environment)) config.Config {
	cfg := with(change)
	cfg.Security = security
	return cfg
}

// securityVariants are configurations with a key, a boundary or both of the user's own.
func securityVariants() map[string]config.Config {
	key, boundary := config.Security{Key: someKey}, config.Security{Boundary: filled[contract.KeyOwnBoundaryARN]}
	both := config.Security{Key: someKey, Boundary: filled[contract.KeyOwnBoundaryARN]}
	all := secured(both, func(e *config.Environment) {
		e.Network.FlowLogs, e.Entry.AccessLogs, e.Watch.Email, e.Watch.Insights = true, true, someEmail, true
	})
	all.Service.Secrets = someSecrets
	return map[string]config.Config{
		"own key":          secured(key, func(*config.Environment) {}),
		"own boundary":     secured(boundary, func(*config.Environment) {}),
		"all of one's own": all,
	}
}

// A boundary of the user's own holds every role, CloudFormation's own included, and is the only one with which a role may be
// made. slipway's two stay, for roles that still bear them.
func TestOwnBoundary(t *testing.T) {
	for _, name := range []string{"own boundary", "all of one's own"} {
		a := deployed(t, variants()[name])
		own := filled[contract.KeyOwnBoundaryARN]
		a.roles(func(file, id string) {
			if got := a.text(file, a.properties(file, id)["PermissionsBoundary"]); got != own {
				t.Errorf("%s: %s %s is held by %s", name, file, id, got)
			}
		})
		for path, boundary := range map[string]string{contract.EnvironmentRolePath("shop"): "PermissionsBoundary", contract.PipelineRolePath("shop"): "DeliveryBoundary"} {
			for by, want := range map[string]bool{own: true, a.name(contract.FoundationTemplate, boundary): false, "": false} {
				r := iampolicy.Request{Action: "iam:CreateRole", Resource: a.arn("iam", "role"+path+"x"), Context: map[string][]string{"iam:PermissionsBoundary": {by}}}
				if got := iampolicy.Allowed(r, a.of(contract.FoundationTemplate, "ExecutionRole")...); got != want {
					t.Errorf("%s: a role under %s, held by %q, may be made: %v", name, path, by, got)
				}
			}
			if a.resource(contract.FoundationTemplate, boundary) == nil {
				t.Errorf("%s: %s goes while roles bear it", name, boundary)
			}
		}
	}
}

// What is too much for slipway's own boundary is not for another.
func TestOwnBoundaryTakesMore(t *testing.T) {
	cfg := variants()["own boundary"]
	for i := range 150 {
		cfg.Service.Secrets = append(cfg.Service.Secrets, config.Secret{Name: "S", Store: config.ParameterStore, Path: "/shop/" + strings.Repeat("x", i)})
	}
	a := deployed(t, cfg)
	for _, p := range a.policies() {
		if p.kind == "AWS::IAM::ManagedPolicy" && p.Size() > 6144 {
			t.Errorf("%s has %d characters", p, p.Size())
		}
	}
}

// Everything that can be is encrypted with the key, and where it is nothing is to be accepted.
func TestOwnKey(t *testing.T) {
	a := deployed(t, variants()["all of one's own"])
	groups := 0
	for file, tpl := range a.all {
		for id := range ofType(tpl, "AWS::Logs::LogGroup") {
			groups++
			if got := a.text(file, a.properties(file, id)["KmsKeyId"]); got != someKey || a.resource(file, id)["Metadata"] != nil {
				t.Errorf("%s %s is encrypted with %q", file, id, got)
			}
		}
		for id := range ofType(tpl, "AWS::CodeBuild::Project") {
			if got := a.text(file, a.properties(file, id)["EncryptionKey"]); got != someKey {
				t.Errorf("%s %s encrypts with %q", file, id, got)
			}
		}
	}
	if groups != 6 {
		t.Errorf("%d log groups were seen, want 6", groups)
	}
	at := func(file string, place ...any) string {
		return a.text(file, at(t, any(a.all[file].Resources), place...))
	}
	byDefault := []any{"Properties", "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault"}
	for _, c := range []struct{ what, got, want string }{
		{"the topic", at("prod/ecs.yaml", "Topic", "Properties", "KmsMasterKeyId"), someKey},
		{"the bucket", at(contract.FoundationTemplate, append([]any{"Bucket"}, append(byDefault, "KMSMasterKeyID")...)...), someKey},
		{"the access logs", at("prod/ecs.yaml", append([]any{"AccessLogs"}, append(byDefault, "SSEAlgorithm")...)...), "AES256"},
		{"artifacts", at("prod/pipeline.yaml", "Pipeline", "Properties", "ArtifactStore", "EncryptionKey", "Id"), someKey},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.what, c.got, c.want)
		}
	}
	if got := a.properties(contract.FoundationTemplate, "Repository")["EncryptionConfiguration"].(map[string]any)["KmsKey"]; got != nil {
		t.Errorf("the repository has the key %v: with another it would be another repository", got)
	}
}

// Whoever reads or writes objects of the bucket may use the key for that; without a key nobody has a right on any.
func TestKeyRights(t *testing.T) {
	for _, name := range []string{"own key", "all of one's own"} {
		a := deployed(t, variants()[name])
		object := a.attribute(contract.FoundationTemplate, "Bucket.Arn") + "/"
		seen := 0
		a.roles(func(file, id string) {
			docs := a.of(file, id)
			reach := func(action string) bool {
				return slices.ContainsFunc([]string{contract.SourcesPrefix + "x", contract.TemplatesPrefix + "x", contract.SourceObject, contract.ArtifactFolder("shop", "prod") + "/x"},
					func(key string) bool {
						return iampolicy.Allowed(iampolicy.Request{Action: action, Resource: object + key}, docs...)
					})
			}
			for s3, kms := range map[string]string{"s3:GetObject": "kms:Decrypt", "s3:PutObject": "kms:GenerateDataKey"} {
				use := iampolicy.Request{Action: kms, Resource: someKey, Context: map[string][]string{"kms:ViaService": {"s3.eu-west-1.amazonaws.com"}}}
				if !reach(s3) {
					continue
				}
				seen++
				if !iampolicy.Allowed(use, docs...) {
					t.Errorf("%s: %s %s may %s and not %s", name, file, id, s3, kms)
				}
			}
		})
		if seen < 8 {
			t.Errorf("%s: only %d uses of the bucket were seen", name, seen)
		}
	}
	for path, tpl := range rendered(t, variants()["every option"]) {
		if strings.Contains(tpl.text, "kms:") {
			t.Errorf("%s speaks of a key, and there is none", path)
		}
	}
}

// keyPolicy is the policy that docs/permissions.md shows, for the account of the tests.
func keyPolicy(t *testing.T) iampolicy.Document {
	t.Helper()
	page, err := os.ReadFile("../../docs/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "## A key of your own")
	_, text, _ := strings.Cut(rest, "```json\n")
	text, _, found := strings.Cut(text, "```")
	if !found {
		t.Fatal("docs/permissions.md shows no policy of a key")
	}
	d, err := iampolicy.Parse([]byte(strings.NewReplacer("PARTITION", "aws", "REGION", "eu-west-1", "ACCOUNT", "123456789012", "NAME", "shop").Replace(text)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The key's policy in the documents lets the services do what the templates ask of them, and no more.
func TestKeyPolicy(t *testing.T) {
	d := keyPolicy(t)
	as := func(service, action string, context map[string][]string) bool {
		var theirs iampolicy.Document
		for _, s := range d.Statement {
			if slices.Contains(s.Principal["Service"], service) {
				theirs.Statement = append(theirs.Statement, s)
			}
		}
		return iampolicy.Allowed(iampolicy.Request{Action: action, Resource: someKey, Context: context}, theirs)
	}
	a := deployed(t, variants()["all of one's own"])
	ofGroup := func(arn string) map[string][]string {
		return map[string][]string{"kms:EncryptionContext:aws:logs:arn": {strings.TrimSuffix(arn, ":*")}}
	}
	for file, tpl := range a.all {
		for id := range ofType(tpl, "AWS::Logs::LogGroup") {
			for _, action := range []string{"kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"} {
				if !as("logs.eu-west-1.amazonaws.com", action, ofGroup(a.attribute(file, id+".Arn"))) {
					t.Errorf("CloudWatch Logs may not %s for %s %s", action, file, id)
				}
			}
		}
	}
	for _, service := range []string{"cloudwatch.amazonaws.com", "events.amazonaws.com"} {
		for _, action := range []string{"kms:Decrypt", "kms:GenerateDataKey"} {
			if !as(service, action, nil) {
				t.Errorf("%s may not %s, and cannot publish", service, action)
			}
		}
	}
	for _, c := range []struct{ service, action, group string }{
		{"logs.eu-west-1.amazonaws.com", "kms:Decrypt", "arn:aws:logs:eu-west-1:123456789012:log-group:other"},
		{"logs.eu-west-1.amazonaws.com", "kms:ScheduleKeyDeletion", a.attribute("prod/ecs.yaml", "LogGroup.Arn")},
		{"events.amazonaws.com", "kms:Encrypt", ""},
	} {
		if as(c.service, c.action, ofGroup(c.group)) {
			t.Errorf("%s may %s for %s", c.service, c.action, c.group)
		}
	}
	account := slices.ContainsFunc(d.Statement, func(s iampolicy.Statement) bool {
		return slices.Equal(s.Principal["AWS"], []string{"arn:aws:iam::123456789012:root"}) && slices.Equal(s.Action, []string{"kms:*"})
	})
	if !account {
		t.Error("without the account itself in the policy no role's own rights on the key count")
	}
}
