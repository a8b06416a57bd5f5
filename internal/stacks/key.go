package stacks

import "slipway/internal/cfn"

// A key of the user's own encrypts what is written from then on: log lines, the objects of the foundation's bucket, artifacts,
// messages, and secrets as it did before. Images stay under the key that AWS manages, since a repository keeps its
// encryption, and access logs under S3's own, since load balancers write with no other. What services may do with the key,
// the log groups above all, its own policy says: docs/permissions.md.

// useKey lets a build or the pipeline read and write what lies in the bucket, with the rights that AWS's own roles for them have
// on a customer's key (docs.aws.amazon.com/codebuild/latest/userguide/setting-up-kms.html).
func useKey(key string) []cfn.Statement {
	if key == "" {
		return nil
	}
	return []cfn.Statement{{Sid: "UseKey", Effect: cfn.Allow, Action: []string{
		"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo",
	}, Resource: []string{key}}}
}

// decryptThrough lets what a service holds be read, and nothing else be decrypted
// (docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html, kms:ViaService).
func decryptThrough(sid, key string, services ...string) []cfn.Statement {
	if key == "" || len(services) == 0 {
		return nil
	}
	var via []string
	for _, service := range services {
		via = append(via, cfn.Sub(service+".${AWS::Region}.${AWS::URLSuffix}"))
	}
	return []cfn.Statement{{Sid: sid, Effect: cfn.Allow, Action: []string{"kms:Decrypt"}, Resource: []string{key},
		Condition: cfn.Condition{"StringEquals": {"kms:ViaService": via}}}}
}

// orNone leaves out what is empty.
func orNone(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// withoutKey are what scanners say where there is no key of the user's own.
func withoutKey(key string, found finding) []finding {
	if key != "" {
		return nil
	}
	return []finding{found}
}
