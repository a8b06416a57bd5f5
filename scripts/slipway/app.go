package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/pflag"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/launch"
	"slipway/internal/local"
	"slipway/internal/source"
)

// app is what all commands share.
type app struct {
	streams
	getenv func(string) string
}

// where are the flags that say which account and Region a command works in.
type where struct {
	local           bool
	region, profile string
}

func (w *where) flags(f *pflag.FlagSet) {
	f.BoolVar(&w.local, "local", false, "work on this machine's local engine instead of AWS")
	f.StringVar(&w.region, "region", "", "AWS Region (default: AWS_REGION or the profile's)")
	f.StringVar(&w.profile, "profile", "", "profile of the AWS configuration files (default: AWS_PROFILE)")
}

// localPoll and awsPoll are the times between two looks: nobody else shares the local engine.
const (
	localPoll = 150 * time.Millisecond
	awsPoll   = 5 * time.Second
)

// project is the repository that the command was called in.
func project() (root string, cfg config.Config, err error) {
	if root, err = os.Getwd(); err != nil {
		return "", cfg, err
	}
	cfg, err = config.Load(filepath.Join(root, config.File))
	return root, cfg, err
}

// launcher puts a launcher together for AWS or, given an engine, for this machine.
func (a *app) launcher(ctx context.Context, root string, cfg config.Config, w where, engine *local.Engine) (*launch.Launcher, error) {
	tree, err := source.List(ctx, root)
	if err != nil {
		return nil, err
	}
	for _, path := range tree.Untracked {
		fmt.Fprintf(a.err, "warning: %s is neither tracked by git nor ignored, so it is not deployed\n", path)
	}
	o := launch.Options{
		Config: cfg, Templates: os.DirFS(filepath.Join(root, contract.TemplatesDir)), Source: tree, Records: filepath.Join(root, ".slipway"),
		Progress: a.err, Output: a.out,
	}
	if engine != nil {
		o.AWS, o.Poll = engine.AWSConfig(), localPoll
		return launch.New(o), nil
	}
	o.AWS, err = a.awsConfig(ctx, w)
	o.Poll = awsPoll
	if o.AWS.BaseEndpoint != nil {
		o.Poll = localPoll
	}
	return launch.New(o), err
}

// awsConfig reads the user's AWS configuration, and refuses one that leads elsewhere than to AWS: nobody should believe
// to be on AWS, or off it. What the local engine itself runs may use the engine's endpoint.
func (a *app) awsConfig(ctx context.Context, w where) (aws.Config, error) {
	var options []func(*awsconfig.LoadOptions) error
	if w.region != "" {
		options = append(options, awsconfig.WithRegion(w.region))
	}
	if w.profile != "" {
		options = append(options, awsconfig.WithSharedConfigProfile(w.profile))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return cfg, fmt.Errorf("read the AWS configuration: %w", err)
	}
	endpoint := aws.ToString(cfg.BaseEndpoint)
	for _, entry := range os.Environ() {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AWS_ENDPOINT_URL") && value != "" {
			endpoint = value
		}
	}
	if endpoint == "" || a.getenv(contract.VarLocalEngine) != "" && isLoopback(endpoint) {
		return cfg, nil
	}
	return cfg, fmt.Errorf("an endpoint of its own is configured for AWS (AWS_ENDPOINT_URL or endpoint_url: %s): slipway works on AWS itself or, with --local, on its own engine; take the setting away or add --local", endpoint)
}

func isLoopback(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}
