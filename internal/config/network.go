package config

import (
	"net/netip"
	"slices"

	"slipway/internal/contract"
)

// How an environment's VPC is cut, and what of it is taken.
const (
	// subnetBits: the VPC is cut into eight equal blocks; public subnets take the first three, private ones the fifth to seventh.
	subnetBits = 3
	// reservedAddresses: AWS keeps five in every subnet (docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html).
	reservedAddresses = 5
	// loadBalancerAddresses: each of a load balancer's subnets needs at least a /27 and eight free addresses
	// (docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html).
	loadBalancerAddresses = 8
	// largestVPC is the shortest prefix that AWS takes (docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html).
	largestVPC = 16
	// smallestVPC is the longest prefix whose eighths are the /27 that a load balancer needs.
	smallestVPC = 27 - subnetBits
)

const cidrAllowed = "a private IPv4 range from /16 to /24 in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, such as 10.0.0.0/16"

// privateRanges are those of RFC 1918.
var privateRanges = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
}

func (r *reader) network(environment object, tasks Tasks) Network {
	var o object
	if f, given := environment.field("network"); given {
		o = r.mapping(f.value, "environments.network", "cidr", "zones", "nat")
	}
	cidr, cidrRead := r.cidr(o)
	zones, zonesRead := r.integer(o, "zones", DefaultZones, 2, contract.MaxZones)
	nat, natRead := choice(r, o, "nat", DefaultNAT, NATNone, NATOne, NATPerZone)
	network := Network{CIDR: cidr, Zones: zones, NAT: nat}
	// The room can only be judged where all three are known.
	if cidrRead && zonesRead && natRead {
		r.room(o, network, tasks)
	}
	return network
}

// cidr reads the VPC's range; false after a problem.
func (r *reader) cidr(o object) (netip.Prefix, bool) {
	text, ok := r.text(o, "cidr", DefaultCIDR, cidrAllowed)
	if !ok {
		return netip.Prefix{}, false
	}
	cidr, err := netip.ParsePrefix(text)
	if err != nil || !cidr.Addr().Is4() {
		r.add(o.valueAt("cidr"), "%s is %q; it must be %s", o.label("cidr"), shorten(text), cidrAllowed)
		return netip.Prefix{}, false
	}
	before := len(r.found)
	if cidr.Masked() != cidr {
		r.add(o.valueAt("cidr"), "%s is %s, which is an address within a range; the range itself is %s", o.label("cidr"), cidr, cidr.Masked())
	}
	// The first address is enough: a range that begins within and ends outside is also larger than a VPC can be.
	if !slices.ContainsFunc(privateRanges, func(p netip.Prefix) bool { return p.Contains(cidr.Addr()) }) {
		r.add(o.valueAt("cidr"), "%s is %s, which is not a private range; it must be %s", o.label("cidr"), cidr, cidrAllowed)
	}
	switch {
	case cidr.Bits() < largestVPC:
		r.add(o.valueAt("cidr"), "%s is %s, which is larger than a VPC can be; it must be /%d to /%d", o.label("cidr"), cidr, largestVPC, smallestVPC)
	case cidr.Bits() > smallestVPC:
		r.add(o.valueAt("cidr"), "%s is %s, which is too small: it is cut into eight, and a load balancer needs subnets of at least /27; "+
			"it must be /%d to /%d", o.label("cidr"), cidr, largestVPC, smallestVPC)
	}
	return cidr, len(r.found) == before
}

// room tells whether the subnets hold the tasks. While a deployment runs there are twice as many.
func (r *reader) room(o object, network Network, tasks Tasks) {
	perZone := (2*tasks.Max + network.Zones - 1) / network.Zones
	if perZone <= taskAddresses(network.CIDR.Bits(), network.NAT) {
		return
	}
	enough := network.CIDR.Bits()
	for enough > largestVPC && perZone > taskAddresses(enough, network.NAT) {
		enough--
	}
	r.add(o.valueAt("cidr"), "%s is %s, which leaves %d addresses a zone for tasks, but %d tasks need %d while a "+
		"new version starts beside the old one; it must be /%d to /%d",
		o.label("cidr"), network.CIDR, taskAddresses(network.CIDR.Bits(), network.NAT), tasks.Max, perZone, largestVPC, enough)
}

// taskAddresses is how many tasks fit into one zone's subnet of a VPC with this prefix. Without NAT the tasks share the
// public subnets with the load balancer.
func taskAddresses(bits int, nat NAT) int {
	free := 1<<(32-bits-subnetBits) - reservedAddresses
	if nat == NATNone {
		free -= loadBalancerAddresses
	}
	return free
}
