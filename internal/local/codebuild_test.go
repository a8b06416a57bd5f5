package local

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// TestCodeBuild starts builds as the launcher does: of a project of type CODEPIPELINE, from a zip in S3. More of
// CodeBuild is tested in engine/test_codebuild.py, the timeout too, whose minimum of five minutes is shortened there.
func TestCodeBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a local engine")
	}
	b := newBuilds(t)

	t.Run("exports a variable", func(t *testing.T) {
		build := b.run(t, `
version: 0.2
env: {exported-variables: [IMAGE_URI]}
phases:
  build:
    commands:
      - ./scripts/stage.sh "$STAGE"
      - . ./stage.env
`, types.EnvironmentVariable{Name: aws.String("STAGE"), Value: aws.String("image")})
		if build.BuildStatus != types.StatusTypeSucceeded {
			t.Fatalf("build is %s\n%s", build.BuildStatus, b.log(t, build))
		}
		if got := exported(build); got["IMAGE_URI"] != "image@digest" || len(got) != 1 {
			t.Errorf("exported %v", got)
		}
	})

	t.Run("tells what failed", func(t *testing.T) {
		build := b.run(t, "version: 0.2\nphases: {build: {commands: ['echo the cause; exit 3']}}\n")
		if build.BuildStatus != types.StatusTypeFailed {
			t.Errorf("build is %s", build.BuildStatus)
		}
		for _, phase := range build.Phases {
			if phase.PhaseType != types.BuildPhaseTypeBuild {
				continue
			}
			if got := aws.ToString(phase.Contexts[0].Message); !strings.HasSuffix(got, "exit status 3") {
				t.Errorf("the phase's message is %q", got)
			}
		}
		if log := b.log(t, build); !strings.Contains(log, "\nthe cause\n") {
			t.Errorf("the log lacks the command's output:\n%s", log)
		}
	})

	t.Run("stops", func(t *testing.T) {
		build := b.start(t, "version: 0.2\nphases: {build: {commands: ['sleep 600']}}\n")
		stopped, err := b.builds.StopBuild(t.Context(), &codebuild.StopBuildInput{Id: build.Id})
		if err != nil {
			t.Fatal(err)
		}
		if stopped.Build.BuildStatus != types.StatusTypeStopped {
			t.Errorf("build is %s", stopped.Build.BuildStatus)
		}
	})

	t.Run("refuses a pipeline's project without a source", func(t *testing.T) {
		_, err := b.builds.StartBuild(t.Context(), &codebuild.StartBuildInput{ProjectName: aws.String(b.project)})
		if _, ok := errors.AsType[*types.InvalidInputException](err); !ok {
			t.Errorf("error is %v", err)
		}
	})
}

// TestBuildActsWithItsRole has a build on an engine that enforces rights tell its credentials, and tries them.
func TestBuildActsWithItsRole(t *testing.T) {
	t.Parallel()
	b := newBuilds(t, WithRuntime(RuntimeProcess), WithEnforcement())
	roles := iam.NewFromConfig(b.engine.AWSConfig())
	if _, err := roles.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("build"), AssumeRolePolicyDocument: aws.String(allow())}); err != nil {
		t.Fatal(err)
	}
	_, err := roles.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String("build"), PolicyName: aws.String("artifacts"),
		PolicyDocument: aws.String(allow(statement("s3:PutObject", "arn:aws:s3:::"+b.bucket+"/artifacts/*", ""))),
	})
	if err != nil {
		t.Fatal(err)
	}
	if build := b.run(t, "version: 0.2\nphases: {build: {commands: ['true']}}\n"); build.BuildStatus != types.StatusTypeFailed {
		t.Errorf("a build that may not write its log is %s", build.BuildStatus)
	}
	_, err = roles.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String("build"), PolicyName: aws.String("log"),
		PolicyDocument: aws.String(allow(statement("logs:*", "arn:aws:logs:us-east-1:000000000000:log-group:/aws/codebuild/*", ""))),
	})
	if err != nil {
		t.Fatal(err)
	}
	build := b.run(t, "version: 0.2\nenv: {exported-variables: [AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN]}\nphases: {build: {commands: ['true']}}\n")
	if build.BuildStatus != types.StatusTypeSucceeded {
		t.Fatalf("build is %s\n%s", build.BuildStatus, b.log(t, build))
	}
	told := exported(build)
	cfg := b.engine.AWSConfig()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(told["AWS_ACCESS_KEY_ID"], told["AWS_SECRET_ACCESS_KEY"], told["AWS_SESSION_TOKEN"])
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
	if err != nil || !strings.HasPrefix(*who.Arn, "arn:aws:sts::000000000000:assumed-role/build/AWSCodeBuild-") {
		t.Fatalf("the build acts as %v, %v", who, err)
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	for key, want := range map[string]bool{"artifacts/a": false, "other": true} {
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &b.bucket, Key: &key, Body: strings.NewReader("v")})
		if denied(t, err) != want {
			t.Errorf("put %s: %v", key, err)
		}
	}
}

// builds is one engine with a bucket and a project.
type builds struct {
	engine  *Engine
	builds  *codebuild.Client
	objects *s3.Client
	logs    *cloudwatchlogs.Client
	bucket  string
	project string
}

func newBuilds(t *testing.T, opts ...Option) *builds {
	t.Helper()
	engine := started(t, clone(t), opts...)
	cfg := engine.AWSConfig()
	b := &builds{
		engine:  engine,
		builds:  codebuild.NewFromConfig(cfg),
		objects: s3Client(engine),
		logs:    cloudwatchlogs.NewFromConfig(cfg),
		bucket:  "sources",
		project: "image",
	}
	if _, err := b.objects.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &b.bucket}); err != nil {
		t.Fatal(err)
	}
	_, err := b.builds.CreateProject(t.Context(), &codebuild.CreateProjectInput{
		Name:        &b.project,
		ServiceRole: aws.String("arn:aws:iam::000000000000:role/build"),
		Source:      &types.ProjectSource{Type: types.SourceTypeCodepipeline},
		Artifacts:   &types.ProjectArtifacts{Type: types.ArtifactsTypeCodepipeline},
		Environment: &types.ProjectEnvironment{
			Type:        types.EnvironmentTypeLinuxContainer,
			ComputeType: types.ComputeTypeBuildGeneral1Small,
			Image:       aws.String("aws/codebuild/standard:7.0"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *builds) run(t *testing.T, buildspec string, variables ...types.EnvironmentVariable) types.Build {
	t.Helper()
	build := b.start(t, buildspec, variables...)
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		got, err := b.builds.BatchGetBuilds(t.Context(), &codebuild.BatchGetBuildsInput{Ids: []string{*build.Id}})
		if err != nil {
			t.Fatal(err)
		}
		if got.Builds[0].BuildStatus != types.StatusTypeInProgress {
			return got.Builds[0]
		}
		time.Sleep(30 * time.Millisecond)
	}
	t.Fatal("the build does not end")
	return types.Build{}
}

func (b *builds) start(t *testing.T, buildspec string, variables ...types.EnvironmentVariable) *types.Build {
	t.Helper()
	key := t.Name() + ".zip"
	source := zipOf(t, map[string]string{
		"buildspec.yml":    buildspec,
		"scripts/stage.sh": "#!/bin/sh\necho \"export IMAGE_URI=$1@digest\" >stage.env\n",
	})
	if _, err := b.objects.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &b.bucket, Key: &key, Body: bytes.NewReader(source)}); err != nil {
		t.Fatal(err)
	}
	answer, err := b.builds.StartBuild(t.Context(), &codebuild.StartBuildInput{
		ProjectName:                  &b.project,
		SourceTypeOverride:           types.SourceTypeS3,
		SourceLocationOverride:       aws.String(b.bucket + "/" + key),
		ArtifactsOverride:            &types.ProjectArtifacts{Type: types.ArtifactsTypeNoArtifacts},
		EnvironmentVariablesOverride: variables,
	})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Build
}

func (b *builds) log(t *testing.T, build types.Build) string {
	t.Helper()
	got, err := b.logs.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: build.Logs.GroupName, LogStreamName: build.Logs.StreamName, StartFromHead: aws.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, event := range got.Events {
		lines = append(lines, *event.Message)
	}
	return strings.Join(lines, "\n")
}

func exported(build types.Build) map[string]string {
	values := map[string]string{}
	for _, variable := range build.ExportedEnvironmentVariables {
		values[aws.ToString(variable.Name)] = aws.ToString(variable.Value)
	}
	return values
}

// zipOf makes a zip whose files are executable.
func zipOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	archive := zip.NewWriter(&buffer)
	for name, text := range files {
		header := &zip.FileHeader{Name: name}
		header.SetMode(0o755)
		file, err := archive.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(file, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}
