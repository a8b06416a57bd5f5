package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/route53"

	"slipway/internal/config"
)

func (c *checker) certificate(ctx context.Context, e config.Entry) error {
	what := "the certificate " + e.Certificate
	if e.Certificate == "" || c.elsewhere(what, e.Certificate) {
		return nil
	}
	var answer struct {
		Certificate struct {
			Status, DomainName      string
			SubjectAlternativeNames []string
		}
	}
	err := c.certs.Call(ctx, "DescribeCertificate", map[string]string{"CertificateArn": e.Certificate}, &answer)
	if c.missing(err, what, "request it, or leave entry.certificate out and name a hosted zone: slipway then makes one", "ResourceNotFoundException") {
		return nil
	}
	if err != nil {
		return err
	}
	if status := answer.Certificate.Status; status != "ISSUED" {
		c.refuse(what, "is in status "+status, "wait until it is issued, prove its domain, or request another")
	}
	names := append([]string{answer.Certificate.DomainName}, answer.Certificate.SubjectAlternativeNames...)
	slices.Sort(names)
	if !slices.ContainsFunc(names, func(name string) bool { return covers(name, e.Domain) }) {
		c.refuse(what, fmt.Sprintf("is for %s and not for %s", strings.Join(slices.Compact(names), ", "), e.Domain), "request one for entry.domain")
	}
	return nil
}

// covers says whether a name of a certificate is the domain's: an asterisk stands for one label, the first
// (docs.aws.amazon.com/acm/latest/userguide/acm-concepts.html).
func covers(name, domain string) bool {
	if wild, ok := strings.CutPrefix(name, "*."); ok {
		_, domain, _ = strings.Cut(domain, ".")
		name = wild
	}
	return strings.EqualFold(name, domain)
}

// hostedZone must hold the domain, and be one that those can ask who are to reach the service. A certificate that is
// made for the domain is proven in it, which takes a public one (docs.aws.amazon.com/acm/latest/userguide/dns-validation.html).
func (c *checker) hostedZone(ctx context.Context, env config.Environment) error {
	id := env.Entry.HostedZone
	if id == "" {
		return nil
	}
	what := "the hosted zone " + id
	answer, err := c.dns.GetHostedZone(ctx, &route53.GetHostedZoneInput{Id: &id})
	if c.missing(err, what, "name one that is: aws route53 list-hosted-zones", "NoSuchHostedZone") {
		return nil
	}
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(*answer.HostedZone.Name, ".")
	if domain := env.Entry.Domain; !strings.EqualFold(domain, name) && !strings.HasSuffix(strings.ToLower(domain), "."+strings.ToLower(name)) {
		c.refuse(what, fmt.Sprintf("is that of %s and cannot hold %s", name, domain), "name the zone of entry.domain")
	}
	if answer.HostedZone.Config == nil || !answer.HostedZone.Config.PrivateZone {
		return nil
	}
	asked := func(vpc string) bool {
		for _, v := range answer.VPCs {
			if v.VPCId != nil && *v.VPCId == vpc {
				return true
			}
		}
		return false
	}
	switch {
	case env.Entry.Certificate == "":
		c.refuse(what, "is private, and a certificate is proven in public", "name a public zone, or a certificate (entry.certificate)")
	case !env.Entry.Internal:
		c.refuse(what, "is private, and the load balancer is reached from the internet", "name a public zone, or say entry.internal: true")
	case !env.Network.Exists() || !asked(env.Network.VPC):
		c.refuse(what, "is private, and the environment's VPC cannot ask it", "associate the zone with the VPC of network.vpc, or name a public zone")
	}
	return nil
}
