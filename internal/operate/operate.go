// Package operate says what of an application is running: its stacks and their events, its service, its tasks and their
// logs. It only reads, with the rights of the policy "operate" (docs/permissions.md), and it does not know whether it asks
// AWS or the local engine. Its errors are AWS's own, with what was asked before them.
package operate

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"slipway/internal/awserr"
	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/release"
)

const (
	// callAttempts is how often a throttled or broken call is tried, with the SDK's exponential back-off and jitter.
	callAttempts = 8
	// callTimeout is the deadline of one attempt.
	callTimeout = 30 * time.Second
)

// Operator looks at one application in one account and Region.
type Operator struct {
	cfg       config.Config
	region    string
	poll      time.Duration // between two looks at the same thing
	stacks    *cloudformation.Client
	ecs       *ecs.Client
	balancer  *elasticloadbalancingv2.Client
	registry  *ecr.Client
	logs      *cloudwatchlogs.Client
	pipelines *codepipeline.Client
	s3        *s3.Client
	sts       *sts.Client
}

// New makes an operator that looks again every poll where it follows something. It calls nothing yet.
func New(cfg config.Config, settings aws.Config, poll time.Duration) *Operator {
	settings = settings.Copy()
	if settings.HTTPClient == nil {
		settings.HTTPClient = awshttp.NewBuildableClient().WithTimeout(callTimeout)
	}
	retryer := settings.Retryer
	if retryer == nil {
		retryer = func() aws.Retryer { return retry.NewStandard() }
	}
	settings.Retryer = func() aws.Retryer { return retry.AddWithMaxAttempts(retryer(), callAttempts) }
	settings.APIOptions = append(settings.APIOptions, awserr.Whole)
	return &Operator{
		cfg: cfg, region: settings.Region, poll: poll,
		stacks:    cloudformation.NewFromConfig(settings),
		ecs:       ecs.NewFromConfig(settings),
		balancer:  elasticloadbalancingv2.NewFromConfig(settings),
		registry:  ecr.NewFromConfig(settings),
		logs:      cloudwatchlogs.NewFromConfig(settings),
		pipelines: codepipeline.NewFromConfig(settings),
		s3: s3.NewFromConfig(settings, func(o *s3.Options) {
			o.UsePathStyle = settings.BaseEndpoint != nil // a bucket is a host name on AWS; an endpoint of one's own has no such hosts
			o.DisableLogOutputChecksumValidationSkipped = true
		}),
		sts: sts.NewFromConfig(settings),
	}
}

// AbsentError says that an environment is not there.
type AbsentError struct {
	Environment string
	Why         string
}

func (e *AbsentError) Error() string {
	return fmt.Sprintf("environment %s is not there: %s; ./scripts/deploy.sh brings it up", e.Environment, e.Why)
}

// Releases is where the application's releases are kept, or release.ErrNone where there is no such place.
func (o *Operator) Releases(ctx context.Context) (release.Store, error) {
	name := contract.FoundationStackName(o.cfg.Name)
	s, err := o.describe(ctx, name, name)
	if err == nil && s.outputs[contract.KeyBucketName] == "" {
		err = fmt.Errorf("%w: there is no stack %s, in whose bucket they are kept", release.ErrNone, name)
	}
	return release.Store{S3: o.s3, Bucket: s.outputs[contract.KeyBucketName]}, err
}

// account asks who is asking.
func (o *Operator) account(ctx context.Context) (string, error) {
	who, err := o.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", fmt.Errorf("ask AWS which account this is: %w", err)
	}
	return aws.ToString(who.Account), nil
}

// lastPart is the name or id at the end of an ARN.
func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
