package preflight_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"slipway/internal/awsdouble"
	"slipway/internal/config"
	"slipway/internal/preflight"
)

const certificateARN = "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"

// everythingNamed names one of each kind that others have made.
const everythingNamed = `name: shop
security:
  boundary: arn:aws:iam::123456789012:policy/limit
  key: arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef
service:
  secrets: {DB: "ssm:/shop/{environment}/db", KEY: "secretsmanager:shop-{environment}#key"}
environments:
  - name: prod
    network:
      vpc: vpc-0aaaaaaaaaaaaaaaa
      cidr: 10.0.0.0/16
      publicSubnets: [subnet-0aaaaaaaaaaaaaaa1, subnet-0aaaaaaaaaaaaaaa2]
      privateSubnets: [subnet-0bbbbbbbbbbbbbbb1, subnet-0bbbbbbbbbbbbbbb2]
    entry:
      domain: www.example.com
      hostedZone: Z0123456789ABCDEFGHIJ
      certificate: "` + certificateARN + `"
    watch:
      topic: arn:aws:sns:us-east-1:123456789012:oncall
`

const (
	subnetType = "AWS::EC2::Subnet"
	vpcID      = "vpc-0aaaaaaaaaaaaaaaa"
	topicARN   = "arn:aws:sns:us-east-1:123456789012:oncall"
	keyID      = "01234567-89ab-cdef-0123-456789abcdef"
	publicA    = "subnet-0aaaaaaaaaaaaaaa1"
	privateA   = "subnet-0bbbbbbbbbbbbbbb1"
)

// given is what other people made in the account.
func given(t *testing.T, opts ...awsdouble.Option) *awsdouble.Double {
	t.Helper()
	d := awsdouble.New(t, opts...)
	d.Put("AWS::EC2::VPC", "vpc-0aaaaaaaaaaaaaaaa", map[string]any{"CidrBlock": "10.0.0.0/16"})
	for table, way := range map[string]string{"rtb-public": "GatewayId igw-0aaaaaaaaaaaaaaaa", "rtb-private": "NatGatewayId nat-0aaaaaaaaaaaaaaaa"} {
		kind, id, _ := strings.Cut(way, " ")
		d.Put("AWS::EC2::RouteTable", table, map[string]any{"VpcId": "vpc-0aaaaaaaaaaaaaaaa", "Main": table == "rtb-private"})
		d.Put("AWS::EC2::Route", table+"|0.0.0.0/0", map[string]any{"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", kind: id})
	}
	for i, id := range []string{"subnet-0aaaaaaaaaaaaaaa1", "subnet-0aaaaaaaaaaaaaaa2", "subnet-0bbbbbbbbbbbbbbb1", "subnet-0bbbbbbbbbbbbbbb2"} {
		d.Put("AWS::EC2::Subnet", id, map[string]any{
			"VpcId": "vpc-0aaaaaaaaaaaaaaaa", "AvailabilityZone": d.Region + string("abab"[i]), "CidrBlock": fmt.Sprintf("10.0.%d.0/24", i),
		})
		if i < 2 {
			d.Put("AWS::EC2::SubnetRouteTableAssociation", "rtbassoc-"+id, map[string]any{"SubnetId": id, "RouteTableId": "rtb-public"})
		}
	}
	d.Put("AWS::Route53::HostedZone", "Z0123456789ABCDEFGHIJ", map[string]any{"Name": "example.com."})
	d.Put("AWS::CertificateManager::Certificate", certificateARN, map[string]any{"DomainName": "*.example.com"})
	d.Put("AWS::SNS::Topic", "arn:aws:sns:us-east-1:123456789012:oncall", nil)
	d.Put("AWS::KMS::Key", "01234567-89ab-cdef-0123-456789abcdef", nil)
	d.Put("AWS::IAM::ManagedPolicy", "arn:aws:iam::123456789012:policy/limit", nil)
	d.Put("AWS::SSM::Parameter", "/shop/prod/db", nil)
	d.Put("AWS::SecretsManager::Secret", "shop-prod", nil)
	return d
}

// check looks at all environments of a slipway.yaml, none of which is up.
func check(t *testing.T, d *awsdouble.Double, slipway string, zones ...string) preflight.Findings {
	t.Helper()
	cfg, err := config.Parse(config.File, []byte(slipway))
	if err != nil {
		t.Fatal(err)
	}
	var fresh []string
	for _, env := range cfg.Environments {
		fresh = append(fresh, env.Name)
	}
	found, err := preflight.Check(t.Context(), d.Config(), preflight.Place{Account: d.AccountID, Region: d.Region, FargateZones: zones}, cfg, cfg.Environments, fresh)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEverythingFits(t *testing.T) {
	if found := check(t, given(t), everythingNamed); len(found.Refused)+len(found.Warned) > 0 {
		t.Error(found)
	}
}

func TestNothingNamedNothingAsked(t *testing.T) {
	d := awsdouble.New(t)
	found := check(t, d, "name: shop\nenvironments: [{name: prod}]\n")
	if len(found.Refused)+len(found.Warned) > 0 {
		t.Error(found)
	}
	for _, c := range d.Calls() { // of the quotas
		if c.Service != "servicequotas" && c.Operation != "DescribeVpcs" && c.Operation != "GetMetricStatistics" {
			t.Error(c)
		}
	}
}

// What would fail half-way is refused before anything is made, and says of what key, why, and what to do.
func TestWhatDoesNotFit(t *testing.T) {
	subnet := func(zone, vpc, cidr string) map[string]any {
		return map[string]any{"VpcId": vpc, "AvailabilityZone": zone, "CidrBlock": cidr}
	}
	const notHere = "is not in account 123456789012, Region us-east-1"
	for name, c := range map[string]struct {
		kind, id string
		is       map[string]any // nil: it is not there
		said     []string
	}{
		"no VPC":           {"AWS::EC2::VPC", vpcID, nil, []string{"environment prod, network.vpc", "the VPC " + vpcID, notHere}},
		"no names in it":   {"AWS::EC2::VPC", vpcID, map[string]any{"EnableDnsSupport": "false"}, []string{"network.vpc", "no name resolution", "--enable-dns-support"}},
		"no subnet":        {subnetType, publicA, nil, []string{"network.publicSubnets", publicA, notHere}},
		"foreign subnet":   {subnetType, privateA, subnet("us-east-1a", "vpc-0bbbbbbbbbbbbbbbb", "10.0.2.0/24"), []string{"network.privateSubnets", privateA, "is in vpc-0bbbbbbbbbbbbbbbb and not in " + vpcID}},
		"same zone":        {subnetType, publicA, subnet("us-east-1b", vpcID, "10.0.0.0/24"), []string{"network.publicSubnets", "same zone (us-east-1b)", "one a zone"}},
		"no room":          {subnetType, publicA, map[string]any{"VpcId": vpcID, "AvailabilityZone": "us-east-1a", "AvailableIpAddressCount": "7"}, []string{"7 free addresses", "needs 8"}},
		"not in the range": {subnetType, privateA, subnet("us-east-1a", vpcID, "10.8.2.0/24"), []string{"network.privateSubnets", "10.8.2.0/24", "network.cidr (10.0.0.0/16)"}},
		"public without gateway": {"AWS::EC2::SubnetRouteTableAssociation", "rtbassoc-" + publicA, nil, []string{"network.publicSubnets", publicA,
			"no default route to an internet gateway"}},
		"no certificate":      {"AWS::CertificateManager::Certificate", certificateARN, nil, []string{"entry.certificate", certificateARN, notHere}},
		"pending certificate": {"AWS::CertificateManager::Certificate", certificateARN, map[string]any{"DomainName": "www.example.com", "Status": "PENDING_VALIDATION"}, []string{"entry.certificate", "PENDING_VALIDATION"}},
		"another's name":      {"AWS::CertificateManager::Certificate", certificateARN, map[string]any{"DomainName": "*.shop.example.com"}, []string{"is for *.shop.example.com and not for www.example.com"}},
		"names of another's":  {"AWS::CertificateManager::Certificate", certificateARN, map[string]any{"DomainName": "shop.example.com", "SubjectAlternativeNames": []any{"api.example.com"}}, []string{"is for api.example.com, shop.example.com and not for www.example.com"}},
		"no zone":             {"AWS::Route53::HostedZone", "Z0123456789ABCDEFGHIJ", nil, []string{"entry.hostedZone", notHere}},
		"another's zone":      {"AWS::Route53::HostedZone", "Z0123456789ABCDEFGHIJ", map[string]any{"Name": "ample.com."}, []string{"is that of ample.com and cannot hold www.example.com"}},
		"private zone":        {"AWS::Route53::HostedZone", "Z0123456789ABCDEFGHIJ", map[string]any{"Name": "example.com.", "PrivateZone": true}, []string{"is private", "reached from the internet"}},
		"no topic":            {"AWS::SNS::Topic", topicARN, nil, []string{"watch.topic", topicARN, notHere}},
		"mute topic":          {"AWS::SNS::Topic", topicARN, map[string]any{"KmsMasterKeyId": "alias/aws/sns"}, []string{"watch.topic", "alias/aws/sns", "neither alarms nor event rules"}},
		"no key":              {"AWS::KMS::Key", keyID, nil, []string{"security.key", notHere}},
		"disabled key":        {"AWS::KMS::Key", keyID, map[string]any{"KeyState": "Disabled"}, []string{"security.key", "is in state Disabled"}},
		"asymmetric key":      {"AWS::KMS::Key", keyID, map[string]any{"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}, []string{"security.key", "RSA_2048 for SIGN_VERIFY"}},
		"no boundary":         {"AWS::IAM::ManagedPolicy", "arn:aws:iam::123456789012:policy/limit", nil, []string{"security.boundary", notHere}},
		"no parameter":        {"AWS::SSM::Parameter", "/shop/prod/db", nil, []string{"environment prod, secrets", "/shop/prod/db", "aws ssm put-parameter"}},
		"no secret":           {"AWS::SecretsManager::Secret", "shop-prod", nil, []string{"secrets", "shop-prod", notHere}},
		"leaving secret":      {"AWS::SecretsManager::Secret", "shop-prod", map[string]any{"DeletedDate": 1.7e9}, []string{"shop-prod", "about to be deleted", "restore-secret"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := given(t)
			d.Delete(c.id)
			if c.is != nil {
				d.Put(c.kind, c.id, c.is)
			}
			wantOne(t, check(t, d, everythingNamed).Refused, c.said...)
		})
	}
}

// wantOne wants one finding that says all of this.
func wantOne(t *testing.T, found []preflight.Finding, parts ...string) {
	t.Helper()
	if len(found) != 1 {
		t.Fatalf("%d findings, want 1: %v", len(found), found)
	}
	for _, part := range parts {
		if !strings.Contains(found[0].String(), part) {
			t.Errorf("it does not say %q: %s", part, found[0])
		}
	}
}

func TestAllIsSaidAtOnce(t *testing.T) {
	var keys []string
	for _, f := range check(t, awsdouble.New(t), everythingNamed).Refused {
		keys = append(keys, f.Key)
	}
	prod := func(key string) string { return "environment prod, " + key }
	want := []string{"security.boundary", "security.key", prod("network.vpc"), prod("network.publicSubnets"), prod("network.publicSubnets"),
		prod("network.privateSubnets"), prod("network.privateSubnets"), prod("entry.certificate"), prod("entry.hostedZone"), prod("watch.topic"), prod("secrets"), prod("secrets")}
	if !slices.Equal(keys, want) {
		t.Errorf("got  %v\nwant %v", keys, want)
	}
}

func TestAnotherRegionsThings(t *testing.T) {
	found := check(t, given(t), strings.ReplaceAll(everythingNamed, ":us-east-1:", ":eu-west-1:")).Refused
	if len(found) != 3 {
		t.Errorf("%d findings, want key, certificate and topic: %v", len(found), found)
	}
	for _, f := range found {
		if !strings.Contains(f.Why, "is in Region eu-west-1, and the stacks are made in us-east-1") {
			t.Error(f)
		}
	}
}

// Who may not look at anything is warned of each thing.
func TestMissingRightIsAWarning(t *testing.T) {
	d := given(t)
	d.Restrict()
	found := check(t, d, everythingNamed)
	if len(found.Refused) > 0 || len(found.Warned) != 10 {
		t.Errorf("%d refused, %d warned: %v", len(found.Refused), len(found.Warned), found)
	}
	for _, f := range found.Warned {
		if !strings.Contains(f.String(), "cannot be looked at: User: ") || !strings.Contains(f.String(), "--policy preflight") {
			t.Error(f)
		}
	}
}

// What may work all the same is not refused.
func TestWhatMayNotWork(t *testing.T) {
	for name, c := range map[string]struct {
		change func(d *awsdouble.Double)
		count  int
		said   string
	}{
		"no way out": {func(d *awsdouble.Double) { d.Delete("rtb-private|0.0.0.0/0") }, 2, "interface endpoints only"},
		"private subnet that is public": {func(d *awsdouble.Double) {
			d.Put("AWS::EC2::SubnetRouteTableAssociation", "rtbassoc-x", map[string]any{"SubnetId": privateA, "RouteTableId": "rtb-public"})
		}, 1, "is public"},
		"topic that tells nobody of events": {func(d *awsdouble.Double) {
			d.Delete(topicARN)
			d.Put("AWS::SNS::Topic", topicARN, map[string]any{"Policy": `{"Statement":[]}`})
		}, 1, "events.amazonaws.com"},
	} {
		t.Run(name, func(t *testing.T) {
			d := given(t)
			c.change(d)
			found := check(t, d, everythingNamed)
			if len(found.Refused) > 0 || len(found.Warned) != c.count {
				t.Fatal(found)
			}
			if !strings.Contains(found.Warned[0].String(), c.said) {
				t.Error(found)
			}
		})
	}
}

// A private zone is enough for who is inside the VPC that may ask it.
func TestPrivateZone(t *testing.T) {
	d := given(t)
	d.Delete("Z0123456789ABCDEFGHIJ")
	d.Put("AWS::Route53::HostedZone", "Z0123456789ABCDEFGHIJ", map[string]any{
		"Name": "example.com.", "PrivateZone": true, "VPCs": []any{map[string]any{"VPCId": vpcID, "VPCRegion": "us-east-1"}},
	})
	internal := strings.Replace(everythingNamed, "    entry:\n", "    entry:\n      internal: true\n", 1)
	if found := check(t, d, internal); len(found.Refused) > 0 {
		t.Error(found)
	}
	wantOne(t, check(t, d, strings.Replace(internal, "      certificate:", "      # ", 1)).Refused, "is private", "proven in public")
	d.Delete("Z0123456789ABCDEFGHIJ")
	d.Put("AWS::Route53::HostedZone", "Z0123456789ABCDEFGHIJ", map[string]any{"Name": "example.com.", "PrivateZone": true})
	wantOne(t, check(t, d, internal).Refused, "is private", "associate")
}

// A Region where not every zone has Fargate.
func TestSubnetWithoutFargate(t *testing.T) {
	found := check(t, given(t), everythingNamed, "use1-az1", "use1-az4").Refused
	wantOne(t, found, "network.privateSubnets", privateA, "use1-az2, which has no Fargate", "use1-az1 or use1-az4")
}

// What AWS could not answer is an error, and names what was being looked at.
func TestFailure(t *testing.T) {
	d := given(t)
	d.Fail("GetHostedZone", "InvalidInput", "no", 100)
	cfg, err := config.Parse(config.File, []byte(everythingNamed))
	if err != nil {
		t.Fatal(err)
	}
	_, err = preflight.Check(t.Context(), d.Config(), preflight.Place{Account: d.AccountID, Region: d.Region}, cfg, cfg.Environments, nil)
	if err == nil || !strings.Contains(err.Error(), "entry.hostedZone") {
		t.Error(err)
	}
}
