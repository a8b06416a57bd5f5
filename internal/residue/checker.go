package residue

import (
	"sync"

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
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"slipway/internal/ec2query"
)

const (
	// concurrency is how many calls are under way at once; most services throttle not far above.
	concurrency = 8
	// attempts is how often a throttled or broken call is tried, unless the configuration says otherwise.
	attempts = 6
)

// Checker asks the services of one account and Region.
type Checker struct{ services services }

type services struct {
	balancer *elasticloadbalancingv2.Client
	builds   *codebuild.Client
	certs    *ec2query.JSON
	dns      *route53.Client
	ec2      *ec2query.Client
	ecs      *ecs.Client
	events   *eventbridge.Client
	iam      *iam.Client
	firewall *ec2query.JSON
	keys     *ec2query.JSON
	logs     *cloudwatchlogs.Client
	pipeline *codepipeline.Client
	registry *ecr.Client
	s3       *s3.Client
	scaling  *applicationautoscaling.Client
	stacks   *cloudformation.Client
	tags     *ec2query.JSON
	topics   *ec2query.Form
	metrics  *ec2query.Form
}

// NewChecker makes the clients from cfg; its retryer and attempts are used where it sets them.
func NewChecker(cfg aws.Config) *Checker {
	cfg = cfg.Copy()
	if cfg.Retryer == nil && cfg.RetryMaxAttempts == 0 {
		cfg.RetryMaxAttempts = attempts
	}
	return &Checker{services{
		balancer: elasticloadbalancingv2.NewFromConfig(cfg),
		builds:   codebuild.NewFromConfig(cfg),
		certs:    ec2query.NewJSON(cfg, "ACM", "acm", "CertificateManager"),
		dns:      route53.NewFromConfig(cfg),
		ec2:      ec2query.New(cfg),
		ecs:      ecs.NewFromConfig(cfg),
		events:   eventbridge.NewFromConfig(cfg),
		iam:      iam.NewFromConfig(cfg),
		firewall: ec2query.NewJSON(cfg, "WAFV2", "wafv2", "AWSWAF_20190729"),
		keys:     ec2query.NewJSON(cfg, "KMS", "kms", "TrentService"),
		logs:     cloudwatchlogs.NewFromConfig(cfg),
		pipeline: codepipeline.NewFromConfig(cfg),
		registry: ecr.NewFromConfig(cfg),
		// A bucket is a host name on AWS; an endpoint of one's own has no such hosts.
		s3:      s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = cfg.BaseEndpoint != nil }),
		scaling: applicationautoscaling.NewFromConfig(cfg),
		stacks:  cloudformation.NewFromConfig(cfg),
		tags:    ec2query.NewJSON(cfg, "Resource Groups Tagging API", "tagging", "ResourceGroupsTaggingAPI_20170126"),
		topics:  ec2query.NewForm(cfg, "SNS", "sns", "2010-03-31"),
		metrics: ec2query.NewForm(cfg, "CloudWatch", "monitoring", "2010-08-01"),
	}}
}

// each calls do for 0 to n-1, a few at a time, and returns when all have returned.
func (c *Checker) each(n int, do func(int)) {
	var group sync.WaitGroup
	places := make(chan struct{}, concurrency)
	for i := range n {
		places <- struct{}{}
		group.Go(func() {
			do(i)
			<-places
		})
	}
	group.Wait()
}
