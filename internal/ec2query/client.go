// Package ec2query asks the EC2 query API, and gives what it does that with for other services. EC2's own SDK package takes
// longer to compile than the rest of this project, and no more than a handful of its read-only actions is needed here;
// of some other services it is a call or two.
package ec2query

import "github.com/aws/aws-sdk-go-v2/aws"

const apiVersion = "2016-11-15"

// Client asks EC2 in one Region with one set of credentials; it may be used by several goroutines.
type Client struct{ *Form }

// New makes a client of EC2 as NewForm does.
func New(cfg aws.Config) *Client { return &Client{NewForm(cfg, "EC2", "ec2", apiVersion)} }
