package stacks

import (
	"slipway/internal/cfn"
	"slipway/internal/contract"
)

// watchStatements let alarms, dashboards, topics and event rules of the environments' services be made, and no others: what
// an ECS stack makes bears the stack's name.
func (f *foundation) watchStatements() []cfn.Statement {
	ours := f.cfg.Name + "-*-" + contract.NestedECS + "-*"
	return []cfn.Statement{
		// An alarm can also stop instances or call functions, on nobody's behalf: one of these can publish, and nothing else
		// (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-alarm-actions.html).
		{Sid: "MakeAlarms", Effect: cfn.Allow, Action: []string{"cloudwatch:PutMetricAlarm"}, Resource: arns("cloudwatch", "alarm:"+ours),
			Condition: cfn.Condition{"ForAllValues:ArnLike": {"cloudwatch:AlarmActions": arns("sns", "*")[0]}}},
		{Sid: "ChangeAlarms", Effect: cfn.Allow, Action: []string{
			"cloudwatch:DeleteAlarms", "cloudwatch:ListTagsForResource", "cloudwatch:TagResource", "cloudwatch:UntagResource",
		}, Resource: arns("cloudwatch", "alarm:"+ours)},
		{Sid: "Dashboards", Effect: cfn.Allow, Action: []string{"cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"},
			Resource: []string{cfn.Sub("arn:${AWS::Partition}:cloudwatch::${AWS::AccountId}:dashboard/" + ours)}}, // dashboards are not regional
		{Sid: "Topics", Effect: cfn.Allow, Action: []string{
			"sns:CreateTopic", "sns:DeleteTopic", "sns:GetDataProtectionPolicy", "sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:ListTagsForResource",
			"sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource", "sns:UntagResource",
		}, Resource: arns("sns", ours)},
		// Of a subscription SNS knows no resource.
		{Sid: "Subscriptions", Effect: cfn.Allow, Action: []string{"sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes", "sns:Unsubscribe"}, Resource: []string{"*"}},
		// Without the right to pass a role to them, such rules reach only what itself lets events in.
		{Sid: "ServiceRules", Effect: cfn.Allow, Action: ruleActions, Resource: arns("events", "rule/"+ruleName(f.cfg.Name, "*", deploymentRule))},
	}
}

// ruleActions are what CloudFormation calls for an event rule.
var ruleActions = []string{
	"events:DeleteRule", "events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule", "events:PutRule",
	"events:PutTargets", "events:RemoveTargets", "events:TagResource", "events:UntagResource",
}
