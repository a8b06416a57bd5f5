package plan

import (
	"cmp"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"slipway/internal/changes"
	"slipway/internal/contract"
	"slipway/internal/schema"
	"slipway/internal/template"
)

// risks are those of one change.
func risks(c changes.Change, was, is template.Resource) []Risk {
	var found []Risk
	add := func(kind Kind, texts []string) {
		if len(texts) > 0 {
			found = append(found, Risk{riskName(kind, c), kind, strings.Join(texts, "; ")})
		}
	}
	if c.Action == changes.Modify {
		add(Replace, replacement(c))
	}
	add(Loss, loss(c, was, is))
	add(Downtime, downtime(c, was, is))
	if c.Action != changes.Remove {
		add(Exposure, exposure(was, is))
	}
	add(IAM, widening(was, is))
	return found
}

// nested are the logical ids of an environment's stacks in its root, by the names of their templates.
var nested = map[string]string{
	contract.StackNetwork: contract.NestedNetwork, contract.StackECS: contract.NestedECS, contract.StackPipeline: contract.NestedPipeline,
	contract.StackBeforeDeploy: contract.NestedBeforeDeploy,
}

// riskName is where the resource is in the tree of stacks, as CloudFormation has it, behind the kind.
func riskName(kind Kind, c changes.Change) string {
	root, _, _ := strings.Cut(c.Stack, "/")
	return string(kind) + ":" + strings.Join(append(steps(root, c.Stack), c.LogicalID), ".")
}

// steps lead to a stack: its root, and below that its logical id.
func steps(root, stack string) []string {
	_, name, isOne := strings.Cut(stack, "/")
	if !isOne || name == contract.StackRoot {
		return []string{root}
	}
	return []string{root, cmp.Or(nested[name], name)}
}

func replacement(c changes.Change) []string {
	if c.Lost() == "" {
		return nil
	}
	verb := "is replaced"
	if c.Replacement == schema.Sometimes {
		verb = "is perhaps replaced"
	}
	var because []string
	for _, p := range c.Properties {
		if p.Replacement == schema.Never {
			continue
		}
		reason := place(p.Path)
		if p.Follows != "" {
			reason += " (with " + p.Follows + ")"
		}
		because = append(because, reason)
	}
	return []string{fmt.Sprintf("%s, for another %s; %s", verb, strings.Join(because, ", "), fate(c))}
}

// fate is what becomes of what a resource holds.
func fate(c changes.Change) string {
	if c.Retained {
		return "kept in the account, and no longer the application's: " + c.Lost()
	}
	return "lost: " + c.Lost()
}

// loss is by removal, or made possible: a policy that kept a resource no longer does.
func loss(c changes.Change, was, is template.Resource) []string {
	if c.Action == changes.Remove {
		if c.Lost() == "" {
			return nil
		}
		return []string{"is removed; " + fate(c)}
	}
	var found []string
	for _, policy := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
		if keeps(was.Attributes[policy]) && !keeps(is.Attributes[policy]) {
			found = append(found, fmt.Sprintf("%s is no longer %v", policy, was.Attributes[policy]))
		}
	}
	return found
}

func keeps(policy any) bool {
	return policy == "Retain" || policy == "RetainExceptOnCreate" || policy == "Snapshot"
}

const (
	loadBalancer  = "AWS::ElasticLoadBalancingV2::LoadBalancer"
	targetGroup   = "AWS::ElasticLoadBalancingV2::TargetGroup"
	service       = "AWS::ECS::Service"
	bucket        = "AWS::S3::Bucket"
	securityGroup = "AWS::EC2::SecurityGroup"
	ingressRule   = "AWS::EC2::SecurityGroupIngress"
	subnet        = "AWS::EC2::Subnet"
	recordSet     = "AWS::Route53::RecordSet"
)

// interrupts says, by type, why the service does not answer when such a resource is replaced or removed. A replaced
// service is not in it: the new one runs before the old one goes.
var interrupts = map[string]struct{ replaced, removed string }{
	loadBalancer:                            {"the old name and addresses stop answering, and DNS takes its time to give out the new ones", "nothing answers under its name and addresses any longer"},
	targetGroup:                             {replaced: "the listener sends requests to an empty group until the tasks are registered in it"},
	"AWS::ElasticLoadBalancingV2::Listener": {removed: "nothing answers on its port any longer"},
	service:                                 {removed: "its tasks are stopped"},
	"AWS::Route53::RecordSet":               {"the old name no longer leads here", "the name no longer leads here"},
	"AWS::EC2::VPC":                         {"a load balancer and tasks do not move to another VPC: expect CloudFormation to refuse and to roll back", ""},
}

func downtime(c changes.Change, was, is template.Resource) []string {
	why := interrupts[c.Type].removed
	if c.Action != changes.Remove {
		why = ""
		// Another name replaces a record (docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-route53-recordset.html);
		// its schema does not say so.
		renamed := c.Type == recordSet && c.Action == changes.Modify && !reflect.DeepEqual(was.Properties["Name"], is.Properties["Name"])
		if renamed || c.Replacement != schema.Never {
			why = interrupts[c.Type].replaced
		}
	}
	var found []string
	if why != "" {
		found = append(found, why)
	}
	if c.Type != service || c.Action != changes.Modify {
		return found
	}
	if number(is.Properties["DesiredCount"], 1) == 0 && number(was.Properties["DesiredCount"], 1) > 0 {
		found = append(found, "no task is to run")
	}
	// Without a value it is 100 (docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html).
	healthy := func(r template.Resource) int {
		return number(at(r.Properties["DeploymentConfiguration"], "MinimumHealthyPercent"), 100)
	}
	if healthy(is) < 100 && healthy(is) < healthy(was) {
		found = append(found, fmt.Sprintf("a deployment may stop tasks before others stand in for them: %d %% stay, and were %d %%", healthy(is), healthy(was)))
	}
	return found
}

// number reads a whole number, also one written as text.
func number(v any, standard int) int {
	n, err := strconv.Atoi(fmt.Sprint(v))
	if err != nil {
		return standard
	}
	return n
}

// exposure is what can be reached from the internet now.
func exposure(was, is template.Resource) []string {
	switch is.Type {
	case securityGroup:
		return newIngress(list(was.Properties["SecurityGroupIngress"]), list(is.Properties["SecurityGroupIngress"]))
	case ingressRule:
		return newIngress([]any{was.Properties}, []any{is.Properties})
	case loadBalancer:
		if faces(is) && !faces(was) {
			return []string{"the load balancer faces the internet"}
		}
	case subnet:
		if on(is.Properties["MapPublicIpOnLaunch"]) && !on(was.Properties["MapPublicIpOnLaunch"]) {
			return []string{"whatever starts in the subnet gets a public address"}
		}
	case service:
		if public(is) && !public(was) {
			return []string{"its tasks get public addresses"}
		}
	case bucket:
		return opened(was, is)
	}
	return anybody(was, is)
}

// faces tells a load balancer that faces the internet, as one without a scheme does.
func faces(r template.Resource) bool {
	scheme, given := r.Properties["Scheme"]
	return r.Type == loadBalancer && (!given || scheme != "internal")
}

func public(r template.Resource) bool {
	return at(r.Properties["NetworkConfiguration"], "AwsvpcConfiguration", "AssignPublicIp") == "ENABLED"
}

// on tells true, also where it is written as text.
func on(v any) bool { return fmt.Sprint(v) == "true" }

// opened is the public access to a bucket that was blocked. A new bucket is blocked where its template does not say otherwise
// (docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html).
func opened(was, is template.Resource) []string {
	var found []string
	for _, lock := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
		before, after := at(was.Properties["PublicAccessBlockConfiguration"], lock), at(is.Properties["PublicAccessBlockConfiguration"], lock)
		if !on(after) && (on(before) || after != nil && before == nil) {
			found = append(found, lock+" is off")
		}
	}
	acl := text(is.Properties["AccessControl"])
	if strings.HasPrefix(acl, "Public") && !reflect.DeepEqual(was.Properties["AccessControl"], is.Properties["AccessControl"]) {
		found = append(found, "its ACL is "+acl)
	}
	return found
}
