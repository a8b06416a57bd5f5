package awsdouble

import (
	"cmp"
	"slices"
	"strings"
)

// ec2Kind is how a type shows in EC2's describing operations.
type ec2Kind struct {
	operation, set string // DescribeVpcs, vpcSet
	types          []string
	idKey, idField string // VpcId.1 asks for it, vpcId shows it
	code           string // where an id is not found
	message        string // with the id in quotes behind it
	fields         func(t *thing) object
}

func (d *Double) ec2Handlers() map[string]handler {
	handlers := map[string]handler{"DescribeAvailabilityZones": d.describeAvailabilityZones, "DescribeRegions": d.describeRegions, "DescribeVpcAttribute": d.describeVPCAttribute}
	for _, k := range d.ec2Kinds() {
		handlers[k.operation] = func(in object) (object, error) { return d.describeEC2(k, in) }
	}
	return handlers
}

func (d *Double) ec2Kinds() []ec2Kind {
	inVPC := func(t *thing) object { return object{"vpcId": text(t.Properties, "VpcId")} }
	return []ec2Kind{
		{"DescribeVpcs", "vpcSet", []string{"AWS::EC2::VPC"}, "VpcId", "vpcId", "InvalidVpcID.NotFound", "The vpc ID", func(t *thing) object {
			return object{"cidrBlock": text(t.Properties, "CidrBlock"), "state": "available", "isDefault": false}
		}},
		{"DescribeSubnets", "subnetSet", []string{"AWS::EC2::Subnet"}, "SubnetId", "subnetId", "InvalidSubnetID.NotFound", "The subnet ID", func(t *thing) object {
			return object{
				"vpcId": text(t.Properties, "VpcId"), "cidrBlock": text(t.Properties, "CidrBlock"), "state": "available",
				"availabilityZone": text(t.Properties, "AvailabilityZone"), "availabilityZoneId": d.zoneID(text(t.Properties, "AvailabilityZone")),
				"availableIpAddressCount": cmp.Or(text(t.Properties, "AvailableIpAddressCount"), "4091"),
			}
		}},
		{"DescribeInternetGateways", "internetGatewaySet", []string{"AWS::EC2::InternetGateway"}, "InternetGatewayId", "internetGatewayId", "InvalidInternetGatewayID.NotFound", "The internetGateway ID", d.attachments},
		{"DescribeRouteTables", "routeTableSet", []string{"AWS::EC2::RouteTable"}, "RouteTableId", "routeTableId", "InvalidRouteTableID.NotFound", "The routeTable ID", d.routeTable},
		{"DescribeSecurityGroups", "securityGroupInfo", []string{"AWS::EC2::SecurityGroup"}, "GroupId", "groupId", "InvalidGroup.NotFound", "The security group", inVPC},
		{"DescribeNetworkInterfaces", "networkInterfaceSet", []string{interfaceType}, "NetworkInterfaceId", "networkInterfaceId", "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID", func(t *thing) object {
			return object{
				"vpcId": text(t.Properties, "VpcId"), "subnetId": text(t.Properties, "SubnetId"), "groupId": text(t.Properties, "GroupId"), "description": text(t.Properties, "Description"),
				"requesterManaged": flag(t.Properties, "RequesterManaged"), "interfaceType": "interface", "status": "in-use",
			}
		}},
		{"DescribeSecurityGroupRules", "securityGroupRuleSet", []string{"AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress"}, "SecurityGroupRuleId", "securityGroupRuleId", "InvalidSecurityGroupRuleId.NotFound", "The security group rule ID", func(t *thing) object {
			return object{"groupId": text(t.Properties, "GroupId"), "isEgress": strings.HasSuffix(t.Type, "Egress")}
		}},
		{"DescribeNatGateways", "natGatewaySet", []string{"AWS::EC2::NatGateway"}, "NatGatewayId", "natGatewayId", "NatGatewayNotFound", "The Nat Gateway", func(t *thing) object {
			return object{"subnetId": text(t.Properties, "SubnetId"), "state": map[bool]string{true: "deleted", false: "available"}[t.Gone]}
		}},
		{"DescribeAddresses", "addressesSet", []string{"AWS::EC2::EIP"}, "PublicIp", "publicIp", "InvalidAddress.NotFound", "Address", func(t *thing) object {
			return object{"allocationId": t.Attributes["AllocationId"], "domain": "vpc"}
		}},
		{"DescribeFlowLogs", "flowLogSet", []string{"AWS::EC2::FlowLog"}, "FlowLogId", "flowLogId", "InvalidFlowLogId.NotFound", "The flow log ID", func(t *thing) object {
			return object{"resourceId": text(t.Properties, "ResourceId"), "flowLogStatus": "ACTIVE", "logGroupName": text(t.Properties, "LogGroupName")}
		}},
		{"DescribeVpcEndpoints", "vpcEndpointSet", []string{"AWS::EC2::VPCEndpoint"}, "VpcEndpointId", "vpcEndpointId", "InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id", func(t *thing) object {
			return object{"vpcId": text(t.Properties, "VpcId"), "state": "available", "serviceName": text(t.Properties, "ServiceName")}
		}},
	}
}

const interfaceType = "AWS::EC2::NetworkInterface"

// inUse refuses to remove what a network interface uses, in EC2's words (github.com/aws/aws-cdk/issues/14456,
// github.com/alantech/iasql/pull/654).
func (d *Double) inUse(property, message string) func(t *thing) error {
	return func(t *thing) error {
		for _, i := range d.existing(interfaceType) {
			if text(i.Properties, property) == t.ID {
				return fail("DependencyViolation", message+" (Service: Ec2, Status Code: 400, Request ID: %s)", t.ID, d.uuid())
			}
		}
		return nil
	}
}

func (d *Double) attachments(gateway *thing) object {
	set := list{}
	for _, t := range d.existing("AWS::EC2::VPCGatewayAttachment") {
		if text(t.Properties, "InternetGatewayId") == gateway.ID {
			set = append(set, object{"vpcId": text(t.Properties, "VpcId"), "state": "available"})
		}
	}
	return object{"attachmentSet": set}
}

func (d *Double) routeTable(table *thing) object {
	routes, associations := list{}, list{}
	for _, t := range d.existing("AWS::EC2::Route") {
		if text(t.Properties, "RouteTableId") == table.ID {
			routes = append(routes, object{
				"destinationCidrBlock": text(t.Properties, "DestinationCidrBlock"), "gatewayId": opt(text(t.Properties, "GatewayId")),
				"natGatewayId": opt(text(t.Properties, "NatGatewayId")), "state": "active",
			})
		}
	}
	for _, t := range d.existing("AWS::EC2::SubnetRouteTableAssociation") {
		if text(t.Properties, "RouteTableId") == table.ID {
			associations = append(associations, object{
				"routeTableAssociationId": t.ID, "routeTableId": table.ID, "subnetId": text(t.Properties, "SubnetId"), "main": false,
			})
		}
	}
	if flag(table.Properties, "Main") {
		associations = append(associations, object{"routeTableAssociationId": "rtbassoc-main", "routeTableId": table.ID, "main": true})
	}
	return object{"vpcId": text(table.Properties, "VpcId"), "routeSet": routes, "associationSet": associations}
}

func (d *Double) describeEC2(k ec2Kind, in object) (object, error) {
	wanted := texts(in, k.idKey)
	byAllocation := texts(in, "AllocationId")
	var all []object
	seen := map[string]bool{}
	for _, t := range d.things {
		// A NAT gateway stays to be seen for about an hour after it was deleted.
		if !slices.Contains(k.types, t.Type) || t.Gone && t.Type != "AWS::EC2::NatGateway" {
			continue
		}
		o := k.fields(t)
		o[k.idField], o["tagSet"] = t.ID, d.tagList(t, "key", "value")
		allocation := t.Attributes["AllocationId"]
		seen[t.ID], seen[allocation] = true, true
		asked := len(wanted)+len(byAllocation) == 0 || slices.Contains(wanted, t.ID) || slices.Contains(byAllocation, allocation)
		if asked && matches(o, objects(in, "Filter")) {
			all = append(all, o)
		}
	}
	for _, id := range wanted {
		if !seen[id] {
			return nil, fail(k.code, "%s '%s' does not exist", k.message, id)
		}
	}
	for _, id := range byAllocation {
		if !seen[id] {
			return nil, fail("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", id)
		}
	}
	shown, next := page(d, all, text(in, "NextToken"), number(in, "MaxResults"))
	return object{k.set: asList(shown), "nextToken": opt(next)}, nil
}

// matches applies filters: tag:KEY, fields with dashes (vpc-id), and fields of members (association.subnet-id).
func matches(o object, filters []object) bool {
	for _, f := range filters {
		name, wanted := text(f, "Name"), texts(f, "Value")
		if !slices.ContainsFunc(filterValues(o, name), func(v string) bool { return slices.Contains(wanted, v) }) {
			return false
		}
	}
	return true
}

func filterValues(o object, name string) []string {
	if key, isTag := strings.CutPrefix(name, "tag:"); isTag {
		for _, t := range objects(o, "tagSet") {
			if t["key"] == key {
				return []string{text(t, "value")}
			}
		}
		return nil
	}
	if set, field, nested := strings.Cut(name, "."); nested {
		var values []string
		for _, member := range objects(o, set+"Set") {
			values = append(values, filterValues(member, field)...)
		}
		return values
	}
	parts := strings.Split(name, "-")
	for i := range parts[1:] {
		parts[i+1] = strings.ToUpper(parts[i+1][:1]) + parts[i+1][1:]
	}
	return []string{text(o, strings.Join(parts, ""))}
}

// describeAvailabilityZones answers four zones as a Region may have them: one that one's account has not opted into,
// and the others with ids that do not follow the letters.
func (d *Double) describeAvailabilityZones(object) (object, error) {
	zone := func(letter, id, kind, optIn string) object {
		return object{
			"zoneName": d.Region + letter, "zoneId": id, "zoneState": "available", "regionName": d.Region,
			"zoneType": kind, "optInStatus": optIn, "groupName": d.Region,
		}
	}
	const region = "availability-zone"
	all := list{
		zone("a", d.zoneID("a"), region, "opt-in-not-required"), zone("b", d.zoneID("b"), region, "opt-in-not-required"),
		zone("c", d.zoneID("c"), region, "opt-in-not-required"), zone("-lax-1a", d.zonePrefix()+"-lax1-az1", "local-zone", "not-opted-in"),
	}
	return object{"availabilityZoneInfo": all}, nil
}

// zoneID is that of a zone whose name ends in this letter.
func (d *Double) zoneID(name string) string {
	if name == "" {
		return ""
	}
	return d.zonePrefix() + "-az" + map[byte]string{'a': "2", 'b': "1", 'c': "4"}[name[len(name)-1]]
}

// describeRegions answers the double's Region and another one.
func (d *Double) describeRegions(object) (object, error) {
	return object{"regionInfo": list{object{"regionName": d.Region}, object{"regionName": "eu-south-2"}}}, nil
}

func (d *Double) describeVPCAttribute(in object) (object, error) {
	t := d.thing("AWS::EC2::VPC", text(in, "VpcId"))
	if t == nil {
		return nil, fail("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", text(in, "VpcId"))
	}
	name := text(in, "Attribute")
	on := cmp.Or(text(t.Properties, strings.ToUpper(name[:1])+name[1:]), "true")
	return object{"vpcId": t.ID, name: object{"value": on}}, nil
}

// zonePrefix shortens a Region as zone ids do: us-east-1 to use1.
func (d *Double) zonePrefix() string {
	short := map[string]string{"north": "n", "south": "s", "east": "e", "west": "w", "central": "c", "northeast": "ne", "southeast": "se", "northwest": "nw"}
	parts := strings.Split(d.Region, "-")
	return parts[0] + short[parts[1]] + parts[len(parts)-1]
}
