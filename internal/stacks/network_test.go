package stacks

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/config"
	"slipway/internal/contract"
)

// with is the standard configuration with its one environment changed.
func with(change func(*config.Environment)) config.Config {
	cfg := standard()
	change(&cfg.Environments[0])
	return cfg
}

// existing is an environment in a VPC of the user's own.
func existing(public, private []string) config.Config {
	return with(func(e *config.Environment) {
		e.Network.VPC, e.Network.PublicSubnets, e.Network.PrivateSubnets = "vpc-0a1b2c3d", public, private
	})
}

var (
	someSubnets = []string{"subnet-1", "subnet-2"}
	moreSubnets = []string{"subnet-3", "subnet-4", "subnet-5", "subnet-6", "subnet-7", "subnet-8"}
)

// networkVariants are the options of the network, alone and together.
func networkVariants() map[string]config.Config {
	endpoints := with(func(e *config.Environment) { e.Network.Endpoints = true })
	reading := with(func(e *config.Environment) { e.Network.Endpoints, e.Network.Zones = true, 3 })
	reading.Service.Exec = true
	reading.Service.Secrets = []config.Secret{{Name: "A", Store: config.ParameterStore, Path: "/shop/{environment}/a"}}
	reading.Service.Sidecars = []config.Sidecar{{Name: "agent", Image: "registry.example/agent@sha256:" + strings.Repeat("a", 64),
		Secrets: []config.Secret{{Name: "B", Store: config.SecretsManager, Path: "shop/b"}}}}
	internal := existing(nil, someSubnets)
	internal.Environments[0].Entry.Internal = true
	unused := existing(someSubnets, moreSubnets)
	unused.Environments[0].Entry.Internal = true
	return map[string]config.Config{
		"existing, public subnets unused": unused,
		"endpoints":                       endpoints,
		"endpoints for secrets":           reading,
		"endpoints and NAT":               with(func(e *config.Environment) { e.Network.Endpoints, e.Network.NAT = true, config.NATPerZone }),
		"flow logs":                       with(func(e *config.Environment) { e.Network.FlowLogs = true }),
		"existing VPC":                    existing(someSubnets, moreSubnets),
		"existing public":                 existing(moreSubnets, nil),
		"existing private":                internal,
	}
}

func TestInterfaceEndpoints(t *testing.T) {
	needed := []string{"ecr.api", "ecr.dkr", "logs"}
	for name, want := range map[string][]string{
		"standard": nil, "endpoints": needed, "endpoints and NAT": needed,
		"endpoints for secrets": append([]string{"secretsmanager", "ssm", "ssmmessages"}, needed...),
	} {
		var got []string
		for id, r := range ofType(rendered(t, variants()[name])["prod/network.yaml"], "AWS::EC2::VPCEndpoint") {
			properties := at(t, r, "Properties").(map[string]any)
			if properties["VpcEndpointType"] != "Interface" {
				continue
			}
			got = append(got, strings.TrimPrefix(at(t, properties, "ServiceName", "Sub").(string), "com.amazonaws.${AWS::Region}."))
			if properties["PrivateDnsEnabled"] != true || at(t, properties, "SecurityGroupIds", 0, "GetAtt") != "EndpointSecurityGroup.GroupId" {
				t.Errorf("%s: %s has private names %v and the groups %v", name, id, properties["PrivateDnsEnabled"], properties["SecurityGroupIds"])
			}
			if subnet := at(t, properties, "SubnetIds", 1, "Ref"); subnet != contract.KeyPrivateSubnet(1) {
				t.Errorf("%s: %s lies in %v", name, id, subnet)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: endpoints (-want +got):\n%s", name, d)
		}
	}
}

// Private tasks without NAT have no way to the internet, and reach S3 all the same.
func TestPrivateRoutes(t *testing.T) {
	for name, want := range map[string]int{"endpoints": 0, "endpoints and NAT": 2} {
		all := rendered(t, variants()[name])
		r := all["prod/network.yaml"].Resources
		routes := 0
		for id := range r {
			if strings.HasPrefix(id, "PrivateRoute") && at(t, r, id, "Type") == "AWS::EC2::Route" {
				routes++
			}
		}
		tables := at(t, r, "S3Endpoint", "Properties", "RouteTableIds").([]any)
		if routes != want || len(tables) != 3 {
			t.Errorf("%s: %d private default routes, want %d; S3 by %d route tables, want 3", name, routes, want, len(tables))
		}
		vpc := at(t, all["prod/ecs.yaml"].Resources, "Service", "Properties", "NetworkConfiguration", "AwsvpcConfiguration")
		if at(t, vpc, "AssignPublicIp") != "DISABLED" || at(t, vpc, "Subnets", 1, "Ref") != contract.KeyPrivateSubnet(1) {
			t.Errorf("%s: the tasks are in %v", name, vpc)
		}
	}
}

func TestFlowLog(t *testing.T) {
	all := rendered(t, variants()["flow logs"])
	r := all["prod/network.yaml"].Resources
	log := at(t, r, "FlowLog", "Properties")
	if at(t, log, "ResourceId", "Ref") != "VPC" || at(t, log, "TrafficType") != "ALL" || at(t, log, "LogGroupName", "Ref") != "FlowLogGroup" {
		t.Errorf("the flow log is %v", log)
	}
	if days := at(t, r, "FlowLogGroup", "Properties", "RetentionInDays"); days != logRetentionDays {
		t.Errorf("flow logs are kept for %v days", days)
	}
	trust := at(t, r, "FlowLogRole", "Properties", "AssumeRolePolicyDocument", "Statement", 0)
	if at(t, trust, "Principal", "Service") != "vpc-flow-logs.amazonaws.com" || at(t, trust, "Condition", "StringEquals", "aws:SourceAccount", "Ref") != "AWS::AccountId" ||
		!strings.Contains(at(t, trust, "Condition", "ArnLike", "aws:SourceArn", "Sub").(string), ":vpc-flow-log/*") {
		t.Errorf("the flow log's role trusts %v", trust)
	}
	if _, declared := rendered(t, standard())["prod/network.yaml"].Parameters[contract.KeyPermissionsBoundaryARN]; declared {
		t.Error("a network without a role declares a boundary")
	}
}

// An existing VPC is given to the root and handed on; nothing of a network is made.
func TestExistingVPC(t *testing.T) {
	for name, want := range map[string]struct{ public, private int }{"existing VPC": {2, 6}, "existing public": {6, 0}, "existing private": {0, 2},
		"existing, public subnets unused": {0, 6}} {
		all := rendered(t, variants()[name])
		root := all["prod/root.yaml"]
		if _, ok := all["prod/network.yaml"]; ok || root.Resources[contract.NestedNetwork] != nil {
			t.Errorf("%s: there is a network stack", name)
		}
		keys := []string{contract.KeyVPCID}
		for i := range want.public {
			keys = append(keys, contract.KeyPublicSubnet(i))
		}
		for i := range want.private {
			keys = append(keys, contract.KeyPrivateSubnet(i))
		}
		slices.Sort(keys)
		isNetwork := func(key string) bool {
			return key == contract.KeyVPCID || strings.Contains(key, "Subnet") || strings.HasPrefix(key, "Zone") || key == contract.KeyNetworkTemplateURL
		}
		for where, template := range map[string]template{"root": root, "ecs": all["prod/ecs.yaml"]} {
			var got []string
			for _, key := range slices.Sorted(maps.Keys(template.Parameters)) {
				if isNetwork(key) {
					got = append(got, key)
				}
			}
			if d := cmp.Diff(keys, got); d != "" {
				t.Errorf("%s: the %s's parameters for the network (-want +got):\n%s", name, where, d)
			}
		}
	}
}

// The parameters that the configuration fills are those that the root declares.
func TestRootParametersAreDeclared(t *testing.T) {
	for name, cfg := range variants() {
		all := rendered(t, cfg)
		for _, env := range cfg.Environments {
			for key := range cfg.RootParameters(env) {
				if all[contract.EnvironmentTemplate(env.Name, contract.StackRoot)].Parameters[key] == nil {
					t.Errorf("%s: the root of %s does not declare %s", name, env.Name, key)
				}
			}
		}
	}
}

// The load balancer's way out is the range of the VPC, whichever it is.
func TestEgressFollowsTheRange(t *testing.T) {
	cfg := variants()["existing VPC"]
	cfg.Environments[0].Network.CIDR = netip.MustParsePrefix("172.31.0.0/16")
	r := rendered(t, cfg)["prod/ecs.yaml"].Resources
	if got := at(t, r, "LoadBalancerSecurityGroup", "Properties", "SecurityGroupEgress", 0, "CidrIp"); got != "172.31.0.0/16" {
		t.Errorf("the load balancer reaches %v", got)
	}
}

// ofType are a template's resources of a type, by id.
func ofType(tpl template, kind string) map[string]any {
	found := map[string]any{}
	for id, r := range tpl.Resources {
		if m, ok := r.(map[string]any); ok && m["Type"] == kind {
			found[id] = r
		}
	}
	return found
}
