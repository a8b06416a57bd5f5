package stacks

import (
	"github.com/awslabs/goformation/v7/cloudformation/certificatemanager"
	"github.com/awslabs/goformation/v7/cloudformation/route53"

	"slipway/internal/cfn"
)

// url is where users reach the service.
func (s *service) url() string {
	if s.env.Entry.HTTPS() {
		return "https://" + s.env.Entry.Domain
	}
	return cfn.Sub("http://${" + s.balancer.ID() + ".DNSName}")
}

// certificateARN is the certificate that slipway.yaml names, or one made for the domain. CloudFormation writes the record
// that proves the domain, waits for the certificate, and leaves the record behind: other certificates may share it
// (docs.aws.amazon.com/acm/latest/userguide/dns-validation.html).
func (s *service) certificateARN() string {
	if s.certificate != "" {
		return s.certificate
	}
	domain := s.env.Entry.Domain
	return s.t.Add("Certificate", &certificatemanager.Certificate{
		DomainName:       domain,
		ValidationMethod: new("DNS"),
		DomainValidationOptions: []certificatemanager.Certificate_DomainValidationOption{{
			DomainName: domain, HostedZoneId: new(s.hostedZone),
		}},
	}).Ref()
}

// addRecord points the domain at the load balancer, where there is a hosted zone for it.
func (s *service) addRecord() {
	if s.hostedZone == "" {
		return
	}
	s.t.Add("DomainRecord", &route53.RecordSet{
		HostedZoneId: new(s.hostedZone),
		Name:         s.env.Entry.Domain,
		Type:         "A",
		AliasTarget: &route53.RecordSet_AliasTarget{
			DNSName: s.balancer.Att("DNSName"), HostedZoneId: s.balancer.Att("CanonicalHostedZoneID"),
		},
		// Users come only when the service answers, on another load balancer too.
		AWSCloudFormationDependsOn: []string{s.ecsService.ID()},
	})
}
