package stacks

import (
	"github.com/awslabs/goformation/v7/cloudformation/s3"

	"slipway/internal/cfn"
)

const (
	accessLogDays   = 90
	accessLogPrefix = "load-balancer" // may not hold AWSLogs, with which the rest of the key begins
)

// addAccessLogs adds the bucket that the load balancer writes its access logs to, and returns the policy without which it
// cannot. The key is S3's own: load balancers write with no other
// (docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html).
func (s *service) addAccessLogs() cfn.Handle {
	s.accessLogs = s.t.Add("AccessLogs", privateBucket([]s3.Bucket_Rule{
		{Id: new("access-logs"), Status: "Enabled", ExpirationInDays: new(accessLogDays),
			NoncurrentVersionExpiration: &s3.Bucket_NoncurrentVersionExpiration{NoncurrentDays: 1}},
		brokenUploads(),
	}, "", logBucketLog))
	return s.t.Add("AccessLogsPolicy", &s3.BucketPolicy{
		Bucket: s.accessLogs.Ref(),
		PolicyDocument: cfn.Document(
			tlsOnly(s.accessLogs),
			cfn.Statement{
				Sid:       "Deliver",
				Effect:    cfn.Allow,
				Principal: cfn.Principal{"Service": {"logdelivery.elasticloadbalancing.amazonaws.com"}},
				Action:    []string{"s3:PutObject"},
				// The key of a log holds its owner's account.
				Resource: []string{cfn.Sub("${" + s.accessLogs.ID() + ".Arn}/" + accessLogPrefix + "/AWSLogs/${AWS::AccountId}/*")},
				// The document above does not promise that a source is sent, and a load balancer with logs that it cannot
				// write is not made: IfExists, as in trustSameAccount.
				Condition: cfn.Condition{
					"StringEqualsIfExists": sameAccount,
					"ArnLikeIfExists":      {"aws:SourceArn": cfn.Sub("arn:${AWS::Partition}:elasticloadbalancing:${AWS::Region}:${AWS::AccountId}:loadbalancer/*")},
				},
			},
		),
	})
}
