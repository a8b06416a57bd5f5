package stacks

import (
	"slices"
	"strings"

	"slipway/internal/cfn"
	"slipway/internal/contract"
)

// The rights for what an environment can have and need not are there in any case: the foundation is updated before the
// environments, so that a right which went with its option would be missing when the option's resources are deleted.
// Where neither tag, path nor name can bound a right, as with domains, it bears the names that slipway.yaml says now, and
// removeRecords looks after earlier ones.

func (f *foundation) entryStatements() []cfn.Statement {
	return slices.Concat(f.certificateStatements(), f.firewallStatements(), f.accessLogStatements(), f.flowLogStatements())
}

func (f *foundation) certificateStatements() []cfn.Statement {
	certificates := arns("acm", "certificate/*")
	return []cfn.Statement{
		// A certificate has no tag while it is being made.
		{Sid: "TagCertificates", Effect: cfn.Allow, Action: []string{"acm:AddTagsToCertificate", "acm:DescribeCertificate", "acm:ListTagsForCertificate"}, Resource: certificates},
		{Sid: "ChangeCertificates", Effect: cfn.Allow, Action: []string{
			"acm:DeleteCertificate", "acm:RemoveTagsFromCertificate", "acm:UpdateCertificateOptions",
		}, Resource: certificates, Condition: f.ours()},
		{Sid: "ReadRecords", Effect: cfn.Allow, Action: []string{"route53:GetChange", "route53:GetHostedZone", "route53:ListResourceRecordSets"},
			Resource: append(hostedZones(), cfn.Sub("arn:${AWS::Partition}:route53:::change/*"))},
		{Sid: "ListHostedZones", Effect: cfn.Allow, Action: []string{"route53:ListHostedZones"}, Resource: []string{"*"}}, // listing has no resource
	}
}

func (f *foundation) firewallStatements() []cfn.Statement {
	return []cfn.Statement{
		{Sid: "MakeFirewalls", Effect: cfn.Allow, Action: []string{
			"wafv2:CreateWebACL", "wafv2:GetWebACL", "wafv2:ListTagsForResource", "wafv2:TagResource",
		}, Resource: arns("wafv2", "regional/webacl/*")},
		{Sid: "ChangeFirewalls", Effect: cfn.Allow, Action: []string{
			"wafv2:AssociateWebACL", "wafv2:DeleteWebACL", "wafv2:GetWebACLForResource", "wafv2:UntagResource", "wafv2:UpdateWebACL",
		}, Resource: arns("wafv2", "regional/webacl/*"), Condition: f.ours()},
		// A web ACL's maker is asked for the managed rules, too: github.com/aws-samples/amazon-cloudfront-waf-secretsmanager/issues/3
		{Sid: "UseManagedRules", Effect: cfn.Allow, Action: []string{"wafv2:CreateWebACL", "wafv2:UpdateWebACL"}, Resource: arns("wafv2", "regional/managedruleset/*")},
		// No condition by tag is documented for these: docs.aws.amazon.com/waf/latest/developerguide/security_iam_service-with-iam.html
		{Sid: "ProtectBalancers", Effect: cfn.Allow, Action: []string{
			"elasticloadbalancing:CreateWebACLAssociation", "elasticloadbalancing:DeleteWebACLAssociation",
			"elasticloadbalancing:GetLoadBalancerWebACL", "elasticloadbalancing:SetWebACL", "wafv2:AssociateWebACL", "wafv2:GetWebACLForResource",
		}, Resource: arns("elasticloadbalancing", "loadbalancer/app/*")},
		// The same page gives it no resource: the load balancer's side, above, decides.
		{Sid: "UnprotectBalancers", Effect: cfn.Allow, Action: []string{"wafv2:DisassociateWebACL"}, Resource: []string{"*"},
			Condition: cfn.Condition{"StringEquals": {"aws:RequestedRegion": cfn.Region}}},
	}
}

// bucketActions are what CloudFormation calls for a bucket and its policy. It reads every setting, those included that the
// template does not name.
var bucketActions = []string{
	"s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:GetAccelerateConfiguration", "s3:GetAnalyticsConfiguration",
	"s3:GetBucketAbac", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketLogging", "s3:GetBucketMetadataTableConfiguration", "s3:GetBucketNotification",
	"s3:GetBucketObjectLockConfiguration", "s3:GetBucketOwnershipControls", "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock",
	"s3:GetBucketTagging", "s3:GetBucketVersioning", "s3:GetBucketWebsite", "s3:GetEncryptionConfiguration", "s3:GetIntelligentTieringConfiguration",
	"s3:GetInventoryConfiguration", "s3:GetLifecycleConfiguration", "s3:GetMetricsConfiguration", "s3:GetReplicationConfiguration",
	"s3:ListBucket", "s3:ListTagsForResource", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock",
	"s3:PutBucketTagging", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration", "s3:TagResource",
	"s3:UntagResource",
}

// bucketPrefix is as much of a nested stack's name as surely begins its buckets' names: of 63 characters CloudFormation
// leaves at least 24 to it, beside the logical id and a random ending.
const bucketPrefix = 24

// accessLogStatements reach the buckets of environments, and never the foundation's, whose name can begin alike.
func (f *foundation) accessLogStatements() []cfn.Statement {
	var buckets []string
	for _, env := range f.cfg.Environments {
		stack := strings.ToLower(contract.EnvironmentStackName(f.cfg.Name, env.Name) + "-" + contract.NestedECS + "-")
		buckets = append(buckets, cfn.Sub("arn:${AWS::Partition}:s3:::"+stack[:min(len(stack), bucketPrefix)]+"*"))
	}
	return []cfn.Statement{
		{Sid: "AccessLogBuckets", Effect: cfn.Allow, Action: bucketActions, Resource: slices.Compact(buckets)},
		{Sid: "NotTheFoundation", Effect: cfn.Deny, Action: []string{"s3:*"}, Resource: []string{f.bucket.Att("Arn")}},
	}
}

func (f *foundation) flowLogStatements() []cfn.Statement {
	flowLogs := arns("ec2", "vpc-flow-log/*")
	return []cfn.Statement{
		{Sid: "MakeFlowLogs", Effect: cfn.Allow, Action: []string{"ec2:CreateFlowLogs", "ec2:CreateTags"}, Resource: flowLogs},
		{Sid: "ChangeFlowLogs", Effect: cfn.Allow, Action: []string{"ec2:CreateFlowLogs", "ec2:DeleteFlowLogs", "ec2:DeleteTags"},
			Resource: append(arns("ec2", "vpc/*"), flowLogs...), Condition: f.ours()},
		{Sid: "DescribeFlowLogs", Effect: cfn.Allow, Action: []string{"ec2:DescribeFlowLogs"}, Resource: []string{"*"}}, // describing has no resource
		{Sid: "PassRolesToFlowLogs", Effect: cfn.Allow, Action: []string{"iam:PassRole"}, Resource: roleARNs(contract.EnvironmentRolePath(f.cfg.Name)),
			Condition: cfn.Condition{"StringEquals": {"iam:PassedToService": "vpc-flow-logs.amazonaws.com"}}},
		// An interface endpoint's private names are a hosted zone of AWS's own
		// (docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html, CreateVpcEndpoint).
		{Sid: "EndpointNames", Effect: cfn.Allow, Action: []string{"route53:AssociateVPCWithHostedZone"}, Resource: hostedZones()},
	}
}

// domainStatements allow certificates and records for the domains of slipway.yaml alone.
func (f *foundation) domainStatements() []cfn.Statement {
	var certificates, records []string
	for _, env := range f.cfg.Environments {
		domain := strings.ToLower(env.Entry.Domain)
		if domain != "" && env.Entry.Certificate == "" {
			certificates = append(certificates, domain)
		}
		if env.Entry.HostedZone != "" {
			records = append(records, domain, "_*."+domain) // the latter proves the domain to the certificate's maker
		}
	}
	var statements []cfn.Statement
	if len(certificates) > 0 {
		statements = append(statements, cfn.Statement{Sid: "RequestCertificates", Effect: cfn.Allow, Action: []string{"acm:RequestCertificate"},
			Resource:  []string{"*"}, // requesting has no resource, the names stand in its stead
			Condition: cfn.Condition{"ForAllValues:StringEquals": {"acm:DomainNames": certificates}}})
	}
	if len(records) > 0 {
		statements = append(statements, cfn.Statement{Sid: "ChangeRecords", Effect: cfn.Allow, Action: []string{"route53:ChangeResourceRecordSets"},
			Resource: hostedZones(), Condition: cfn.Condition{
				"ForAllValues:StringLike":   {"route53:ChangeResourceRecordSetsNormalizedRecordNames": records},
				"ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": []string{"A", "CNAME"}},
			}})
	}
	return statements
}

// removeRecords lets people, and not the pipeline, delete the record of a domain that slipway.yaml no longer names: records
// have no tags, and a name that is gone can bound nothing.
func removeRecords() []cfn.Statement {
	return []cfn.Statement{{Sid: "RemoveRecords", Effect: cfn.Allow, Action: []string{"route53:ChangeResourceRecordSets"}, Resource: hostedZones(),
		Condition: cfn.Condition{"ForAllValues:StringEquals": {
			"route53:ChangeResourceRecordSetsActions": "DELETE", "route53:ChangeResourceRecordSetsRecordTypes": "A",
		}}}}
}

// hostedZones are all: which one it is, only the environment's root is told.
func hostedZones() []string { return []string{cfn.Sub("arn:${AWS::Partition}:route53:::hostedzone/*")} }
