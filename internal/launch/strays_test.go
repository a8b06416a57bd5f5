package launch

import (
	"slices"
	"testing"

	"slipway/internal/contract"
	"slipway/internal/deployer"
)

// tagged puts something in the account that carries the tags of the stack's resources, and is in none.
func (b *bench) tagged(kind, id, environment, logical string) {
	tags := tagsOf("slipway-demo", environment, contract.StackFoundation)
	tags["aws:cloudformation:logical-id"] = logical
	var list []any
	for key, value := range tags {
		list = append(list, map[string]any{"Key": key, "Value": value})
	}
	b.double.Put(kind, id, map[string]any{"Tags": list})
}

// reported is a destroy with what it tells at its end.
func (b *bench) reported(t *testing.T, o DestroyOptions) (report DestroyReport, err error) {
	t.Helper()
	o.Told = func(d DestroyReport) { report = d }
	err = b.again("a").Destroy(t.Context(), o)
	return report, err
}

const (
	strayTopic  = "arn:aws:sns:us-east-1:123456789012:slipway-demo-former"
	strayBucket = "slipway-demo-foundation-bucket-former"
)

// What carries the tag and is in no stack is told: what a policy kept when another took its place stays on purpose, the rest is left. What
// is listed and gone is not believed.
func TestStrays(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.double.PutBucket(strayBucket)
	b.tagged(bucketType, strayBucket, "", "Bucket")
	b.may(deployer.Names...)
	plan, err := b.again("a").PlanDestroy(t.Context(), DestroyOptions{})
	if err != nil || len(plan.Left) > 0 {
		t.Fatalf("planned to be left: %v, %v", plan.Left, err)
	}
	report, err := b.reported(t, DestroyOptions{})
	if err != nil || len(report.Left) > 0 || !slices.Equal(plan.Retained, report.Retained) {
		t.Fatalf("%v\nleft: %v\nplanned:\n%s\ndone:\n%s", err, report.Left, plan.text(t), report.text(t))
	}
	wantSaid(t, report.text(t), "AWS::S3::Bucket "+strayBucket+" (slipway-demo-foundation-", "took its place, and its UpdateReplacePolicy is Retain; it goes on costing money")

	b.again("a").mustDeploy(t, DeployOptions{})
	b.tagged("AWS::SNS::Topic", strayTopic, "prod", "Topic")
	if plan, err = b.again("a").PlanDestroy(t.Context(), DestroyOptions{}); err != nil {
		t.Fatal(err)
	}
	wantSaid(t, plan.text(t), "would be left:", strayTopic)
	report, err = b.reported(t, DestroyOptions{})
	want(t, err, strayTopic, "carries the tag slipway:name=slipway-demo, and is in no stack", "delete it by hand")
	if len(report.Left) != 1 {
		t.Errorf("left: %v", report.Left)
	}
	b.double.Delete(strayTopic)
	if report, err = b.reported(t, DestroyOptions{}); err != nil || len(report.Left) > 0 {
		t.Errorf("once that is deleted: %v, %v", err, report.Left)
	}
}

// Where no stack and no record is there, what carries the tag is looked for all the same: what an earlier destroy of this clone kept on
// purpose stays so, anything else is left.
func TestStraysWithoutAnyStack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.double.PutBucket(strayBucket)
	b.tagged(bucketType, strayBucket, "", "Bucket")
	if report, err := b.reported(t, DestroyOptions{}); err != nil || len(report.Left) > 0 {
		t.Fatalf("%v, left: %v", err, report.Left)
	}
	report, err := b.reported(t, DestroyOptions{})
	if err != nil || len(report.Left) > 0 {
		t.Fatalf("a second destroy: %v, left: %v", err, report.Left)
	}
	wantSaid(t, report.text(t), "AWS::S3::Bucket "+strayBucket+" (slipway-demo-foundation-", "it goes on costing money")
	wantSaid(t, b.progress.String(), "no stack of slipway-demo is in account 123456789012")

	b.tagged("AWS::SNS::Topic", strayTopic, "prod", "Topic")
	plan, err := b.again("a").PlanDestroy(t.Context(), DestroyOptions{})
	if err != nil || len(plan.Left) != 1 {
		t.Errorf("planned to be left: %v, %v", plan.Left, err)
	}
	report, err = b.reported(t, DestroyOptions{})
	want(t, err, strayTopic, "carries the tag slipway:name=slipway-demo, and is in no stack", "delete it by hand")
	if len(report.Left) != 1 {
		t.Errorf("left: %v", report.Left)
	}
	b.double.Delete(strayTopic)
	b.double.Fail("GetResources", "AccessDeniedException", "User: x is not authorized to perform: tag:GetResources", 1)
	if _, err := b.reported(t, DestroyOptions{}); err != nil {
		t.Errorf("where nobody may ask: %v", err)
	}
	wantSaid(t, b.progress.String(), "was not looked for: ", "tag:GetResources")
}

// A destroy of one environment looks for what is that environment's.
func TestStraysOfOneEnvironment(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.tagged("AWS::SNS::Topic", strayTopic, "test", "Topic")
	if report, err := b.reported(t, DestroyOptions{Environments: []string{"prod"}}); err != nil || len(report.Left) > 0 {
		t.Errorf("%v, left: %v", err, report.Left)
	}
}

// Who may not ask by tag is told so; the proof rests on what was recorded.
func TestStraysThatCannotBeAskedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.double.Fail("GetResources", "AccessDeniedException", "User: x is not authorized to perform: tag:GetResources", 1)
	report, err := b.reported(t, DestroyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wantSaid(t, report.text(t), "left: nothing", "note: what carries the tag slipway:name=slipway-demo and is in no stack was not looked for: ", "tag:GetResources")
}
