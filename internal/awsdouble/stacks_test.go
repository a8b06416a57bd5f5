package awsdouble_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

func TestLaunchThroughNestedChangeSets(t *testing.T) {
	a := newAccount(t)
	cs := a.createChangeSet("first", cftypes.ChangeSetTypeCreate, a.launchValues(digestA))
	if cs.Status != cftypes.ChangeSetStatusCreateComplete || cs.ExecutionStatus != cftypes.ExecutionStatusAvailable {
		t.Fatalf("change set is %s (%s)", cs.Status, *cs.StatusReason)
	}
	if got := a.StackStatus("shop-prod"); got != "REVIEW_IN_PROGRESS" {
		t.Errorf("the stack to be is %s, want REVIEW_IN_PROGRESS", got)
	}
	children := map[string]string{}
	for _, c := range cs.Changes {
		if c.ResourceChange.ChangeSetId == nil {
			t.Fatalf("%s has no change set of its own", *c.ResourceChange.LogicalResourceId)
		}
		child := a.changeSetEnd(*c.ResourceChange.ChangeSetId)
		if *child.ParentChangeSetId != *cs.ChangeSetId || *child.RootChangeSetId != *cs.ChangeSetId {
			t.Errorf("%s does not name its parent and root", *child.ChangeSetName)
		}
		children[*c.ResourceChange.LogicalResourceId] = *child.StackId
	}
	a.execute(cs)
	if status := a.end("shop-prod"); status != "CREATE_COMPLETE" {
		t.Fatalf("%s:\n%s", status, strings.Join(a.story("shop-prod"), "\n"))
	}
	network := a.describe(children["Network"])
	if *network.RootId != *cs.StackId || *network.ParentId != *cs.StackId || network.StackStatus != "CREATE_COMPLETE" {
		t.Errorf("the child of the change set is not what was created: %+v", network)
	}
	if !strings.HasPrefix(*network.StackName, "shop-prod-Network-") {
		t.Errorf("child is named %s", *network.StackName)
	}
	for _, e := range a.events(children["ECS"])[1:] { // the first is of the review
		if e.ClientRequestToken == nil || *e.ClientRequestToken != "token-first" {
			t.Fatalf("event of %s without the operation's token", *e.LogicalResourceId)
		}
	}
}

func TestServiceAnswersBehindLoadBalancer(t *testing.T) {
	a := newAccount(t)
	a.launch()
	url := a.output("shop-prod", "ServiceURL")
	hosts := map[string]bool{}
	for range 4 {
		hosts[strings.TrimSpace(get(t, url+"/"))] = true
	}
	if len(hosts) != 2 {
		t.Errorf("two tasks should answer, got %v", hosts)
	}
	if body := get(t, url+"/time"); !strings.Contains(body, `"message":"Automation for the People"`) {
		t.Errorf("GET /time answers %s", body)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v", url, resp.Status, err)
	}
	return string(body)
}

func TestUpdateReplacesTaskDefinitionAndRetainsTheOld(t *testing.T) {
	a := newAccount(t)
	a.launch()
	before := a.PhysicalID("shop-prod", "ECS.TaskDefinition")
	cs := a.createChangeSet("second", cftypes.ChangeSetTypeUpdate, a.launchValues("registry/shop@sha256:bbbb"))
	if len(cs.Changes) != 1 || *cs.Changes[0].ResourceChange.LogicalResourceId != "ECS" {
		t.Fatalf("changes: %+v, want ECS alone", cs.Changes)
	}
	replacements := map[string]cftypes.Replacement{}
	for _, c := range a.changeSetEnd(*cs.Changes[0].ResourceChange.ChangeSetId).Changes {
		replacements[*c.ResourceChange.LogicalResourceId] = c.ResourceChange.Replacement
	}
	if replacements["TaskDefinition"] != "True" || replacements["Service"] != "False" || len(replacements) != 2 {
		t.Errorf("nested changes: %v", replacements)
	}
	a.execute(cs)
	if status := a.end("shop-prod"); status != "UPDATE_COMPLETE" {
		t.Fatalf("%s:\n%s", status, strings.Join(a.story("shop-prod"), "\n"))
	}
	after := a.PhysicalID("shop-prod", "ECS.TaskDefinition")
	if !strings.HasSuffix(before, ":1") || !strings.HasSuffix(after, ":2") {
		t.Errorf("task definition went from %s to %s", before, after)
	}
	living := strings.Join(a.Living(), "\n")
	if !strings.Contains(living, before) {
		t.Error("the replaced task definition was deleted despite UpdateReplacePolicy Retain")
	}
}

func TestNothingChanged(t *testing.T) {
	a := newAccount(t)
	a.launch()
	cs := a.createChangeSet("again", cftypes.ChangeSetTypeUpdate, a.launchValues(digestA))
	if cs.Status != cftypes.ChangeSetStatusFailed || !strings.HasPrefix(*cs.StatusReason, "The submitted information didn't contain changes.") {
		t.Errorf("%s: %s", cs.Status, *cs.StatusReason)
	}
	_, err := a.cfn.UpdateStack(a.ctx, &cloudformation.UpdateStackInput{
		StackName: new("shop-prod"), UsePreviousTemplate: new(true), Capabilities: namedIAM, Parameters: parameters(a.launchValues(digestA)),
	})
	wantError(t, err, "ValidationError", "No updates are to be performed.")
}

func TestDeletedChangeSetTakesItsHusksAlong(t *testing.T) {
	a := newAccount(t)
	cs := a.createChangeSet("first", cftypes.ChangeSetTypeCreate, a.launchValues(digestA))
	child := *a.changeSetEnd(*cs.Changes[0].ResourceChange.ChangeSetId).StackId
	_, err := a.cfn.DeleteChangeSet(a.ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: cs.Changes[0].ResourceChange.ChangeSetId})
	wantError(t, err, "InvalidChangeSetStatus", "is nested")
	must[*cloudformation.DeleteChangeSetOutput](t)(a.cfn.DeleteChangeSet(a.ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: cs.ChangeSetId}))
	for err = nil; err == nil; a.pause() { // nested ones are deleted in the background
		_, err = a.cfn.DescribeChangeSet(a.ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: cs.ChangeSetId})
	}
	wantError(t, err, "ChangeSetNotFound", "does not exist")
	if got := a.StackStatus(child); got != "DELETE_COMPLETE" {
		t.Errorf("the nested stack in review is %s", got)
	}
	if got := a.StackStatus("shop-prod"); got != "REVIEW_IN_PROGRESS" {
		t.Errorf("the root in review is %s: it has to be deleted by itself", got)
	}
}
