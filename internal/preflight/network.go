package preflight

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"slipway/internal/config"
)

// balancerAddresses is how many free addresses a load balancer needs in each of its subnets
// (docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html, "Subnets for your load balancer").
const balancerAddresses = 8

func (c *checker) vpc(ctx context.Context, n config.Network) error {
	what := "the VPC " + n.VPC
	var answer struct {
		VPCs []struct {
			State string `xml:"state"`
		} `xml:"vpcSet>item"`
	}
	err := c.ec2.Call(ctx, "DescribeVpcs", url.Values{"VpcId.1": {n.VPC}}, &answer)
	if c.missing(err, what, "name one that is: aws ec2 describe-vpcs", "InvalidVpcID.NotFound") {
		return nil
	}
	if err != nil {
		return err
	}
	var names struct {
		Support struct {
			Value bool `xml:"value"`
		} `xml:"enableDnsSupport"`
	}
	if err := c.ec2.Call(ctx, "DescribeVpcAttribute", url.Values{"VpcId": {n.VPC}, "Attribute": {"enableDnsSupport"}}, &names); err != nil {
		return err
	}
	if !names.Support.Value {
		c.refuse(what, "has no name resolution, without which a task finds neither the registry nor its logs",
			"turn it on: aws ec2 modify-vpc-attribute --enable-dns-support --vpc-id "+n.VPC)
	}
	return nil
}

type subnet struct {
	ID     string `xml:"subnetId"`
	VPC    string `xml:"vpcId"`
	Zone   string `xml:"availabilityZone"`
	ZoneID string `xml:"availabilityZoneId"`
	CIDR   string `xml:"cidrBlock"`
	Free   int    `xml:"availableIpAddressCount"`
}

func (c *checker) subnets(ctx context.Context, env config.Environment, fresh bool) error {
	n := env.Network
	found, err := c.describeSubnets(ctx, append(slices.Clone(n.PublicSubnets), n.PrivateSubnets...))
	if err != nil {
		return err
	}
	ways, err := c.ways(ctx, n.VPC)
	if err != nil {
		return err
	}
	environment, _, _ := strings.Cut(c.key, ", ")
	balancers, tasks := n.PublicSubnets, n.PublicSubnets
	if n.Private() {
		tasks = n.PrivateSubnets
	}
	if !env.UsesPublicSubnets() {
		balancers = n.PrivateSubnets
	}
	for _, group := range []struct {
		key string
		ids []string
	}{{"network.publicSubnets", n.PublicSubnets}, {"network.privateSubnets", n.PrivateSubnets}} {
		c.key = environment + ", " + group.key
		there := c.belong(group.ids, found, n.VPC)
		if slices.Equal(group.ids, balancers) {
			c.balancerSubnets(there, fresh)
		}
		if slices.Equal(group.ids, tasks) {
			c.taskSubnets(there, n.CIDR)
		}
		public := group.key == "network.publicSubnets"
		for _, s := range there {
			if !public || env.UsesPublicSubnets() {
				c.way(s, ways.of(s.ID), public)
			}
		}
	}
	return nil
}

func (c *checker) describeSubnets(ctx context.Context, ids []string) (map[string]subnet, error) {
	// By filter: one id that is unknown would fail the whole call.
	params := url.Values{"Filter.1.Name": {"subnet-id"}}
	for i, id := range ids {
		params.Set("Filter.1.Value."+strconv.Itoa(i+1), id)
	}
	var answer struct {
		Subnets []subnet `xml:"subnetSet>item"`
	}
	if err := c.ec2.Call(ctx, "DescribeSubnets", params, &answer); err != nil {
		return nil, err
	}
	found := map[string]subnet{}
	for _, s := range answer.Subnets {
		found[s.ID] = s
	}
	return found, nil
}

// belong are those that exist and are in the VPC.
func (c *checker) belong(ids []string, found map[string]subnet, vpc string) []subnet {
	var there []subnet
	for _, id := range ids {
		s, ok := found[id]
		switch {
		case !ok:
			c.refuse("the subnet "+id, fmt.Sprintf("is not in account %s, Region %s", c.in.Account, c.in.Region), "name one that is: aws ec2 describe-subnets")
		case s.VPC != vpc:
			c.refuse("the subnet "+id, "is in "+s.VPC+" and not in "+vpc, "name subnets of network.vpc")
		default:
			there = append(there, s)
		}
	}
	return there
}

// balancerSubnets must be of two zones or more, and each of its own
// (docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-subnets.html).
func (c *checker) balancerSubnets(list []subnet, fresh bool) {
	zones := map[string]string{}
	for _, s := range list {
		if other := zones[s.Zone]; other != "" {
			c.refuse("the subnet "+s.ID, fmt.Sprintf("is in the same zone (%s) as %s, and a load balancer takes one a zone", s.Zone, other), "leave one of them out, or name one of another zone")
			continue
		}
		zones[s.Zone] = s.ID
		if fresh && s.Free < balancerAddresses {
			c.refuse("the subnet "+s.ID, fmt.Sprintf("has %d free addresses, and a load balancer needs %d", s.Free, balancerAddresses), "free some, or name a larger one")
		}
	}
}

func (c *checker) taskSubnets(list []subnet, within netip.Prefix) {
	for _, s := range list {
		if len(c.in.FargateZones) > 0 && !slices.Contains(c.in.FargateZones, s.ZoneID) {
			c.refuse("the subnet "+s.ID, "is in zone "+s.ZoneID+", which has no Fargate", "name one in "+strings.Join(c.in.FargateZones, " or "))
		}
		block, err := netip.ParsePrefix(s.CIDR)
		if err == nil && (block.Bits() < within.Bits() || !within.Contains(block.Addr())) {
			c.refuse("the subnet "+s.ID, fmt.Sprintf("has the range %s, which is not in network.cidr (%s): the load balancer could not reach its tasks", s.CIDR, within), "give network.cidr the VPC's range that has the tasks' subnets")
		}
	}
}

// ways say where the default routes of subnets lead.
type ways struct {
	bySubnet map[string]string
	main     string
}

func (w ways) of(subnet string) string {
	if way, explicit := w.bySubnet[subnet]; explicit {
		return way
	}
	return w.main
}

// ways reads the route tables of a VPC. A subnet that is associated with none has the main one.
func (c *checker) ways(ctx context.Context, vpc string) (ways, error) {
	var answer struct {
		Tables []struct {
			Routes []struct {
				To       string `xml:"destinationCidrBlock"`
				Gateway  string `xml:"gatewayId"`
				NAT      string `xml:"natGatewayId"`
				Transit  string `xml:"transitGatewayId"`
				Instance string `xml:"networkInterfaceId"`
				Peering  string `xml:"vpcPeeringConnectionId"`
			} `xml:"routeSet>item"`
			Associations []struct {
				Subnet string `xml:"subnetId"`
				Main   bool   `xml:"main"`
			} `xml:"associationSet>item"`
		} `xml:"routeTableSet>item"`
	}
	w := ways{bySubnet: map[string]string{}}
	if err := c.ec2.Call(ctx, "DescribeRouteTables", url.Values{"Filter.1.Name": {"vpc-id"}, "Filter.1.Value.1": {vpc}}, &answer); err != nil {
		return w, err
	}
	for _, table := range answer.Tables {
		way := ""
		for _, r := range table.Routes {
			if r.To == "0.0.0.0/0" {
				way = r.Gateway + r.NAT + r.Transit + r.Instance + r.Peering // a route has one of them
			}
		}
		for _, a := range table.Associations {
			if a.Main {
				w.main = way
			} else {
				w.bySubnet[a.Subnet] = way
			}
		}
	}
	return w, nil
}

// way holds a subnet's way out against what it is used for. Of a private one without a way it cannot be seen whether the VPC
// has all the endpoints that tasks need.
func (c *checker) way(s subnet, way string, public bool) {
	toInternet := strings.HasPrefix(way, "igw-")
	switch {
	case public && !toInternet:
		c.refuse("the subnet "+s.ID, "has no default route to an internet gateway, so nobody on the internet reaches what is in it", "give it one, or name public subnets")
	case !public && toInternet:
		c.warn("the subnet "+s.ID, "is public: its default route leads to an internet gateway, and tasks in it have no public address to use that with", "name private subnets, with a default route to a NAT gateway")
	case !public && way == "":
		c.warn("the subnet "+s.ID, "has no default route, so its tasks reach AWS by interface endpoints only", "see that the VPC has ecr.api, ecr.dkr, logs and a gateway for S3, and what secrets need")
	}
}
