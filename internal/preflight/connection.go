package preflight

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"slipway/internal/awserr"
	"slipway/internal/ec2query"
)

// connections is the service of a connection: it has had two names, and an ARN says by which the right is asked for
// (docs.aws.amazon.com/dtconsole/latest/userguide/rename.html).
func connections(cfg aws.Config, arn string) *ec2query.JSON {
	if strings.Contains(arn, ":codestar-connections:") {
		return ec2query.NewJSON10(cfg, "CodeStar connections", "codestar-connections", "CodeStar_connections_20191201")
	}
	return ec2query.NewJSON10(cfg, "CodeConnections", "codeconnections", "CodeConnections_20231201")
}

// connection wants the connection to the git host to be ready: one that CloudFormation or the API made is pending until a person
// has completed it at the host (docs.aws.amazon.com/dtconsole/latest/userguide/connections-update.html).
func (c *checker) connection(ctx context.Context, cfg aws.Config, arn string) error {
	if arn == "" {
		return nil
	}
	what := "the connection " + arn
	var answer struct {
		Connection struct{ ConnectionStatus string }
	}
	err := connections(cfg, arn).Call(ctx, "GetConnection", map[string]string{"ConnectionArn": arn}, &answer)
	if c.missing(err, what, "name one that is: Developer Tools, Settings, Connections", "ResourceNotFoundException") {
		return nil
	}
	if awserr.Is(err, noService...) {
		return nil // an endpoint that has no such service has no pipeline that could use it
	}
	if err == nil && answer.Connection.ConnectionStatus != "AVAILABLE" {
		c.refuse(what, "is "+answer.Connection.ConnectionStatus+", so that the pipeline could not read its source",
			"complete it at the git host: Developer Tools, Settings, Connections, Update pending connection")
	}
	return err
}
