package stacks

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/awslabs/goformation/v7/cloudformation/ec2"
	"github.com/awslabs/goformation/v7/cloudformation/tags"

	"slipway/internal/cfn"
	"slipway/internal/config"
	"slipway/internal/contract"
)

const anywhere = "0.0.0.0/0"

// Network is the VPC with one public subnet a zone and, where the tasks are private, one private subnet a zone.
func Network(cfg config.Config, env config.Environment) *cfn.Template {
	t := cfn.New(fmt.Sprintf("Network of the environment %s: VPC, subnets, routes.", env.Name))
	n := network{t: t, cfg: cfg, env: env, zones: zoneParameters(t, env.Network.Zones)}
	n.addVPC()
	n.addPublicSubnets()
	if env.Network.Private() {
		n.addPrivateSubnets(n.addNATGateways())
	}
	n.addS3Endpoint()
	if env.Network.Endpoints {
		n.addInterfaceEndpoints()
	}
	if env.Network.FlowLogs {
		n.addFlowLog()
	}
	t.Output(contract.KeyVPCID, "The VPC.", n.vpc.Ref())
	return t
}

// zoneParameters declares one parameter for each availability zone. Zones come from outside, not from Fn::GetAZs: in
// some Regions the first two of that list include one without Fargate
// (docs.aws.amazon.com/AmazonECS/latest/developerguide/AWS_Fargate-Regions.html).
func zoneParameters(t *cfn.Template, n int) []string {
	var zones []string
	for i := range n {
		zones = append(zones, given{t}.string(contract.KeyZone(i), "Availability zone "+contract.ZoneLetter(i)+" of the subnets."))
	}
	return zones
}

type network struct {
	t        *cfn.Template
	cfg      config.Config
	env      config.Environment
	zones    []string
	vpc      cfn.Handle
	internet cfn.Handle // gateway
	attached cfn.Handle // the gateway's attachment to the VPC
	public   []cfn.Handle
	private  []string // subnets, for the interface endpoints
	tables   []string // every route table, for the S3 endpoint
}

func (n *network) addVPC() {
	n.vpc = n.t.Add("VPC", &ec2.VPC{
		CidrBlock:          new(n.env.Network.CIDR.String()),
		EnableDnsHostnames: new(true),
		EnableDnsSupport:   new(true),
		Tags:               nameTag("vpc"),
	})
	n.internet = n.t.Add("InternetGateway", &ec2.InternetGateway{Tags: nameTag("internet")})
	n.attached = n.t.Add("InternetGatewayAttachment", &ec2.VPCGatewayAttachment{
		VpcId:             n.vpc.Ref(),
		InternetGatewayId: new(n.internet.Ref()),
	})
}

func (n *network) addPublicSubnets() {
	table := n.addRouteTable("PublicRouteTable", "public")
	n.t.Add("PublicRoute", &ec2.Route{
		RouteTableId:         table.Ref(),
		DestinationCidrBlock: new(anywhere),
		GatewayId:            new(n.internet.Ref()),
		// The route names the gateway, not its attachment, without which it cannot be made.
		AWSCloudFormationDependsOn: []string{n.attached.ID()},
	})
	for i := range n.zones {
		subnet := n.addSubnet(contract.KeyPublicSubnet(i), "public-"+contract.ZoneLetter(i), i, publicBlock(i))
		n.associate(contract.KeyPublicSubnet(i), subnet, table)
		n.public = append(n.public, subnet)
	}
}

// addNATGateways adds one gateway, or one a zone, and returns the gateway that each zone uses; nothing where there is none.
func (n *network) addNATGateways() []cfn.Handle {
	count := 1
	switch n.env.Network.NAT {
	case config.NATNone:
		return nil
	case config.NATPerZone:
		count = len(n.zones)
	}
	var gateways []cfn.Handle
	for i := range n.zones {
		if i >= count {
			gateways = append(gateways, gateways[0])
			continue
		}
		letter := contract.ZoneLetter(i)
		address := n.t.Add("NATAddress"+letter, &ec2.EIP{
			Domain: new("vpc"),
			Tags:   nameTag("nat-" + letter),
			// An address can be released only after the internet gateway is attached no more, and be used only while it is:
			// docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-ec2-eip.html
			AWSCloudFormationDependsOn: []string{n.attached.ID()},
		})
		gateways = append(gateways, n.t.Add("NATGateway"+letter, &ec2.NatGateway{
			AllocationId: new(address.Att("AllocationId")),
			SubnetId:     n.public[i].Ref(),
			Tags:         nameTag("nat-" + letter),
		}))
	}
	return gateways
}

// addPrivateSubnets gives each zone a subnet whose way out is the zone's NAT gateway. Without gateways there is none: the
// tasks reach AWS by the endpoints, and nothing else.
func (n *network) addPrivateSubnets(gateways []cfn.Handle) {
	for i := range n.zones {
		letter := contract.ZoneLetter(i)
		table := n.addRouteTable("PrivateRouteTable"+letter, "private-"+letter)
		if len(gateways) > 0 {
			n.t.Add("PrivateRoute"+letter, &ec2.Route{
				RouteTableId:         table.Ref(),
				DestinationCidrBlock: new(anywhere),
				NatGatewayId:         new(gateways[i].Ref()),
			})
		}
		subnet := n.addSubnet(contract.KeyPrivateSubnet(i), "private-"+letter, i, privateBlock(i))
		n.associate(contract.KeyPrivateSubnet(i), subnet, table)
		n.private = append(n.private, subnet.Ref())
	}
}

// addS3Endpoint keeps image layers, which the registry keeps in S3, off the NAT gateways; it costs nothing
// (docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html).
func (n *network) addS3Endpoint() {
	n.t.Add("S3Endpoint", &ec2.VPCEndpoint{
		VpcId:           n.vpc.Ref(),
		VpcEndpointType: new("Gateway"),
		ServiceName:     cfn.Sub("com.amazonaws.${AWS::Region}.s3"),
		RouteTableIds:   n.tables,
	})
}

func (n *network) addRouteTable(id, name string) cfn.Handle {
	table := n.t.Add(id, &ec2.RouteTable{VpcId: n.vpc.Ref(), Tags: nameTag(name)})
	n.tables = append(n.tables, table.Ref())
	return table
}

func (n *network) addSubnet(id, name string, zone, block int) cfn.Handle {
	subnet := n.t.Add(id, &ec2.Subnet{
		VpcId:            n.vpc.Ref(),
		AvailabilityZone: new(n.zones[zone]),
		CidrBlock:        new(subnetBlock(n.env.Network.CIDR, block).String()),
		Tags:             nameTag(name),
	})
	n.t.Output(id, "Subnet "+name+".", subnet.Ref())
	return subnet
}

func (n *network) associate(subnetID string, subnet, table cfn.Handle) {
	n.t.Add(subnetID+"Routes", &ec2.SubnetRouteTableAssociation{SubnetId: subnet.Ref(), RouteTableId: table.Ref()})
}

// nameTag is what the console shows; the stack's name comes first, since a VPC's parts are listed for the whole Region.
func nameTag(name string) []tags.Tag {
	return []tags.Tag{{Key: "Name", Value: cfn.Sub("${AWS::StackName}/" + name)}}
}

// The VPC is cut into eight equal blocks: 0 to 2 are the public subnets, 4 to 6 the private ones. A zone or a NAT
// gateway that comes later thus moves no existing subnet.
func publicBlock(zone int) int  { return zone }
func privateBlock(zone int) int { return 4 + zone }

const blockBits = 3

func subnetBlock(vpc netip.Prefix, block int) netip.Prefix {
	bits := vpc.Bits() + blockBits
	base := binary.BigEndian.Uint32(vpc.Masked().Addr().AsSlice())
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], base+uint32(block)<<(32-bits))
	return netip.PrefixFrom(netip.AddrFrom4(a), bits)
}
