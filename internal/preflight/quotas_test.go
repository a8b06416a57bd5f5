package preflight_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/awsdouble"
	"slipway/internal/preflight"
)

const twoEnvironments = `name: shop
service: {cpu: 1024, memory: 2048}
environments:
  - name: test
    tasks: {min: 1}
  - name: prod
    tasks: {min: 2, max: 4, spot: 50}
    network: {nat: per-zone, zones: 3}
`

// What new environments need is counted beside what there is: what does not fit at once is refused, what stops only scaling
// is a warning.
func TestQuotas(t *testing.T) {
	for name, test := range map[string]struct {
		arrange         func(*awsdouble.Double)
		refused, warned []string
	}{
		"all fit": {arrange: func(*awsdouble.Double) {}},
		"just": {arrange: func(d *awsdouble.Double) {
			d.SetQuota("vpc/L-F678F1CE", 2)
			d.SetQuota("ec2/L-0263D0A3", 3)
			d.SetQuota("fargate/L-3032A538", 3.5)
			d.SetQuota("fargate/L-36FBB829", 1.5)
		}},
		"VPCs on several pages": {arrange: func(d *awsdouble.Double) {
			for _, id := range []string{"vpc-1", "vpc-2", "vpc-3", "vpc-4"} {
				d.Put("AWS::EC2::VPC", id, nil)
			}
		}, refused: []string{"quota VPCs per Region: 4 of 5 are used and this launch needs 2 more; ask for more in Service Quotas (aws service-quotas request-service-quota-increase --service-code vpc --quota-code L-F678F1CE --desired-value 6)"}},
		"addresses": {arrange: func(d *awsdouble.Double) {
			d.SetQuota("ec2/L-0263D0A3", 2)
		}, refused: []string{"quota EC2-VPC Elastic IPs: 0 of 2 are used and this launch needs 3 more"}},
		"vCPUs": {arrange: func(d *awsdouble.Double) {
			d.UseFargate("Standard/OnDemand", 4)
			d.UseFargate("Standard/Spot", 5)
		}, refused: []string{"quota Fargate On-Demand vCPU resource count: 4 of 6 are used and this launch needs 2.5 more"},
			warned: []string{"quota Fargate Spot vCPU resource count: 5 of 6 are used and with as many tasks as scaling may make this needs 1.5 more"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := awsdouble.New(t, awsdouble.WithPageSize(3))
			test.arrange(d)
			found := check(t, d, twoEnvironments)
			begins(t, found.Refused, test.refused)
			begins(t, found.Warned, test.warned)
		})
	}
}

func begins(t *testing.T, found []preflight.Finding, want []string) {
	t.Helper()
	if len(found) != len(want) {
		t.Fatalf("found %v, want %q", found, want)
	}
	for i, f := range found {
		if !strings.HasPrefix(f.String(), want[i]) {
			t.Errorf("found %q, want %q", f, want[i])
		}
	}
}

// A missing right, and a Region that knows of no such quota, stop nobody.
func TestQuotasThatCannotBeCounted(t *testing.T) {
	for _, operation := range []string{"GetServiceQuota", "GetAWSDefaultServiceQuota", "DescribeVpcs", "GetMetricStatistics"} {
		d := awsdouble.New(t)
		d.Fail(operation, "AccessDeniedException", "not authorized to perform: "+operation, 10)
		found := check(t, d, twoEnvironments)
		if len(found.Refused) > 0 || len(found.Warned) != 1 || !strings.Contains(found.Warned[0].String(), "--policy preflight") {
			t.Errorf("without %s: %+v", operation, found)
		}
	}
	for _, code := range []string{"NoSuchResourceException", "UnknownOperationException"} {
		d := awsdouble.New(t)
		d.Fail("GetServiceQuota", code, "no", 10)
		d.Fail("GetAWSDefaultServiceQuota", code, "no", 10)
		if diff := cmp.Diff(preflight.Findings{}, check(t, d, twoEnvironments)); diff != "" {
			t.Errorf("%s: %s", code, diff)
		}
	}
}

// What an existing VPC takes no part in is not counted, nor is anything for environments that are up.
func TestQuotasOfWhatIsThere(t *testing.T) {
	d := given(t)
	d.SetQuota("vpc/L-F678F1CE", 1)
	d.SetQuota("ec2/L-0263D0A3", 0)
	if found := check(t, d, everythingNamed); len(found.Refused) > 0 || len(found.Quotas) != 1 {
		t.Errorf("%+v", found)
	}
}
