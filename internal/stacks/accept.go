package stacks

import (
	"slices"
	"strings"
)

// finding is a rule of checkov or cfripper that a resource does not follow, and why it cannot or should not.
type finding struct{ rule, reason string }

// accept is the metadata of a resource with such findings: what is not in it fails ./scripts/test.sh, and so does what
// is in it for nothing and is not optional. checkov reads its own part (checkov.io/2.Basics/Suppressing and Skipping Policies.html).
func accept(findings ...finding) map[string]any {
	if len(findings) == 0 {
		return nil
	}
	byTool := map[string][]any{}
	for _, f := range findings {
		tool := "cfripper"
		if strings.HasPrefix(f.rule, "CKV") {
			tool = "checkov"
		}
		entry := map[string]any{"id": f.rule, "comment": f.reason}
		if slices.Contains(optional, f) {
			entry["optional"] = true
		}
		byTool[tool] = append(byTool[tool], entry)
	}
	metadata := map[string]any{}
	for tool, skip := range byTool {
		metadata[tool] = map[string]any{"skip": skip}
	}
	return metadata
}

// What resources accept.
var (
	awsKey = finding{"CKV_AWS_158", "Encrypted with a key of AWS's own. One of one's own costs a dollar a month and is an option: security.key."}

	ownBucketLog = finding{"CKV_AWS_18", "This bucket is for launcher and pipeline alone; a log of it would need a second bucket, which again has no log."}
	logBucketLog = finding{"CKV_AWS_18", "This bucket takes logs; a log of it would need another one, which again has no log."}

	noAccessLog = finding{"CKV_AWS_91", "Access logs fill a bucket that costs money and outlives requests. They are an option: entry.accessLogs."}

	publicPort    = finding{"CKV_AWS_260", "The service is public, and port 80 is where it answers without a domain and redirects with one."}
	publicPortToo = finding{"EC2SecurityGroupOpenToWorldRule", "The service is reached from the internet; entry.allow and entry.internal narrow that."}
	publicEntry   = finding{"PublicELBCheckerRule", "The service is public; entry.internal makes it private."}

	plainHTTP  = finding{"CKV_AWS_2", "Without a domain there is no certificate, and so no HTTPS. Both are an option: entry.domain."}
	noTLS      = finding{"CKV_AWS_103", "Without a domain there is no certificate, and so no TLS. Both are an option: entry.domain."}
	noInsights = finding{"CKV_AWS_65", "Container Insights are charged by the metric and are an option: watch.insights."}

	plainTopic = finding{"CKV_AWS_26", "Alarms and events cannot publish to a topic under AWS's own key, and one of one's own costs a dollar a month and is an option: security.key."}

	sessions = finding{"WildcardResourceRule", "AWS names no resource for the channels of ECS Exec and for describing log groups."}

	ownResources    = finding{"WildcardResourceRule", "slipway.yaml allows it, in service.permissions."}
	ownActions      = finding{"GenericResourceWildcardPolicyRule", "slipway.yaml allows it, in service.permissions."}
	ownActionsOfOne = finding{"IAMRoleWildcardActionOnPolicyRule", "slipway.yaml allows it, in service.permissions."}

	describes  = finding{"WildcardResourceRule", "Actions that describe or list have no resource."}
	unprotects = finding{"WildcardResourceRule", "AWS names no resource for taking a web ACL off a load balancer; the load balancer's own permission for it is limited."}
	makesRole  = finding{"PrivilegeEscalationRule", "It makes roles below the application's path only, under its boundary."}
)

// optional are findings that depend on what the scanner knows of a text in slipway.yaml: which actions have no resource.
var optional = []finding{ownResources, ownActions, ownActionsOfOne}
