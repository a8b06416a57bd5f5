package awsdouble

import (
	"cmp"
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
)

// entryKinds are the types of a domain, its certificate and a firewall.
func (d *Double) entryKinds() map[string]kind {
	return map[string]kind{
		certificateType: {
			id:         func(*stack, string, object) string { return d.arn("acm", "certificate/"+d.uuid()) },
			createOnly: []string{"DomainName", "SubjectAlternativeNames", "DomainValidationOptions", "ValidationMethod"},
			created:    d.certificateCreated,
		},
		"AWS::Route53::RecordSet": {
			id:         func(_ *stack, _ string, p object) string { return text(p, "Name") },
			createOnly: []string{"HostedZoneId", "Name"},
			created:    d.recordCreated,
		},
		"AWS::WAFv2::WebACL": {
			id: func(s *stack, logical string, p object) string {
				return d.named("Name", 128, false)(s, logical, p) + "|" + d.uuid() + "|" + text(p, "Scope")
			},
			createOnly: []string{"Name", "Scope"},
			attributes: att(map[string]func(*thing) string{"Arn": func(t *thing) string { return d.aclARN(t.ID) }}),
		},
		"AWS::WAFv2::WebACLAssociation": {
			id:         func(_ *stack, _ string, p object) string { return text(p, "WebACLArn") + "|" + text(p, "ResourceArn") },
			createOnly: []string{"WebACLArn", "ResourceArn"},
		},
	}
}

// aclARN is that of the web ACL with the id name|id|scope.
func (d *Double) aclARN(id string) string {
	parts := strings.Split(id, "|")
	return d.arn("wafv2", "regional/webacl/"+parts[0]+"/"+parts[1])
}

// certificateCreated writes the record that proves the domain, which is the same for every certificate of that domain in
// the account and stays when the certificate goes (docs.aws.amazon.com/acm/latest/userguide/dns-validation.html).
func (d *Double) certificateCreated(t *thing) error {
	for _, option := range objects(t.Properties, "DomainValidationOptions") {
		zone := text(option, "HostedZoneId")
		if d.thing(hostedZoneType, zone) == nil {
			return notFound("NoSuchHostedZone", "No hosted zone found with ID: "+zone)
		}
		proof := dnsRecord{zone, proofName(text(option, "DomainName")), "CNAME"}
		if !slices.Contains(d.proofs, proof) {
			d.proofs = append(d.proofs, proof)
		}
	}
	return nil
}

const proofValue = "_f.acm-validations.aws."

func proofName(domain string) string { return "_0123456789abcdef0123456789abcdef." + domain + "." }

func (d *Double) certificateHandlers() map[string]handler {
	return map[string]handler{"DescribeCertificate": d.describeCertificate, "ListCertificates": d.listCertificates}
}

// listCertificates lists those with keys other than RSA of 1024 or 2048 bits only where they are asked for
// (docs.aws.amazon.com/acm/latest/APIReference/API_ListCertificates.html).
func (d *Double) listCertificates(in object) (object, error) {
	found := list{}
	for _, t := range d.existing(certificateType) {
		if key := cmp.Or(text(t.Properties, "KeyAlgorithm"), "RSA_2048"); key == "RSA_2048" || slices.Contains(texts(sub(in, "Includes"), "keyTypes"), key) {
			found = append(found, object{"CertificateArn": t.ID, "DomainName": text(t.Properties, "DomainName"), "SubjectAlternativeNameSummaries": asList(certificateNames(t))})
		}
	}
	shown, next := page(d, found, text(in, "NextToken"), 0)
	return object{"CertificateSummaryList": shown, "NextToken": opt(next)}, nil
}

func (d *Double) describeCertificate(in object) (object, error) {
	arn := text(in, "CertificateArn")
	t := d.thing(certificateType, arn)
	if t == nil {
		return nil, fail("ResourceNotFoundException", "Could not find certificate %s.", arn)
	}
	domain := text(t.Properties, "DomainName")
	return object{"Certificate": object{
		"CertificateArn": arn, "DomainName": domain, "SubjectAlternativeNames": asList(certificateNames(t)),
		"Status": cmp.Or(text(t.Properties, "Status"), "ISSUED"),
		"DomainValidationOptions": list{object{
			"DomainName": domain, "ValidationMethod": "DNS",
			"ResourceRecord": object{"Name": proofName(domain), "Type": "CNAME", "Value": proofValue},
		}},
	}}, nil
}

// certificateNames are the domain names that a certificate covers.
func certificateNames(t *thing) []string {
	domain, names := text(t.Properties, "DomainName"), texts(t.Properties, "SubjectAlternativeNames")
	if slices.Contains(names, domain) {
		return names
	}
	return append([]string{domain}, names...)
}

func (d *Double) firewallHandlers() map[string]handler {
	return map[string]handler{"GetWebACL": d.getWebACL, "GetWebACLForResource": d.getWebACLForResource}
}

func noFirewall() error {
	return fail("WAFNonexistentItemException", "AWS WAF couldn’t perform the operation because your resource doesn’t exist.")
}

func (d *Double) getWebACL(in object) (object, error) {
	id := text(in, "Name") + "|" + text(in, "Id") + "|" + text(in, "Scope")
	if d.thing("AWS::WAFv2::WebACL", id) == nil {
		return nil, noFirewall()
	}
	return object{"WebACL": object{"Name": text(in, "Name"), "Id": text(in, "Id"), "ARN": d.aclARN(id)}, "LockToken": d.uuid()}, nil
}

func (d *Double) getWebACLForResource(in object) (object, error) {
	balancer := text(in, "ResourceArn")
	if d.thing(balancing+"LoadBalancer", balancer) == nil {
		return nil, noFirewall()
	}
	for _, t := range d.existing("AWS::WAFv2::WebACLAssociation") {
		if text(t.Properties, "ResourceArn") == balancer {
			return object{"WebACL": object{"ARN": text(t.Properties, "WebACLArn")}}, nil
		}
	}
	return object{}, nil
}

const (
	hostedZoneType  = "AWS::Route53::HostedZone"
	certificateType = "AWS::CertificateManager::Certificate"
)

// dnsRecord is one name and type in a hosted zone.
type dnsRecord struct{ zone, name, kind string }

func (d *Double) recordCreated(t *thing) error {
	zone := d.thing(hostedZoneType, text(t.Properties, "HostedZoneId"))
	if zone == nil {
		return notFound("NoSuchHostedZone", "No hosted zone found with ID: "+text(t.Properties, "HostedZoneId"))
	}
	if apex := strings.TrimSuffix(text(zone.Properties, "Name"), "."); t.ID != apex && !strings.HasSuffix(t.ID, "."+apex) {
		return fail("InvalidChangeBatch", "[RRSet with DNS name %s. is not permitted in zone %s.]", t.ID, apex)
	}
	return nil
}

func (d *Double) dnsHandlers() map[string]handler {
	return map[string]handler{"GetHostedZone": d.getHostedZone, "ListResourceRecordSets": d.listRecords, "ChangeResourceRecordSets": d.changeRecords}
}

// serveDNS reads Route 53's paths, /2013-04-01/hostedzone/ID and what stands behind it.
func (d *Double) serveDNS(w http.ResponseWriter, r *http.Request, body []byte) {
	path := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, "/2013-04-01/hostedzone/"), "/"), "/")
	in, operation := object{"Id": path[0]}, r.Method
	switch {
	case r.Method == http.MethodGet && len(path) == 1:
		operation = "GetHostedZone"
	case r.Method == http.MethodGet && path[1] == "rrset":
		operation = "ListResourceRecordSets"
	case r.Method == http.MethodPost && path[1] == "rrset":
		operation = "ChangeResourceRecordSets"
		in["Changes"] = changesIn(body)
	}
	for key, value := range r.URL.Query() {
		in[key] = value[0]
	}
	out, fault := d.answer("route53", operation, in)
	w.Header().Set("Content-Type", "text/xml")
	if fault != nil {
		w.WriteHeader(fault.Status)
		_, _ = w.Write(queryAnswer("route53", operation, d.uuid(), nil, fault))
		return
	}
	_, _ = w.Write([]byte(xml.Header))
	_, _ = w.Write(restAnswer(operation, out))
}

func (d *Double) hostedZone(in object) (*thing, error) {
	if zone := d.thing(hostedZoneType, text(in, "Id")); zone != nil {
		return zone, nil
	}
	return nil, notFound("NoSuchHostedZone", "No hosted zone found with ID: "+text(in, "Id"))
}

func (d *Double) getHostedZone(in object) (object, error) {
	zone, err := d.hostedZone(in)
	if err != nil {
		return nil, err
	}
	return object{"HostedZone": object{
		"Id": "/hostedzone/" + zone.ID, "Name": text(zone.Properties, "Name"), "CallerReference": "double",
		"Config": object{"PrivateZone": flag(zone.Properties, "PrivateZone")},
	}, "VPCs": zone.Properties["VPCs"]}, nil
}

// listRecords begins at the name and type asked for; the order is that of the labels from the last on
// (docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html).
func (d *Double) listRecords(in object) (object, error) {
	zone, err := d.hostedZone(in)
	if err != nil {
		return nil, err
	}
	var all []dnsRecord
	for _, proof := range d.proofs {
		if proof.zone == zone.ID {
			all = append(all, proof)
		}
	}
	for _, t := range d.existing("AWS::Route53::RecordSet") {
		if text(t.Properties, "HostedZoneId") == zone.ID {
			all = append(all, dnsRecord{zone.ID, t.ID + ".", text(t.Properties, "Type")})
		}
	}
	start := sortKey(text(in, "name"), text(in, "type"))
	all = slices.DeleteFunc(all, func(r dnsRecord) bool { return sortKey(r.name, r.kind) < start })
	slices.SortFunc(all, func(a, b dnsRecord) int { return strings.Compare(sortKey(a.name, a.kind), sortKey(b.name, b.kind)) })
	shown, next := page(d, all, "", number(in, "maxitems"))
	records := list{}
	for _, r := range shown {
		o := object{"Name": r.name, "Type": r.kind}
		if r.kind == "CNAME" {
			o["TTL"], o["ResourceRecords"] = 300, object{"ResourceRecord": object{"Value": proofValue}}
		}
		records = append(records, o)
	}
	return object{"ResourceRecordSets": records, "IsTruncated": next != "", "MaxItems": cmp.Or(text(in, "maxitems"), "300")}, nil
}

func sortKey(name, kind string) string {
	if name == "" {
		return ""
	}
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".") + " " + kind
}

// changesIn reads the changes of a request's body.
func changesIn(body []byte) list {
	var request struct {
		Changes []struct {
			Action string
			Set    struct {
				Name, Type string
				Values     []string `xml:"ResourceRecords>ResourceRecord>Value"`
			} `xml:"ResourceRecordSet"`
		} `xml:"ChangeBatch>Changes>Change"`
	}
	if err := xml.Unmarshal(body, &request); err != nil {
		return nil
	}
	changes := list{}
	for _, c := range request.Changes {
		changes = append(changes, object{"Action": c.Action, "Name": c.Set.Name, "Type": c.Set.Type, "Value": strings.Join(c.Set.Values, " ")})
	}
	return changes
}

// changeRecords deletes a proof, whose values have to be those that it has.
func (d *Double) changeRecords(in object) (object, error) {
	zone, err := d.hostedZone(in)
	if err != nil {
		return nil, err
	}
	for _, c := range objects(in, "Changes") {
		proof := dnsRecord{zone.ID, text(c, "Name"), text(c, "Type")}
		i := slices.Index(d.proofs, proof)
		switch {
		case text(c, "Action") != "DELETE":
			return nil, fail("InvalidChangeBatch", "[awsdouble only deletes]")
		case i < 0:
			return nil, fail("InvalidChangeBatch", "[Tried to delete resource record set [name='%s', type='%s'] but it was not found]", proof.name, proof.kind)
		case text(c, "Value") != proofValue:
			return nil, fail("InvalidChangeBatch", "[Tried to delete resource record set [name='%s', type='%s'] but the values provided do not match the current values]", proof.name, proof.kind)
		}
		d.proofs = slices.Delete(d.proofs, i, i+1)
	}
	return object{"ChangeInfo": object{"Id": "/change/C1", "Status": "PENDING", "SubmittedAt": d.now()}}, nil
}

// Proofs lists the records that certificates wrote into hosted zones and that are still there.
func (d *Double) Proofs() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for _, p := range d.proofs {
		names = append(names, p.name)
	}
	return names
}

// PutProof writes the record that proves a domain into a hosted zone, as a certificate of former times has left it, and
// returns its name.
func (d *Double) PutProof(zone, domain string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.proofs = append(d.proofs, dnsRecord{zone, proofName(domain), "CNAME"})
	return proofName(domain)
}
