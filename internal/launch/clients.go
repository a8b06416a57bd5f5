package launch

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"slipway/internal/awserr"
	"slipway/internal/ec2query"
	"slipway/internal/evidence"
)

type clients struct {
	stacks   *cloudformation.Client
	builds   *codebuild.Client
	pipeline *codepipeline.Client
	logs     *cloudwatchlogs.Client
	registry *ecr.Client
	ecs      *ecs.Client
	balancer *elasticloadbalancingv2.Client
	events   *eventbridge.Client
	iam      *iam.Client
	s3       *s3.Client
	scaling  *applicationautoscaling.Client
	sts      *sts.Client
	topics   *ec2query.Form
	ec2      *ec2query.Client
	config   aws.Config
}

// newClients makes all clients that the launcher calls AWS with. Each call is tried again and given up as l says.
func newClients(cfg aws.Config, profile string, l limits) clients {
	cfg = l.hold(cfg, profile)
	objects := cfg.Copy()
	objects.HTTPClient = deadline(cfg.HTTPClient, l.attempt, l.object)
	objects.APIOptions = append(objects.APIOptions, awserr.Whole)
	return clients{
		stacks:   cloudformation.NewFromConfig(cfg),
		builds:   codebuild.NewFromConfig(cfg),
		pipeline: codepipeline.NewFromConfig(cfg),
		logs:     cloudwatchlogs.NewFromConfig(cfg),
		registry: ecr.NewFromConfig(cfg),
		ecs:      ecs.NewFromConfig(cfg),
		balancer: elasticloadbalancingv2.NewFromConfig(cfg),
		events:   eventbridge.NewFromConfig(cfg),
		iam:      iam.NewFromConfig(cfg),
		// A bucket is a host name on AWS; an endpoint of one's own has no such hosts.
		s3: s3.NewFromConfig(objects, func(o *s3.Options) {
			o.UsePathStyle = cfg.BaseEndpoint != nil
			o.DisableLogOutputChecksumValidationSkipped = true
		}),
		scaling: applicationautoscaling.NewFromConfig(cfg),
		sts:     sts.NewFromConfig(cfg),
		topics:  ec2query.NewForm(cfg, "SNS", "sns", "2010-03-31"),
		ec2:     ec2query.New(cfg),
		config:  cfg,
	}
}

// evidence are the clients that ask why something failed.
func (c clients) evidence() evidence.Clients {
	return evidence.Clients{ECS: c.ecs, Balancer: c.balancer, Logs: c.logs, Builds: c.builds}
}
