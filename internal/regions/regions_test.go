package regions

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	service  = "AWS::ECS::Service"
	project  = "AWS::CodeBuild::Project"
	pipeline = "AWS::CodePipeline::Pipeline"
	role     = "AWS::IAM::Role"
)

func load(t *testing.T) Table {
	t.Helper()
	table, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestMissing(t *testing.T) {
	table := load(t)
	tests := map[string]struct {
		region string
		types  []string
		want   []string
	}{
		"all there":                             {"eu-central-1", []string{service, project, pipeline, role}, nil},
		"missing in cfn-lint's lists":           {"ca-west-1", []string{project, role, service}, []string{project}},
		"missing in AWS's documents":            {"ap-southeast-7", []string{pipeline, role}, []string{pipeline}},
		"a Region with pipelines, not Fargate":  {"ap-southeast-6", []string{pipeline, service}, []string{service}},
		"China has all but the pipeline":        {"cn-north-1", []string{service, project, pipeline}, []string{pipeline}},
		"a Region that the table does not have": {"eu-west-9", []string{role}, []string{role}},
		"a type that the table does not have":   {"eu-central-1", []string{"AWS::New::Thing", role}, []string{"AWS::New::Thing"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := table.Missing(test.region, test.types)
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// What a launch always needs exists in these Regions of the three partitions that can be had.
func TestHaving(t *testing.T) {
	got := load(t).Having([]string{service, project, pipeline, role})
	want := []string{
		"af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
		"ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ca-central-1",
		"eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3",
		"il-central-1", "me-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1",
		"us-west-1", "us-west-2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTypes(t *testing.T) {
	text := []byte(`Parameters:
  Zone:
    Type: String
  VPC:
    Type: AWS::EC2::VPC::Id
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      Nested:
        Type: AWS::Not::This
  Other:
    Type: AWS::IAM::Role
  Bucket:
    Type: AWS::S3::Bucket
`)
	if diff := cmp.Diff([]string{"AWS::IAM::Role", "AWS::S3::Bucket"}, Types(text, text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
