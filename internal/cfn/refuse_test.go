package cfn_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/awslabs/goformation/v7/cloudformation/codebuild"
	"github.com/awslabs/goformation/v7/cloudformation/ec2"
	"github.com/awslabs/goformation/v7/cloudformation/ecs"
	"github.com/awslabs/goformation/v7/cloudformation/iam"
	"github.com/awslabs/goformation/v7/cloudformation/policies"
	"github.com/awslabs/goformation/v7/cloudformation/tags"

	"slipway/internal/cfn"
)

// custom stands for a resource type of our own.
type custom struct {
	Value                      any      `json:"Value,omitempty"`
	Required                   any      `json:"Required,omitempty"`
	AWSCloudFormationDependsOn []string `json:"-"`
}

func (*custom) AWSCloudFormationType() string { return "Custom::Thing" }

// oddity is a Resource that is no struct.
type oddity string

func (oddity) AWSCloudFormationType() string { return "Custom::Oddity" }

// nameless is a resource without a type.
type nameless struct{ Value string }

func (*nameless) AWSCloudFormationType() string { return "" }

type embedding struct {
	tags.Tag
	Extra string
}

func value(v any) func(*cfn.Template) {
	return func(t *cfn.Template) { t.Add("Thing", &custom{Value: v}) }
}

func described(p cfn.Parameter) cfn.Parameter {
	p.Description = "A parameter"
	return p
}

func statement(s cfn.Statement) func(*cfn.Template) {
	return func(t *cfn.Template) {
		t.Add("Role", &iam.Role{AssumeRolePolicyDocument: cfn.Document(s)})
	}
}

var anyone = cfn.Principal{"AWS": {"*"}}

var selfContaining = func() map[string]any {
	m := map[string]any{}
	m["Again"] = m
	return m
}

// encoded is what goformation's own Ref returns.
func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// TestRefused: each fault alone gives exactly one line, with the path of its place.
func TestRefused(t *testing.T) {
	base := cfn.Handle{}
	tests := []struct {
		name  string
		build func(*cfn.Template)
		want  string // "path: ...part of the reason"
	}{
		{"intrinsic behind text", value("x-" + cfn.Region), `Resources.Thing.Properties.Value: an intrinsic stands inside other text`},
		{"intrinsic before text", value(cfn.Region + "-x"), `Resources.Thing.Properties.Value: an intrinsic stands inside other text`},
		{"two intrinsics", value(cfn.Region + cfn.AccountID), `Resources.Thing.Properties.Value: an intrinsic stands inside other text`},
		{"intrinsic in Sub", value(cfn.Sub("${AWS::Region} " + cfn.AccountID)), `Resources.Thing.Properties.Value: an intrinsic stands inside other text`},
		{"SubVars joined", value(cfn.SubVars("${A}", map[string]string{"A": "b"}) + "x"), `Resources.Thing.Properties.Value: an intrinsic stands inside other text`},
		{"intrinsic in SubVars text", value(cfn.SubVars("${A}"+cfn.Region, map[string]string{"A": "b"})), `Resources.Thing.Properties.Value: an intrinsic stands inside other text`},
		{"intrinsic in a key", value(map[string]any{cfn.Region: "x"}), `Resources.Thing.Properties.Value: an intrinsic stands in a key`},
		{"intrinsic in a Condition key", statement(cfn.Statement{
			Effect: cfn.Allow, Principal: anyone, Action: []string{"s3:GetObject"},
			Condition: cfn.Condition{"StringEquals": {cfn.Region: "x"}},
		}), `Resources.Role.Properties.AssumeRolePolicyDocument.Statement[0].Condition.StringEquals: an intrinsic stands in a key`},
		{"raw Ref", value(map[string]any{"Ref": "Base"}), `Resources.Thing.Properties.Value: the map is an intrinsic written out (Ref)`},
		{"raw Ref of a user's map", value(map[string]string{"Ref": "Base"}), `Resources.Thing.Properties.Value: the map is an intrinsic written out (Ref)`},
		{"raw Fn::Sub", value([]any{map[string]any{"Fn::Sub": "x"}}), `Resources.Thing.Properties.Value[0]: the map is an intrinsic written out (Fn::Sub)`},
		{"goformation's Ref", value(encoded(`{ "Ref": "Base" }`)), `Resources.Thing.Properties.Value: the text "eyAiUmVmIjogIkJhc2UiIH0=" holds an intrinsic of goformation's own`},
		{"goformation's GetAtt in text", value("arn-" + encoded(`{ "Fn::GetAtt": [ "A", "B" ] }`)), `Resources.Thing.Properties.Value: the text "arn-`},
		{"compact base64 Ref", value(encoded(`{"Ref":"Base"}`)), `Resources.Thing.Properties.Value: the text "eyJSZWYiOiJCYXNlIn0=" holds an intrinsic of goformation's own`},
		{"NUL", value("a\x00b"), `Resources.Thing.Properties.Value: the text "a\x00b" holds a NUL`},
		{"NUL in a key", value(map[string]any{"a\x00": 1}), `Resources.Thing.Properties.Value: the text "a\x00" holds a NUL`},
		{"forged Ref in Text", value(cfn.Text("\x00ref:Base\x00")), `Resources.Thing.Properties.Value: an intrinsic stands inside other text`},
		{"NUL in Text", value(cfn.Text("\x00")), `Resources.Thing.Properties.Value: the text "\x00" holds a NUL`},
		{"invalid UTF-8 in Text", value(cfn.Text("\xff")), `Resources.Thing.Properties.Value: the text "\xff" is not valid UTF-8`},
		{"Text joined", value("a" + cfn.Text("b")), `Resources.Thing.Properties.Value: an intrinsic stands inside other text`},
		{"dynamic reference in Text", value(cfn.Text("a{{resolve:ssm:b}}")), `Resources.Thing.Properties.Value: the text "a{{resolve:ssm:b}}" holds a dynamic reference`},
		{"forged mark of an unknown kind", value("\x00if:x\x00"), `Resources.Thing.Properties.Value: the text "\x00if:x\x00" holds a NUL`},
		{"forged SubVars", value("\x00subvars:x\x00"), `Resources.Thing.Properties.Value: an intrinsic stands inside other text`},
		{"invalid UTF-8", value("a\xffb"), `Resources.Thing.Properties.Value: the text "a\xffb" is not valid UTF-8`},
		{"invalid UTF-8 in SubVars", value(cfn.SubVars("${A}\xff", map[string]string{"A": "b"})), `Resources.Thing.Properties.Value: the text "${A}\xff" is not valid UTF-8`},
		{"invalid UTF-8 in a key", value(map[string]any{"a\xff": 1}), `Resources.Thing.Properties.Value: the text "a\xff" is not valid UTF-8`},
		{"empty key", value(map[string]any{"": 1}), `Resources.Thing.Properties.Value: a key of the map is empty`},
		{"endless key", value(map[string]any{strings.Repeat("k", 1001): 1}), `Resources.Thing.Properties.Value: a key of the map is longer`},
		{"null in a list", value([]any{"a", nil}), `Resources.Thing.Properties.Value[1]: is null`},
		{"null in a map with odd keys", value(map[string]any{"a b": nil}), `Resources.Thing.Properties.Value["a b"]: is null`},
		{"empty text in a list", value([]string{""}), `Resources.Thing.Properties.Value[0]: is empty`},
		{"required struct forgotten", func(t *cfn.Template) {
			t.Add("Role", &iam.Role{})
		}, `Resources.Role.Properties.AssumeRolePolicyDocument: is null`},
		{"required string forgotten", func(t *cfn.Template) {
			t.Add("Gateway", &ec2.Subnet{})
		}, `Resources.Gateway.Properties.VpcId: is empty`},
		{"required list forgotten", func(t *cfn.Template) {
			t.Add("ACL", &ecs.Service{NetworkConfiguration: &ecs.Service_NetworkConfiguration{
				AwsvpcConfiguration: &ecs.Service_AwsVpcConfiguration{Subnets: []string{}, SecurityGroups: []string{""}},
			}})
		}, `Resources.ACL.Properties.NetworkConfiguration.AwsvpcConfiguration.SecurityGroups[0]: is empty`},
		{"tag without value", func(t *cfn.Template) {
			t.Add("VPC", &ec2.VPC{Tags: []tags.Tag{{Key: "a", Value: "b"}, {Key: "Name"}}})
		}, `Resources.VPC.Properties.Tags[1]: the tag "Name" has an empty key or value`},
		{"struct without fields", func(t *cfn.Template) {
			t.Add("Instance", &ec2.Instance{BlockDeviceMappings: []ec2.Instance_BlockDeviceMapping{
				{DeviceName: "a", NoDevice: &ec2.Instance_NoDevice{}},
			}})
		}, `Resources.Instance.Properties.BlockDeviceMappings[0].NoDevice: the Go type ec2.Instance_NoDevice has no field`},
		{"foreign struct", value(struct{ Where any }{netip.Addr{}}), `Resources.Thing.Properties.Value.Where: the Go type netip.Addr is neither goformation's nor slipway's`},
		{"embedded struct", value(embedding{tags.Tag{Key: "a", Value: "b"}, "x"}), `Resources.Thing.Properties.Value: the Go type cfn_test.embedding embeds`},
		{"bytes", value(json.RawMessage(`{}`)), `Resources.Thing.Properties.Value: a value of the Go type json.RawMessage`},
		{"function", value(func() {}), `Resources.Thing.Properties.Value: a value of the Go type func()`},
		{"number keys", value(map[int]string{1: "a"}), `Resources.Thing.Properties.Value: the keys of the map are of the Go type int`},
		{"not a number", value(math.NaN()), `Resources.Thing.Properties.Value: the number is NaN`},
		{"infinity", value(float32(math.Inf(-1))), `Resources.Thing.Properties.Value: the number is -Inf`},
		{"value in itself", value(selfContaining()), `Resources.Thing.Properties.Value.Again.Again`},
		{"unknown Ref", value(base.Ref()), `Resources.Thing.Properties.Value: Ref names "", which is no parameter or resource`},
		{"unknown GetAtt", value((cfn.Handle{}).Att("Arn")), `Resources.Thing.Properties.Value: GetAtt names "", which is no resource`},
		{"GetAtt without attribute", func(t *cfn.Template) {
			t.Output("Arn", "ARN", t.Add("Thing", &custom{}).Att(""))
		}, `Outputs.Arn.Value: GetAtt of "Thing" has the attribute ""`},
		{"GetAtt of a parameter", func(t *cfn.Template) {
			p := t.Parameter(described(cfn.Parameter{Name: "P"}))
			t.Output("Arn", "ARN", cfn.Sub("${P.Arn}"))
			t.Output("P", "P", p)
		}, `Outputs.Arn.Value: GetAtt names "P", which is no resource`},
		{"unknown name in Sub", value(cfn.Sub("${Bas}")), `Resources.Thing.Properties.Value: Ref names "Bas"`},
		{"unknown pseudo parameter in Sub", value(cfn.Sub("${AWS::Account}")), `Resources.Thing.Properties.Value: Ref names "AWS::Account"`},
		{"NoValue in Sub", value(cfn.Sub("${AWS::NoValue}")), `Resources.Thing.Properties.Value: Sub names AWS::NoValue`},
		{"unknown resource in Sub", value(cfn.Sub("${Bas.Arn}")), `Resources.Thing.Properties.Value: GetAtt names "Bas"`},
		{"Sub without names", value(cfn.Sub("$AWS::Region ${!x}")), `Resources.Thing.Properties.Value: the Sub text "$AWS::Region ${!x}" names nothing`},
		{"empty Sub", value(cfn.Sub("")), `Resources.Thing.Properties.Value: the Sub text "" names nothing`},
		{"open brace in Sub", value(cfn.Sub("${AWS::Region} ${")), `Resources.Thing.Properties.Value: the Sub text has ${ without }`},
		{"space in a Sub name", value(cfn.Sub("${AWS::Region} ${ Base }")), `Resources.Thing.Properties.Value: the Sub text names " Base "`},
		{"unused SubVars variable", value(cfn.SubVars("${AWS::Region}", map[string]string{"A": "b"})), `Resources.Thing.Properties.Value: the Sub text does not use the variable "A"`},
		{"unknown Ref in SubVars", value(cfn.SubVars("${A}", map[string]string{"A": base.Ref()})), `Resources.Thing.Properties.Value.A: Ref names ""`},
		{"unknown DependsOn", func(t *cfn.Template) {
			t.Add("Thing", &custom{AWSCloudFormationDependsOn: []string{"Ghost"}})
		}, `Resources.Thing.DependsOn: names "Ghost", which is no resource`},
		{"DependsOn a parameter", func(t *cfn.Template) {
			p := t.Parameter(described(cfn.Parameter{Name: "P"}))
			t.Add("Thing", &custom{Value: p, AWSCloudFormationDependsOn: []string{"P"}})
		}, `Resources.Thing.DependsOn: names "P", which is no resource`},
		{"DependsOn a Ref", func(t *cfn.Template) {
			other := t.Add("Other", &custom{})
			t.Add("Thing", &custom{AWSCloudFormationDependsOn: []string{other.Ref()}})
		}, `Resources.Thing.DependsOn: must name resources: use Handle.ID()`},
		{"DependsOn twice", func(t *cfn.Template) {
			id := t.Add("Other", &custom{}).ID()
			t.Add("Thing", &custom{AWSCloudFormationDependsOn: []string{id, id}})
		}, `Resources.Thing.DependsOn: names "Other" twice`},
		{"DependsOn of nothing", func(t *cfn.Template) {
			t.Add("Thing", cfn.Extended{Base: &custom{}, Attributes: map[string]any{"DependsOn": map[string]any{}}})
		}, `Resources.Thing.DependsOn: must name resources`},
		{"circle", func(t *cfn.Template) {
			t.Add("A", &custom{Value: cfn.Sub("${B}")})
			t.Add("B", &custom{Value: cfn.Sub("${C.Arn}")})
			t.Add("C", &custom{AWSCloudFormationDependsOn: []string{"A"}})
		}, `Resources.A: the resource depends on itself: A -> B -> C -> A`},
		{"itself", value(cfn.Sub("${Thing}")), `Resources.Thing: the resource depends on itself: Thing -> Thing`},
		{"condition", func(t *cfn.Template) {
			t.Add("VPC", &ec2.VPC{AWSCloudFormationCondition: "HasVPC"})
		}, `Resources.VPC: the resource has the attribute Condition`},
		{"intrinsic as policy", func(t *cfn.Template) {
			t.Add("VPC", &ec2.VPC{AWSCloudFormationDeletionPolicy: policies.DeletionPolicy(cfn.Region)})
		}, `Resources.VPC.DeletionPolicy: an intrinsic stands inside other text or where none is allowed`},
		{"bad id", func(t *cfn.Template) { t.Add("bad name!", &custom{}) }, `Resources["bad name!"]: "bad name!" is no logical id`},
		{"small id", func(t *cfn.Template) { t.Add("vpc", &custom{}) }, `Resources.vpc: "vpc" is no logical id`},
		{"long id", func(t *cfn.Template) { t.Add("A"+strings.Repeat("a", 255), &custom{}) }, `Resources.Aaa`},
		{"duplicate id", func(t *cfn.Template) {
			t.Add("A", &custom{})
			t.Add("A", &custom{})
		}, `Resources.A: there are two resources of this id`},
		{"duplicate parameter", func(t *cfn.Template) {
			t.Output("A", "A", t.Parameter(described(cfn.Parameter{Name: "A"})))
			t.Parameter(described(cfn.Parameter{Name: "A"}))
		}, `Parameters.A: there are two parameters of this name`},
		{"duplicate output", func(t *cfn.Template) {
			t.Output("A", "A", "a")
			t.Output("A", "A", "a")
		}, `Outputs.A: there are two outputs of this name`},
		{"parameter and resource", func(t *cfn.Template) {
			t.Output("A", "A", t.Parameter(described(cfn.Parameter{Name: "A"})))
			t.Add("A", &custom{})
		}, `Resources.A: the name is taken by a parameter and a resource`},
		{"bad parameter name", func(t *cfn.Template) {
			t.Output("A", "A", t.Parameter(described(cfn.Parameter{Name: "a-b"})))
		}, `Parameters["a-b"]: "a-b" is no logical id`},
		{"bad output name", func(t *cfn.Template) { t.Output("a", "A", "x") }, `Outputs.a: "a" is no logical id`},
		{"unused parameter", func(t *cfn.Template) { t.Parameter(described(cfn.Parameter{Name: "A"})) }, `Parameters.A: nothing uses the parameter`},
		{"undescribed parameter", func(t *cfn.Template) {
			t.Output("A", "A", t.Parameter(cfn.Parameter{Name: "P"}))
		}, `Parameters.P.Description: is empty`},
		{"endless parameter description", func(t *cfn.Template) {
			t.Output("A", "A", t.Parameter(cfn.Parameter{Name: "P", Description: strings.Repeat("é", 4001)}))
		}, `Parameters.P.Description: is 4001 long`},
		{"intrinsic default", func(t *cfn.Template) {
			t.Output("A", "A", t.Parameter(described(cfn.Parameter{Name: "P", Default: new(cfn.Region)})))
		}, `Parameters.P.Default: an intrinsic stands inside other text or where none is allowed`},
		{"endless default", func(t *cfn.Template) {
			t.Output("A", "A", t.Parameter(described(cfn.Parameter{Name: "P", Default: new(strings.Repeat("x", 4097))})))
		}, `Parameters.P: the default has 4097 bytes`},
		{"undescribed output", func(t *cfn.Template) { t.Output("A", "", "x") }, `Outputs.A.Description: is empty`},
		{"endless output description", func(t *cfn.Template) { t.Output("A", strings.Repeat("x", 1025), "x") }, `Outputs.A.Description: is 1025 long`},
		{"empty output", func(t *cfn.Template) { t.Output("A", "A", "") }, `Outputs.A.Value: is empty`},
		{"nil resource", func(t *cfn.Template) { t.Add("A", nil) }, `Resources.A: the resource is nil`},
		{"typed nil resource", func(t *cfn.Template) { t.Add("A", (*ec2.VPC)(nil)) }, `Resources.A: the resource is nil`},
		{"nil Extended", func(t *cfn.Template) { t.Add("A", (*cfn.Extended)(nil)) }, `Resources.A: the resource is nil`},
		{"Extended of nothing", func(t *cfn.Template) { t.Add("A", cfn.Extended{}) }, `Resources.A: Extended has no Base`},
		{"Extended by a list", func(t *cfn.Template) {
			t.Add("A", cfn.Extended{Base: &custom{}, Properties: []string{"a"}})
		}, `Resources.A.Properties: Extended.Properties is []string`},
		{"Extended with Properties beside", func(t *cfn.Template) {
			t.Add("A", cfn.Extended{Base: &custom{}, Attributes: map[string]any{"Properties": map[string]any{}}})
		}, `Resources.A: Extended.Attributes has "Properties"`},
		{"null behind a list's end", func(t *cfn.Template) {
			t.Add("A", cfn.Extended{Base: &custom{Value: []string{"a"}}, Properties: map[string]any{"Value": []any{nil, nil}}})
		}, `Resources.A.Properties.Value[1]: is null`},
		{"no struct", func(t *cfn.Template) { t.Add("A", oddity("a")) }, `Resources.A: the resource is a string`},
		{"no type", func(t *cfn.Template) { t.Add("A", &nameless{"a"}) }, `Resources.A.Type: must be a text`},
		{"goformation's trap", func(t *cfn.Template) {
			t.Add("Build", cfn.Extended{Base: &codebuild.Fleet{}, Properties: map[string]any{"Name": "x" + cfn.StackName}})
		}, `Resources.Build.Properties.Name: an intrinsic stands inside other text`},
		{"empty document", func(t *cfn.Template) {
			t.Add("Role", &iam.Role{AssumeRolePolicyDocument: cfn.Document()})
		}, `Resources.Role.Properties.AssumeRolePolicyDocument: the policy document has no statement`},
		{"no effect", statement(cfn.Statement{Principal: anyone, Action: []string{"a:B"}}), `Resources.Role.Properties.AssumeRolePolicyDocument.Statement[0]: the statement's effect is ""`},
		{"no action", statement(cfn.Statement{Effect: cfn.Deny, Principal: anyone}), `Resources.Role.Properties.AssumeRolePolicyDocument.Statement[0]: the statement must have exactly one of Action`},
		{"both actions", statement(cfn.Statement{
			Effect: cfn.Deny, Principal: anyone, Action: []string{"a:B"}, NotAction: []string{"a:B"},
		}), `Resources.Role.Properties.AssumeRolePolicyDocument.Statement[0]: the statement must have exactly one of Action`},
		{"both resources", statement(cfn.Statement{
			Effect: cfn.Deny, Action: []string{"a:B"}, Resource: []string{"a"}, NotResource: []string{"a"},
		}), `Resources.Role.Properties.AssumeRolePolicyDocument.Statement[0]: the statement has both Resource and NotResource`},
		{"about nothing", statement(cfn.Statement{Effect: cfn.Deny, Action: []string{"a:B"}}), `Resources.Role.Properties.AssumeRolePolicyDocument.Statement[0]: the statement has neither`},
		{"bad Sid", statement(cfn.Statement{
			Sid: "a b", Effect: cfn.Deny, Principal: anyone, Action: []string{"a:B"},
		}), `Resources.Role.Properties.AssumeRolePolicyDocument.Statement[0]: the Sid "a b"`},
		{"principal of no kind", statement(cfn.Statement{
			Effect: cfn.Deny, Principal: cfn.Principal{"*": {"x"}}, Action: []string{"a:B"},
		}), `Resources.Role.Properties.AssumeRolePolicyDocument.Statement[0]: the principal "*" is none of`},
		{"nobody", statement(cfn.Statement{
			Effect: cfn.Deny, Principal: cfn.Principal{"Service": nil}, Action: []string{"a:B"},
		}), `Resources.Role.Properties.AssumeRolePolicyDocument.Statement[0]: the principal Service names nobody`},
		{"empty action", statement(cfn.Statement{
			Effect: cfn.Deny, Principal: anyone, Action: []string{""},
		}), `Resources.Role.Properties.AssumeRolePolicyDocument.Statement[0].Action: is empty`},
		{"same Sid", func(t *cfn.Template) {
			s := cfn.Statement{Sid: "A", Effect: cfn.Deny, Principal: anyone, Action: []string{"a:B"}}
			t.Add("Role", &iam.Role{AssumeRolePolicyDocument: cfn.Document(s, s)})
		}, `Resources.Role.Properties.AssumeRolePolicyDocument.Statement[1]: the document has two statements`},
		{"too many parameters", func(t *cfn.Template) {
			for i := range 201 {
				t.Add(fmt.Sprintf("R%d", i), &custom{Value: t.Parameter(described(cfn.Parameter{Name: fmt.Sprintf("P%d", i)}))})
			}
		}, `Parameters: there are 201`},
		{"too many resources", func(t *cfn.Template) {
			for i := range 500 {
				t.Add(fmt.Sprintf("R%d", i), &custom{})
			}
		}, `Resources: there are 501`},
		{"too many outputs", func(t *cfn.Template) {
			for i := range 201 {
				t.Output(fmt.Sprintf("O%d", i), "An output", "x")
			}
		}, `Outputs: there are 201`},
		{"too many bytes", value(strings.Repeat("x", 1_000_000)), `the template has 1000183 bytes`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			template := cfn.New("A template")
			template.Add("Base", &ec2.InternetGateway{})
			test.build(template)
			_, err := template.Render("")
			if err == nil {
				t.Fatalf("no error; want %s", test.want)
			}
			if got := err.Error(); !strings.HasPrefix(got, test.want) || strings.Contains(got, "\n") {
				t.Errorf("got  %s\nwant %s... and no more", got, test.want)
			}
		})
	}
}

func TestRefusedOutsideResources(t *testing.T) {
	gateway := func(template *cfn.Template) *cfn.Template {
		template.Add("Gateway", &ec2.InternetGateway{})
		return template
	}
	tests := []struct {
		name, header string
		template     *cfn.Template
		want         string
	}{
		{"no resource", "", cfn.New("A"), "Resources: there is none"},
		{"line separator in the header", "a\u2028b", gateway(cfn.New("A")), "header: "},
		{"carriage return in the header", "a\rb", gateway(cfn.New("A")), "header: "},
		{"invalid UTF-8 in the header", "a\xff", gateway(cfn.New("A")), "header: "},
		{"intrinsic in the description", "", gateway(cfn.New(cfn.Region)), "Description: an intrinsic"},
		{"endless description", "", gateway(cfn.New(strings.Repeat("x", 1025))), "Description: is 1025 long"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := test.template.Render(test.header); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	template := cfn.New("A template")
	template.Parameter(described(cfn.Parameter{Name: "Unused"}))
	template.Add("A", &custom{Value: []any{nil, "x" + cfn.Region}})
	template.Add("A", nil)
	template.Output("O", "", "")
	_, err := template.Render("")
	want := strings.Join([]string{
		`Resources.A: there are two resources of this id`,
		`Resources.A.Properties.Value[0]: is null, as goformation writes a required property that was not set: set it`,
		`Resources.A.Properties.Value[1]: an intrinsic stands inside other text or where none is allowed: use Sub around the whole text, or the plain name`,
		`Resources.A: the resource is nil`,
		`Outputs.O.Description: is empty: say in a sentence what it is`,
		`Outputs.O.Value: is empty, as goformation writes a required property that was not set: set it`,
		`Parameters.Unused: nothing uses the parameter`,
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}
