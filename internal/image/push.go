package image

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Image is one that is built. Close lets go of what it keeps on disk.
type Image struct {
	Parts  []Part // one a platform
	Digest string // "sha256:..."; of several platforms, the index's

	target  target
	content remote.Taggable // an image, or the index of several
	close   func()
}

// Part is the image of one platform.
type Part struct {
	Platform string // linux/amd64
	Image    v1.Image
	Digest   string
}

// Close removes what the image is read from.
func (i *Image) Close() { i.close() }

// join makes one image of those of the target's platforms: itself, where there is one, or an index of them.
func join(t target, images []v1.Image, closing func()) (*Image, error) {
	joined := &Image{target: t, close: closing}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for n, image := range images {
		digest, err := image.Digest()
		if err != nil {
			return nil, fmt.Errorf("the digest of the image for %s: %w", t.platforms[n].String(), err)
		}
		joined.Parts = append(joined.Parts, Part{t.platforms[n].String(), image, digest.String()})
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &t.platforms[n]}})
	}
	joined.Digest, joined.content = joined.Parts[0].Digest, images[0]
	if len(images) > 1 {
		digest, err := index.Digest()
		if err != nil {
			return nil, fmt.Errorf("the digest of the image of %d platforms: %w", len(images), err)
		}
		joined.Digest, joined.content = digest.String(), index
	}
	return joined, nil
}

// Push sends the image to the registry under its digest alone. Nobody who asks for the tag finds it yet.
func (i *Image) Push(ctx context.Context) error {
	reference := i.target.tag.Digest(i.Digest)
	options := i.target.options(ctx)
	_, err := remote.Head(reference, options...)
	if err == nil {
		return nil // as where an earlier build was stopped before it named it
	}
	if answer, ok := errors.AsType[*transport.Error](err); ok && answer.StatusCode == http.StatusNotFound {
		if index, several := i.content.(v1.ImageIndex); several {
			err = remote.WriteIndex(reference, index, options...)
		} else {
			err = remote.Write(reference, i.content.(v1.Image), options...)
		}
	}
	if err != nil {
		return fmt.Errorf("push %s: %w", reference, err)
	}
	return nil
}

// Name gives the pushed image its tag and returns the digest that the tag then has. Where the tag is immutable and another
// build was faster, its image is the one: ECR refuses a second image even if it is the same ("tag invalid: ... the tag is
// immutable").
func (i *Image) Name(ctx context.Context) (string, error) {
	t := i.target
	err := remote.Tag(t.tag, i.content, t.options(ctx)...)
	if err == nil {
		return i.Digest, nil
	}
	err = fmt.Errorf("name %s@%s %s: %w", t.Repository, i.Digest, t.Tag, err)
	if !saysImmutable(err.Error()) {
		return "", err
	}
	digest, found, asked := Digest(ctx, t.Request)
	if asked != nil || !found {
		return "", err
	}
	fmt.Fprintf(t.Log, "%s is there already and cannot be overwritten; its image is used\n", t.tag)
	return digest, nil
}

// saysImmutable recognizes the registries' words for a tag that cannot be given to another image.
func saysImmutable(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "immutable") || strings.Contains(text, "tag_invalid") || strings.Contains(text, "tag invalid")
}
