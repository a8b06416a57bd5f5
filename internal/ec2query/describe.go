package ec2query

import (
	"context"
	"net/url"
	"slices"
	"strconv"
)

// Zone is an availability zone, or a local or wavelength zone, as EC2 lists it.
type Zone struct {
	Name        string // us-east-1a; which datacenter that is differs between accounts
	ID          string // use1-az1; the same in every account
	State       string // available, information, impaired, unavailable, constrained
	Type        string // availability-zone, local-zone, wavelength-zone
	OptInStatus string // opt-in-not-required, opted-in, not-opted-in
}

// AvailabilityZones lists the Region's zones that the account may use, as EC2 orders them.
func (c *Client) AvailabilityZones(ctx context.Context) ([]Zone, error) {
	var answer struct {
		Zones []struct {
			Name        string `xml:"zoneName"`
			ID          string `xml:"zoneId"`
			State       string `xml:"zoneState"`
			Type        string `xml:"zoneType"`
			OptInStatus string `xml:"optInStatus"`
		} `xml:"availabilityZoneInfo>item"`
	}
	if err := c.Call(ctx, "DescribeAvailabilityZones", nil, &answer); err != nil {
		return nil, err
	}
	zones := make([]Zone, len(answer.Zones))
	for i, zone := range answer.Zones {
		zones[i] = Zone(zone)
	}
	return zones, nil
}

// Kind is a kind of thing that Existing can look for.
type Kind int

// The kinds, and what identifies one of each.
const (
	VPC                   Kind = iota // vpc-...
	Subnet                            // subnet-...
	InternetGateway                   // igw-...
	GatewayAttachment                 // the vpc-... to which an internet gateway is attached
	RouteTable                        // rtb-...
	Route                             // rtb-...|destination
	RouteTableAssociation             // rtbassoc-...
	SecurityGroup                     // sg-...
	SecurityGroupRule                 // sgr-...
	NATGateway                        // nat-...
	Allocation                        // eipalloc-..., of an Elastic IP address
	PublicIP                          // the Elastic IP address itself
	VPCEndpoint                       // vpce-...
	FlowLog                           // fl-...
)

// batch is the number of ids in one call; EC2 takes up to 200 values in a filter
// (docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html, "Filters").
const batch = 100

// Existing returns those of the ids that EC2 still lists, each with its state; the state is empty for kinds without one.
// NAT gateways and VPC endpoints are listed for a while after they have gone, in state "deleted".
// It asks by filter and not by id: one id unknown to EC2 would fail the whole call.
func (c *Client) Existing(ctx context.Context, kind Kind, ids []string) (map[string]string, error) {
	query := queryFor(kind)
	states := map[string]string{}
	for chunk := range slices.Chunk(ids, batch) {
		params := url.Values{"Filter.1.Name": {query.filter}}
		for i, id := range chunk {
			params.Set("Filter.1.Value."+strconv.Itoa(i+1), query.filterValue(id))
		}
		if err := c.pages(ctx, query, params, func(found item) {
			for _, id := range query.ids(found) {
				if slices.Contains(chunk, id) {
					states[id] = found.State
				}
			}
		}); err != nil {
			return nil, err
		}
	}
	return states, nil
}

// pages calls an action until it names no further page.
func (c *Client) pages(ctx context.Context, query query, params url.Values, visit func(item)) error {
	for {
		var answer answer
		if err := c.Call(ctx, query.action, params, &answer); err != nil {
			return err
		}
		for _, found := range query.items(answer) {
			visit(found)
		}
		if answer.NextToken == "" {
			return nil
		}
		params.Set("NextToken", answer.NextToken)
	}
}
