package residue

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/route53"
	dnstypes "github.com/aws/aws-sdk-go-v2/service/route53/types"
)

func (s services) certificate(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	var answer struct{ Certificate struct{ Status string } }
	err := s.certs.Call(ctx, "DescribeCertificate", map[string]string{"CertificateArn": ids[0]}, &answer)
	if err == nil && answer.Certificate.Status == "" {
		err = errors.New("ACM answered without the certificate's status")
	}
	return one(ids[0], answer.Certificate.Status, err, "ResourceNotFoundException")
}

// record asks for the address record of one name; records are listed in order, from the one asked for on
// (docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html). A record of another type, such as
// the one that proves a certificate's domain, is not ours to ask about.
func (s services) record(ctx context.Context, zone string, ids []string) (map[string]status, error) {
	return s.recordOf(ctx, zone, ids[0], dnstypes.RRTypeA)
}

// proof asks for the record that proves a certificate's domain.
func (s services) proof(ctx context.Context, zone string, ids []string) (map[string]status, error) {
	return s.recordOf(ctx, zone, ids[0], dnstypes.RRTypeCname)
}

func (s services) recordOf(ctx context.Context, zone, id string, kind dnstypes.RRType) (map[string]status, error) {
	_, name, _ := strings.Cut(id, "|")
	answer, err := s.dns.ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{
		HostedZoneId: &zone, StartRecordName: &name, StartRecordType: kind, MaxItems: new(int32(1)),
	})
	if err != nil {
		return one(id, "", err, "NoSuchHostedZone")
	}
	for _, record := range answer.ResourceRecordSets {
		if record.Type == kind && strings.EqualFold(strings.TrimSuffix(*record.Name, "."), strings.TrimSuffix(name, ".")) {
			return map[string]status{id: {}}, nil
		}
	}
	return nil, nil
}

func (s services) webACL(ctx context.Context, scope string, ids []string) (map[string]status, error) {
	parts := strings.Split(ids[0], "|")
	var answer struct{ WebACL struct{ Name string } }
	err := s.firewall.Call(ctx, "GetWebACL", map[string]string{"Name": parts[0], "Id": parts[1], "Scope": scope}, &answer)
	return one(ids[0], "", err, "WAFNonexistentItemException")
}

// webACLAssociation is gone with what the web ACL stood before, too. Where another web ACL stands there now, it is none
// of ours.
func (s services) webACLAssociation(ctx context.Context, resource string, ids []string) (map[string]status, error) {
	var answer struct {
		WebACL *struct{ ARN string }
	}
	err := s.firewall.Call(ctx, "GetWebACLForResource", map[string]string{"ResourceArn": resource}, &answer)
	if err == nil && (answer.WebACL == nil || !strings.Contains(ids[0], answer.WebACL.ARN)) {
		return nil, nil
	}
	return one(ids[0], "", err, "WAFNonexistentItemException")
}
