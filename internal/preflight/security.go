package preflight

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iam"
)

func (c *checker) boundary(ctx context.Context, arn string) error {
	if arn == "" {
		return nil
	}
	_, err := c.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn})
	if c.missing(err, "the policy "+arn, "make it, or name another", "NoSuchEntity") {
		return nil
	}
	return err
}

// encryptionKey must be one that S3, the registry, logs and topics can encrypt with: symmetric, and enabled
// (docs.aws.amazon.com/kms/latest/developerguide/key-state.html).
func (c *checker) encryptionKey(ctx context.Context, arn string) error {
	what := "the key " + arn
	if arn == "" || c.elsewhere(what, arn) {
		return nil
	}
	var answer struct {
		KeyMetadata struct{ KeyState, KeySpec, KeyUsage string }
	}
	err := c.keys.Call(ctx, "DescribeKey", map[string]string{"KeyId": arn}, &answer)
	if c.missing(err, what, "make it, or name another", "NotFoundException") {
		return nil
	}
	if err != nil {
		return err
	}
	key := answer.KeyMetadata
	if key.KeyState != "Enabled" {
		c.refuse(what, "is in state "+key.KeyState, "enable it, or cancel its deletion")
	}
	if key.KeySpec != "SYMMETRIC_DEFAULT" || key.KeyUsage != "ENCRYPT_DECRYPT" {
		c.refuse(what, "is "+key.KeySpec+" for "+key.KeyUsage, "name a symmetric key for encryption: no other encrypts buckets, images and logs")
	}
	return nil
}

// topic must be one that alarms can publish to: not one encrypted with the key of SNS, whose policy nobody can change
// (docs.aws.amazon.com/sns/latest/dg/sns-key-management.html).
func (c *checker) topic(ctx context.Context, arn string) error {
	what := "the topic " + arn
	if arn == "" || c.elsewhere(what, arn) {
		return nil
	}
	var answer struct {
		Attributes []struct {
			Key   string `xml:"key"`
			Value string `xml:"value"`
		} `xml:"GetTopicAttributesResult>Attributes>entry"`
	}
	err := c.topics.Call(ctx, "GetTopicAttributes", map[string][]string{"TopicArn": {arn}}, &answer)
	if c.missing(err, what, "make it, or leave watch.topic out and name an e-mail address", "NotFound", "NotFoundException") {
		return nil
	}
	if err != nil {
		return err
	}
	attributes := map[string]string{}
	for _, a := range answer.Attributes {
		attributes[a.Key] = a.Value
	}
	if strings.HasSuffix(attributes["KmsMasterKeyId"], "alias/aws/sns") {
		c.refuse(what, "is encrypted with alias/aws/sns, with which neither alarms nor event rules can publish", "encrypt it with a key of your own whose policy lets both use it, or not at all")
	}
	if policy := attributes["Policy"]; policy != "" && !strings.Contains(policy, "events.amazonaws.com") {
		c.warn(what, "has a policy that does not name events.amazonaws.com, so that nobody would be told of a failed pipeline or deployment", "allow it sns:Publish")
	}
	return nil
}
