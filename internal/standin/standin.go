// Package standin makes, in the account of the local engine, what slipway.yaml names and an organisation has on AWS: a VPC,
// a hosted zone, a certificate, a topic, a key, a boundary, secrets. So an unchanged slipway.yaml launches on one's own machine.
package standin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"slipway/internal/config"
)

// StackName is the stack that holds the stand-ins. It carries no tag of an application: destroying one leaves it.
const StackName = "slipway-stand-ins"

const (
	patience = time.Minute
	poll     = 100 * time.Millisecond
)

// Make brings the stand-ins up and returns the configuration with their ids in the place of those that slipway.yaml
// names, and one line for each of them. It makes nothing twice, and nothing at all where slipway.yaml names nothing.
func Make(ctx context.Context, engine aws.Config, cfg config.Config) (config.Config, []string, error) {
	wanted := list(cfg)
	if len(wanted.lines) == 0 {
		return cfg, nil, nil
	}
	body, err := json.Marshal(map[string]any{"Resources": wanted.resources, "Outputs": wanted.outputs})
	if err != nil {
		return cfg, nil, fmt.Errorf("make stand-ins for what slipway.yaml names: %w", err)
	}
	outputs, err := (stack{cloudformation.NewFromConfig(engine)}).bring(ctx, string(body))
	if err != nil {
		return cfg, nil, fmt.Errorf("make stand-ins for what slipway.yaml names: %w; ./scripts/destroy.sh --local ends the engine, and the next launch begins anew", err)
	}
	ids := map[string]string{}
	for given, logical := range wanted.given {
		ids[given] = outputs[logical]
	}
	return replace(cfg, ids), wanted.lines, nil
}

type stack struct{ client *cloudformation.Client }

// bring makes the stack hold a template, and returns its outputs.
func (s stack) bring(ctx context.Context, body string) (map[string]string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("the stack "+StackName+" was not complete within a minute"))
	defer cancel()
	text, err := s.client.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: aws.String(StackName)})
	switch {
	case missing(err):
		_, err = s.client.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: aws.String(StackName), TemplateBody: &body, Capabilities: rights})
	case err == nil && aws.ToString(text.TemplateBody) != body:
		_, err = s.client.UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: aws.String(StackName), TemplateBody: &body, Capabilities: rights})
	}
	if err != nil {
		return nil, err
	}
	return s.outputs(ctx)
}

var rights = []types.Capability{types.CapabilityCapabilityNamedIam}

func missing(err error) bool {
	failed, ok := errors.AsType[smithy.APIError](err)
	return ok && strings.Contains(failed.ErrorMessage(), "does not exist")
}

// outputs waits until the stack is complete.
func (s stack) outputs(ctx context.Context) (map[string]string, error) {
	for {
		out, err := s.client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(StackName)})
		if err != nil {
			return nil, err
		}
		found := out.Stacks[0]
		switch found.StackStatus {
		case types.StackStatusCreateComplete, types.StackStatusUpdateComplete:
			outputs := map[string]string{}
			for _, o := range found.Outputs {
				outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
			}
			return outputs, nil
		}
		if !strings.HasSuffix(string(found.StackStatus), "_IN_PROGRESS") {
			return nil, fmt.Errorf("the stack %s is in status %s: %s", StackName, found.StackStatus, aws.ToString(found.StackStatusReason))
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(poll):
		}
	}
}
