package awsdouble_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"

	"slipway/internal/contract"
)

// project reads a template of this repository.
func project(t *testing.T, path ...string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "templates"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func (a *account) createStack(name, body string, values map[string]string) {
	a.t.Helper()
	must[*cloudformation.CreateStackOutput](a.t)(a.cfn.CreateStack(a.ctx, &cloudformation.CreateStackInput{
		StackName: new(name), TemplateBody: new(body), Parameters: parameters(values), Capabilities: namedIAM,
	}))
	if status := a.end(name); status != "CREATE_COMPLETE" {
		a.t.Fatalf("%s ends in %s:\n%s", name, status, strings.Join(a.story(name), "\n"))
	}
}

// rootParameters are what the launcher gives a root: outputs of the foundation, template URLs, zones, the image.
func (a *account) rootParameters(body, foundation, image string) map[string]string {
	values := map[string]string{
		contract.KeyImageURI: image, contract.KeyZone(0): "us-east-1a", contract.KeyZone(1): "us-east-1b",
	}
	for key, stack := range map[string]string{
		contract.KeyNetworkTemplateURL: "network", contract.KeyECSTemplateURL: "ecs", contract.KeyPipelineTemplateURL: "pipeline",
	} {
		values[key] = a.upload(stack+".yaml", project(a.t, "prod", stack+".yaml"))
	}
	for _, o := range a.describe(foundation).Outputs {
		if strings.Contains(body, "\n  "+*o.OutputKey+":\n") {
			values[*o.OutputKey] = *o.OutputValue
		}
	}
	return values
}

// The templates of this repository go through the double from the first stack to the last deleted thing.
func TestProjectTemplates(t *testing.T) {
	a := newAccount(t)
	a.createStack("demo-foundation", project(t, "foundation.yaml"), nil)
	builds := codebuild.NewFromConfig(a.Config())
	image := a.build(builds, a.output("demo-foundation", contract.KeyImageProjectName), a.output("demo-foundation", contract.KeyRepositoryURI))
	body := project(t, "prod", "root.yaml")
	values := a.rootParameters(body, "demo-foundation", image)
	must[*cloudformation.CreateChangeSetOutput](t)(a.cfn.CreateChangeSet(a.ctx, &cloudformation.CreateChangeSetInput{
		StackName: new("demo-prod"), ChangeSetName: new("first"), ChangeSetType: cftypes.ChangeSetTypeCreate, IncludeNestedStacks: new(true),
		TemplateBody: new(body), Parameters: parameters(values), Capabilities: namedIAM,
	}))
	cs := a.changeSetEnd(a.changeSetID("demo-prod", "first"))
	if cs.Status != cftypes.ChangeSetStatusCreateComplete {
		t.Fatal(*cs.StatusReason)
	}
	a.execute(cs)
	if status := a.end("demo-prod"); status != "CREATE_COMPLETE" {
		t.Fatalf("%s:\n%s", status, strings.Join(a.story("demo-prod"), "\n"))
	}
	get(t, a.output("demo-prod", contract.KeyServiceURL)+"/time")
	a.deleteAll("demo-prod", "demo-foundation")
	if living := slices.DeleteFunc(a.Living(), func(s string) bool { return strings.Contains(s, "TaskDefinition") }); len(living) > 0 {
		t.Errorf("left after everything was deleted: %v", living)
	}
}

func (a *account) changeSetID(stack, name string) string {
	a.t.Helper()
	out := must[*cloudformation.ListChangeSetsOutput](a.t)(a.cfn.ListChangeSets(a.ctx, &cloudformation.ListChangeSetsInput{StackName: new(stack)}))
	for _, s := range out.Summaries {
		if *s.ChangeSetName == name {
			return *s.ChangeSetId
		}
	}
	a.t.Fatalf("no change set %s", name)
	return ""
}

func (a *account) deleteAll(stacks ...string) {
	a.t.Helper()
	for _, name := range stacks {
		id := *a.describe(name).StackId
		must[*cloudformation.DeleteStackOutput](a.t)(a.cfn.DeleteStack(a.ctx, &cloudformation.DeleteStackInput{StackName: new(name)}))
		if status := a.end(id); status != "DELETE_COMPLETE" {
			a.t.Fatalf("%s ends in %s:\n%s", name, status, strings.Join(a.story(id), "\n"))
		}
	}
}
