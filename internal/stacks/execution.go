package stacks

import (
	"slices"

	"github.com/awslabs/goformation/v7/cloudformation/iam"

	"slipway/internal/cfn"
	"slipway/internal/contract"
)

// addExecutionRoles adds the two roles that CloudFormation acts with on the environments' stacks. The people's may make
// all that an environment holds. The pipeline's has no right on pipeline, build projects and the roles of delivery, so
// that no commit can widen what the pipeline may do.
func (f *foundation) addExecutionRoles() {
	environments := []string{
		f.addPolicy("NetworkPolicy", "Make an environment's network.", accept(describes), f.networkStatements()),
		f.addPolicy("LoadBalancerPolicy", "Make an environment's nested stacks and its load balancer.", accept(describes), f.stackStatements(), f.balancerStatements()),
		f.addPolicy("ServicePolicy", "Make an environment's service, its logs, scaling and bounded roles.", accept(describes, makesRole), f.serviceStatements(), f.environmentRoleStatements()),
		f.addPolicy("EntryPolicy", "Make an environment's certificate, firewall, access logs and flow logs.", accept(unprotects), f.entryStatements()),
		f.addPolicy("WatchPolicy", "Make an environment's alarms, dashboard, topic and event rule.", nil, f.watchStatements()),
	}
	if domains := f.domainStatements(); len(domains) > 0 {
		environments = append(environments, f.addPolicy("DomainPolicy", "Make the certificates and the records of the environments' domains.", nil, domains))
	}
	pipelineRole := f.addExecutionRole("PipelineExecutionRole", "CloudFormation, for the pipeline: an environment without its pipeline.", environments)
	f.addDeliveryBoundary(pipelineRole)
	delivery := f.addPolicy("DeliveryPolicy", "Make the pipeline, its build projects and their roles.", accept(makesRole), f.deliveryStatements(), removeRecords())
	f.t.Output(contract.KeyExecutionRoleARN, "CloudFormation's role for people.",
		f.addExecutionRole("ExecutionRole", "CloudFormation, for people: everything that an environment holds.", append(environments, delivery)))
	f.t.Output(contract.KeyPipelineExecutionRoleARN, "CloudFormation's role for the pipeline.", pipelineRole)
}

// addDeliveryBoundary is the most that a role of builds or pipeline can do. It keeps the people's execution role, which
// makes such roles, from making one that can do everything.
func (f *foundation) addDeliveryBoundary(pipelineExecutionRole string) {
	prefix := f.cfg.Name + "-*" // CloudFormation's names begin with the stack's
	bucket := []string{f.bucket.Att("Arn"), cfn.Sub("${" + f.bucket.ID() + ".Arn}/*")}
	made := f.t.Add("DeliveryBoundary", &iam.ManagedPolicy{
		Description: new("The most that a role of builds or pipeline may do."),
		Path:        new(contract.DeliveryRolePath(f.cfg.Name)),
		PolicyDocument: cfn.Document(slices.Concat([]cfn.Statement{
			registryLogin(),
			{Sid: "Images", Effect: cfn.Allow, Action: imageActions(), Resource: []string{f.repository.Att("Arn")}},
			{Sid: "Bucket", Effect: cfn.Allow, Action: slices.Concat(readBucketActions, readObjectActions, writeObjectActions, sourceActions), Resource: bucket},
			{Sid: "Logs", Effect: cfn.Allow, Action: append([]string{"logs:GetLogEvents"}, writeLogActions...), Resource: arns("logs", "log-group:"+prefix)},
			// A project's name is made of its logical id alone.
			{Sid: "Builds", Effect: cfn.Allow, Action: slices.Concat(buildActions, reportActions), Resource: arns("codebuild", "project/*", "report-group/"+prefix)},
			{Sid: "Pipeline", Effect: cfn.Allow, Action: []string{"codepipeline:StartPipelineExecution"}, Resource: arns("codepipeline", prefix)},
			{Sid: "Stacks", Effect: cfn.Allow, Action: slices.Concat(changeSetActions, seeStackActions), Resource: arns("cloudformation", "stack/"+prefix)},
			{Sid: "PassExecutionRole", Effect: cfn.Allow, Action: []string{"iam:PassRole"}, Resource: []string{pipelineExecutionRole},
				Condition: cfn.Condition{"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}},
			{Sid: "Service", Effect: cfn.Allow, Action: slices.Concat(followServiceActions, seeTasks(f.cfg, []string{f.cfg.Name + "-*"})),
				Resource: arns("ecs", "container-instance/"+prefix, "service/"+prefix, "task/"+prefix)},
			{Sid: "Describe", Effect: cfn.Allow, Action: describeActions, Resource: []string{"*"}},
		}, useKey(f.key), f.onConnection("UseConnection", nil), runStatements(f.cfg, []string{f.cfg.Name + "-*"}))...),

		AWSCloudFormationMetadata: accept(describes),
	})
	f.deliveryBoundary = f.held(made)
	f.t.Output(contract.KeyDeliveryBoundaryARN, deliveryBoundaryDescription, f.deliveryBoundary)
}

func (f *foundation) addPolicy(id, description string, accepted map[string]any, statements ...[]cfn.Statement) string {
	return f.t.Add(id, &iam.ManagedPolicy{
		Description:    new(description),
		Path:           new(contract.DeliveryRolePath(f.cfg.Name)),
		PolicyDocument: cfn.Document(slices.Concat(statements...)...),

		AWSCloudFormationMetadata: accepted,
	}).Ref()
}

func (f *foundation) addExecutionRole(id, description string, policies []string) string {
	role := f.t.Add(id, &iam.Role{
		Description:              new(description),
		Path:                     new(contract.DeliveryRolePath(f.cfg.Name)),
		AssumeRolePolicyDocument: trustSameAccount("cloudformation.amazonaws.com"),
		ManagedPolicyArns:        policies,
		PermissionsBoundary:      orNone(f.ownBoundary),
	})
	// CloudFormation hands the role on to the nested stacks, so the role must be allowed to pass itself. Its own ARN is
	// known only once it exists, hence a policy of its own.
	f.t.Add(id+"PassPolicy", &iam.Policy{
		PolicyName: "pass-to-nested-stacks",
		Roles:      []string{role.Ref()},
		PolicyDocument: cfn.Document(cfn.Statement{
			Sid: "PassItself", Effect: cfn.Allow, Action: []string{"iam:PassRole"}, Resource: []string{role.Att("Arn")},
			Condition: cfn.Condition{"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
		}),
	})
	return role.Att("Arn")
}

// ours holds what carries this application's tag, which CloudFormation copies from the stack to its resources.
func (f *foundation) ours() cfn.Condition {
	return cfn.Condition{"StringEquals": {"aws:ResourceTag/" + contract.TagName: f.cfg.Name}}
}

// The statements that follow are what CloudFormation calls for each type. Actions that only describe stand apart with
// "*": the service authorization reference lists no resource for them.

func (f *foundation) stackStatements() []cfn.Statement {
	var nested []string
	for _, env := range f.cfg.Environments {
		nested = append(nested, arns("cloudformation", "stack/"+contract.EnvironmentStackName(f.cfg.Name, env.Name)+"-*")...)
	}
	return slices.Concat([]cfn.Statement{
		{Sid: "NestedStacks", Effect: cfn.Allow, Action: []string{
			"cloudformation:CreateChangeSet", "cloudformation:CreateStack", "cloudformation:DeleteChangeSet", "cloudformation:DeleteStack",
			"cloudformation:DescribeChangeSet", "cloudformation:DescribeStackEvents", "cloudformation:DescribeStackResources",
			"cloudformation:DescribeStacks", "cloudformation:ExecuteChangeSet", "cloudformation:GetStackPolicy", "cloudformation:GetTemplate",
			"cloudformation:TagResource", "cloudformation:UntagResource", "cloudformation:UpdateStack",
		}, Resource: nested},
		{Sid: "ReadTemplates", Effect: cfn.Allow, Action: []string{"s3:GetObject"}, Resource: f.objects(contract.TemplatesPrefix)},
	}, decryptThrough("DecryptTemplates", f.key, "s3"))
}

func (f *foundation) networkStatements() []cfn.Statement {
	made := arns("ec2", "elastic-ip/*", "internet-gateway/*", "natgateway/*", "route-table/*", "security-group/*", "subnet/*", "vpc-endpoint/*", "vpc/*")
	rules := arns("ec2", "security-group-rule/*")
	return []cfn.Statement{
		{Sid: "DescribeNetwork", Effect: cfn.Allow, Action: []string{ // describing has no resource
			"ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeInstances",
			"ec2:DescribeInternetGateways", "ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls", "ec2:DescribeNetworkInterfaces",
			"ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups",
			"ec2:DescribeSubnets", "ec2:DescribeTags", "ec2:DescribeVpcEncryptionControls", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs", "ec2:DescribeVpnGateways",
		}, Resource: []string{"*"}},
		{Sid: "MakeNetwork", Effect: cfn.Allow, Action: []string{
			"ec2:AllocateAddress", "ec2:CreateInternetGateway", "ec2:CreateNatGateway", "ec2:CreateRouteTable", "ec2:CreateSecurityGroup",
			"ec2:CreateSubnet", "ec2:CreateVpc", "ec2:CreateVpcEndpoint", "ec2:DescribeVpcAttribute",
		}, Resource: made},
		{Sid: "TagNetwork", Effect: cfn.Allow, Action: []string{"ec2:CreateTags", "ec2:DeleteTags"}, Resource: slices.Concat(made, rules)},
		// A rule is asked for beside its group, and has no tag while it is being made; the group's tag decides, below.
		{Sid: "MakeRules", Effect: cfn.Allow, Action: []string{"ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress"}, Resource: rules},
		{Sid: "ChangeNetwork", Effect: cfn.Allow, Action: []string{
			"ec2:AssociateRouteTable", "ec2:AttachInternetGateway", "ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateRoute", "ec2:DeleteInternetGateway", "ec2:DeleteNatGateway", "ec2:DeleteRoute", "ec2:DeleteRouteTable",
			"ec2:DeleteSecurityGroup", "ec2:DeleteSubnet", "ec2:DeleteVpc", "ec2:DeleteVpcEndpoints", "ec2:DetachInternetGateway",
			"ec2:DisassociateAddress", "ec2:DisassociateRouteTable", "ec2:ModifySubnetAttribute", "ec2:ModifyVpcAttribute",
			"ec2:ModifyVpcEndpoint", "ec2:ReleaseAddress", "ec2:ReplaceRoute", "ec2:ReplaceRouteTableAssociation", "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress",
			"ec2:UpdateSecurityGroupRuleDescriptionsEgress", "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
		}, Resource: made, Condition: f.ours()},
	}
}

func (f *foundation) balancerStatements() []cfn.Statement {
	all := arns("elasticloadbalancing", "loadbalancer/app/*", "targetgroup/*", "listener/app/*", "listener-rule/app/*")
	return []cfn.Statement{
		{Sid: "DescribeBalancers", Effect: cfn.Allow, Action: []string{ // describing has no resource
			"elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeLoadBalancerAttributes", "elasticloadbalancing:DescribeLoadBalancers",
			"elasticloadbalancing:DescribeCapacityReservation", "elasticloadbalancing:DescribeListenerAttributes",
			"elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTags", "elasticloadbalancing:DescribeTargetGroupAttributes",
			"elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth",
		}, Resource: []string{"*"}},
		{Sid: "MakeBalancer", Effect: cfn.Allow, Action: []string{
			"elasticloadbalancing:AddTags", "elasticloadbalancing:CreateListener", "elasticloadbalancing:CreateLoadBalancer",
			"elasticloadbalancing:CreateRule", "elasticloadbalancing:CreateTargetGroup", "elasticloadbalancing:RemoveTags",
		}, Resource: all},
		{Sid: "ChangeBalancer", Effect: cfn.Allow, Action: []string{
			"elasticloadbalancing:DeleteListener", "elasticloadbalancing:DeleteLoadBalancer", "elasticloadbalancing:DeleteRule",
			"elasticloadbalancing:DeleteTargetGroup", "elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyListenerAttributes", "elasticloadbalancing:ModifyLoadBalancerAttributes",
			"elasticloadbalancing:ModifyRule", "elasticloadbalancing:ModifyTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes",
			"elasticloadbalancing:SetRulePriorities", "elasticloadbalancing:SetSecurityGroups", "elasticloadbalancing:SetSubnets",
		}, Resource: all, Condition: f.ours()},
	}
}

func (f *foundation) serviceStatements() []cfn.Statement {
	prefix := f.cfg.Name + "-*" // CloudFormation's names begin with the stack's
	return []cfn.Statement{
		{Sid: "Service", Effect: cfn.Allow, Action: []string{
			"ecs:CreateCluster", "ecs:CreateService", "ecs:DeleteCluster", "ecs:DeleteService", "ecs:DescribeClusters", "ecs:DescribeServiceDeployments",
			"ecs:DescribeServices", "ecs:ListServiceDeployments", "ecs:ListTagsForResource", "ecs:PutClusterCapacityProviders",
			"ecs:RegisterTaskDefinition", "ecs:StopServiceDeployment", "ecs:TagResource", "ecs:UntagResource", "ecs:UpdateCluster", "ecs:UpdateClusterSettings", "ecs:UpdateService",
		}, Resource: arns("ecs", "cluster/"+prefix, "service/"+prefix, "service-deployment/"+prefix, "task-definition/"+prefix)},
		// These have no resource.
		{Sid: "TaskDefinitions", Effect: cfn.Allow, Action: []string{"ecs:DeregisterTaskDefinition", "ecs:DescribeTaskDefinition"}, Resource: []string{"*"}},
		{Sid: "Logs", Effect: cfn.Allow, Action: []string{
			"logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy", "logs:DisassociateKmsKey", "logs:GetDataProtectionPolicy",
			"logs:ListTagsForResource", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource",
		}, Resource: arns("logs", "log-group:"+prefix, "log-group:"+insightsLogs+prefix)},
		{Sid: "DescribeLogs", Effect: cfn.Allow, Action: []string{ // describing has no resource
			"logs:DescribeIndexPolicies", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
		}, Resource: []string{"*"}},
		{Sid: "Scaling", Effect: cfn.Allow, Action: []string{
			"application-autoscaling:DeleteScalingPolicy", "application-autoscaling:DeleteScheduledAction", "application-autoscaling:DeregisterScalableTarget",
			"application-autoscaling:ListTagsForResource", "application-autoscaling:PutScalingPolicy", "application-autoscaling:PutScheduledAction",
			"application-autoscaling:RegisterScalableTarget", "application-autoscaling:TagResource",
			"application-autoscaling:UntagResource",
		}, Resource: arns("application-autoscaling", "scalable-target/*")},
		{Sid: "DescribeScaling", Effect: cfn.Allow, Action: []string{ // describing has no resource
			"application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies", "application-autoscaling:DescribeScheduledActions",
			"cloudwatch:DescribeAlarms",
		}, Resource: []string{"*"}},
	}
}

// Making a role, and whatever could widen one, is allowed with the boundary only; the rest is not.
var (
	makeRoleActions   = []string{"iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"}
	changeRoleActions = []string{
		"iam:DeleteRole", "iam:DeleteRolePolicy", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies",
		"iam:ListRoleTags", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
	}
)

// environmentRoleStatements let roles be made under the environments' path only, only with the boundary, and never
// without it again.
func (f *foundation) environmentRoleStatements() []cfn.Statement {
	roles := roleARNs(contract.EnvironmentRolePath(f.cfg.Name))
	return []cfn.Statement{
		{Sid: "MakeBoundedRoles", Effect: cfn.Allow, Action: makeRoleActions, Resource: roles,
			Condition: cfn.Condition{"StringEquals": {"iam:PermissionsBoundary": f.boundary}}},
		{Sid: "ChangeBoundedRoles", Effect: cfn.Allow, Action: changeRoleActions, Resource: roles},
		{Sid: "PassRolesToTasks", Effect: cfn.Allow, Action: []string{"iam:PassRole"}, Resource: roles,
			Condition: cfn.Condition{"StringEquals": {"iam:PassedToService": []string{"ecs-tasks.amazonaws.com", "ecs.amazonaws.com"}}}},
	}
}

// deliveryStatements are what the pipeline stack needs: the people's role alone has them.
func (f *foundation) deliveryStatements() []cfn.Statement {
	roles := roleARNs(contract.PipelineRolePath(f.cfg.Name))
	passed := cfn.Condition{"StringEquals": {f.cfg.Pipeline.Source.ConnectionService() + ":PassedToService": "codepipeline.amazonaws.com"}}
	return append([]cfn.Statement{
		{Sid: "Pipeline", Effect: cfn.Allow, Action: []string{
			"codepipeline:CreatePipeline", "codepipeline:DeletePipeline", "codepipeline:GetPipeline", "codepipeline:GetPipelineState",
			"codepipeline:ListTagsForResource", "codepipeline:TagResource", "codepipeline:UntagResource", "codepipeline:UpdatePipeline",
			"codebuild:BatchGetReportGroups", "codebuild:CreateReportGroup", "codebuild:DeleteReportGroup", "codebuild:UpdateReportGroup",
		}, Resource: append(arns("codepipeline", f.cfg.Name+"-*"), arns("codebuild", "report-group/"+f.cfg.Name+"-*")...)},
		// A project's name is made of its logical id alone, so its own tag tells it from others'.
		{Sid: "MakeProjects", Effect: cfn.Allow, Action: []string{"codebuild:CreateProject"}, Resource: arns("codebuild", "project/*"),
			Condition: cfn.Condition{"StringEquals": {"aws:RequestTag/" + contract.TagName: f.cfg.Name}}},
		{Sid: "ChangeProjects", Effect: cfn.Allow, Action: []string{"codebuild:BatchGetProjects", "codebuild:DeleteProject", "codebuild:UpdateProject"},
			Resource: arns("codebuild", "project/*"), Condition: f.ours()},
		{Sid: "PipelineRules", Effect: cfn.Allow, Action: ruleActions, Resource: arns("events", "rule/"+ruleName(f.cfg.Name, "*", runRule), "rule/"+ruleName(f.cfg.Name, "*", sourceRule))},
		{Sid: "MakeBoundedPipelineRoles", Effect: cfn.Allow, Action: makeRoleActions, Resource: roles,
			Condition: cfn.Condition{"StringEquals": {"iam:PermissionsBoundary": f.deliveryBoundary}}},
		{Sid: "ChangePipelineRoles", Effect: cfn.Allow, Action: changeRoleActions, Resource: roles},
		{Sid: "PassPipelineRoles", Effect: cfn.Allow, Action: []string{"iam:PassRole"}, Resource: roles,
			Condition: cfn.Condition{"StringEquals": {"iam:PassedToService": []string{"codebuild.amazonaws.com", "codepipeline.amazonaws.com", "events.amazonaws.com"}}}},
	}, f.onConnection("PassConnection", passed)...)
}

// onConnection allows one thing with the connection to a git host, where there is one.
func (f *foundation) onConnection(action string, condition cfn.Condition) []cfn.Statement {
	if f.connection == "" {
		return nil
	}
	return []cfn.Statement{{Sid: "Connection", Effect: cfn.Allow, Action: []string{f.cfg.Pipeline.Source.ConnectionService() + ":" + action},
		Resource: []string{f.connection}, Condition: condition}}
}
