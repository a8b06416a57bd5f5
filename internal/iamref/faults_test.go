package iamref

import (
	"strings"
	"testing"

	"slipway/internal/iampolicy"
)

func TestFaults(t *testing.T) {
	r := loaded(t)
	everything := map[string]string{"cloudwatch:DescribeAlarms": "a reason"}
	for statement, want := range map[string]string{
		`"Action":"ec2:DescribeVpcs","Resource":"*"`:                                                                    "",
		`"Action":"cloudwatch:DescribeAlarms","Resource":"*"`:                                                           "",
		`"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`:                                                         "",
		`"Action":"s3:GetObjekt","Resource":"arn:aws:s3:::b/*"`:                                                         "no action s3:GetObjekt",
		`"Action":"s3:Get*","Resource":"arn:aws:s3:::b/*"`:                                                              "name the actions",
		`"Action":"s3:GetObject","Resource":"*"`:                                                                        "s3:GetObject on everything",
		`"Action":"s3:GetObject","Resource":"arn:aws:s3:::b"`:                                                           "s3:GetObject is void",
		`"Action":"ec2:DescribeVpcs","Resource":"arn:aws:ec2:eu-west-1:1:vpc/x"`:                                        "ec2:DescribeVpcs is void",
		`"Action":"s3:ListBucket","Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]`:                                     "takes arn:aws:s3:::b/*",
		`"Action":"s3:ListBucket","Resource":"arn:aws:s3:::b","Condition":{"StringEquals":{"iam:PassedToService":"x"}}`: "no condition key iam:PassedToService",
		`"Action":"iam:PassRole","Resource":"arn:aws:iam::1:role/x"`:                                                    "without iam:PassedToService",
		`"NotAction":"iam:PassRole","Resource":"arn:aws:iam::1:role/x"`:                                                 "leaving it out",
		`"Action":"s3:GetObject","NotResource":"arn:aws:s3:::b/*"`:                                                      "leaving it out",
		`"Principal":"*","Action":"s3:PutObject","Resource":"*"`:                                                        "",
		`"Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::b"`:                                           "s3:PutObject is void",
		`"Principal":"*","Action":"s3:PutObjekt","Resource":"*"`:                                                        "no action s3:PutObjekt",
	} {
		d, err := iampolicy.Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow",` + statement + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(r.Faults(d.Statement[0], everything), "; ")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: found %q, want %q", statement, got, want)
		}
	}
}
