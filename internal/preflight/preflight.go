// Package preflight looks at everything that slipway.yaml names and others have made, before anything is created: whether it
// is there, and whether it is such that a launch with it can succeed. It reads no value of any secret.
package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/smithy-go"

	"slipway/internal/awserr"
	"slipway/internal/config"
	"slipway/internal/ec2query"
)

// Place is what the answers are held against.
type Place struct {
	Account, Region string
	FargateZones    []string // ids of the only zones with Fargate; empty where all have it
}

// Finding is one thing that slipway.yaml names and that does not fit.
type Finding struct {
	Key  string // of slipway.yaml, with its environment
	What string // what is named there
	Why  string
	Do   string
}

func (f Finding) String() string {
	return fmt.Sprintf("%s: %s %s; %s", f.Key, f.What, f.Why, f.Do)
}

// Findings are what a launch would fail of, and what it may fail of or what could not be looked at.
type Findings struct {
	Refused, Warned []Finding
	Quotas          []Quota // that were counted
}

// Check looks at what concerns the application and these environments; fresh are the names of those that are not up yet. It
// returns an error where AWS cannot be asked; a missing right to look is a warning.
func Check(ctx context.Context, cfg aws.Config, in Place, app config.Config, environments []config.Environment, fresh []string) (Findings, error) {
	c := &checker{
		in:      in,
		certs:   ec2query.NewJSON(cfg, "ACM", "acm", "CertificateManager"),
		dns:     route53.NewFromConfig(cfg),
		ec2:     ec2query.New(cfg),
		iam:     iam.NewFromConfig(cfg),
		limits:  ec2query.NewJSON(cfg, "Service Quotas", "servicequotas", "ServiceQuotasV20190624"),
		metrics: ec2query.NewForm(cfg, "CloudWatch", "monitoring", "2010-08-01"),
		keys:    ec2query.NewJSON(cfg, "KMS", "kms", "TrentService"),
		params:  ec2query.NewJSON(cfg, "SSM", "ssm", "AmazonSSM"),
		secrets: ec2query.NewJSON(cfg, "Secrets Manager", "secretsmanager", "secretsmanager"),
		topics:  ec2query.NewForm(cfg, "SNS", "sns", "2010-03-31"),
	}
	c.key = "security.boundary"
	c.look(c.boundary(ctx, app.Security.Boundary))
	c.key = "security.key"
	c.look(c.encryptionKey(ctx, app.Security.Key))
	c.key = "pipeline.source.connection"
	c.look(c.connection(ctx, cfg, app.Pipeline.Source.Connection))
	var makes []config.Environment
	for _, env := range environments {
		makesIt := slices.Contains(fresh, env.Name)
		c.environment(ctx, app, env, makesIt)
		if makesIt {
			makes = append(makes, env)
		}
	}
	c.quotas(ctx, app, makes)
	return c.found, errors.Join(c.failed...)
}

type checker struct {
	in      Place
	certs   *ec2query.JSON
	dns     *route53.Client
	ec2     *ec2query.Client
	iam     *iam.Client
	limits  *ec2query.JSON
	metrics *ec2query.Form
	keys    *ec2query.JSON
	params  *ec2query.JSON
	secrets *ec2query.JSON
	topics  *ec2query.Form

	key    string // of slipway.yaml, that is being looked at
	found  Findings
	failed []error
}

func (c *checker) environment(ctx context.Context, app config.Config, env config.Environment, fresh bool) {
	at := func(key string) { c.key = "environment " + env.Name + ", " + key }
	if env.Network.Exists() {
		at("network.vpc")
		c.look(c.vpc(ctx, env.Network))
		at("network")
		c.look(c.subnets(ctx, env, fresh))
	}
	at("entry.certificate")
	c.look(c.certificate(ctx, env.Entry))
	at("entry.hostedZone")
	c.look(c.hostedZone(ctx, env))
	at("watch.topic")
	c.look(c.topic(ctx, env.Watch.Topic))
	at("secrets")
	c.look(c.parameters(ctx, app.Service, env.Name))
	c.look(c.secretsThere(ctx, app.Service, env.Name))
}

// look notes what an answer came to: the right to look may be missing.
func (c *checker) look(err error) {
	var answered smithy.APIError
	switch {
	case err == nil:
	case errors.As(err, &answered) && slices.ContainsFunc([]string{"AccessDenied", "Unauthorized", "AuthorizationError"}, func(begin string) bool {
		return strings.HasPrefix(answered.ErrorCode(), begin)
	}):
		c.warn("it", "cannot be looked at: "+answered.ErrorMessage(), "give the right (./scripts/deploy.sh --policy preflight), or go on without: a fault then shows while stacks are made")
	default:
		c.failed = append(c.failed, fmt.Errorf("%s: %w", c.key, err))
	}
}

func (c *checker) refuse(what, why, do string) {
	c.found.Refused = append(c.found.Refused, Finding{c.key, what, why, do})
}

func (c *checker) warn(what, why, do string) {
	c.found.Warned = append(c.found.Warned, Finding{c.key, what, why, do})
}

// missing says that there is no such thing, where AWS answered that.
func (c *checker) missing(err error, what, do string, codes ...string) bool {
	if !awserr.Is(err, codes...) {
		return false
	}
	c.refuse(what, fmt.Sprintf("is not in account %s, Region %s", c.in.Account, c.in.Region), do)
	return true
}

// elsewhere says that an ARN is of another Region, in which a stack cannot use it.
func (c *checker) elsewhere(what, arn string) bool {
	parts := strings.Split(arn, ":")
	if len(parts) < 6 || parts[3] == c.in.Region {
		return false
	}
	c.refuse(what, fmt.Sprintf("is in Region %s, and the stacks are made in %s", parts[3], c.in.Region), "name one of that Region, or deploy to the other with --region")
	return true
}
