package stacks

import (
	"cmp"
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
	var all []string
	for _, route := range cfg.Routes() {
		d := delivery{pipeline: &p, Route: route}
		d.addDeploy()
		d.addPipeline()
		if !cfg.Pipeline.Source.Connected() {
			d.addTrigger()
		}
		all = append(all, d.itself.Ref())
	}
	if cfg.PipelineHome().Watch.Notifies() {
		p.addFailureRule(given{t}.string(contract.KeyTopicARN, topicDescription), all)
	}
	return t
}

type pipeline struct {
	t   *cfn.Template
	cfg config.Config
	in  map[string]string
	key string // the user's own; empty where there is none

	checks, unit cfn.Handle
}

// delivery is one pipeline, of a branch or the only one. It shares the checks with the others, but deploys with rights of its own.
type delivery struct {
	*pipeline
	config.Route

	deploy, itself cfn.Handle
}

// id is a logical id of its own.
func (d delivery) id(id string) string { return contract.OfBranch(id, d.Slug) }

// saidOfBranch is how much of a branch's name a description has: that of a build project has 255 characters.
const saidOfBranch = 128

// said is a description that names the branch where there are several.
func (d delivery) said(description string) string {
	if d.Branch == "" {
		return description
	}
	return description + " Branch " + d.Branch[:min(len(d.Branch), saidOfBranch)] + "."
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

func (d *delivery) addDeploy() {
	group := d.t.Add(d.id("DeployLogGroup"), logGroup(d.key))
	role := d.role(d.id("DeployRole"), d.said("The deployment: change sets on this application's environments, with the pipeline's execution role only."),
		trustBuilds(), "deploy", append(d.artifactStatements(group), d.deployStatements()...)...)
	d.deploy = d.project(d.id("DeployProject"), d.said("Runs the launcher on one environment."), role, group, deployMinutes)
}

// artifactStatements let the plans of its own environments be written, and every artifact be read. All pipelines keep theirs in
// one folder, and a branch must not put a plan or a source of its own in the place of another's. An artifact's folder is its name,
// of which CodePipeline keeps ten characters.
func (d *delivery) artifactStatements(group cfn.Handle) []cfn.Statement {
	if !d.narrow() {
		return d.buildStatements(group, append(writeObjectActions, readObjectActions...)...)
	}
	var plans []string
	for _, env := range d.Environments {
		plans = append(plans, d.artifactFolder()+"*/"+contract.PlanFolder(env.Name)+"/")
	}
	return append(d.buildStatements(group, readObjectActions...), cfn.Statement{Sid: "Plans", Effect: cfn.Allow, Action: writeObjectActions, Resource: d.objects(plans...)})
}

// deployStatements let the launcher make change sets that act with the pipeline's execution role, execute those that
// bear the pipeline's prefix, and see what comes of it. An omitted role would mean the stack's earlier one, so the
// condition names the role. A branch's pipeline sees every environment, and changes its own.
func (d *delivery) deployStatements() []cfn.Statement {
	var stacks, roots []string
	for _, env := range d.cfg.Environments {
		root := contract.EnvironmentStackName(d.cfg.Name, env.Name)
		stacks = append(stacks, arns("cloudformation", "stack/"+root+"/*", "stack/"+root+"-*")...)
	}
	for _, env := range d.Environments {
		roots = append(roots, arns("cloudformation", "stack/"+contract.EnvironmentStackName(d.cfg.Name, env.Name)+"/*")...)
	}
	foundation := arns("cloudformation", "stack/"+contract.FoundationStackName(d.cfg.Name)+"/*")
	all := d.cfg.Name + "-*"
	return slices.Concat([]cfn.Statement{
		{Sid: "MakeChangeSets", Effect: cfn.Allow, Action: []string{"cloudformation:ContinueUpdateRollback", "cloudformation:CreateChangeSet", "cloudformation:RollbackStack"}, Resource: roots,
			Condition: cfn.Condition{"StringEquals": {"cloudformation:RoleArn": d.in[contract.KeyPipelineExecutionRoleARN]}}},
		{Sid: "UseItsChangeSets", Effect: cfn.Allow, Action: []string{"cloudformation:DeleteChangeSet", "cloudformation:ExecuteChangeSet"}, Resource: roots,
			Condition: cfn.Condition{"StringLike": {"cloudformation:ChangeSetName": contract.ChangeSetByPipeline + "*"}}},
		{Sid: "TagStacks", Effect: cfn.Allow, Action: []string{"cloudformation:TagResource"}, Resource: roots},
		{Sid: "SeeStacks", Effect: cfn.Allow, Action: seeStackActions, Resource: append(stacks, foundation...)},
		{Sid: "PassExecutionRole", Effect: cfn.Allow, Action: []string{"iam:PassRole"}, Resource: []string{d.in[contract.KeyPipelineExecutionRoleARN]},
			Condition: cfn.Condition{"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}},
	}, d.keepStatements(), []cfn.Statement{
		{Sid: "ListBucket", Effect: cfn.Allow, Action: []string{"s3:ListBucket"}, Resource: d.bucketARN()}, // without it a missing key looks forbidden
		{Sid: "KeepImage", Effect: cfn.Allow, Action: []string{"ecr:BatchGetImage", "ecr:DescribeImages", "ecr:PutImage"}, // tag it as a release's
			Resource: []string{d.in[contract.KeyRepositoryARN]}},
		{Sid: "FollowService", Effect: cfn.Allow, Action: followServiceActions, Resource: arns("ecs", each("service/", d.prefixes())...)},
		{Sid: "SeeTasks", Effect: cfn.Allow, Action: seeTasks(d.cfg, d.prefixes()), Resource: arns("ecs", "container-instance/"+all, "task/"+all)},
		{Sid: "ReadTaskLogs", Effect: cfn.Allow, Action: []string{"logs:GetLogEvents"}, Resource: arns("logs", "log-group:"+all)},
		{Sid: "Describe", Effect: cfn.Allow, Action: describeActions, Resource: []string{"*"}},
	}, runStatements(d.cfg, d.prefixes()))
}

// keepStatements let releases be recorded, those of its own environments alone.
func (d *delivery) keepStatements() []cfn.Statement {
	both := []string{"s3:GetObject", "s3:PutObject"}
	if !d.narrow() {
		return []cfn.Statement{{Sid: "KeepState", Effect: cfn.Allow, Action: both, Resource: d.objects(contract.TemplatesPrefix, contract.ReleasesPrefix, contract.LeaseObject)}}
	}
	var releases []string
	for _, env := range d.Environments {
		releases = append(releases, contract.ReleasesPrefix+env.Name+"/")
	}
	return []cfn.Statement{
		{Sid: "KeepState", Effect: cfn.Allow, Action: both, Resource: d.objects(append(releases, contract.TemplatesPrefix, contract.LeaseObject)...)},
		{Sid: "SeeReleases", Effect: cfn.Allow, Action: []string{"s3:GetObject"}, Resource: d.objects(contract.ReleasesPrefix)},
	}
}

// narrow says whether the role is held to the branch's environments in all that it writes, and not in their stacks alone: an
// inline policy has 10,240 characters, in which no more environments fit where names are long.
func (d *delivery) narrow() bool { return d.Branch != "" && len(d.Environments) <= maxNarrow }

const maxNarrow = 3

// prefixes begin the names of what it deploys to: of the whole application, or of the branch's environments.
func (d *delivery) prefixes() []string {
	if !d.narrow() {
		return []string{d.cfg.Name + "-*"}
	}
	var list []string
	for _, env := range d.Environments {
		list = append(list, contract.EnvironmentStackName(d.cfg.Name, env.Name)+"-*")
	}
	return list
}

func each(before string, list []string) []string {
	var all []string
	for _, one := range list {
		all = append(all, before+one)
	}
	return all
}

func (d *delivery) addPipeline() {
	projects := []string{d.checks.Att("Arn"), d.unit.Att("Arn"), d.deploy.Att("Arn"),
		cfn.Sub("arn:${AWS::Partition}:codebuild:${AWS::Region}:${AWS::AccountId}:project/${" + contract.KeyImageProjectName + "}")}
	role := d.role(d.id("PipelineRole"), d.said("The pipeline: read the source, keep artifacts, run the build projects."),
		trustSameAccount("codepipeline.amazonaws.com"), "run-pipeline", append(useKey(d.key),
			cfn.Statement{Sid: "FindBucket", Effect: cfn.Allow, Action: append([]string{"s3:GetBucketAcl"}, readBucketActions...), Resource: d.bucketARN()},
			d.readSource(),
			cfn.Statement{Sid: "Artifacts", Effect: cfn.Allow, Action: append([]string{"s3:PutObjectTagging"}, append(writeObjectActions, readObjectActions...)...), Resource: d.objects(d.artifactFolder())},
			cfn.Statement{Sid: "RunBuilds", Effect: cfn.Allow, Action: buildActions, Resource: projects},
		)...)
	d.itself = d.t.Add(d.id("Pipeline"), &codepipeline.Pipeline{
		Name:          new(d.pipelineName()), // artifacts are kept under it, and roles name that folder
		PipelineType:  new("V2"),
		ExecutionMode: new(strings.ToUpper(string(d.cfg.Pipeline.Mode))),
		RoleArn:       role.Att("Arn"),
		ArtifactStore: d.artifactStore(),
		Stages:        d.stages(),
		Triggers:      d.triggers(),
	})
	d.t.Output(d.id(contract.KeyPipelineName), d.said(outputDescriptions[contract.KeyPipelineName]), d.itself.Ref())
}

// readSource lets the pipeline have its source: of a git host by the connection, which is all that AWS asks for where the
// source action makes a zip (docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html).
func (d *delivery) readSource() cfn.Statement {
	if d.cfg.Pipeline.Source.Connected() {
		return cfn.Statement{Sid: "ReadSource", Effect: cfn.Allow, Action: []string{d.cfg.Pipeline.Source.ConnectionService() + ":UseConnection"},
			Resource: []string{d.in[contract.KeyConnectionARN]}}
	}
	return cfn.Statement{Sid: "ReadSource", Effect: cfn.Allow, Action: append([]string{"s3:GetObjectTagging", "s3:GetObjectVersionTagging"}, readObjectActions...),
		Resource: []string{cfn.Sub("arn:${AWS::Partition}:s3:::${" + contract.KeyBucketName + "}/" + d.Source())}}
}

// pipelineName begins with the stack's, as long as it has to for rights and artifacts.
func (d *delivery) pipelineName() string {
	if d.Slug == "" {
		return cfn.StackName
	}
	return cfn.Sub("${AWS::StackName}-" + d.Slug)
}

func (p *pipeline) artifactStore() *codepipeline.Pipeline_ArtifactStore {
	store := &codepipeline.Pipeline_ArtifactStore{Type: "S3", Location: p.in[contract.KeyBucketName]}
	if p.key != "" {
		store.EncryptionKey = &codepipeline.Pipeline_EncryptionKey{Id: p.key, Type: "KMS"}
	}
	return store
}

func (d *delivery) stages() []codepipeline.Pipeline_StageDeclaration {
	stages := []codepipeline.Pipeline_StageDeclaration{
		{Name: sourceName, Actions: []codepipeline.Pipeline_ActionDeclaration{d.sourceAction()}},
		{Name: "Checks", Actions: d.checkActions()},
		{Name: "Image", Actions: []codepipeline.Pipeline_ActionDeclaration{d.imageAction()}},
	}
	for _, env := range d.Environments {
		stages = append(stages, codepipeline.Pipeline_StageDeclaration{Name: contract.DeployStage(env.Name), Actions: d.deployActions(env)})
	}
	return stages
}

// checkActions run one after the other unless slipway.yaml says otherwise: a new account may run one build at a time
// (docs.aws.amazon.com/codebuild/latest/userguide/limits.html).
func (d *delivery) checkActions() []codepipeline.Pipeline_ActionDeclaration {
	var actions []codepipeline.Pipeline_ActionDeclaration
	order := 1
	for _, check := range []struct {
		name, stage string
		project     cfn.Handle
	}{
		{"Lint", contract.StageLint, d.checks}, {"Unit", contract.StageUnit, d.unit},
		{"Templates", contract.StageTemplates, d.checks}, {"Security", contract.StageSecurity, d.checks},
	} {
		actions = append(actions, d.build(check.name, check.project.Ref(), order, contract.VarStage, check.stage))
		if d.cfg.Pipeline.Checks == config.ChecksSequential {
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
func (d *delivery) deployActions(env config.Environment) []codepipeline.Pipeline_ActionDeclaration {
	release := []string{
		contract.VarEnvironment, env.Name, contract.VarImageURI, releasedImage, contract.VarTemplateSet, releasedTemplates,
		contract.VarExecution, "#{codepipeline.PipelineExecutionId}",
	}
	run := func(name, stage string) codepipeline.Pipeline_ActionDeclaration {
		return d.build(name, d.deploy.Ref(), 0, append([]string{contract.VarStage, stage}, release...)...)
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

func (d *delivery) sourceAction() codepipeline.Pipeline_ActionDeclaration {
	provider, configuration := "S3", map[string]any{
		"S3Bucket":             d.in[contract.KeyBucketName],
		"S3ObjectKey":          d.Source(),
		"PollForSourceChanges": "false", // the event rule starts it; left out, it would run twice
	}
	if git := d.cfg.Pipeline.Source; git.Connected() {
		provider, configuration = gitConnection, map[string]any{
			"ConnectionArn":        d.in[contract.KeyConnectionARN],
			"FullRepositoryId":     git.Repository,
			"BranchName":           d.gitBranch(),
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

func (d *delivery) imageAction() codepipeline.Pipeline_ActionDeclaration {
	a := d.build("Image", d.in[contract.KeyImageProjectName], 1, contract.VarStage, contract.StageImage)
	a.Namespace = new(imageNamespace)
	return a
}

// build is an action that runs a project on the source, with variables given as name, value, name, value.
func (d *delivery) build(name, project string, order int, variables ...string) codepipeline.Pipeline_ActionDeclaration {
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
func (d *delivery) triggers() []codepipeline.Pipeline_PipelineTriggerDeclaration {
	git := d.cfg.Pipeline.Source
	if !git.Connected() {
		return nil
	}
	push := codepipeline.Pipeline_GitPushFilter{Branches: &codepipeline.Pipeline_GitBranchFilterCriteria{Includes: []string{d.gitBranch()}}}
	if len(git.Paths) > 0 {
		push.FilePaths = &codepipeline.Pipeline_GitFilePathFilterCriteria{Includes: git.Paths}
	}
	return []codepipeline.Pipeline_PipelineTriggerDeclaration{{
		ProviderType:     gitConnection,
		GitConfiguration: &codepipeline.Pipeline_GitConfiguration{SourceActionName: sourceName, Push: []codepipeline.Pipeline_GitPushFilter{push}},
	}}
}

// gitBranch is that of the git host that the pipeline takes.
func (d *delivery) gitBranch() string { return cmp.Or(d.Branch, d.cfg.Pipeline.Source.Branch) }

// addTrigger starts the pipeline when its source is uploaded, and at nothing else in the bucket.
func (d *delivery) addTrigger() {
	arn := cfn.Sub("arn:${AWS::Partition}:codepipeline:${AWS::Region}:${AWS::AccountId}:${" + d.itself.ID() + "}")
	role := d.role(d.id("TriggerRole"), d.said("The event rule: start this one pipeline."), trustRules(d.cfg.Name+"-*"), "start-pipeline",
		cfn.Statement{Sid: "StartPipeline", Effect: cfn.Allow, Action: []string{"codepipeline:StartPipelineExecution"}, Resource: []string{arn}})
	rule := d.t.Add(d.id("SourceRule"), &events.Rule{
		Name:        new(ruleName(d.cfg.Name, d.cfg.Pipeline.Environment, sourceRuleOf(d.Slug))),
		Description: new("Starts the pipeline when " + d.Source() + " is uploaded."),
		State:       new("ENABLED"),
		EventPattern: map[string]any{
			"source":      []string{"aws.s3"},
			"detail-type": []string{"Object Created"},
			"detail": map[string]any{
				"bucket": map[string]any{"name": []string{d.in[contract.KeyBucketName]}},
				"object": map[string]any{"key": []string{d.Source()}},
			},
		},
		Targets: []events.Rule_Target{{Id: "pipeline", Arn: arn, RoleArn: new(role.Att("Arn"))}},
	})
	d.t.Output(d.id(contract.KeyEventRuleName), d.said(outputDescriptions[contract.KeyEventRuleName]), rule.Ref())
}
