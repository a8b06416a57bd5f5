package stacks

import (
	"fmt"
	"strings"
	"testing"

	"slipway/internal/config"
	"slipway/internal/contract"
)

// Where the load balancer is internal there is a task that asks it, with a role to be started with and none to act with, and nobody
// reaches it; elsewhere there is nothing of it.
func TestVisitor(t *testing.T) {
	tpl := ecsOf(t, "internal")
	properties := at(t, tpl.Resources, "VisitorTaskDefinition", "Properties").(map[string]any)
	if _, has := properties["TaskRoleArn"]; has {
		t.Error("it has a role to act with")
	}
	container := at(t, properties, "ContainerDefinitions", 0).(map[string]any)
	if got := at(t, container, "Image", "Ref"); got != contract.KeyVisitorImageURI {
		t.Errorf("its image is %v", got)
	}
	if got := at(t, container, "Environment", 0, "Value"); got != "[]" {
		t.Errorf("where nothing is listed it is to ask %v", got)
	}
	group := at(t, tpl.Resources, "VisitorSecurityGroup", "Properties").(map[string]any)
	if _, has := group["SecurityGroupIngress"]; has || len(group["SecurityGroupEgress"].([]any)) != 2 {
		t.Errorf("its group is %v", group)
	}
	for path, other := range rendered(t, variants()["standard"]) {
		for id := range other.Resources {
			if strings.Contains(id, "Visitor") {
				t.Errorf("%s has %s, and everybody may connect", path, id)
			}
		}
	}
}

// Where an internal load balancer lets in some ranges only it lets in the task, too, as long as its group has room for that.
func TestVisitorIsLetIn(t *testing.T) {
	for _, c := range []struct {
		ranges, rules int
		visits        bool
	}{{1, 2, true}, {59, 60, true}, {60, 60, false}} {
		var list []string
		for i := range c.ranges {
			list = append(list, "10.9."+string(rune('0'+i/10))+"."+string(rune('0'+i%10))+"/32")
		}
		cfg, err := config.Parse("f", []byte("name: shop\nenvironments: [{name: prod, entry: {internal: true, allow: ["+strings.Join(list, ", ")+"]}}]\n"))
		if err != nil {
			t.Fatal(err)
		}
		tpl := rendered(t, cfg)["prod/ecs.yaml"]
		rules := at(t, tpl.Resources, "LoadBalancerSecurityGroup", "Properties", "SecurityGroupIngress").([]any)
		_, visits := tpl.Resources["VisitorTaskDefinition"]
		if len(rules) != c.rules || visits != c.visits {
			t.Errorf("%d ranges: %d rules, a task %t; want %d, %t", c.ranges, len(rules), visits, c.rules, c.visits)
		}
	}
}

// Where a load balancer with public addresses lets in some ranges only, the task asks the tasks behind it, which let it in.
func TestVisitorAsksBehind(t *testing.T) {
	tpl := ecsOf(t, "allow")
	port := at(t, tpl.Resources, "TaskSecurityGroup", "Properties", "SecurityGroupIngress", 0, "FromPort")
	for path, group := range map[string][]any{
		"from the task": {"TaskSecurityGroup", "Properties", "SecurityGroupIngress", 1},
		"to the tasks":  {"VisitorSecurityGroup", "Properties", "SecurityGroupEgress", 0},
	} {
		rule := at(t, tpl.Resources, group...).(map[string]any)
		if rule["FromPort"] != port || rule["ToPort"] != port {
			t.Errorf("%s: %v", path, rule)
		}
	}
	if from := at(t, tpl.Resources, "TaskSecurityGroup", "Properties", "SecurityGroupIngress", 1, "SourceSecurityGroupId", "GetAtt"); fmt.Sprint(from) != "VisitorSecurityGroup.GroupId" {
		t.Errorf("the tasks let in %v", from)
	}
	if rules := at(t, tpl.Resources, "LoadBalancerSecurityGroup", "Properties", "SecurityGroupIngress").([]any); len(rules) != 2 {
		t.Errorf("the load balancer lets in %v", rules)
	}
}
