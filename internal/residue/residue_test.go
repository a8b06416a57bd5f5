package residue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/residue"
)

func resource(typeName, logicalID, physicalID string) residue.Resource {
	return residue.Resource{StackName: "shop-prod", LogicalID: logicalID, Type: typeName, PhysicalID: physicalID}
}

// summary is one finding a line.
func summary(findings []residue.Finding) []string {
	var lines []string
	for _, f := range findings {
		lines = append(lines, strings.TrimSpace(f.LogicalID+": "+f.State))
	}
	return lines
}

// A key that will go by itself is no residue, but shown; Wait does not wait for it.
func TestKeyPendingDeletionIsShownApart(t *testing.T) {
	double, checker := start(t, func(string, string) reply {
		return ok(`{"KeyMetadata":{"KeyId":"1234abcd","KeyState":"PendingDeletion","DeletionDate":1796083200.5}}`)
	})
	left, pending, err := checker.Wait(t.Context(), []residue.Resource{resource("AWS::KMS::Key", "Key", "1234abcd")}, 50*time.Millisecond, 5*time.Millisecond)
	want := []residue.Finding{{Resource: resource("AWS::KMS::Key", "Key", "1234abcd"), State: "PendingDeletion", Note: "AWS deletes it on 2026-12-01"}}
	if diff := cmp.Diff(want, pending); err != nil || len(left) != 0 || len(double.called) != 1 || diff != "" {
		t.Errorf("left %v, error %v, called %v\n%s", left, err, double.called, diff)
	}
}

// Nobody can delete a subscription that was never confirmed; SNS does.
func TestSubscriptionNeverConfirmedIsShownApart(t *testing.T) {
	_, checker := start(t, func(string, string) reply {
		return queryAnswer("GetSubscriptionAttributes", "<Attributes><entry><key>PendingConfirmation</key><value>true</value></entry></Attributes>")
	})
	left, pending, err := checker.Left(t.Context(), []residue.Resource{resource("AWS::SNS::Subscription", "Email", arnSub)})
	if err != nil || len(left) != 0 || len(pending) != 1 || !strings.Contains(pending[0].Note, "48 hours") {
		t.Errorf("left %v, pending %v, error %v", left, pending, err)
	}
}

// An id that says too little is asked for by what it is part of.
func TestWordsInPlaceOfAnARN(t *testing.T) {
	_, checker := start(t, func(call, _ string) reply {
		if call == "sns:GetTopicAttributes" {
			return queryError(404, "NotFound", "Topic does not exist")
		}
		t.Errorf("called %s", call)
		return reply{500, ""}
	})
	left, _, err := checker.Left(t.Context(), []residue.Resource{
		resource("AWS::SNS::Topic", "Topic", arnTopic),
		resource("AWS::SNS::TopicPolicy", "Policy", "shop-prod-Policy-1"),
		resource("AWS::SNS::Subscription", "Email", "pending confirmation"),
		resource("AWS::Route53::RecordSet", "Record", "shop.example.com"),
	})
	if diff := cmp.Diff([]string{"Record: cannot be checked"}, summary(left)); err != nil || diff != "" {
		t.Errorf("error %v\n%s", err, diff)
	}
}

func TestUnknownTypeIsLeft(t *testing.T) {
	_, checker := start(t, func(call, _ string) reply { t.Errorf("called %s", call); return reply{500, ""} })
	left, _, err := checker.Left(t.Context(), []residue.Resource{
		resource("AWS::Lambda::Function", "Hook", "shop-hook"),
		resource("AWS::ECS::Service", "Service", "arn:aws:ecs:eu-central-1:123456789012:service/shop"),
		resource("AWS::IAM::Policy", "Pass", "shop-Pass"),
		resource("AWS::EC2::VPC", "NeverMade", ""),
	})
	if diff := cmp.Diff([]string{"Hook: cannot be checked", "Service: cannot be checked", "Pass: cannot be checked"}, summary(left)); err != nil || diff != "" {
		t.Errorf("error %v\n%s", err, diff)
	}
	for _, finding := range left {
		if !strings.Contains(finding.Note, "console") {
			t.Errorf("note %q says not what to do", finding.Note)
		}
	}
}

func TestPartsFollowTheirOwners(t *testing.T) {
	_, checker := start(t, func(call, body string) reply {
		switch {
		case call == "s3:HEAD /kept", strings.Contains(body, "shop-Kept"):
			return queryAnswer("GetRole", "<Role><RoleName>shop-Kept</RoleName></Role>")
		case strings.HasPrefix(call, "s3:"):
			return reply{404, ""}
		case call == "iam:GetRole":
			return queryError(404, "NoSuchEntity", "The role cannot be found.")
		case call == "ec2:DescribeRouteTables":
			return ec2Answer("DescribeRouteTables", "<routeTableSet><item><routeTableId>rtb-1</routeTableId></item></routeTableSet>")
		}
		t.Errorf("called %s", call)
		return reply{500, ""}
	})
	other := resource("AWS::IAM::Policy", "Elsewhere", "shop-Elsewhere")
	otherRole := resource("AWS::IAM::Role", "ElsewhereRole", "shop-Gone")
	other.StackName, otherRole.StackName = "shop-dev", "shop-dev"
	left, _, err := checker.Left(t.Context(), []residue.Resource{
		resource("AWS::S3::BucketPolicy", "KeptPolicy", "kept"),
		resource("AWS::S3::BucketPolicy", "GonePolicy", "gone"),
		resource("AWS::S3::Bucket", "Gone", "gone"),
		resource("AWS::S3::Bucket", "Kept", "kept"),
		resource("AWS::IAM::Role", "KeptRole", "shop-Kept"),
		resource("AWS::IAM::Policy", "Pass", "shop-Pass"),
		other, otherRole,
		resource("AWS::EC2::RouteTable", "Table", "rtb-1"),
		resource("AWS::EC2::Route", "OldRoute", "shop-Route-1ABCDEFGHIJK"),
	})
	want := []string{"KeptPolicy:", "Kept:", "KeptRole:", "Pass:", "Table:", "OldRoute:"}
	if diff := cmp.Diff(want, summary(left)); err != nil || diff != "" {
		t.Errorf("error %v\n%s", err, diff)
	}
	if note := left[0].Note; !strings.Contains(note, "part of AWS::S3::Bucket kept (shop-prod/Kept)") {
		t.Errorf("note = %q", note)
	}
}

// One refusal hides neither what the other services say nor what they find.
func TestErrorKeepsTheOtherFindings(t *testing.T) {
	_, checker := start(t, func(call, _ string) reply {
		if call == "iam:GetRole" {
			return queryError(403, "AccessDenied", "User is not authorized to perform: iam:GetRole")
		}
		return ok(`{"repositories":[{"repositoryName":"shop"}]}`)
	})
	left, _, err := checker.Left(t.Context(), []residue.Resource{
		resource("AWS::IAM::Role", "Role", "shop-Role"), resource("AWS::ECR::Repository", "Repository", "shop"),
	})
	if err == nil || !strings.Contains(err.Error(), "AWS::IAM::Role shop-Role (shop-prod/Role) is gone (iam:GetRole)") {
		t.Errorf("error = %v", err)
	}
	if diff := cmp.Diff([]string{"Repository:"}, summary(left)); diff != "" {
		t.Error(diff)
	}
}

func TestFailureThatIsNotMissing(t *testing.T) {
	_, checker := start(t, func(string, string) reply {
		return ok(`{"clusters":[],"failures":[{"arn":"arn:aws:ecs:x","reason":"ACCESS_DENIED"}]}`)
	})
	_, _, err := checker.Left(t.Context(), []residue.Resource{resource("AWS::ECS::Cluster", "Cluster", "shop")})
	if err == nil || !strings.Contains(err.Error(), "ACCESS_DENIED") {
		t.Errorf("error = %v", err)
	}
}

func TestCallsAreBatched(t *testing.T) {
	double, checker := start(t, func(call, _ string) reply {
		if call == "ec2:DescribeSubnets" {
			return ec2Answer("DescribeSubnets", "")
		}
		return ok(`{"services":[]}`)
	})
	var resources []residue.Resource
	for i := range 25 {
		resources = append(resources,
			resource("AWS::EC2::Subnet", fmt.Sprintf("Subnet%d", i), fmt.Sprintf("subnet-%d", i)),
			resource("AWS::ECS::Service", fmt.Sprintf("Service%d", i), fmt.Sprintf("arn:aws:ecs:eu-central-1:123456789012:service/c%d/s%d", i%2, i)))
	}
	left, _, err := checker.Left(t.Context(), resources)
	slices.Sort(double.called)
	want := []string{"ec2:DescribeSubnets", "ecs:DescribeServices", "ecs:DescribeServices", "ecs:DescribeServices", "ecs:DescribeServices"}
	if diff := cmp.Diff(want, double.called); err != nil || len(left) != 0 || diff != "" {
		t.Errorf("left %v, error %v\n%s", left, err, diff)
	}
}

func TestLogGroupIsFoundOnALaterPage(t *testing.T) {
	_, checker := start(t, func(_, body string) reply {
		if strings.Contains(body, "nextToken") {
			return ok(`{"logGroups":[{"logGroupName":"/shop/web"}]}`)
		}
		return ok(`{"logGroups":[{"logGroupName":"/shop/web-old"}],"nextToken":"more"}`)
	})
	left, _, err := checker.Left(t.Context(), []residue.Resource{resource("AWS::Logs::LogGroup", "Logs", "/shop/web")})
	if err != nil || len(left) != 1 {
		t.Errorf("left %v, error %v", left, err)
	}
}

func TestRuleOnItsOwnBus(t *testing.T) {
	_, checker := start(t, func(_, body string) reply {
		if !strings.Contains(body, `"EventBusName":"bus"`) || !strings.Contains(body, `"Name":"rule"`) {
			t.Errorf("asked %s", body)
		}
		return jsonError("ResourceNotFoundException", "Rule rule does not exist on EventBus bus.")
	})
	if left, _, err := checker.Left(t.Context(), []residue.Resource{resource("AWS::Events::Rule", "Rule", "bus|rule")}); err != nil || len(left) != 0 {
		t.Errorf("left %v, error %v", left, err)
	}
}

func TestWaitAsksOnlyForWhatIsStillThere(t *testing.T) {
	double, checker := start(t, nil)
	double.reply = func(call, _ string) reply {
		if call == "iam:GetRole" || len(double.called) > 6 {
			return queryError(404, "NoSuchEntity", "gone")
		}
		return queryAnswer("GetPolicy", "<Policy/>")
	}
	left, _, err := checker.Wait(t.Context(), []residue.Resource{
		resource("AWS::IAM::Role", "Role", "shop-Role"),
		resource("AWS::IAM::ManagedPolicy", "Boundary", arnPolicy),
		resource("AWS::Lambda::Function", "Hook", "shop-hook"),
	}, time.Minute, time.Millisecond)
	if diff := cmp.Diff([]string{"Hook: cannot be checked"}, summary(left)); err != nil || diff != "" {
		t.Errorf("error %v\n%s", err, diff)
	}
	roles := slices.DeleteFunc(slices.Clone(double.called), func(call string) bool { return call != "iam:GetRole" })
	if len(roles) != 1 || len(double.called) != 7 {
		t.Errorf("called %v", double.called)
	}
}

func TestWaitGivesUp(t *testing.T) {
	_, checker := start(t, func(string, string) reply { return queryAnswer("GetPolicy", "<Policy/>") })
	boundary := []residue.Resource{resource("AWS::IAM::ManagedPolicy", "Boundary", arnPolicy)}
	left, _, err := checker.Wait(t.Context(), boundary, 30*time.Millisecond, 5*time.Millisecond)
	if err != nil || len(left) != 1 {
		t.Errorf("left %v, error %v", left, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if left, _, err = checker.Wait(ctx, boundary, time.Hour, time.Minute); !errors.Is(err, context.DeadlineExceeded) || len(left) != 1 {
		t.Errorf("left %v, error %v", left, err)
	}
}
