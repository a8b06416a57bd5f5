package launch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
	"slipway/internal/deployer"
	"slipway/internal/plan"
)

const (
	shop      = "name: shop\nenvironments: [{name: prod}]\n"
	slower    = "name: shop\nservice: {healthInterval: 20}\nenvironments: [{name: prod}]\n"
	threeZone = "name: shop\nenvironments: [{name: prod, network: {zones: 3}}]\n"
)

// crowded is an internal load balancer that lets in as many ranges as its security group has rules: no task has room to ask it, and
// so nobody needs the right to run one.
var (
	crowded = "entry: {internal: true, allow: [" + manyRanges(60) + "]}"
	inside  = "name: shop\nenvironments: [{name: prod, " + crowded + "}]\n"
)

func manyRanges(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("10.9.%d.0/24", i))
	}
	return strings.Join(list, ", ")
}

// insideRisks are what is risky in making shop internal.
var insideRisks = []string{"replace:prod.ECS.LoadBalancer", "loss:prod.ECS.TargetGroup", "downtime:prod.ECS.LoadBalancer"}

func (b *bench) mustPlan(t *testing.T, o DeployOptions) []plan.Plan {
	t.Helper()
	plans, err := b.Plan(t.Context(), o)
	if err != nil {
		t.Fatalf("plan: %v\n%s", err, b.progress)
	}
	b.wantNothingLeft(t)
	return plans
}

// wantNothingLeft checks that no change set waits for anybody, and that no stack is there for one alone.
func (b *bench) wantNothingLeft(t *testing.T) {
	t.Helper()
	stacks, err := b.aws.stacks.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stacks.Stacks {
		if strings.HasPrefix(string(s.StackStatus), "REVIEW") {
			t.Errorf("the husk %s is left", *s.StackName)
		}
		sets, err := b.aws.stacks.ListChangeSets(t.Context(), &cloudformation.ListChangeSetsInput{StackName: s.StackId})
		if err != nil {
			t.Fatal(err)
		}
		for _, set := range sets.Summaries {
			if set.ExecutionStatus == "AVAILABLE" {
				t.Errorf("stack %s: the change set %s is left", *s.StackName, *set.ChangeSetName)
			}
		}
	}
}

func riskNames(plans ...plan.Plan) []string {
	var names []string
	for _, p := range plans {
		for _, r := range p.Risks {
			names = append(names, r.Name)
		}
	}
	return names
}

func change(t *testing.T, p plan.Plan, stack, id string) plan.Change {
	t.Helper()
	i := slices.IndexFunc(p.Changes, func(c plan.Change) bool { return c.Stack == stack && c.LogicalID == id })
	if i < 0 {
		t.Fatalf("%s of %s does not change in %+v", id, stack, p.Changes)
	}
	return p.Changes[i]
}

// Where nothing is there everything is made, and a plan of it makes nothing.
func TestPlanOfAFirstLaunch(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	plans := b.mustPlan(t, DeployOptions{})
	if len(plans) != 2 || plans[0].Environment != "foundation" || plans[1].Environment != "prod" {
		t.Fatalf("%d plans: %+v", len(plans), plans)
	}
	for _, p := range plans {
		if p.Basis != plan.TemplatesOnly || len(p.Risks) > 0 || !strings.Contains(strings.Join(p.Notes, " "), "everything is made") {
			t.Errorf("%s: by %s, risks %v, notes %q", p.Environment, p.Basis, p.Risks, p.Notes)
		}
		if i := slices.IndexFunc(p.Changes, func(c plan.Change) bool { return c.Action != "add" }); i >= 0 || len(p.Changes) == 0 {
			t.Errorf("%s: %d changes, not all of them additions", p.Environment, len(p.Changes))
		}
	}
	if living := b.double.Living(); len(living) > 0 {
		t.Errorf("made: %v", living)
	}
}

func TestPlanOfNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	b.mustDeploy(t, DeployOptions{})
	sets := len(b.double.CallsTo("CreateChangeSet"))
	for _, p := range b.asking(t, shop).mustPlan(t, DeployOptions{}) {
		if len(p.Changes) > 0 || len(p.Risks) > 0 {
			t.Errorf("%s: %+v", p.Environment, p)
		}
	}
	if n := len(b.double.CallsTo("CreateChangeSet")); n > sets {
		t.Errorf("%d change sets were made", n-sets)
	}
}

// What is changed in place is no risk, and nobody has to allow it.
func TestPlanOfAChangeInPlace(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	b.mustDeploy(t, DeployOptions{})
	p := b.asking(t, slower).mustPlan(t, DeployOptions{})[1]
	group := change(t, p, "prod/ecs.yaml", "TargetGroup")
	if p.Basis != plan.WholeChangeSet || len(p.Risks) > 0 || group.Action != "modify" || group.Guess {
		t.Errorf("by %s, risks %v, %+v", p.Basis, p.Risks, group)
	}
	if want := (plan.Property{Path: "HealthCheckIntervalSeconds", Before: "10", After: "20"}); !slices.Contains(group.Properties, want) {
		t.Errorf("%+v", group.Properties)
	}
	b.asking(t, slower).mustDeploy(t, DeployOptions{})
	if !strings.Contains(b.progress.String(), "HealthCheckIntervalSeconds: 10 -> 20") {
		t.Errorf("not shown before it was executed:\n%s", b.progress)
	}
}

// What is risky is refused with its name and the command, and done once it is allowed.
func TestRiskIsRefusedUntilAllowed(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	b.mustDeploy(t, DeployOptions{})
	if got := riskNames(b.asking(t, inside).mustPlan(t, DeployOptions{})...); !slices.Equal(got, insideRisks) {
		t.Errorf("risks %q", got)
	}
	balancer, executed := b.double.PhysicalID("shop-prod", "ECS.LoadBalancer"), len(b.double.CallsTo("ExecuteChangeSet"))
	err := b.asking(t, inside).Deploy(t.Context(), DeployOptions{Environments: []string{"prod"}})
	want(t, err, "nothing was changed", insideRisks[0], "is replaced, for another Scheme",
		"run: ./scripts/deploy.sh --environment prod --allow "+strings.Join(insideRisks, " --allow "))
	if risk, ok := errors.AsType[*RiskError](err); !ok || len(risk.Risks) != 3 {
		t.Errorf("%+v", risk)
	}
	// One of them is not all of them.
	want(t, b.asking(t, inside).Deploy(t.Context(), DeployOptions{Allow: insideRisks[:1]}), insideRisks[1], insideRisks[2])
	b.wantNothingLeft(t)
	if b.double.PhysicalID("shop-prod", "ECS.LoadBalancer") != balancer || len(b.double.CallsTo("ExecuteChangeSet")) != executed {
		t.Error("something was changed all the same")
	}
	b.asking(t, inside).mustDeploy(t, DeployOptions{Allow: append(insideRisks, "loss:prod.ECS.Nothing")})
	if b.double.PhysicalID("shop-prod", "ECS.LoadBalancer") == balancer {
		t.Error("it was not replaced")
	}
	if !strings.Contains(b.progress.String(), "no such risk as loss:prod.ECS.Nothing") {
		t.Errorf("a name that is no risk is not told:\n%s", b.progress)
	}
}

// Whoever is asked is asked once, about all risks.
func TestRiskIsDecided(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	b.mustDeploy(t, DeployOptions{})
	var asked [][]plan.Risk
	answer := errors.New("no")
	decide := func(risks ...plan.Risk) error { asked = append(asked, risks); return answer }
	want(t, b.asking(t, inside).Deploy(t.Context(), DeployOptions{Decide: decide}), "nothing was changed: no")
	answer = nil
	b.asking(t, inside).mustDeploy(t, DeployOptions{Decide: decide})
	if len(asked) != 2 || len(asked[0]) != 3 || len(asked[1]) != 3 {
		t.Errorf("asked %v", asked)
	}
}

// CloudFormation takes whatever a sibling stack gives for another value while the sibling changes. By the templates it is none.
func TestGuessesAreNoRisk(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	b.mustDeploy(t, DeployOptions{})
	p := b.asking(t, threeZone).mustPlan(t, DeployOptions{})[1]
	group := change(t, p, "prod/ecs.yaml", "TargetGroup")
	if !group.Guess || group.Action != "modify" {
		t.Errorf("%+v", group)
	}
	if len(p.Risks) > 0 {
		t.Errorf("risks %q", riskNames(p))
	}
	balancer := b.double.PhysicalID("shop-prod", "ECS.LoadBalancer")
	b.asking(t, threeZone).mustDeploy(t, DeployOptions{})
	if b.double.PhysicalID("shop-prod", "ECS.LoadBalancer") != balancer {
		t.Error("it was no guess")
	}
	if !strings.Contains(b.progress.String(), "only guesses") {
		t.Errorf("not said:\n%s", b.progress)
	}
}

// Without nested change sets the templates tell what is risky.
func TestPlanWithoutNestedChangeSets(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	b.mustDeploy(t, DeployOptions{})
	b.double.NestedChangeSetsFail("Fn::Select cannot select nonexistent value at index 0")
	p := b.asking(t, inside).mustPlan(t, DeployOptions{})[1]
	if p.Basis != plan.RootChangeSet || !slices.Equal(riskNames(p), insideRisks) || !strings.Contains(strings.Join(p.Notes, " "), "made no change set of the nested stacks") {
		t.Errorf("by %s, risks %q, notes %q", p.Basis, riskNames(p), p.Notes)
	}
	want(t, b.asking(t, inside).Deploy(t.Context(), DeployOptions{}), insideRisks[0])
	b.wantNothingLeft(t)
}

// What CloudFormation finds wrong before it begins is told, though the change set's own reason leaves it out, and nothing is left.
func TestEarlyValidation(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	taken := awsdouble.Validation{Resource: "ECS.LogGroup", Name: "NAME_CONFLICT_VALIDATION", Reason: "Resource of type 'AWS::Logs::LogGroup' with identifier 'x' already exists."}
	b.double.Validations(taken, awsdouble.Validation{
		Resource: "ECS.Cluster", Name: "PROPERTY_VALIDATION", Path: "/Resources/Cluster/Properties", Reason: "Required property [X] not found",
	})
	want(t, b.Deploy(t.Context(), DeployOptions{}), "could not make the change set for stack shop-prod", "EarlyValidation", "cause: name-taken",
		"LogGroup (AWS::Logs::LogGroup): Resource of type", "Cluster (AWS::ECS::Cluster): Required property [X] not found (at /Resources/Cluster/Properties)")
	b.wantNothingLeft(t)
	if status := b.double.StackStatus("shop-prod"); status != "" {
		t.Errorf("the root is %s", status)
	}
	if strings.Contains(b.progress.String(), "going on with the root's alone") {
		t.Error("it was tried again without a preview")
	}
	// What only may go wrong is told with the plan.
	taken.Warns = true
	b.double.Validations(taken)
	b.asking(t, shop).mustDeploy(t, DeployOptions{})
	if !strings.Contains(b.progress.String(), "Note: CloudFormation warns: LogGroup (AWS::Logs::LogGroup): Resource of type") {
		t.Errorf("no warning:\n%s", b.progress)
	}
}

// Who may not ask what was found is told the reason all the same, and why there is no more.
func TestEarlyValidationWithoutTheRight(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	b.double.Validations(awsdouble.Validation{Resource: "Bucket", Reason: "Resource of type 'AWS::S3::Bucket' with identifier 'x' already exists."})
	b.double.Fail("DescribeEvents", "AccessDenied", "User: x is not authorized to perform: cloudformation:DescribeEvents", 9)
	want(t, b.Deploy(t.Context(), DeployOptions{}), "EarlyValidation", "what that is cannot be read", "not authorized to perform: cloudformation:DescribeEvents")
}

// Each change set is looked at before it is executed, also where nothing was found before; and none is left that is refused.
func TestChangeSetIsLookedAt(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	b.mustDeploy(t, DeployOptions{})
	o := DeployOptions{KeepImage: true}
	o.gate = newGate(o)
	b.asking(t, inside)
	if err := b.identify(t.Context(), b.regionHasAll); err != nil {
		t.Fatal(err)
	}
	f, err := b.foundationThere(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	balancer := b.double.PhysicalID("shop-prod", "ECS.LoadBalancer")
	err = b.deployEnvironment(t.Context(), f, b.Config.Environments[0], b.root(t, "shop-prod"), "", o, b.newDelivery(f, o))
	want(t, err, "stack shop-prod was not changed", insideRisks[0])
	b.wantNothingLeft(t)
	if got := b.double.PhysicalID("shop-prod", "ECS.LoadBalancer"); got != balancer {
		t.Errorf("it was replaced by %s", got)
	}
}

// The pipeline deploys what its plan had, and stops at what that did not have. It plans with its own role's rights.
func TestPipelineIsHeldToItsPlan(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	b.mustDeploy(t, DeployOptions{})
	o := DeployOptions{ByPipeline: true, Environments: []string{"prod"}, Image: b.pushed("b")}
	asPipeline := func() *bench {
		b.asking(t, inside)
		b.double.Restrict(b.double.RolePolicies(t, b.double.PhysicalID("shop-prod", "Pipeline.DeployRole"))...)
		return b
	}
	plans, err := asPipeline().Plan(t.Context(), o)
	if err != nil || len(plans) != 1 || plans[0].Environment != "prod" || !slices.Equal(riskNames(plans...), insideRisks) {
		t.Fatalf("%v\n%+v", err, plans)
	}
	want(t, asPipeline().Deploy(t.Context(), o), "nothing was changed", insideRisks[0], "the plan that was approved does not have it",
		"./scripts/deploy.sh --environment prod --image keep --allow "+insideRisks[0])
	o.Allow = append(riskNames(plans...), "loss:of.nothing")
	if err := asPipeline().Deploy(t.Context(), o); err != nil {
		t.Fatalf("%v\n%s", err, b.progress)
	}
	if got := imageOf(b.output.String()); got != o.Image {
		t.Errorf("deployed %s", got)
	}
	b.may(deployer.Names...)
	b.wantNothingLeft(t)
}

// A plan is refused where a deployment would be, and says what else keeps it from knowing.
func TestPlanOfOtherStates(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	b.double.PutStack(awsdouble.StackSpec{Name: "shop-prod", Status: "DELETE_FAILED", Tags: tagsOf("shop", "prod", contract.StackRoot)})
	_, err := b.Plan(t.Context(), DeployOptions{Environments: []string{"prod"}})
	want(t, err, "environment prod", "DELETE_FAILED", "destroy.sh")

	b = newBench(t).asking(t, shop)
	b.mustDeploy(t, DeployOptions{})
	b.double.SetStackStatus("shop-prod", "UPDATE_ROLLBACK_FAILED", "")
	p := b.asking(t, inside).mustPlan(t, DeployOptions{})[1]
	if p.Basis != plan.TemplatesOnly || !slices.Equal(riskNames(p), insideRisks) || !strings.Contains(strings.Join(p.Notes, " "), "first takes its last update back") {
		t.Errorf("by %s, risks %q, notes %q", p.Basis, riskNames(p), p.Notes)
	}
}

// A plan of a source whose image is not built yet says so, and builds none.
func TestPlanBuildsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	p := b.again("b").mustPlan(t, DeployOptions{})[1]
	if n := len(b.double.CallsTo("StartBuild")); n != 1 {
		t.Errorf("%d builds", n)
	}
	definition := change(t, p, "prod/ecs.yaml", "TaskDefinition")
	if !strings.Contains(strings.Join(p.Notes, " "), "is not built yet") || definition.Action != "replace" || !definition.Retained || len(p.Risks) > 0 {
		t.Errorf("%+v\nnotes %q, risks %v", definition, p.Notes, p.Risks)
	}
	if p := b.again("b").mustPlan(t, DeployOptions{KeepImage: true})[1]; len(p.Changes) > 0 {
		t.Errorf("%+v", p.Changes)
	}
}

// An output that the foundation has only once it is changed is waited for with CloudFormation's part of the plan.
func TestPlanOfAnOlderFoundation(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	b.mustDeploy(t, DeployOptions{})
	b.asking(t, shop)
	files := b.Templates.(fstest.MapFS)
	for path, added := range map[string]string{
		contract.FoundationTemplate:                              "Outputs:\n  Later: {Value: !Ref Bucket}\n",
		contract.EnvironmentTemplate("prod", contract.StackRoot): "Parameters:\n  Later: {Type: String}\n",
	} {
		section, _, _ := strings.Cut(added, "\n")
		files[path].Data = []byte(strings.Replace(string(files[path].Data), section+"\n", added, 1))
	}
	plans := b.mustPlan(t, DeployOptions{})
	if p := plans[1]; p.Basis != plan.TemplatesOnly || !strings.Contains(strings.Join(p.Notes, " "), "the foundation gives Later only once it is changed") {
		t.Errorf("by %s, notes %q", p.Basis, p.Notes)
	}
}

// What is written in another way and is the same is no change, whatever the templates look like, and nobody has to allow it.
func TestNoChangeIsNeverBlocked(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	b.mustDeploy(t, DeployOptions{})
	rewrite := func() *bench {
		b.asking(t, shop)
		network := b.Templates.(fstest.MapFS)[contract.EnvironmentTemplate("prod", contract.StackNetwork)]
		network.Data = []byte(strings.Replace(string(network.Data), "CidrBlock: 10.0.0.0/16", `CidrBlock: !Sub "10.0.0.0/16"`, 1))
		return b
	}
	p := rewrite().mustPlan(t, DeployOptions{})[1]
	if len(p.Changes) > 0 || len(p.Risks) > 0 || !strings.Contains(strings.Join(p.Notes, " "), "in nothing that CloudFormation takes for a change") {
		t.Errorf("%+v", p)
	}
	rewrite().mustDeploy(t, DeployOptions{})
	if !strings.Contains(b.progress.String(), "shop-prod: no changes") {
		t.Errorf("not said:\n%s", b.progress)
	}
}

// Who may not make change sets is told what the templates tell.
func TestPlanWithoutTheRight(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, shop)
	b.mustDeploy(t, DeployOptions{})
	b.double.Fail("CreateChangeSet", "AccessDenied", "User: x is not authorized to perform: cloudformation:CreateChangeSet", 9)
	p := b.asking(t, inside).mustPlan(t, DeployOptions{})[1]
	if p.Basis != plan.TemplatesOnly || !slices.Equal(riskNames(p), insideRisks) || !strings.Contains(strings.Join(p.Notes, " "), "there is no right") {
		t.Errorf("by %s, risks %q, notes %q", p.Basis, riskNames(p), p.Notes)
	}
}
