package stacks

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/iampolicy"
)

// pipelineVariants are configurations whose pipelines differ.
func pipelineVariants() map[string]config.Config {
	options := standard()
	options.Pipeline.Checks, options.Pipeline.Mode = config.ChecksParallel, config.ModeQueued
	git, former := standard(), standard()
	git.Pipeline.Source = config.Source{Connection: "arn:aws:codeconnections:eu-west-1:123456789012:connection/12345678-1234-1234-1234-123456789012", Repository: "example/shop", Branch: "main", Paths: []string{"web/**", "Dockerfile"}}
	former.Pipeline.Source = config.Source{Connection: "arn:aws:codestar-connections:eu-west-1:123456789012:connection/12345678-1234-1234-1234-123456789012",
		Repository: "example/shop", Branch: "main"}
	return map[string]config.Config{"pipeline's options": options, "git host": git, "git host, former name": former,
		"branches": branched(), "branches of a git host": branchedAtHost()}
}

// branchedLong is as large as allowed, with so many environments in the first branch.
func branchedLong(first int) config.Config {
	cfg := standard()
	cfg.Name, cfg.Environments = strings.Repeat("x", 32), nil
	cfg.Security.Key = "arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012"
	cfg.Service.BeforeDeploy = config.BeforeDeploy{Command: []string{"migrate"}, Timeout: 60}
	branches := []config.Branch{{Name: "develop"}, {Name: "main"}}
	for i := range 10 {
		e := environment(fmt.Sprintf("environment%05d", i), 1, 2, 3, config.NATPerZone)
		cfg.Environments = append(cfg.Environments, e)
		of := &branches[min(i/first, 1)]
		of.Environments = append(of.Environments, e.Name)
	}
	cfg.Pipeline.Environment, cfg.Pipeline.Branches = cfg.Environments[0].Name, branches
	return cfg
}

// branched is the standard configuration with a branch for dev and another one for the rest.
func branched() config.Config {
	cfg := standard()
	cfg.Environments = append([]config.Environment{environment("dev", 1, 1, 2, config.NATNone)}, cfg.Environments...)
	cfg.Pipeline.Branches = []config.Branch{{Name: "develop", Environments: []string{"dev"}}, {Name: "release/1.x", Environments: []string{"prod"}}}
	return cfg
}

func branchedAtHost() config.Config {
	cfg := branched()
	cfg.Pipeline.Source = config.Source{Connection: "arn:aws:codeconnections:eu-west-1:123456789012:connection/12345678-1234-1234-1234-123456789012", Repository: "example/shop", Paths: []string{"web/**"}}
	return cfg
}

// actionsOf are a stage's actions in the pipeline of prod, as "name order".
func actionsOf(t *testing.T, cfg config.Config, stage string) []string {
	t.Helper()
	var list []string
	for _, s := range at(t, rendered(t, cfg)["prod/pipeline.yaml"].Resources, "Pipeline", "Properties", "Stages").([]any) {
		if at(t, s, "Name") != stage {
			continue
		}
		for _, a := range at(t, s, "Actions").([]any) {
			list = append(list, fmt.Sprintf("%v %v", at(t, a, "Name"), at(t, a, "RunOrder")))
		}
	}
	return list
}

// Checks wait for each other unless somebody has builds to spare.
func TestChecksRunInOrderOrAtOnce(t *testing.T) {
	for name, want := range map[string][]string{
		"standard":           {"Lint 1", "Unit 2", "Templates 3", "Security 4"},
		"pipeline's options": {"Lint 1", "Unit 1", "Templates 1", "Security 1"},
	} {
		if diff := cmp.Diff(want, actionsOf(t, variants()[name], "Checks")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestExecutionMode(t *testing.T) {
	for name, want := range map[string]string{"standard": "SUPERSEDED", "pipeline's options": "QUEUED"} {
		if got := at(t, rendered(t, variants()[name])["prod/pipeline.yaml"].Resources, "Pipeline", "Properties", "ExecutionMode"); got != want {
			t.Errorf("%s: the mode is %v, want %s", name, got, want)
		}
	}
}

// Where several lines are told, each is quoted by itself: one text with line feeds would be no JSON.
func TestEachLineIsQuoted(t *testing.T) {
	template := at(t, rendered(t, variants()["email"])["prod/pipeline.yaml"].Resources, "FailureRule", "Properties", "Targets", 0, "InputTransformer", "InputTemplate").(string)
	lines := strings.Split(template, "\n")
	for _, line := range lines {
		if len(line) < 2 || line[0] != '"' || line[len(line)-1] != '"' || strings.Contains(line[1:len(line)-1], `"`) {
			t.Errorf("the line %s", line)
		}
	}
	if len(lines) != 4 {
		t.Errorf("%d lines", len(lines))
	}
}

// A pipeline on a git host is started by pushes to the branch and by nothing else, and may use its connection alone.
func TestGitHost(t *testing.T) {
	for name, paths := range map[string][]any{"git host": {"web/**", "Dockerfile"}, "git host, former name": nil} {
		cfg := variants()[name]
		all := rendered(t, cfg)
		tpl := all["prod/pipeline.yaml"]
		p := at(t, tpl.Resources, "Pipeline", "Properties")
		source := at(t, p, "Stages", 0, "Actions", 0)
		want := map[string]any{"ConnectionArn": map[string]any{"Ref": "ConnectionARN"}, "FullRepositoryId": "example/shop", "BranchName": "main",
			"OutputArtifactFormat": "CODE_ZIP", "DetectChanges": "false"}
		if diff := cmp.Diff(want, at(t, source, "Configuration")); diff != "" || at(t, source, "ActionTypeId", "Provider") != gitConnection {
			t.Errorf("%s: %s", name, diff)
		}
		push := at(t, p, "Triggers", 0, "GitConfiguration", "Push", 0).(map[string]any)
		if diff := cmp.Diff([]any{"main"}, at(t, push, "Branches", "Includes")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		var filter []any
		if push["FilePaths"] != nil {
			filter = at(t, push, "FilePaths", "Includes").([]any)
		}
		if diff := cmp.Diff(paths, filter); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if n := len(ofType(tpl, "AWS::Events::Rule")); n > 0 || all["prod/root.yaml"].Outputs[contract.KeyEventRuleName] != nil {
			t.Errorf("%s: %d rules start it, too", name, n)
		}
		a := deployed(t, cfg)
		use := cfg.Pipeline.Source.ConnectionService() + ":UseConnection"
		for resource, allowed := range map[string]bool{cfg.Pipeline.Source.Connection: true, cfg.Pipeline.Source.Connection[:len(cfg.Pipeline.Source.Connection)-1] + "0": false} {
			if got := iampolicy.Allowed(iampolicy.Request{Action: use, Resource: resource}, a.of("prod/pipeline.yaml", "PipelineRole")...); got != allowed {
				t.Errorf("%s: it may %s on %s: %v", name, use, resource, got)
			}
		}
		for _, action := range actions(tpl.Resources["PipelineRole"]) {
			if strings.HasPrefix(action, "s3:GetObjectTagging") {
				t.Errorf("%s: it may read a source.zip that it does not use", name)
			}
		}
	}
}

// The reports of the unit tests go to groups that the stack makes, under the names that CodeBuild would give them, and the checks'
// builds may write to these alone.
func TestReports(t *testing.T) {
	a := deployed(t, standard())
	const file = "prod/pipeline.yaml"
	project := a.name(file, "UnitProject")
	for id, c := range map[string]struct{ name, kind, put string }{
		"TestReports": {"tests", "TEST", "BatchPutTestCases"}, "CoverageReports": {"coverage", "CODE_COVERAGE", "BatchPutCodeCoverages"},
	} {
		p := a.properties(file, id)
		arn := a.arn("codebuild", "report-group/"+project+"-"+c.name)
		if a.attribute(file, id+".Arn") != arn || p["Type"] != c.kind || p["DeleteReports"] != true {
			t.Errorf("%s is %s, %v; want %s", id, a.attribute(file, id+".Arn"), p, arn)
		}
		for role, allowed := range map[string]bool{"ChecksRole": true, "DeployRole": false} {
			if got := iampolicy.Allowed(iampolicy.Request{Action: "codebuild:" + c.put, Resource: arn}, a.of(file, role)...); got != allowed {
				t.Errorf("%s may report to %s: %v", role, id, got)
			}
		}
	}
	other := iampolicy.Request{Action: "codebuild:CreateReport", Resource: a.arn("codebuild", "report-group/shop-dev-unit-tests")}
	if iampolicy.Allowed(other, a.of(file, "ChecksRole")...) {
		t.Error("it may report to another group")
	}
}

// What one action hands to the next only those write who have something to hand on: a commit's code, which the checks and the
// image build run, could otherwise put a plan or a source of its own in the place of what was looked at.
func TestOnlyTheDeploymentHandsArtifactsOn(t *testing.T) {
	a := deployed(t, standard())
	artifact := a.attribute(contract.FoundationTemplate, "Bucket.Arn") + "/" + contract.ArtifactFolder("shop", "prod") + "/Plan_prod/x"
	for _, c := range []struct {
		file, role  string
		read, write bool
	}{
		{"prod/pipeline.yaml", "ChecksRole", true, false},
		{contract.FoundationTemplate, "ImageRole", true, false},
		{"prod/pipeline.yaml", "DeployRole", true, true},
		{"prod/pipeline.yaml", "PipelineRole", true, true},
		{"prod/pipeline.yaml", "TriggerRole", false, false},
	} {
		for action, want := range map[string]bool{"s3:GetObject": c.read, "s3:PutObject": c.write, "s3:DeleteObject": false} {
			if got := iampolicy.Allowed(iampolicy.Request{Action: action, Resource: artifact}, a.of(c.file, c.role)...); got != want {
				t.Errorf("%s may %s on an artifact: %v, want %v", c.role, action, got, want)
			}
		}
	}
}

// Each branch has a pipeline of its own, with its own source, through its own environments.
func TestBranches(t *testing.T) {
	for name, cfg := range map[string]config.Config{"branches": branched(), "branches of a git host": branchedAtHost()} {
		a := deployed(t, cfg)
		all := rendered(t, cfg)
		tpl, root := all["prod/pipeline.yaml"], all["prod/root.yaml"]
		if n := len(ofType(tpl, "AWS::CodePipeline::Pipeline")); n != 2 {
			t.Fatalf("%s: %d pipelines", name, n)
		}
		var pipelines []string
		for _, c := range []struct{ slug, branch, environment string }{{"Develop", "develop", "dev"}, {"Rel81ca", "release/1.x", "prod"}} {
			p := at(t, tpl.Resources, "Pipeline"+c.slug, "Properties")
			stages := at(t, p, "Stages").([]any)
			if last := at(t, stages[len(stages)-1], "Name"); len(stages) != 4 || last != contract.DeployStage(c.environment) {
				t.Errorf("%s: %s has %d stages, the last %v", name, c.branch, len(stages), last)
			}
			project := at(t, stages[3], "Actions", 0, "Configuration", "ProjectName")
			if diff := cmp.Diff(map[string]any{"Ref": "DeployProject" + c.slug}, project); diff != "" {
				t.Errorf("%s: %s deploys with another project: %s", name, c.branch, diff)
			}
			source := at(t, stages[0], "Actions", 0, "Configuration").(map[string]any)
			key := "source/" + strings.ToLower(c.slug) + ".zip"
			if cfg.Pipeline.Source.Connected() {
				if source["BranchName"] != c.branch || cmp.Diff([]any{c.branch}, at(t, p, "Triggers", 0, "GitConfiguration", "Push", 0, "Branches", "Includes")) != "" {
					t.Errorf("%s: the pipeline of %s takes %v", name, c.branch, source["BranchName"])
				}
			} else {
				rule := at(t, tpl.Resources, "SourceRule"+c.slug, "Properties")
				if source["S3ObjectKey"] != key || cmp.Diff([]any{key}, at(t, rule, "EventPattern", "detail", "object", "key")) != "" {
					t.Errorf("%s: the pipeline of %s takes %v", name, c.branch, source["S3ObjectKey"])
				}
				start := iampolicy.Request{Action: "codepipeline:StartPipelineExecution", Resource: a.arn("codepipeline", a.name("prod/pipeline.yaml", "PipelineDevelop"))}
				if got := iampolicy.Allowed(start, a.of("prod/pipeline.yaml", "TriggerRole"+c.slug)...); got != (c.branch == "develop") {
					t.Errorf("the rule of %s starts the pipeline of develop: %v", c.branch, got)
				}
				read := iampolicy.Request{Action: "s3:GetObject", Resource: a.attribute(contract.FoundationTemplate, "Bucket.Arn") + "/source/develop.zip"}
				if got := iampolicy.Allowed(read, a.of("prod/pipeline.yaml", "PipelineRole"+c.slug)...); got != (c.branch == "develop") {
					t.Errorf("the pipeline of %s reads the source of develop: %v", c.branch, got)
				}
			}
			if root.Outputs[contract.KeyPipelineName+c.slug] == nil || (root.Outputs[contract.KeyEventRuleName+c.slug] == nil) != cfg.Pipeline.Source.Connected() {
				t.Errorf("%s: the root does not tell of the pipeline of %s", name, c.branch)
			}
			pipelines = append(pipelines, a.name("prod/pipeline.yaml", "Pipeline"+c.slug))
		}
		for _, pipeline := range pipelines {
			if folder := contract.ArtifactFolder("shop", "prod"); !strings.HasPrefix(pipeline, folder) {
				t.Errorf("the pipeline %s keeps its artifacts elsewhere than in %s", pipeline, folder)
			}
		}
	}
}

// A branch's pipeline changes the environments of its branch and no others, and puts nothing in the place of what another one hands on.
func TestBranchesKeepToTheirEnvironments(t *testing.T) {
	cfg := branched()
	cfg.Service.BeforeDeploy = config.BeforeDeploy{Command: []string{"migrate"}, Timeout: 60}
	a := deployed(t, cfg)
	bucket, folder := a.attribute(contract.FoundationTemplate, "Bucket.Arn")+"/", contract.ArtifactFolder("shop", "prod")+"/"
	role := a.attribute(contract.FoundationTemplate, "PipelineExecutionRole.Arn")
	of := func(env string) []iampolicy.Request {
		root, cluster := a.arn("cloudformation", "stack/shop-"+env+"/1"), a.arn("ecs", "cluster/shop-"+env+"-ECS-1-Cluster-2")
		return []iampolicy.Request{
			{Action: "cloudformation:CreateChangeSet", Resource: root, Context: map[string][]string{"cloudformation:RoleArn": {role}}},
			{Action: "cloudformation:ExecuteChangeSet", Resource: root, Context: map[string][]string{"cloudformation:ChangeSetName": {contract.ChangeSetByPipeline + "1"}}},
			{Action: "s3:PutObject", Resource: bucket + "releases/" + env + "/1.json"},
			{Action: "s3:PutObject", Resource: bucket + folder + folderOf(contract.PlanArtifact(env)) + "/x"},
			{Action: "ecs:UpdateService", Resource: a.arn("ecs", "service/shop-"+env+"-ECS-1-Cluster-2/x")},
			{Action: "ecs:RunTask", Resource: a.arn("ecs", "task-definition/shop-"+env+"-BeforeDeploy-1-Task-2:1"), Context: map[string][]string{"ecs:cluster": {cluster}}},
		}
	}
	for slug, own := range map[string]string{"Develop": "dev", "Rel81ca": "prod"} {
		docs := a.of("prod/pipeline.yaml", "DeployRole"+slug)
		for _, env := range []string{"dev", "prod"} {
			for _, r := range of(env) {
				if got := iampolicy.Allowed(r, docs...); got != (env == own) {
					t.Errorf("the pipeline that deploys to %s may %s: %v", own, r, got)
				}
			}
			for _, r := range []iampolicy.Request{
				{Action: "cloudformation:DescribeStacks", Resource: a.arn("cloudformation", "stack/shop-"+env+"/1")}, {Action: "s3:GetObject", Resource: bucket + "releases/" + env + "/1.json"},
				{Action: "s3:PutObject", Resource: bucket + contract.LeaseObject},
			} {
				if !iampolicy.Allowed(r, docs...) {
					t.Errorf("the pipeline that deploys to %s may not %s", own, r)
				}
			}
		}
		for _, key := range []string{"source/develop.zip", "source/rel81ca.zip", folder + "Source/x"} {
			if r := (iampolicy.Request{Action: "s3:PutObject", Resource: bucket + key}); iampolicy.Allowed(r, docs...) {
				t.Errorf("the pipeline that deploys to %s may %s", own, r)
			}
		}
	}
}

// folderOf is how CodePipeline names the folder of an artifact.
func folderOf(artifact string) string { return artifact[:min(len(artifact), 10)] }

// A branch's plans are kept apart from another's even where the names of the environments begin alike.
func TestPlansOfBranchesAreApart(t *testing.T) {
	for _, pair := range [][2]string{{"dev", "dev2"}, {"stage", "stage2"}, {"stagea", "stageb"}} {
		cfg := standard()
		cfg.Environments, cfg.Pipeline.Environment = nil, pair[1]
		for i, name := range pair {
			cfg.Environments = append(cfg.Environments, environment(name, 1, 1, 2, config.NATNone))
			cfg.Pipeline.Branches = append(cfg.Pipeline.Branches, config.Branch{Name: []string{"develop", "main"}[i], Environments: []string{name}})
		}
		a := deployed(t, cfg)
		for i, role := range []string{"DeployRoleDevelop", "DeployRoleMain"} {
			docs := a.of(pair[1]+"/pipeline.yaml", role)
			for j, env := range pair {
				key := contract.ArtifactFolder("shop", pair[1]) + "/" + folderOf(contract.PlanArtifact(env)) + "/x"
				r := iampolicy.Request{Action: "s3:PutObject", Resource: a.attribute(contract.FoundationTemplate, "Bucket.Arn") + "/" + key}
				if got := iampolicy.Allowed(r, docs...); got != (i == j) {
					t.Errorf("the pipeline that deploys to %s may put the plan of %s: %t", pair[i], env, got)
				}
			}
		}
	}
}

// However many environments a branch has, with the longest names, what its role may do fits into the role.
func TestRolesOfBranchesFit(t *testing.T) {
	for _, first := range []int{1, maxNarrow, maxNarrow + 1, 9} {
		a := deployed(t, branchedLong(first))
		for _, role := range []string{"DeployRoleDevelop", "DeployRoleMain"} {
			size := 0
			for _, d := range a.inline(a.cfg.Pipeline.Environment+"/pipeline.yaml", role) {
				size += d.Size()
			}
			if size == 0 || size > 10240 {
				t.Errorf("with %d environments in the first branch %s has %d characters", first, role, size)
			}
		}
	}
}
