package stacks

import (
	"slices"
	"strings"

	"github.com/awslabs/goformation/v7/cloudformation/policies"

	"slipway/internal/cfn"
	"slipway/internal/config"
	"slipway/internal/contract"
)

// Deletion policies, written out on whatever has state: what the default is should not have to be known by heart.
const (
	deletePolicy  policies.DeletionPolicy      = "Delete"
	replaceDelete policies.UpdateReplacePolicy = "Delete"
	replaceRetain policies.UpdateReplacePolicy = "Retain"
)

var (
	pullActions     = []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
	pushActions     = []string{"ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"}
	writeLogActions = []string{"logs:CreateLogStream", "logs:PutLogEvents"} // never CreateLogGroup: a late writer would bring a deleted group back
	// Who writes flow logs or sessions of ECS Exec also looks for the streams
	// (docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html, without the group, which is there, and
	// docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html).
	findAndWriteLogActions = append([]string{"logs:DescribeLogStreams"}, writeLogActions...)
	// What CodePipeline and CodeBuild need of an artifact (docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html).
	readObjectActions  = []string{"s3:GetObject", "s3:GetObjectVersion"}
	readBucketActions  = []string{"s3:GetBucketLocation", "s3:GetBucketVersioning"}
	writeObjectActions = []string{"s3:PutObject"}
	sourceActions      = []string{"s3:GetBucketAcl", "s3:GetObjectTagging", "s3:GetObjectVersionTagging", "s3:ListBucket", "s3:PutObjectTagging"}

	// What a build asks for to make reports (docs.aws.amazon.com/codebuild/latest/userguide/test-permissions.html).
	reportActions = []string{"codebuild:BatchPutCodeCoverages", "codebuild:BatchPutTestCases", "codebuild:CreateReport", "codebuild:CreateReportGroup", "codebuild:UpdateReport"}

	buildActions     = []string{"codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"}
	changeSetActions = []string{
		"cloudformation:ContinueUpdateRollback", "cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet", "cloudformation:ExecuteChangeSet",
		"cloudformation:RollbackStack", "cloudformation:TagResource",
	}
	seeStackActions = []string{
		"cloudformation:DescribeChangeSet", "cloudformation:DescribeEvents", "cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks",
		"cloudformation:GetTemplate", "cloudformation:ListChangeSets", "cloudformation:ListStackResources",
	}
	followServiceActions = []string{"ecs:DescribeServices", "ecs:UpdateService"}
	seeTaskActions       = []string{"ecs:DescribeTasks", "ecs:ListTasks"}
	describeActions      = []string{"application-autoscaling:DescribeScalableTargets", "ecs:DescribeTaskDefinition", "elasticloadbalancing:DescribeTargetHealth"} // these have no resource
)

// runStatements let the tasks that are run once be run and stopped, where there are such, in what these prefixes name: the one
// before a deployment, whose family bears its stack's name, and the one that asks where not everybody may. The name of their
// roles may be cut, so that they are told by their path alone.
func runStatements(cfg config.Config, prefixes []string) []cfn.Statement {
	var clusters any = arns("ecs", each("cluster/", prefixes)...)
	if len(prefixes) == 1 {
		clusters = arns("ecs", "cluster/"+prefixes[0])[0]
	}
	ours := cfn.Condition{"ArnLike": {"ecs:cluster": clusters}}
	var families []string
	for _, prefix := range prefixes {
		if cfg.Visits() {
			families = append(families, "task-definition/"+prefix+contract.VisitorFamily+":*")
		}
		if prefix != cfg.Name+"-*" {
			prefix = strings.TrimSuffix(prefix, "-*")
		}
		if cfg.Service.BeforeDeploy.Runs() {
			families = append(families, "task-definition/"+prefix+"-"+contract.NestedBeforeDeploy+"-*")
		}
	}
	pass := cfn.Statement{Sid: "PassTaskRoles", Effect: cfn.Allow, Action: []string{"iam:PassRole"}, Resource: roleARNs(contract.EnvironmentRolePath(cfg.Name)),
		Condition: cfn.Condition{"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}}
	switch {
	case cfg.Visits():
		run := cfn.Statement{Sid: "RunTasks", Effect: cfn.Allow, Action: []string{"ecs:RunTask"}, Resource: arns("ecs", families...), Condition: ours}
		if !slices.Equal(prefixes, []string{cfg.Name + "-*"}) { // else seeTasks does it; each action knows one of the two kinds of resources
			run.Action, run.Resource = append(run.Action, "ecs:StopTask"), append(run.Resource, arns("ecs", "task/"+cfg.Name+"-*")...)
		}
		return []cfn.Statement{run, pass}
	case cfg.Service.BeforeDeploy.Runs():
		return []cfn.Statement{
			{Sid: "RunBeforeDeploy", Effect: cfn.Allow, Action: []string{"ecs:RunTask"}, Resource: arns("ecs", families...), Condition: ours},
			{Sid: "StopBeforeDeploy", Effect: cfn.Allow, Action: []string{"ecs:StopTask"}, Resource: arns("ecs", "task/"+cfg.Name+"-*"), Condition: ours},
			pass,
		}
	}
	return nil
}

// seeTasks is on the tasks of all clusters of the application. Who may run tasks in all of them may stop those, too: an inline policy
// has 10,240 characters, and a cluster's name is in the ARN of its tasks.
func seeTasks(cfg config.Config, prefixes []string) []string {
	if cfg.Visits() && slices.Equal(prefixes, []string{cfg.Name + "-*"}) {
		return append([]string{"ecs:StopTask"}, seeTaskActions...)
	}
	return seeTaskActions
}

// imageActions are what building an image asks of its repository.
func imageActions() []string {
	return slices.Concat([]string{"ecr:DescribeImageScanFindings", "ecr:DescribeImages"}, pullActions, pushActions)
}

// registryLogin has the only possible resource: a registry token is the account's, not a repository's
// (docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html).
func registryLogin() cfn.Statement {
	return cfn.Statement{Sid: "LogInToRegistry", Effect: cfn.Allow, Action: []string{"ecr:GetAuthorizationToken"}, Resource: []string{"*"}}
}

// sameAccount keeps a service from acting with a role on another account's behalf
// (docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html).
var sameAccount = map[string]any{"aws:SourceAccount": cfn.AccountID}

// trustTasks lets ECS tasks of this account and Region, and nobody else, use the role.
func trustTasks() any {
	return trust("ecs-tasks.amazonaws.com", cfn.Condition{
		"StringEquals": sameAccount,
		"ArnLike":      {"aws:SourceArn": cfn.Sub("arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:*")},
	})
}

// trustFlowLogs lets this account's flow logs, and nobody else, use the role.
func trustFlowLogs() any {
	return trust("vpc-flow-logs.amazonaws.com", cfn.Condition{
		"StringEquals": sameAccount,
		"ArnLike":      {"aws:SourceArn": cfn.Sub("arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:vpc-flow-log/*")},
	})
}

// trustBuilds lets this account's build projects use the role. The project's own name would make a circle.
func trustBuilds() any {
	return trust("codebuild.amazonaws.com", cfn.Condition{
		"StringEquals": sameAccount,
		"ArnLike":      {"aws:SourceArn": cfn.Sub("arn:${AWS::Partition}:codebuild:${AWS::Region}:${AWS::AccountId}:project/*")},
	})
}

// trustRules lets this account's event rules of these names use the role; a rule's own ARN would make a circle
// (docs.aws.amazon.com/eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html).
func trustRules(names string) any {
	return trust("events.amazonaws.com", cfn.Condition{
		"StringEquals": sameAccount,
		"ArnLike":      {"aws:SourceArn": arns("events", "rule/"+names)[0]},
	})
}

// trustSameAccount is for services whose documents do not promise to send the source account: IfExists lets them pass
// where they send nothing and holds them where they do.
func trustSameAccount(service string) any {
	return trust(service, cfn.Condition{"StringEqualsIfExists": sameAccount})
}

func trust(service string, condition cfn.Condition) any {
	return cfn.Document(cfn.Statement{
		Effect:    cfn.Allow,
		Principal: cfn.Principal{"Service": {service}},
		Action:    []string{"sts:AssumeRole"},
		Condition: condition,
	})
}

// arns makes ARNs of this partition, Region and account: service "ecs" and "cluster/*" give
// arn:PARTITION:ecs:REGION:ACCOUNT:cluster/*.
func arns(service string, resources ...string) []string {
	var list []string
	for _, r := range resources {
		list = append(list, cfn.Sub("arn:${AWS::Partition}:"+service+":${AWS::Region}:${AWS::AccountId}:"+r))
	}
	return list
}

// roleARNs makes the ARN pattern of all roles under a path; IAM is not regional.
func roleARNs(path string) []string {
	return []string{cfn.Sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role" + path + "*")}
}
