package changes

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"slipway/internal/schema"
)

// set reads templates that are written as maps of their resources; a line "Outputs:" begins those.
func set(t *testing.T, templates map[string]string) Set {
	t.Helper()
	folder := fstest.MapFS{}
	for name, text := range templates {
		folder[name+".yaml"] = &fstest.MapFile{Data: []byte("Resources:\n" + text)}
	}
	s, err := Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// between lists the changes, each with its properties as "path!" where it replaces, "path?" where it may, "path<resource"
// where it follows.
func between(t *testing.T, before, after map[string]string) []string {
	t.Helper()
	found, err := Between(set(t, before), set(t, after))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range found {
		line := c.String()
		for _, p := range c.Properties {
			line += " " + strings.Join(p.Path, ".") + map[schema.Replacement]string{schema.Always: "!", schema.Sometimes: "?"}[p.Replacement]
			if p.Follows != "" {
				line += "<" + p.Follows
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func TestBetween(t *testing.T) {
	const balancer = "  LoadBalancer: {Type: \"AWS::ElasticLoadBalancingV2::LoadBalancer\", Properties: {Scheme: %s, Subnets: [a, b]}}\n"
	const entry = `
  Listener: {Type: "AWS::ElasticLoadBalancingV2::Listener", Properties: {LoadBalancerArn: !Ref LoadBalancer}}
  Rule: {Type: "AWS::ElasticLoadBalancingV2::ListenerRule", Properties: {ListenerArn: !Ref Listener}}
  Service: {Type: "AWS::ECS::Service", DependsOn: Rule, Properties: {Cluster: !Ref Cluster, ServiceConnectConfiguration: {Namespace: !Sub "${LoadBalancer.DNSName}/${AWS::StackName}"}}}
  Cluster: {Type: "AWS::ECS::Cluster"}
`
	one := func(text string) map[string]string { return map[string]string{"prod/ecs": text} }
	for name, test := range map[string]struct {
		before, after map[string]string
		want          []string
	}{
		"nothing":     {one("  A: {Type: \"AWS::SNS::Topic\"}"), one("  A: {Type: \"AWS::SNS::Topic\"}"), nil},
		"comes, goes": {one("  A: {Type: \"AWS::SNS::Topic\"}"), one("  B: {Type: \"AWS::SNS::Topic\"}"), []string{"prod/ecs A: remove", "prod/ecs B: add"}},
		"goes and is kept": {one("  A: {Type: \"AWS::S3::Bucket\", DeletionPolicy: Retain}"), map[string]string{},
			[]string{"prod/ecs A: remove, the old one kept"}},
		"in place": {one("  A: {Type: \"AWS::Logs::LogGroup\", DeletionPolicy: Delete, Properties: {RetentionInDays: 1, Tags: [{Key: a, Value: b}]}}"),
			one("  A: {Type: \"AWS::Logs::LogGroup\", Properties: {RetentionInDays: 3, Tags: [{Key: a, Value: c}]}}"),
			[]string{"prod/ecs A: modify DeletionPolicy Properties.RetentionInDays Properties.Tags.0.Value"}},
		"replaced": {one("  A: {Type: \"AWS::Logs::LogGroup\", UpdateReplacePolicy: Retain, Properties: {LogGroupName: a}}"),
			one("  A: {Type: \"AWS::Logs::LogGroup\", UpdateReplacePolicy: Retain, Properties: {LogGroupName: b}}"),
			[]string{"prod/ecs A: modify, replaced, the old one kept Properties.LogGroupName!"}},
		"perhaps": {one("  A: {Type: \"AWS::ECS::Service\"}"), one("  A: {Type: \"AWS::ECS::Service\", Properties: {LaunchType: FARGATE}}"),
			[]string{"prod/ecs A: modify, perhaps replaced Properties.LaunchType?"}},
		"another type": {one("  A: {Type: \"AWS::SNS::Topic\"}"), one("  A: {Type: \"AWS::S3::Bucket\"}"), []string{"prod/ecs A: modify, replaced Type!"}},
		"unknown type": {one("  A: {Type: \"AWS::New::Thing\", Properties: {A: 1}}"), one("  A: {Type: \"AWS::New::Thing\", Properties: {A: 2}}"), []string{"prod/ecs A: modify Properties.A"}},
		"a longer list": {one("  A: {Type: \"AWS::ECS::TaskDefinition\", Properties: {ContainerDefinitions: [{Name: a}]}}"),
			one("  A: {Type: \"AWS::ECS::TaskDefinition\", Properties: {ContainerDefinitions: [{Name: a}, {Name: b}]}}"),
			[]string{"prod/ecs A: modify, replaced Properties.ContainerDefinitions!"}},
		"whatever refers to it": {one(fmt.Sprintf(balancer, "internal") + entry), one(fmt.Sprintf(balancer, "internet-facing") + entry), []string{
			"prod/ecs Listener: modify, replaced Properties.LoadBalancerArn!<prod/ecs LoadBalancer",
			"prod/ecs LoadBalancer: modify, replaced Properties.Scheme!",
			"prod/ecs Rule: modify, replaced Properties.ListenerArn!<prod/ecs Listener",
			"prod/ecs Service: modify Properties.ServiceConnectConfiguration.Namespace<prod/ecs LoadBalancer",
		}},
		"perhaps, and so whatever refers to it": {
			one("  A: {Type: \"AWS::EC2::VPC\", Properties: {CidrBlock: a, InstanceTenancy: default}}\n  B: {Type: \"AWS::EC2::RouteTable\", Properties: {VpcId: !Ref A}}"),
			one("  A: {Type: \"AWS::EC2::VPC\", Properties: {CidrBlock: a, InstanceTenancy: dedicated}}\n  B: {Type: \"AWS::EC2::RouteTable\", Properties: {VpcId: !Ref A}}"),
			[]string{"prod/ecs A: modify, perhaps replaced Properties.InstanceTenancy?", "prod/ecs B: modify, perhaps replaced Properties.VpcId?<prod/ecs A"}},
		"references in a circle": {
			one("  A: {Type: \"AWS::EC2::VPC\", Properties: {CidrBlock: a, Tags: [{Key: x, Value: !Ref B}]}}\n  B: {Type: \"AWS::EC2::RouteTable\", Properties: {VpcId: !Ref A}}"),
			one("  A: {Type: \"AWS::EC2::VPC\", Properties: {CidrBlock: b, Tags: [{Key: x, Value: !Ref B}]}}\n  B: {Type: \"AWS::EC2::RouteTable\", Properties: {VpcId: !Ref A}}"),
			[]string{"prod/ecs A: modify, replaced Properties.CidrBlock! Properties.Tags.0.Value<prod/ecs B", "prod/ecs B: modify, replaced Properties.VpcId!<prod/ecs A"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := between(t, test.before, test.after); !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// What is replaced in one stack is followed through outputs and parameters into the others, and no further than its own
// environment.
func TestAcrossStacks(t *testing.T) {
	sets := func(cidr, repository string) map[string]string {
		all := map[string]string{"foundation": `
  Repository: {Type: "AWS::ECR::Repository", Properties: {RepositoryName: ` + repository + `}}
Outputs:
  RepositoryARN: {Value: !GetAtt Repository.Arn}
`}
		for _, env := range []string{"dev", "prod"} {
			cidrBlock := "10.0.0.0/16"
			if env == "prod" {
				cidrBlock = cidr
			}
			all[env+"/network"] = `
  VPC: {Type: "AWS::EC2::VPC", Properties: {CidrBlock: ` + cidrBlock + `}}
Outputs:
  VPCID: {Value: !Ref VPC}
`
			all[env+"/root"] = `
  Network: {Type: "AWS::CloudFormation::Stack"}
  ECS: {Type: "AWS::CloudFormation::Stack", Properties: {Parameters: {VPCID: !GetAtt Network.Outputs.VPCID, RepositoryARN: !Ref RepositoryARN}}}
`
			all[env+"/ecs"] = `
  TargetGroup: {Type: "AWS::ElasticLoadBalancingV2::TargetGroup", Properties: {VpcId: !Ref VPCID}}
  Role: {Type: "AWS::IAM::Role", Properties: {Policies: [{PolicyName: a, PolicyDocument: {Resource: !Ref RepositoryARN}}]}}
`
		}
		return all
	}
	if got, want := between(t, sets("10.0.0.0/16", "a"), sets("10.1.0.0/16", "a")), []string{
		"prod/ecs TargetGroup: modify, replaced Properties.VpcId!<prod/network VPC",
		"prod/network VPC: modify, replaced Properties.CidrBlock!",
		"prod/root ECS: modify Properties.Parameters.VPCID<prod/network VPC",
	}; !slices.Equal(got, want) {
		t.Errorf("another range: got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got, want := between(t, sets("10.0.0.0/16", "a"), sets("10.0.0.0/16", "b")), []string{
		"dev/ecs Role: modify Properties.Policies.0.PolicyDocument.Resource<foundation Repository",
		"dev/root ECS: modify Properties.Parameters.RepositoryARN<foundation Repository",
		"foundation Repository: modify, replaced Properties.RepositoryName!",
		"prod/ecs Role: modify Properties.Policies.0.PolicyDocument.Resource<foundation Repository",
		"prod/root ECS: modify Properties.Parameters.RepositoryARN<foundation Repository",
	}; !slices.Equal(got, want) {
		t.Errorf("another repository: got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLost(t *testing.T) {
	for want, c := range map[string]Change{
		"the objects":       {Type: "AWS::S3::Bucket", Action: Remove},
		"the log lines":     {Type: "AWS::Logs::LogGroup", Action: Modify, Replacement: schema.Sometimes},
		"":                  {Type: "AWS::S3::Bucket", Action: Modify},
		"the running tasks": {Type: "AWS::ECS::Service", Action: Modify, Replacement: schema.Always},
	} {
		if got := c.Lost(); got != want {
			t.Errorf("%v: got %q, want %q", c, got, want)
		}
	}
	if got := (Change{Type: "AWS::IAM::Role", Action: Remove}).Lost(); got != "" {
		t.Errorf("of a role %q is lost", got)
	}
	types, err := schema.Load()
	if err != nil {
		t.Fatal(err)
	}
	for kind := range holds {
		if types.Types[kind] == nil {
			t.Errorf("there is no schema of %s", kind)
		}
	}
}

func TestReadFaults(t *testing.T) {
	for name, text := range map[string]string{"no mapping": "[]", "not YAML": "a: [", "another tag": "Resources: {A: {Properties: {B: !!binary x}}}"} {
		if _, err := Read(fstest.MapFS{"prod/ecs.yaml": {Data: []byte(text)}}); err == nil || !strings.Contains(err.Error(), "prod/ecs.yaml") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
