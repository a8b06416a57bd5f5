package awsdouble_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	cbtypes "github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
)

const identity = "0123456789abcdef"

// build runs one image build and returns what it exported.
func (a *account) build(builds *codebuild.Client, project, repository string) string {
	a.t.Helper()
	b := a.finishedBuild(builds, project, repository)
	if b.BuildStatus != cbtypes.StatusTypeSucceeded {
		a.t.Fatalf("build ends in %s", b.BuildStatus)
	}
	for _, v := range b.ExportedEnvironmentVariables {
		if *v.Name == contract.VarImageURI {
			return *v.Value
		}
	}
	a.t.Fatal("the build exports no image")
	return ""
}

func (a *account) finishedBuild(builds *codebuild.Client, project, repository string) cbtypes.Build {
	a.t.Helper()
	out := must[*codebuild.StartBuildOutput](a.t)(builds.StartBuild(a.ctx, &codebuild.StartBuildInput{
		ProjectName:       new(project),
		ArtifactsOverride: &cbtypes.ProjectArtifacts{Type: cbtypes.ArtifactsTypeNoArtifacts},
		EnvironmentVariablesOverride: []cbtypes.EnvironmentVariable{
			{Name: new(contract.VarIdentity), Value: new(identity)}, {Name: new(contract.VarRepositoryURI), Value: new(repository)},
		},
	}))
	for {
		got := must[*codebuild.BatchGetBuildsOutput](a.t)(builds.BatchGetBuilds(a.ctx, &codebuild.BatchGetBuildsInput{Ids: []string{*out.Build.Id}}))
		if got.Builds[0].BuildComplete {
			return got.Builds[0]
		}
		a.pause()
	}
}

func TestBuildPushesAnImageOnce(t *testing.T) {
	a := newAccount(t)
	a.createStack("shop-foundation", read(t, "foundation.yaml"), nil)
	builds, registry := codebuild.NewFromConfig(a.Config()), ecr.NewFromConfig(a.Config())
	repository := a.output("shop-foundation", "RepositoryName")
	asked := &ecr.DescribeImagesInput{RepositoryName: &repository, ImageIds: []ecrtypes.ImageIdentifier{{ImageTag: new(identity)}}}
	_, err := registry.DescribeImages(a.ctx, asked)
	wantError(t, err, "ImageNotFoundException", "imageTag:'"+identity+"'")

	first := a.build(builds, a.output("shop-foundation", "ImageProjectName"), a.output("shop-foundation", "RepositoryURI"))
	found := must[*ecr.DescribeImagesOutput](t)(registry.DescribeImages(a.ctx, asked))
	if !contract.IsDigest(first) || !strings.HasSuffix(first, *found.ImageDetails[0].ImageDigest) {
		t.Errorf("the build says %s, the registry %s", first, *found.ImageDetails[0].ImageDigest)
	}
	if second := a.build(builds, a.output("shop-foundation", "ImageProjectName"), a.output("shop-foundation", "RepositoryURI")); second != first {
		t.Errorf("an immutable tag moved from %s to %s", first, second)
	}
}

func TestBuildFailsInAPhase(t *testing.T) {
	a := newAccount(t)
	a.createStack("shop-foundation", read(t, "foundation.yaml"), nil)
	a.OnBuild(func(b awsdouble.Build) awsdouble.BuildResult {
		return awsdouble.BuildResult{FailedPhase: "BUILD", Message: "exit status 1", Log: []string{"no space left for " + b.Environment[contract.VarIdentity]}}
	})
	b := a.finishedBuild(codebuild.NewFromConfig(a.Config()), a.output("shop-foundation", "ImageProjectName"), "")
	if b.BuildStatus != cbtypes.StatusTypeFailed {
		t.Fatalf("build ends in %s", b.BuildStatus)
	}
	failed := b.Phases[len(b.Phases)-2]
	if failed.PhaseType != "BUILD" || failed.PhaseStatus != "FAILED" || *failed.Contexts[0].Message != "exit status 1" {
		t.Errorf("the failing phase is %+v", failed)
	}
	logs := cloudwatchlogs.NewFromConfig(a.Config())
	lines := must[*cloudwatchlogs.GetLogEventsOutput](t)(logs.GetLogEvents(a.ctx, &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: b.Logs.GroupName, LogStreamName: b.Logs.StreamName,
	}))
	if len(lines.Events) != 1 || *lines.Events[0].Message != "no space left for "+identity {
		t.Errorf("log: %+v", lines.Events)
	}
}
