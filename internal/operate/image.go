package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"slipway/internal/awserr"
	"slipway/internal/contract"
	"slipway/internal/source"
)

// Image is what runs, and what it was built from as far as that is still kept.
type Image struct {
	Reference string `json:"reference" doc:"registry/repository@sha256:..."`
	Digest    string `json:"digest" doc:"sha256:...; empty where somebody deployed a tag"`
	Source    string `json:"source,omitempty" doc:"identity of the source, which is the image's tag"`
	Commit    string `json:"commit,omitempty" doc:"git commit of the source"`
	Dirty     bool   `json:"dirty,omitempty" doc:"the source differed from the commit"`
}

// image finds out where an image is from: its tag names its source, whose zip names the commit.
func (o *Operator) image(ctx context.Context, reference string, foundation Stack) (*Image, error) {
	if reference == "" {
		return nil, nil
	}
	i := &Image{Reference: reference}
	repository, digest, byDigest := strings.Cut(reference, "@")
	if !byDigest {
		return i, nil
	}
	i.Digest = digest
	if repository != foundation.outputs[contract.KeyRepositoryURI] {
		return i, nil
	}
	var err error
	if i.Source, err = o.tagOf(ctx, foundation.outputs[contract.KeyRepositoryName], digest); err != nil || i.Source == "" {
		return i, err
	}
	origin, err := o.origin(ctx, foundation.outputs[contract.KeyBucketName], contract.SourceKey(i.Source))
	i.Commit, i.Dirty = origin.Commit, origin.Dirty
	return i, err
}

// tagOf is the image's tag that names its source; empty where the registry has it no more.
func (o *Operator) tagOf(ctx context.Context, repository, digest string) (string, error) {
	out, err := o.registry.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: &repository, ImageIds: []ecrtypes.ImageIdentifier{{ImageDigest: &digest}}})
	if awserr.Is(err, "ImageNotFoundException", "RepositoryNotFoundException") || err == nil && len(out.ImageDetails) == 0 {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look for the image in repository %s: %w", repository, err)
	}
	return contract.SourceTag(out.ImageDetails[0].ImageTags), nil
}

// origin reads where a source is from; nothing, where it is kept no more.
func (o *Operator) origin(ctx context.Context, bucket, key string) (source.Origin, error) {
	head, err := o.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if awserr.Is(err, "NotFound", "NoSuchKey", "NoSuchBucket") {
		return source.Origin{}, nil
	}
	if err != nil {
		return source.Origin{}, fmt.Errorf("look for s3://%s/%s: %w", bucket, key, err)
	}
	size := aws.ToInt64(head.ContentLength)
	origin, err := source.ReadOrigin(&object{ctx: ctx, client: o.s3, bucket: bucket, key: key, size: size, blocks: map[int64][]byte{}}, size)
	if err != nil {
		return origin, fmt.Errorf("s3://%s/%s: %w", bucket, key, err)
	}
	return origin, nil
}

// blockSize is how much of an object is fetched at a time: a source's manifest and its zip's directory mostly fit.
const blockSize = 64 << 10

// object reads parts of an object in S3.
type object struct {
	ctx         context.Context
	client      *s3.Client
	bucket, key string
	size        int64
	blocks      map[int64][]byte // by their number
}

// ReadAt implements io.ReaderAt.
func (b *object) ReadAt(p []byte, at int64) (int, error) {
	done := 0
	for done < len(p) && at < b.size {
		block, err := b.block(at / blockSize)
		if err != nil {
			return done, err
		}
		n := copy(p[done:], block[at%blockSize:])
		done, at = done+n, at+int64(n)
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}

func (b *object) block(number int64) ([]byte, error) {
	if block := b.blocks[number]; block != nil {
		return block, nil
	}
	from, to := number*blockSize, min((number+1)*blockSize, b.size)
	out, err := b.client.GetObject(b.ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: &b.key, Range: aws.String(fmt.Sprintf("bytes=%d-%d", from, to-1))})
	if err != nil {
		return nil, err
	}
	block, err := io.ReadAll(out.Body)
	if err = errors.Join(err, out.Body.Close()); err == nil && int64(len(block)) != to-from {
		err = fmt.Errorf("it gave %d bytes where %d were asked for", len(block), to-from)
	}
	if err != nil {
		return nil, err
	}
	b.blocks[number] = block
	return block, nil
}
