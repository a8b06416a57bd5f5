package stacks

import (
	"github.com/awslabs/goformation/v7/cloudformation/ec2"
	"github.com/awslabs/goformation/v7/cloudformation/iam"

	"slipway/internal/cfn"
	"slipway/internal/contract"
)

// addFlowLog writes down every connection of the VPC, refused ones included.
func (n *network) addFlowLog() {
	boundary := given{n.t}.string(contract.KeyPermissionsBoundaryARN, boundaryDescription)
	key := ""
	if n.cfg.Security.Key != "" {
		key = given{n.t}.string(contract.KeyEncryptionKeyARN, keyDescription)
	}
	group := n.t.Add("FlowLogGroup", logGroup(key))
	role := n.t.Add("FlowLogRole", &iam.Role{
		Description:              new("The flow log: write to its log group."),
		Path:                     new(contract.EnvironmentRolePath(n.cfg.Name)),
		PermissionsBoundary:      new(boundary),
		AssumeRolePolicyDocument: trustFlowLogs(),
		Policies: []iam.Role_Policy{{PolicyName: "write-flow-log", PolicyDocument: cfn.Document(
			cfn.Statement{Sid: "WriteLog", Effect: cfn.Allow, Action: findAndWriteLogActions, Resource: []string{group.Att("Arn")}},
		)}},
	})
	n.t.Add("FlowLog", &ec2.FlowLog{
		ResourceType:             "VPC",
		ResourceId:               n.vpc.Ref(),
		TrafficType:              new("ALL"),
		LogDestinationType:       new("cloud-watch-logs"),
		LogGroupName:             new(group.Ref()),
		DeliverLogsPermissionArn: new(role.Att("Arn")),
		Tags:                     nameTag("flow-log"),
	})
}
