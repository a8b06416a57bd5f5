package launch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	smithytime "github.com/aws/smithy-go/time"

	"slipway/internal/contract"
	"slipway/internal/evidence"
)

// image returns the digest reference of the source's image. It is built once: where the registry has the tag already,
// its digest is used again.
func (l *Launcher) image(ctx context.Context, f foundation) (string, error) {
	identity := l.Source.Identity()
	digest, err := l.digestOf(ctx, f, identity)
	if err != nil {
		return "", err
	}
	if digest != "" {
		l.Progress.Line("the image of source %s is there already", identity[:12])
		return f.repositoryURI + "@" + digest, nil
	}
	if err := l.uploadSource(ctx, f.bucket); err != nil {
		return "", err
	}
	if err := l.build(ctx, f, identity); err != nil {
		return "", err
	}
	if digest, err = l.digestOf(ctx, f, identity); err != nil {
		return "", err
	}
	if digest == "" {
		return "", fmt.Errorf("the image build succeeded but the repository %s has no image tagged %s: does the stage %q of scripts/stage.sh still push?", f.repository, identity, contract.StageImage)
	}
	return f.repositoryURI + "@" + digest, nil
}

// digestOf asks the registry which digest a tag names; empty where there is no such tag.
func (l *Launcher) digestOf(ctx context.Context, f foundation, tag string) (string, error) {
	out, err := l.aws.registry.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RepositoryName: aws.String(f.repository), ImageIds: []ecrtypes.ImageIdentifier{{ImageTag: aws.String(tag)}},
	})
	if is(err, notFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look for image %s in repository %s: %w", tag, f.repository, Explain(err))
	}
	if len(out.ImageDetails) == 0 {
		return "", nil
	}
	return aws.ToString(out.ImageDetails[0].ImageDigest), nil
}

// build runs the image project on the uploaded source and shows its log.
func (l *Launcher) build(ctx context.Context, f foundation, identity string) error {
	l.Progress.Line("building the image of source %s", identity[:12])
	// The same token within five minutes gives the same build: a second run after a kill joins the first one's.
	started, err := l.startBuild(ctx, f, identity, "image-"+identity)
	if err == nil && started.BuildStatus != types.StatusTypeInProgress {
		started, err = l.startBuild(ctx, f, identity, newToken("image")) // that one has ended, and came to nothing
	}
	if err != nil {
		return err
	}
	build, err := l.followBuild(ctx, aws.ToString(started.Id), f.imageLogGroup)
	if err != nil {
		return err
	}
	if build.BuildStatus == types.StatusTypeSucceeded {
		return nil
	}
	return l.buildFailed("image build", evidence.Build(ctx, l.aws.evidence(), aws.ToString(build.Id)))
}

// startBuild starts the build of this token, or finds it. Where the account may not run one more at the moment it waits: a
// new account often may run a single one, and the pipeline's are builds too.
func (l *Launcher) startBuild(ctx context.Context, f foundation, identity, token string) (types.Build, error) {
	in := &codebuild.StartBuildInput{
		ProjectName:            aws.String(f.imageProject),
		SourceTypeOverride:     types.SourceTypeS3,
		SourceLocationOverride: aws.String(f.bucket + "/" + contract.SourceKey(identity)),
		// The project's own artifacts are the pipeline's; without this the build is refused.
		ArtifactsOverride: &types.ProjectArtifacts{Type: types.ArtifactsTypeNoArtifacts},
		EnvironmentVariablesOverride: []types.EnvironmentVariable{
			{Name: aws.String(contract.VarStage), Value: aws.String(contract.StageImage), Type: types.EnvironmentVariableTypePlaintext},
			{Name: aws.String(contract.VarIdentity), Value: aws.String(identity), Type: types.EnvironmentVariableTypePlaintext},
		},
		IdempotencyToken: aws.String(token),
	}
	for start, told := time.Now(), false; ; {
		started, err := l.aws.builds.StartBuild(ctx, in)
		switch {
		case err == nil && started.Build == nil:
			return types.Build{}, errors.New("start the image build: the answer says nothing of it; run the same command again, which finds it")
		case err == nil:
			return *started.Build, nil
		case is(err, noBuildsAllowed):
			return types.Build{}, fmt.Errorf("start the image build: %w\nthis account may not run any build yet, which happens with new ones: ask AWS for it (Service Quotas, AWS CodeBuild, concurrently running builds; or the support), and run the same command again", err)
		case !is(err, buildQueueFull) || time.Since(start) > l.queue:
			return types.Build{}, fmt.Errorf("start the image build: %w", Explain(err))
		case !told:
			told = true
			l.Progress.Line("the account runs as many builds as it may at a time; waiting at most %s for one to end, such as the pipeline's", l.queue)
		}
		if err := smithytime.SleepWithContext(ctx, l.Poll); err != nil {
			return types.Build{}, fmt.Errorf("%w while waiting to start the image build; run the same command again", ErrInterrupted)
		}
	}
}

// buildQueueTimeout is how long to wait for other builds of an account to end: less than the pipeline's deployment waits for
// this run to end.
const buildQueueTimeout = 20 * time.Minute

// followBuild shows a build's log as it comes, until the build has ended.
func (l *Launcher) followBuild(ctx context.Context, id, logGroup string) (types.Build, error) {
	tail := logTail{l: l, group: logGroup}
	line := l.newLine("build " + id)
	for {
		out, err := l.aws.builds.BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: []string{id}})
		switch {
		case ctx.Err() != nil:
			return types.Build{}, fmt.Errorf("%w while following the build %s, which goes on; run the same command again", ErrInterrupted, id)
		case err != nil && !passing(err):
			return types.Build{}, fmt.Errorf("ask about build %s: %w", id, Explain(err))
		case err != nil:
			if err := line.lost(Explain(err)); err != nil {
				return types.Build{}, err
			}
		case len(out.Builds) == 0:
			return types.Build{}, fmt.Errorf("build %s is gone", id)
		default:
			line.kept()
			build := out.Builds[0]
			if build.Logs != nil {
				tail.show(ctx, aws.ToString(build.Logs.StreamName))
			}
			if build.BuildStatus != types.StatusTypeInProgress {
				return build, nil
			}
		}
		if err := smithytime.SleepWithContext(ctx, l.Poll); err != nil {
			continue // the next look says that it was interrupted
		}
	}
}

// logTail shows a log stream from where it was last left. A log that cannot be read hides nothing but the log; one that may
// not be is said once.
type logTail struct {
	l       *Launcher
	group   string
	next    *string
	refused bool
	shown   bool // something was
}

func (t *logTail) show(ctx context.Context, stream string) {
	if stream == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		out, err := t.l.aws.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: aws.String(t.group), LogStreamName: aws.String(stream), NextToken: t.next, StartFromHead: aws.Bool(true),
		})
		if is(err, notAllowed) && !t.refused {
			t.l.Progress.Line("  its log cannot be read, and is not shown: %s", words(err))
			t.refused = true
		}
		if err != nil {
			return
		}
		for _, e := range out.Events {
			t.l.Progress.Line("  | %s", strings.TrimRight(aws.ToString(e.Message), "\n"))
			t.shown = true
		}
		// At the end of the stream the same token comes back.
		if aws.ToString(out.NextForwardToken) == aws.ToString(t.next) {
			return
		}
		t.next = out.NextForwardToken
	}
}
