package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go/logging"

	"slipway/internal/contract"
)

// awsConfig reads the user's AWS configuration, and refuses one that leads elsewhere than to AWS.
func (a *app) awsConfig(ctx context.Context, w where) (aws.Config, error) {
	cfg, err := loadConfig(ctx, w, a.oneTimeCode(ctx))
	if err != nil {
		return cfg, err
	}
	hastenInstanceRole(&cfg)
	return cfg, a.checkEndpoints(cfg)
}

// oneTimeCode asks at a terminal for the code of a profile whose role wants MFA.
func (a *app) oneTimeCode(ctx context.Context) func() (string, error) {
	if !a.terminal() {
		return noCode
	}
	return func() (string, error) {
		code, err := a.ask(ctx, "MFA code: ")
		return strings.TrimSpace(code), err
	}
}

// noCode is where nobody can be asked.
func noCode() (string, error) {
	return "", errors.New("the profile's role wants MFA, and there is no terminal to ask for the code: run it at one, or make a session first (`aws configure export-credentials --format env`) and hand that on in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN")
}

// mfaSession is how long the session of a role with MFA lasts: as long as every role's may, so that a deployment asks once.
const mfaSession = time.Hour

// loadConfig reads the user's AWS configuration as it is; it calls nobody.
func loadConfig(ctx context.Context, w where, code func() (string, error)) (aws.Config, error) {
	options := []func(*awsconfig.LoadOptions) error{awsconfig.WithAssumeRoleCredentialOptions(func(o *stscreds.AssumeRoleOptions) {
		if o.SerialNumber != nil {
			o.Duration, o.TokenProvider = cmp.Or(o.Duration, mfaSession), code
		}
	})}
	options = append(options, awsconfig.WithLogger(logging.Nop{})) // its warnings are of the SDK's own doing, and would stand among a command's words
	if w.region != "" {
		options = append(options, awsconfig.WithRegion(w.region))
	}
	if w.profile != "" {
		options = append(options, awsconfig.WithSharedConfigProfile(w.profile))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if missing, ok := errors.AsType[awsconfig.SharedConfigProfileNotExistError](err); ok {
		return cfg, fmt.Errorf("the AWS configuration files have no profile %q (%s): name another with --profile or AWS_PROFILE",
			missing.Profile, strings.Join(missing.Filename, ", "))
	}
	if err != nil {
		return cfg, fmt.Errorf("read the AWS configuration: %w", err)
	}
	return cfg, nil
}

// instanceRoleAttempts and instanceRoleBackoff bound the search for an EC2 instance's role, the SDK's last resort for
// credentials. The SDK's own three attempts, a second apart, keep whoever has no credentials waiting for five seconds;
// where there is an instance, its metadata service answers within milliseconds.
const (
	instanceRoleAttempts = 2
	instanceRoleBackoff  = 100 * time.Millisecond
)

func hastenInstanceRole(cfg *aws.Config) {
	if !aws.IsCredentialsProvider(cfg.Credentials, (*ec2rolecreds.Provider)(nil)) {
		return
	}
	metadata := imds.NewFromConfig(*cfg, func(o *imds.Options) {
		o.Retryer = retry.AddWithMaxBackoffDelay(retry.AddWithMaxAttempts(retry.NewStandard(), instanceRoleAttempts), instanceRoleBackoff)
		o.DisableDefaultMaxBackoff = true // a second
	})
	cfg.Credentials = aws.NewCredentialsCache(ec2rolecreds.New(func(o *ec2rolecreds.Options) { o.Client = metadata }))
}

// checkEndpoints refuses settings that lead elsewhere than to AWS: nobody should believe to be on AWS, or off it. What the
// local engine itself runs bears its mark and has to use its endpoint, one for all services.
func (a *app) checkEndpoints(cfg aws.Config) error {
	marked := a.getenv(contract.VarLocalEngine) != ""
	for _, s := range a.endpointSettings(cfg) {
		if !marked || s.name != endpointVariable || !isLoopback(s.endpoint) {
			return fmt.Errorf("an endpoint of its own is configured for AWS (%s: %s): slipway works on AWS itself or, with --local, on its own engine; take the setting away or add --local",
				s.name, s.endpoint)
		}
	}
	if marked && cfg.BaseEndpoint == nil {
		return fmt.Errorf("%s is set, which the local engine sets for what it runs, but the engine's endpoint is not used (%s is missing or ignored): take %s away to work on AWS",
			contract.VarLocalEngine, endpointVariable, contract.VarLocalEngine)
	}
	return nil
}

// endpointVariable holds the endpoint of all services; with _S3 and the like behind it, that of one.
const endpointVariable = "AWS_ENDPOINT_URL"

type endpointSetting struct{ name, endpoint string }

// endpointSettings are all that the SDK would follow (docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html).
func (a *app) endpointSettings(cfg aws.Config) []endpointSetting {
	var found []endpointSetting
	for _, entry := range a.environ {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, endpointVariable) && value != "" {
			found = append(found, endpointSetting{name, value})
		}
	}
	for _, source := range cfg.ConfigSources {
		file, ok := source.(awsconfig.SharedConfig)
		if !ok {
			continue
		}
		if file.BaseEndpoint != "" {
			found = append(found, endpointSetting{"endpoint_url of profile " + file.Profile, file.BaseEndpoint})
		}
		services := file.Services.ServiceValues
		for _, service := range slices.Sorted(maps.Keys(services)) {
			if endpoint := services[service]["endpoint_url"]; endpoint != "" {
				found = append(found, endpointSetting{"endpoint_url of " + service + " in profile " + file.Profile, endpoint})
			}
		}
	}
	return found
}

func isLoopback(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}
