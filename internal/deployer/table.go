package deployer

import (
	"strings"

	"slipway/internal/contract"
	"slipway/internal/iampolicy"
)

// stacks are the application's stacks. An environment's is changed with CloudFormation's role only.
func (t *table) stacks() {
	var roots []string
	for _, env := range t.cfg.Environments {
		roots = append(roots, t.arns("cloudformation", "stack/"+contract.EnvironmentStackName(t.cfg.Name, env.Name)+"/*")...)
	}
	foundation := t.arns("cloudformation", "stack/"+contract.FoundationStackName(t.cfg.Name)+"/*", "stack/"+contract.RescueStackName(t.cfg.Name)+"/*")
	own := iampolicy.Condition{"StringLike": {"cloudformation:ChangeSetName": {contract.ChangeSetByPerson + "*"}}}

	t.allow(Deploy, "SeeStacks", "what there is, what a change does, how it goes", []string{
		"cloudformation:DescribeChangeSet", "cloudformation:DescribeEvents", "cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks",
		"cloudformation:GetTemplate", "cloudformation:ListChangeSets", "cloudformation:ListStackResources",
	}, t.arns("cloudformation", "stack/"+t.named()))
	t.allow(Deploy, "MakeChangeSets", "change an environment, or take a change that failed back, with CloudFormation's role and no other",
		[]string{"cloudformation:ContinueUpdateRollback", "cloudformation:CreateChangeSet", "cloudformation:RollbackStack"}, roots,
		iampolicy.Condition{"StringLike": {"cloudformation:RoleArn": t.iam("role" + contract.DeliveryRolePath(t.cfg.Name) + "*")}})
	t.allow(Deploy, "UseChangeSets", "execute a change that one has made, or drop it", []string{
		"cloudformation:DeleteChangeSet", "cloudformation:ExecuteChangeSet",
	}, t.arns("cloudformation", "stack/"+t.named()), own)
	t.allow(Deploy, "TagAndDeleteStacks", "tag an environment, turn its protection on and off; delete one, or what a failed launch left of it", []string{
		"cloudformation:DeleteStack", "cloudformation:TagResource", "cloudformation:UpdateTerminationProtection",
	}, roots)
	t.allow(Deploy, "PassExecutionRole", "CloudFormation acts with it on an environment", []string{"iam:PassRole"},
		t.iam("role"+contract.DeliveryRolePath(t.cfg.Name)+"*"), passedTo("cloudformation.amazonaws.com"))

	t.allow(Foundation, "FoundationStack", "make, change and delete the foundation", []string{
		"cloudformation:ContinueUpdateRollback", "cloudformation:CreateChangeSet", "cloudformation:DeleteStack", "cloudformation:RollbackStack",
		"cloudformation:TagResource",
	}, foundation)

	t.allow(Destroy, "FindStacks", "stacks are found by their tag among all", []string{"cloudformation:DescribeStacks"}, all)
	t.allow(Destroy, "FormerEnvironments", "environments that slipway.yaml no longer names", []string{"cloudformation:DeleteStack", "cloudformation:UpdateTerminationProtection"},
		t.arns("cloudformation", "stack/"+t.named()), t.ours())
}

// deploying is what the launcher does itself.
func (t *table) deploying() {
	prefix := t.named()
	t.allow(Deploy, "SourcesAndTemplates", "upload sources and templates, read templates and releases", []string{"s3:GetObject", "s3:PutObject"}, objects(t.bucket()))
	t.key(Deploy, "SourcesUnderKey", "the same, under security.key", "kms:Decrypt", "kms:GenerateDataKey")
	t.allow(Deploy, "MissingObjects", "without it S3 calls a missing object forbidden", []string{"s3:ListBucket"}, t.buckets())
	t.allow(Deploy, "BuildImage", "start the image build and follow it", []string{"codebuild:BatchGetBuilds", "codebuild:StartBuild"},
		t.arns("codebuild", "project/*"), t.ours()) // a project's name is made of its logical id alone
	t.allow(Deploy, "KeepImage", "find the image of a source; tag that of a release, so that it stays", []string{"ecr:BatchGetImage", "ecr:DescribeImages", "ecr:PutImage"}, t.arns("ecr", "repository/"+prefix))
	t.allow(Deploy, "FollowService", "follow a deployment; raise the count to the least that scaling allows", []string{"ecs:DescribeServices", "ecs:UpdateService"},
		t.arns("ecs", "service/"+prefix))
	t.allow(Deploy, "SeeTasks", "why tasks stopped", []string{"ecs:DescribeTasks", "ecs:ListTasks"},
		t.arns("ecs", "container-instance/"+prefix, "task/"+prefix))
	var once []string
	sid, what := "BeforeDeploy", "run the task of service.beforeDeploy, and stop it"
	if t.cfg.Service.BeforeDeploy.Runs() {
		once = append(once, "task-definition/"+prefix+"-"+contract.NestedBeforeDeploy+"-*")
	}
	if t.cfg.Visits() {
		once = append(once, "task-definition/"+prefix+contract.VisitorFamily+":*")
		sid, what = "Tasks", "run the task that asks whether the service answers, and that of service.beforeDeploy, and stop them"
	}
	if len(once) > 0 {
		ours := iampolicy.Condition{"ArnLike": {"ecs:cluster": t.arns("ecs", "cluster/"+prefix)}}
		t.allow(Deploy, "Run"+sid, what, []string{"ecs:RunTask"},
			t.arns("ecs", once...), ours)
		t.allow(Deploy, "Stop"+sid, "the same", []string{"ecs:StopTask"}, t.arns("ecs", "task/"+prefix), ours)
		t.allow(Deploy, "PassTaskRoles", "the same; it acts with roles of its environment", []string{"iam:PassRole"},
			t.iam("role"+contract.EnvironmentRolePath(t.cfg.Name)+"*"), passedTo("ecs-tasks.amazonaws.com"))
	}
	t.allow(Deploy, "ReadLogs", "the last lines of a build or of a task that stopped", []string{"logs:GetLogEvents"}, t.arns("logs", "log-group:"+prefix))
	t.allow(Deploy, "Describe", "zones with Fargate, what runs, how many there are at least, whether it is healthy", []string{
		"application-autoscaling:DescribeScalableTargets", "ec2:DescribeAvailabilityZones", "ecs:DescribeTaskDefinition", "elasticloadbalancing:DescribeTargetHealth",
	}, all)
	linked := []string{"aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS", "aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing",
		"aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"}
	var made []string
	for _, role := range linked {
		made = append(made, t.iam("role/"+role)...)
	}
	// The path of a role that is not there nobody knows.
	t.allow(Deploy, "SeeLinkedRoles", "whether services have made the roles that they act with", []string{"iam:GetRole"},
		t.iam("role/aws-service-role/*", "role/AWSServiceRoleFor*"))
	t.allow(Foundation, "LinkedRoles", "make them before the first cluster, which fails without", []string{"iam:CreateServiceLinkedRole"}, made,
		iampolicy.Condition{"StringEquals": {"iam:AWSServiceName": {
			"ecs.amazonaws.com", "elasticloadbalancing.amazonaws.com", "ecs.application-autoscaling.amazonaws.com",
		}}})
}

// stopping is what destroy does before CloudFormation deletes, and beside it.
func (t *table) stopping() {
	prefix := t.named()
	t.allow(Destroy, "StopPipeline", "no writer may be at work while a bucket is emptied", []string{
		"codepipeline:GetPipeline", "codepipeline:ListPipelineExecutions", "codepipeline:StopPipelineExecution",
	}, t.arns("codepipeline", prefix))
	t.allow(Destroy, "StopTrigger", "the same", []string{"events:DescribeRule", "events:DisableRule"}, t.arns("events", "rule/"+prefix))
	t.allow(Destroy, "StopBuilds", "the same", []string{"codebuild:ListBuildsForProject", "codebuild:StopBuild"}, t.arns("codebuild", "project/*"), t.ours())
	t.allow(Destroy, "ReleaseBalancers", "a load balancer that is to be deleted is protected no more and writes no more logs",
		[]string{"elasticloadbalancing:ModifyLoadBalancerAttributes"}, t.arns("elasticloadbalancing", "loadbalancer/app/*"), t.ours()) // its name is made of little of the stack's
	t.allow(Destroy, "FindVersions", "only an empty bucket can be deleted", []string{"s3:ListBucketMultipartUploads", "s3:ListBucketVersions"}, t.buckets())
	t.allow(Destroy, "EmptyBuckets", "the same", []string{"s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectVersion"}, objects(t.buckets()))
	t.allow(Destroy, "SweepLogGroups", "a late line can make a log group again", []string{"logs:DeleteLogGroup"},
		t.arns("logs", "log-group:"+prefix, "log-group:/aws/ecs/containerinsights/"+prefix))
	t.allow(Destroy, "SweepReports", "builds make report groups; their names begin with the project's", []string{"codebuild:BatchGetReportGroups", "codebuild:DeleteReportGroup"},
		t.arns("codebuild", "report-group/*"))
	t.allow(Destroy, "SweepProofs", "the record that proved a certificate's domain stays behind", []string{"route53:ChangeResourceRecordSets"},
		[]string{"arn:" + t.in.Partition + ":route53:::hostedzone/*"}, iampolicy.Condition{"ForAllValues:StringEquals": {
			"route53:ChangeResourceRecordSetsActions": {"DELETE"}, "route53:ChangeResourceRecordSetsRecordTypes": {"CNAME"},
		}})
	t.allow(Destroy, "SeeSharedProofs", "unless another certificate of the account needs it, in whatever Region", []string{"acm:ListCertificates", "ec2:DescribeRegions"}, all)
	t.allow(Destroy, "SeeHolders", "who holds what cannot be deleted", []string{"ec2:DescribeNetworkInterfaces"}, all)
	t.allow(Destroy, "FindTaskDefinitions", "task definitions outlive their stack", []string{"ecs:DeregisterTaskDefinition", "ecs:ListTaskDefinitions"}, all)
	t.allow(Destroy, "DeleteTaskDefinitions", "the same", []string{"ecs:DeleteTaskDefinitions"}, t.arns("ecs", "task-definition/"+prefix))
}

// proving is what destroy asks, resource by resource, once all is deleted.
func (t *table) proving() {
	prefix := t.named()
	t.allow(Destroy, "ProveCluster", "ask for each resource whether it is gone; most of the rights for it are in the other two", []string{"ecs:DescribeClusters"},
		t.arns("ecs", "cluster/"+prefix))
	t.allow(Destroy, "ProveCertificates", "the same; a certificate's id says nothing of whose it is", []string{"acm:DescribeCertificate"}, t.arns("acm", "certificate/*"))
	t.allow(Destroy, "ProveAlarms", "the same", []string{"cloudwatch:DescribeAlarms"}, t.arns("cloudwatch", "alarm:"+prefix))
	t.allow(Destroy, "ProveDashboards", "the same", []string{"cloudwatch:GetDashboard"},
		[]string{"arn:" + t.in.Partition + ":cloudwatch::" + t.in.Account + ":dashboard/" + prefix})
	t.allow(Destroy, "ProveRecords", "the same, in zones that slipway.yaml may no longer name", []string{"route53:ListResourceRecordSets"},
		[]string{"arn:" + t.in.Partition + ":route53:::hostedzone/*"})
	t.allow(Destroy, "ProveTopics", "the same", []string{"sns:GetTopicAttributes"}, t.arns("sns", prefix))
	t.allow(Destroy, "ProveFirewall", "the same; a web ACL's name is made of its logical id alone", []string{"wafv2:GetWebACL", "wafv2:GetWebACLForResource"},
		append(t.arns("wafv2", "regional/webacl/*"), t.arns("elasticloadbalancing", "loadbalancer/app/*")...))
	t.allow(Destroy, "FindByTag", "what carries the application's tag and is in no stack; each is then asked for", []string{"tag:GetResources"}, all)
	t.allow(Destroy, "ProveAmongAll", "the same, where AWS knows no resource for the question", []string{
		"application-autoscaling:DescribeScalingPolicies", "ec2:DescribeAddresses",
		"ec2:DescribeFlowLogs", "ec2:DescribeInternetGateways", "ec2:DescribeNatGateways", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups",
		"ec2:DescribeSubnets", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs", "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeLoadBalancers",
		"elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTargetGroups", "sns:GetSubscriptionAttributes",
	}, all)
}

// looking is what a launch asks beforehand about what slipway.yaml names and others have made. No value of a secret is read.
func (t *table) looking() {
	t.allow(Preflight, "SeeCertificates", "whether entry.certificate is issued and covers the domain", []string{"acm:DescribeCertificate"}, t.arns("acm", "certificate/*"))
	t.allow(Preflight, "SeeZones", "whether entry.hostedZone holds the domain", []string{"route53:GetHostedZone"},
		[]string{"arn:" + t.in.Partition + ":route53:::hostedzone/*"})
	t.allow(Preflight, "SeeTopics", "whether alarms can publish to watch.topic", []string{"sns:GetTopicAttributes"}, t.arns("sns", "*"))
	t.allow(Preflight, "SeeSubscriptions", "whether somebody has confirmed the subscription of watch.email", []string{"sns:ListSubscriptionsByTopic"}, t.arns("sns", t.named()))
	t.allow(Preflight, "SeeKeys", "whether security.key is enabled and symmetric", []string{"kms:DescribeKey"}, t.arns("kms", "key/*"))
	t.allow(Preflight, "SeePolicies", "whether security.boundary is there", []string{"iam:GetPolicy"},
		append(t.iam("policy/*"), "arn:"+t.in.Partition+":iam::aws:policy/*"))
	t.allow(Preflight, "SeeSecrets", "whether secrets are there", []string{"secretsmanager:DescribeSecret"}, t.arns("secretsmanager", "secret:*"))
	t.allow(Preflight, "SeeVPC", "whether names are resolved in network.vpc", []string{"ec2:DescribeVpcAttribute"}, t.arns("ec2", "vpc/*"))
	t.allow(Preflight, "SeeQuotas", "whether a first launch fits into the account's quotas", []string{"servicequotas:GetServiceQuota"},
		t.arns("servicequotas", "ec2/L-0263D0A3", "fargate/L-3032A538", "fargate/L-36FBB829", "vpc/L-F678F1CE"))
	if arn := t.cfg.Pipeline.Source.Connection; arn != "" {
		service := strings.Split(arn, ":")[2]
		t.allow(Preflight, "SeeConnection", "whether pipeline.source.connection is ready", []string{service + ":GetConnection"}, []string{arn})
	}
	t.allow(Preflight, "SeeAmongAll", "whether parameters, VPC and subnets are there and fit; what counts against the quotas", []string{
		"cloudwatch:GetMetricStatistics", "ec2:DescribeAddresses", "ec2:DescribeRouteTables", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
		"servicequotas:GetAWSDefaultServiceQuota", "ssm:DescribeParameters",
	}, all)
}

// operating is what status, logs and events ask, and, where ECS Exec is on, exec.
func (t *table) operating() {
	prefix := t.named()
	t.allow(Operate, "SeeStacks", "which stacks there are, and what happened to them", []string{
		"cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks", "cloudformation:ListStackResources",
	}, t.arns("cloudformation", "stack/"+prefix))
	t.allow(Operate, "SeeService", "what runs and how the last deployment went", []string{"ecs:DescribeServices"}, t.arns("ecs", "service/"+prefix))
	t.allow(Operate, "SeeTasks", "its tasks", []string{"ecs:DescribeTasks", "ecs:ListTasks"}, t.arns("ecs", "container-instance/"+prefix, "task/"+prefix))
	t.allow(Operate, "Describe", "the image that runs, and whether it is healthy", []string{
		"ecs:DescribeTaskDefinition", "elasticloadbalancing:DescribeTargetHealth",
	}, all)
	t.allow(Operate, "SeeImage", "which source an image was built from", []string{"ecr:DescribeImages"}, t.arns("ecr", "repository/"+prefix))
	var kept []string
	for _, bucket := range t.bucket() {
		kept = append(kept, bucket+"/"+contract.SourcesPrefix+"*", bucket+"/"+contract.ReleasesPrefix+"*", bucket+"/"+contract.TemplatesPrefix+"*")
	}
	t.allow(Operate, "SeeReleases", "what was released, from which commit, with which templates", []string{"s3:GetObject"}, kept)
	t.key(Operate, "ReleasesUnderKey", "the same, under security.key", "kms:Decrypt")
	t.allow(Operate, "MissingObjects", "without it S3 calls a missing object forbidden", []string{"s3:ListBucket"}, t.bucket())
	t.allow(Operate, "FollowPipeline", "how a run of the pipeline goes, and where runs are held", []string{
		"codepipeline:GetPipelineExecution", "codepipeline:GetPipelineState", "codepipeline:ListActionExecutions", "codepipeline:ListPipelineExecutions",
	}, t.arns("codepipeline", prefix))
	t.allow(Operate, "HoldPipeline", "hold runs of the pipeline before an environment, and let them go", []string{
		"codepipeline:DisableStageTransition", "codepipeline:EnableStageTransition",
	}, t.arns("codepipeline", prefix+"/"+contract.DeployStage("*")))
	t.allow(Operate, "ReadLogs", "what the tasks wrote", []string{"logs:FilterLogEvents"}, t.arns("logs", "log-group:"+prefix))
	if t.cfg.Service.Exec {
		t.allow(Operate, "OpenSessions", "run a command in a container: more than looking, and only where service.exec is on", []string{"ecs:ExecuteCommand"},
			t.arns("ecs", "cluster/"+prefix, "task/"+prefix))
	}
}
