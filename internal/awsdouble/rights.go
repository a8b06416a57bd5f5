package awsdouble

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"slipway/internal/iampolicy"
)

// Restrict lets the caller from now on do what these policies together allow, and nothing else; until then everything is
// allowed. What CloudFormation does on the caller's behalf is not held to them.
func (d *Double) Restrict(policies ...iampolicy.Document) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.policies = append([]iampolicy.Document{}, policies...)
}

// Requests returns what the calls so far asked to be allowed, oldest first; nothing unless there are policies.
func (d *Double) Requests() []iampolicy.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.requests)
}

// authorize notes what a call asks for, and refuses what the policies do not allow.
func (d *Double) authorize(service, operation string, in object) *apiError {
	if d.policies == nil {
		return nil
	}
	requests, err := d.asks(service, operation, in)
	if err != nil {
		return &apiError{Code: "InternalFailure", Message: err.Error(), Status: 501}
	}
	d.requests = append(d.requests, requests...)
	for _, r := range requests {
		if !iampolicy.Allowed(r, d.policies...) {
			return d.denied(service, r)
		}
	}
	return nil
}

// caller is who makes all calls.
func (d *Double) caller() string { return "arn:aws:iam::" + d.AccountID + ":user/tester" }

// denied words a refusal as the service does.
func (d *Double) denied(service string, r iampolicy.Request) *apiError {
	message := fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %[2]s action",
		d.caller(), r.Action, r.Resource)
	switch service {
	case "ec2":
		return &apiError{Code: "UnauthorizedOperation", Message: message, Status: 403}
	case "s3", "cloudformation", "iam", "elasticloadbalancing", "sts":
		return &apiError{Code: "AccessDenied", Message: message, Status: 403}
	}
	return &apiError{Code: "AccessDeniedException", Message: message, Status: 400}
}

// prefixes are those of actions, where a service signs with another name.
var prefixes = map[string]string{"monitoring": "cloudwatch", "tagging": "tag"}

// asks says which actions on which resources a call asks for, as the service authorization reference has them. Nobody
// needs a right to ask who he is.
func (d *Double) asks(service, operation string, in object) ([]iampolicy.Request, error) {
	if operation == "GetCallerIdentity" {
		return nil, nil
	}
	if on := d.resources()[service+"."+operation]; on != nil {
		return on(in), nil
	}
	if prefix := prefixes[service]; prefix != "" {
		service = prefix
	}
	action := service + ":" + operation
	known, found := d.reference.Action(action)
	switch {
	case !found:
		return nil, fmt.Errorf("awsdouble does not know which right %s asks for: rights.go needs a line", action)
	case len(known.Types) > 0:
		return nil, fmt.Errorf("%s is asked for on a %v: rights.go needs a line that says on which", action, known.Types)
	}
	return []iampolicy.Request{{Action: action, Resource: "*"}}, nil
}

// right makes the requests of a call from its parameters.
type right func(in object) []iampolicy.Request

func (d *Double) resources() map[string]right {
	return map[string]right{
		"cloudformation.CreateChangeSet":             d.createChangeSetRight,
		"cloudformation.DeleteChangeSet":             d.changeSetRight("DeleteChangeSet"),
		"cloudformation.ContinueUpdateRollback":      d.withRole("ContinueUpdateRollback"),
		"cloudformation.RollbackStack":               d.withRole("RollbackStack"),
		"cloudformation.DeleteStack":                 d.withRole("DeleteStack"),
		"cloudformation.DescribeChangeSet":           d.changeSetRight("DescribeChangeSet"),
		"cloudformation.DescribeEvents":              d.changeSetRight("DescribeEvents"),
		"cloudformation.ExecuteChangeSet":            d.changeSetRight("ExecuteChangeSet"),
		"cloudformation.DescribeStacks":              d.stackRight("DescribeStacks"),
		"cloudformation.DescribeStackEvents":         d.stackRight("DescribeStackEvents"),
		"cloudformation.GetTemplate":                 d.stackRight("GetTemplate"),
		"cloudformation.ListChangeSets":              d.stackRight("ListChangeSets"),
		"cloudformation.ListStackResources":          d.stackRight("ListStackResources"),
		"cloudformation.UpdateTerminationProtection": d.stackRight("UpdateTerminationProtection"),

		"codebuild.StartBuild":           d.projectRight("StartBuild", "projectName", false),
		"codebuild.ListBuildsForProject": d.projectRight("ListBuildsForProject", "projectName", false),
		"codebuild.BatchGetProjects":     d.projectRight("BatchGetProjects", "names", false),
		"codebuild.BatchGetBuilds":       d.projectRight("BatchGetBuilds", "ids", true),
		"codebuild.StopBuild":            d.projectRight("StopBuild", "id", true),

		"codebuild.BatchGetReportGroups": d.byName("codebuild:BatchGetReportGroups", "reportGroupArns", "AWS::CodeBuild::ReportGroup", ""),

		"codepipeline.GetPipeline":            d.byName("codepipeline:GetPipeline", "name", "AWS::CodePipeline::Pipeline", ""),
		"codepipeline.ListPipelineExecutions": d.byName("codepipeline:ListPipelineExecutions", "pipelineName", "AWS::CodePipeline::Pipeline", ""),
		"codepipeline.GetPipelineExecution":   d.byName("codepipeline:GetPipelineExecution", "pipelineName", "AWS::CodePipeline::Pipeline", ""),
		"codepipeline.ListActionExecutions":   d.byName("codepipeline:ListActionExecutions", "pipelineName", "AWS::CodePipeline::Pipeline", ""),
		"codepipeline.GetPipelineState":       d.byName("codepipeline:GetPipelineState", "name", "AWS::CodePipeline::Pipeline", ""),
		"codepipeline.DisableStageTransition": d.stageRight("DisableStageTransition"),
		"codepipeline.EnableStageTransition":  d.stageRight("EnableStageTransition"),
		"codepipeline.StopPipelineExecution":  d.byName("codepipeline:StopPipelineExecution", "pipelineName", "AWS::CodePipeline::Pipeline", ""),

		"ecr.BatchGetImage":        d.byName("ecr:BatchGetImage", "repositoryName", "AWS::ECR::Repository", "repository/"),
		"ecr.PutImage":             d.byName("ecr:PutImage", "repositoryName", "AWS::ECR::Repository", "repository/"),
		"ecr.DescribeImages":       d.byName("ecr:DescribeImages", "repositoryName", "AWS::ECR::Repository", "repository/"),
		"ecr.DescribeRepositories": d.byName("ecr:DescribeRepositories", "repositoryNames", "AWS::ECR::Repository", "repository/"),

		"ecs.DescribeClusters":      d.byName("ecs:DescribeClusters", "clusters", "AWS::ECS::Cluster", "cluster/"),
		"ecs.DescribeServices":      d.byName("ecs:DescribeServices", "services", "AWS::ECS::Service", "service/"),
		"ecs.UpdateService":         d.serviceRight,
		"ecs.DescribeTasks":         d.byName("ecs:DescribeTasks", "tasks", "", "task/"),
		"ecs.ListTasks":             d.inCluster("ecs:ListTasks", "container-instance/"),
		"ecs.ExecuteCommand":        d.executeRight,
		"ecs.RunTask":               d.runTaskRight,
		"ecs.StopTask":              d.stopTaskRight,
		"ecs.DeleteTaskDefinitions": d.byName("ecs:DeleteTaskDefinitions", "taskDefinitions", "AWS::ECS::TaskDefinition", "task-definition/"),

		"acm.DescribeCertificate":                           d.byName("acm:DescribeCertificate", "CertificateArn", "AWS::CertificateManager::Certificate", ""),
		"kms.DescribeKey":                                   d.byName("kms:DescribeKey", "KeyId", "AWS::KMS::Key", "key/"),
		"monitoring.DescribeAlarms":                         d.byName("cloudwatch:DescribeAlarms", "AlarmNames", "AWS::CloudWatch::Alarm", "alarm:"),
		"monitoring.GetDashboard":                           d.dashboardRight,
		"route53.GetHostedZone":                             onHostedZone("route53:GetHostedZone"),
		"route53.ChangeResourceRecordSets":                  onHostedZone("route53:ChangeResourceRecordSets"),
		"codebuild.DeleteReportGroup":                       d.byName("codebuild:DeleteReportGroup", "arn", reportGroupType, ""),
		"logs.DeleteLogGroup":                               d.groupRight("DeleteLogGroup"),
		"route53.ListResourceRecordSets":                    onHostedZone("route53:ListResourceRecordSets"),
		"secretsmanager.DescribeSecret":                     d.secretRight,
		"codeconnections.GetConnection":                     d.byName("codeconnections:GetConnection", "ConnectionArn", "", ""),
		"codestar-connections.GetConnection":                d.byName("codestar-connections:GetConnection", "ConnectionArn", "", ""),
		"servicequotas.GetServiceQuota":                     d.quotaRight,
		"sns.ListSubscriptionsByTopic":                      d.byName("sns:ListSubscriptionsByTopic", "TopicArn", "AWS::SNS::Topic", ""),
		"sns.GetTopicAttributes":                            d.byName("sns:GetTopicAttributes", "TopicArn", "AWS::SNS::Topic", ""),
		"wafv2.GetWebACL":                                   d.aclRight,
		"wafv2.GetWebACLForResource":                        d.aclForResourceRight,
		"ec2.DescribeVpcAttribute":                          d.byName("ec2:DescribeVpcAttribute", "VpcId", "AWS::EC2::VPC", "vpc/"),
		"elasticloadbalancing.ModifyLoadBalancerAttributes": d.byName("elasticloadbalancing:ModifyLoadBalancerAttributes", "LoadBalancerArn", balancing+"LoadBalancer", ""),

		"events.DescribeRule": d.byName("events:DescribeRule", "Name", "AWS::Events::Rule", "rule/"),
		"events.DisableRule":  d.byName("events:DisableRule", "Name", "AWS::Events::Rule", "rule/"),

		"iam.GetRole":                 d.getRoleRight,
		"iam.GetPolicy":               d.byName("iam:GetPolicy", "PolicyArn", "AWS::IAM::ManagedPolicy", ""),
		"iam.CreateServiceLinkedRole": d.linkedRoleRight,

		"logs.GetLogEvents":       d.streamRight("GetLogEvents"),
		"logs.DescribeLogStreams": d.groupRight("DescribeLogStreams"),
		"logs.FilterLogEvents":    d.groupRight("FilterLogEvents"),

		"s3.HeadBucket":           onBucket("s3:ListBucket"),
		"s3.ListObjectsV2":        onBucket("s3:ListBucket"),
		"s3.ListObjectVersions":   onBucket("s3:ListBucketVersions"),
		"s3.ListMultipartUploads": onBucket("s3:ListBucketMultipartUploads"),
		"s3.GetBucketVersioning":  onBucket("s3:GetBucketVersioning"),
		"s3.GetObject":            d.getObjectRight,
		"s3.HeadObject":           d.getObjectRight,
		"s3.PutObject":            onObject("s3:PutObject"),
		"s3.DeleteObject":         onObject("s3:DeleteObject"),
		"s3.AbortMultipartUpload": onObject("s3:AbortMultipartUpload"),
		"s3.DeleteObjects":        deleteObjectsRight,
	}
}

// named are the names that a request gives by a key: several, or one as plain text.
func named(in object, key string) []string {
	names := texts(in, key)
	if name := text(in, key); name != "" {
		names = append(names, name)
	}
	return names
}

// stageRight is asked for on a stage of a pipeline.
func (d *Double) stageRight(operation string) right {
	return func(in object) []iampolicy.Request {
		return []iampolicy.Request{{Action: "codepipeline:" + operation, Resource: d.arn("codepipeline", text(in, "pipelineName")+"/"+text(in, "stageName"))}}
	}
}

// byName is for a resource, or several, whose name or ARN the request gives.
func (d *Double) byName(action, key, kindName, before string) right {
	service, _, _ := strings.Cut(action, ":")
	return func(in object) []iampolicy.Request {
		var requests []iampolicy.Request
		for _, name := range named(in, key) {
			arn := name
			if !strings.HasPrefix(arn, "arn:") {
				arn = d.arn(service, before+name)
			}
			requests = append(requests, iampolicy.Request{Action: action, Resource: arn, Context: tagContext(d.tagsOf(kindName, name))})
		}
		return requests
	}
}

// tagsOf are the tags of something that exists; what does not has none.
func (d *Double) tagsOf(kindName, id string) map[string]string {
	if t := d.thing(kindName, id); t != nil {
		return d.tags(t)
	}
	return nil
}

func tagContext(tags map[string]string) map[string][]string {
	context := map[string][]string{}
	for key, value := range tags {
		context["aws:ResourceTag/"+key] = []string{value}
	}
	return context
}

func (d *Double) stackRight(operation string) right {
	return func(in object) []iampolicy.Request {
		return []iampolicy.Request{d.onStack(operation, text(in, "StackName"), nil)}
	}
}

// onStack is an action on a stack by name or id. Without either it is about all stacks, which only "*" allows.
func (d *Double) onStack(operation, nameOrID string, context map[string][]string) iampolicy.Request {
	r := iampolicy.Request{Action: "cloudformation:" + operation, Resource: "*", Context: context}
	if nameOrID == "" {
		return r
	}
	r.Resource = nameOrID
	s := d.stack(nameOrID)
	switch {
	case s != nil:
		r.Resource = s.id
		if r.Context == nil {
			r.Context = map[string][]string{}
		}
		for key, values := range tagContext(s.tags) {
			r.Context[key] = values
		}
	case !strings.HasPrefix(nameOrID, "arn:"):
		r.Resource = d.arn("cloudformation", "stack/"+nameOrID+"/*")
	}
	return r
}

// changeSetRight is on the stack of a change set that is named by its ARN, or by its name and its stack's. The condition key
// has what the request says: no document promises the name for an ARN.
func (d *Double) changeSetRight(operation string) right {
	return func(in object) []iampolicy.Request {
		stackName, name := text(in, "StackName"), text(in, "ChangeSetName")
		for _, s := range d.stacks {
			for _, set := range s.changeSets {
				if set.id == name {
					stackName = s.id
				}
			}
		}
		return []iampolicy.Request{d.onStack(operation, stackName, map[string][]string{"cloudformation:ChangeSetName": {name}})}
	}
}

// createChangeSetRight includes what goes with the change set: its tags, its role and its template in a bucket.
func (d *Double) createChangeSetRight(in object) []iampolicy.Request {
	context := map[string][]string{"cloudformation:ChangeSetName": {text(in, "ChangeSetName")}}
	requests := []iampolicy.Request{}
	if role := text(in, "RoleARN"); role != "" {
		context["cloudformation:RoleArn"] = []string{role}
		requests = append(requests, passRole(role))
	}
	if at, err := url.Parse(text(in, "TemplateURL")); err == nil && at.Path != "" {
		requests = append(requests, iampolicy.Request{Action: "s3:GetObject", Resource: templateObject(at)})
	}
	if len(objects(in, "Tags")) > 0 {
		requests = append(requests, d.onStack("TagResource", text(in, "StackName"), map[string][]string{"cloudformation:CreateAction": {"CreateChangeSet"}}))
	}
	return append(requests, d.onStack("CreateChangeSet", text(in, "StackName"), context))
}

// templateObject is the object behind a template's URL: the bucket leads the host's name, or the path.
func templateObject(at *url.URL) string {
	key := strings.TrimPrefix(at.Path, "/")
	if bucket, _, named := strings.Cut(at.Host, ".s3."); named {
		return "arn:aws:s3:::" + bucket + "/" + key
	}
	return "arn:aws:s3:::" + key
}

// withRole is for an operation on a stack for which CloudFormation may be given a role.
func (d *Double) withRole(operation string) right {
	return func(in object) []iampolicy.Request {
		role := text(in, "RoleARN")
		if role == "" {
			return []iampolicy.Request{d.onStack(operation, text(in, "StackName"), nil)}
		}
		return []iampolicy.Request{passRole(role), d.onStack(operation, text(in, "StackName"), map[string][]string{"cloudformation:RoleArn": {role}})}
	}
}

func (d *Double) quotaRight(in object) []iampolicy.Request {
	return []iampolicy.Request{{Action: "servicequotas:GetServiceQuota", Resource: d.arn("servicequotas", text(in, "ServiceCode")+"/"+text(in, "QuotaCode")),
		Context: map[string][]string{"servicequotas:service": {text(in, "ServiceCode")}}}}
}

func passRole(role string) iampolicy.Request {
	return iampolicy.Request{Action: "iam:PassRole", Resource: role, Context: map[string][]string{"iam:PassedToService": {"cloudformation.amazonaws.com"}}}
}

// projectRight is on the project of that name, or of the build of that id, which begins with it.
func (d *Double) projectRight(operation, key string, build bool) right {
	return func(in object) []iampolicy.Request {
		var requests []iampolicy.Request
		for _, name := range named(in, key) {
			if build {
				name, _, _ = strings.Cut(name, ":")
			}
			requests = append(requests, iampolicy.Request{Action: "codebuild:" + operation, Resource: d.arn("codebuild", "project/"+name),
				Context: tagContext(d.tagsOf("AWS::CodeBuild::Project", name))})
		}
		return requests
	}
}

func (d *Double) serviceRight(in object) []iampolicy.Request {
	arn := text(in, "service")
	if !strings.HasPrefix(arn, "arn:") {
		arn = d.arn("ecs", "service/"+lastPart(text(in, "cluster"), "/")+"/"+arn)
	}
	return []iampolicy.Request{{Action: "ecs:UpdateService", Resource: arn}}
}

// executeRight is on the cluster and on the task.
func (d *Double) executeRight(in object) []iampolicy.Request {
	cluster := lastPart(text(in, "cluster"), "/")
	return []iampolicy.Request{
		{Action: "ecs:ExecuteCommand", Resource: d.arn("ecs", "cluster/"+cluster)},
		{Action: "ecs:ExecuteCommand", Resource: d.arn("ecs", "task/"+cluster+"/"+lastPart(text(in, "task"), "/"))},
	}
}

// runTaskRight is on the task definition, and to pass the roles that it names to the tasks.
func (d *Double) runTaskRight(in object) []iampolicy.Request {
	requests := []iampolicy.Request{{Action: "ecs:RunTask", Resource: text(in, "taskDefinition"), Context: d.onCluster(in)}}
	if t := d.definition(text(in, "taskDefinition")); t != nil {
		for _, key := range []string{"ExecutionRoleArn", "TaskRoleArn"} {
			if role := text(t.Properties, key); role != "" {
				requests = append(requests, iampolicy.Request{Action: "iam:PassRole", Resource: role,
					Context: map[string][]string{"iam:PassedToService": {"ecs-tasks.amazonaws.com"}}})
			}
		}
	}
	return requests
}

func (d *Double) stopTaskRight(in object) []iampolicy.Request {
	arn := d.arn("ecs", "task/"+lastPart(text(in, "cluster"), "/")+"/"+lastPart(text(in, "task"), "/"))
	return []iampolicy.Request{{Action: "ecs:StopTask", Resource: arn, Context: d.onCluster(in)}}
}

// onCluster is the condition key that ECS's actions on tasks have.
func (d *Double) onCluster(in object) map[string][]string {
	return map[string][]string{"ecs:cluster": {d.arn("ecs", "cluster/"+lastPart(text(in, "cluster"), "/"))}}
}

func (d *Double) inCluster(action, before string) right {
	return func(in object) []iampolicy.Request {
		return []iampolicy.Request{{Action: action, Resource: d.arn("ecs", before+lastPart(text(in, "cluster"), "/")+"/*")}}
	}
}

// getRoleRight is on the role with its path; of a role that is not there nobody knows the path.
func (d *Double) getRoleRight(in object) []iampolicy.Request {
	name := text(in, "RoleName")
	arn := "arn:aws:iam::" + d.AccountID + ":role/" + name
	for principal := range d.roles {
		if serviceLinkedRoles[principal] == name {
			arn = fmt.Sprint(d.linkedRole(principal)["Arn"])
		}
	}
	if t := d.thing("AWS::IAM::Role", name); t != nil {
		arn = t.Attributes["Arn"]
	}
	return []iampolicy.Request{{Action: "iam:GetRole", Resource: arn}}
}

func (d *Double) linkedRoleRight(in object) []iampolicy.Request {
	principal := text(in, "AWSServiceName")
	return []iampolicy.Request{{Action: "iam:CreateServiceLinkedRole", Resource: fmt.Sprint(d.linkedRole(principal)["Arn"]),
		Context: map[string][]string{"iam:AWSServiceName": {principal}}}}
}

// dashboardRight is on an ARN without a Region: dashboards are the account's.
func (d *Double) dashboardRight(in object) []iampolicy.Request {
	return []iampolicy.Request{{Action: "cloudwatch:GetDashboard", Resource: "arn:aws:cloudwatch::" + d.AccountID + ":dashboard/" + text(in, "DashboardName")}}
}

func onHostedZone(action string) right {
	return func(in object) []iampolicy.Request {
		return []iampolicy.Request{{Action: action, Resource: "arn:aws:route53:::hostedzone/" + text(in, "Id")}}
	}
}

// secretRight is on the secret's ARN, which ends in a hyphen and six characters of chance.
func (d *Double) secretRight(in object) []iampolicy.Request {
	return []iampolicy.Request{{Action: "secretsmanager:DescribeSecret", Resource: d.arn("secretsmanager", "secret:"+text(in, "SecretId")+"-AbCdEf")}}
}

func (d *Double) aclRight(in object) []iampolicy.Request {
	return []iampolicy.Request{{Action: "wafv2:GetWebACL", Resource: d.aclARN(text(in, "Name") + "|" + text(in, "Id") + "|" + text(in, "Scope"))}}
}

// aclForResourceRight is on the load balancer and, where a web ACL stands before it, on that.
func (d *Double) aclForResourceRight(in object) []iampolicy.Request {
	const action = "wafv2:GetWebACLForResource"
	requests := []iampolicy.Request{{Action: action, Resource: text(in, "ResourceArn")}}
	for _, t := range d.existing("AWS::WAFv2::WebACLAssociation") {
		if text(t.Properties, "ResourceArn") == text(in, "ResourceArn") {
			requests = append(requests, iampolicy.Request{Action: action, Resource: text(t.Properties, "WebACLArn")})
		}
	}
	return requests
}

func (d *Double) groupRight(operation string) right {
	return func(in object) []iampolicy.Request {
		return []iampolicy.Request{{Action: "logs:" + operation, Resource: d.arn("logs", "log-group:"+text(in, "logGroupName")+":*")}}
	}
}

func (d *Double) streamRight(operation string) right {
	return func(in object) []iampolicy.Request {
		return []iampolicy.Request{{Action: "logs:" + operation,
			Resource: d.arn("logs", "log-group:"+text(in, "logGroupName")+":log-stream:"+text(in, "logStreamName"))}}
	}
}

func onBucket(action string) right {
	return func(in object) []iampolicy.Request {
		return []iampolicy.Request{{Action: action, Resource: "arn:aws:s3:::" + text(in, "Bucket")}}
	}
}

func onObject(action string) right {
	return func(in object) []iampolicy.Request {
		return []iampolicy.Request{{Action: action, Resource: "arn:aws:s3:::" + text(in, "Bucket") + "/" + text(in, "Key")}}
	}
}

// getObjectRight includes listing where the object is not there: without it S3 does not say so, but refuses
// (docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).
func (d *Double) getObjectRight(in object) []iampolicy.Request {
	requests := onObject("s3:GetObject")(in)
	if b := d.buckets[text(in, "Bucket")]; b != nil && b.latest(text(in, "Key")) == nil {
		requests = append(requests, onBucket("s3:ListBucket")(in)...)
	}
	return requests
}

// deleteObjectsRight is one to delete an object always, and another besides for a version of it
// (docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html).
func deleteObjectsRight(in object) []iampolicy.Request {
	var list struct {
		Object []struct{ Key, VersionId string }
	}
	if err := xml.Unmarshal([]byte(text(in, "Body")), &list); err != nil {
		return nil // the call fails by itself
	}
	var requests []iampolicy.Request
	for _, o := range list.Object {
		object := object{"Bucket": in["Bucket"], "Key": o.Key}
		requests = append(requests, onObject("s3:DeleteObject")(object)...)
		if o.VersionId != "" {
			requests = append(requests, onObject("s3:DeleteObjectVersion")(object)...)
		}
	}
	return requests
}

// RolePolicies are the inline policies of a role that a stack made, by its name.
func (d *Double) RolePolicies(t testing.TB, role string) []iampolicy.Document {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	made := d.thing("AWS::IAM::Role", role)
	if made == nil {
		t.Fatalf("there is no role %s", role)
	}
	var documents []iampolicy.Document
	for _, p := range objects(made.Properties, "Policies") {
		body, err := json.Marshal(p["PolicyDocument"])
		if err != nil {
			t.Fatal(err)
		}
		document, err := iampolicy.Parse(body)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, document)
	}
	return documents
}
