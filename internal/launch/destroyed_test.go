package launch

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
	"slipway/internal/residue"
)

// text is the report as a terminal shows it.
func (d DestroyReport) text(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.Text(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func wantSaid(t *testing.T, said string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(said, part) {
			t.Errorf("it does not say %q:\n%s", part, said)
		}
	}
}

// of is how many resources are counted as deleted of a type.
func (d DestroyReport) of(kind string) int {
	n := 0
	for _, group := range d.Deleted {
		if group.Type == kind {
			n += group.Count
		}
	}
	return n
}

// The plan says beforehand what the report says afterwards, and changes nothing.
func TestDestroyPlanAndReport(t *testing.T) {
	t.Parallel()
	b := newBench(t).given().asking(t, everything).trusting()
	b.mustDeploy(t, DeployOptions{})
	changing := func() int {
		n := 0
		for _, verb := range []string{"Delete", "Update", "Stop", "Disable", "Modify", "Put", "Deregister", "Abort", "Execute", "Change"} {
			for _, operation := range b.operations() {
				if strings.HasPrefix(operation, verb) {
					n++
				}
			}
		}
		return n
	}
	before := changing()
	plan, err := b.asking(t, everything).PlanDestroy(t.Context(), DestroyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n := changing(); n != before {
		t.Errorf("the plan made %d changing calls", n-before)
	}
	b.wantRecorded(t, "shop-prod", false)
	said := plan.text(t)
	wantSaid(t, said, "would be deleted: ", "stands in the way:", "environment prod is protected", "hosted zone Z0123456789ABCDEFGHIJ", "key arn:aws:kms",
		"permissions boundary arn:aws:iam::123456789012:policy/limit", "topic arn:aws:sns:us-east-1:123456789012:oncall", "parameter /shop/prod/db", "secret shop-test",
		"service-linked role AWSServiceRoleForECS")
	if !plan.Foundation || !slices.Equal(slices.Sorted(slices.Values(plan.Environments)), []string{"prod", "test"}) {
		t.Errorf("planned are the environments %v, the foundation: %t", plan.Environments, plan.Foundation)
	}
	named, err := b.asking(t, everything).PlanDestroy(t.Context(), DestroyOptions{Protected: []string{"prod"}})
	if err != nil || len(named.Obstacles) > 0 {
		t.Errorf("with its name: %v, %v", err, named.Obstacles)
	}

	var report DestroyReport
	o := DestroyOptions{Protected: []string{"prod"}, Told: func(d DestroyReport) { report = d }}
	if err := b.asking(t, everything).trusting().Destroy(t.Context(), o); err != nil {
		t.Fatalf("%v\n%s", err, b.progress)
	}
	if living := b.double.Living(); len(living) > 0 {
		t.Errorf("left: %v", living)
	}
	if report.Planned || len(report.Left) > 0 || !slices.Equal(report.Deleted, plan.Deleted) || !slices.Equal(report.Retained, plan.Retained) {
		t.Errorf("planned:\n%s\ndone:\n%s", said, report.text(t))
	}
	wantSaid(t, report.text(t), "deleted: ", "left: nothing", "whole list: ")
	b.wantReportFile(t, report)
}

// wantReportFile checks that the whole report was written, once.
func (b *bench) wantReportFile(t *testing.T, report DestroyReport) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(b.records, "destroyed", "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files of reports: %v, %v", files, err)
	}
	written, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var read DestroyReport
	if err := json.Unmarshal(written, &read); err != nil || len(read.Resources) != len(report.Resources) || len(read.Resources) == 0 {
		t.Errorf("the file has %d resources of %d, %v", len(read.Resources), len(report.Resources), err)
	}
}

// What a template keeps is neither emptied nor missed, and is told.
func TestDestroyKeepsWhatTemplatesKeep(t *testing.T) {
	t.Parallel()
	slipway := prod("entry: {accessLogs: true}")
	keeping := func(b *bench) *bench {
		file := rendered(t, b.Config)
		path := contract.EnvironmentTemplate("prod", contract.StackECS)
		text := string(file[path].Data)
		for _, id := range []string{"AccessLogs", "LogGroup", "TaskDefinition"} {
			at := strings.Index(text, "  "+id+":\n")
			if at < 0 {
				t.Fatalf("%s has no %s", path, id)
			}
			text = text[:at] + strings.Replace(text[at:], "DeletionPolicy: Delete", "DeletionPolicy: Retain", 1)
		}
		file[path].Data = []byte(text)
		b.Templates = file
		return b
	}
	b := keeping(newBench(t).asking(t, slipway))
	b.mustDeploy(t, DeployOptions{})
	bucket, group, task := b.double.PhysicalID("shop-prod", "ECS.AccessLogs"), b.double.PhysicalID("shop-prod", "ECS.LogGroup"), b.double.PhysicalID("shop-prod", "ECS.TaskDefinition")
	b.double.PutObject(bucket, "log", []byte("x"))
	var report DestroyReport
	keeping(b.asking(t, slipway)).vanishing = 10 * time.Millisecond
	if err := b.Destroy(t.Context(), DestroyOptions{Told: func(d DestroyReport) { report = d }}); err != nil {
		t.Fatalf("%v\n%s", err, b.progress)
	}
	wantSaid(t, b.progress.String(), "stays: AWS::S3::Bucket "+bucket)
	wantSaid(t, report.text(t), "AWS::S3::BucketPolicy "+bucket+" (part of")
	for _, id := range []string{bucket, group, task} {
		wantSaid(t, report.text(t), id+" (its DeletionPolicy is Retain")
		if !slices.ContainsFunc(b.double.Living(), func(living string) bool { return strings.HasSuffix(living, " "+id) }) {
			t.Errorf("%s is gone", id)
		}
	}
	if objects := b.double.Objects(bucket); len(objects) != 1 {
		t.Errorf("the bucket that is kept has %v", objects)
	}
	if len(b.double.CallsTo("DeregisterTaskDefinition")) > 0 {
		t.Error("the task definition that is kept was deregistered")
	}
}

// What a nested stack holds that is kept is kept with it.
func TestKeepsOfANestedStack(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, twoEnvironments)
	root := b.double.PutStack(awsdouble.StackSpec{Name: "shop-prod", Status: "CREATE_COMPLETE", Body: "Resources: {ECS: {Type: AWS::CloudFormation::Stack, DeletionPolicy: Retain, Properties: {TemplateURL: x}}}"})
	nested := b.double.PutStack(awsdouble.StackSpec{Name: "shop-prod-ECS", Status: "CREATE_COMPLETE", Body: "Resources: {Log: {Type: AWS::Logs::LogGroup, DeletionPolicy: Delete}}"})
	found, err := b.policies(t.Context(), stack{name: "shop-prod", id: root}, []residue.Resource{{StackName: "shop-prod", LogicalID: "ECS", Type: stackType, PhysicalID: nested}})
	if err != nil || found["shop-prod.ECS"].keep != "Retain" || found["shop-prod.ECS.Log"].keep != "Retain" {
		t.Errorf("%v, %v", found, err)
	}
}

// What is still there is told by report and error, and what no service tells of is never taken for gone.
func TestDestroyReportsWhatIsLeft(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, twoEnvironments)
	b.mustDeploy(t, DeployOptions{Environments: []string{"prod"}})
	vpc := b.double.PhysicalID("shop-prod", "Network.VPC")
	group := b.double.PhysicalID("shop-prod", "ECS.LogGroup")
	b.double.Put("AWS::EC2::VPC", vpc, nil)
	var report DestroyReport
	o := DestroyOptions{Told: func(d DestroyReport) { report = d }}
	b.asking(t, twoEnvironments).vanishing = 10 * time.Millisecond
	want(t, b.Destroy(t.Context(), o), "1 of ", vpc, "run ./scripts/destroy.sh again")
	if len(report.Left) != 1 || report.Left[0].ID != vpc || report.Left[0].Outcome != outcomeLeft || report.of("AWS::EC2::VPC") != 0 {
		t.Errorf("left: %+v\n%s", report.Left, report.text(t))
	}
	b.double.Delete(vpc)

	b.double.Fail("DescribeLogGroups", "AccessDeniedException", "User is not authorized to perform: logs:DescribeLogGroups", 100)
	want(t, b.asking(t, twoEnvironments).Destroy(t.Context(), o), "could be proven gone", "logs:DescribeLogGroups", "run ./scripts/destroy.sh again")
	i := slices.IndexFunc(report.Left, func(l Left) bool { return l.ID == group })
	if i < 0 || report.Left[i].Outcome != outcomeUnknown || report.of("AWS::Logs::LogGroup") != 0 {
		t.Errorf("unknown: %+v\n%s", report.Left, report.text(t))
	}
	b.wantRecorded(t, "shop-prod", true)
}

// A service that goes on listing what is gone is asked again, and believed in the end.
func TestDestroyWaitsForWhatIsStillListed(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, twoEnvironments)
	b.mustDeploy(t, DeployOptions{Environments: []string{"prod"}})
	vpc := b.double.PhysicalID("shop-prod", "Network.VPC")
	b.double.Put("AWS::EC2::VPC", vpc, nil)
	b.asking(t, twoEnvironments)
	asked := len(b.double.CallsTo("DescribeVpcs"))
	go func() {
		for len(b.double.CallsTo("DescribeVpcs")) < asked+2 && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		b.double.Delete(vpc)
	}()
	b.mustDestroy(t)
	if n := len(b.double.CallsTo("DescribeVpcs")) - asked; n < 3 {
		t.Errorf("it was asked %d times", n)
	}
}
