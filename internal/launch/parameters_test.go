package launch

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/contract"
	"slipway/internal/deployer"
)

// given is what other people made in the account.
func (b *bench) given() *bench {
	b.double.Put("AWS::EC2::VPC", "vpc-0aaaaaaaaaaaaaaaa", map[string]any{"CidrBlock": "10.0.0.0/16"})
	for table, way := range map[string]string{"rtb-public": "GatewayId igw-0aaaaaaaaaaaaaaaa", "rtb-private": "NatGatewayId nat-0aaaaaaaaaaaaaaaa"} {
		kind, id, _ := strings.Cut(way, " ")
		b.double.Put("AWS::EC2::RouteTable", table, map[string]any{"VpcId": "vpc-0aaaaaaaaaaaaaaaa", "Main": table == "rtb-private"})
		b.double.Put("AWS::EC2::Route", table+"|0.0.0.0/0", map[string]any{"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", kind: id})
	}
	for i, id := range []string{"subnet-0aaaaaaaaaaaaaaa1", "subnet-0aaaaaaaaaaaaaaa2", "subnet-0bbbbbbbbbbbbbbb1", "subnet-0bbbbbbbbbbbbbbb2"} {
		b.double.Put("AWS::EC2::Subnet", id, map[string]any{
			"VpcId": "vpc-0aaaaaaaaaaaaaaaa", "AvailabilityZone": "us-east-1" + string("abab"[i]), "CidrBlock": fmt.Sprintf("10.0.%d.0/24", i),
		})
		if i < 2 {
			b.double.Put("AWS::EC2::SubnetRouteTableAssociation", "rtbassoc-"+id, map[string]any{"SubnetId": id, "RouteTableId": "rtb-public"})
		}
	}
	b.double.Put("AWS::Route53::HostedZone", "Z0123456789ABCDEFGHIJ", map[string]any{"Name": "example.com."})
	b.double.Put("AWS::CertificateManager::Certificate", certificateARN, map[string]any{"DomainName": "*.example.com"})
	b.double.Put("AWS::SNS::Topic", "arn:aws:sns:us-east-1:123456789012:oncall", nil)
	b.double.Put("AWS::KMS::Key", "01234567-89ab-cdef-0123-456789abcdef", nil)
	b.double.Put("AWS::IAM::ManagedPolicy", "arn:aws:iam::123456789012:policy/limit", nil)
	for _, name := range []string{"test", "prod"} {
		b.double.Put("AWS::SSM::Parameter", "/shop/"+name+"/db", nil)
		b.double.Put("AWS::SecretsManager::Secret", "shop-"+name, nil)
	}
	return b
}

const (
	certificateARN = "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
	inExistingVPC  = `name: shop
environments:
  - name: prod
    network:
      vpc: vpc-0aaaaaaaaaaaaaaaa
      cidr: 10.0.0.0/16
      publicSubnets: [subnet-0aaaaaaaaaaaaaaa1, subnet-0aaaaaaaaaaaaaaa2]
      privateSubnets: [subnet-0bbbbbbbbbbbbbbb1, subnet-0bbbbbbbbbbbbbbb2]
`
)

// What slipway.yaml names reaches the root as a parameter; a VPC that exists needs neither zones nor a network's template.
func TestExistingVPCIsPassedOn(t *testing.T) {
	t.Parallel()
	b := newBench(t).given().asking(t, inExistingVPC)
	b.mustDeploy(t, DeployOptions{})
	got := b.root(t, "shop-prod").parameters
	want := map[string]string{
		"VPCID": "vpc-0aaaaaaaaaaaaaaaa", "PublicSubnetA": "subnet-0aaaaaaaaaaaaaaa1", "PublicSubnetB": "subnet-0aaaaaaaaaaaaaaa2",
		"PrivateSubnetA": "subnet-0bbbbbbbbbbbbbbb1", "PrivateSubnetB": "subnet-0bbbbbbbbbbbbbbb2",
	}
	for key := range got {
		if strings.HasPrefix(key, "Zone") || key == contract.KeyNetworkTemplateURL {
			t.Errorf("%s=%s was given", key, got[key])
		}
		if _, asked := want[key]; !asked {
			delete(got, key)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	b.asking(t, inExistingVPC).mustDeploy(t, DeployOptions{})
	if n := len(b.double.CallsTo("CreateChangeSet")); n != 2 {
		t.Errorf("%d change sets, want 2: the second run has nothing to change", n)
	}
	b.mustDestroy(t)
}

// The pipeline's stage passes the same parameters.
func TestPipelinePassesTheSame(t *testing.T) {
	t.Parallel()
	b := newBench(t).given().asking(t, inExistingVPC)
	b.mustDeploy(t, DeployOptions{})
	b.asking(t, inExistingVPC)
	b.double.Restrict(b.double.RolePolicies(t, b.double.PhysicalID("shop-prod", "Pipeline.DeployRole"))...)
	if err := b.Deploy(t.Context(), DeployOptions{ByPipeline: true, Environments: []string{"prod"}, Image: b.pushed("b")}); err != nil {
		t.Fatalf("%v\n%s", err, b.progress)
	}
	b.may(deployer.Names...)
	if got := b.root(t, "shop-prod").parameters["VPCID"]; got != "vpc-0aaaaaaaaaaaaaaaa" {
		t.Errorf("VPCID=%s", got)
	}
}

// Templates and launcher that do not fit each other are refused before anything is asked or made.
func TestParametersThatDoNotFit(t *testing.T) {
	t.Parallel()
	const root = "prod/" + contract.StackRoot + ".yaml"
	for name, c := range map[string]struct {
		slipway    string
		file       string
		from, into string
		said       []string
	}{
		"nobody knows a value": {"name: shop\nenvironments: [{name: prod}]\n", root, "Parameters:\n", "Parameters:\n  Colour:\n    Type: String\n",
			[]string{"templates/prod/root.yaml", "Colour", "go run ./gen"}},
		"a value that the template does not take": {inExistingVPC, root, "  VPCID:\n    Description: ", "  VPC:\n    Description: ", []string{"templates/prod/root.yaml", "VPCID", "go run ./gen"}},
		"the foundation": {"name: shop\nenvironments: [{name: prod}]\n", contract.FoundationTemplate, "Resources:\n", "Parameters:\n  Colour:\n    Type: String\nResources:\n",
			[]string{"templates/foundation.yaml", "Colour"}},
		"no YAML": {"name: shop\nenvironments: [{name: prod}]\n", root, "Parameters:\n", "Parameters: [\n", []string{"templates/prod/root.yaml", "go run ./gen"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).asking(t, c.slipway)
			files := rendered(t, b.Config)
			text := strings.Replace(string(files[c.file].Data), c.from, c.into, 1)
			if text == string(files[c.file].Data) {
				t.Fatalf("the template has no %q", c.from)
			}
			files[c.file] = &fstest.MapFile{Data: []byte(text)}
			b.Templates = files
			want(t, b.Deploy(t.Context(), DeployOptions{}), c.said...)
			if calls := b.double.Calls(); len(calls) > 0 {
				t.Errorf("AWS was asked all the same: %v", calls)
			}
		})
	}
}
