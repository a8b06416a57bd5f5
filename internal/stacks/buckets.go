package stacks

import (
	"github.com/awslabs/goformation/v7/cloudformation/s3"

	"slipway/internal/cfn"
)

// privateBucket is what every bucket has in common: encrypted, with the user's key or, where that is empty, S3's own;
// versioned, with an end for old versions, open to nobody.
func privateBucket(lifecycle []s3.Bucket_Rule, key string, accepted finding) *s3.Bucket {
	return &s3.Bucket{
		VersioningConfiguration: &s3.Bucket_VersioningConfiguration{Status: "Enabled"},
		BucketEncryption:        &s3.Bucket_BucketEncryption{ServerSideEncryptionConfiguration: []s3.Bucket_ServerSideEncryptionRule{bucketEncryption(key)}},
		PublicAccessBlockConfiguration: &s3.Bucket_PublicAccessBlockConfiguration{
			BlockPublicAcls: new(true), BlockPublicPolicy: new(true), IgnorePublicAcls: new(true), RestrictPublicBuckets: new(true),
		},
		OwnershipControls:         &s3.Bucket_OwnershipControls{Rules: []s3.Bucket_OwnershipControlsRule{{ObjectOwnership: new("BucketOwnerEnforced")}}},
		AWSCloudFormationMetadata: accept(accepted),
		LifecycleConfiguration:    &s3.Bucket_LifecycleConfiguration{Rules: lifecycle},
		// CloudFormation deletes only an empty bucket: nothing is lost that was not emptied on purpose before.
		AWSCloudFormationDeletionPolicy:      deletePolicy,
		AWSCloudFormationUpdateReplacePolicy: replaceRetain,
	}
}

// bucketEncryption uses a user's key by way of one for the bucket, which spares nearly all calls to KMS
// (docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html).
func bucketEncryption(key string) s3.Bucket_ServerSideEncryptionRule {
	if key == "" {
		return s3.Bucket_ServerSideEncryptionRule{ServerSideEncryptionByDefault: &s3.Bucket_ServerSideEncryptionByDefault{SSEAlgorithm: "AES256"}}
	}
	return s3.Bucket_ServerSideEncryptionRule{
		BucketKeyEnabled:              new(true),
		ServerSideEncryptionByDefault: &s3.Bucket_ServerSideEncryptionByDefault{SSEAlgorithm: "aws:kms", KMSMasterKeyID: new(key)},
	}
}

// brokenUploads lets go of what was begun and never ended.
func brokenUploads() s3.Bucket_Rule {
	return s3.Bucket_Rule{Id: new("broken-uploads"), Status: "Enabled",
		AbortIncompleteMultipartUpload: &s3.Bucket_AbortIncompleteMultipartUpload{DaysAfterInitiation: 1}}
}

// tlsOnly refuses every request that is not encrypted.
func tlsOnly(bucket cfn.Handle) cfn.Statement {
	return cfn.Statement{
		Sid:       "TLSOnly",
		Effect:    cfn.Deny,
		Principal: cfn.Principal{"AWS": {"*"}}, // a denial for everybody
		Action:    []string{"s3:*"},
		Resource:  []string{bucket.Att("Arn"), cfn.Sub("${" + bucket.ID() + ".Arn}/*")},
		Condition: cfn.Condition{"Bool": {"aws:SecureTransport": "false"}},
	}
}
