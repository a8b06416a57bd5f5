package launch

import (
	"slices"
	"strings"
	"testing"

	"slipway/internal/deployer"
)

// named names things that others have made, in two environments.
const named = `name: shop
service:
  secrets: {DB: "ssm:/shop/{environment}/db", KEY: "secretsmanager:shop-{environment}#key"}
environments:
  - name: test
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
`

// What is named and does not fit is refused, all at once, before anything is made.
func TestWhatIsNamedDoesNotFit(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, named)
	asked := func(string) error { t.Error("it was asked whether to launch what cannot be"); return nil }
	want(t, b.Deploy(t.Context(), DeployOptions{Confirm: asked}), "nothing was changed", "environment test, secrets: the parameter /shop/test/db", "environment prod, network.vpc",
		"network.publicSubnets", "entry.certificate", "entry.hostedZone", "the secret shop-prod")
	for _, c := range b.operations() {
		if !strings.HasPrefix(c, "Describe") && !strings.HasPrefix(c, "Get") && !strings.HasPrefix(c, "List") {
			t.Errorf("%s was called", c)
		}
	}
}

// Who may not look is warned, and the launch goes on.
func TestMissingRightToLookIsAWarning(t *testing.T) {
	t.Parallel()
	b := newBench(t).given().asking(t, named).trusting()
	b.may(deployer.Deploy, deployer.Foundation)
	b.mustDeploy(t, DeployOptions{})
	if !strings.Contains(b.progress.String(), "warning: environment prod, entry.hostedZone: it cannot be looked at") {
		t.Error(b.progress)
	}
}

// Of environments that are not deployed to now nothing is asked.
func TestOtherEnvironmentsAreNotAskedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t).given().asking(t, named).trusting()
	b.double.Delete("shop-prod")
	b.mustDeploy(t, DeployOptions{Environments: []string{"test"}})
	if slices.Contains(b.operations(), "GetHostedZone") {
		t.Error("the other environment's zone was looked at")
	}
	want(t, b.asking(t, named).Deploy(t.Context(), DeployOptions{}), "the secret shop-prod")
}

// What fits is launched without a word, and a load balancer's subnets that have filled up since are no reason to refuse.
func TestWhatIsNamedFits(t *testing.T) {
	t.Parallel()
	b := newBench(t).given().asking(t, named).trusting()
	b.mustDeploy(t, DeployOptions{})
	if strings.Contains(b.progress.String(), "warning: environment") {
		t.Error(b.progress)
	}
	b.double.Delete("subnet-0aaaaaaaaaaaaaaa1")
	b.double.Put("AWS::EC2::Subnet", "subnet-0aaaaaaaaaaaaaaa1", map[string]any{
		"VpcId": "vpc-0aaaaaaaaaaaaaaaa", "AvailabilityZone": "us-east-1a", "CidrBlock": "10.0.0.0/24", "AvailableIpAddressCount": "3",
	})
	b.asking(t, named).trusting().mustDeploy(t, DeployOptions{Environments: []string{"prod"}})
}
