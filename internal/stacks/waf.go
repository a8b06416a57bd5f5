package stacks

import (
	"github.com/awslabs/goformation/v7/cloudformation/wafv2"

	"slipway/internal/cfn"
)

const rateWindowSeconds = 300

// managedRules are AWS's own, 925 of the 1,500 capacity units of a web ACL
// (docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html). Among the common ones is a limit of
// 8 KB for a body.
var managedRules = []struct{ name, group string }{
	{"reputation", "AWSManagedRulesAmazonIpReputationList"},
	{"known-bad-inputs", "AWSManagedRulesKnownBadInputsRuleSet"},
	{"common", "AWSManagedRulesCommonRuleSet"},
}

// addFirewall puts a web ACL before the load balancer: what no rule blocks is let in. There is no log, which would hold the
// requests' headers: metrics, and samples of the last three hours, show what was blocked.
func (s *service) addFirewall() {
	rules := []wafv2.WebACL_Rule{{
		Name: "rate", Priority: 0,
		Action: &wafv2.WebACL_RuleAction{Block: &wafv2.WebACL_BlockAction{}},
		Statement: &wafv2.WebACL_Statement{RateBasedStatement: &wafv2.WebACL_RateBasedStatement{
			AggregateKeyType: "IP", EvaluationWindowSec: new(rateWindowSeconds), Limit: s.env.Entry.RateLimit,
		}},
		VisibilityConfig: visibility("rate"),
	}}
	for i, rule := range managedRules {
		rules = append(rules, wafv2.WebACL_Rule{
			Name: rule.name, Priority: i + 1,
			OverrideAction:   &wafv2.WebACL_OverrideAction{None: map[string]any{}},
			Statement:        &wafv2.WebACL_Statement{ManagedRuleGroupStatement: &wafv2.WebACL_ManagedRuleGroupStatement{VendorName: "AWS", Name: rule.group}},
			VisibilityConfig: visibility(rule.name),
		})
	}
	acl := s.t.Add("WebACL", &wafv2.WebACL{
		Description:      new("Managed rules and a rate limit before the load balancer"),
		Scope:            "REGIONAL",
		DefaultAction:    &wafv2.WebACL_DefaultAction{Allow: &wafv2.WebACL_AllowAction{}},
		Rules:            rules,
		VisibilityConfig: visibility(cfn.StackName), // the metrics of all web ACLs of the Region stand side by side
	})
	s.t.Add("WebACLAssociation", &wafv2.WebACLAssociation{ResourceArn: s.balancer.Ref(), WebACLArn: acl.Att("Arn")})
}

func visibility(metric string) *wafv2.WebACL_VisibilityConfig {
	return &wafv2.WebACL_VisibilityConfig{CloudWatchMetricsEnabled: true, MetricName: metric, SampledRequestsEnabled: true}
}
