package config

import (
	"net/netip"
	"slices"
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
	// endpointAddresses: one for each interface endpoint; there are seven at most (registry twice, logs, two stores of
	// secrets, Exec, keys).
	endpointAddresses = 7
	// largestVPC is the shortest prefix that AWS takes (docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html).
	largestVPC = 16
	// smallestVPC is the longest prefix whose eighths are the /27 that a load balancer needs.
	smallestVPC = 27 - subnetBits
)

// privateRanges are those of RFC 1918.
var privateRanges = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
}

func (r *reader) network(environment object, e Environment, service Service) Network {
	o := r.sub(environment, "network")
	if _, given := o.Field("vpc"); given {
		return r.existing(o, e)
	}
	for _, key := range []string{"publicSubnets", "privateSubnets"} {
		if _, given := o.Field(key); given {
			r.Add(o.ValueAt(key), "%s is given without vpc; add the id of the VPC that the subnets are in, or leave them out: slipway makes its own", o.Label(key))
		}
	}
	cidr, cidrRead := r.cidr(o, ownRange)
	zones, zonesRead := r.number(o, "zones")
	nat, natRead := choice[NAT](r, o, "nat")
	network := Network{CIDR: cidr, Zones: zones, NAT: nat, Endpoints: r.boolean(o, "endpoints"), FlowLogs: r.boolean(o, "flowLogs")}
	// The room can only be judged where all three are known.
	if cidrRead && zonesRead && natRead {
		e.Network = network
		r.room(o, e)
	}
	// The endpoints reach the application's own registry and no other.
	if network.Endpoints && network.NAT == NATNone && len(service.Sidecars) > 0 {
		r.Add(o.ValueAt("endpoints"), "%s is true without NAT, so that tasks have no internet to pull the images of service.sidecars from; "+
			"set nat: one, or leave the sidecars out", o.Label("endpoints"))
	}
	return network
}

// existing reads a VPC that slipway did not make: what it is made of is not said here.
func (r *reader) existing(o object, e Environment) Network {
	for _, key := range []string{"zones", "nat", "endpoints", "flowLogs"} {
		if _, given := o.Field(key); given {
			r.Add(o.ValueAt(key), "%s is given beside vpc; it belongs to a VPC that slipway makes, and that VPC stays as it is: leave %s out", o.Label(key), key)
		}
	}
	if _, given := o.Field("cidr"); !given {
		r.Add(o.ValueAt("vpc"), "%s is given without cidr; add the VPC's range, which the load balancer reaches tasks in", o.Label("vpc"))
	}
	cidr, _ := r.cidr(o, existingRange)
	vpc, _ := r.text(o, "vpc")
	public, private := r.unique(o, "publicSubnets", noHint), r.unique(o, "privateSubnets", noHint)
	for _, subnet := range private {
		if slices.Contains(public, subnet) {
			r.Add(o.ValueAt("privateSubnets"), "%s holds %s, which is also in publicSubnets; a subnet is one or the other", o.Label("privateSubnets"), subnet)
		}
	}
	network := Network{CIDR: cidr, NAT: DefaultNAT, VPC: vpc, PublicSubnets: public, PrivateSubnets: private}
	r.subnets(o, network, e)
	return network
}

// subnets refuses a VPC without subnets for the load balancer or the tasks.
func (r *reader) subnets(o object, n Network, e Environment) {
	_, publicGiven := o.Field("publicSubnets")
	_, privateGiven := o.Field("privateSubnets")
	switch {
	case !publicGiven && !privateGiven:
		r.Add(o.ValueAt("vpc"), "%s is given without subnets; add publicSubnets for a load balancer that the internet reaches, and privateSubnets for private tasks", o.Label("vpc"))
	case !publicGiven && !e.Entry.Internal:
		r.Add(o.ValueAt("privateSubnets"), "%s is given alone, but the load balancer is to be reached from the internet, which takes publicSubnets; add them, or set entry.internal: true",
			o.Label("privateSubnets"))
	case len(n.PublicSubnets) > 1 && len(n.PrivateSubnets) > 1 && len(n.PublicSubnets) != len(n.PrivateSubnets) && !e.Entry.Internal:
		r.Add(o.ValueAt("privateSubnets"), "%s has %d items and publicSubnets %d; name one of each in every zone, since a load balancer reaches tasks in its own zones only",
			o.Label("privateSubnets"), len(n.PrivateSubnets), len(n.PublicSubnets))
	}
}

// ranges are the prefix lengths of a VPC's range.
type ranges struct {
	longest int // prefix
	why     string
	private bool // of RFC 1918 only
}

var (
	ownRange = ranges{longest: smallestVPC, private: true,
		why: "it is cut into eight, and a load balancer needs subnets of at least /27"}
	existingRange = ranges{longest: 28, why: "AWS makes none of that size"}
)

// cidr reads the VPC's range; false after a problem.
func (r *reader) cidr(o object, allowed ranges) (netip.Prefix, bool) {
	text, ok := r.text(o, "cidr")
	if !ok {
		return netip.Prefix{}, false
	}
	cidr, err := netip.ParsePrefix(text)
	if err != nil {
		r.Add(o.ValueAt("cidr"), "%s is %q; it must be %s", o.Label("cidr"), shorten(text), declared(o.Label("cidr")).must())
		return netip.Prefix{}, false
	}
	before := r.Len()
	if cidr.Masked() != cidr {
		r.Add(o.ValueAt("cidr"), "%s is %s, which is an address within a range; the range itself is %s", o.Label("cidr"), cidr, cidr.Masked())
	}
	// The first address is enough: a range that begins within and ends outside is also larger than a VPC can be.
	if allowed.private && !slices.ContainsFunc(privateRanges, func(p netip.Prefix) bool { return p.Contains(cidr.Addr()) }) {
		r.Add(o.ValueAt("cidr"), "%s is %s, which is not a private range; it must be %s", o.Label("cidr"), cidr, declared(o.Label("cidr")).must())
	}
	switch {
	case cidr.Bits() < largestVPC:
		r.Add(o.ValueAt("cidr"), "%s is %s, which is larger than a VPC can be; it must be /%d to /%d", o.Label("cidr"), cidr, largestVPC, allowed.longest)
	case cidr.Bits() > allowed.longest:
		r.Add(o.ValueAt("cidr"), "%s is %s, which is too small: %s; it must be /%d to /%d", o.Label("cidr"), cidr, allowed.why, largestVPC, allowed.longest)
	}
	return cidr, r.Len() == before
}

// room tells whether the subnets hold the tasks. While a deployment runs there are twice as many.
func (r *reader) room(o object, e Environment) {
	cidr, most := e.Network.CIDR, e.Tasks.Most()
	perZone := (2*most + e.Network.Zones - 1) / e.Network.Zones
	taken := e.taken()
	if perZone <= addresses(cidr.Bits())-taken {
		return
	}
	enough := cidr.Bits()
	for enough > largestVPC && perZone > addresses(enough)-taken {
		enough--
	}
	r.Add(o.ValueAt("cidr"), "%s is %s, which leaves %d addresses a zone for tasks, but %d tasks need %d while a "+
		"new version starts beside the old one; it must be /%d to /%d",
		o.Label("cidr"), cidr, addresses(cidr.Bits())-taken, most, perZone, largestVPC, enough)
}

// addresses is how many are free in one subnet of a VPC with this prefix.
func addresses(bits int) int { return 1<<(32-bits-subnetBits) - reservedAddresses }

// taken is how many addresses of their subnet the tasks leave to others: public tasks share it with the load balancer,
// private ones with an internal one, and with the endpoints.
func (e Environment) taken() int {
	var n int
	if !e.Network.Private() || e.Entry.Internal {
		n += loadBalancerAddresses
	}
	if e.Network.Endpoints {
		n += endpointAddresses
	}
	return n
}
