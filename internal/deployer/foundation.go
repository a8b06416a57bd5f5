package deployer

import (
	"slices"

	"slipway/internal/contract"
	"slipway/internal/iampolicy"
)

// foundation is what CloudFormation does for the foundation's stack with the caller's own rights: by the handlers in the
// resource schemas, as far as the template's properties reach.
func (t *table) foundation() {
	stack := contract.FoundationStackName(t.cfg.Name) + "-*"
	t.allow(Foundation, "Bucket", "the foundation's bucket", []string{
		"s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:GetAccelerateConfiguration", "s3:GetAnalyticsConfiguration", "s3:GetBucketAbac",
		"s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketLogging", "s3:GetBucketMetadataTableConfiguration", "s3:GetBucketNotification",
		"s3:GetBucketObjectLockConfiguration", "s3:GetBucketOwnershipControls", "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock",
		"s3:GetBucketTagging", "s3:GetBucketVersioning", "s3:GetBucketWebsite", "s3:GetEncryptionConfiguration",
		"s3:GetIntelligentTieringConfiguration", "s3:GetInventoryConfiguration", "s3:GetLifecycleConfiguration", "s3:GetMetricsConfiguration",
		"s3:GetReplicationConfiguration", "s3:ListTagsForResource", "s3:PutBucketNotification", "s3:PutBucketOwnershipControls",
		"s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning",
		"s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration", "s3:TagResource", "s3:UntagResource",
	}, t.bucket())
	t.allow(Foundation, "Repository", "the image repository", []string{
		"ecr:CreateRepository", "ecr:DeleteLifecyclePolicy", "ecr:DeleteRepository", "ecr:DeleteRepositoryPolicy", "ecr:DescribeRepositories",
		"ecr:GetLifecyclePolicy", "ecr:GetRepositoryPolicy", "ecr:ListTagsForResource", "ecr:PutImageScanningConfiguration",
		"ecr:PutImageTagMutability", "ecr:PutLifecyclePolicy", "ecr:SetRepositoryPolicy", "ecr:TagResource", "ecr:UntagResource",
	}, t.arns("ecr", "repository/"+stack))
	t.allow(Foundation, "RepositoryKey", "the repository is encrypted, with a key of AWS's own or yours", []string{
		"kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant",
	}, t.arns("kms", "key/*"), iampolicy.Condition{"StringLike": {"kms:ViaService": {"ecr." + t.in.Region + ".amazonaws.com*"}}})
	t.allow(Foundation, "BuildLogs", "the image build's log group", []string{
		"logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy", "logs:DisassociateKmsKey", "logs:GetDataProtectionPolicy",
		"logs:ListTagsForResource", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource",
	}, t.arns("logs", "log-group:"+stack))
	t.allow(Foundation, "FindLogs", "the same, where AWS knows no resource for the question", []string{
		"logs:DescribeIndexPolicies", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
	}, all)
	// A project's name is made of its logical id alone, so its own tag tells it from others'.
	t.allow(Foundation, "MakeBuild", "the image build", []string{"codebuild:CreateProject"}, t.arns("codebuild", "project/*"),
		iampolicy.Condition{"StringEquals": {"aws:RequestTag/" + contract.TagName: {t.cfg.Name}}})
	t.allow(Foundation, "ChangeBuild", "the image build", []string{"codebuild:DeleteProject", "codebuild:UpdateProject"},
		t.arns("codebuild", "project/*"), t.ours())
	// One that is not there, before and after, has no tag.
	t.allow(Foundation, "SeeBuild", "the image build, and that build projects are gone", []string{"codebuild:BatchGetProjects"}, t.arns("codebuild", "project/*"))
	t.allow(Foundation, "PassBuildRole", "the image build acts with it", []string{"iam:PassRole"},
		t.iam("role"+contract.DeliveryRolePath(t.cfg.Name)+"*"), passedTo("codebuild.amazonaws.com"))
}

// roles are those of CloudFormation and of the image build, with their policies and boundaries.
func (t *table) roles() {
	path := contract.DeliveryRolePath(t.cfg.Name)
	policies := t.iam("policy" + path + "*")
	t.allow(Foundation, "Roles", "the roles of CloudFormation and of the image build", []string{
		"iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies",
		"iam:ListRolePolicies", "iam:ListRoleTags", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:TagRole", "iam:UntagRole",
		"iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
	}, t.iam("role"+path+"*"))
	// One that is not there has no path, either.
	t.allow(Foundation, "SeeRoles", "these roles, and that roles are gone", []string{"iam:GetRole"},
		t.iam("role/slipway/"+t.cfg.Name+"/*", "role/"+beginning(t.cfg.Name+"-")))
	t.allow(Foundation, "AttachPolicies", "no policies to these roles but the foundation's", []string{"iam:AttachRolePolicy", "iam:DetachRolePolicy"},
		t.iam("role"+path+"*"), iampolicy.Condition{"ArnLike": {"iam:PolicyARN": slices.Clone(policies)}})
	t.allow(Foundation, "RolePolicies", "the policies and boundaries of these roles", []string{
		"iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListEntitiesForPolicy",
		"iam:ListPolicyVersions",
	}, policies)
}
