package changes

import (
	"slices"
	"strings"
)

// row is what a change in slipway.yaml puts at risk, and why it has to.
type row struct {
	key    string   // as in slipway.yaml
	option string   // the name of the option, as options() has it
	risks  []string // "stack LogicalID happens"
	why    string
}

// covers tells whether the row speaks of a risk that an option brings: its own, or that of a key in the mapping.
func (r row) covers(option, risk string) bool {
	return (r.option == option || strings.HasPrefix(r.option, option+".")) && slices.Contains(r.risks, risk)
}

// each makes a risk for every logical id of a stack.
func each(stack, happens string, ids ...string) []string {
	var risks []string
	for _, id := range ids {
		risks = append(risks, stack+" "+id+" "+happens)
	}
	return risks
}

var (
	publicSubnets  = []string{"PublicSubnetA", "PublicSubnetB", "PublicSubnetC"}
	privateSubnets = []string{"PrivateSubnetA", "PrivateSubnetB", "PrivateSubnetC"}
	natAddresses   = []string{"NATAddressA", "NATAddressB", "NATAddressC"}
	targetGroups   = []string{"TargetGroup", "InternalTargetGroup"}

	ofNetwork = slices.Concat(each("network", "removed", "VPC", "FlowLogGroup"), each("network", "removed", publicSubnets...),
		each("network", "removed", privateSubnets...), each("network", "removed", natAddresses...))
	ofEnvironment = slices.Concat(ofNetwork, each("ecs", "removed", targetGroups...),
		each("ecs", "removed", "AccessLogs", "Cluster", "EmailSubscription", "InsightsLogGroup", "LoadBalancer", "LogGroup", "Service", "Topic"))
	// ofBranch is what each branch's pipeline has for itself.
	ofBranch = []string{"Pipeline", "DeployProject", "DeployLogGroup", "SourceRule"}

	newVPC = "A VPC keeps its range, so there is another VPC, and what is in it is made again. A load balancer does not move to another VPC: " +
		"expect CloudFormation to refuse and to roll back. Make another environment and take the old one away."
)

// rows are all of them; docs/changes.md shows them.
var rows = []row{
	{"`environments[].name`", "Environments.Name", ofEnvironment,
		"The name is the stack's. An environment of another name is another one; the old one's stack stays, running, until it is deleted."},
	{"an environment taken out", "an environment less", ofEnvironment,
		"Nothing says any longer what its stack should be. It stays, running, until it is deleted."},
	{"`environments[].network.cidr`", "Environments.Network.CIDR",
		slices.Concat(each("network", "replaced", "VPC"), each("network", "replaced", publicSubnets...), each("network", "replaced", privateSubnets...), each("ecs", "replaced", targetGroups...)), newVPC},
	{"`environments[].network.vpc`", "Environments.Network.VPC", slices.Concat(ofNetwork, each("ecs", "replaced", targetGroups...)), newVPC},
	{"`environments[].network.zones`", "Environments.Network.Zones", each("network", "removed", "PublicSubnetC", "PrivateSubnetC", "NATAddressC"),
		"With a zone less its subnets go. Those of the other zones stay, for each has a range of its own from the start."},
	{"`environments[].network.nat`", "Environments.Network.NAT", slices.Concat(each("network", "removed", natAddresses...), each("network", "removed", privateSubnets...)),
		"A NAT gateway's address goes with it; whoever let it in has to know the next one. Without NAT or endpoints there are no private subnets: the tasks move first."},
	{"`environments[].network.endpoints`", "Environments.Network.Endpoints", each("network", "removed", privateSubnets...),
		"Without NAT or endpoints there are no private subnets: the tasks move first."},
	{"`environments[].network.flowLogs`", "Environments.Network.FlowLogs", each("network", "removed", "FlowLogGroup"),
		"With the flow log goes its log group."},
	{"`environments[].entry.domain`", "Environments.Entry.Domain", each("ecs", "under another id", "HTTPListenerRule", "HTTPSListenerRule"),
		"HTTPS has a listener and a rule of its own; both rules stand until the update is done, so that no request is lost."},
	{"`environments[].entry.internal`", "Environments.Entry.Internal", slices.Concat(each("ecs", "replaced", "LoadBalancer"), each("ecs", "under another id", targetGroups...)),
		"A load balancer keeps its scheme. The other one has another name and addresses, and a target group of its own, since a group belongs to one load balancer; the service moves to it."},
	{"`environments[].entry.accessLogs`", "Environments.Entry.AccessLogs", each("ecs", "removed", "AccessLogs"),
		"Without access logs there is no bucket for them. CloudFormation deletes only an empty one: empty it before, or it is left behind."},
	{"`environments[].watch.email`", "Environments.Watch.Email", append(each("ecs", "removed", "EmailSubscription", "Topic"), "ecs EmailSubscription replaced"),
		"Another address has to confirm that it is to be told, and without one there is no topic of the environment's own."},
	{"`name`", "Name", each("pipeline", "replaced", "UnitProject", "TestReports", "CoverageReports"),
		"Their names have it. They are not alone: everything is made once more, as said below."},
	{"`pipeline.environment`", "Pipeline.Environment", each("pipeline", "removed", "Pipeline", "ChecksProject", "UnitProject", "TestReports", "CoverageReports", "DeployProject", "ChecksLogGroup", "DeployLogGroup"),
		"The pipeline lives in its home's stack and is made again in the other one, with an empty history."},
	{"`pipeline.branches`", "Pipeline.Branches", append(each("pipeline", "removed", "Pipeline", "DeployProject"), each("pipeline", "under another id", "Pipeline", "DeployLogGroup", "SourceRule")...),
		"Each branch has a pipeline of its own, made for it, with an empty history, and what deploys for it. That of a branch that is named no more goes."},
}
