package stacks

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/config"
	"slipway/internal/configtest"
	"slipway/internal/contract"
)

// drawn is how many configurations are drawn: few cost a second, and with SLIPWAY_LONG=1 (test.sh --long) there are many.
func drawn() int {
	if os.Getenv("SLIPWAY_LONG") == "" {
		return 200
	}
	return 4000
}

// Any valid slipway.yaml yields templates that render, fit together and keep to CloudFormation's limits.
func TestAnyConfiguration(t *testing.T) {
	literal := regexp.MustCompile(`arn:aws|\b\d{12}\b`)
	for seed := range drawn() {
		// Two environments show all that ten would; the pipeline's home is one of them.
		cfg := configtest.Few(configtest.Configs().Example(seed), 2)
		all := rendered(t, cfg)
		for _, env := range cfg.Environments {
			checkWiring(t, env.Name, all[contract.EnvironmentTemplate(env.Name, contract.StackRoot)], all)
			checkRootParameters(t, cfg, env, all)
		}
		for path, template := range all {
			checkSize(t, path, template)
			checkPhysicalNames(t, cfg, path, template)
			if found := literal.FindString(template.text); found != "" {
				t.Errorf("%s holds %q", path, found)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, configtest.Write(cfg, false))
		}
	}
}

// checkRootParameters: what slipway.yaml gives as a parameter is one of the template's, or CloudFormation refuses it.
func checkRootParameters(t *testing.T, cfg config.Config, env config.Environment, all map[string]template) {
	t.Helper()
	for key := range cfg.RootParameters(env) {
		if all[contract.EnvironmentTemplate(env.Name, contract.StackRoot)].Parameters[key] == nil {
			t.Errorf("%s/root is given %s, which it does not declare", env.Name, key)
		}
	}
	for key := range cfg.FoundationParameters() {
		if all[contract.FoundationTemplate].Parameters[key] == nil {
			t.Errorf("the foundation is given %s, which it does not declare", key)
		}
	}
}

// checkSize holds a template against CloudFormation's quotas: 1 MB of text by URL, and 51,200 bytes for the foundation,
// which is sent as text; 500 resources, 200 parameters, 200 outputs
// (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
func checkSize(t *testing.T, path string, template template) {
	t.Helper()
	most := 1_000_000
	if path == contract.FoundationTemplate {
		most = 51_200
	}
	for what, count := range map[string][2]int{
		"bytes": {len(template.text), most}, "resources": {len(template.Resources), 500},
		"parameters": {len(template.Parameters), 200}, "outputs": {len(template.Outputs), 200},
	} {
		if count[0] > count[1] {
			t.Errorf("%s has %d %s, more than %d", path, count[0], what, count[1])
		}
	}
}

// names are the properties that name a resource, and how long the name may be.
var names = map[string]map[string]int{
	"AWS::ElasticLoadBalancingV2::LoadBalancer": {"Name": 32},
	"AWS::ElasticLoadBalancingV2::TargetGroup":  {"Name": 32},
	"AWS::IAM::Role":              {"RoleName": 64, "Path": 512},
	"AWS::IAM::ManagedPolicy":     {"ManagedPolicyName": 128, "Path": 512},
	"AWS::S3::Bucket":             {"BucketName": 63},
	"AWS::ECS::Cluster":           {"ClusterName": 255},
	"AWS::ECS::Service":           {"ServiceName": 255},
	"AWS::ECS::TaskDefinition":    {"Family": 255},
	"AWS::ECR::Repository":        {"RepositoryName": 256},
	"AWS::Logs::LogGroup":         {"LogGroupName": 512},
	"AWS::CodePipeline::Pipeline": {"Name": 100},
	"AWS::CodeBuild::Project":     {"Name": 150},
	"AWS::CodeBuild::ReportGroup": {"Name": 128},
	"AWS::CloudWatch::Dashboard":  {"DashboardName": 255},
	"AWS::CloudWatch::Alarm":      {"AlarmName": 255},
	"AWS::SNS::Topic":             {"TopicName": 256, "DisplayName": 100},
	"AWS::Events::Rule":           {"Name": 64},
	"AWS::WAFv2::WebACL":          {"Name": 128},
	"AWS::EC2::SecurityGroup":     {"GroupName": 255, "GroupDescription": 255},
	"AWS::CloudFormation::Stack":  {"StackName": 128},
}

// stackNames are the longest that the pseudo parameter can be: a nested stack's name is its parent's with the logical id
// and a tail, cut to 128 characters.
var stackNames = strings.NewReplacer("${AWS::StackName}", strings.Repeat("s", 128), "${AWS::Region}", "ap-southeast-1", "${AWS::AccountId}", "123456789012",
	"${AWS::Partition}", "aws-us-gov")

// longestRoot is the longest name of a root stack.
const longestRoot = 64

// checkPhysicalNames: CloudFormation cuts the names that it makes; those that a template states it does not.
func checkPhysicalNames(t *testing.T, cfg config.Config, path string, template template) {
	t.Helper()
	for id, r := range template.Resources {
		properties, _ := r.(map[string]any)["Properties"].(map[string]any)
		kind := r.(map[string]any)["Type"].(string)
		for property, most := range names[kind] {
			value := properties[property]
			if sub, isSub := value.(map[string]any); isSub {
				value = sub["Sub"]
			}
			if kind == "AWS::CodePipeline::Pipeline" { // its stack's name is never that long: a root's, the logical id and a tail of 13
				value = strings.ReplaceAll(fmt.Sprint(value), "${AWS::StackName}", strings.Repeat("s", longestRoot)+"-"+contract.NestedPipeline+"-1A2B3C4D5E6F7")
			}
			if text, _ := value.(string); len(stackNames.Replace(text)) > most {
				t.Errorf("%s: %s has a %s of %d characters, more than %d: %s", path, id, property, len(stackNames.Replace(text)), most, text)
			}
		}
	}
	for _, env := range cfg.Environments {
		// A stack's name has at most 128 characters, of which a nested stack's tail needs its own.
		if name := contract.EnvironmentStackName(cfg.Name, env.Name); len(name) > longestRoot {
			t.Errorf("the stack %s has %d characters", name, len(name))
		}
	}
}

// An environment that comes or goes leaves the others as they are: their network and service to the byte, and of what all
// share every resource that keeps something.
func TestEnvironmentsComeAndGo(t *testing.T) {
	for seed := range drawn() / 4 {
		with := configtest.Few(configtest.Configs().Example(seed), 2)
		if len(with.Environments) < 2 || len(with.Pipeline.Branches) > 0 { // with its environment a branch and its pipeline may go
			continue
		}
		without := with
		without.Environments = with.Environments[:1]
		more, fewer := rendered(t, with), rendered(t, without)
		for path, template := range fewer {
			switch {
			case path == contract.FoundationTemplate || strings.HasSuffix(path, "/"+contract.StackPipeline+".yaml"): // they name every environment
				sameResources(t, path, kept(template), kept(more[path]))
			case template.text != more[path].text:
				t.Errorf("%s changes with another environment:\n%s", path, cmp.Diff(template.text, more[path].text))
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, configtest.Write(with, false))
		}
	}
}

// Whatever else changes in slipway.yaml, what the foundation keeps stays: buckets, images and logs.
func TestTheFoundationKeepsItsOwn(t *testing.T) {
	first := configtest.Configs().Example(0)
	want := kept(rendered(t, first)[contract.FoundationTemplate])
	for seed := range drawn() / 4 {
		other := configtest.Configs().Example(seed)
		other.Name = first.Name
		sameResources(t, "foundation of seed "+strconv.Itoa(seed), want, kept(rendered(t, other)[contract.FoundationTemplate]))
	}
}

// kept are the resources that hold what nobody can make again, each with the properties that replace it when they change.
func kept(template template) map[string]any {
	keys := map[string]string{
		"AWS::S3::Bucket": "BucketName", "AWS::ECR::Repository": "RepositoryName", "AWS::Logs::LogGroup": "LogGroupName",
		"AWS::CodePipeline::Pipeline": "Name", "AWS::CodeBuild::Project": "Name",
	}
	all := map[string]any{}
	for id, r := range template.Resources {
		resource := r.(map[string]any)
		if property, isKept := keys[resource["Type"].(string)]; isKept {
			properties, _ := resource["Properties"].(map[string]any)
			all[id] = []any{resource["Type"], properties[property]}
		}
	}
	return all
}

func sameResources(t *testing.T, what string, want, got map[string]any) {
	t.Helper()
	if len(want) == 0 {
		t.Errorf("%s keeps nothing: the test looks in the wrong place", what)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-before +after):\n%s", what, diff)
	}
}
