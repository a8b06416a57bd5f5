package config

import (
	"net/netip"
	"slices"
	"strings"
)

const (
	// maxAllowed is the quota of rules of a security group
	// (docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups).
	maxAllowed = 60
	// maxCommonName is the longest name that Certificate Manager makes a certificate for
	// (docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html).
	maxCommonName = 64
)

func (r *reader) entry(environment object) Entry {
	o := r.sub(environment, "entry")
	domain, _ := r.textOr(o, "domain", domainHint)
	zone, _ := r.textOr(o, "hostedZone", zoneHint)
	certificate, _ := r.text(o, "certificate")
	limit, _ := r.number(o, "rateLimit")
	idle, _ := r.number(o, "idleTimeout")
	e := Entry{
		Domain: domain, HostedZone: zone, Certificate: certificate, Internal: r.boolean(o, "internal"),
		AccessLogs: r.boolean(o, "accessLogs"), WAF: r.boolean(o, "waf"), RateLimit: limit, IdleTimeout: idle,
	}
	e.Allow = r.allow(o, e)
	r.domain(o, e)
	if _, given := o.Field("rateLimit"); given && !e.WAF {
		r.Add(o.ValueAt("rateLimit"), "%s is given, but it is the firewall that counts, and waf is false; set waf: true, or leave rateLimit out", o.Label("rateLimit"))
	}
	return e
}

// domain holds the domain against what it needs, and against the domains of the environments before.
func (r *reader) domain(o object, e Entry) {
	// Where the domain is wrong in itself, that is the problem to show.
	if _, given := o.Field("domain"); given && e.Domain == "" {
		return
	}
	if e.Domain == "" {
		for _, key := range []string{"hostedZone", "certificate"} {
			if _, given := o.Field(key); given {
				r.Add(o.ValueAt(key), "%s is given without a domain; add entry.domain, the name under which users reach the service", o.Label(key))
			}
		}
		return
	}
	at := o.ValueAt("domain")
	_, zoneGiven := o.Field("hostedZone")
	_, certificateGiven := o.Field("certificate")
	switch {
	case !zoneGiven && !certificateGiven:
		r.Add(at, "%s is %q, but nothing says where its certificate comes from; add hostedZone, the Route 53 zone in which slipway proves that the domain is yours, "+
			"or certificate, the ARN of one that exists", o.Label("domain"), e.Domain)
	case !certificateGiven && len(e.Domain) > maxCommonName:
		r.Add(at, "%s has %d characters; Certificate Manager makes certificates for names of at most %d: take a shorter one, or a certificate of your own",
			o.Label("domain"), len(e.Domain), maxCommonName)
	}
	if first, taken := r.domains[e.Domain]; taken {
		r.Add(at, "%s is %q again, first on line %d; each environment must have a domain of its own", o.Label("domain"), e.Domain, first)
		return
	}
	r.domains[e.Domain] = at.Line
}

// domainHint says what is wrong with a domain.
func domainHint(text string) string {
	switch {
	case strings.Contains(text, "://"):
		return "; leave the scheme out"
	case strings.HasPrefix(text, "*"):
		return "; a wildcard is no name that users can type"
	case strings.HasSuffix(text, "."):
		return "; leave the final dot out"
	case strings.ToLower(text) != text:
		return "; write it in lower case"
	case strings.ContainsAny(text, "/:"):
		return "; leave port and path out"
	default:
		return ""
	}
}

// zoneHint says what to write instead of the name or the path of a hosted zone.
func zoneHint(text string) string {
	if id, ok := strings.CutPrefix(text, "/hostedzone/"); ok {
		return "; write " + shorten(id)
	}
	if strings.Contains(text, ".") {
		return "; the id is shown by aws route53 list-hosted-zones-by-name --dns-name " + shorten(text)
	}
	return ""
}

// allow reads the ranges that may connect; each takes a rule of the security group for each port.
func (r *reader) allow(o object, e Entry) []netip.Prefix {
	var allow []netip.Prefix
	for _, one := range r.texts(o, "allow") {
		prefix, problem := parseAllowed(one.text)
		if problem != "" {
			r.Add(one.at, "an item of %s is %q; %s", o.Label("allow"), shorten(one.text), problem)
			continue
		}
		if slices.Contains(allow, prefix) {
			r.Add(one.at, "an item of %s is %s again; name it once", o.Label("allow"), prefix)
			continue
		}
		allow = append(allow, prefix)
	}
	if ports := 2; e.HTTPS() && len(allow)*ports > maxAllowed {
		r.Add(o.ValueAt("allow"), "%s has %d items; with a domain it may have %d, since a security group has %d rules and each range needs one for HTTPS and one for HTTP",
			o.Label("allow"), len(allow), maxAllowed/ports, maxAllowed)
	}
	return allow
}

// parseAllowed reads one range, or says what is wrong with it.
func parseAllowed(text string) (netip.Prefix, string) {
	must := "it must be " + declared("environments.entry.allow").must()
	if address, err := netip.ParseAddr(text); err == nil && address.Is4() {
		return netip.Prefix{}, "a single address is written " + text + "/32"
	}
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return prefix, must
	case !prefix.Addr().Is4():
		return prefix, "the load balancer has IPv4 addresses only, so nobody reaches it by IPv6; " + must
	case prefix.Bits() == 0:
		return prefix, "that is everybody: leave allow out"
	case prefix.Masked() != prefix:
		return prefix, "that is an address within a range; the range itself is " + prefix.Masked().String()
	default:
		return prefix, ""
	}
}
