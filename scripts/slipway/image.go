package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/image"
	"slipway/internal/launch"
	"slipway/internal/source"
)

// stageImage builds the image of the working tree, looks at what is in it, and exports its digest reference.
func (a *app) stageImage(ctx context.Context) error {
	root, cfg, err := project()
	if err != nil {
		return err
	}
	repository, err := a.variable(contract.VarRepositoryURI, "the image repository, account.dkr.ecr.region.amazonaws.com/name")
	if err != nil {
		return err
	}
	tree, err := source.List(ctx, root)
	if err != nil {
		return err
	}
	identity := tree.Identity()
	if want := a.getenv(contract.VarIdentity); want != "" && want != identity {
		return fmt.Errorf("this source is %s and not %s, which was to be built: it was changed on its way", identity, want)
	}
	digest, err := a.imageOf(ctx, cfg, repository, tree)
	if err != nil {
		return err
	}
	reference := repository + "@" + digest
	set, err := launch.TemplateSet(os.DirFS(filepath.Join(root, contract.TemplatesDir)))
	if err != nil {
		return err
	}
	fmt.Fprintf(a.err, "image %s, templates %s\n", reference, set)
	return export(root, map[string]string{contract.VarImageURI: reference, contract.VarTemplateSet: set})
}

// imageRequest names the image after its source: the tag is the identity, whatever git calls it.
func (a *app) imageRequest(service config.Service, repository string, tree source.Tree) image.Request {
	identity := tree.Identity()
	return image.Request{
		Root: tree.Root, Repository: repository, Tag: identity, Version: identity[:12], Log: a.err, Build: image.Build(service.Build),
		Commit: cmp.Or(tree.Commit, "unknown"), // a source without git has none
	}
}

// imageOf returns the digest of the source's image, which is built once. An image that is looked at and refused gets no
// tag, so that nobody takes it for this source's; it expires.
func (a *app) imageOf(ctx context.Context, cfg config.Config, repository string, tree source.Tree) (string, error) {
	settings, err := a.awsConfig(ctx, where{})
	if err != nil {
		return "", err
	}
	settings = launch.Patient(settings)
	r := a.imageRequest(cfg.Service, repository, tree)
	if err := address(ctx, settings, cfg.Service, &r); err != nil {
		return "", err
	}
	if digest, found, err := image.Digest(ctx, r); err != nil || found {
		return digest, err
	}
	built, err := buildImage(ctx, settings, r)
	if err != nil {
		return "", err
	}
	defer built.Close()
	i := inspection{app: a, cfg: cfg, settings: settings, repository: repository, tree: tree, image: built, bill: contract.BillFile}
	if err := i.run(ctx); err != nil {
		return "", fmt.Errorf("the image of source %s is not released: %w", r.Version, err)
	}
	// First, so that whoever finds the image finds what asks it.
	if cfg.Visits() {
		if err := i.visitor(ctx, r); err != nil {
			return "", fmt.Errorf("the image of source %s is not released, for that of its acceptance task: %w", r.Version, err)
		}
	}
	return built.Name(ctx)
}

// visitor makes the image of the task that asks where not everybody may: once for each source, since it lives as long as the
// source's own image does, and looked at as that one is.
func (i inspection) visitor(ctx context.Context, r image.Request) error {
	r.Tag = contract.VisitorTag(r.Tag)
	if _, found, err := image.Digest(ctx, r); err != nil || found {
		return err
	}
	built, err := image.Program(ctx, r, "./scripts/visitor")
	if err != nil {
		return err
	}
	defer built.Close()
	i.image, i.bill = built, contract.VisitorBillFile
	fmt.Fprintln(i.err, "the image of the acceptance task:")
	if err := i.run(ctx); err != nil {
		return err
	}
	_, err = built.Name(ctx)
	return err
}

// address completes a request with where the endpoint is: the registry of AWS with a fresh login, or the local engine's,
// which stands at the endpoint itself.
func address(ctx context.Context, settings aws.Config, service config.Service, r *image.Request) (err error) {
	platforms := map[config.Architecture]string{config.X86: "linux/amd64", config.ARM64: "linux/arm64"}
	r.Platforms = []string{platforms[service.Architecture]}
	if onEngine(settings) {
		_, name, _ := strings.Cut(r.Repository, "/")
		r.Repository = strings.TrimPrefix(aws.ToString(settings.BaseEndpoint), "http://") + "/" + name
		r.Insecure, r.Platforms = true, []string{"linux/" + runtime.GOARCH}
	} else {
		r.Username, r.Password, err = registryLogin(ctx, settings)
	}
	if service.BothArchitectures {
		r.Platforms = slices.Sorted(maps.Values(platforms))
	}
	return err
}

func onEngine(settings aws.Config) bool { return settings.BaseEndpoint != nil }

// buildImage builds with Docker. For the local engine alone the image may be made without.
func buildImage(ctx context.Context, settings aws.Config, r image.Request) (*image.Image, error) {
	dockerless := image.DockerAvailable(ctx)
	if dockerless == nil {
		built, err := image.WithDocker(ctx, r)
		if !onEngine(settings) || !errors.Is(err, image.ErrBaseImage) {
			return built, err
		}
		dockerless = err
	}
	if !onEngine(settings) {
		return nil, fmt.Errorf("no Docker engine answers, and an image for AWS is built from the Dockerfile: %w", dockerless)
	}
	reason, _, _ := strings.Cut(dockerless.Error(), "\n")
	fmt.Fprintf(r.Log, "%s (%s)\n", contract.WithoutDocker, reason)
	return image.Daemonless(ctx, r)
}

func registryLogin(ctx context.Context, settings aws.Config) (user, password string, err error) {
	out, err := ecr.NewFromConfig(settings).GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return "", "", fmt.Errorf("log in to the image registry: %w", err)
	}
	if len(out.AuthorizationData) == 0 {
		return "", "", errors.New("log in to the image registry: it gave no token")
	}
	token, err := base64.StdEncoding.DecodeString(aws.ToString(out.AuthorizationData[0].AuthorizationToken))
	user, password, ok := strings.Cut(string(token), ":")
	if err != nil || !ok {
		return "", "", errors.New("log in to the image registry: its token is not user:password in base64")
	}
	return user, password, nil
}
