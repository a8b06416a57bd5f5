package stacks

import (
	"github.com/awslabs/goformation/v7/cloudformation/s3"

	"slipway/internal/cfn"
)

// privateBucket is what every bucket has in common: encrypted, versioned, with an end for old versions, open to nobody.
func privateBucket(lifecycle []s3.Bucket_Rule, accepted finding) *s3.Bucket {
	return &s3.Bucket{
		VersioningConfiguration: &s3.Bucket_VersioningConfiguration{Status: "Enabled"},
		BucketEncryption: &s3.Bucket_BucketEncryption{ServerSideEncryptionConfiguration: []s3.Bucket_ServerSideEncryptionRule{{
			ServerSideEncryptionByDefault: &s3.Bucket_ServerSideEncryptionByDefault{SSEAlgorithm: "AES256"},
		}}},
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
