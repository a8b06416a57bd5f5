package local

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// pipelineTemplate has what makes an upload start a pipeline, and the pipeline.
const pipelineTemplate = `
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: sources
      VersioningConfiguration: {Status: Enabled}
      NotificationConfiguration: {EventBridgeConfiguration: {EventBridgeEnabled: true}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: pipeline
      AssumeRolePolicyDocument: {Statement: []}
      Policies:
        - PolicyName: artifacts
          PolicyDocument:
            Statement:
              - {Effect: Allow, Action: [s3:GetBucketVersioning], Resource: "arn:aws:s3:::sources"}
              - {Effect: Allow, Action: [s3:GetObject, s3:GetObjectVersion], Resource: "arn:aws:s3:::sources/source.zip"}
              - {Effect: Allow, Action: [s3:PutObject], Resource: "arn:aws:s3:::sources/delivery/Source/*"}
              - {Effect: Allow, Action: [codebuild:BatchGetBuilds, codebuild:StartBuild], Resource: !GetAtt Project.Arn}
  Trigger:
    Type: AWS::IAM::Role
    Properties:
      RoleName: trigger
      AssumeRolePolicyDocument: {Statement: []}
      Policies:
        - PolicyName: start
          PolicyDocument: {Statement: [{Effect: Allow, Action: [codepipeline:StartPipelineExecution], Resource: "arn:aws:codepipeline:us-east-1:000000000000:delivery"}]}
  Builds:
    Type: AWS::IAM::Role
    Properties:
      RoleName: builds
      AssumeRolePolicyDocument: {Statement: []}
      Policies:
        - PolicyName: read
          PolicyDocument:
            Statement:
              - {Effect: Allow, Action: [s3:GetObject], Resource: "arn:aws:s3:::sources/delivery/Source/*"}
              - {Effect: Allow, Action: [logs:CreateLogStream, logs:PutLogEvents], Resource: "arn:aws:logs:us-east-1:000000000000:log-group:/aws/codebuild/check:*"}
  Project:
    Type: AWS::CodeBuild::Project
    Properties:
      Name: check
      ServiceRole: !GetAtt Builds.Arn
      Source: {Type: CODEPIPELINE}
      Artifacts: {Type: CODEPIPELINE}
      Environment: {Type: LINUX_CONTAINER, ComputeType: BUILD_GENERAL1_SMALL, Image: aws/codebuild/standard:7.0}
  Pipeline:
    Type: AWS::CodePipeline::Pipeline
    Properties:
      Name: delivery
      RoleArn: !GetAtt Role.Arn
      PipelineType: V2
      ArtifactStore: {Type: S3, Location: !Ref Bucket}
      Stages:
        - Name: Source
          Actions:
            - Name: Source
              ActionTypeId: {Category: Source, Owner: AWS, Provider: S3, Version: "1"}
              OutputArtifacts: [{Name: Source}]
              Configuration: {S3Bucket: !Ref Bucket, S3ObjectKey: source.zip, PollForSourceChanges: false}
        - Name: Check
          Actions:
            - Name: Check
              ActionTypeId: {Category: Build, Owner: AWS, Provider: CodeBuild, Version: "1"}
              InputArtifacts: [{Name: Source}]
              OutputArtifacts: [{Name: Checked}]
              Configuration: {ProjectName: !Ref Project}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventPattern:
        source: [aws.s3]
        detail-type: [Object Created]
        detail: {bucket: {name: [!Ref Bucket]}, object: {key: [source.zip]}}
      Targets:
        - {Id: pipeline, RoleArn: !GetAtt Trigger.Arn, Arn: !Sub "arn:${AWS::Partition}:codepipeline:${AWS::Region}:${AWS::AccountId}:${Pipeline}"}
`

// TestPipelineRuns follows a pipeline through the SDK: it starts by itself when it is made and when its source is uploaded,
// what the roles of pipeline, rule
// and builds allow is done and no more, and a build ends with its pipeline. engine/test_pipelinerun.py has the rest.
func TestPipelineRuns(t *testing.T) {
	t.Parallel()
	engine := started(t, clone(t), WithRuntime(RuntimeProcess), WithEnforcement(), WithPipelines(PipelinesAutomatic))
	b := &bench{T: t, e: engine, cfn: cloudformation.NewFromConfig(engine.AWSConfig())}
	_, err := b.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: new("delivery"), TemplateBody: new(pipelineTemplate), Capabilities: []cfntypes.Capability{cfntypes.CapabilityCapabilityNamedIam},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.wantStatus(b.settled("delivery"), cfntypes.StackStatusCreateComplete)
	p := &delivery{engine: engine, client: codepipeline.NewFromConfig(engine.AWSConfig()), objects: s3Client(engine)}

	first := p.ended(t, 1)
	if first.Status != types.PipelineExecutionStatusFailed || first.Trigger.TriggerType != types.TriggerTypeCreatePipeline {
		t.Errorf("the first execution, without a source, is %s by %s", first.Status, first.Trigger.TriggerType)
	}
	p.upload(t, "other.zip", "true")
	p.upload(t, "source.zip", "test -s buildspec.yml")
	second := p.ended(t, 2)
	if second.Status != types.PipelineExecutionStatusFailed || second.Trigger.TriggerType != types.TriggerTypeCloudWatchEvent {
		t.Errorf("the second execution is %s by %s", second.Status, second.Trigger.TriggerType)
	}
	if got, want := p.errors(t), "assumed-role/builds/AWSCodeBuild-"; !strings.Contains(got, want) || !strings.Contains(got, "is not authorized to perform: s3:PutObject") {
		t.Errorf("a build may write what its role does not allow: %s", got)
	}
	_, err = iam.NewFromConfig(engine.AWSConfig()).PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: new("builds"), PolicyName: new("write"),
		PolicyDocument: new(allow(statement("s3:PutObject", "arn:aws:s3:::sources/delivery/Checked/*", ""))),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.upload(t, "source.zip", "test -s buildspec.yml")
	if third := p.ended(t, 3); third.Status != types.PipelineExecutionStatusSucceeded {
		t.Errorf("the third execution is %s: %s", third.Status, p.errors(t))
	}
	p.upload(t, "source.zip", "exit 3")
	if fourth := p.ended(t, 4); fourth.Status != types.PipelineExecutionStatusFailed {
		t.Errorf("the fourth execution is %s", fourth.Status)
	}
	if got := p.errors(t); !strings.Contains(got, "Code: COMMAND_EXECUTION_ERROR, Message: Error while executing command: exit 3. Reason: exit status 3") {
		t.Errorf("errors: %s", got)
	}
	p.upload(t, "source.zip", "sleep 600")
	waitFor(t, 10*time.Second, "a build", func() bool { return strings.Contains(p.statuses(t), "Check InProgress") })
	if _, err := b.cfn.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: new("delivery")}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, 10*time.Second, "the end of the build", func() bool {
		left, err := carriers(engine.token)
		return err == nil && len(left) == 1 // the engine
	})
}

// delivery is a pipeline in an engine.
type delivery struct {
	engine  *Engine
	client  *codepipeline.Client
	objects *s3.Client
}

func (d *delivery) upload(t *testing.T, key, command string) {
	t.Helper()
	body := zipOf(t, map[string]string{"buildspec.yml": fmt.Sprintf("version: 0.2\nphases: {build: {commands: [%q]}}\nartifacts: {files: [buildspec.yml]}\n", command)})
	_, err := d.objects.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("sources"), Key: &key, Body: bytes.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
}

// ended waits until that many executions have ended, and returns the last one.
func (d *delivery) ended(t *testing.T, count int) types.PipelineExecutionSummary {
	t.Helper()
	var last types.PipelineExecutionSummary
	waitFor(t, 20*time.Second, fmt.Sprintf("the end of execution %d", count), func() bool {
		out, err := d.client.ListPipelineExecutions(t.Context(), &codepipeline.ListPipelineExecutionsInput{PipelineName: new("delivery")})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.PipelineExecutionSummaries) == 0 {
			return false
		}
		last = out.PipelineExecutionSummaries[0]
		return len(out.PipelineExecutionSummaries) == count && last.Status != types.PipelineExecutionStatusInProgress
	})
	return last
}

func (d *delivery) actions(t *testing.T) []types.ActionExecutionDetail {
	t.Helper()
	out, err := d.client.ListActionExecutions(t.Context(), &codepipeline.ListActionExecutionsInput{PipelineName: new("delivery")})
	if err != nil {
		t.Fatal(err)
	}
	return out.ActionExecutionDetails
}

func (d *delivery) statuses(t *testing.T) string {
	var text strings.Builder
	for _, action := range d.actions(t) {
		fmt.Fprintf(&text, "%s %s\n", *action.ActionName, action.Status)
	}
	return text.String()
}

func (d *delivery) errors(t *testing.T) string {
	var text strings.Builder
	for _, action := range d.actions(t) {
		if details := action.Output.ExecutionResult.ErrorDetails; details != nil {
			fmt.Fprintf(&text, "%s: %s: %s\n", *action.ActionName, *details.Code, *details.Message)
		}
	}
	return text.String()
}
