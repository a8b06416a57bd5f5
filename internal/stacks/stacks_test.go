package stacks

import (
	"encoding/json"
	"fmt"
	"github.com/google/go-cmp/cmp"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/iampolicy"
)

// The root gives every child exactly the parameters that it declares, and uses only outputs that the child has.
func TestWiring(t *testing.T) {
	for name, cfg := range variants() {
		t.Run(name, func(t *testing.T) {
			all := rendered(t, cfg)
			for _, env := range cfg.Environments {
				root := all[contract.EnvironmentTemplate(env.Name, contract.StackRoot)]
				checkWiring(t, env.Name, root, all)
			}
		})
	}
}

func checkWiring(t *testing.T, env string, root template, all map[string]template) {
	t.Helper()
	for id, r := range root.Resources {
		child, ok := all[contract.EnvironmentTemplate(env, strings.ToLower(id))]
		if !ok {
			t.Errorf("%s nests %s, which has no template", env, id)
			continue
		}
		given, _ := at(t, r, "Properties").(map[string]any)["Parameters"].(map[string]any)
		for key := range child.Parameters {
			if given[key] == nil {
				t.Errorf("%s.%s is not given its parameter %s", env, id, key)
			}
		}
		for key, value := range given {
			if child.Parameters[key] == nil {
				t.Errorf("%s.%s is given %s, which it does not declare", env, id, key)
			}
			if !carriesKey(value, key) {
				t.Errorf("%s.%s: parameter %s is filled with %v: a value travels under one key", env, id, key, value)
			}
		}
	}
	walk(env, root.Resources, func(path string, v any) { checkOutput(t, env, path, v, all) })
	walk(env, root.Outputs, func(path string, v any) { checkOutput(t, env, path, v, all) })
}

// carriesKey says whether a value is the parameter or the child's output of the same key.
func carriesKey(value any, key string) bool {
	m, _ := value.(map[string]any)
	ref, _ := m["Ref"].(string)
	att, _ := m["GetAtt"].(string)
	return ref == key || strings.HasSuffix(att, ".Outputs."+key)
}

func checkOutput(t *testing.T, env, path string, v any, all map[string]template) {
	t.Helper()
	m, _ := v.(map[string]any)
	att, _ := m["GetAtt"].(string)
	if id, output, ok := strings.Cut(att, ".Outputs."); ok {
		if all[contract.EnvironmentTemplate(env, strings.ToLower(id))].Outputs[output] == nil {
			t.Errorf("%s uses %s, which does not exist", path, att)
		}
	}
}

// The container's port is the same in all its places; the target group's own is a constant.
func TestPort(t *testing.T) {
	cfg := standard()
	cfg.Service.Port = 3456
	r := rendered(t, cfg)["prod/ecs.yaml"].Resources
	container := at(t, r, "TaskDefinition", "Properties", "ContainerDefinitions", 0)
	for place, got := range map[string]any{
		"port mapping":    at(t, container, "PortMappings", 0, "ContainerPort"),
		"service":         at(t, r, "Service", "Properties", "LoadBalancers", 0, "ContainerPort"),
		"tasks' ingress":  at(t, r, "TaskSecurityGroup", "Properties", "SecurityGroupIngress", 0, "FromPort"),
		"balancer egress": at(t, r, "LoadBalancerSecurityGroup", "Properties", "SecurityGroupEgress", 0, "ToPort"),
	} {
		if got != 3456 {
			t.Errorf("%s is %v, want 3456", place, got)
		}
	}
	if got := at(t, container, "Environment", 0); at(t, got, "Name") != "PORT" || at(t, got, "Value") != "3456" {
		t.Errorf("the container is told %v", got)
	}
	if got := at(t, r, "TargetGroup", "Properties", "Port"); got != targetGroupPort {
		t.Errorf("the target group's port is %v: it is create-only, a change would replace the group", got)
	}
}

// What a user writes reaches the container as it is: empty, or looking like YAML or like an intrinsic.
func TestVariables(t *testing.T) {
	cfg := standard()
	texts := []string{"", "true", "0755", "a: b # c", "${AWS::Region}", "!Ref VPC", `{"Ref":"VPC"}`, "zwei\nZeilen\n", "日本"}
	cfg.Service.Environment = nil
	for i, text := range texts {
		cfg.Service.Environment = append(cfg.Service.Environment, config.Variable{Name: "V" + strconv.Itoa(i), Value: text})
	}
	got := at(t, rendered(t, cfg)["prod/ecs.yaml"].Resources, "TaskDefinition", "Properties", "ContainerDefinitions", 0, "Environment").([]any)
	for i, text := range texts {
		if value := got[i+1].(map[string]any)["Value"]; value != text {
			t.Errorf("%q arrives as %q", text, value)
		}
	}
}

// Tasks are reachable from the load balancer's group and from nowhere else.
func TestTasksAreReachableFromTheBalancerOnly(t *testing.T) {
	r := rendered(t, standard())["prod/ecs.yaml"].Resources
	ingress := at(t, r, "TaskSecurityGroup", "Properties", "SecurityGroupIngress").([]any)
	if len(ingress) != 1 || at(t, ingress[0], "SourceSecurityGroupId", "GetAtt") != "LoadBalancerSecurityGroup.GroupId" {
		t.Errorf("ingress of the tasks: %v", ingress)
	}
}

func TestSubnetsFollowTheNAT(t *testing.T) {
	for nat, want := range map[config.NAT]struct{ ip, subnet string }{
		config.NATNone: {"ENABLED", "PublicSubnetB"}, config.NATOne: {"DISABLED", "PrivateSubnetB"}, config.NATPerZone: {"DISABLED", "PrivateSubnetB"},
	} {
		cfg := standard()
		cfg.Environments[0].Network.NAT = nat
		all := rendered(t, cfg)
		vpc := at(t, all["prod/ecs.yaml"].Resources, "Service", "Properties", "NetworkConfiguration", "AwsvpcConfiguration")
		if ip, subnet := at(t, vpc, "AssignPublicIp"), at(t, vpc, "Subnets", 1, "Ref"); ip != want.ip || subnet != want.subnet {
			t.Errorf("nat %s: public address %v in %v, want %v", nat, ip, subnet, want)
		}
		gateways := strings.Count(all["prod/network.yaml"].text, "Type: AWS::EC2::NatGateway")
		if n := map[config.NAT]int{config.NATOne: 1, config.NATPerZone: 2}[nat]; gateways != n {
			t.Errorf("nat %s: %d gateways, want %d", nat, gateways, n)
		}
	}
}

// A zone that comes later moves no subnet, and no two blocks overlap.
func TestSubnetBlocks(t *testing.T) {
	vpc := standard().Environments[0].Network.CIDR
	seen := map[string]bool{}
	for zone := range contract.MaxZones {
		for _, block := range []int{publicBlock(zone), privateBlock(zone)} {
			p := subnetBlock(vpc, block)
			if !vpc.Contains(p.Addr()) || p.Bits() != vpc.Bits()+3 || p != p.Masked() || seen[p.String()] {
				t.Errorf("block %d is %v", block, p)
			}
			seen[p.String()] = true
		}
	}
	if got := subnetBlock(vpc, privateBlock(1)).String(); got != "10.0.160.0/19" {
		t.Errorf("private subnet B is %s", got)
	}
}

// Where scaling is on, the count belongs to the scaler and the template must not reset it.
func TestDesiredCount(t *testing.T) {
	cfg := standard()
	fixed := at(t, rendered(t, cfg)["prod/ecs.yaml"].Resources, "Service", "Properties").(map[string]any)
	cfg.Environments[0].Tasks = config.Tasks{Min: 2, Max: 6}
	resources := rendered(t, cfg)["prod/ecs.yaml"].Resources
	scaled := at(t, resources, "Service", "Properties").(map[string]any)
	if fixed["DesiredCount"] != 2 || scaled["DesiredCount"] != nil {
		t.Errorf("desired count: %v fixed, %v scaled", fixed["DesiredCount"], scaled["DesiredCount"])
	}
	if got := at(t, resources, "ScalableTarget", "Properties", "MaxCapacity"); got != 6 {
		t.Errorf("scales to %v, want 6", got)
	}
}

// The pipeline is nested in its home only, and comes up after the service.
func TestPipelineHome(t *testing.T) {
	all := rendered(t, variants()["pipeline elsewhere"])
	for _, env := range []string{"dev", "stage", "prod"} {
		_, nested := all[env+"/root.yaml"].Resources[contract.NestedPipeline]
		if nested != (env == "dev") {
			t.Errorf("%s nests the pipeline: %v", env, nested)
		}
	}
	if got := at(t, all["dev/root.yaml"].Resources, contract.NestedPipeline, "DependsOn"); got != contract.NestedECS {
		t.Errorf("the pipeline depends on %v: it runs by itself as soon as it exists", got)
	}
}

func list(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

// Every role lies under one of slipway's paths and is held by a boundary; only CloudFormation's own make the rest.
func TestRoles(t *testing.T) {
	all := rendered(t, variants()["flow logs"])
	for path, template := range all {
		for id, r := range template.Resources {
			if at(t, r, "Type") != "AWS::IAM::Role" {
				continue
			}
			properties := at(t, r, "Properties").(map[string]any)
			want, boundary := "/slipway/shop/delivery/", any("DeliveryBoundary")
			switch {
			case strings.HasSuffix(path, "ecs.yaml"), strings.HasSuffix(path, "network.yaml"):
				want, boundary = "/slipway/shop/env/", contract.KeyPermissionsBoundaryARN
			case strings.HasSuffix(path, "pipeline.yaml"):
				want, boundary = contract.PipelineRolePath("shop"), contract.KeyDeliveryBoundaryARN
			case strings.HasSuffix(id, "ExecutionRole"): // CloudFormation's own
				boundary = nil
			}
			held, _ := properties["PermissionsBoundary"].(map[string]any)
			if held["Ref"] != boundary {
				t.Errorf("%s %s is held by the boundary %v, want %v", path, id, held["Ref"], boundary)
			}
			if got := properties["Path"].(string); !strings.HasPrefix(got, want) {
				t.Errorf("%s %s lies under %s, want %s", path, id, got, want)
			}
		}
	}
}

// actions are all that the statements below v allow.
func actions(v any) []string {
	var found []string
	walk("", v, func(_ string, v any) {
		if s, ok := v.(map[string]any); ok && s["Effect"] == "Allow" {
			for _, action := range list(s["Action"]) {
				found = append(found, action.(string))
			}
		}
	})
	return found
}

// What the pipeline deploys with has no right on pipeline, projects, rules or the roles of delivery.
func TestPipelineCannotWidenItself(t *testing.T) {
	foundation := rendered(t, standard())["foundation.yaml"]
	for _, policy := range list(at(t, foundation.Resources, "PipelineExecutionRole", "Properties", "ManagedPolicyArns")) {
		id := at(t, policy, "Ref").(string)
		text, _ := json.Marshal(foundation.Resources[id])
		for _, forbidden := range []string{"codepipeline:", "codebuild:", contract.DeliveryRolePath("shop") + "pipeline"} {
			body, _ := json.Marshal(at(t, foundation.Resources, id, "Properties", "PolicyDocument"))
			if strings.Contains(string(body), forbidden) {
				t.Errorf("%s, attached to the pipeline's execution role, speaks of %s: %s", id, forbidden, text)
			}
		}
	}
}

// It makes the event rules of services, and has no right on the rules of the pipeline, by whatever names.
func TestPipelineCannotChangeItsRules(t *testing.T) {
	for name, cfg := range variants() {
		a := deployed(t, cfg)
		for file, template := range a.all {
			for id := range ofType(template, "AWS::Events::Rule") {
				mine := strings.HasSuffix(file, "/pipeline.yaml")
				for _, action := range ruleActions {
					request := iampolicy.Request{Action: action, Resource: a.arn("events", "rule/"+a.name(file, id))}
					if got := iampolicy.Allowed(request, a.of(contract.FoundationTemplate, "PipelineExecutionRole")...); got == mine {
						t.Errorf("%s: %s on %s of %s is allowed: %v", name, action, id, file, got)
					}
				}
			}
		}
	}
}

// No account, Region, partition or zone stands in a template, and no tag in place of a digest.
func TestNothingIsLiteral(t *testing.T) {
	literal := regexp.MustCompile(`arn:aws|\b(us|eu|ap|sa|ca|me|af|il|mx)-(north|south|east|west|central)\w*-\d|\b\d{12}\b|amazonaws\.com/|:latest`)
	for name, cfg := range variants() {
		for path, template := range rendered(t, cfg) {
			if found := literal.FindString(template.text); found != "" {
				t.Errorf("%s: %s holds %q", name, path, found)
			}
		}
	}
}

// A template sent as text, as the foundation's is, has 51,200 bytes at most.
func TestFoundationIsSentAsText(t *testing.T) {
	for name, cfg := range variants() {
		if n := len(rendered(t, cfg)[contract.FoundationTemplate].text); n > 51200 {
			t.Errorf("%s: %d bytes", name, n)
		}
	}
}

// Each environment is planned first; where somebody must approve, the pipeline asks before anything changes there, and nowhere else.
func TestApprovalComesBeforeDeploy(t *testing.T) {
	cfg := variants()["several"]
	for i, env := range cfg.Environments {
		want := []string{"Plan 1", "Deploy 2", "Acceptance 3"}
		if env.Approval {
			want = []string{"Plan 1", "Approve 2", "Deploy 3", "Acceptance 4"}
		}
		stage := at(t, rendered(t, cfg)["prod/pipeline.yaml"].Resources, "Pipeline", "Properties", "Stages", 3+i, "Actions").([]any)
		var got []string
		for _, a := range stage {
			action := a.(map[string]any)
			got = append(got, fmt.Sprintf("%v %v", action["Name"], action["RunOrder"]))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", env.Name, diff)
		}
	}
}
