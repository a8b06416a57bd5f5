package override

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"slipway/internal/config"
	"slipway/internal/schema"
	"slipway/internal/stacks"
	"slipway/internal/template"
)

// shop has two environments, of which the second scales, speaks HTTPS, and has a firewall and access logs.
func shop(t *testing.T) config.Config {
	t.Helper()
	cfg, err := config.Parse("slipway.yaml", []byte(`
name: shop
environments:
  - name: dev
  - name: prod
    tasks: {min: 2, max: 6}
    entry: {domain: shop.example.com, hostedZone: Z0123456789ABC, accessLogs: true, waf: true}
`))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// apply is what the text of an override.yaml makes of the templates of a configuration.
func apply(cfg config.Config, text string) (map[string]template.Template, Result, error) {
	overrides, err := Parse(File, []byte(text))
	if err != nil {
		return nil, Result{}, err
	}
	files := stacks.All(cfg)
	result, err := overrides.Apply(files)
	if err != nil {
		return nil, result, err
	}
	all := map[string]template.Template{}
	for _, file := range files {
		text, err := file.Template.Render("test")
		if err != nil {
			return nil, result, fmt.Errorf("render %s: %w", file.Path, err)
		}
		if all[file.Path], err = template.Parse(text); err != nil {
			return nil, result, err
		}
	}
	return all, result, nil
}

func TestApply(t *testing.T) {
	all, result, err := apply(shop(t), `
ecs.yaml:
  LogGroup:
    DeletionPolicy: Retain
    Properties:
      RetentionInDays: 90
  TargetGroup:
    Properties:
      Tags: [{Key: made-by, Value: !Sub "${AWS::StackName} in ${Cluster}"}, {Key: x, Value: {"Fn::GetAtt": Cluster.Arn}}]
prod/ecs.yaml:
  LogGroup:
    Properties:
      RetentionInDays: 400
  Service:
    Properties:
      DeploymentConfiguration: {MaximumPercent: 150, DeploymentCircuitBreaker: {ThresholdConfiguration: null}}
  HTTPSListener:
    Metadata: {note: "true"}
  Cluster:
    Properties: {CapacityProviders: [FARGATE, FARGATE_SPOT]}
`)
	if err != nil {
		t.Fatal(err)
	}
	for place, want := range map[string]string{
		"dev/ecs.yaml LogGroup Properties RetentionInDays":         "90",
		"prod/ecs.yaml LogGroup Properties RetentionInDays":        "400",
		"prod/ecs.yaml LogGroup DeletionPolicy":                    "Retain",
		"prod/ecs.yaml LogGroup UpdateReplacePolicy":               "Delete",
		"dev/ecs.yaml TargetGroup Properties Tags":                 "[map[Key:made-by Value:map[Fn::Sub:${AWS::StackName} in ${Cluster}]] map[Key:x Value:map[Fn::GetAtt:[Cluster Arn]]]]",
		"prod/ecs.yaml Service Properties DeploymentConfiguration": "map[Alarms:map[AlarmNames:[map[Ref:TargetErrorAlarm]] Enable:true Rollback:true] DeploymentCircuitBreaker:map[Enable:true Rollback:true] MaximumPercent:150 MinimumHealthyPercent:100]",
		"dev/ecs.yaml Service Properties DeploymentConfiguration":  "map[Alarms:map[AlarmNames:[map[Ref:TargetErrorAlarm]] Enable:true Rollback:true] DeploymentCircuitBreaker:map[Enable:true Rollback:true ThresholdConfiguration:map[Type:COUNT Value:3]] MaximumPercent:200 MinimumHealthyPercent:100]",
		"prod/ecs.yaml HTTPSListener Metadata":                     "map[note:true]",
	} {
		steps := strings.Fields(place)
		r := all[steps[0]].Resources[steps[1]]
		got := r.Attributes[steps[2]]
		if steps[2] == propertiesKey {
			got = r.Properties[steps[3]]
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s: got %v, want %s", place, got, want)
		}
	}
	want := []string{"LogGroup", "TargetGroup"}
	if got := result.Changed["dev/ecs.yaml"]; !slices.Equal(got, want) {
		t.Errorf("changed in dev: %v, want %v", got, want)
	}
	if got := result.Changed["prod/ecs.yaml"]; slices.Contains(got, "Cluster") {
		t.Errorf("changed in prod: %v, with what is as before", got)
	}
	if len(result.Warnings) > 0 {
		t.Errorf("warned of %v", result.Warnings)
	}
}

func TestNoFile(t *testing.T) {
	overrides, err := Load(t.TempDir() + "/" + File)
	if err != nil {
		t.Fatal(err)
	}
	if result, err := overrides.Apply(stacks.All(shop(t))); err != nil || len(result.Changed) > 0 {
		t.Errorf("got %v, %v", result, err)
	}
}

func TestWarnings(t *testing.T) {
	_, result, err := apply(shop(t), `
dev/ecs.yaml:
  TargetGroup:
    Properties:
      ProtocolVersion: GRPC
      Protocol: HTTP
      HealthCheckPath: /up
network.yaml:
  VPC: {Properties: {InstanceTenancy: dedicated}}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"override.yaml:9:22: warning: dev/network.yaml VPC.Properties.InstanceTenancy is fixed when the resource is made (create-only): where VPC exists already, this may replace it by another one",
		"override.yaml:9:22: warning: prod/network.yaml VPC.Properties.InstanceTenancy is fixed when the resource is made (create-only): where VPC exists already, this may replace it by another one",
		"override.yaml:5:7: warning: dev/ecs.yaml TargetGroup.Properties.ProtocolVersion is fixed when the resource is made (create-only): where TargetGroup exists already, this replaces it by another one",
	}
	slices.Sort(want)
	slices.Sort(result.Warnings)
	if !slices.Equal(result.Warnings, want) {
		t.Errorf("got %q\nwant %q", result.Warnings, want)
	}
}

// Each override is refused with its place and the reason.
func TestRefused(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"empty":                 {"", "1:1: the file is empty"},
		"a list":                {"[]", "1:1: the file is a list; it must be a mapping"},
		"no such template":      {"prod/esc.yaml: {Service: {Properties: {}}}", "1:1: there is no template prod/esc.yaml; did you mean prod/ecs.yaml?"},
		"another notation":      {"prod.ECS: {Service: {Properties: {}}}", "1:1: there is no template prod.ECS; did you mean prod/ecs.yaml?"},
		"no such environment":   {"stage/ecs.yaml: {Service: {Properties: {}}}", "1:1: there is no template stage/ecs.yaml"},
		"no such resource":      {"ecs.yaml:\n  Servcie: {Properties: {}}", "2:3: ecs.yaml has no resource Servcie; did you mean Service?"},
		"in no environment":     {"dev/ecs.yaml:\n  WebACL: {Properties: {}}", "2:3: dev/ecs.yaml has no resource WebACL"},
		"twice":                 {"ecs.yaml: {Service: {Properties: {}}}\necs.yaml: {}", `2:1: key "ecs.yaml" occurs twice, first on line 1`},
		"twice below":           {"ecs.yaml:\n  Service:\n    Properties: {A: 1, A: 2}", `3:24: key "A" occurs twice in ecs.yaml.Service.Properties`},
		"empty mapping":         {"{}", "1:1: the file says nothing; leave it out"},
		"no resource":           {"ecs.yaml: {}", "1:11: ecs.yaml says nothing; leave it out"},
		"nothing of a resource": {"ecs.yaml: {Service: {}}", "1:21: ecs.yaml.Service says nothing; leave it out"},
		"no mapping":            {"ecs.yaml: 3", "1:11: ecs.yaml is the number 3; it must be a mapping"},
		"properties a list":     {"ecs.yaml: {Service: {Properties: []}}", "1:34: Properties of Service is a list; it must be a mapping"},
		"metadata a text":       {"ecs.yaml: {Service: {Metadata: x}}", `1:32: Metadata of Service is the text "x"; it must be a mapping`},
		"property out of place": {"ecs.yaml: {Service: {DesiredCount: 2}}", "1:22: found DesiredCount below Service; a resource has Properties, DeletionPolicy, UpdateReplacePolicy, Metadata, as in the template: a property stands below Properties"},
		"misspelt attribute":    {"ecs.yaml: {Service: {DeletionPolcy: Retain}}", "did you mean DeletionPolicy?"},
		"type":                  {"ecs.yaml: {Service: {Type: X}}", "1:22: Type cannot be overridden: a resource of another type is another resource"},
		"depends on":            {"ecs.yaml: {Service: {DependsOn: X}}", "1:22: DependsOn cannot be overridden"},
		"anchor":                {"ecs.yaml: {Service: {Properties: {A: &x 1}}}", "a YAML anchor or alias (& or *), which is not taken here"},
		"merge key":             {"ecs.yaml: {Service: {Properties: {<<: {A: 1}}}}", "found a merge key (<<)"},
		"other tag":             {"ecs.yaml: {Service: {Properties: {A: !Join [a, b]}}}", "1:38: found !Join; of the intrinsics these are taken: !Ref, !GetAtt, !Sub"},
		"other intrinsic":       {"ecs.yaml: {TargetGroup: {Properties: {HealthCheckPath: {\"Fn::Select\": [0, [a]]}}}}", "1:39: dev/ecs.yaml TargetGroup.Properties.HealthCheckPath: Fn::Select is not taken; of the intrinsics these are: Ref, Fn::GetAtt, Fn::Sub"},
		"null in a list":        {"ecs.yaml: {TargetGroup: {Properties: {Tags: [null]}}}", "1:46: is empty; a list is replaced as a whole"},

		"misspelt property":    {"dev/ecs.yaml:\n  Service:\n    Properties:\n      HealthCheckGracePeriodSecond: 1", "4:7: dev/ecs.yaml Service.Properties.HealthCheckGracePeriodSecond: there is no such property; did you mean HealthCheckGracePeriodSeconds?"},
		"wrong type":           {"dev/ecs.yaml: {Service: {Properties: {HealthCheckGracePeriodSeconds: long}}}", `1:39: dev/ecs.yaml Service.Properties.HealthCheckGracePeriodSeconds: is the text "long"; it must be a whole number`},
		"enumeration":          {"dev/ecs.yaml: {LogGroup: {Properties: {RetentionInDays: 91}}}", "is the number 91; it must be one of 1, 3"},
		"range":                {"dev/ecs.yaml: {TargetGroup: {Properties: {HealthyThresholdCount: 1}}}", "is 1; it must be at least 2"},
		"pattern":              {"prod/ecs.yaml: {WebACL: {Properties: {Description: \"\\u00e9\"}}}", "it must match"},
		"read-only":            {"dev/ecs.yaml: {LogGroup: {Properties: {Arn: x}}}", "is set by AWS alone; leave it out"},
		"required below":       {"dev/ecs.yaml: {TargetGroup: {Properties: {Tags: [{Key: x}]}}}", "1:50: dev/ecs.yaml TargetGroup.Properties.Tags.0: lacks Value, which is required"},
		"required, taken away": {"dev/ecs.yaml: {HTTPListener: {Properties: {DefaultActions: null}}}", "1:44: dev/ecs.yaml HTTPListener.Properties.DefaultActions: is required; it can be changed, but not taken away"},
		"nothing to take away": {"dev/ecs.yaml: {LogGroup: {Properties: {KmsKeyId: null}}}", "there is nothing of this name to take away"},
		"policy":               {"dev/ecs.yaml: {LogGroup: {DeletionPolicy: Snapshot}}", "1:27: dev/ecs.yaml LogGroup.DeletionPolicy: is Snapshot; it must be one of Delete, Retain, RetainExceptOnCreate"},
		"policy, not a text":   {"dev/ecs.yaml: {LogGroup: {UpdateReplacePolicy: {a: b}}}", "it must be one of Delete, Retain"},

		"ref to nothing":       {"dev/ecs.yaml: {TargetGroup: {Properties: {HealthCheckPath: !Ref VPCIDs}}}", "1:43: dev/ecs.yaml TargetGroup.Properties.HealthCheckPath: VPCIDs is no parameter or resource of dev/ecs.yaml; did you mean VPCID?"},
		"ref to another stack": {"dev/ecs.yaml: {TargetGroup: {Properties: {HealthCheckPath: !Ref VPC}}}", "VPC is no parameter or resource of dev/ecs.yaml"},
		"get nothing":          {"dev/ecs.yaml: {TargetGroup: {Properties: {HealthCheckPath: !GetAtt Clster.Arn}}}", "Clster is no resource of dev/ecs.yaml; did you mean Cluster?"},
		"no such attribute":    {"dev/ecs.yaml: {TargetGroup: {Properties: {HealthCheckPath: !GetAtt Cluster.Name}}}", `Cluster, a resource of the type AWS::ECS::Cluster, has no attribute "Name"`},
		"sub of nothing":       {"dev/ecs.yaml: {TargetGroup: {Properties: {HealthCheckPath: !Sub \"/${Nothing}\"}}}", "Nothing is no parameter or resource"},
		"sub without a name":   {"dev/ecs.yaml: {TargetGroup: {Properties: {HealthCheckPath: !Sub /x}}}", "the text of Sub names nothing: write it without !Sub"},
		"sub not closed":       {"dev/ecs.yaml: {TargetGroup: {Properties: {HealthCheckPath: !Sub \"${Cluster\"}}}", "the Sub text has ${ without }"},
		"dynamic reference":    {"dev/ecs.yaml: {TargetGroup: {Properties: {HealthCheckPath: \"{{resolve:ssm:x}}\"}}}", "is a dynamic reference"},

		"boundary":             {"ecs.yaml: {TaskRole: {Properties: {PermissionsBoundary: null}}}", "dev/ecs.yaml TaskRole.Properties.PermissionsBoundary: cannot be overridden: it is the most that the role can do"},
		"role's path":          {"ecs.yaml: {TaskRole: {Properties: {Path: /}}}", "the rights of CloudFormation's roles go by it"},
		"trust":                {"ecs.yaml: {TaskRole: {Properties: {AssumeRolePolicyDocument: {Statement: []}}}}", "who may take a role"},
		"name":                 {"ecs.yaml: {Cluster: {Properties: {ClusterName: mine}}}", "CloudFormation makes the name"},
		"boundary's document":  {"foundation.yaml: {PermissionsBoundary: {Properties: {PolicyDocument: {Statement: []}}}}", "keeps a commit from widening its own rights"},
		"pipeline's role":      {"foundation.yaml: {PipelineExecutionRole: {Properties: {MaxSessionDuration: 7200}}}", "the pipeline deploys with it and cannot widen its own rights"},
		"desired count":        {"prod/ecs.yaml: {Service: {Properties: {DesiredCount: 3}}}", "an update never resets what scaling has set"},
		"nested parameters":    {"prod/root.yaml: {ECS: {Properties: {Parameters: {More: x}}}}", "it gives the nested stack what its template declares"},
		"nested template":      {"prod/root.yaml: {ECS: {Properties: {TemplateURL: x}}}", "lacks !Ref ECSTemplateURL, by which resources and stacks hang together"},
		"tag of the image":     {"dev/ecs.yaml: {TaskDefinition: {Properties: {ContainerDefinitions: [{Name: app, Image: nginx}]}}}", "the container app has another Image than slipway gives it (!Ref ImageURI)"},
		"no container":         {"dev/ecs.yaml: {TaskDefinition: {Properties: {ContainerDefinitions: [{Name: web, Image: nginx}]}}}", "has no container app"},
		"subnets":              {"dev/ecs.yaml: {LoadBalancer: {Properties: {Subnets: [!Ref PublicSubnetA]}}}", "lacks !Ref PublicSubnetB"},
		"tasks open to others": {"dev/ecs.yaml: {TaskSecurityGroup: {Properties: {SecurityGroupIngress: []}}}", "lacks !GetAtt LoadBalancerSecurityGroup.GroupId"},
		"tag of slipway's":     {"pipeline.yaml: {ChecksProject: {Properties: {Tags: []}}}", "slipway's own tag is gone: {Key: slipway:name, Value: shop}"},
		"tag like slipway's":   {"ecs.yaml: {LogGroup: {Properties: {Tags: [{Key: \"slipway:name\", Value: other}]}}}", "which are not yours to give"},
		"access logs":          {"prod/ecs.yaml: {LoadBalancer: {Properties: {LoadBalancerAttributes: [{Key: x, Value: y}]}}}", "slipway's own attribute is gone or another"},
		"bucket's statement":   {"foundation.yaml: {BucketPolicy: {Properties: {PolicyDocument: {Statement: []}}}}", "slipway's own item is gone"},
		"bucket that stays":    {"foundation.yaml: {Bucket: {DeletionPolicy: Retain}}", "destroy.sh empties it before it is deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := apply(shop(t), test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "override.yaml:") {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
		})
	}
}

// What slipway's own items stay beside is taken.
func TestTaken(t *testing.T) {
	for name, text := range map[string]string{
		"another ingress":   `ecs.yaml: {LoadBalancerSecurityGroup: {Properties: {SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 80, ToPort: 80, SourcePrefixListId: pl-0123abcd}]}}}`,
		"one more group":    `ecs.yaml: {LoadBalancer: {Properties: {SecurityGroups: [sg-0123abcd, !GetAtt LoadBalancerSecurityGroup.GroupId]}}}`,
		"one more tag":      `pipeline.yaml: {ChecksProject: {Properties: {Tags: [{Key: team, Value: web}, {Key: "slipway:name", Value: shop}]}}}`,
		"a policy":          `ecs.yaml: {TaskRole: {Properties: {ManagedPolicyArns: [!Sub "arn:${AWS::Partition}:iam::aws:policy/AmazonS3ReadOnlyAccess"]}}}`,
		"desync":            `dev/ecs.yaml: {LoadBalancer: {Properties: {LoadBalancerAttributes: [{Key: deletion_protection.enabled, Value: "false"}, {Key: idle_timeout.timeout_seconds, Value: "60"}, {Key: routing.http.desync_mitigation_mode, Value: defensive}, {Key: routing.http.drop_invalid_header_fields.enabled, Value: "true"}, {Key: access_logs.s3.enabled, Value: "false"}, {Key: routing.http2.enabled, Value: "false"}]}}}`,
		"authentication":    `prod/ecs.yaml: {HTTPSListenerRule: {Properties: {Actions: [{Type: fixed-response, Order: 1, FixedResponseConfig: {StatusCode: "503"}}, {Type: forward, TargetGroupArn: !Ref TargetGroup, Order: 2}]}}}`,
		"what is already":   `prod/ecs.yaml: {TaskDefinition: {Properties: {NetworkMode: awsvpc}}}`,
		"a longer build":    `pipeline.yaml: {ChecksProject: {Properties: {TimeoutInMinutes: 60, Environment: {ComputeType: BUILD_GENERAL1_MEDIUM}}}}`,
		"a longer session":  `foundation.yaml: {ExecutionRole: {Properties: {MaxSessionDuration: 7200}}}`,
		"endpoint's policy": `network.yaml: {S3Endpoint: {Properties: {PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: "*", Action: "s3:GetObject", Resource: "*"}]}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := apply(shop(t), text); err != nil {
				t.Error(err)
			}
		})
	}
}

// Whatever an override says, if it is taken the stacks fit together, roles keep their boundary and the application its image
// and its port.
func TestPromisesHold(t *testing.T) {
	cfg := shop(t)
	cfg.Environments = cfg.Environments[1:]
	before, _, err := apply(cfg, "ecs.yaml: {Service: {Properties: {}}}")
	if err != nil {
		t.Fatal(err)
	}
	tried, taken := 0, 0
	for _, file := range stacks.All(cfg) {
		for _, id := range file.Template.IDs() {
			r := before[file.Path].Resources[id]
			for _, property := range slices.Sorted(maps.Keys(r.Properties)) {
				value := r.Properties[property]
				for _, other := range others(value) {
					if tried++; tried%3 != 0 && os.Getenv("SLIPWAY_LONG") == "" {
						continue // a third shows most, and test.sh --long tries all
					}
					text := fmt.Sprintf("%s: {%s: {Properties: {%s: %s}}}", file.Path, id, property, other)
					after, _, err := apply(cfg, text)
					if err != nil {
						continue
					}
					taken++
					if broken := brokenPromise(before, after); broken != "" {
						t.Errorf("%s\nbreaks %s", text, broken)
					}
				}
			}
		}
	}
	if taken < 50 {
		t.Errorf("only %d overrides were taken: the test shows little", taken)
	}
}

// others are other values of the kind of v, as YAML.
func others(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{"null", "other", `"1"`}
	case int:
		return []string{"null", fmt.Sprint(v + 1), fmt.Sprint(v - 1)}
	case bool:
		return []string{"null", fmt.Sprint(!v)}
	case []any:
		return []string{"null", "[]", "[x]"}
	default:
		return []string{"null", "{}", "other", "!Ref AWS::StackName"}
	}
}

// unchanging are the properties that no override may touch, wherever they stand.
var unchanging = []string{"Parameters", "TemplateURL", "PermissionsBoundary", "Path", "DesiredCount", "Cluster", "TaskDefinition", "RoleArn", "ServiceRole", "VpcId"}

func brokenPromise(before, after map[string]template.Template) string {
	for path, was := range before {
		is := after[path]
		if fmt.Sprint(was.Outputs, was.Parameters) != fmt.Sprint(is.Outputs, is.Parameters) {
			return path + "'s parameters or outputs"
		}
		for id, r := range was.Resources {
			for _, key := range unchanging {
				if fmt.Sprint(r.Properties[key]) != fmt.Sprint(is.Resources[id].Properties[key]) {
					return fmt.Sprintf("%s of %s in %s", key, id, path)
				}
			}
			if r.Type == "AWS::ECS::TaskDefinition" {
				own, other := container(r.Properties["ContainerDefinitions"]), container(is.Resources[id].Properties["ContainerDefinitions"])
				if fmt.Sprint(own["Image"], own["PortMappings"]) != fmt.Sprint(other["Image"], other["PortMappings"]) {
					return "the container"
				}
			}
		}
		if !slices.Equal(slices.Sorted(maps.Keys(was.Resources)), slices.Sorted(maps.Keys(is.Resources))) {
			return "the resources of " + path
		}
	}
	return ""
}

// Every rule is about a type that slipway has a schema of, and about a property of it.
func TestRulesArePlaces(t *testing.T) {
	types, err := schema.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, rules := range []map[string]reasons{fixed, extensible} {
		for kind, places := range rules {
			for place := range places {
				property, isProperty := strings.CutPrefix(place, propertiesKey+".")
				if types.Types[kind] == nil {
					t.Errorf("there is no schema of %s", kind)
				} else if _, ok := types.Types[kind].Property(strings.Split(property, ".")...); isProperty && !ok {
					t.Errorf("%s has no %s", kind, property)
				}
			}
		}
	}
	ids := map[string]bool{}
	for _, file := range stacks.All(shop(t)) {
		for _, id := range file.Template.IDs() {
			ids[id] = true
		}
	}
	for id := range fixedIn {
		if !ids[id] {
			t.Errorf("no template has %s", id)
		}
	}
}
