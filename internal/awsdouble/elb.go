package awsdouble

import (
	"maps"
	"slices"
	"strings"
)

func (d *Double) balancerHandlers() map[string]handler {
	return map[string]handler{
		"DescribeLoadBalancers": d.describeLoadBalancers, "DescribeTargetGroups": d.describeTargetGroups,
		"DescribeListeners": d.describeListeners, "DescribeRules": d.describeRules, "DescribeTargetHealth": d.describeTargetHealth,
		"ModifyLoadBalancerAttributes": d.modifyBalancer,
	}
}

const balancing = "AWS::ElasticLoadBalancingV2::"

// pick lists what there is of a type: all, or those asked for by ARN, each of which must exist.
func (d *Double) pick(kindName string, arns []string, missing error) ([]*thing, error) {
	if len(arns) == 0 {
		return d.existing(kindName), nil
	}
	var found []*thing
	for _, arn := range arns {
		t := d.thing(kindName, arn)
		if t == nil {
			return nil, missing
		}
		found = append(found, t)
	}
	return found, nil
}

func (d *Double) describeLoadBalancers(in object) (object, error) {
	found, err := d.pick(balancing+"LoadBalancer", texts(in, "LoadBalancerArns"), fail("LoadBalancerNotFound", "One or more load balancers not found"))
	if err != nil {
		return nil, err
	}
	members := list{}
	for _, t := range found {
		members = append(members, object{
			"LoadBalancerArn": t.ID, "DNSName": t.Attributes["DNSName"], "LoadBalancerName": t.Attributes["LoadBalancerName"],
			"State": object{"Code": "active"}, "Scheme": opt(text(t.Properties, "Scheme")), "Type": "application", "CreatedTime": t.Created,
		})
	}
	return object{"LoadBalancers": members}, nil
}

func (d *Double) modifyBalancer(in object) (object, error) {
	t := d.thing(balancing+"LoadBalancer", text(in, "LoadBalancerArn"))
	if t == nil {
		return nil, fail("LoadBalancerNotFound", "One or more load balancers not found")
	}
	attributes := objects(t.Properties, "LoadBalancerAttributes")
	for _, given := range objects(in, "Attributes") {
		attributes = slices.DeleteFunc(attributes, func(a object) bool { return a["Key"] == given["Key"] })
		attributes = append(attributes, given)
	}
	t.Properties = maps.Clone(t.Properties)
	t.Properties["LoadBalancerAttributes"] = asList(attributes)
	return object{"Attributes": asList(attributes)}, nil
}

func balancerAttribute(t *thing, key string) string {
	for _, a := range objects(t.Properties, "LoadBalancerAttributes") {
		if a["Key"] == key {
			return text(a, "Value")
		}
	}
	return ""
}

// balancerRemoved refuses where deletion is protected, and lets a load balancer that keeps access logs write a last one.
func (d *Double) balancerRemoved(t *thing) error {
	if balancerAttribute(t, "deletion_protection.enabled") == "true" {
		return fail("OperationNotPermitted", "Load balancer '%s' cannot be deleted because deletion protection is enabled", t.ID)
	}
	logs := d.buckets[balancerAttribute(t, "access_logs.s3.bucket")]
	if (d.lateLogs || balancerAttribute(t, "access_logs.s3.enabled") == "true") && logs != nil {
		key := balancerAttribute(t, "access_logs.s3.prefix") + "/AWSLogs/" + d.AccountID + "/late.log.gz"
		logs.put(key, &version{id: d.newVersionID(), body: []byte("late"), modified: d.now()})
	}
	return d.stopApp(t)
}

// LateAccessLogs lets load balancers write a last log when they are deleted, even after their logs were turned off.
func (d *Double) LateAccessLogs() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lateLogs = true
}

func (d *Double) describeTargetGroups(in object) (object, error) {
	found, err := d.pick(balancing+"TargetGroup", texts(in, "TargetGroupArns"), fail("TargetGroupNotFound", "One or more target groups not found"))
	if err != nil {
		return nil, err
	}
	members := list{}
	for _, t := range found {
		arns := list{}
		for _, balancer := range d.existing(balancing + "LoadBalancer") {
			if d.groupsOf(balancer)[t.ID] {
				arns = append(arns, balancer.ID)
			}
		}
		members = append(members, object{
			"TargetGroupArn": t.ID, "TargetGroupName": t.Attributes["TargetGroupName"], "LoadBalancerArns": arns,
			"VpcId": opt(text(t.Properties, "VpcId")), "Port": opt(text(t.Properties, "Port")), "Protocol": opt(text(t.Properties, "Protocol")),
			"HealthCheckPath": opt(text(t.Properties, "HealthCheckPath")),
		})
	}
	return object{"TargetGroups": members}, nil
}

func (d *Double) describeListeners(in object) (object, error) {
	balancer := text(in, "LoadBalancerArn")
	if balancer != "" && d.thing(balancing+"LoadBalancer", balancer) == nil {
		return nil, fail("LoadBalancerNotFound", "One or more load balancers not found")
	}
	found, err := d.pick(balancing+"Listener", texts(in, "ListenerArns"), fail("ListenerNotFound", "One or more listeners not found"))
	if err != nil {
		return nil, err
	}
	members := list{}
	for _, t := range found {
		if of := text(t.Properties, "LoadBalancerArn"); balancer == "" || of == balancer {
			members = append(members, object{
				"ListenerArn": t.ID, "LoadBalancerArn": of, "Port": opt(text(t.Properties, "Port")), "Protocol": opt(text(t.Properties, "Protocol")),
			})
		}
	}
	return object{"Listeners": members}, nil
}

func (d *Double) describeRules(in object) (object, error) {
	listener := text(in, "ListenerArn")
	if listener != "" && d.thing(balancing+"Listener", listener) == nil {
		return nil, fail("ListenerNotFound", "One or more listeners not found")
	}
	found, err := d.pick(balancing+"ListenerRule", texts(in, "RuleArns"), fail("RuleNotFound", "One or more rules not found"))
	if err != nil {
		return nil, err
	}
	members := list{}
	for _, t := range found {
		if listener == "" || text(t.Properties, "ListenerArn") == listener {
			members = append(members, object{
				"RuleArn": t.ID, "Priority": text(t.Properties, "Priority"), "IsDefault": false, "Actions": t.Properties["Actions"],
			})
		}
	}
	return object{"Rules": members}, nil
}

// describeTargetHealth shows running tasks as healthy, and those that failed as they were last seen.
func (d *Double) describeTargetHealth(in object) (object, error) {
	group := d.thing(balancing+"TargetGroup", text(in, "TargetGroupArn"))
	if group == nil {
		return nil, fail("TargetGroupNotFound", "Target groups '%s' not found", text(in, "TargetGroupArn"))
	}
	members := list{}
	for _, t := range d.existing("AWS::ECS::Service") {
		if t.service == nil || !d.uses(t, map[string]bool{group.ID: true}) {
			continue
		}
		for _, one := range t.service.running() {
			host, port := d.direct(t.service, one)
			members = append(members, object{
				"Target": object{"Id": host, "Port": port}, "TargetHealth": d.health(t.service, one),
			})
		}
	}
	return object{"TargetHealthDescriptions": members}, nil
}

func (d *Double) health(s *service, t *task) object {
	if t.sick != nil {
		return object{"State": "unhealthy", "Reason": t.sick.TargetReason, "Description": t.sick.TargetDescription}
	}
	if slices.Contains(d.unhealthy, s.name) || slices.ContainsFunc(d.unhealthy, func(tag string) bool { return strings.Contains(t.definition, tag) }) {
		return object{"State": "unhealthy", "Reason": "Target.ResponseCodeMismatch", "Description": "Health checks failed with these codes: [500]"}
	}
	return object{"State": "healthy"}
}

// Unhealthy lets the targets of a service (by name, or by a part of the task definition's ARN) fail their health checks.
func (d *Double) Unhealthy(names ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unhealthy = names
}
