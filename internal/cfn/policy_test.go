package cfn_test

import (
	"strings"
	"testing"

	"slipway/internal/cfn"
)

// The size is that of the document without white space, with every intrinsic at its longest.
func TestPolicySize(t *testing.T) {
	document := cfn.Document(
		cfn.Statement{Sid: "A", Effect: cfn.Allow, Action: []string{"s3:GetObject", "s3:PutObject"}, Resource: []string{
			cfn.Sub("arn:${AWS::Partition}:s3:::${AWS::AccountId}-x"), cfn.Handle{}.Att("Arn"),
		}},
		cfn.Statement{Effect: cfn.Deny, Action: []string{"s3:GetObject"}, Resource: []string{cfn.Sub("${Bucket.Arn}/*")},
			Condition: cfn.Condition{"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:RequestedRegion": cfn.Region}}},
	)
	arn := strings.Repeat("x", 160)
	want := `{"Version":"2012-10-17","Statement":[` +
		`{"Sid":"A","Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws-us-gov:s3:::123456789012-x","` + arn + `"]},` +
		`{"Effect":"Deny","Action":"s3:GetObject","Resource":"` + arn + `/*",` +
		`"Condition":{"Bool":{"aws:SecureTransport":"false"},"StringEquals":{"aws:RequestedRegion":"ap-southeast-1"}}}]}`
	if got := cfn.PolicySize(document); got != len(want) {
		t.Errorf("%d characters, want %d", got, len(want))
	}
}

func TestRefuse(t *testing.T) {
	template := cfn.New("Test")
	template.Refuse("%d are too many", 3)
	if _, err := template.Render("header"); err == nil || !strings.Contains(err.Error(), "3 are too many") || !strings.Contains(err.Error(), "Resources") {
		t.Errorf("Render says %v, want what was refused beside its own faults", err)
	}
}
