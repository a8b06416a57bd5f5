package ec2query

import "strings"

// query is how EC2 is asked for one kind.
type query struct {
	action string
	filter string // documented with the action, in docs.aws.amazon.com/AWSEC2/latest/APIReference
	items  func(answer) []item
	ids    func(item) []string // what an item in an answer stands for
}

// answer has the list that an action fills; the others stay empty.
type answer struct {
	NextToken          string `xml:"nextToken"`
	VPCs               []item `xml:"vpcSet>item"`
	Subnets            []item `xml:"subnetSet>item"`
	InternetGateways   []item `xml:"internetGatewaySet>item"`
	RouteTables        []item `xml:"routeTableSet>item"`
	SecurityGroups     []item `xml:"securityGroupInfo>item"`
	SecurityGroupRules []item `xml:"securityGroupRuleSet>item"`
	NATGateways        []item `xml:"natGatewaySet>item"`
	Addresses          []item `xml:"addressesSet>item"`
	VPCEndpoints       []item `xml:"vpcEndpointSet>item"`
	FlowLogs           []item `xml:"flowLogSet>item"`
}

type item struct {
	State               string        `xml:"state"` // VPC, subnet, NAT gateway and VPC endpoint have one
	VPCID               string        `xml:"vpcId"`
	SubnetID            string        `xml:"subnetId"`
	InternetGatewayID   string        `xml:"internetGatewayId"`
	Attachments         []attachment  `xml:"attachmentSet>item"`
	RouteTableID        string        `xml:"routeTableId"`
	Routes              []route       `xml:"routeSet>item"`
	Associations        []association `xml:"associationSet>item"`
	GroupID             string        `xml:"groupId"`
	GroupName           string        `xml:"groupName"`
	SecurityGroupRuleID string        `xml:"securityGroupRuleId"`
	NATGatewayID        string        `xml:"natGatewayId"`
	AllocationID        string        `xml:"allocationId"`
	PublicIP            string        `xml:"publicIp"`
	VPCEndpointID       string        `xml:"vpcEndpointId"`
	FlowLogID           string        `xml:"flowLogId"`
}

type attachment struct {
	VPCID string `xml:"vpcId"`
}

type route struct {
	CIDR         string `xml:"destinationCidrBlock"`
	IPv6CIDR     string `xml:"destinationIpv6CidrBlock"`
	PrefixListID string `xml:"destinationPrefixListId"`
}

type association struct {
	ID string `xml:"routeTableAssociationId"`
}

func queryFor(kind Kind) query {
	one := func(id func(item) string) func(item) []string {
		return func(found item) []string { return []string{id(found)} }
	}
	return map[Kind]query{
		VPC: {"DescribeVpcs", "vpc-id",
			func(a answer) []item { return a.VPCs }, one(func(i item) string { return i.VPCID })},
		Subnet: {"DescribeSubnets", "subnet-id",
			func(a answer) []item { return a.Subnets }, one(func(i item) string { return i.SubnetID })},
		InternetGateway: {"DescribeInternetGateways", "internet-gateway-id",
			func(a answer) []item { return a.InternetGateways }, one(func(i item) string { return i.InternetGatewayID })},
		GatewayAttachment: {"DescribeInternetGateways", "attachment.vpc-id",
			func(a answer) []item { return a.InternetGateways }, attachedVPCs},
		RouteTable: {"DescribeRouteTables", "route-table-id",
			func(a answer) []item { return a.RouteTables }, one(func(i item) string { return i.RouteTableID })},
		Route: {"DescribeRouteTables", "route-table-id",
			func(a answer) []item { return a.RouteTables }, routes},
		RouteTableAssociation: {"DescribeRouteTables", "association.route-table-association-id",
			func(a answer) []item { return a.RouteTables }, associations},
		SecurityGroup: {"DescribeSecurityGroups", "group-id",
			func(a answer) []item { return a.SecurityGroups }, one(func(i item) string { return i.GroupID })},
		SecurityGroupRule: {"DescribeSecurityGroupRules", "security-group-rule-id",
			func(a answer) []item { return a.SecurityGroupRules }, one(func(i item) string { return i.SecurityGroupRuleID })},
		NATGateway: {"DescribeNatGateways", "nat-gateway-id",
			func(a answer) []item { return a.NATGateways }, one(func(i item) string { return i.NATGatewayID })},
		Allocation: {"DescribeAddresses", "allocation-id",
			func(a answer) []item { return a.Addresses }, one(func(i item) string { return i.AllocationID })},
		PublicIP: {"DescribeAddresses", "public-ip",
			func(a answer) []item { return a.Addresses }, one(func(i item) string { return i.PublicIP })},
		VPCEndpoint: {"DescribeVpcEndpoints", "vpc-endpoint-id",
			func(a answer) []item { return a.VPCEndpoints }, one(func(i item) string { return i.VPCEndpointID })},
		FlowLog: {"DescribeFlowLogs", "flow-log-id",
			func(a answer) []item { return a.FlowLogs }, one(func(i item) string { return i.FlowLogID })},
	}[kind]
}

// filterValue is what the filter compares: of a route, the table.
func (q query) filterValue(id string) string {
	value, _, _ := strings.Cut(id, "|")
	return value
}

func attachedVPCs(gateway item) []string {
	var ids []string
	for _, attached := range gateway.Attachments {
		ids = append(ids, attached.VPCID)
	}
	return ids
}

func routes(table item) []string {
	var ids []string
	for _, r := range table.Routes {
		ids = append(ids, table.RouteTableID+"|"+r.CIDR+r.IPv6CIDR+r.PrefixListID) // a route has exactly one of them
	}
	return ids
}

func associations(table item) []string {
	var ids []string
	for _, associated := range table.Associations {
		ids = append(ids, associated.ID)
	}
	return ids
}
