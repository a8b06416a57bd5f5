package awsdouble

import (
	"slices"
	"strings"
)

func (d *Double) taggingHandlers() map[string]handler {
	return map[string]handler{"GetResources": d.getResources}
}

// getResources lists what carries tags, also what is gone, as the service does for hours (github.com/aws/aws-sdk/issues/676).
func (d *Double) getResources(in object) (object, error) {
	type tagged struct {
		arn  string
		tags map[string]string
	}
	var found []tagged
	add := func(arn string, tags map[string]string) {
		for _, filter := range objects(in, "TagFilters") {
			value, has := tags[text(filter, "Key")]
			if !has || !slices.Contains(texts(filter, "Values"), value) {
				return
			}
		}
		found = append(found, tagged{arn, tags})
	}
	for _, s := range d.stacks {
		add(s.id, s.tags)
	}
	for _, t := range d.things {
		if arn := d.taggedARN(t); arn != "" {
			add(arn, d.tags(t))
		}
	}
	found, next := page(d, found, text(in, "PaginationToken"), number(in, "ResourcesPerPage"))
	members := list{}
	for _, t := range found {
		members = append(members, object{"ResourceARN": t.arn, "Tags": tagPairs(t.tags)})
	}
	return object{"ResourceTagMappingList": members, "PaginationToken": next}, nil
}

// ec2ARNs are how the ARNs of what EC2 has go on, by how its ids begin.
var ec2ARNs = map[string]string{
	"fl": "vpc-flow-log/", "igw": "internet-gateway/", "nat": "natgateway/", "rtb": "route-table/", "sg": "security-group/", "subnet": "subnet/", "vpc": "vpc/",
	"vpce": "vpc-endpoint/",
}

// taggedARN is the ARN of what the tagging API knows, which is nothing of IAM's.
func (d *Double) taggedARN(t *thing) string {
	begins, _, _ := strings.Cut(t.ID, "-")
	switch {
	case strings.HasPrefix(t.Type, "AWS::IAM::"), strings.Contains(t.ID, "|"):
		return ""
	case strings.HasPrefix(t.Type, "AWS::EC2::") && ec2ARNs[begins] != "":
		return d.arn("ec2", ec2ARNs[begins]+t.ID)
	case t.Type == "AWS::CodePipeline::Pipeline":
		return d.arn("codepipeline", t.ID)
	case t.Type == "AWS::S3::Bucket":
		return "arn:aws:s3:::" + t.ID
	case strings.HasPrefix(t.ID, "arn:"):
		return t.ID
	}
	return t.Attributes["Arn"]
}
