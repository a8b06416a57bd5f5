package stacks

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"slipway/internal/contract"
	"slipway/internal/deployer"
	"slipway/internal/iampolicy"
	"slipway/internal/iamref"
	"slipway/internal/schema"
)

// handlers are what CloudFormation calls for a stack's resource. The list handler is not among them: only ListResources of
// the Cloud Control API calls it (docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html).
var handlers = []string{"create", "read", "update", "delete"}

// CloudFormation's roles may do what the resource schemas' handlers ask for, on the resources of each template: those for
// people on all of an environment, the pipeline's on all but the pipeline.
func TestExecutionRolesMayDoWhatHandlersAsk(t *testing.T) {
	s := newSimulation(t)
	for name, cfg := range variants() {
		a := deployed(t, cfg)
		for _, role := range []string{"ExecutionRole", "PipelineExecutionRole"} {
			docs := a.of(contract.FoundationTemplate, role)
			for _, r := range s.requests(a, role) {
				if !iampolicy.Allowed(r.Request, docs...) {
					s.faults[fmt.Sprintf("%s: %s may not %s on %s (%s)", r.kind, role, r.Action, r.Resource, r.handler)] = name
				}
			}
		}
	}
	s.report()
}

// Each statement of an execution role, and each action in it, is there for something: without it some request would be
// refused.
func TestExecutionRolesAreMinimal(t *testing.T) {
	s := newSimulation(t)
	rights := newRights()
	for _, cfg := range variants() {
		a := deployed(t, cfg)
		var whole iampolicy.Document
		for _, d := range a.of(contract.FoundationTemplate, "ExecutionRole") {
			whole.Statement = append(whole.Statement, d.Statement...)
		}
		rights.add(whole, s.requests(a, "ExecutionRole"))
	}
	for _, right := range rights.superfluous() {
		t.Errorf("no handler needs %s", right)
	}
}

// The foundation's stack is made with the caller's own rights: policies deploy and foundation together allow what the
// handlers of its resources ask for, and what they allow for that alone is all asked for.
func TestFoundationPolicyIsWhatHandlersAsk(t *testing.T) {
	s := newSimulation(t)
	rights := newRights()
	for name, cfg := range variants() {
		a := deployed(t, cfg)
		var all, ours iampolicy.Document
		for _, r := range deployer.Rights(cfg, deployer.Place{Partition: a.partition, Region: a.region, Account: a.id}) {
			if r.Policy != deployer.Destroy {
				all.Statement = append(all.Statement, r.Statement)
			}
			if r.ForCloudFormation {
				ours.Statement = append(ours.Statement, r.Statement)
			}
		}
		var requests []handled
		for id := range a.all[contract.FoundationTemplate].Resources {
			requests = append(requests, s.resource(a, contract.FoundationTemplate, id)...)
		}
		for _, r := range requests {
			if !iampolicy.Allowed(r.Request, all) {
				s.faults[fmt.Sprintf("%s: policy foundation does not allow %s on %s %v (%s)", r.kind, r.Action, r.Resource, r.Context, r.handler)] = name
			}
		}
		rights.add(ours, requests)
	}
	s.report()
	for _, right := range rights.superfluous() {
		t.Errorf("no handler needs %s", right)
	}
}

// Each exception is there for something.
func TestExceptionsAreNeeded(t *testing.T) {
	s := newSimulation(t)
	for _, cfg := range variants() {
		a := deployed(t, cfg)
		for file, template := range a.all {
			for id := range template.Resources {
				s.resource(a, file, id)
			}
		}
	}
	for i, e := range exceptions {
		if !s.used[i] {
			t.Errorf("nothing falls under the exception %q of %s", e.actions, e.kind)
		}
	}
}

// rights are statements and their actions, and which of them some request needs.
type rights struct{ there, needed map[string]bool }

func newRights() rights { return rights{map[string]bool{}, map[string]bool{}} }

// add notes what a policy has, and which of it alone allows one of the requests.
func (r rights) add(policy iampolicy.Document, requests []handled) {
	for _, statement := range policy.Statement {
		if statement.Effect == iampolicy.Deny {
			continue
		}
		for _, action := range statement.Action {
			r.there[statement.Sid+" "+action] = true
		}
	}
	for _, request := range requests {
		if by := policy.Matching(request.Request); len(by) == 1 {
			r.needed[policy.Statement[by[0]].Sid+" "+request.Action] = true
		}
	}
}

func (r rights) superfluous() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r.there)), func(right string) bool { return r.needed[right] })
}

type simulation struct {
	t         *testing.T
	types     schema.Types
	reference iamref.Reference
	faults    map[string]string // and the variant in which each was found
	used      map[int]bool      // the exceptions that something fell under
}

func newSimulation(t *testing.T) simulation {
	t.Helper()
	s := simulation{t: t, faults: map[string]string{}, used: map[int]bool{}}
	var err error
	if s.types, err = schema.Load(); err != nil {
		t.Fatal(err)
	}
	if s.reference, err = iamref.Load(); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s simulation) report() {
	s.t.Helper()
	for _, fault := range slices.Sorted(maps.Keys(s.faults)) {
		s.t.Errorf("%s: %s", s.faults[fault], fault)
	}
}

// handled is a request that a handler makes for a resource.
type handled struct {
	iampolicy.Request
	kind, handler string
}

// requests are what the handlers ask of a role for all resources of an environment.
func (s simulation) requests(a account, role string) []handled {
	var list []handled
	for file := range a.all {
		if file == contract.FoundationTemplate || role == "PipelineExecutionRole" && path.Base(file) == contract.StackPipeline+".yaml" {
			continue
		}
		for id := range a.all[file].Resources {
			list = append(list, s.resource(a, file, id)...)
		}
	}
	return append(list, a.nesting(role)...)
}

// nesting is what nested stacks take that no handler asks for: the role handed on to them, and their templates. With it
// goes the record of a domain that slipway.yaml no longer names, which people's deployments delete.
func (a account) nesting(role string) []handled {
	const kind = "AWS::CloudFormation::Stack"
	list := []handled{
		{iampolicy.Request{Action: "iam:PassRole", Resource: a.attribute(contract.FoundationTemplate, role+".Arn"),
			Context: map[string][]string{"iam:PassedToService": {"cloudformation.amazonaws.com"}}}, kind, "create"},
		{iampolicy.Request{Action: "s3:GetObject", Resource: a.attribute(contract.FoundationTemplate, "Bucket.Arn") + "/" + contract.TemplateKey("0123")}, kind, "create"},
	}
	if a.cfg.Security.Key != "" {
		list = append(list, handled{iampolicy.Request{Action: "kms:Decrypt", Resource: a.cfg.Security.Key,
			Context: map[string][]string{"kms:ViaService": {"s3." + a.region + ".amazonaws.com"}}}, kind, "create"})
	}
	if role == "ExecutionRole" {
		list = append(list, handled{iampolicy.Request{Action: "route53:ChangeResourceRecordSets", Resource: "arn:" + a.partition + ":route53:::hostedzone/Z0123456789",
			Context: map[string][]string{"route53:ChangeResourceRecordSetsNormalizedRecordNames": {"former.example.com"}, "route53:ChangeResourceRecordSetsRecordTypes": {"A"},
				"route53:ChangeResourceRecordSetsActions": {"DELETE"}}}, "AWS::Route53::RecordSet", "delete"})
	}
	return list
}

func (s simulation) resource(a account, file, id string) []handled {
	var list []handled
	kind := a.resource(file, id)["Type"].(string)
	for _, handler := range handlers {
		asked := s.types.Types[kind].Permissions(handler)
		if handler == "update" {
			asked = append(slices.Clone(asked), s.types.Types[kind].Tagging.Permissions...)
		}
		for _, action := range asked {
			if s.excepted(kind, a.properties(file, id), action) {
				continue
			}
			known, found := s.reference.Action(action)
			if !found {
				s.faults["there is no action "+action] = kind
				continue
			}
			requests := a.asked(s.reference, known, file, id, handler, action)
			if len(requests) == 0 && action != "iam:PassRole" {
				s.faults[fmt.Sprintf("%s is asked for on a %v, which the list of types in an application lacks", action, known.Types)] = kind
			}
			for _, r := range requests {
				list = append(list, handled{r, kind, handler})
			}
		}
	}
	for _, more := range additions {
		for action := range strings.FieldsSeq(more.actions) {
			if more.kind != kind {
				continue
			}
			known, _ := s.reference.Action(action)
			if more.on != "" {
				known.Required, known.Types = []string{more.on}, []string{more.on}
			}
			for _, r := range a.asked(s.reference, known, file, id, more.handler, action) {
				list = append(list, handled{r, kind, more.handler})
			}
		}
	}
	return list
}

// excepted says whether an exception covers an action of a type's handlers, for a resource with these properties.
func (s simulation) excepted(kind string, properties map[string]any, action string) bool {
	for i, e := range exceptions {
		if e.property != "" && properties[e.property] != nil {
			continue
		}
		covers := func(pattern string) bool { return iampolicy.Matches(pattern, action) }
		if (e.kind == "" || e.kind == kind) && slices.ContainsFunc(strings.Fields(e.actions), covers) {
			s.used[i] = true
			return true
		}
	}
	return false
}

// asked are the requests of an action on behalf of a resource: on those types of resource without which it is refused or,
// where there are none, on the resource's own, of those types that an environment has.
func (a account) asked(reference iamref.Reference, known iamref.Action, file, id, handler, action string) []iampolicy.Request {
	kind := a.resource(file, id)["Type"].(string)
	service, _, _ := strings.Cut(action, ":")
	if action == "iam:PassRole" {
		return a.passing(file, id)
	}
	if strings.HasSuffix(action, ":PassConnection") {
		return a.connecting(service, action)
	}
	in := slices.DeleteFunc(slices.Clone(known.Required), func(name string) bool { return !slices.Contains(ours[service], name) })
	if own := ownTypes[kind]; slices.Contains(known.Types, own) && !slices.Contains(in, own) {
		in = append(in, own)
	}
	if len(in) == 0 {
		in = slices.DeleteFunc(slices.Clone(known.Types), func(name string) bool { return !slices.Contains(ours[service], name) })
	}
	if len(known.Types) == 0 {
		return []iampolicy.Request{{Action: action, Resource: "*", Context: a.context(file, id, true)}}
	}
	var requests []iampolicy.Request
	for _, name := range in {
		// What is being made has no tag yet; what it is made in has.
		_, verb, _ := strings.Cut(action, ":")
		making := handler == "create" && name == ownTypes[kind] && (maker.MatchString(verb) || name == "security-group-rule") && !partOf[kind]
		requests = append(requests, iampolicy.Request{Action: action, Resource: a.sample(file, id, reference.Services[service].Types[name].ARN),
			Context: a.context(file, id, !making)})
	}
	return requests
}

var maker = regexp.MustCompile(`^(Add|Allocate|Create|Put|Register|Request|Tag)`)

// partOf are types that are made in something that is there already.
var partOf = map[string]bool{"AWS::EC2::Route": true, "AWS::EC2::SubnetRouteTableAssociation": true, "AWS::EC2::VPCGatewayAttachment": true, "AWS::S3::BucketPolicy": true}

// passing is what a resource passes a role for; a rule that publishes to a topic has none.
func (a account) passing(file, id string) []iampolicy.Request {
	var requests []iampolicy.Request
	kind := a.resource(file, id)["Type"].(string)
	if kind == "AWS::Events::Rule" && !strings.Contains(fmt.Sprint(a.properties(file, id)), "RoleArn") {
		return nil
	}
	for _, service := range passedTo[kind] {
		requests = append(requests, iampolicy.Request{Action: "iam:PassRole", Resource: a.arn("iam", "role/"+a.someRole(file)),
			Context: map[string][]string{"iam:PassedToService": {service}}})
	}
	return requests
}

// connecting is what a pipeline's source passes a connection for.
func (a account) connecting(service, action string) []iampolicy.Request {
	source := a.cfg.Pipeline.Source
	if source.ConnectionService() != service {
		return nil
	}
	return []iampolicy.Request{{Action: action, Resource: source.Connection, Context: map[string][]string{service + ":PassedToService": {"codepipeline.amazonaws.com"}}}}
}

// someRole is one of a stack's roles, by path and name.
func (a account) someRole(file string) string {
	path := contract.EnvironmentRolePath(a.cfg.Name)
	switch {
	case file == contract.FoundationTemplate:
		path = contract.DeliveryRolePath(a.cfg.Name)
	case strings.HasSuffix(file, "/"+contract.StackPipeline+".yaml"):
		path = contract.PipelineRolePath(a.cfg.Name)
	}
	return strings.TrimPrefix(path, "/") + generatedName(a.stackName(file), "SomeRole", 64)
}

// context is what the request says of the resource.
func (a account) context(file, id string, there bool) map[string][]string {
	context := map[string][]string{"aws:RequestTag/" + contract.TagName: {a.cfg.Name}, "aws:RequestedRegion": {a.region}}
	if there {
		context["aws:ResourceTag/"+contract.TagName] = []string{a.cfg.Name}
	}
	if name := a.properties(file, id)["Name"]; a.resource(file, id)["Type"] == "AWS::Route53::RecordSet" {
		context["route53:ChangeResourceRecordSetsNormalizedRecordNames"] = []string{a.text(file, name)}
		context["route53:ChangeResourceRecordSetsRecordTypes"] = []string{a.text(file, a.properties(file, id)["Type"])}
		context["route53:ChangeResourceRecordSetsActions"] = []string{map[bool]string{true: "UPSERT", false: "CREATE"}[there]}
	}
	if a.resource(file, id)["Type"] == "AWS::ECR::Repository" {
		context["kms:ViaService"] = []string{"ecr." + a.region + ".amazonaws.com"}
	}
	for _, attached := range list(a.properties(file, id)["ManagedPolicyArns"]) {
		context["iam:PolicyARN"] = append(context["iam:PolicyARN"], a.text(file, attached))
	}
	if boundary := a.properties(file, id)["PermissionsBoundary"]; boundary != nil {
		context["iam:PermissionsBoundary"] = []string{a.text(file, boundary)}
	}
	if a.resource(file, id)["Type"] == "AWS::CertificateManager::Certificate" {
		context["acm:DomainNames"] = []string{a.text(file, a.properties(file, id)["DomainName"])}
	}
	return context
}

var placeholders = regexp.MustCompile(`\$\{(\w+)\}`)

// sample is an ARN of a type of resource, with the names that CloudFormation would give.
func (a account) sample(file, id, arn string) string {
	return placeholders.ReplaceAllStringFunc(arn, func(found string) string {
		name := found[2 : len(found)-1]
		switch {
		case name == "Partition":
			return a.partition
		case name == "Region":
			return a.region
		case name == "Account":
			return a.id
		case name == "Scope":
			return "regional"
		case name == "RoleNameWithPath" && a.resource(file, id)["Type"] == "AWS::IAM::Role":
			return strings.TrimPrefix(a.text(file, a.properties(file, id)["Path"]), "/") + a.name(file, id)
		case name == "RoleNameWithPath":
			return a.someRole(file)
		case name == "PolicyNameWithPath":
			return strings.TrimPrefix(a.text(file, a.properties(file, id)["Path"]), "/") + generatedName(a.stackName(file), id, 128)
		case name == "BucketName" && a.properties(file, id)["Bucket"] != nil:
			return a.text(file, a.properties(file, id)["Bucket"])
		case strings.HasSuffix(name, "Id"):
			return "0123456789abcdef0"
		}
		name = a.name(file, id)
		return name[strings.LastIndex(name, ":")+1:] // Ref of a topic is its ARN
	})
}

// ours are the types of resource that an application has, by service, as the reference names them.
var ours = map[string][]string{
	"acm": {"certificate"}, "application-autoscaling": {"ScalableTarget"}, "cloudformation": {"stack"}, "cloudwatch": {"alarm", "dashboard"},
	"codebuild": {"project", "report-group"}, "codepipeline": {"pipeline"},
	"ec2": {"elastic-ip", "internet-gateway", "natgateway", "route-table", "security-group", "security-group-rule", "subnet", "vpc", "vpc-endpoint", "vpc-flow-log"},
	"ecs": {"cluster", "service", "task-definition"}, "elasticloadbalancing": {"loadbalancer/app/", "listener/app", "listener-rule/app", "targetgroup"},
	"events": {"rule", "rule-on-default-event-bus"}, "ecr": {"repository"}, "iam": {"role", "policy"}, "kms": {"key"}, "logs": {"log-group"}, "route53": {"change", "hostedzone"}, "s3": {"bucket"}, "sns": {"topic"},
	"wafv2": {"webacl", "managedruleset", "loadbalancer/app/"},
}

// ownTypes is what a resource is in the reference.
var ownTypes = map[string]string{
	"AWS::ApplicationAutoScaling::ScalableTarget": "ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy": "ScalableTarget",
	"AWS::CertificateManager::Certificate": "certificate", "AWS::CloudFormation::Stack": "stack", "AWS::CodeBuild::Project": "project", "AWS::CodeBuild::ReportGroup": "report-group", "AWS::CodePipeline::Pipeline": "pipeline",
	"AWS::CloudWatch::Alarm": "alarm", "AWS::CloudWatch::CompositeAlarm": "alarm", "AWS::CloudWatch::Dashboard": "dashboard",
	"AWS::EC2::EIP": "elastic-ip", "AWS::EC2::FlowLog": "vpc-flow-log", "AWS::EC2::InternetGateway": "internet-gateway", "AWS::EC2::NatGateway": "natgateway",
	"AWS::EC2::Route": "route-table", "AWS::EC2::RouteTable": "route-table", "AWS::EC2::SecurityGroup": "security-group", "AWS::EC2::SecurityGroupEgress": "security-group-rule",
	"AWS::EC2::SecurityGroupIngress": "security-group-rule", "AWS::EC2::Subnet": "subnet", "AWS::EC2::SubnetRouteTableAssociation": "subnet",
	"AWS::EC2::VPC": "vpc", "AWS::EC2::VPCEndpoint": "vpc-endpoint", "AWS::EC2::VPCGatewayAttachment": "vpc",
	"AWS::ECS::Cluster": "cluster", "AWS::ECS::Service": "service", "AWS::ECS::TaskDefinition": "task-definition",
	"AWS::ElasticLoadBalancingV2::Listener": "listener/app", "AWS::ElasticLoadBalancingV2::ListenerRule": "listener-rule/app",
	"AWS::ElasticLoadBalancingV2::LoadBalancer": "loadbalancer/app/", "AWS::ElasticLoadBalancingV2::TargetGroup": "targetgroup",
	"AWS::Events::Rule": "rule-on-default-event-bus", "AWS::ECR::Repository": "repository", "AWS::IAM::ManagedPolicy": "policy", "AWS::IAM::Policy": "role", "AWS::IAM::Role": "role", "AWS::Logs::LogGroup": "log-group", "AWS::Route53::RecordSet": "hostedzone",
	"AWS::S3::Bucket": "bucket", "AWS::S3::BucketPolicy": "bucket", "AWS::SNS::Topic": "topic", "AWS::WAFv2::WebACL": "webacl",
	"AWS::WAFv2::WebACLAssociation": "webacl",
}

// passedTo is which services a resource passes roles to.
var passedTo = map[string][]string{
	"AWS::EC2::FlowLog": {"vpc-flow-logs.amazonaws.com"}, "AWS::ECS::TaskDefinition": {"ecs-tasks.amazonaws.com"}, "AWS::ECS::Service": {"ecs.amazonaws.com"},
	"AWS::CodeBuild::Project": {"codebuild.amazonaws.com"}, "AWS::CodePipeline::Pipeline": {"codepipeline.amazonaws.com"}, "AWS::Events::Rule": {"events.amazonaws.com"},
}

// What a pipeline whose source is a connection asks for when it is made or changed; the connection keeps its service's name.
const (
	passConnection     = "codeconnections:PassConnection codestar-connections:PassConnection"
	passConnectionPage = "docs.aws.amazon.com/dtconsole/latest/userguide/security_iam_id-based-policy-examples-connections.html"
)

// addition is what CloudFormation asks for beside what a type's schema says.
type addition struct {
	kind, handler, actions string // actions with blanks between
	on                     string // the type of resource, where it is not the resource's own
	source                 string
}

var additions = []addition{
	{kind: "AWS::CodeBuild::Project", handler: "create", actions: "codebuild:CreateProject iam:PassRole", source: schemaless},
	{kind: "AWS::CodeBuild::Project", handler: "read", actions: "codebuild:BatchGetProjects", source: schemaless},
	{kind: "AWS::CodePipeline::Pipeline", handler: "create", actions: passConnection, source: passConnectionPage},
	{kind: "AWS::CodePipeline::Pipeline", handler: "update", actions: passConnection, source: passConnectionPage},
	{kind: "AWS::CodeBuild::Project", handler: "update", actions: "codebuild:UpdateProject iam:PassRole", source: schemaless},
	{kind: "AWS::CodeBuild::Project", handler: "delete", actions: "codebuild:DeleteProject", source: schemaless},
	{kind: "AWS::ECS::Service", handler: "update", actions: "iam:PassRole", source: "docs.aws.amazon.com/AmazonECS/latest/developerguide/security_iam_service-with-iam.html"},
	{kind: "AWS::EC2::FlowLog", handler: "create", actions: "ec2:CreateFlowLogs", on: "vpc", source: "docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html"},
	{kind: "AWS::EC2::SecurityGroup", handler: "create", actions: "ec2:AuthorizeSecurityGroupEgress ec2:AuthorizeSecurityGroupIngress", on: "security-group-rule",
		source: "docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html"},
	{kind: "AWS::EC2::VPCEndpoint", handler: "create", actions: "route53:AssociateVPCWithHostedZone", source: "docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html, CreateVpcEndpoint"},
	{kind: "AWS::ElasticLoadBalancingV2::LoadBalancer", handler: "create", actions: "ec2:DescribeAccountAttributes",
		source: "docs.aws.amazon.com/elasticloadbalancing/latest/userguide/managed-policies.html, ElasticLoadBalancingFullAccess"},
	{kind: "AWS::WAFv2::WebACL", handler: "create", actions: "wafv2:CreateWebACL", on: "managedruleset", source: "github.com/aws-samples/amazon-cloudfront-waf-secretsmanager/issues/3"},
	{kind: "AWS::WAFv2::WebACL", handler: "update", actions: "wafv2:UpdateWebACL", on: "managedruleset", source: "github.com/aws-samples/amazon-cloudfront-waf-secretsmanager/issues/3"},
	{kind: "AWS::WAFv2::WebACLAssociation", handler: "create", actions: "wafv2:AssociateWebACL wafv2:GetWebACLForResource", on: "loadbalancer/app/",
		source: "docs.aws.amazon.com/waf/latest/developerguide/security_iam_service-with-iam.html"},
	{kind: "AWS::CloudFormation::Stack", handler: "update", actions: "cloudformation:CreateChangeSet cloudformation:DeleteChangeSet cloudformation:DescribeChangeSet cloudformation:ExecuteChangeSet",
		source: "docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/change-sets-for-nested-stacks.html: one for each nested stack"},
	{kind: "AWS::CloudFormation::Stack", handler: "update", actions: "cloudformation:TagResource cloudformation:UntagResource",
		source: "docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html: a nested stack has its root's tags"},
	{kind: "AWS::CloudFormation::Stack", handler: "update", actions: "cloudformation:DescribeStackEvents cloudformation:DescribeStackResources",
		source: "CloudFormation follows a nested stack; no document says by which calls"},
	{kind: "AWS::Route53::RecordSet", handler: "create", actions: "route53:GetChange", source: "docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html: PENDING until GetChange says INSYNC"},
}

const schemaless = "the type has no handlers in its schema: docs.aws.amazon.com/codebuild/latest/APIReference/API_Operations.html"

// exception is what handlers ask for and no template of ours needs.
type exception struct {
	kind     string // the type whose handlers ask; any where empty
	actions  string // patterns, separated by blanks
	property string // of the resource, for which alone they ask: where it is there nothing is excepted
	why      string // what else
}

// exceptions were read off the resource schemas, where no other source is named.
var exceptions = []exception{
	{actions: "iam:CreateServiceLinkedRole", why: "The launcher makes these roles before the first stack."},
	{actions: "acm-pca:* amplify:* apigateway:* apprunner:* appsync:* autoscaling:* bedrock-agentcore:* cognito-idp:* firehose:* lambda:* payments:* s3tables:* vpc-lattice:* vpce:* " +
		"ec2:*VerifiedAccess* codestar-connections:*", why: "For resources of services that no template has."},
	{kind: "AWS::S3::Bucket", actions: "s3:DeleteBucketAnalyticsConfiguration s3:DeleteBucketCors s3:DeleteBucketEncryption s3:DeleteBucketLifecycle s3:DeleteBucketMetricsConfiguration " +
		"s3:DeleteBucketReplication s3:DeleteBucketTagging s3:PutBucketReplication s3:PutObjectLockConfiguration", why: "No actions: IAM has one for both putting and deleting, or another name (the reference of Amazon S3)."},
	{kind: "AWS::S3::Bucket", actions: "s3:CreateBucketMetadataTableConfiguration s3:DeleteBucketMetadataTableConfiguration s3:UpdateBucketMetadata*", property: "MetadataTableConfiguration"},
	{kind: "AWS::S3::Bucket", actions: "s3:PutBucketWebsite s3:DeleteBucketWebsite", property: "WebsiteConfiguration"},
	{kind: "AWS::S3::Bucket", actions: "s3:PutAccelerateConfiguration", property: "AccelerateConfiguration"},
	{kind: "AWS::S3::Bucket", actions: "s3:PutAnalyticsConfiguration", property: "AnalyticsConfigurations"},
	{kind: "AWS::S3::Bucket", actions: "s3:PutBucketAbac", property: "AbacStatus"},
	{kind: "AWS::S3::Bucket", actions: "s3:PutBucketAcl s3:PutObjectAcl", property: "AccessControl"},
	{kind: "AWS::S3::Bucket", actions: "s3:PutBucketCORS", property: "CorsConfiguration"},
	{kind: "AWS::S3::Bucket", actions: "s3:PutBucketLogging", property: "LoggingConfiguration"},
	{kind: "AWS::S3::Bucket", actions: "s3:PutBucketNotification", property: "NotificationConfiguration"},
	{kind: "AWS::S3::Bucket", actions: "s3:PutBucketObjectLockConfiguration", property: "ObjectLockConfiguration"},
	{kind: "AWS::S3::Bucket", actions: "s3:PutIntelligentTieringConfiguration", property: "IntelligentTieringConfigurations"},
	{kind: "AWS::S3::Bucket", actions: "s3:PutInventoryConfiguration", property: "InventoryConfigurations"},
	{kind: "AWS::S3::Bucket", actions: "s3:PutMetricsConfiguration", property: "MetricsConfigurations"},
	{kind: "AWS::S3::Bucket", actions: "s3:PutReplicationConfiguration s3:DeleteObject", property: "ReplicationConfiguration"},
	{kind: "AWS::Logs::LogGroup", actions: "logs:CreateLogDelivery s3:REST.PUT.OBJECT", property: "LogGroupClass", why: "For delivery to other places than the group."},
	{kind: "AWS::Logs::LogGroup", actions: "logs:PutDataProtectionPolicy logs:DeleteDataProtectionPolicy", property: "DataProtectionPolicy"},
	{kind: "AWS::Logs::LogGroup", actions: "logs:PutIndexPolicy logs:DeleteIndexPolicy", property: "FieldIndexPolicies"},
	{kind: "AWS::Logs::LogGroup", actions: "logs:PutResourcePolicy logs:DeleteResourcePolicy", property: "ResourcePolicyDocument"},
	{kind: "AWS::Logs::LogGroup", actions: "logs:PutLogGroupDeletionProtection", property: "DeletionProtectionEnabled"},
	{kind: "AWS::Logs::LogGroup", actions: "logs:PutBearerTokenAuthentication", property: "BearerTokenAuthenticationEnabled"},
	{kind: "AWS::ApplicationAutoScaling::ScalableTarget", actions: "cloudwatch:PutMetricAlarm cloudwatch:DeleteAlarms", why: "The alarms of target tracking are made by the service with its linked role " +
		"(docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html)."},
	{kind: "AWS::ApplicationAutoScaling::ScalingPolicy", actions: "cloudwatch:GetMetricData", property: "PredictiveScalingPolicyConfiguration"},
	{kind: "AWS::CloudFormation::Stack", actions: "cloudformation:SetStackPolicy", property: "StackPolicyBody"},
	{kind: "AWS::CloudFormation::Stack", actions: "cloudformation:UpdateTerminationProtection", property: "EnableTerminationProtection"},
	{kind: "AWS::CodePipeline::Pipeline", actions: "codepipeline:StartPipelineExecution", property: "RestartExecutionOnUpdate"},
	{kind: "AWS::CodePipeline::Pipeline", actions: "codepipeline:*StageTransition", property: "DisableInboundStageTransitions"},
	{kind: "AWS::EC2::EIP", actions: "ec2:AssociateAddress", property: "InstanceId"},
	{kind: "AWS::EC2::EIP", actions: "ec2:AcceptAddressTransfer", property: "TransferAddress"},
	{kind: "AWS::EC2::FlowLog", actions: "logs:CreateLogDelivery logs:DeleteLogDelivery s3:GetBucketPolicy s3:PutBucketPolicy", property: "LogDestination",
		why: "For delivery to a bucket or a stream."},
	{kind: "AWS::EC2::NatGateway", actions: "ec2:*NatGatewayAddress ec2:*PrivateNatGatewayAddress", property: "SecondaryAllocationIds"},
	{kind: "AWS::EC2::Subnet", actions: "ec2:*SubnetCidrBlock", property: "Ipv6CidrBlock"},
	{kind: "AWS::EC2::VPC", actions: "ec2:ModifyVpcTenancy", property: "InstanceTenancy"},
	{kind: "AWS::EC2::VPC", actions: "ec2:CreateVpcEncryptionControl", property: "VpcEncryptionControl"},
	{kind: "AWS::EC2::VPCGatewayAttachment", actions: "ec2:AttachVpnGateway ec2:DetachVpnGateway", property: "VpnGatewayId"},
	{kind: "AWS::ECS::Cluster", actions: "kms:DescribeKey", property: "Configuration"},
	{kind: "AWS::ECS::Cluster", actions: "ecs:PutAccountSetting*", why: "For settings of the account, which a template cannot name."},
	{kind: "AWS::ElasticLoadBalancingV2::LoadBalancer", actions: "ec2:DescribeIpamPools elasticloadbalancing:ModifyIpPools", property: "Ipv4IpamPoolId"},
	{kind: "AWS::ElasticLoadBalancingV2::LoadBalancer", actions: "elasticloadbalancing:ModifyCapacityReservation", property: "MinimumLoadBalancerCapacity"},
	{kind: "AWS::ElasticLoadBalancingV2::LoadBalancer", actions: "elasticloadbalancing:SetIpAddressType", property: "IpAddressType"},
	{kind: "AWS::ElasticLoadBalancingV2::TargetGroup", actions: "elasticloadbalancing:*Targets", property: "Targets", why: "ECS registers them with its linked role."},
	{kind: "AWS::SNS::Topic", actions: "sns:PutDataProtectionPolicy", property: "DataProtectionPolicy"},
	{kind: "AWS::SNS::Topic", actions: "sns:Subscribe sns:Unsubscribe", property: "Subscription", why: "A subscription is a resource of its own."},
	{kind: "AWS::CloudWatch::Dashboard", actions: "cloudwatch:ListTagsForResource cloudwatch:TagResource cloudwatch:UntagResource", property: "Tags",
		why: "The reference knows no tags of dashboards."},
	{kind: "AWS::WAFv2::WebACLAssociation", actions: "wafv2:GetPermissionPolicy wafv2:PutPermissionPolicy", why: "For rule groups shared with other accounts, which no template has."},
	{kind: "AWS::IAM::ManagedPolicy", actions: "iam:AttachGroupPolicy iam:DetachGroupPolicy", property: "Groups"},
	{kind: "AWS::IAM::ManagedPolicy", actions: "iam:AttachRolePolicy iam:DetachRolePolicy", property: "Roles"},
	{kind: "AWS::IAM::ManagedPolicy", actions: "iam:AttachUserPolicy iam:DetachUserPolicy", property: "Users"},
	{kind: "AWS::IAM::Policy", actions: "iam:*GroupPolicy", property: "Groups"},
	{kind: "AWS::IAM::Policy", actions: "iam:*UserPolicy", property: "Users"},
	{kind: "AWS::IAM::Role", actions: "iam:AttachRolePolicy iam:DetachRolePolicy", property: "ManagedPolicyArns"},
	{kind: "AWS::IAM::Role", actions: "iam:DeleteRolePermissionsBoundary", why: "No role comes without its boundary again."},
}
