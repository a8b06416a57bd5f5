package launch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"slipway/internal/config"
	"slipway/internal/contract"
)

// ErrNoPipeline says that there is no pipeline to hand a source to.
var ErrNoPipeline = errors.New("there is no pipeline")

// NoBranchError says that pipeline.branches has not the branch of a source.
type NoBranchError struct {
	Branch string   // empty where git has none checked out
	Named  []string // by slipway.yaml
}

func (e *NoBranchError) Error() string {
	if len(e.Named) == 0 {
		return fmt.Sprintf("slipway.yaml has no pipeline.branches: the source of %s goes to the only pipeline; leave --branch out", e.Branch)
	}
	named := strings.Join(e.Named, ", ")
	if e.Branch == "" {
		return "no branch is checked out, so it is not known which pipeline is meant; name it with --branch: " + named
	}
	return fmt.Sprintf("branch %s has no pipeline; pipeline.branches has %s: check one of them out, or name it with --branch", e.Branch, named)
}

// Pushed is a source that a pipeline has.
type Pushed struct {
	Branch   string // whose pipeline it is, where each branch has its own
	Pipeline string // its name
	Version  string // of the object that it takes its source from, in the bucket
	New      bool   // it was uploaded now; otherwise the pipeline had it already
}

// Push hands the working tree to the pipeline, which starts with it, and changes nothing else: no stack, and so it takes no
// turn. A source that the pipeline has already is not handed over again. The branch says to which pipeline, where each has its own.
func (l *Launcher) Push(ctx context.Context, branch string) (Pushed, error) {
	route, err := l.routeOf(branch)
	if err != nil {
		return Pushed{}, err
	}
	if from := l.Config.Pipeline.Source; from.Connected() {
		return Pushed{}, fmt.Errorf("the pipeline takes its source from branch %s of %s: push to it with git", cmp.Or(route.Branch, from.Branch), from.Repository)
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
	p := Pushed{Branch: route.Branch, Pipeline: home.outputs[contract.OfBranch(contract.KeyPipelineName, route.Slug)]}
	if bucket == "" || p.Pipeline == "" || !hasRun(home) && !inProgress(home.status) {
		return p, fmt.Errorf("%w: it is in environment %s, which is not up: ./scripts/deploy.sh --environment %s brings it up, with this source", ErrNoPipeline,
			l.Config.Pipeline.Environment, l.Config.Pipeline.Environment)
	}
	p.Version, p.New, err = l.handOver(ctx, bucket, route)
	return p, err
}

// routeOf is the route of a branch, or the only one where slipway.yaml names none.
func (l *Launcher) routeOf(branch string) (config.Route, error) {
	var named []string
	for _, route := range l.Config.Routes() {
		if route.Branch == branch {
			return route, nil
		}
		if route.Branch != "" {
			named = append(named, route.Branch)
		}
	}
	return config.Route{}, &NoBranchError{branch, named}
}

// handOverTries is how often a source is handed over where each time somebody else was faster.
const handOverTries = 5

// handOver has what a pipeline watches be this source, and returns its version and whether it is new. Each version that is written starts
// a run: so it is written in the place of just that which was looked at, and an upload whose answer was lost, or which comes twice, makes
// one (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
func (l *Launcher) handOver(ctx context.Context, bucket string, route config.Route) (version string, written bool, err error) {
	for range handOverTries {
		there, err := l.lookForSource(ctx, bucket, route)
		if err != nil {
			return "", false, err
		}
		if there != nil && there.Metadata[metadataIdentity] == l.Source.Identity() {
			return aws.ToString(there.VersionId), written, nil
		}
		written = true
		version, err := l.putSource(ctx, bucket, route, there)
		if !is(err, writtenSince) {
			return version, err == nil, err
		}
	}
	return "", false, fmt.Errorf("s3://%s/%s is being written all the time; run the command again", bucket, route.Source())
}

// hasSource says whether a pipeline was given some source before.
func (l *Launcher) hasSource(ctx context.Context, bucket string, route config.Route) (bool, error) {
	out, err := l.lookForSource(ctx, bucket, route)
	return out != nil, err
}

// lookForSource is nil where there is none.
func (l *Launcher) lookForSource(ctx context.Context, bucket string, route config.Route) (*s3.HeadObjectOutput, error) {
	out, err := l.aws.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(route.Source())})
	if is(err, notFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for s3://%s/%s: %w", bucket, route.Source(), Explain(err))
	}
	return out, nil
}

// putSource writes what a pipeline watches, in the place of what is there, if anything is, and returns the version.
func (l *Launcher) putSource(ctx context.Context, bucket string, route config.Route, there *s3.HeadObjectOutput) (string, error) {
	zip, err := l.zip()
	if err != nil {
		return "", err
	}
	defer discard(zip)
	in := &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String(route.Source()), Body: zip,
		Metadata: map[string]string{metadataIdentity: l.Source.Identity()}, IfNoneMatch: aws.String("*"),
	}
	if there != nil {
		in.IfNoneMatch, in.IfMatch = nil, there.ETag
	}
	out, err := l.aws.s3.PutObject(ctx, in)
	if err != nil {
		return "", fmt.Errorf("upload %s: %w", route.Source(), Explain(err))
	}
	l.Progress.Line("uploaded %s for the pipeline", route.Source())
	return aws.ToString(out.VersionId), nil
}
