package stacks

import (
	"path"
	"testing"

	"slipway/internal/contract"
	"slipway/internal/iampolicy"
)

// CloudFormation's roles cannot widen what they, the pipeline or its builds may do: a template is as wide as who wrote it,
// and commits write those that the pipeline deploys. An engine that enforces rights shows the same of the roles of builds
// (internal/e2e); what CloudFormation does it does not enforce, so here the policies' text is evaluated.
func TestExecutionRolesCannotWidenRights(t *testing.T) {
	for name, cfg := range variants() {
		a := deployed(t, cfg)
		for role, requests := range map[string][]iampolicy.Request{
			"PipelineExecutionRole": append(a.widening(), a.delivery()...),
			"ExecutionRole":         a.widening(),
		} {
			docs := a.of(contract.FoundationTemplate, role)
			for _, r := range requests {
				if iampolicy.Allowed(r, docs...) {
					t.Errorf("%s: %s may %s", name, role, r)
				}
			}
		}
	}
}

// widening is what neither role may do.
func (a account) widening() []iampolicy.Request {
	const bucket = "Bucket.Arn"
	list := []iampolicy.Request{
		{Action: "s3:PutBucketPolicy", Resource: a.attribute(contract.FoundationTemplate, bucket)},
		{Action: "s3:DeleteBucket", Resource: a.attribute(contract.FoundationTemplate, bucket)},
		{Action: "cloudformation:UpdateStack", Resource: a.arn("cloudformation", "stack/"+contract.FoundationStackName(a.cfg.Name)+"/1")},
		{Action: "cloudformation:CreateChangeSet", Resource: a.arn("cloudformation", "stack/"+contract.FoundationStackName(a.cfg.Name)+"/1")},
		{Action: "codebuild:UpdateProject", Resource: a.arn("codebuild", "project/others"), Context: tagged("others")},
		{Action: "iam:CreateRole", Resource: a.arn("iam", "role/anywhere"), Context: bounded(a.name(contract.FoundationTemplate, "PermissionsBoundary"))},
		{Action: "iam:CreateUser", Resource: a.arn("iam", "user/me")},
		{Action: "iam:CreateAccessKey", Resource: a.arn("iam", "user/me")},
	}
	for _, route := range a.cfg.Routes() {
		list = append(list, iampolicy.Request{Action: "s3:PutObject", Resource: a.attribute(contract.FoundationTemplate, bucket) + "/" + route.Source()})
	}
	for _, policy := range []string{"PermissionsBoundary", "DeliveryBoundary", "NetworkPolicy", "DeliveryPolicy"} {
		arn := a.name(contract.FoundationTemplate, policy)
		list = append(list, iampolicy.Request{Action: "iam:CreatePolicyVersion", Resource: arn}, iampolicy.Request{Action: "iam:DeletePolicy", Resource: arn})
	}
	for _, role := range []string{"ExecutionRole", "PipelineExecutionRole", "ImageRole"} {
		list = append(list, a.changing(a.attribute(contract.FoundationTemplate, role+".Arn"))...)
	}
	made := []string{a.arn("iam", "role"+contract.EnvironmentRolePath(a.cfg.Name)+"made"), a.arn("iam", "role"+contract.PipelineRolePath(a.cfg.Name)+"made")}
	for _, role := range made {
		for _, boundary := range []map[string][]string{nil, bounded("arn:aws:iam::aws:policy/AdministratorAccess")} {
			list = append(list, iampolicy.Request{Action: "iam:CreateRole", Resource: role, Context: boundary},
				iampolicy.Request{Action: "iam:PutRolePolicy", Resource: role, Context: boundary},
				iampolicy.Request{Action: "iam:PutRolePermissionsBoundary", Resource: role, Context: boundary})
		}
		list = append(list, iampolicy.Request{Action: "iam:DeleteRolePermissionsBoundary", Resource: role},
			iampolicy.Request{Action: "iam:AttachRolePolicy", Resource: role, Context: map[string][]string{"iam:PolicyARN": {"arn:aws:iam::aws:policy/AdministratorAccess"}}},
			iampolicy.Request{Action: "iam:PassRole", Resource: role, Context: map[string][]string{"iam:PassedToService": {"ec2.amazonaws.com"}}})
	}
	return list
}

// delivery is what the pipeline's role may not do besides: pipeline, build projects, and their roles.
func (a account) delivery() []iampolicy.Request {
	file := path.Join(a.cfg.Pipeline.Environment, contract.StackPipeline+".yaml")
	list := []iampolicy.Request{
		{Action: "iam:PassRole", Resource: a.attribute(contract.FoundationTemplate, "ExecutionRole.Arn"),
			Context: map[string][]string{"iam:PassedToService": {"cloudformation.amazonaws.com"}}},
	}
	projects, roles := []string{"ChecksProject"}, []string{"ChecksRole"}
	for _, route := range a.cfg.Routes() {
		pipeline := a.arn("codepipeline", a.name(file, contract.OfBranch("Pipeline", route.Slug)))
		list = append(list, iampolicy.Request{Action: "codepipeline:UpdatePipeline", Resource: pipeline, Context: tagged(a.cfg.Name)},
			iampolicy.Request{Action: "codepipeline:DeletePipeline", Resource: pipeline, Context: tagged(a.cfg.Name)},
			iampolicy.Request{Action: "events:PutRule", Resource: a.arn("events", "rule/"+ruleName(a.cfg.Name, a.cfg.Pipeline.Environment, sourceRuleOf(route.Slug))), Context: tagged(a.cfg.Name)})
		projects = append(projects, contract.OfBranch("DeployProject", route.Slug))
		for _, role := range []string{"DeployRole", "PipelineRole", "TriggerRole"} {
			roles = append(roles, contract.OfBranch(role, route.Slug))
		}
	}
	for _, project := range projects {
		arn := a.attribute(file, project+".Arn")
		list = append(list, iampolicy.Request{Action: "codebuild:UpdateProject", Resource: arn, Context: tagged(a.cfg.Name)},
			iampolicy.Request{Action: "codebuild:CreateProject", Resource: arn, Context: map[string][]string{"aws:RequestTag/" + contract.TagName: {a.cfg.Name}}})
	}
	for _, service := range []string{"codeconnections", "codestar-connections"} {
		for _, action := range []string{"PassConnection", "UseConnection"} {
			list = append(list, iampolicy.Request{Action: service + ":" + action, Resource: a.cfg.Pipeline.Source.Connection,
				Context: map[string][]string{service + ":PassedToService": {"codepipeline.amazonaws.com"}}})
		}
	}
	for _, role := range roles {
		if a.resource(file, role) == nil {
			continue // pushes to a git host need no rule
		}
		arn := a.attribute(file, role+".Arn")
		list = append(list, a.changing(arn)...)
		for _, action := range []string{"iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"} {
			for _, boundary := range []string{"PermissionsBoundary", "DeliveryBoundary"} {
				list = append(list, iampolicy.Request{Action: action, Resource: arn, Context: bounded(a.name(contract.FoundationTemplate, boundary))})
			}
		}
	}
	return list
}

// changing is everything that changes what a role may do, or who may use it.
func (a account) changing(role string) []iampolicy.Request {
	var list []iampolicy.Request
	for _, action := range []string{"iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePermissionsBoundary", "iam:DeleteRolePolicy", "iam:DetachRolePolicy",
		"iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"} {
		list = append(list, iampolicy.Request{Action: action, Resource: role, Context: bounded(a.name(contract.FoundationTemplate, "PermissionsBoundary"))})
	}
	for _, service := range []string{"codebuild.amazonaws.com", "ecs-tasks.amazonaws.com", "events.amazonaws.com", "lambda.amazonaws.com"} {
		list = append(list, iampolicy.Request{Action: "iam:PassRole", Resource: role, Context: map[string][]string{"iam:PassedToService": {service}}})
	}
	return list
}

func tagged(name string) map[string][]string {
	return map[string][]string{"aws:ResourceTag/" + contract.TagName: {name}}
}

func bounded(arn string) map[string][]string {
	return map[string][]string{"iam:PermissionsBoundary": {arn}}
}
