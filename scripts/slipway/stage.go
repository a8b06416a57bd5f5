package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/spf13/cobra"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/image"
	"slipway/internal/launch"
	"slipway/internal/source"
)

func (a *app) stageCommand() *cobra.Command {
	stages := map[string]func(context.Context) error{
		contract.StageImage:      a.stageImage,
		contract.StageDeploy:     a.stageDeploy,
		contract.StageAcceptance: a.stageAcceptance,
	}
	return &cobra.Command{
		Use:   "stage lint|unit|templates|security|image|deploy|acceptance",
		Short: "Run one stage of the pipeline, as its builds do",
		Long: fmt.Sprintf(`Runs one stage of the pipeline, as its builds do. lint, unit, templates and security need nothing. The others read variables:
  image        %[1]s, the repository to push to
  deploy       %[2]s and %[3]s, what to deploy where
  acceptance   %[2]s, which one to ask
What a stage exports stands in .slipway/stage.env afterwards; image exports %[3]s.`, contract.VarRepositoryURI, contract.VarEnvironment, contract.VarImageURI),
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || stages[args[0]] == nil {
				return usageError{fmt.Errorf("%s takes one stage (lint, unit, templates, security, image, deploy or acceptance), not %q; see %s --help",
					script(c), args, script(c))}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return stages[args[0]](c.Context()) },
	}
}

// stageImage builds the image of the working tree, pushes it and exports its digest reference.
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
	digest, err := a.buildImage(ctx, cfg, a.imageRequest(root, repository, tree))
	if err != nil {
		return err
	}
	reference := repository + "@" + digest
	fmt.Fprintf(a.err, "image %s\n", reference)
	return export(root, contract.VarImageURI, reference)
}

// imageRequest names the image after its source: the tag is the identity, whatever git calls it.
func (a *app) imageRequest(root, repository string, tree source.Tree) image.Request {
	identity := tree.Identity()
	return image.Request{
		Root: root, Repository: repository, Tag: identity, Version: identity[:12], Log: a.err,
		Commit: cmp.Or(tree.Commit, "unknown"), // a source without git has none
	}
}

// buildImage pushes where the endpoint is: to the registry of AWS with a fresh login, or to the local engine's, which
// stands at the endpoint itself. Only there may the image be made without Docker.
func (a *app) buildImage(ctx context.Context, cfg config.Config, r image.Request) (string, error) {
	settings, err := a.awsConfig(ctx, where{})
	if err != nil {
		return "", err
	}
	r.Build = image.Build(cfg.Service.Build)
	onEngine := settings.BaseEndpoint != nil
	if onEngine {
		_, name, _ := strings.Cut(r.Repository, "/")
		r.Repository = strings.TrimPrefix(aws.ToString(settings.BaseEndpoint), "http://") + "/" + name
		r.Insecure, r.Platform = true, "linux/"+runtime.GOARCH
	} else {
		r.Platform = map[config.Architecture]string{config.X86: "linux/amd64", config.ARM64: "linux/arm64"}[cfg.Service.Architecture]
		if r.Username, r.Password, err = registryLogin(ctx, settings); err != nil {
			return "", err
		}
	}
	if digest, found, err := image.Digest(ctx, r); err != nil || found {
		return digest, err
	}
	dockerless := image.DockerAvailable(ctx)
	if dockerless == nil {
		digest, err := image.WithDocker(ctx, r)
		if !onEngine || !errors.Is(err, image.ErrBaseImage) {
			return digest, err
		}
		dockerless = err
	}
	if !onEngine {
		return "", fmt.Errorf("no Docker engine answers, and an image for AWS is built from the Dockerfile: %w", dockerless)
	}
	reason, _, _ := strings.Cut(dockerless.Error(), "\n")
	fmt.Fprintf(r.Log, "building the image without Docker (%s)\n", reason)
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

// pipelineWait leaves the build time to deploy after it has waited for somebody's deployment by hand.
const pipelineWait = 45 * time.Minute

// stageDeploy deploys one image to one environment with the pipeline's rights.
func (a *app) stageDeploy(ctx context.Context) error {
	environment, err := a.variable(contract.VarEnvironment, "the environment to deploy to")
	if err != nil {
		return err
	}
	reference, err := a.variable(contract.VarImageURI, "the image to deploy, repository@sha256:...")
	if err != nil {
		return err
	}
	err = a.deploy(ctx, where{}, launch.DeployOptions{Environments: []string{environment}, Image: reference, ByPipeline: true, Wait: pipelineWait})
	return errors.Join(err, a.logReport(err))
}

// logReport writes a failure's whole report into the build's log, on a line of its own: the build's folder ends with it,
// and a build that failed hands no artifacts on.
func (a *app) logReport(err error) error {
	failure, ok := errors.AsType[*launch.Failure](err)
	if !ok {
		return nil
	}
	text, err := json.Marshal(failure)
	if err != nil {
		return fmt.Errorf("write the failure's report: %w", err)
	}
	_, err = fmt.Fprintf(a.err, "report %s\n", text)
	return err
}

// stageAcceptance asks an environment for its contract.
func (a *app) stageAcceptance(ctx context.Context) error {
	environment, err := a.variable(contract.VarEnvironment, "the environment to ask")
	if err != nil {
		return err
	}
	root, cfg, err := project()
	if err != nil {
		return err
	}
	l, err := a.launcher(ctx, root, cfg, where{}, nil)
	if err != nil {
		return err
	}
	if err := a.trust(l, nil); err != nil {
		return err
	}
	return l.Accept(ctx, environment)
}

func (a *app) variable(name, what string) (string, error) {
	if value := a.getenv(name); value != "" {
		return value, nil
	}
	return "", fmt.Errorf("the variable %s is not set: set it to %s", name, what)
}

// export leaves a variable for the build to read after the stage, quoted for any shell.
func export(root, name, value string) error {
	file := filepath.Join(root, ".slipway", "stage.env")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, fmt.Appendf(nil, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`)), 0o644)
}
