package ec2query

import (
	"context"
	"net/url"
)

// NetworkInterface is one, with what tells whose it is.
type NetworkInterface struct {
	ID          string `xml:"networkInterfaceId"`
	Description string `xml:"description"` // by whoever made it, such as "ELB app/shop/50dc6c495c0c9188"
	Type        string `xml:"interfaceType"`
	Managed     bool   `xml:"requesterManaged"` // a service of AWS's made it, and takes it away
	Instance    string `xml:"attachment>instanceId"`
}

// InterfacesIn lists the network interfaces of a subnet ("subnet-id"), security group ("group-id") or VPC ("vpc-id"): filters
// of docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html.
func (c *Client) InterfacesIn(ctx context.Context, filter, id string) ([]NetworkInterface, error) {
	var list []NetworkInterface
	params := url.Values{"Filter.1.Name": {filter}, "Filter.1.Value.1": {id}}
	for {
		var answer struct {
			Interfaces []NetworkInterface `xml:"networkInterfaceSet>item"`
			NextToken  string             `xml:"nextToken"`
		}
		if err := c.Call(ctx, "DescribeNetworkInterfaces", params, &answer); err != nil {
			return nil, err
		}
		if list = append(list, answer.Interfaces...); answer.NextToken == "" {
			return list, nil
		}
		params.Set("NextToken", answer.NextToken)
	}
}

// Within lists the subnets or security groups of a VPC, but its default group, which goes with it.
func (c *Client) Within(ctx context.Context, kind Kind, vpc string) ([]string, error) {
	query, ids := queryFor(kind), []string{}
	err := c.pages(ctx, query, url.Values{"Filter.1.Name": {"vpc-id"}, "Filter.1.Value.1": {vpc}}, func(found item) {
		if found.GroupName != "default" {
			ids = append(ids, query.ids(found)...)
		}
	})
	return ids, err
}
