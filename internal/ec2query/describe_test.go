package ec2query_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/ec2query"
)

func answer(action, list string) string {
	return fmt.Sprintf("<%[1]sResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>%[2]s</%[1]sResponse>", action, list)
}

// The answers are shortened from the examples of the actions in docs.aws.amazon.com/AWSEC2/latest/APIReference. Each
// holds something that was not asked for, which must not be taken for an answer.
func TestExisting(t *testing.T) {
	for _, test := range []struct {
		kind           ec2query.Kind
		action, filter string
		values, ids    string
		list           string
		want           map[string]string
	}{
		{ec2query.VPC, "DescribeVpcs", "vpc-id", "vpc-1 vpc-2", "vpc-1 vpc-2",
			`<vpcSet><item><vpcId>vpc-1</vpcId><state>available</state></item><item><vpcId>vpc-9</vpcId></item></vpcSet>`,
			map[string]string{"vpc-1": "available"}},
		{ec2query.Subnet, "DescribeSubnets", "subnet-id", "subnet-1", "subnet-1",
			`<subnetSet><item><subnetId>subnet-1</subnetId><state>available</state><vpcId>vpc-1</vpcId></item></subnetSet>`,
			map[string]string{"subnet-1": "available"}},
		{ec2query.InternetGateway, "DescribeInternetGateways", "internet-gateway-id", "igw-1", "igw-1",
			`<internetGatewaySet><item><internetGatewayId>igw-1</internetGatewayId><attachmentSet/></item></internetGatewaySet>`,
			map[string]string{"igw-1": ""}},
		{ec2query.GatewayAttachment, "DescribeInternetGateways", "attachment.vpc-id", "vpc-1 vpc-2", "vpc-1 vpc-2",
			`<internetGatewaySet><item><internetGatewayId>igw-1</internetGatewayId><attachmentSet><item><vpcId>vpc-2</vpcId><state>available</state></item></attachmentSet></item></internetGatewaySet>`,
			map[string]string{"vpc-2": ""}},
		{ec2query.RouteTable, "DescribeRouteTables", "route-table-id", "rtb-1", "rtb-1",
			`<routeTableSet><item><routeTableId>rtb-1</routeTableId></item></routeTableSet>`,
			map[string]string{"rtb-1": ""}},
		{ec2query.Route, "DescribeRouteTables", "route-table-id", "rtb-1 rtb-1 rtb-1", "rtb-1|0.0.0.0/0 rtb-1|::/0 rtb-1|10.1.0.0/16",
			`<routeTableSet><item><routeTableId>rtb-1</routeTableId><routeSet>
			<item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId></item>
			<item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><gatewayId>igw-1</gatewayId></item>
			<item><destinationIpv6CidrBlock>::/0</destinationIpv6CidrBlock><gatewayId>igw-1</gatewayId></item></routeSet></item></routeTableSet>`,
			map[string]string{"rtb-1|0.0.0.0/0": "", "rtb-1|::/0": ""}},
		{ec2query.RouteTableAssociation, "DescribeRouteTables", "association.route-table-association-id", "rtbassoc-1 rtbassoc-2", "rtbassoc-1 rtbassoc-2",
			`<routeTableSet><item><routeTableId>rtb-1</routeTableId><associationSet><item><routeTableAssociationId>rtbassoc-1</routeTableAssociationId></item></associationSet></item></routeTableSet>`,
			map[string]string{"rtbassoc-1": ""}},
		{ec2query.SecurityGroup, "DescribeSecurityGroups", "group-id", "sg-1 sg-2", "sg-1 sg-2",
			`<securityGroupInfo><item><groupId>sg-2</groupId><ipPermissions><item><groups><item><groupId>sg-1</groupId></item></groups></item></ipPermissions></item></securityGroupInfo>`,
			map[string]string{"sg-2": ""}},
		{ec2query.SecurityGroupRule, "DescribeSecurityGroupRules", "security-group-rule-id", "sgr-1", "sgr-1",
			`<securityGroupRuleSet><item><securityGroupRuleId>sgr-1</securityGroupRuleId><groupId>sg-1</groupId></item></securityGroupRuleSet>`,
			map[string]string{"sgr-1": ""}},
		{ec2query.NATGateway, "DescribeNatGateways", "nat-gateway-id", "nat-1 nat-2", "nat-1 nat-2",
			`<natGatewaySet><item><natGatewayId>nat-1</natGatewayId><state>deleted</state><subnetId>subnet-1</subnetId></item><item><natGatewayId>nat-2</natGatewayId><state>deleting</state></item></natGatewaySet>`,
			map[string]string{"nat-1": "deleted", "nat-2": "deleting"}},
		{ec2query.Allocation, "DescribeAddresses", "allocation-id", "eipalloc-1", "eipalloc-1",
			`<addressesSet><item><publicIp>198.51.100.1</publicIp><allocationId>eipalloc-1</allocationId></item></addressesSet>`,
			map[string]string{"eipalloc-1": ""}},
		{ec2query.PublicIP, "DescribeAddresses", "public-ip", "198.51.100.1", "198.51.100.1",
			`<addressesSet><item><publicIp>198.51.100.1</publicIp><allocationId>eipalloc-1</allocationId></item></addressesSet>`,
			map[string]string{"198.51.100.1": ""}},
		{ec2query.VPCEndpoint, "DescribeVpcEndpoints", "vpc-endpoint-id", "vpce-1", "vpce-1",
			`<vpcEndpointSet><item><vpcEndpointId>vpce-1</vpcEndpointId><vpcId>vpc-1</vpcId><state>deleting</state></item></vpcEndpointSet>`,
			map[string]string{"vpce-1": "deleting"}},
	} {
		t.Run(test.action+" "+test.filter, func(t *testing.T) {
			cfg := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if got := []string{r.FormValue("Action"), r.FormValue("Filter.1.Name"), filterValues(r)}; !cmp.Equal(got, []string{test.action, test.filter, test.values}) {
					t.Errorf("asked %q", got)
				}
				_, _ = io.WriteString(w, answer(test.action, test.list))
			})
			got, err := ec2query.New(cfg).Existing(t.Context(), test.kind, strings.Fields(test.ids))
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("Existing: %v\n%s", err, diff)
			}
		})
	}
}

func filterValues(r *http.Request) string {
	var values []string
	for i := 1; r.FormValue(fmt.Sprintf("Filter.1.Value.%d", i)) != ""; i++ {
		values = append(values, r.FormValue(fmt.Sprintf("Filter.1.Value.%d", i)))
	}
	return strings.Join(values, " ")
}

func TestExistingFollowsPages(t *testing.T) {
	cfg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		list := `<vpcSet><item><vpcId>vpc-1</vpcId></item></vpcSet><nextToken>more</nextToken>`
		if r.FormValue("NextToken") == "more" {
			list = `<vpcSet><item><vpcId>vpc-2</vpcId></item></vpcSet>`
		}
		_, _ = io.WriteString(w, answer("DescribeVpcs", list))
	})
	got, err := ec2query.New(cfg).Existing(t.Context(), ec2query.VPC, []string{"vpc-1", "vpc-2", "vpc-3"})
	if diff := cmp.Diff(map[string]string{"vpc-1": "", "vpc-2": ""}, got); err != nil || diff != "" {
		t.Errorf("Existing: %v\n%s", err, diff)
	}
}

func TestExistingAsksInBatches(t *testing.T) {
	var ids []string
	for i := range 250 {
		ids = append(ids, fmt.Sprintf("subnet-%d", i))
	}
	cfg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		values := strings.Fields(filterValues(r))
		if len(values) == 0 || len(values) > 200 {
			t.Errorf("%d filter values", len(values))
		}
		var list strings.Builder
		for _, id := range values {
			fmt.Fprintf(&list, "<item><subnetId>%s</subnetId></item>", id)
		}
		_, _ = io.WriteString(w, answer("DescribeSubnets", "<subnetSet>"+list.String()+"</subnetSet>"))
	})
	got, err := ec2query.New(cfg).Existing(t.Context(), ec2query.Subnet, ids)
	if err != nil || len(got) != 250 {
		t.Errorf("Existing = %d, %v", len(got), err)
	}
}
