package stacks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/awslabs/goformation/v7/cloudformation/codebuild"
	"github.com/awslabs/goformation/v7/cloudformation/ecr"
	"github.com/awslabs/goformation/v7/cloudformation/iam"
	"github.com/awslabs/goformation/v7/cloudformation/s3"
	"github.com/awslabs/goformation/v7/cloudformation/tags"

	"slipway/internal/cfn"
	"slipway/internal/config"
	"slipway/internal/contract"
)

const (
	artifactDays   = 30  // what the pipeline hands from action to action
	sourceDays     = 180 // zips of earlier sources; a release can be rolled back without them, by its image
	oldVersionDays = 30  // earlier versions of source.zip
	untaggedDays   = 7
	imagesKept     = 200 // beyond what releases name
	buildMinutes   = 30
	queueMinutes   = 60
)

// Foundation is what must exist before the first image: bucket, registry, image build and the roles that
// CloudFormation itself acts with.
func Foundation(cfg config.Config) *cfn.Template {
	t := cfn.New(fmt.Sprintf("Foundation of %s: bucket, image registry and build, roles.", cfg.Name))
	f := foundation{t: t, cfg: cfg}
	if cfg.Security.Key != "" {
		f.key = given{t}.string(contract.KeyEncryptionKeyARN, keyDescription)
	}
	if cfg.Security.Boundary != "" {
		f.ownBoundary = given{t}.string(contract.KeyOwnBoundaryARN, ownBoundaryDescription)
	}
	if cfg.Pipeline.Source.Connected() {
		f.connection = given{t}.string(contract.KeyConnectionARN, connectionDescription)
	}
	f.addBucket()
	f.addRepository()
	f.addBoundary()
	f.addExecutionRoles()
	f.addImageBuild()
	return t
}

type foundation struct {
	t                  *cfn.Template
	cfg                config.Config
	key, ownBoundary   string // the user's own; empty where there is none
	connection         string // to a git host; empty where there is none
	bucket, repository cfn.Handle
	boundary           string // of the roles of environments
	deliveryBoundary   string // of the roles of builds and pipeline
}

func (f *foundation) addBucket() {
	bucket := privateBucket(f.lifecycle(), f.key, ownBucketLog)
	bucket.NotificationConfiguration = &s3.Bucket_NotificationConfiguration{
		EventBridgeConfiguration: &s3.Bucket_EventBridgeConfiguration{EventBridgeEnabled: true},
	}
	f.bucket = f.t.Add("Bucket", bucket)
	f.t.Add("BucketPolicy", &s3.BucketPolicy{Bucket: f.bucket.Ref(), PolicyDocument: cfn.Document(tlsOnly(f.bucket), f.writtenOnce())})
	f.t.Output(contract.KeyVersion, "For launchers.", strconv.Itoa(contract.Version))
	f.t.Output(contract.KeyBucketName, "Sources, artifacts, releases.", f.bucket.Ref())
}

// writtenOnce refuses to overwrite a release: whoever writes one says that nothing may be there yet, which an upload in parts
// cannot say at its beginning, and so is refused (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html).
func (f *foundation) writtenOnce() cfn.Statement {
	return cfn.Statement{
		Sid:       "WrittenOnce",
		Effect:    cfn.Deny,
		Principal: cfn.Principal{"AWS": {"*"}}, // a denial for everybody
		Action:    []string{"s3:PutObject"},
		Resource:  f.objects(contract.ReleasesPrefix),
		Condition: cfn.Condition{"Null": {"s3:if-none-match": "true"}},
	}
}

// lifecycle lets go of artifacts, old sources and earlier versions of what pipelines watch and of the lease. Templates stay, since a rollback reads
// the old ones, and so do releases.
func (f *foundation) lifecycle() []s3.Bucket_Rule {
	rules := []s3.Bucket_Rule{
		{Id: new("artifacts"), Status: "Enabled", Prefix: new(f.artifacts()), ExpirationInDays: new(artifactDays),
			NoncurrentVersionExpiration: &s3.Bucket_NoncurrentVersionExpiration{NoncurrentDays: 1}},
		{Id: new("sources"), Status: "Enabled", Prefix: new(contract.SourcesPrefix), ExpirationInDays: new(sourceDays),
			NoncurrentVersionExpiration: &s3.Bucket_NoncurrentVersionExpiration{NoncurrentDays: 1}},
		{Id: new("source-versions"), Status: "Enabled", Prefix: new(contract.SourceObject),
			NoncurrentVersionExpiration: &s3.Bucket_NoncurrentVersionExpiration{NoncurrentDays: oldVersionDays}},
		{Id: new("lease-versions"), Status: "Enabled", Prefix: new(contract.LeaseObject),
			NoncurrentVersionExpiration: &s3.Bucket_NoncurrentVersionExpiration{NoncurrentDays: 1}},
		brokenUploads(),
	}
	if len(f.cfg.Pipeline.Branches) > 0 {
		rules = append(rules, s3.Bucket_Rule{Id: new("branch-versions"), Status: "Enabled", Prefix: new(contract.BranchPrefix),
			NoncurrentVersionExpiration: &s3.Bucket_NoncurrentVersionExpiration{NoncurrentDays: oldVersionDays}})
	}
	return rules
}

func (f *foundation) addRepository() {
	f.repository = f.t.Add("Repository", &ecr.Repository{
		EmptyOnDelete:              new(true), // deleting the foundation is deleting the application
		ImageTagMutability:         new("IMMUTABLE"),
		ImageScanningConfiguration: &ecr.Repository_ImageScanningConfiguration{ScanOnPush: new(true)},
		// With the key that AWS manages, which costs nothing. The encryption cannot be changed later without a new repository.
		EncryptionConfiguration:              &ecr.Repository_EncryptionConfiguration{EncryptionType: "KMS"},
		LifecyclePolicy:                      &ecr.Repository_LifecyclePolicy{LifecyclePolicyText: new(imageExpiry())},
		AWSCloudFormationDeletionPolicy:      deletePolicy,
		AWSCloudFormationUpdateReplacePolicy: replaceRetain,
	})
	f.t.Output(contract.KeyRepositoryName, "The repository's name.", f.repository.Ref())
	f.t.Output(contract.KeyRepositoryURI, "The repository as images name it.", f.repository.Att("RepositoryUri"))
	f.t.Output(contract.KeyRepositoryARN, repositoryDescription, f.repository.Att("Arn"))
}

// imageExpiry never touches what a release names: an image that an earlier rule matched is not expired by a later one
// (docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html), and the first rule's limit is 9,999 different ones.
// Untagged images end by age, and those that no release names by their number.
func imageExpiry() string {
	const rule = `{"rulePriority":%d,"selection":{%s},"action":{"type":"expire"}}`
	rules := []string{
		fmt.Sprintf(rule, 1, `"tagStatus":"tagged","tagPrefixList":["`+contract.ReleaseTagPrefix+`"],"countType":"imageCountMoreThan","countNumber":9999`),
		fmt.Sprintf(rule, 2, fmt.Sprintf(`"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":%d`, untaggedDays)),
		fmt.Sprintf(rule, 3, fmt.Sprintf(`"tagStatus":"any","countType":"imageCountMoreThan","countNumber":%d`, imagesKept)),
	}
	return `{"rules":[` + strings.Join(rules, ",") + `]}`
}

// addImageBuild is the one project that may push an image. The pipeline uses it as it is; the launcher's own builds
// override source and artifacts.
func (f *foundation) addImageBuild() {
	group := f.t.Add("ImageLogGroup", logGroup(f.key))
	role := f.t.Add("ImageRole", &iam.Role{
		Description:              new("The image build: read the source, push to one repository."),
		Path:                     new(contract.DeliveryRolePath(f.cfg.Name)),
		PermissionsBoundary:      new(f.deliveryBoundary),
		AssumeRolePolicyDocument: trustBuilds(),
		Policies: []iam.Role_Policy{{PolicyName: "build-image", PolicyDocument: cfn.Document(slices.Concat([]cfn.Statement{
			{Sid: "WriteLog", Effect: cfn.Allow, Action: writeLogActions, Resource: []string{group.Att("Arn")}},
			{Sid: "FindBucket", Effect: cfn.Allow, Action: readBucketActions, Resource: []string{f.bucket.Att("Arn")}},
			{Sid: "ReadSource", Effect: cfn.Allow, Action: readObjectActions, Resource: f.objects(contract.SourcesPrefix, f.artifacts())},
			{Sid: "WriteBill", Effect: cfn.Allow, Action: writeObjectActions, Resource: f.objects(contract.ImagesPrefix)},
			registryLogin(),
			{Sid: "PushImage", Effect: cfn.Allow, Action: imageActions(), Resource: []string{f.repository.Att("Arn")}},
		}, useKey(f.key))...)}},
	})
	project := f.t.Add("ImageProject", &codebuild.Project{
		Description:            new("Builds the image and pushes it."),
		ServiceRole:            role.Att("Arn"),
		Source:                 &codebuild.Project_Source{Type: "CODEPIPELINE", BuildSpec: new("buildspec.yml")},
		Artifacts:              &codebuild.Project_Artifacts{Type: "CODEPIPELINE"},
		Environment:            buildEnvironment(f.cfg.Service.Architecture, true, variable(contract.VarStage, contract.StageImage), variable(contract.VarRepositoryURI, f.repository.Att("RepositoryUri")), variable(contract.VarBucket, f.bucket.Ref())),
		LogsConfig:             logsTo(group),
		EncryptionKey:          orNone(f.key),
		TimeoutInMinutes:       new(buildMinutes),
		QueuedTimeoutInMinutes: new(queueMinutes),
		// Who makes projects and starts builds is held to this tag; on other types CloudFormation copies it from the stack by itself.
		Tags: []tags.Tag{{Key: contract.TagName, Value: f.cfg.Name}},
	})
	f.t.Output(contract.KeyImageProjectName, "The image build.", project.Ref())
	f.t.Output(contract.KeyImageLogGroupName, "The image build's log group.", group.Ref())
}

func (f *foundation) artifacts() string {
	return contract.ArtifactFolder(f.cfg.Name, f.cfg.Pipeline.Environment)
}

// objects are the ARN patterns of the bucket's objects under these prefixes.
func (f *foundation) objects(prefixes ...string) []string {
	var list []string
	for _, p := range prefixes {
		list = append(list, cfn.Sub("${"+f.bucket.ID()+".Arn}/"+p+"*"))
	}
	return list
}
