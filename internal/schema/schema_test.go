package schema

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/suggest"
)

func loaded(t *testing.T) Types {
	t.Helper()
	types, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return types
}

func TestCheck(t *testing.T) {
	type m = map[string]any
	subnets := []any{"subnet-1", "subnet-2"}
	group := func(ingress m) m { return m{"GroupDescription": "x", "SecurityGroupIngress": []any{ingress}} }
	tests := map[string]struct {
		kind       string
		properties m
		want       []string
	}{
		"nothing wrong":      {"AWS::Logs::LogGroup", m{"RetentionInDays": 30, "Tags": []any{m{"Key": "a", "Value": "b"}}}, nil},
		"misspelt":           {"AWS::Logs::LogGroup", m{"RetentionInDay": 30}, []string{"RetentionInDay: there is no such property; did you mean RetentionInDays?"}},
		"misspelt below":     {"AWS::Logs::LogGroup", m{"Tags": []any{m{"Key": "a", "Valeu": "b"}}}, []string{"Tags.0.Valeu: there is no such property; did you mean Value? (there are Key, Value)", "Tags.0: lacks Value, which is required"}},
		"intrinsic":          {"AWS::Logs::LogGroup", m{"RetentionInDays": m{"Ref": "Days"}, "Tags": m{"Fn::If": []any{}}}, nil},
		"text for a number":  {"AWS::Logs::LogGroup", m{"RetentionInDays": "30"}, []string{`RetentionInDays: is the text "30"; it must be a whole number`}},
		"number for a text":  {"AWS::Logs::LogGroup", m{"Tags": []any{m{"Key": "a", "Value": 1}}}, []string{"Tags.0.Value: is the number 1; it must be a text"}},
		"fraction":           {"AWS::Logs::LogGroup", m{"RetentionInDays": 1.5}, []string{"RetentionInDays: is the number 1.5; it must be a whole number"}},
		"null":               {"AWS::Logs::LogGroup", m{"RetentionInDays": nil}, []string{"RetentionInDays: is empty; it must be a whole number"}},
		"enumeration":        {"AWS::Logs::LogGroup", m{"RetentionInDays": 31}, []string{"RetentionInDays: is the number 31; it must be one of 1, 3"}},
		"enumeration, text":  {"AWS::S3::Bucket", m{"VersioningConfiguration": m{"Status": "enabled"}}, []string{`VersioningConfiguration.Status: is the text "enabled"; it must be one of Enabled, Suspended; did you mean Enabled?`}},
		"constant":           {"AWS::S3::Bucket", m{"ObjectLockConfiguration": m{"ObjectLockEnabled": "Yes"}}, []string{`ObjectLockConfiguration.ObjectLockEnabled: is the text "Yes"; it must be one of Enabled`}},
		"any case":           {"AWS::EC2::EIP", m{"Domain": "VPC"}, nil},
		"pattern":            {"AWS::KMS::Alias", m{"AliasName": "shop", "TargetKeyId": "x"}, []string{`AliasName: is the text "shop"; it must match ^(alias/)`}},
		"too short":          {"AWS::IAM::Role", m{"AssumeRolePolicyDocument": m{}, "Tags": []any{m{"Key": "", "Value": "x"}}}, []string{`Tags.0.Key: is the text ""; it must match`, "Tags.0.Key: has 0 characters; it must have at least 1"}},
		"minimum":            {"AWS::KMS::Key", m{"PendingWindowInDays": 3}, []string{"PendingWindowInDays: is 3; it must be at least 7"}},
		"maximum":            {"AWS::KMS::Key", m{"PendingWindowInDays": 31}, []string{"PendingWindowInDays: is 31; it must be at most 30"}},
		"required":           {"AWS::SNS::Subscription", m{"Protocol": "email"}, []string{": lacks TopicArn, which is required"}},
		"required, no value": {"AWS::SNS::Subscription", m{"Protocol": "email", "TopicArn": m{"Ref": "AWS::NoValue"}}, []string{": lacks TopicArn, which is required"}},
		"none of two":        {"AWS::ElasticLoadBalancingV2::LoadBalancer", m{}, []string{": has 0 of Subnets, SubnetMappings; it must have exactly one of them"}},
		"both of two":        {"AWS::ElasticLoadBalancingV2::LoadBalancer", m{"Subnets": subnets, "SubnetMappings": []any{}}, []string{": has 2 of Subnets, SubnetMappings; it must have exactly one of them"}},
		"none of several":    {"AWS::Events::Rule", m{}, []string{": has none of EventPattern, ScheduleExpression; it must have at least one of them"}},
		"goes with":          {"AWS::ApplicationAutoScaling::ScalingPolicy", m{"PolicyName": "x", "PolicyType": "TargetTrackingScaling", "ResourceId": "x", "ServiceNamespace": "ecs"}, []string{": has ResourceId but lacks ScalableDimension, which goes with it"}},
		"does not go with":   {"AWS::EC2::Subnet", m{"VpcId": "x", "CidrBlock": "10.0.0.0/24", "AvailabilityZone": "a", "AvailabilityZoneId": "b"}, []string{": has AvailabilityZone and AvailabilityZoneId; only one of them may stand there"}},
		"twice":              {"AWS::ElasticLoadBalancingV2::LoadBalancer", m{"Subnets": []any{"a", "a"}}, []string{"Subnets: has item 1 twice; each may stand there once"}},
		"read-only":          {"AWS::Logs::LogGroup", m{"Arn": "x"}, []string{"Arn: is set by AWS alone; leave it out"}},
		"several kinds":      {"AWS::SNS::TopicPolicy", m{"Topics": []any{"a"}, "PolicyDocument": m{"Version": "x", "Statement": []any{m{"Any": m{"thing": 1}}}}}, nil},
		"a map of any keys":  {"AWS::ECS::TaskDefinition", m{"ContainerDefinitions": []any{m{"Name": "x", "Image": "x", "DockerLabels": m{"any": "x"}}}}, nil},
		"its values":         {"AWS::ECS::TaskDefinition", m{"ContainerDefinitions": []any{m{"Name": "x", "Image": "x", "DockerLabels": m{"any": 1}}}}, []string{"ContainerDefinitions.0.DockerLabels.any: is the number 1; it must be a text"}},
		"one of two forms":   {"AWS::IAM::Policy", m{"PolicyName": "x", "PolicyDocument": m{}, "Roles": []any{"x"}}, nil},
		"neither form":       {"AWS::IAM::Policy", m{"PolicyName": "x", "PolicyDocument": m{}}, []string{": fits none of the forms that it may have; of the last one: lacks Roles, which is required"}},
		"misspelt in a type with forms": {"AWS::IAM::Policy", m{"PolicyName": "x", "PolicyDocument": m{}, "Roles": []any{"x"}, "Role": "x"},
			[]string{"Role: there is no such property; did you mean Roles?"}},
		"forms of a definition": {"AWS::EC2::SecurityGroup", group(m{"IpProtocol": "tcp"}), []string{"SecurityGroupIngress.0: has 0 of CidrIp, "}},
	}
	types := loaded(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := types.Types[test.kind].Check(test.properties)
			if len(got) != len(test.want) {
				t.Fatalf("got %v, want %q", got, test.want)
			}
			for i, want := range test.want {
				if !strings.HasPrefix(got[i].String(), want) {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
		})
	}
}

func TestProperty(t *testing.T) {
	types := loaded(t)
	tests := map[string]struct {
		kind string
		path []string
		want []string
	}{
		"of the resource": {"AWS::Logs::LogGroup", []string{"RetentionInDays"}, []string{"integer"}},
		"of an item":      {"AWS::Logs::LogGroup", []string{"Tags", "0", "Key"}, []string{"string"}},
		"of any item":     {"AWS::Logs::LogGroup", []string{"Tags", "*", "Key"}, []string{"string"}},
		"of a map":        {"AWS::ECS::TaskDefinition", []string{"ContainerDefinitions", "0", "DockerLabels", "x"}, []string{"string"}},
		"in a document":   {"AWS::IAM::Role", []string{"AssumeRolePolicyDocument", "Statement", "0"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := types.Types[test.kind].Property(test.path...)
			if !ok || !slices.Equal(got.Type, test.want) {
				t.Errorf("got %+v, %v, want the type %v", got, ok, test.want)
			}
		})
	}
	for _, path := range [][]string{{"Retention"}, {"Tags", "Key"}, {"RetentionInDays", "0"}} {
		if got, ok := types.Types["AWS::Logs::LogGroup"].Property(path...); ok {
			t.Errorf("%v: got %+v, want none", path, got)
		}
	}
}

func TestHasAttribute(t *testing.T) {
	types := loaded(t)
	for _, test := range []struct {
		kind, name string
		want       bool
	}{
		{"AWS::Logs::LogGroup", "Arn", true},
		{"AWS::Logs::LogGroup", "Name", false},
		{"AWS::ElasticLoadBalancingV2::LoadBalancer", "DNSName", true},
		{"AWS::CloudFormation::Stack", "Outputs.VPCID", true},
		{"AWS::CloudFormation::Stack", "Output", false},
		{"AWS::ECS::Service", "Name", true},
	} {
		if got := types.Types[test.kind].HasAttribute(test.name); got != test.want {
			t.Errorf("%s of %s: got %v, want %v", test.name, test.kind, got, test.want)
		}
	}
}

func TestCreateOnly(t *testing.T) {
	types := loaded(t)
	for _, test := range []struct {
		kind string
		path string
		want Replacement
	}{
		{"AWS::ECS::Service", "Cluster", Always},
		{"AWS::ECS::Service", "LaunchType", Sometimes},
		{"AWS::ECS::Service", "DesiredCount", Never},
		{"AWS::ECS::TaskDefinition", "ContainerDefinitions/0/Image", Always},
		{"AWS::ECR::Repository", "EncryptionConfiguration", Always},
		{"AWS::ECR::Repository", "EncryptionConfiguration/KmsKey", Always},
		{"AWS::EC2::VPCEndpoint", "DnsOptions/DnsRecordIpType", Never},
		{"AWS::EC2::VPCEndpoint", "DnsOptions/PrivateDnsPreference", Always},
	} {
		if got := types.Types[test.kind].CreateOnly(strings.Split(test.path, "/")...); got != test.want {
			t.Errorf("%s %s: got %v, want %v", test.kind, test.path, got, test.want)
		}
	}
}

func TestPermissions(t *testing.T) {
	types := loaded(t)
	if got := types.Types["AWS::ECS::Service"].Permissions("create"); !slices.Contains(got, "ecs:CreateService") {
		t.Errorf("got %v, want ecs:CreateService among them", got)
	}
	if got := types.Types["AWS::CodeBuild::Project"].Permissions("create"); got != nil {
		t.Errorf("got %v for a type without handlers", got)
	}
}

// Every reference leads to a definition, and every type has what the package reads.
func TestDataIsWhole(t *testing.T) {
	types := loaded(t)
	if !regexp.MustCompile(`^cfn-lint [\d.]+, schemas of \d{4}-\d\d-\d\d$`).MatchString(types.Source) {
		t.Errorf("the source is %q", types.Source)
	}
	var notChecked []string
	for name, kind := range types.Types {
		if len(kind.Properties) == 0 || len(kind.PrimaryIdentifier) == 0 {
			t.Errorf("%s has no properties or no identifier", name)
		}
		eachRule(&kind.Rule, func(rule *Rule) { rulesAreReadable(t, name, kind, rule, &notChecked) })
		for _, definition := range kind.Definitions {
			eachRule(definition, func(rule *Rule) { rulesAreReadable(t, name, kind, rule, &notChecked) })
		}
	}
	slices.Sort(notChecked)
	want := []string{
		`^((?![:*$])[\x00-\x7F]){1,255}`,
		`^(?!\s*$).+$`,
		`^(?=.{2,256}$)([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*)$`,
		"^[0-9A-Za-z_:-]{1,1024}$",
		`^\p{Print}+$`,
	}
	if diff := cmp.Diff(want, slices.Compact(notChecked)); diff != "" {
		t.Errorf("patterns that nobody checks (-want +got):\n%s", diff)
	}
}

func rulesAreReadable(t *testing.T, name string, kind *Type, rule *Rule, notChecked *[]string) {
	if key, ok := strings.CutPrefix(rule.Ref, "#/definitions/"); rule.Ref != "" && (!ok || kind.Definitions[key] == nil) {
		t.Errorf("%s: %s leads nowhere", name, rule.Ref)
	}
	if rule.Pattern != "" && compile(rule.Pattern) == anything {
		*notChecked = append(*notChecked, rule.Pattern)
	}
	for _, word := range rule.Type {
		if typeNames([]string{word}) == "" {
			t.Errorf("%s has a value of the type %q%s", name, word, suggest.DidYouMean(word, []string{"string", "object"}))
		}
	}
}

func eachRule(rule *Rule, visit func(*Rule)) {
	visit(rule)
	for _, below := range rule.Properties {
		eachRule(below, visit)
	}
	for _, below := range rule.PatternProperties {
		eachRule(below, visit)
	}
	if rule.Items != nil {
		eachRule(rule.Items, visit)
	}
	for _, below := range slices.Concat(rule.AllOf, rule.AnyOf, rule.OneOf) {
		eachRule(below, visit)
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := read(); err != nil {
			b.Fatal(err)
		}
	}
}
