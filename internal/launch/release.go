package launch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"slipway/internal/cause"
	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/evidence"
	"slipway/internal/plan"
	"slipway/internal/release"
)

// recordTime is how long the end of a release may take to be recorded once the run was interrupted.
const recordTime = 20 * time.Second

// maxRecordedError is how much of an error a record keeps, in bytes.
const maxRecordedError = 500

// delivery is one change of an environment on its way to being a release.
type delivery struct {
	l       *Launcher
	f       foundation
	store   release.Store
	earlier []release.Record // newest first, as far as the newest that stands
	record  release.Record
	set     func(context.Context) (release.Set, error) // what the templates are of; called once, when the change begins
	begun   bool
}

// deliver brings an environment to what the request says, follows the service until it is really the one deployed, asks it
// for its contract, prints the outputs, and records how that came out.
func (l *Launcher) deliver(ctx context.Context, d *delivery, env config.Environment, root stack, r request, o DeployOptions) error {
	if err := d.prepare(ctx, env, r); err != nil {
		return err
	}
	r.begin = func(ctx context.Context, p plan.Plan) (err error) {
		if err := o.stillOver(d.earlier); err != nil {
			return err
		}
		if d.record.Plan, err = json.Marshal(p); err != nil {
			return err
		}
		return d.begin(ctx)
	}
	if l.runsBefore(root, r.parameters[contract.KeyImageURI], d.earlier) {
		updated, err := l.runBefore(ctx, d, env, root, &r)
		if err != nil {
			return d.end(ctx, updated, false, err)
		}
		root = updated
	}
	updated, err := l.applyRoot(ctx, r, root)
	if err != nil {
		return d.end(ctx, updated, false, err)
	}
	if l.past == nil { // going back to a release leaves a person's protection as it is
		err = l.protect(ctx, env, updated, o)
	}
	if err == nil {
		err = l.verify(ctx, env, updated)
	}
	if err := d.end(ctx, updated, true, err); err != nil {
		return err
	}
	if !o.ByPipeline {
		l.notes(ctx, env, updated)
	}
	l.printOutputs(env, r.parameters[contract.KeyImageURI], updated)
	return nil
}

// newDelivery is a change to an environment with the templates of the working tree.
func (l *Launcher) newDelivery(f foundation, o DeployOptions) *delivery {
	d := &delivery{l: l, f: f, store: l.releases(f.bucket), record: release.Record{Kind: release.Deployment, Execution: o.Execution}}
	d.set = func(ctx context.Context) (release.Set, error) {
		origin := l.Source.Origin()
		d.record.TemplateSource = release.Source(origin)
		return l.uploadSet(ctx, f.bucket)
	}
	return d
}

func (l *Launcher) releases(bucket string) release.Store {
	return release.Store{S3: l.aws.s3, Bucket: bucket}
}

// prepare puts the record together as far as it is known before.
func (d *delivery) prepare(ctx context.Context, env config.Environment, r request) (err error) {
	if d.earlier, err = d.store.Latest(ctx, env.Name); err != nil {
		return Explain(err)
	}
	d.record.Environment, d.record.By = env.Name, d.l.owner()
	d.record.Branch = d.l.Config.RouteTo(env.Name).Branch
	d.record.Image, d.record.Template, d.record.Parameters = r.parameters[contract.KeyImageURI], r.url, r.parameters
	return nil
}

// begin makes sure that all that the release names stays, and records that it begins.
func (d *delivery) begin(ctx context.Context) error {
	set, err := d.set(ctx)
	if err != nil {
		return err
	}
	if d.record.Set, _, err = set.Encode(); err != nil {
		return err
	}
	d.record.TemplateSet = set.Hash()
	identity, err := d.l.keepImage(ctx, d.f, d.record.Image)
	if err != nil {
		return err
	}
	if visitor := d.record.Parameters[contract.KeyVisitorImageURI]; visitor != "" && visitor != d.record.Image {
		if _, err := d.l.keepImage(ctx, d.f, visitor); err != nil {
			return err
		}
	}
	d.record.Source = d.sourceOf(identity)
	d.record.Began = time.Now().UTC()
	if d.record, err = d.store.Begin(ctx, d.record); err != nil {
		return fmt.Errorf("nothing was changed, since it could not be recorded: %w", Explain(err))
	}
	d.begun = true
	d.l.Progress.Line("%s: release %d", contract.EnvironmentStackName(d.l.Config.Name, d.record.Environment), d.record.Number)
	return nil
}

// sourceOf is what an image was built from, by its tag: the working tree, or what an earlier record says of the same image.
func (d *delivery) sourceOf(identity string) release.Source {
	if d.record.Source.Identity != "" {
		return d.record.Source
	}
	if d.l.Source != nil && d.l.Source.Identity() == identity {
		return release.Source(d.l.Source.Origin())
	}
	for _, r := range d.earlier {
		if r.Image == d.record.Image && r.Source.Commit != "" {
			return r.Source
		}
	}
	return release.Source{Identity: identity}
}

// end records how the change came out. applied says that the stack holds it. Where nothing was changed there is nothing
// to record, unless no record tells of what is there: an earlier run was cut off, or was of a slipway that kept none.
// What was cut off stays unfinished: what CloudFormation has begun goes on.
func (d *delivery) end(ctx context.Context, after stack, applied bool, failure error) error {
	if ctx.Err() != nil || errors.Is(failure, ErrInterrupted) {
		return failure
	}
	ctx, cancel := outliving(ctx, d.l.recording)
	defer cancel()
	if !d.begun {
		if failure != nil || d.told() {
			return failure
		}
		if err := d.begin(ctx); err != nil {
			return err
		}
	}
	known, ok := errors.AsType[*Failure](failure)
	if !applied && !ok {
		return failure // nobody knows how it goes on
	}
	d.record.Result, d.record.Stands, d.record.Ended = release.Succeeded, applied, time.Now().UTC()
	if failure != nil {
		d.record.Result, d.record.Cause = release.Failed, cause.Unknown
		text, _, _ := strings.Cut(failure.Error(), "\n")
		d.record.Error = evidence.Clean(text[:min(len(text), maxRecordedError)])
	}
	if ok {
		d.record.Cause = known.Cause.Name
	}
	if !applied && (after.status == types.StackStatusUpdateRollbackComplete || after.status == types.StackStatusRollbackComplete) {
		d.record.Result = release.RolledBack
	}
	if err := d.store.End(ctx, d.record); err != nil {
		return errors.Join(failure, fmt.Errorf("environment %s was changed, and how that came out could not be recorded: %w", d.record.Environment, Explain(err)))
	}
	return failure
}

// outliving is a context that ends so long after its parent has ended, and not before.
func outliving(parent context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() { time.AfterFunc(by, cancel) })
	return ctx, func() {
		stop()
		cancel()
	}
}

// told says whether the newest record tells of what is wanted, and that it went well.
func (d *delivery) told() bool {
	return len(d.earlier) > 0 && d.earlier[0].Result == release.Succeeded && d.earlier[0].Same(d.record)
}

// owner is who runs this, and where.
func (l *Launcher) owner() string {
	if l.Machine == "" {
		return l.caller
	}
	return l.caller + " on " + l.Machine
}

// uploadSet uploads all templates of the working tree, those of other environments included, and the list of them: with it a
// release can be gone back to, or promoted, when its source is gone.
func (l *Launcher) uploadSet(ctx context.Context, bucket string) (release.Set, error) {
	set := release.Set{Parameters: map[string]map[string]string{}, Slipway: l.Slipway}
	for _, env := range l.Config.Environments {
		set.Parameters[env.Name] = l.Config.RootParameters(env)
	}
	var err error
	if set.Files, err = templateFiles(l.Templates); err != nil {
		return set, err
	}
	for _, path := range slices.Sorted(maps.Keys(set.Files)) {
		if _, err := l.uploadTemplate(ctx, bucket, path); err != nil {
			return set, err
		}
	}
	key, text, err := set.Encode()
	if err == nil {
		err = l.putOnce(ctx, bucket, key, bytes.NewReader(text))
	}
	if err != nil {
		return set, fmt.Errorf("upload the list of the templates: %w", err)
	}
	return set, nil
}

// keepImage gives an image the tag that keeps the registry from ever expiring it, and returns the identity of its source.
// It needs ecr:DescribeImages and, the first time, ecr:BatchGetImage and ecr:PutImage
// (docs.aws.amazon.com/AmazonECR/latest/userguide/image-retag.html).
func (l *Launcher) keepImage(ctx context.Context, f foundation, reference string) (identity string, err error) {
	digest, err := digestOfReference(f, reference)
	if err != nil {
		return "", err
	}
	tags, err := l.tagsOf(ctx, f, digest)
	if err != nil {
		return "", err
	}
	keep := contract.ReleaseTag(digest)
	for _, tag := range tags {
		if tag == keep {
			return contract.SourceTag(tags), nil
		}
	}
	got, err := l.aws.registry.BatchGetImage(ctx, &ecr.BatchGetImageInput{
		RepositoryName: aws.String(f.repository), ImageIds: []ecrtypes.ImageIdentifier{{ImageDigest: aws.String(digest)}},
	})
	if err == nil && len(got.Images) == 0 {
		err = errors.New("the registry does not give its manifest")
	}
	if err == nil {
		_, err = l.aws.registry.PutImage(ctx, &ecr.PutImageInput{
			RepositoryName: aws.String(f.repository), ImageTag: aws.String(keep), ImageDigest: aws.String(digest),
			ImageManifest: got.Images[0].ImageManifest, ImageManifestMediaType: got.Images[0].ImageManifestMediaType,
		})
	}
	if err != nil && !is(err, imageTagged) {
		return "", fmt.Errorf("tag the image %s as released, so that it never expires: %w", reference, Explain(err))
	}
	return contract.SourceTag(tags), nil
}

// digestOfReference is the digest of an image of the foundation's repository.
func digestOfReference(f foundation, reference string) (string, error) {
	digest, ours := strings.CutPrefix(reference, f.repositoryURI+"@")
	if !ours {
		return "", fmt.Errorf("the image %s is not of the repository %s: a release could not be gone back to", reference, f.repositoryURI)
	}
	return digest, nil
}

// tagsOf are the tags of the image with this digest.
func (l *Launcher) tagsOf(ctx context.Context, f foundation, digest string) ([]string, error) {
	out, err := l.aws.registry.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RepositoryName: aws.String(f.repository), ImageIds: []ecrtypes.ImageIdentifier{{ImageDigest: aws.String(digest)}},
	})
	if is(err, notFound) || err == nil && len(out.ImageDetails) == 0 {
		return nil, fmt.Errorf("the repository %s has no image %s (any more): deploy its source again, or another release", f.repository, digest)
	}
	if err != nil {
		return nil, fmt.Errorf("look for image %s in repository %s: %w", digest, f.repository, Explain(err))
	}
	return out.ImageDetails[0].ImageTags, nil
}
