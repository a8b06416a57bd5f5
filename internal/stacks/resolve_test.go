package stacks

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strings"
	"testing"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/iampolicy"
)

// account is where a configuration's templates are deployed in the mind: it gives every resource the name and the ARN that
// CloudFormation would.
type account struct {
	t                     *testing.T
	cfg                   config.Config
	all                   map[string]template
	partition, region, id string
}

func deployed(t *testing.T, cfg config.Config) account {
	t.Helper()
	return account{t: t, cfg: cfg, all: rendered(t, cfg), partition: "aws", region: "eu-west-1", id: "123456789012"}
}

// stackName is the name of the stack that a template makes: a nested one bears its root's, its logical id and a random
// ending.
func (a account) stackName(file string) string {
	env, name := path.Split(strings.TrimSuffix(file, ".yaml"))
	if env == "" {
		return contract.FoundationStackName(a.cfg.Name)
	}
	root := contract.EnvironmentStackName(a.cfg.Name, path.Clean(env))
	nested := map[string]string{contract.StackNetwork: contract.NestedNetwork, contract.StackECS: contract.NestedECS, contract.StackPipeline: contract.NestedPipeline}
	if id, found := nested[name]; found {
		return generatedName(root, id, 128)
	}
	return root
}

// generatedName is what CloudFormation calls something: stack, logical id and a random ending, both cut to half of what
// is left where the name would be too long.
func generatedName(stack, id string, limit int) string {
	const ending = "-1A2B3C4D5E6F7"
	room := limit - len(ending) - 1
	if len(stack)+len(id) > room {
		id = id[:min(len(id), room-room/2)]
		stack = stack[:min(len(stack), room-len(id))]
	}
	return stack + "-" + id + ending
}

func (a account) resource(file, id string) map[string]any {
	r, _ := a.all[file].Resources[id].(map[string]any)
	return r
}

func (a account) properties(file, id string) map[string]any {
	p, _ := a.resource(file, id)["Properties"].(map[string]any)
	return p
}

// name is the physical id of a resource that Ref gives.
func (a account) name(file, id string) string {
	generated := func(limit int) string { return generatedName(a.stackName(file), id, limit) }
	kind, _ := a.resource(file, id)["Type"].(string)
	for _, property := range []string{"Name", "LogGroupName", "DashboardName"} {
		if own := a.properties(file, id)[property]; own != nil && kind != "AWS::CodePipeline::Pipeline" {
			return a.text(file, own)
		}
	}
	switch kind {
	case "AWS::S3::Bucket":
		return strings.ToLower(generated(63))
	case "AWS::ECR::Repository":
		return strings.ToLower(generated(256))
	case "AWS::IAM::Role":
		return generated(64)
	case "AWS::IAM::ManagedPolicy":
		return a.arn("iam", "policy"+a.text(file, a.properties(file, id)["Path"])+generated(128))
	case "AWS::CodeBuild::Project":
		return id + "-1A2B3C4D5E6F" // without the stack
	case "AWS::CodePipeline::Pipeline":
		return a.text(file, a.properties(file, id)["Name"])
	case "AWS::SNS::Topic":
		return a.arn("sns", generated(256))
	case "AWS::Events::Rule":
		return generated(64)
	case "AWS::KMS::Key":
		return "1234abcd-12ab-34cd-56ef-1234567890ab"
	}
	return generated(255)
}

// arn is in this account; services without Regions have none in it.
func (a account) arn(service, resource string) string {
	region := a.region
	if service == "iam" {
		region = ""
	}
	return strings.Join([]string{"arn", a.partition, service, region, a.id, resource}, ":")
}

// attribute is what GetAtt gives.
func (a account) attribute(file, place string) string {
	id, attribute, _ := strings.Cut(place, ".")
	kind, _ := a.resource(file, id)["Type"].(string)
	name := a.name(file, id)
	if output, nested := strings.CutPrefix(attribute, "Outputs."); nested {
		return a.output(path.Join(path.Dir(file), strings.ToLower(id)+".yaml"), output)
	}
	switch kind + "." + attribute {
	case "AWS::S3::Bucket.Arn":
		return "arn:" + a.partition + ":s3:::" + name
	case "AWS::ECR::Repository.Arn":
		return a.arn("ecr", "repository/"+name)
	case "AWS::ECR::Repository.RepositoryUri":
		return a.id + ".dkr.ecr." + a.region + ".amazonaws.com/" + name
	case "AWS::IAM::Role.Arn":
		return a.arn("iam", "role"+a.text(file, a.properties(file, id)["Path"])+name)
	case "AWS::Logs::LogGroup.Arn":
		return a.arn("logs", "log-group:"+name+":*")
	case "AWS::CodeBuild::Project.Arn":
		return a.arn("codebuild", "project/"+name)
	case "AWS::CodeBuild::ReportGroup.Arn":
		return a.arn("codebuild", "report-group/"+name)
	case "AWS::KMS::Key.Arn":
		return a.arn("kms", "key/"+name)
	case "AWS::SNS::Topic.TopicArn":
		return name
	case "AWS::ECS::Cluster.Arn":
		return a.arn("ecs", "cluster/"+name)
	}
	return attribute + "-of-" + name
}

func (a account) output(file, key string) string {
	out, _ := a.all[file].Outputs[key].(map[string]any)
	return a.text(file, out["Value"])
}

// filled are the parameters that slipway.yaml or the launcher fills.
var filled = map[string]string{
	contract.KeyOwnBoundaryARN:   "arn:aws:iam::123456789012:policy/own/Boundary",
	contract.KeyTopicARN:         "arn:aws:sns:eu-west-1:123456789012:on-call",
	contract.KeyEncryptionKeyARN: "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
	contract.KeyCertificateARN:   "arn:aws:acm:eu-west-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab",
	contract.KeyHostedZoneID:     "Z0123456789ABCDEFGHIJ",
}

// ref is what Ref gives: a pseudo parameter, a parameter's value or a resource's name.
func (a account) ref(file, name string) string {
	switch name {
	case "AWS::AccountId":
		return a.id
	case "AWS::Partition":
		return a.partition
	case "AWS::Region":
		return a.region
	case "AWS::StackName":
		return a.stackName(file)
	case "AWS::URLSuffix":
		return "amazonaws.com"
	}
	if a.resource(file, name) != nil {
		return a.name(file, name)
	}
	if value, there := filled[name]; there {
		return value
	}
	if name == contract.KeyConnectionARN {
		return a.cfg.Pipeline.Source.Connection
	}
	if a.all[contract.FoundationTemplate].Outputs[name] != nil {
		return a.output(contract.FoundationTemplate, name)
	}
	for _, child := range []string{contract.StackNetwork, contract.StackECS} {
		if sibling := path.Join(path.Dir(file), child+".yaml"); a.all[sibling].Outputs[name] != nil {
			return a.output(sibling, name)
		}
	}
	return "given-" + name
}

var inSub = regexp.MustCompile(`\$\{([^}]+)\}`)

// text is a value with its intrinsics resolved.
func (a account) text(file string, v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		if v == nil {
			return ""
		}
		return fmt.Sprint(v)
	}
	for name, argument := range m {
		switch name {
		case "Ref":
			return a.ref(file, argument.(string))
		case "GetAtt":
			return a.attribute(file, argument.(string))
		case "Sub":
			return inSub.ReplaceAllStringFunc(argument.(string), func(found string) string {
				name := inSub.FindStringSubmatch(found)[1]
				if strings.Contains(name, ".") {
					return a.attribute(file, name)
				}
				return a.ref(file, name)
			})
		}
	}
	a.t.Fatalf("%s: %v cannot be resolved", file, v)
	return ""
}

// plain is a value without intrinsics, at any depth.
func (a account) plain(file string, v any) any {
	switch x := v.(type) {
	case map[string]any:
		for _, intrinsic := range []string{"Ref", "GetAtt", "Sub"} {
			if len(x) == 1 && x[intrinsic] != nil {
				return a.text(file, x)
			}
		}
		out := map[string]any{}
		for key, item := range x {
			out[key] = a.plain(file, item)
		}
		return out
	case []any:
		out := []any{}
		for _, item := range x {
			out = append(out, a.plain(file, item))
		}
		return out
	}
	return v
}

// policy is a policy document of a template.
type policy struct {
	file, id string // of the resource that it stands in
	kind     string // the resource's type
	trust    bool   // who may use a role, not what one may do
	iampolicy.Document
}

func (p policy) String() string { return p.file + " " + p.id }

// resourceKinds hold policies about themselves; all other policies are about who bears them.
var resourceKinds = map[string]bool{
	"AWS::S3::BucketPolicy": true, "AWS::SNS::TopicPolicy": true, "AWS::KMS::Key": true, "AWS::Logs::ResourcePolicy": true, "AWS::EC2::VPCEndpoint": true,
	"AWS::ECR::Repository": true, "AWS::SecretsManager::ResourcePolicy": true,
}

func (p policy) identity() bool { return !p.trust && !resourceKinds[p.kind] }

// policies are all documents in all templates, wherever they stand.
func (a account) policies() []policy {
	var found []policy
	for file, template := range a.all {
		for id, r := range template.Resources {
			kind := r.(map[string]any)["Type"].(string)
			walk("", a.properties(file, id), func(place string, v any) {
				if m, ok := v.(map[string]any); ok && m["Statement"] != nil && m["Version"] != nil {
					found = append(found, policy{file, id, kind, strings.HasSuffix(place, "AssumeRolePolicyDocument"), a.document(file, id, m)})
				}
			})
		}
	}
	return found
}

func (a account) document(file, id string, v any) iampolicy.Document {
	text, err := json.Marshal(a.plain(file, v))
	if err != nil {
		a.t.Fatal(err)
	}
	d, err := iampolicy.Parse(text)
	if err != nil {
		a.t.Fatalf("%s %s: %v", file, id, err)
	}
	return d
}

// roles visits every role of every template.
func (a account) roles(visit func(file, id string)) {
	for file, template := range a.all {
		for id, r := range template.Resources {
			if r.(map[string]any)["Type"] == "AWS::IAM::Role" {
				visit(file, id)
			}
		}
	}
}

// of are the policies that a role has, inline and attached.
func (a account) of(file, role string) []iampolicy.Document {
	docs := a.inline(file, role)
	for _, p := range a.policies() {
		if p.file == file && p.kind == "AWS::IAM::ManagedPolicy" && refers(a.properties(file, role)["ManagedPolicyArns"], p.id) {
			docs = append(docs, p.Document)
		}
	}
	return docs
}

// inline are a role's own policies, those that name it from elsewhere in the template included.
func (a account) inline(file, role string) []iampolicy.Document {
	var docs []iampolicy.Document
	own, _ := a.properties(file, role)["Policies"].([]any)
	for _, p := range own {
		docs = append(docs, a.document(file, role, p.(map[string]any)["PolicyDocument"]))
	}
	for _, p := range a.policies() {
		if p.file == file && p.kind == "AWS::IAM::Policy" && refers(a.properties(file, p.id)["Roles"], role) {
			docs = append(docs, p.Document)
		}
	}
	return docs
}

// refers says whether one of the values is a Ref to the resource.
func refers(values any, id string) bool {
	for _, v := range list(values) {
		if m, ok := v.(map[string]any); ok && m["Ref"] == id {
			return true
		}
	}
	return false
}
