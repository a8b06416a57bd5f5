// Package image builds the image of a working tree for one platform or several, and pushes it: with Docker from the
// Dockerfile, or, for the local engine, without Docker. An image is pushed under its digest first, so that it can be looked
// at, and named by its tag last: whoever finds the tag finds an image that may be used. It does not look at slipway.yaml and
// knows nothing of AWS.
package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Request says what to build and where to push it.
type Request struct {
	Root       string   // of the working tree: where go.mod and the Dockerfile are
	Repository string   // registry/repository, as pushed to
	Tag        string   // not there yet; a tag that is there keeps its image
	Platforms  []string // linux/amd64, linux/arm64 or both
	Version    string   // built into the service and into the image's labels, as is Commit
	Commit     string
	Insecure   bool      // the registry speaks plain HTTP
	Log        io.Writer // what the tools say; nil for nothing
	Build      Build     // how to do without the Dockerfile; empty for the service in ./web
	Username   string    // for the registry; empty: as Docker is logged in, or nobody
	Password   string

	limits limits // where not the standard ones
}

// Build is a command, run in the root, and the executable that it leaves there.
type Build struct {
	Command []string
	Binary  string // its path from the root, with slashes
}

// ErrBaseImage says that Docker works, but that the image which the Dockerfile builds on could not be pulled.
var ErrBaseImage = errors.New("the base image cannot be pulled")

// plain holds what passes unchanged through the linker's flags, a shell and a label.
var plain = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)

// target is a checked request.
type target struct {
	Request
	tag       name.Tag
	platforms []v1.Platform
	program   string // its name, where it is not the service
}

func (r Request) check() (target, error) {
	if r.Log == nil {
		r.Log = io.Discard
	}
	for what, value := range map[string]string{"version": r.Version, "commit": r.Commit} {
		if !plain.MatchString(value) {
			return target{}, fmt.Errorf("the image's %s is %q; it must be letters, digits and any of . _ + -", what, value)
		}
	}
	var platforms []v1.Platform
	for _, text := range r.Platforms {
		platform, err := v1.ParsePlatform(text)
		if err != nil || platform.OS != "linux" || platform.Architecture == "" {
			return target{}, fmt.Errorf("the image's platform is %q; it must be linux/amd64 or linux/arm64", text)
		}
		platforms = append(platforms, *platform)
	}
	if len(platforms) == 0 {
		return target{}, errors.New("the image has no platform; it must be linux/amd64, linux/arm64 or both")
	}
	tag, err := r.reference()
	return target{Request: r, tag: tag, platforms: platforms}, err
}

func (r Request) reference() (name.Tag, error) {
	options := []name.Option{name.StrictValidation}
	if r.Insecure {
		options = append(options, name.Insecure)
	}
	tag, err := name.NewTag(r.Repository+":"+r.Tag, options...)
	if err != nil {
		return name.Tag{}, fmt.Errorf("repository %q and tag %q do not name an image: %w", r.Repository, r.Tag, err)
	}
	return tag, nil
}

func (r Request) authentication() remote.Option {
	if r.Username == "" {
		return remote.WithAuth(authn.Anonymous)
	}
	return remote.WithAuth(&authn.Basic{Username: r.Username, Password: r.Password})
}

// Digest asks the registry for the digest ("sha256:...") of the tag; false where there is no such tag or repository.
// Only Repository, Tag, Insecure and the login are read.
func Digest(ctx context.Context, r Request) (string, bool, error) {
	tag, err := r.reference()
	if err != nil {
		return "", false, err
	}
	found, err := remote.Head(tag, r.options(ctx)...)
	if answer, ok := errors.AsType[*transport.Error](err); ok && answer.StatusCode == http.StatusNotFound {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("ask the registry for %s: %w", tag, err)
	}
	return found.Digest.String(), true, nil
}
