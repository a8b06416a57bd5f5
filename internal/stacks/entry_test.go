package stacks

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/config"
	"slipway/internal/contract"
)

const (
	someDomain      = "shop.example.com"
	someZone        = "Z0123456789ABCDEFGHIJ"
	someCertificate = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
)

func entered(change func(*config.Entry)) config.Config {
	return with(func(e *config.Environment) { change(&e.Entry) })
}

// entryVariants are the options of the entry, alone and together.
func entryVariants() map[string]config.Config {
	allow := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.7/32")}
	everything := func(e *config.Environment) {
		e.Protected = true
		e.Network.NAT, e.Network.Endpoints, e.Network.FlowLogs, e.Network.Zones = config.NATPerZone, true, true, 3
		e.Entry.Domain, e.Entry.HostedZone, e.Entry.Internal, e.Entry.Allow = someDomain, someZone, true, allow
		e.Entry.AccessLogs, e.Entry.WAF, e.Entry.RateLimit, e.Entry.IdleTimeout = true, true, 100, 4000
		e.Watch.Email, e.Watch.Insights = someEmail, true
	}
	large := standard()
	large.Name, large.Environments = strings.Repeat("x", 32), nil
	for i := range 10 {
		e := environment(fmt.Sprintf("environment%05d", i), 1, 2, 3, config.NATPerZone)
		everything(&e)
		e.Entry.Domain = fmt.Sprintf("environment%05d.%s.example.com", i, strings.Repeat("d", 60))
		large.Environments = append(large.Environments, e)
	}
	large.Pipeline.Environment = large.Environments[9].Name
	return map[string]config.Config{
		"domain":                  entered(func(e *config.Entry) { e.Domain, e.HostedZone = someDomain, someZone }),
		"certificate":             entered(func(e *config.Entry) { e.Domain, e.Certificate = someDomain, someCertificate }),
		"certificate and zone":    entered(func(e *config.Entry) { e.Domain, e.Certificate, e.HostedZone = someDomain, someCertificate, someZone }),
		"internal":                entered(func(e *config.Entry) { e.Internal = true }),
		"internal, private":       with(func(e *config.Environment) { e.Entry.Internal, e.Network.NAT = true, config.NATOne }),
		"internal domain":         entered(func(e *config.Entry) { e.Internal, e.Domain, e.HostedZone = true, someDomain, someZone }),
		"allow":                   entered(func(e *config.Entry) { e.Allow = allow }),
		"allow of the internet":   entered(func(e *config.Entry) { e.Allow = []netip.Prefix{netip.MustParsePrefix("8.8.8.0/24")} }),
		"allow, domain":           entered(func(e *config.Entry) { e.Allow, e.Domain, e.HostedZone = allow, someDomain, someZone }),
		"access logs":             entered(func(e *config.Entry) { e.AccessLogs = true }),
		"firewall":                entered(func(e *config.Entry) { e.WAF, e.RateLimit = true, 777 }),
		"protected":               with(func(e *config.Environment) { e.Protected = true }),
		"every option":            with(everything),
		"every option, ten times": large,
	}
}

func ecsOf(t *testing.T, name string) template {
	t.Helper()
	return rendered(t, variants()[name])["prod/ecs.yaml"]
}

// With a domain HTTPS forwards to the tasks and HTTP does nothing but redirect to it.
func TestHTTPS(t *testing.T) {
	for _, name := range []string{"domain", "certificate", "certificate and zone", "internal domain"} {
		tpl := ecsOf(t, name)
		https := at(t, tpl.Resources, "HTTPSListener", "Properties")
		if at(t, https, "Port") != 443 || at(t, https, "Protocol") != "HTTPS" || !strings.HasPrefix(at(t, https, "SslPolicy").(string), "ELBSecurityPolicy-TLS13-1-2-") {
			t.Errorf("%s: HTTPS is %v", name, https)
		}
		redirect := at(t, tpl.Resources, "HTTPListener", "Properties", "DefaultActions", 0)
		if at(t, redirect, "RedirectConfig", "Protocol") != "HTTPS" || at(t, redirect, "RedirectConfig", "StatusCode") != "HTTP_301" || tpl.Resources["HTTPListenerRule"] != nil {
			t.Errorf("%s: HTTP does %v", name, redirect)
		}
		if at(t, tpl.Resources, "HTTPSListenerRule", "Properties", "ListenerArn", "Ref") != "HTTPSListener" ||
			!slices.Contains(list(at(t, tpl.Resources, "Service", "DependsOn")), any("HTTPSListenerRule")) {
			t.Errorf("%s: the service depends on %v", name, at(t, tpl.Resources, "Service", "DependsOn"))
		}
		if got := at(t, tpl.Outputs, contract.KeyServiceURL, "Value"); got != "https://"+someDomain {
			t.Errorf("%s: users are told %v", name, got)
		}
		if got := at(t, tpl.Outputs, contract.KeyLoadBalancerName, "Value", "GetAtt"); got != "LoadBalancer.DNSName" {
			t.Errorf("%s: the load balancer's name is %v", name, got)
		}
	}
}

func TestCertificateAndRecord(t *testing.T) {
	for name, want := range map[string]struct{ made, record bool }{
		"domain": {true, true}, "certificate": {false, false}, "certificate and zone": {false, true}, "internal domain": {true, true}, "standard": {false, false},
	} {
		r := ecsOf(t, name).Resources
		if made := r["Certificate"] != nil; made != want.made {
			t.Errorf("%s: certificate made: %v, want %v", name, made, want.made)
		}
		if record := r["DomainRecord"] != nil; record != want.record {
			t.Errorf("%s: record made: %v, want %v", name, record, want.record)
		}
		if want.made {
			validation := at(t, r, "Certificate", "Properties", "DomainValidationOptions", 0)
			if at(t, validation, "HostedZoneId", "Ref") != contract.KeyHostedZoneID || at(t, r, "Certificate", "Properties", "ValidationMethod") != "DNS" {
				t.Errorf("%s: the certificate is proved by %v", name, validation)
			}
		}
		if want.record {
			record := at(t, r, "DomainRecord", "Properties")
			if at(t, record, "AliasTarget", "HostedZoneId", "GetAtt") != "LoadBalancer.CanonicalHostedZoneID" || at(t, record, "Name") != someDomain || at(t, record, "Type") != "A" {
				t.Errorf("%s: the record is %v", name, record)
			}
		}
	}
	certificate := at(t, ecsOf(t, "certificate").Resources, "HTTPSListener", "Properties", "Certificates", 0, "CertificateArn", "Ref")
	if certificate != contract.KeyCertificateARN {
		t.Errorf("the given certificate is %v", certificate)
	}
}

// Who may connect, by range and port.
func TestIngress(t *testing.T) {
	for name, want := range map[string][]string{
		"standard":         {"0.0.0.0/0 80"},
		"domain":           {"0.0.0.0/0 443", "0.0.0.0/0 80"},
		"internal":         {"10.0.0.0/16 80"},
		"existing private": {"10.0.0.0/16 80"},
		"allow":            {"192.0.2.0/24 80", "198.51.100.7/32 80"},
		"allow, domain":    {"192.0.2.0/24 443", "192.0.2.0/24 80", "198.51.100.7/32 443", "198.51.100.7/32 80"},
	} {
		var got []string
		for _, rule := range at(t, ecsOf(t, name).Resources, "LoadBalancerSecurityGroup", "Properties", "SecurityGroupIngress").([]any) {
			got = append(got, fmt.Sprint(at(t, rule, "CidrIp"), " ", at(t, rule, "FromPort")))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: (-want +got):\n%s", name, d)
		}
	}
}

// Every rule of every group says what it is for, in characters that EC2 takes, and no group lets everything out unsaid.
// docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html and API_CreateSecurityGroup.html
func TestSecurityGroups(t *testing.T) {
	legal := regexp.MustCompile(`^[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}$`)
	for name, cfg := range variants() {
		for path, tpl := range rendered(t, cfg) {
			for id, group := range ofType(tpl, "AWS::EC2::SecurityGroup") {
				descriptions := []any{at(t, group, "Properties", "GroupDescription")}
				for _, direction := range []string{"SecurityGroupIngress", "SecurityGroupEgress"} {
					if id == "VisitorSecurityGroup" && direction == "SecurityGroupIngress" {
						continue // nobody reaches it
					}
					for _, rule := range at(t, group, "Properties", direction).([]any) {
						descriptions = append(descriptions, rule.(map[string]any)["Description"])
					}
				}
				for _, d := range descriptions {
					if text, _ := d.(string); !legal.MatchString(text) {
						t.Errorf("%s: %s %s has the description %q", name, path, id, d)
					}
				}
			}
		}
	}
}

func TestLoadBalancerSubnets(t *testing.T) {
	for name, want := range map[string]struct{ scheme, subnet string }{
		"standard": {"internet-facing", "PublicSubnetB"}, "internal": {"internal", "PublicSubnetB"},
		"internal, private": {"internal", "PrivateSubnetB"}, "existing private": {"internal", "PrivateSubnetB"}, "existing VPC": {"internet-facing", "PublicSubnetB"},
	} {
		balancer := at(t, ecsOf(t, name).Resources, "LoadBalancer", "Properties")
		if scheme, subnet := at(t, balancer, "Scheme"), at(t, balancer, "Subnets", 1, "Ref"); scheme != want.scheme || subnet != want.subnet {
			t.Errorf("%s: %v in %v, want %v", name, scheme, subnet, want)
		}
	}
}

func TestLoadBalancerAttributes(t *testing.T) {
	always := map[string]any{"routing.http.desync_mitigation_mode": "strictest", "routing.http.drop_invalid_header_fields.enabled": "true",
		"deletion_protection.enabled": "false", "idle_timeout.timeout_seconds": "60", "access_logs.s3.enabled": "false"}
	for name, changed := range map[string]map[string]any{
		"standard": nil, "protected": {"deletion_protection.enabled": "true"},
		"access logs": {"access_logs.s3.enabled": "true", "access_logs.s3.bucket": map[string]any{"Ref": "AccessLogs"}, "access_logs.s3.prefix": "load-balancer"},
	} {
		want := map[string]any{}
		for _, m := range []map[string]any{always, changed} {
			for key, value := range m {
				want[key] = value
			}
		}
		got := map[string]any{}
		for _, a := range at(t, ecsOf(t, name).Resources, "LoadBalancer", "Properties", "LoadBalancerAttributes").([]any) {
			got[at(t, a, "Key").(string)] = at(t, a, "Value")
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: (-want +got):\n%s", name, d)
		}
	}
}

// The bucket is closed, its content goes by itself, only load balancers of the account write to it, and the launcher hears
// its name, since it must empty it.
func TestAccessLogs(t *testing.T) {
	all := rendered(t, variants()["access logs"])
	r := all["prod/ecs.yaml"].Resources
	bucket := at(t, r, "AccessLogs", "Properties")
	if got := at(t, bucket, "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault", "SSEAlgorithm"); got != "AES256" {
		t.Errorf("encrypted by %v: load balancers write with no other key than S3's", got)
	}
	if bucket.(map[string]any)["BucketName"] != nil || at(t, bucket, "LifecycleConfiguration", "Rules", 0, "ExpirationInDays") != accessLogDays {
		t.Errorf("the bucket is %v", bucket)
	}
	deliver := at(t, r, "AccessLogsPolicy", "Properties", "PolicyDocument", "Statement", 1)
	if at(t, deliver, "Principal", "Service") != "logdelivery.elasticloadbalancing.amazonaws.com" ||
		at(t, deliver, "Resource", "Sub") != "${AccessLogs.Arn}/load-balancer/AWSLogs/${AWS::AccountId}/*" || at(t, deliver, "Condition", "StringEqualsIfExists", "aws:SourceAccount", "Ref") != "AWS::AccountId" {
		t.Errorf("logs are delivered by %v", deliver)
	}
	if at(t, r, "AccessLogsPolicy", "Properties", "PolicyDocument", "Statement", 0, "Effect") != "Deny" {
		t.Error("the bucket takes requests without TLS")
	}
	if got := at(t, r, "LoadBalancer", "DependsOn"); got != "AccessLogsPolicy" {
		t.Errorf("the load balancer depends on %v: it tries at once whether it can write", got)
	}
	if got := at(t, all["prod/root.yaml"].Outputs, contract.KeyAccessLogBucket, "Value", "GetAtt"); got != "ECS.Outputs."+contract.KeyAccessLogBucket {
		t.Errorf("the root says %v", got)
	}
	if got := rendered(t, standard())["prod/root.yaml"].Outputs[contract.KeyAccessLogBucket]; got != nil {
		t.Errorf("without access logs the root says %v", got)
	}
}

func TestFirewall(t *testing.T) {
	r := ecsOf(t, "firewall").Resources
	acl := at(t, r, "WebACL", "Properties")
	if acl.(map[string]any)["Name"] != nil || acl.(map[string]any)["DefaultAction"].(map[string]any)["Allow"] == nil || at(t, acl, "Scope") != "REGIONAL" {
		t.Errorf("the web ACL is %v", acl)
	}
	var groups []string
	priorities := map[any]bool{}
	for _, rule := range at(t, acl, "Rules").([]any) {
		statement := at(t, rule, "Statement").(map[string]any)
		priorities[at(t, rule, "Priority")] = true
		if managed, ok := statement["ManagedRuleGroupStatement"]; ok {
			groups = append(groups, at(t, managed, "Name").(string))
			continue
		}
		rate := statement["RateBasedStatement"]
		if at(t, rate, "Limit") != 777 || at(t, rate, "EvaluationWindowSec") != 300 || rule.(map[string]any)["Action"].(map[string]any)["Block"] == nil {
			t.Errorf("the rate limit is %v", rule)
		}
	}
	want := []string{"AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesCommonRuleSet"}
	if d := cmp.Diff(want, groups); d != "" || len(priorities) != 4 {
		t.Errorf("managed rules with the priorities %v (-want +got):\n%s", priorities, d)
	}
	if at(t, r, "WebACLAssociation", "Properties", "ResourceArn", "Ref") != "LoadBalancer" {
		t.Error("the web ACL protects something else")
	}
}

// createOnly are the properties whose change replaces the resource, as the resource schemas say.
var createOnly = map[string][]string{
	"AWS::ElasticLoadBalancingV2::LoadBalancer": {"Name", "Type", "Scheme"},
	"AWS::ElasticLoadBalancingV2::TargetGroup":  {"Name", "Port", "Protocol", "ProtocolVersion", "TargetType", "VpcId"},
	"AWS::ElasticLoadBalancingV2::Listener":     {"LoadBalancerArn"},
	"AWS::ElasticLoadBalancingV2::ListenerRule": {"ListenerArn"},
	"AWS::EC2::SecurityGroup":                   {"GroupDescription", "GroupName", "VpcId"},
	"AWS::ECS::Service":                         {"Cluster", "DeploymentController", "LaunchType", "ServiceName"},
}

// Any option of the entry can come and go: but for the scheme, which is another load balancer with a target group of its
// own, nothing is replaced.
func TestOptionsReplaceNothing(t *testing.T) {
	forms := map[string]map[string]any{"standard": rendered(t, standard())["prod/ecs.yaml"].Resources}
	for name, cfg := range entryVariants() {
		if len(cfg.Environments) == 1 {
			forms[name] = rendered(t, cfg)["prod/ecs.yaml"].Resources
		}
	}
	for a, from := range forms {
		for b, to := range forms {
			otherScheme := !cmp.Equal(at(t, from, "LoadBalancer", "Properties", "Scheme"), at(t, to, "LoadBalancer", "Properties", "Scheme"))
			for id, before := range from {
				after, stays := to[id]
				if strings.HasSuffix(id, "TargetGroup") && stays == otherScheme {
					t.Errorf("%s to %s: %s stays: %v, though the scheme changes: %v", a, b, id, stays, otherScheme)
				}
				if !stays || id == "LoadBalancer" && otherScheme {
					continue
				}
				for _, property := range createOnly[at(t, before, "Type").(string)] {
					was, is := before.(map[string]any)["Properties"].(map[string]any)[property], after.(map[string]any)["Properties"].(map[string]any)[property]
					if !cmp.Equal(was, is) {
						t.Errorf("%s to %s replaces %s: its %s was %v and is %v", a, b, id, property, was, is)
					}
				}
			}
		}
	}
}

// environmentPolicies are the documents that both execution roles have, as one text.
func environmentPolicies(t *testing.T, cfg config.Config) (documents []any) {
	t.Helper()
	r := rendered(t, cfg)["foundation.yaml"].Resources
	for _, policy := range list(at(t, r, "PipelineExecutionRole", "Properties", "ManagedPolicyArns")) {
		documents = append(documents, at(t, r, at(t, policy, "Ref").(string), "Properties", "PolicyDocument"))
	}
	return documents
}

// What is asked of CloudFormation's role for each type, by the handlers in the resource schemas, as far as our properties
// reach, and by the documents named in execution_entry.go. It is there without the option, too: its resources must still
// be deleted after the option is gone.
func TestExecutionRolesMakeTheEntry(t *testing.T) {
	allowed := actions(environmentPolicies(t, standard()))
	for kind, needed := range map[string]string{
		"AWS::EC2::FlowLog":           "ec2:CreateFlowLogs ec2:DescribeFlowLogs ec2:CreateTags ec2:DeleteFlowLogs ec2:DeleteTags iam:PassRole",
		"AWS::EC2::VPCEndpoint":       "ec2:CreateVpcEndpoint ec2:DescribeVpcEndpoints ec2:DescribeSubnets ec2:DescribeSecurityGroups ec2:DescribeVpcs ec2:ModifyVpcEndpoint ec2:DeleteVpcEndpoints route53:AssociateVPCWithHostedZone",
		"AWS::WAFv2::WebACL":          "wafv2:CreateWebACL wafv2:GetWebACL wafv2:ListTagsForResource wafv2:TagResource wafv2:UntagResource wafv2:UpdateWebACL wafv2:DeleteWebACL",
		"AWS::WAFv2::Association":     "wafv2:AssociateWebACL wafv2:GetWebACLForResource wafv2:DisassociateWebACL elasticloadbalancing:SetWebACL elasticloadbalancing:CreateWebACLAssociation elasticloadbalancing:DeleteWebACLAssociation elasticloadbalancing:GetLoadBalancerWebACL",
		"AWS::CertificateManager":     "acm:DescribeCertificate acm:AddTagsToCertificate acm:ListTagsForCertificate acm:DeleteCertificate acm:RemoveTagsFromCertificate acm:UpdateCertificateOptions",
		"AWS::Route53::RecordSet":     "route53:ListHostedZones route53:GetChange route53:ListResourceRecordSets route53:GetHostedZone",
		"AWS::S3::Bucket, its policy": "s3:CreateBucket s3:DeleteBucket s3:ListBucket s3:PutBucketTagging s3:PutEncryptionConfiguration s3:PutLifecycleConfiguration s3:PutBucketPublicAccessBlock s3:PutBucketVersioning s3:PutBucketOwnershipControls s3:GetBucketPolicy s3:PutBucketPolicy s3:DeleteBucketPolicy",
	} {
		for _, action := range strings.Fields(needed) {
			if !slices.Contains(allowed, action) {
				t.Errorf("%s needs %s", kind, action)
			}
		}
	}
}

// Certificates and records are those of the domains in slipway.yaml; without any there is no right to make one. Only
// people delete the record of a domain that it no longer names.
func TestDomainsBoundTheirRights(t *testing.T) {
	text, _ := json.Marshal(environmentPolicies(t, standard()))
	if strings.Contains(string(text), "ChangeResourceRecordSets") || strings.Contains(string(text), "RequestCertificate") {
		t.Error("without a domain the pipeline can make records or certificates")
	}
	text, _ = json.Marshal(environmentPolicies(t, variants()["certificate"]))
	if strings.Contains(string(text), "ChangeResourceRecordSets") || strings.Contains(string(text), "RequestCertificate") {
		t.Error("with a given certificate and without a zone the pipeline can make records or certificates")
	}
	found := 0
	walk("", environmentPolicies(t, variants()["domain"]), func(path string, v any) {
		s, _ := v.(map[string]any)
		for action, condition := range map[string][2]string{
			"acm:RequestCertificate":           {"ForAllValues:StringEquals", "acm:DomainNames"},
			"route53:ChangeResourceRecordSets": {"ForAllValues:StringLike", "route53:ChangeResourceRecordSetsNormalizedRecordNames"},
		} {
			if !slices.Contains(list(s["Action"]), any(action)) {
				continue
			}
			found++
			for _, name := range list(at(t, s, "Condition", condition[0], condition[1])) {
				if name != someDomain && name != "_*."+someDomain {
					t.Errorf("%s allows %s for %v", path, action, name)
				}
			}
		}
	})
	if found != 2 {
		t.Errorf("%d statements make certificates and records, want 2", found)
	}
	removes := false
	walk("", rendered(t, standard())["foundation.yaml"].Resources["DeliveryPolicy"], func(_ string, v any) {
		if s, _ := v.(map[string]any); s["Sid"] == "RemoveRecords" {
			removes = at(t, s, "Condition", "ForAllValues:StringEquals", "route53:ChangeResourceRecordSetsActions") == "DELETE"
		}
	})
	if !removes {
		t.Error("people cannot delete, and only delete, a former domain's record")
	}
}

// The rights on log buckets go by the beginning of a name, which the foundation's bucket can share.
func TestNobodyTouchesTheFoundationsBucket(t *testing.T) {
	denied := false
	walk("", environmentPolicies(t, variants()["as large as allowed"]), func(_ string, v any) {
		s, _ := v.(map[string]any)
		switch s["Sid"] {
		case "NotTheFoundation":
			denied = s["Effect"] == "Deny" && at(t, s, "Resource", "GetAtt") == "Bucket.Arn" && s["Action"] == "s3:*"
		case "AccessLogBuckets":
			if got := at(t, s, "Resource", "Sub"); got != "arn:${AWS::Partition}:s3:::"+strings.Repeat("x", bucketPrefix)+"*" {
				t.Errorf("the buckets are %v", got)
			}
		}
	})
	if !denied {
		t.Error("nothing keeps the execution roles from the foundation's bucket")
	}
}

// A role has ten managed policies at most (docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
func TestPoliciesOfARole(t *testing.T) {
	for name, cfg := range variants() {
		for id, role := range ofType(rendered(t, cfg)["foundation.yaml"], "AWS::IAM::Role") {
			if n := len(list(at(t, role, "Properties").(map[string]any)["ManagedPolicyArns"])); n > 10 {
				t.Errorf("%s: %s has %d managed policies", name, id, n)
			}
		}
	}
}

// Scanners take ranges of the internet for an open door; private ones are none, and need no leave.
func TestPublicRangesAreAccepted(t *testing.T) {
	for text, accepted := range map[string]bool{"8.8.8.0/24": true, "10.0.0.0/8": false, "203.0.113.7/32": false} {
		cfg := entered(func(e *config.Entry) { e.Allow = []netip.Prefix{netip.MustParsePrefix(text)} })
		group := at(t, rendered(t, cfg)["prod/ecs.yaml"].Resources, "LoadBalancerSecurityGroup").(map[string]any)
		if got := group["Metadata"] != nil; got != accepted {
			t.Errorf("allow %s: accepted is %v, want %v", text, got, accepted)
		}
	}
}
