package ec2query

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// endpoint is where the SDK's own client would go: the endpoint set for the service, else the one set for all services,
// else the Region's.
func endpoint(ctx context.Context, cfg aws.Config, service Service) (string, error) {
	for _, source := range cfg.ConfigSources {
		if s, ok := source.(interface {
			GetServiceBaseEndpoint(context.Context, string) (string, bool, error)
		}); ok {
			if url, found, err := s.GetServiceBaseEndpoint(ctx, service.ID); err != nil || found {
				return url, err
			}
		}
	}
	if cfg.BaseEndpoint != nil {
		return *cfg.BaseEndpoint, nil
	}
	if cfg.Region == "" {
		return "", fmt.Errorf("find the endpoint of %s: no Region is set; set AWS_REGION or use a profile with one", service.ID)
	}
	return fmt.Sprintf("https://%s.%s.%s", service.Name, cfg.Region, dnsSuffix(cfg.Region)), nil
}

// dnsSuffix follows the partitions of the SDK's endpoint rules (partitions.json); the standard partition and GovCloud
// share one.
func dnsSuffix(region string) string {
	for _, partition := range []struct{ prefix, suffix string }{
		{"cn-", "amazonaws.com.cn"},
		{"eusc-", "amazonaws.eu"},
		{"us-iso-", "c2s.ic.gov"},
		{"us-isob-", "sc2s.sgov.gov"},
		{"eu-isoe-", "cloud.adc-e.uk"},
		{"us-isof-", "csp.hci.ic.gov"},
		{"eu-isof-", "csp.hci.ic.gov"},
	} {
		if strings.HasPrefix(region, partition.prefix) {
			return partition.suffix
		}
	}
	return "amazonaws.com"
}
