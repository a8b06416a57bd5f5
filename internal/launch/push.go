package launch

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"slipway/internal/contract"
)

// ErrNoPipeline says that there is no pipeline to hand a source to.
var ErrNoPipeline = errors.New("there is no pipeline")

// Pushed is a source that a pipeline has.
type Pushed struct {
	Pipeline string // its name
	Version  string // of the object that it takes its source from, in the bucket
	New      bool   // it was uploaded now; otherwise the pipeline had it already
}

// Push hands the working tree to the pipeline, which starts with it, and changes nothing else: no stack, and so it takes no
// turn. A source that the pipeline has already is not handed over again.
func (l *Launcher) Push(ctx context.Context) (Pushed, error) {
	if from := l.Config.Pipeline.Source; from.Connected() {
		return Pushed{}, fmt.Errorf("the pipeline takes its source from branch %s of %s: push to it with git", from.Branch, from.Repository)
	}
	if err := l.identify(ctx, l.regionGiven); err != nil {
		return Pushed{}, err
	}
	bucket, err := l.bucket(ctx)
	if err != nil {
		return Pushed{}, err
	}
	home, err := l.describe(ctx, contract.EnvironmentStackName(l.Config.Name, l.Config.Pipeline.Environment))
	if err != nil {
		return Pushed{}, err
	}
	p := Pushed{Pipeline: home.outputs[contract.KeyPipelineName]}
	if bucket == "" || p.Pipeline == "" || !hasRun(home) && !inProgress(home.status) {
		return p, fmt.Errorf("%w: it is in environment %s, which is not up: ./scripts/deploy.sh --environment %s brings it up, with this source", ErrNoPipeline,
			l.Config.Pipeline.Environment, l.Config.Pipeline.Environment)
	}
	if p.Version, err = l.sourceVersion(ctx, bucket); err != nil || p.Version != "" {
		return p, err
	}
	p.New = true
	p.Version, err = l.putSource(ctx, bucket)
	return p, err
}

// sourceVersion is the version of source.zip, if it holds this source; otherwise it is empty.
func (l *Launcher) sourceVersion(ctx context.Context, bucket string) (string, error) {
	out, err := l.aws.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(contract.SourceObject)})
	if is(err, notFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look for s3://%s/%s: %w", bucket, contract.SourceObject, Explain(err))
	}
	if out.Metadata[metadataIdentity] != l.Source.Identity() {
		return "", nil
	}
	return aws.ToString(out.VersionId), nil
}

// putSource writes source.zip, which starts the pipeline, and returns its version.
func (l *Launcher) putSource(ctx context.Context, bucket string) (string, error) {
	zip, err := l.zip()
	if err != nil {
		return "", err
	}
	defer discard(zip)
	out, err := l.aws.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String(contract.SourceObject), Body: zip,
		Metadata: map[string]string{metadataIdentity: l.Source.Identity()},
	})
	if err != nil {
		return "", fmt.Errorf("upload %s: %w", contract.SourceObject, Explain(err))
	}
	l.Progress.Line("uploaded %s for the pipeline", contract.SourceObject)
	return aws.ToString(out.VersionId), nil
}
