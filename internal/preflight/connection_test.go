package preflight_test

import (
	"strings"
	"testing"

	"slipway/internal/awsdouble"
)

// A connection that nobody has completed at the git host is refused before a pipeline is made that could not read its source.
func TestConnection(t *testing.T) {
	for _, service := range []string{"codeconnections", "codestar-connections"} {
		arn := "arn:aws:" + service + ":us-east-1:123456789012:connection/12345678-1234-1234-1234-123456789012"
		slipway := "name: shop\nenvironments: [{name: prod}]\npipeline: {source: {connection: \"" + arn + "\", repository: owner/shop}}\n"
		for status, why := range map[string]string{
			"AVAILABLE": "", "PENDING": "is PENDING, so that the pipeline could not read its source; complete it at the git host", "ERROR": "is ERROR", "": "is not in account 123456789012",
		} {
			d := awsdouble.New(t)
			if status != "" {
				d.Put("AWS::CodeConnections::Connection", arn, map[string]any{"ConnectionStatus": status})
			}
			found := check(t, d, slipway)
			switch {
			case why == "" && len(found.Refused) > 0:
				t.Errorf("%s: %v", status, found.Refused)
			case why != "" && (len(found.Refused) != 1 || !strings.Contains(found.Refused[0].String(), "pipeline.source.connection: the connection "+arn+" "+why)):
				t.Errorf("%s: %v", status, found.Refused)
			}
		}
	}
}
