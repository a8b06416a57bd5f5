// Package contract holds the names that the templates and the launcher must agree on: stacks, template files,
// parameters, outputs, tags, bucket keys and stages. It imports nothing of ours, so that either side can be changed and
// tested without the other.
package contract

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Tags on every stack; CloudFormation copies a stack's tags to each resource that can carry them.
const (
	TagName        = "slipway:name"
	TagEnvironment = "slipway:environment"
	TagStack       = "slipway:stack"
)

// Values of TagStack, and the names of the template files without ".yaml".
const (
	StackFoundation = "foundation"
	StackRoot       = "root"
	StackNetwork    = "network"
	StackECS        = "ecs"
	StackPipeline   = "pipeline"

	StackBeforeDeploy = "beforedeploy" // the task that runs before a deployment, where slipway.yaml has one
)

// Logical ids of the nested stacks in the root template.
const (
	NestedNetwork  = "Network"
	NestedECS      = "ECS"
	NestedPipeline = "Pipeline"

	NestedBeforeDeploy = "BeforeDeploy"
)

// FoundationStackName is the stack that holds what must exist before the first image.
func FoundationStackName(name string) string { return name + "-" + StackFoundation }

// RescueStackName is a foundation for the while of a destroy that has no other role for CloudFormation. No environment's name
// has a hyphen, so it is none's.
func RescueStackName(name string) string { return FoundationStackName(name) + "-rescue" }

// EnvironmentStackName is the root stack of one environment.
func EnvironmentStackName(name, environment string) string { return name + "-" + environment }

// ReservedEnvironment cannot name an environment: its stack would be the foundation's.
const ReservedEnvironment = StackFoundation

// TemplatesDir is where gen writes, relative to the repository's root.
const TemplatesDir = "templates"

// FoundationTemplate is the foundation's file below TemplatesDir.
const FoundationTemplate = StackFoundation + ".yaml"

// EnvironmentTemplate is the file of one stack of an environment below TemplatesDir, with forward slashes.
func EnvironmentTemplate(environment, stack string) string {
	return environment + "/" + stack + ".yaml"
}

// Values that travel under one key all the way: child output, root parameter, child parameter.
const (
	// Known when deploying: parameters of the root.
	KeyImageURI            = "ImageURI" // registry/repository@sha256:..., never a tag
	KeyNetworkTemplateURL  = "NetworkTemplateURL"
	KeyECSTemplateURL      = "ECSTemplateURL"
	KeyPipelineTemplateURL = "PipelineTemplateURL"

	// The same of the task that runs before a deployment, so that it can be changed alone.
	KeyBeforeDeployTemplateURL = "BeforeDeployTemplateURL"
	KeyBeforeDeployImageURI    = "BeforeDeployImageURI"

	// The image of the task that asks where not everybody may; the service's own where a release has none.
	KeyVisitorImageURI = "VisitorImageURI"

	// Standing in slipway.yaml, where it asks for them: parameters of the root, or of the foundation.
	KeyCertificateARN   = "CertificateARN"
	KeyHostedZoneID     = "HostedZoneID"
	KeyTopicARN         = "TopicARN" // also an output of ECS, where the topic is the stack's own
	KeyEncryptionKeyARN = "EncryptionKeyARN"
	KeyOwnBoundaryARN   = "OwnBoundaryARN" // handed on as PermissionsBoundaryARN and DeliveryBoundaryARN
	KeyConnectionARN    = "ConnectionARN"  // to a git host

	// KeyVersion is an output of the foundation, by which a launcher knows what it can deal with.
	KeyVersion = "Version"

	// Outputs of the foundation, passed to the roots.
	KeyBucketName               = "BucketName"
	KeyRepositoryName           = "RepositoryName"
	KeyRepositoryURI            = "RepositoryURI"
	KeyRepositoryARN            = "RepositoryARN"
	KeyImageProjectName         = "ImageProjectName"
	KeyImageLogGroupName        = "ImageLogGroupName"
	KeyPermissionsBoundaryARN   = "PermissionsBoundaryARN"
	KeyDeliveryBoundaryARN      = "DeliveryBoundaryARN"
	KeyExecutionRoleARN         = "ExecutionRoleARN"         // CloudFormation acts with it when a person deploys
	KeyPipelineExecutionRoleARN = "PipelineExecutionRoleARN" // and with this when the pipeline does

	// Outputs of the network.
	KeyVPCID = "VPCID"

	// Outputs of ECS, and of the root under the same keys.
	KeyServiceURL        = "ServiceURL"
	KeyLoadBalancerName  = "LoadBalancerDNSName"
	KeyLoadBalancerARN   = "LoadBalancerARN"
	KeyTargetGroupARN    = "TargetGroupARN"
	KeyClusterName       = "ClusterName"
	KeyServiceName       = "ServiceName"
	KeyTaskDefinitionARN = "TaskDefinitionARN"
	KeyLogGroupName      = "LogGroupName"
	KeyAccessLogBucket   = "AccessLogBucketName" // where there are access logs; whoever deletes the stack empties it first

	// Outputs of ECS and of the root where the load balancer is internal.
	KeyVisitorTaskDefinitionARN = "VisitorTaskDefinitionARN"
	KeyVisitorSecurityGroupID   = "VisitorSecurityGroupID"

	// Output of the task before a deployment, and of the root.
	KeyBeforeDeployTaskDefinitionARN = "BeforeDeployTaskDefinitionARN"

	// Outputs of the pipeline, and of the root of its home; where each branch has its own, see OfBranch.
	KeyPipelineName  = "PipelineName"
	KeyEventRuleName = "EventRuleName"
)

// MaxZones is the largest number of availability zones of a network.
const MaxZones = 3

// ZoneLetter names the i-th zone, from 0: A, B, C.
func ZoneLetter(i int) string { return string(rune('A' + i)) }

// KeyZone is the parameter with the i-th availability zone's name, from 0.
func KeyZone(i int) string { return "Zone" + ZoneLetter(i) }

// KeyPublicSubnet is the output and parameter with the i-th zone's public subnet, from 0.
func KeyPublicSubnet(i int) string { return "PublicSubnet" + ZoneLetter(i) }

// KeyPrivateSubnet is the output and parameter with the i-th zone's private subnet, from 0.
func KeyPrivateSubnet(i int) string { return "PrivateSubnet" + ZoneLetter(i) }

// ContainerName is the application's container in the task definition.
const ContainerName = "app"

// WithoutDocker begins the line of a build's log that says why its image is made without Docker. What it quotes fails nothing.
const WithoutDocker = "building the image without Docker"

// LogStreamPrefix begins the name of each task's log stream: prefix/container/task id.
const LogStreamPrefix = "tasks"

// BeforeDeployStreamPrefix is the same for the task that runs before a deployment.
const BeforeDeployStreamPrefix = "before-deploy"

// VisitorStreamPrefix is the same for the task that asks where not everybody may.
const VisitorStreamPrefix = "acceptance"

// VisitorFamily ends the family of that task's definitions, which begins with its stack's name.
const VisitorFamily = "-visitor"

// VarChecks is its variable with what slipway.yaml lists to ask, as JSON.
const VarChecks = "SLIPWAY_CHECKS"

// LogStream is the name of the stream that a container of a task writes to
// (docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html).
func LogStream(prefix, container, task string) string { return prefix + "/" + container + "/" + task }

// ServiceResource is the ECS service's logical id in its stack's template.
const ServiceResource = "Service"

// Version is that of the foundation, as this launcher makes it. It grows by one with a change that a launcher of before would
// take back, or could not deal with. A foundation that tells none is older than the first.
const Version = 1

// Keys in the foundation's bucket.
const (
	SourceObject    = "source.zip"        // the pipeline watches it
	BranchPrefix    = "source/"           // likewise, one zip a branch, where each has a pipeline of its own
	SourcesPrefix   = "sources/"          // one zip an identity
	TemplatesPrefix = "templates/"        // one object a content hash, never overwritten
	ReleasesPrefix  = "releases/"         // never expires
	LeaseObject     = "leases/deployment" // who is deploying or deleting
	ImagesPrefix    = "images/"           // what images are made of; never expires
)

// ArtifactFolder begins the keys under which CodePipeline keeps its artifacts: the pipeline's name cut to 20 characters,
// which nobody can choose otherwise. The pipeline bears its nested stack's name, root's name first. The hyphen, or a
// name longer than every prefix above, keeps the folder apart from slipway's own.
func ArtifactFolder(name, home string) string {
	folder := EnvironmentStackName(name, home) + "-" + NestedPipeline
	return folder[:min(len(folder), 20)]
}

// BranchSlug stands for a branch in names and keys: itself, where it is short and plain, or its beginning and a hash. The name of
// a source rule has room for seven characters.
func BranchSlug(branch string) string {
	plain := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(branch))
	if plain == branch && len(plain) <= maxSlug {
		return plain
	}
	const digits = 4
	return plain[:min(len(plain), maxSlug-digits)] + fmt.Sprintf("%x", sha256.Sum256([]byte(branch)))[:digits]
}

const maxSlug = 7

// PipelineSource is the key that a pipeline watches: of the branch with this slug, or of the only pipeline without one.
func PipelineSource(slug string) string {
	if slug == "" {
		return SourceObject
	}
	return BranchPrefix + slug + ".zip"
}

// OfBranch is a logical id or an output's key for the branch with this slug; without one it stays as it is.
func OfBranch(key, slug string) string {
	if slug == "" {
		return key
	}
	return key + strings.ToUpper(slug[:1]) + slug[1:]
}

// PipelineKeys are the keys of a root's outputs that name a pipeline, sorted.
func PipelineKeys(outputs map[string]string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(outputs)), func(key string) bool {
		return !strings.HasPrefix(key, KeyPipelineName) || outputs[key] == ""
	})
}

// SourceKey is the bucket key of the source with this identity.
func SourceKey(identity string) string { return SourcesPrefix + identity + ".zip" }

// BillKey is the bucket key of the bill of materials of the image with this digest ("sha256:...").
func BillKey(digest string) string {
	return ImagesPrefix + strings.TrimPrefix(digest, "sha256:") + ".cdx.json"
}

// BillFile is the same below StageDir, where the image stage leaves it, and VisitorBillFile that of the acceptance task's image.
const (
	BillFile        = "image.cdx.json"
	VisitorBillFile = "visitor.cdx.json"
)

// TemplateKey is the bucket key of a template with this SHA-256, in hex.
func TemplateKey(hash string) string { return TemplatesPrefix + hash + ".yaml" }

// SetKey is the bucket key of a list of templates with this SHA-256, in hex.
func SetKey(hash string) string { return TemplatesPrefix + hash + ".json" }

// ReleaseTagPrefix begins the tags of images that a release names: the registry's lifecycle policy keeps them.
const ReleaseTagPrefix = "release-"

// VisitorTag is the tag of the image that asks where not everybody may, made of the source with this identity.
func VisitorTag(identity string) string { return "visitor-" + identity }

// SourceTag is that of an image's tags which is the identity of its source; empty where none is.
func SourceTag(tags []string) string {
	for _, tag := range tags {
		if !strings.HasPrefix(tag, ReleaseTagPrefix) && !strings.HasPrefix(tag, VisitorTag("")) {
			return tag
		}
	}
	return ""
}

// ReleaseTag is the tag that keeps the image of this digest (sha256:...). It is one an image, however many releases name it:
// an image can have 1,000 tags (docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html).
func ReleaseTag(digest string) string {
	return ReleaseTagPrefix + strings.TrimPrefix(digest, "sha256:")
}

// Stages of the pipeline: the values of the variable STAGE, and the arguments of scripts/stage.sh.
const (
	StageLint       = "lint"
	StageUnit       = "unit"
	StageTemplates  = "templates"
	StageSecurity   = "security"
	StageImage      = "image"
	StagePlan       = "plan"
	StageDeploy     = "deploy"
	StageAcceptance = "acceptance"
)

// Environment variables of the builds.
const (
	VarStage         = "STAGE"
	VarIdentity      = "SLIPWAY_IDENTITY"       // of the source being built; the image's tag
	VarRepositoryURI = "SLIPWAY_REPOSITORY_URI" // where the image is pushed
	VarBucket        = "SLIPWAY_BUCKET"         // where its bill of materials is kept
	VarEnvironment   = "SLIPWAY_ENVIRONMENT"    // what a deploy or acceptance action deploys to
	VarImageURI      = "IMAGE_URI"              // exported by the image stage: repository@sha256:...
	VarTemplateSet   = "TEMPLATE_SET"           // likewise: the hash over the templates folder
	VarPlanSummary   = "PLAN_SUMMARY"           // exported by the plan stage: what is at risk, in a line
	VarExecution     = "SLIPWAY_EXECUTION"      // the id of the pipeline's execution
	VarPlanLog       = "PLAN_LOG"               // likewise: where its log is shown
	VarLocalCA       = "SLIPWAY_LOCAL_CA"       // likewise: the file with the authority of its load balancers' certificates
	VarLocalEngine   = "SLIPWAY_LOCAL_ENGINE"   // set by the local engine for what it runs, beside AWS_ENDPOINT_URL
)

// StageDir is where a stage leaves what the pipeline hands on, from the repository's root; it is empty when a stage begins.
const StageDir = ".slipway/stage"

// PlanFile is what the plan stage leaves there.
const PlanFile = "plan.json"

// DeployStage is the pipeline's stage that brings a release to an environment.
func DeployStage(environment string) string { return "Deploy-" + environment }

// PlanArtifact is the artifact of an environment's plan action, and the namespace of the action's variables. CodePipeline names the
// artifact's folder by its first characters, and roles know it by them: a longer name has a hash there.
func PlanArtifact(environment string) string {
	folder := PlanFolder(environment)
	if folder == planPrefix+environment {
		return folder
	}
	return folder + "_" + environment
}

// PlanFolder is the folder of that artifact, in the pipeline's.
func PlanFolder(environment string) string {
	if len(planPrefix+environment) <= artifactName {
		return planPrefix + environment
	}
	return planPrefix + fmt.Sprintf("%x", sha256.Sum256([]byte(environment)))[:artifactName-len(planPrefix)]
}

const (
	planPrefix   = "Plan_"
	artifactName = 10 // characters of an artifact's name in its folder's
)

// ArtifactDirVar is the variable with the folder of a build's further source
// (docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html).
func ArtifactDirVar(artifact string) string { return "CODEBUILD_SRC_DIR_" + artifact }

// EnvironmentRolePath holds the roles of the environments. The pipeline's execution role may make roles under it, and has no right
// on the delivery's.
func EnvironmentRolePath(name string) string { return "/slipway/" + name + "/env/" }

// DeliveryRolePath holds the roles of pipeline, build projects and CloudFormation itself.
func DeliveryRolePath(name string) string { return "/slipway/" + name + "/delivery/" }

// Prefixes of change set names: who made it. The pipeline's deploy role may execute only its own.
const (
	ChangeSetByPerson   = "slipway-person-"
	ChangeSetByPipeline = "slipway-pipeline-"
)

// IsDigest says whether an image reference names a digest and not a tag.
func IsDigest(image string) bool {
	_, digest, found := strings.Cut(image, "@sha256:")
	return found && len(digest) == 64
}

// PipelineRolePath holds the roles of the pipeline stack alone, apart from CloudFormation's own under the same parent:
// who may make the pipeline's roles may not touch the others.
func PipelineRolePath(name string) string { return DeliveryRolePath(name) + "pipeline/" }
