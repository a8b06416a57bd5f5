package plan

import (
	"fmt"
	"net/netip"
	"reflect"
)

// private are the ranges that nobody reaches from the internet (RFC 1918, 6598 and 4193).
var private = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("fc00::/7"),
}

// ingress is a rule of a security group that lets addresses in; prefix is invalid where the template does not tell which.
type ingress struct {
	prefix   netip.Prefix
	source   any
	protocol string
	from, to int
}

// fromInternet are the rules that let in more than private addresses, or what is not known.
func fromInternet(rules []any) []ingress {
	var found []ingress
	for _, rule := range rules {
		for _, key := range []string{"CidrIp", "CidrIpv6", "SourcePrefixListId"} {
			source := at(rule, key)
			if source == nil {
				continue
			}
			prefix, err := netip.ParsePrefix(text(source))
			if err == nil && within(private, prefix) {
				continue
			}
			protocol := text(at(rule, "IpProtocol"))
			found = append(found, ingress{prefix, source, protocol, number(at(rule, "FromPort"), -1), number(at(rule, "ToPort"), -1)})
		}
	}
	return found
}

func within(ranges []netip.Prefix, p netip.Prefix) bool {
	for _, r := range ranges {
		if contains(r, p) {
			return true
		}
	}
	return false
}

func contains(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

// newIngress words the rules that no rule before covers.
func newIngress(was, is []any) []string {
	var found []string
	before := fromInternet(was)
	for _, rule := range fromInternet(is) {
		if !rule.covered(before) {
			found = append(found, rule.String())
		}
	}
	return found
}

func (i ingress) covered(by []ingress) bool {
	for _, b := range by {
		same := reflect.DeepEqual(b.source, i.source) || b.prefix.IsValid() && i.prefix.IsValid() && contains(b.prefix, i.prefix)
		ports := b.protocol == "-1" || b.protocol == i.protocol && (b.from == -1 || b.from <= i.from && i.to <= b.to)
		if same && ports {
			return true
		}
	}
	return false
}

func (i ingress) String() string {
	ports := fmt.Sprintf("port %d", i.from)
	switch {
	case i.protocol == "-1" || i.from == -1:
		ports = "all ports"
	case i.to != i.from:
		ports = fmt.Sprintf("ports %d to %d", i.from, i.to)
	}
	protocol := i.protocol
	if protocol == "-1" {
		protocol = "any protocol"
	}
	return fmt.Sprintf("lets %s in on %s (%s)", text(i.source), ports, protocol)
}
