package stacks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/awslabs/goformation/v7/cloudformation/codebuild"
	"github.com/awslabs/goformation/v7/cloudformation/codepipeline"
	"github.com/awslabs/goformation/v7/cloudformation/events"
	"github.com/awslabs/goformation/v7/cloudformation/iam"
	"github.com/awslabs/goformation/v7/cloudformation/tags"

	"slipway/internal/cfn"
	"slipway/internal/config"
	"slipway/internal/contract"
)

// Artifacts and namespaces of the pipeline.
const (
	sourceArtifact = "Source"
	imageNamespace = "Image"
	checkMinutes   = 30
	deployMinutes  = 120 // CloudFormation waits for the service; a deployment that fails slowly must still be told
)

// pipelineInputs are the foundation's outputs that the pipeline works with, handed down by the root.
var pipelineInputs = []struct{ key, description string }{
	{contract.KeyBucketName, "The foundation's bucket: sources, templates, artifacts."},
	{contract.KeyImageProjectName, "The image build."},
	{contract.KeyPipelineExecutionRoleARN, "CloudFormation's role for the pipeline."},
	{contract.KeyRepositoryARN, repositoryDescription},
	{contract.KeyDeliveryBoundaryARN, deliveryBoundaryDescription},
}

const connectionDescription = "The connection to the git host."

// Pipeline takes the source through checks, image and each environment in order. It comes up last, when source and
// image are already there: a new pipeline runs once by itself.
func Pipeline(cfg config.Config) *cfn.Template {
	t := cfn.New(fmt.Sprintf("Delivery pipeline of %s.", cfg.Name))
	p := pipeline{t: t, cfg: cfg, in: map[string]string{}}
	for _, input := range pipelineInputs {
		p.in[input.key] = given{t}.string(input.key, input.description)
	}
	if cfg.Security.Key != "" {
		p.key = given{t}.string(contract.KeyEncryptionKeyARN, keyDescription)
	}
	if cfg.Pipeline.Source.Connected() {
		p.in[contract.KeyConnectionARN] = given{t}.string(contract.KeyConnectionARN, connectionDescription)
	}
	p.addChecks()
	p.addDeploy()
	p.addPipeline()
	if !cfg.Pipeline.Source.Connected() {
		p.addTrigger()
	}
	if cfg.PipelineHome().Watch.Notifies() {
		p.addFailureRule(given{t}.string(contract.KeyTopicARN, topicDescription))
	}
	return t
}

type pipeline struct {
	t   *cfn.Template
	cfg config.Config
	in  map[string]string
	key string // the user's own; empty where there is none

	checks, unit, deploy, pipeline cfn.Handle
}

func (p *pipeline) bucketARN() []string {
	return []string{cfn.Sub("arn:${AWS::Partition}:s3:::${" + contract.KeyBucketName + "}")}
}

func (p *pipeline) objects(prefixes ...string) []string {
	var list []string
	for _, prefix := range prefixes {
		list = append(list, cfn.Sub("arn:${AWS::Partition}:s3:::${"+contract.KeyBucketName+"}/"+prefix+"*"))
	}
	return list
}

func (p *pipeline) role(id, description string, trusted any, policy string, statements ...cfn.Statement) cfn.Handle {
	return p.t.Add(id, &iam.Role{
		Description:              new(description),
		Path:                     new(contract.PipelineRolePath(p.cfg.Name)),
		PermissionsBoundary:      new(p.in[contract.KeyDeliveryBoundaryARN]),
		AssumeRolePolicyDocument: trusted,
		Policies:                 []iam.Role_Policy{{PolicyName: policy, PolicyDocument: cfn.Document(statements...)}},

		AWSCloudFormationMetadata: accept(describing(statements)...),
	})
}

// describing is what scanners say where a role describes what cannot be limited to a resource.
func describing(statements []cfn.Statement) []finding {
	if slices.ContainsFunc(statements, func(s cfn.Statement) bool { return slices.Equal(s.Resource, []string{"*"}) }) {
		return []finding{describes}
	}
	return nil
}

// buildStatements let a build log, and do this with artifacts.
func (p *pipeline) buildStatements(group cfn.Handle, artifacts ...string) []cfn.Statement {
	return append([]cfn.Statement{
		{Sid: "WriteLog", Effect: cfn.Allow, Action: writeLogActions, Resource: []string{group.Att("Arn")}},
		{Sid: "FindBucket", Effect: cfn.Allow, Action: readBucketActions, Resource: p.bucketARN()},
		{Sid: "Artifacts", Effect: cfn.Allow, Action: artifacts, Resource: p.objects(p.artifactFolder())},
	}, useKey(p.key)...)
}

func (p *pipeline) artifactFolder() string {
	return contract.ArtifactFolder(p.cfg.Name, p.cfg.Pipeline.Environment)
}

func (p *pipeline) project(id, description string, role, group cfn.Handle, minutes int) cfn.Handle {
	return p.t.Add(id, p.running(buildspec, description, role, group, minutes))
}

// The files that say what builds run.
const (
	buildspec     = "buildspec.yml"
	unitBuildspec = "scripts/buildspec-unit.yml"
)

func (p *pipeline) running(buildspec, description string, role, group cfn.Handle, minutes int) *codebuild.Project {
	return &codebuild.Project{
		Description:            new(description),
		ServiceRole:            role.Att("Arn"),
		Source:                 &codebuild.Project_Source{Type: "CODEPIPELINE", BuildSpec: new(buildspec)},
		Artifacts:              &codebuild.Project_Artifacts{Type: "CODEPIPELINE"},
		Environment:            buildEnvironment(p.cfg.Service.Architecture, false),
		LogsConfig:             logsTo(group),
		EncryptionKey:          orNone(p.key),
		TimeoutInMinutes:       new(minutes),
		QueuedTimeoutInMinutes: new(queueMinutes),
		// The role that makes projects is held to this tag; on other types CloudFormation copies it from the stack by itself.
		Tags: []tags.Tag{{Key: contract.TagName, Value: p.cfg.Name}},
	}
}

// addChecks are the projects for lint, unit tests, templates and security: code of any commit runs there, so they have no rights
// but to read the source, log and report. The unit tests have a project of their own, since a build whose buildspec names reports
// fails where it leaves none.
func (p *pipeline) addChecks() {
	group := p.t.Add("ChecksLogGroup", logGroup(p.key))
	role := p.role("ChecksRole", "The checks: no rights but to read the source, log and report.", trustBuilds(), "run-checks",
		append(p.buildStatements(group, readObjectActions...), cfn.Statement{Sid: "Report", Effect: cfn.Allow, Action: reportActions, Resource: arns("codebuild", "report-group/"+p.unitProject()+"-*")})...)
	p.checks = p.project("ChecksProject", "Runs lint, template and security checks.", role, group, checkMinutes)
	unit := p.running(unitBuildspec, "Runs unit tests and reports what they find and cover.", role, group, checkMinutes)
	unit.Name = new(p.unitProject())
	p.unit = p.t.Add("UnitProject", unit)
	p.addReports("TestReports", "tests", "TEST")
	p.addReports("CoverageReports", "coverage", "CODE_COVERAGE")
}

// unitProject is the project's own name, which begins those of its report groups
// (docs.aws.amazon.com/codebuild/latest/userguide/test-report-group-naming.html).
func (p *pipeline) unitProject() string {
	return contract.EnvironmentStackName(p.cfg.Name, p.cfg.Pipeline.Environment) + "-unit"
}

// addReports is the group that the reports go to which the buildspec calls by this name. CodeBuild would make it by itself, and it
// would stay behind when the stack goes.
func (p *pipeline) addReports(id, name, kind string) {
	p.t.Add(id, &codebuild.ReportGroup{
		Name:          new(p.unitProject() + "-" + name),
		Type:          kind,
		ExportConfig:  &codebuild.ReportGroup_ReportExportConfig{ExportConfigType: "NO_EXPORT"},
		DeleteReports: new(true),
		Tags:          []tags.Tag{{Key: contract.TagName, Value: p.cfg.Name}},
	})
}

func (p *pipeline) addDeploy() {
	group := p.t.Add("DeployLogGroup", logGroup(p.key))
	role := p.role("DeployRole", "The deployment: change sets on this application's environments, with the pipeline's execution role only.",
		trustBuilds(), "deploy", append(p.buildStatements(group, append(writeObjectActions, readObjectActions...)...), p.deployStatements()...)...)
	p.deploy = p.project("DeployProject", "Runs the launcher on one environment.", role, group, deployMinutes)
}

// deployStatements let the launcher make change sets that act with the pipeline's execution role, execute those that
// bear the pipeline's prefix, and see what comes of it. An omitted role would mean the stack's earlier one, so the
// condition names the role.
func (p *pipeline) deployStatements() []cfn.Statement {
	var stacks, roots []string
	for _, env := range p.cfg.Environments {
		root := contract.EnvironmentStackName(p.cfg.Name, env.Name)
		roots = append(roots, arns("cloudformation", "stack/"+root+"/*")...)
		stacks = append(stacks, arns("cloudformation", "stack/"+root+"/*", "stack/"+root+"-*")...)
	}
	foundation := arns("cloudformation", "stack/"+contract.FoundationStackName(p.cfg.Name)+"/*")
	prefix := p.cfg.Name + "-*"
	return append([]cfn.Statement{
		{Sid: "MakeChangeSets", Effect: cfn.Allow, Action: []string{"cloudformation:ContinueUpdateRollback", "cloudformation:CreateChangeSet", "cloudformation:RollbackStack"}, Resource: roots,
			Condition: cfn.Condition{"StringEquals": {"cloudformation:RoleArn": p.in[contract.KeyPipelineExecutionRoleARN]}}},
		{Sid: "UseItsChangeSets", Effect: cfn.Allow, Action: []string{"cloudformation:DeleteChangeSet", "cloudformation:ExecuteChangeSet"}, Resource: roots,
			Condition: cfn.Condition{"StringLike": {"cloudformation:ChangeSetName": contract.ChangeSetByPipeline + "*"}}},
		{Sid: "TagStacks", Effect: cfn.Allow, Action: []string{"cloudformation:TagResource"}, Resource: roots},
		{Sid: "SeeStacks", Effect: cfn.Allow, Action: seeStackActions, Resource: append(stacks, foundation...)},
		{Sid: "PassExecutionRole", Effect: cfn.Allow, Action: []string{"iam:PassRole"}, Resource: []string{p.in[contract.KeyPipelineExecutionRoleARN]},
			Condition: cfn.Condition{"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}},
		{Sid: "KeepState", Effect: cfn.Allow, Action: []string{"s3:GetObject", "s3:PutObject"},
			Resource: p.objects(contract.TemplatesPrefix, contract.ReleasesPrefix, contract.LeaseObject)},
		{Sid: "ListBucket", Effect: cfn.Allow, Action: []string{"s3:ListBucket"}, Resource: p.bucketARN()}, // without it a missing key looks forbidden
		{Sid: "KeepImage", Effect: cfn.Allow, Action: []string{"ecr:BatchGetImage", "ecr:DescribeImages", "ecr:PutImage"}, // tag it as a release's
			Resource: []string{p.in[contract.KeyRepositoryARN]}},
		{Sid: "FollowService", Effect: cfn.Allow, Action: followServiceActions, Resource: arns("ecs", "service/"+prefix)},
		{Sid: "SeeTasks", Effect: cfn.Allow, Action: seeTaskActions, Resource: arns("ecs", "container-instance/"+prefix, "task/"+prefix)},
		{Sid: "ReadTaskLogs", Effect: cfn.Allow, Action: []string{"logs:GetLogEvents"}, Resource: arns("logs", "log-group:"+prefix)},
		{Sid: "Describe", Effect: cfn.Allow, Action: describeActions, Resource: []string{"*"}},
	}, runStatements(p.cfg)...)
}

func (p *pipeline) addPipeline() {
	projects := []string{p.checks.Att("Arn"), p.unit.Att("Arn"), p.deploy.Att("Arn"),
		cfn.Sub("arn:${AWS::Partition}:codebuild:${AWS::Region}:${AWS::AccountId}:project/${" + contract.KeyImageProjectName + "}")}
	role := p.role("PipelineRole", "The pipeline: read the source, keep artifacts, run the build projects.",
		trustSameAccount("codepipeline.amazonaws.com"), "run-pipeline", append(useKey(p.key),
			cfn.Statement{Sid: "FindBucket", Effect: cfn.Allow, Action: append([]string{"s3:GetBucketAcl"}, readBucketActions...), Resource: p.bucketARN()},
			p.readSource(),
			cfn.Statement{Sid: "Artifacts", Effect: cfn.Allow, Action: append([]string{"s3:PutObjectTagging"}, append(writeObjectActions, readObjectActions...)...), Resource: p.objects(p.artifactFolder())},
			cfn.Statement{Sid: "RunBuilds", Effect: cfn.Allow, Action: buildActions, Resource: projects},
		)...)
	p.pipeline = p.t.Add("Pipeline", &codepipeline.Pipeline{
		Name:          new(cfn.StackName), // artifacts are kept under it, and roles name that folder
		PipelineType:  new("V2"),
		ExecutionMode: new(strings.ToUpper(string(p.cfg.Pipeline.Mode))),
		RoleArn:       role.Att("Arn"),
		ArtifactStore: p.artifactStore(),
		Stages:        p.stages(),
		Triggers:      p.triggers(),
	})
	p.t.Output(contract.KeyPipelineName, outputDescriptions[contract.KeyPipelineName], p.pipeline.Ref())
}

// readSource lets the pipeline have its source: of a git host by the connection, which is all that AWS asks for where the
// source action makes a zip (docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html).
func (p *pipeline) readSource() cfn.Statement {
	if p.cfg.Pipeline.Source.Connected() {
		return cfn.Statement{Sid: "ReadSource", Effect: cfn.Allow, Action: []string{p.cfg.Pipeline.Source.ConnectionService() + ":UseConnection"},
			Resource: []string{p.in[contract.KeyConnectionARN]}}
	}
	return cfn.Statement{Sid: "ReadSource", Effect: cfn.Allow, Action: append([]string{"s3:GetObjectTagging", "s3:GetObjectVersionTagging"}, readObjectActions...),
		Resource: []string{cfn.Sub("arn:${AWS::Partition}:s3:::${" + contract.KeyBucketName + "}/" + contract.SourceObject)}}
}

func (p *pipeline) artifactStore() *codepipeline.Pipeline_ArtifactStore {
	store := &codepipeline.Pipeline_ArtifactStore{Type: "S3", Location: p.in[contract.KeyBucketName]}
	if p.key != "" {
		store.EncryptionKey = &codepipeline.Pipeline_EncryptionKey{Id: p.key, Type: "KMS"}
	}
	return store
}

func (p *pipeline) stages() []codepipeline.Pipeline_StageDeclaration {
	stages := []codepipeline.Pipeline_StageDeclaration{
		{Name: sourceName, Actions: []codepipeline.Pipeline_ActionDeclaration{p.sourceAction()}},
		{Name: "Checks", Actions: p.checkActions()},
		{Name: "Image", Actions: []codepipeline.Pipeline_ActionDeclaration{p.imageAction()}},
	}
	for _, env := range p.cfg.Environments {
		stages = append(stages, codepipeline.Pipeline_StageDeclaration{Name: contract.DeployStage(env.Name), Actions: p.deployActions(env)})
	}
	return stages
}

// checkActions run one after the other unless slipway.yaml says otherwise: a new account may run one build at a time
// (docs.aws.amazon.com/codebuild/latest/userguide/limits.html).
func (p *pipeline) checkActions() []codepipeline.Pipeline_ActionDeclaration {
	var actions []codepipeline.Pipeline_ActionDeclaration
	order := 1
	for _, check := range []struct {
		name, stage string
		project     cfn.Handle
	}{
		{"Lint", contract.StageLint, p.checks}, {"Unit", contract.StageUnit, p.unit},
		{"Templates", contract.StageTemplates, p.checks}, {"Security", contract.StageSecurity, p.checks},
	} {
		actions = append(actions, p.build(check.name, check.project.Ref(), order, contract.VarStage, check.stage))
		if p.cfg.Pipeline.Checks == config.ChecksSequential {
			order++
		}
	}
	return actions
}

// What the image action exported.
const (
	releasedImage     = "#{" + imageNamespace + "." + contract.VarImageURI + "}"
	releasedTemplates = "#{" + imageNamespace + "." + contract.VarTemplateSet + "}"
)

// deployActions bring the release to one environment: a plan, somebody's approval where it is asked for, the deployment, which
// may do what the plan says and no more, and acceptance.
func (p *pipeline) deployActions(env config.Environment) []codepipeline.Pipeline_ActionDeclaration {
	release := []string{
		contract.VarEnvironment, env.Name, contract.VarImageURI, releasedImage, contract.VarTemplateSet, releasedTemplates,
		contract.VarExecution, "#{codepipeline.PipelineExecutionId}",
	}
	run := func(name, stage string) codepipeline.Pipeline_ActionDeclaration {
		return p.build(name, p.deploy.Ref(), 0, append([]string{contract.VarStage, stage}, release...)...)
	}
	plan := run("Plan", contract.StagePlan)
	planned := contract.PlanArtifact(env.Name)
	plan.Namespace = new(planned)
	plan.OutputArtifacts = []codepipeline.Pipeline_OutputArtifact{{Name: planned}}
	actions := []codepipeline.Pipeline_ActionDeclaration{plan}
	if env.Approval {
		actions = append(actions, approveAction(env))
	}
	deploy := run("Deploy", contract.StageDeploy)
	deploy.InputArtifacts = append(deploy.InputArtifacts, codepipeline.Pipeline_InputArtifact{Name: planned})
	deploy.Configuration.(map[string]any)["PrimarySource"] = sourceArtifact
	actions = append(actions, deploy, run("Acceptance", contract.StageAcceptance))
	for i := range actions {
		actions[i].RunOrder = new(i + 1)
	}
	return actions
}

// approveAction waits for a person, for seven days at most, and then fails
// (docs.aws.amazon.com/codepipeline/latest/userguide/approvals.html).
func approveAction(env config.Environment) codepipeline.Pipeline_ActionDeclaration {
	planned := func(variable string) string { return "#{" + contract.PlanArtifact(env.Name) + "." + variable + "}" }
	return codepipeline.Pipeline_ActionDeclaration{
		Name:         "Approve",
		ActionTypeId: &codepipeline.Pipeline_ActionTypeId{Category: "Approval", Owner: "AWS", Provider: "Manual", Version: "1"},
		Configuration: map[string]any{
			"CustomData":         fmt.Sprintf("Deploy %s to %s? %s", releasedImage, env.Name, planned(contract.VarPlanSummary)),
			"ExternalEntityLink": planned(contract.VarPlanLog),
		},
	}
}

const (
	sourceName    = "Source"
	gitConnection = "CodeStarSourceConnection"
)

func (p *pipeline) sourceAction() codepipeline.Pipeline_ActionDeclaration {
	provider, configuration := "S3", map[string]any{
		"S3Bucket":             p.in[contract.KeyBucketName],
		"S3ObjectKey":          contract.SourceObject,
		"PollForSourceChanges": "false", // the event rule starts it; left out, it would run twice
	}
	if git := p.cfg.Pipeline.Source; git.Connected() {
		provider, configuration = gitConnection, map[string]any{
			"ConnectionArn":        p.in[contract.KeyConnectionARN],
			"FullRepositoryId":     git.Repository,
			"BranchName":           git.Branch,
			"OutputArtifactFormat": "CODE_ZIP", // a clone would need rights at the git host in each build
			"DetectChanges":        "false",    // the trigger's filter starts it (docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-triggers.html)
		}
	}
	return codepipeline.Pipeline_ActionDeclaration{
		Name:            sourceName,
		ActionTypeId:    &codepipeline.Pipeline_ActionTypeId{Category: "Source", Owner: "AWS", Provider: provider, Version: "1"},
		Configuration:   configuration,
		OutputArtifacts: []codepipeline.Pipeline_OutputArtifact{{Name: sourceArtifact}},
	}
}

func (p *pipeline) imageAction() codepipeline.Pipeline_ActionDeclaration {
	a := p.build("Image", p.in[contract.KeyImageProjectName], 1, contract.VarStage, contract.StageImage)
	a.Namespace = new(imageNamespace)
	return a
}

// build is an action that runs a project on the source, with variables given as name, value, name, value.
func (p *pipeline) build(name, project string, order int, variables ...string) codepipeline.Pipeline_ActionDeclaration {
	return codepipeline.Pipeline_ActionDeclaration{
		Name:           name,
		ActionTypeId:   &codepipeline.Pipeline_ActionTypeId{Category: "Build", Owner: "AWS", Provider: "CodeBuild", Version: "1"},
		Configuration:  map[string]any{"ProjectName": project, "EnvironmentVariables": actionVariables(variables)},
		InputArtifacts: []codepipeline.Pipeline_InputArtifact{{Name: sourceArtifact}},
		RunOrder:       new(order),
	}
}

// actionVariables is the JSON text that the CodeBuild action wants, of names and plain values
// (docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html).
func actionVariables(pairs []string) string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, fmt.Sprintf(`{"name":%q,"value":%q,"type":"PLAINTEXT"}`, pairs[i], pairs[i+1]))
	}
	return "[" + strings.Join(list, ",") + "]"
}

// triggers start the pipeline at pushes to the branch of a git host that touch one of the paths.
func (p *pipeline) triggers() []codepipeline.Pipeline_PipelineTriggerDeclaration {
	git := p.cfg.Pipeline.Source
	if !git.Connected() {
		return nil
	}
	push := codepipeline.Pipeline_GitPushFilter{Branches: &codepipeline.Pipeline_GitBranchFilterCriteria{Includes: []string{git.Branch}}}
	if len(git.Paths) > 0 {
		push.FilePaths = &codepipeline.Pipeline_GitFilePathFilterCriteria{Includes: git.Paths}
	}
	return []codepipeline.Pipeline_PipelineTriggerDeclaration{{
		ProviderType:     gitConnection,
		GitConfiguration: &codepipeline.Pipeline_GitConfiguration{SourceActionName: sourceName, Push: []codepipeline.Pipeline_GitPushFilter{push}},
	}}
}

// addTrigger starts the pipeline when source.zip is uploaded, and at nothing else in the bucket.
func (p *pipeline) addTrigger() {
	arn := cfn.Sub("arn:${AWS::Partition}:codepipeline:${AWS::Region}:${AWS::AccountId}:${" + p.pipeline.ID() + "}")
	role := p.role("TriggerRole", "The event rule: start this one pipeline.", trustRules(p.cfg.Name+"-*"), "start-pipeline",
		cfn.Statement{Sid: "StartPipeline", Effect: cfn.Allow, Action: []string{"codepipeline:StartPipelineExecution"}, Resource: []string{arn}})
	rule := p.t.Add("SourceRule", &events.Rule{
		Name:        new(ruleName(p.cfg.Name, p.cfg.Pipeline.Environment, sourceRule)),
		Description: new("Starts the pipeline when " + contract.SourceObject + " is uploaded."),
		State:       new("ENABLED"),
		EventPattern: map[string]any{
			"source":      []string{"aws.s3"},
			"detail-type": []string{"Object Created"},
			"detail": map[string]any{
				"bucket": map[string]any{"name": []string{p.in[contract.KeyBucketName]}},
				"object": map[string]any{"key": []string{contract.SourceObject}},
			},
		},
		Targets: []events.Rule_Target{{Id: "pipeline", Arn: arn, RoleArn: new(role.Att("Arn"))}},
	})
	p.t.Output(contract.KeyEventRuleName, outputDescriptions[contract.KeyEventRuleName], rule.Ref())
}
