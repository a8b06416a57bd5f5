//go:build e2e

package e2e

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	cbtypes "github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/deployer"
	"slipway/internal/local"
	"slipway/internal/localtest"
)

// everyOption is a slipway.yaml with all that needs nothing from outside the stacks.
const everyOption = `name: rights

service:
  storage: 30
  environment: {COLOUR: blue}
  beforeDeploy: {command: [-version]}
  permissions:
    - actions: [s3:GetObject]
      resources: ["arn:${AWS::Partition}:s3:::somewhere/*"]

environments:
  - name: prod
    tasks:
      min: 2
      max: 4
      scaleOnRequests: 1000
      spot: 50
      schedule: [{at: "cron(0 7 ? * MON-FRI *)", timezone: Europe/Berlin, min: 3, max: 4}]
    network: {nat: one, flowLogs: true}
    entry: {accessLogs: true, waf: true, rateLimit: 1000, idleTimeout: 90}
    watch: {alarms: true, email: oncall@example.com, latency: 500, dashboard: true, insights: true}
`

// testRights has people who have nothing but the policies that ./scripts/deploy.sh --policy prints launch, update and destroy an
// application, on an engine that holds them to it. Builds act with their projects' roles.
func (s *system) testRights(t *testing.T) {
	r := newRights(t, s, everyOption, "Pipeline", contract.SourceObject)
	r.step(t, "who may only deploy cannot make the foundation", func(t *testing.T) {
		r.refused(t, r.run(t, r.as(t, "developer"), "deploy.sh", "--yes"))
	})
	r.need(t, "launch", func(t *testing.T) {
		r.deployed(t, "administrator")
		r.firstImage = r.image(t)
	})
	r.step(t, "new version, by who may only deploy", func(t *testing.T) {
		r.write(t, editionFile, edition("widened"))
		r.deployed(t, "developer")
		wantVersion(t, r.url, "widened-")
	})
	r.step(t, "the checks' role", r.testChecksRole)
	r.step(t, "the image build's role", r.testImageRole)
	r.step(t, "the deployment's role deploys", r.testDeployStage)
	r.step(t, "the deployment's role cannot widen what it may do", r.testDeployRole)
	if long() { // internal/launch holds the same against the roles' policies on the double
		r.step(t, "a load balancer that becomes internal is asked from inside", r.testInternal)
	}
	r.step(t, "who may not destroy cannot", func(t *testing.T) {
		r.refused(t, r.run(t, r.as(t, "administrator"), "destroy.sh", "--yes"))
	})
	r.step(t, "destroy", func(t *testing.T) {
		got := r.run(t, r.as(t, "remover"), "destroy.sh", "--yes")
		got.wantCode(t, 0)
		got.wantSaid(t, `gone: \d+ of \d+ resources`)
	})
	ended := s.run(t, s.env, "destroy.sh", "--local", "--yes")
	ended.wantCode(t, 0)
}

// rights is an installation on an engine that enforces rights.
type rights struct {
	*system
	engine *local.Engine
	people map[string]aws.Config

	pipeline   string // logical id
	source     string // of the builds, in the bucket
	firstImage string
}

// people and the policies that each has, of those that docs/permissions.md says they need.
var people = map[string][]string{
	"developer":     {deployer.Deploy},
	"administrator": {deployer.Deploy, deployer.Foundation},
	"remover":       deployer.Names,
}

// newRights starts it for a slipway.yaml, with the logical id of a pipeline of it and the source that this one watches.
func newRights(t *testing.T, s *system, slipway, pipeline, source string) *rights {
	t.Helper()
	r := &rights{system: s, people: map[string]aws.Config{}, pipeline: pipeline, source: source}
	r.write(t, config.File, slipway)
	r.generate(t)
	var err error
	if r.engine, err = local.Start(t.Context(), r.root, t.Output(), local.WithRuntime(local.RuntimeProcess), local.WithPipelines(local.PipelinesManual), local.WithEnforcement()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // of its builds' folder, which is in this process's temporary folder and not in the scripts'
		if err := local.Clean(context.Background(), r.root); err != nil {
			t.Error(err)
		}
	})
	r.enrol(t)
	return r
}

// enrol makes the people, each with the policies that are printed for slipway.yaml as it is now.
func (r *rights) enrol(t *testing.T) {
	t.Helper()
	printed := map[string]string{}
	for _, policy := range deployer.Names {
		got := r.run(t, r.env, "deploy.sh", "--policy", policy, "--region", r.engine.Region)
		got.wantCode(t, 0)
		printed[policy] = got.stdout
	}
	for name, policies := range people {
		var documents []string
		for _, policy := range policies {
			documents = append(documents, printed[policy])
		}
		r.people[name] = localtest.User(t, r.engine.AWSConfig(), name, documents...)
	}
}

// as is the environment of somebody whose AWS is the engine: it runs with --local for root alone.
func (r *rights) as(t *testing.T, person string) []string {
	t.Helper()
	key, err := r.people[person].Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r.environment("AWS_ACCESS_KEY_ID="+key.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+key.SecretAccessKey, "AWS_REGION="+r.engine.Region,
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_ENDPOINT_URL="+r.engine.Endpoint, contract.VarLocalEngine+"=1")
}

func (r *rights) deployed(t *testing.T, person string) {
	t.Helper()
	got := r.run(t, r.as(t, person), "deploy.sh", "--yes")
	got.wantCode(t, 0)
	r.url = strings.TrimSuffix(got.outputs(t)["ServiceURL"], "/")
}

func (r *rights) refused(t *testing.T, got outcome) {
	t.Helper()
	got.wantCode(t, 1)
	got.wantSaid(t, "not authorized to perform", "docs/permissions.md")
}

// testChecksRole: code of any commit runs there.
func (r *rights) testChecksRole(t *testing.T) {
	role := r.acting(t, r.id(t, contract.NestedPipeline, "ChecksProject"))
	r.denied(t, role)
	artifact := contract.ArtifactFolder(r.name(t), "prod") + "/report"
	if _, err := objects(role).PutObject(t.Context(), &s3.PutObjectInput{Bucket: new(r.id(t, "", "Bucket")), Key: &artifact, Body: strings.NewReader("r")}); err == nil {
		t.Error("it put an artifact among those that later actions read")
	}
}

// testImageRole: the launches have built with it already.
func (r *rights) testImageRole(t *testing.T) {
	r.denied(t, r.acting(t, r.id(t, "", "ImageProject")))
}

// testDeployRole has the role of the deployment, where code of any commit runs too, try to widen what it may do.
func (r *rights) testDeployRole(t *testing.T) {
	role := r.acting(t, r.id(t, contract.NestedPipeline, "DeployProject"))
	r.denied(t, role)
	stacks := cloudformation.NewFromConfig(role)
	for what, in := range map[string]cloudformation.CreateChangeSetInput{
		"with people's role":                          {StackName: new(r.name(t) + "-prod"), RoleARN: new(r.arn(t, "ExecutionRole"))},
		"with no role, which is the stack's last one": {StackName: new(r.name(t) + "-prod")},
		"of the foundation":                           {StackName: new(contract.FoundationStackName(r.name(t))), RoleARN: new(r.arn(t, "PipelineExecutionRole"))},
	} {
		in.ChangeSetName, in.UsePreviousTemplate = new(contract.ChangeSetByPipeline+"wider"), new(true)
		_, err := stacks.CreateChangeSet(t.Context(), &in)
		wantDenied(t, "a change set "+what, err)
	}
	_, err := stacks.ExecuteChangeSet(t.Context(), &cloudformation.ExecuteChangeSetInput{StackName: new(r.name(t) + "-prod"), ChangeSetName: new(contract.ChangeSetByPerson + "x")})
	wantDenied(t, "a person's change set", err)
}

// denied has a role try to change the pipeline, its projects, its roles, what it builds of, and the stacks around it.
func (r *rights) denied(t *testing.T, role aws.Config) {
	t.Helper()
	ctx := t.Context()
	own := lastPart(r.arn(t, "ImageRole"))
	projects, roles, stacks, pipeline := codebuild.NewFromConfig(role), iam.NewFromConfig(role), cloudformation.NewFromConfig(role), r.id(t, contract.NestedPipeline, r.pipeline)
	for what, try := range map[string]func() error{
		"change a build project": func() error {
			_, err := projects.UpdateProject(ctx, &codebuild.UpdateProjectInput{Name: new(r.id(t, "", "ImageProject")), ServiceRole: new(r.arn(t, "ExecutionRole"))})
			return err
		},
		"start a build of another": func() error {
			_, err := projects.StartBuild(ctx, &codebuild.StartBuildInput{ProjectName: new(r.id(t, "", "ImageProject"))})
			return err
		},
		"change the pipeline": func() error {
			_, err := codepipeline.NewFromConfig(role).DeletePipeline(ctx, &codepipeline.DeletePipelineInput{Name: &pipeline})
			return err
		},
		"give a role rights": func() error {
			_, err := roles.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &own, PolicyName: new("more"), PolicyDocument: new(`{"Version":"2012-10-17","Statement":[]}`)})
			return err
		},
		"let others use a role": func() error {
			_, err := roles.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &own, PolicyDocument: new(`{"Version":"2012-10-17","Statement":[]}`)})
			return err
		},
		"take a role's boundary": func() error {
			_, err := roles.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: &own})
			return err
		},
		"delete the environment": func() error {
			_, err := stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: new(r.name(t) + "-prod")})
			return err
		},
		"update the foundation": func() error {
			_, err := stacks.UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: new(contract.FoundationStackName(r.name(t))), UsePreviousTemplate: new(true)})
			return err
		},
		"put a source for the pipeline": func() error {
			_, err := objects(role).PutObject(ctx, &s3.PutObjectInput{Bucket: new(r.id(t, "", "Bucket")), Key: &r.source, Body: strings.NewReader("zip")})
			return err
		},
		"delete the images": func() error {
			_, err := ecr.NewFromConfig(role).DeleteRepository(ctx, &ecr.DeleteRepositoryInput{RepositoryName: new(r.id(t, "", "Repository"))})
			return err
		},
	} {
		wantDenied(t, what, try())
	}
}

func wantDenied(t *testing.T, what string, err error) {
	t.Helper()
	var said smithy.APIError
	if err == nil || !errors.As(err, &said) || !strings.Contains(said.ErrorMessage(), "is not authorized to perform") {
		t.Errorf("%s: want a refusal, got %v", what, err)
	}
}

// testDeployStage runs the pipeline's deployment to the environment as its build does, with the first image.
func (r *rights) testDeployStage(t *testing.T) {
	build := r.stage(t, r.id(t, contract.NestedPipeline, "DeployProject"), contract.StageDeploy, "prod", r.firstImage)
	if build.BuildStatus != cbtypes.StatusTypeSucceeded {
		t.Fatalf("the build is %s", build.BuildStatus)
	}
	body, _, err := get(t.Context(), client(true), r.url+"/")
	if err != nil || strings.HasPrefix(body, "v2-") {
		t.Errorf("the first image does not serve: %q, %v", body, err)
	}
}

// testInternal makes the load balancer internal, which the pipeline's role gets a right for: who may change roles deploys that. Then
// everybody has the task that asks run, shows its log, and needs no more rights for that than are written down.
func (r *rights) testInternal(t *testing.T) {
	const asked = `is internal: a task inside its VPC asks it\n  \| http://\S+ answers, from all 2 tasks\n`
	r.write(t, config.File, strings.Replace(everyOption, "entry: {", "entry: {internal: true, ", 1))
	r.generate(t)
	r.enrol(t)
	refused := r.run(t, r.as(t, "administrator"), "deploy.sh", "--yes")
	refused.wantCode(t, 1)
	again := []string{"--yes"}
	for _, risk := range regexp.MustCompile(`--allow (\S+)`).FindAllStringSubmatch(refused.stderr, -1) {
		again = append(again, "--allow", risk[1])
	}
	got := r.run(t, r.as(t, "administrator"), "deploy.sh", again...)
	got.wantCode(t, 0)
	got.wantSaid(t, asked)
	r.url = strings.TrimSuffix(got.outputs(t)["ServiceURL"], "/")
	r.firstImage = r.image(t)

	r.write(t, editionFile, edition("inside"))
	got = r.run(t, r.as(t, "developer"), "deploy.sh", "--yes")
	got.wantCode(t, 0)
	got.wantSaid(t, asked)
	wantVersion(t, r.url, "inside-")

	r.testDeployStage(t)
	build := r.stage(t, r.id(t, contract.NestedPipeline, "DeployProject"), contract.StageAcceptance, "prod", r.firstImage)
	if log := strings.Join(r.log(t, build), "\n"); build.BuildStatus != cbtypes.StatusTypeSucceeded || !regexp.MustCompile(asked).MatchString(log) {
		t.Errorf("the acceptance is %s:\n%s", build.BuildStatus, log)
	}
	r.testDeployRole(t)
}

// acting is a build's own configuration: that of a project's role.
func (r *rights) acting(t *testing.T, project string) aws.Config {
	t.Helper()
	build := r.build(t, project, codebuild.StartBuildInput{BuildspecOverride: new(
		"version: 0.2\nenv: {exported-variables: [AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN]}\nphases: {build: {commands: ['true']}}\n")})
	told := map[string]string{}
	for _, v := range build.ExportedEnvironmentVariables {
		told[*v.Name] = *v.Value
	}
	acting := r.engine.AWSConfig()
	acting.Credentials = credentials.NewStaticCredentialsProvider(told["AWS_ACCESS_KEY_ID"], told["AWS_SECRET_ACCESS_KEY"], told["AWS_SESSION_TOKEN"])
	who, err := sts.NewFromConfig(acting).GetCallerIdentity(t.Context(), nil)
	if err != nil || !strings.Contains(*who.Arn, ":assumed-role/") {
		t.Fatalf("the build of %s acts as %v: %v", project, who, err)
	}
	return acting
}

// stage runs a stage of the pipeline for an environment.
func (r *rights) stage(t *testing.T, project, stage, environment, image string) cbtypes.Build {
	t.Helper()
	return r.build(t, project, codebuild.StartBuildInput{EnvironmentVariablesOverride: []cbtypes.EnvironmentVariable{
		{Name: new(contract.VarStage), Value: &stage},
		{Name: new(contract.VarEnvironment), Value: &environment},
		{Name: new(contract.VarImageURI), Value: &image},
	}})
}

// build runs a build of the last deployed source, as CodePipeline would start it, to its end.
func (r *rights) build(t *testing.T, project string, in codebuild.StartBuildInput) cbtypes.Build {
	t.Helper()
	builds := codebuild.NewFromConfig(r.engine.AWSConfig())
	in.ProjectName, in.SourceTypeOverride, in.SourceLocationOverride = &project, cbtypes.SourceTypeS3, new(r.id(t, "", "Bucket")+"/"+r.source)
	in.ArtifactsOverride = &cbtypes.ProjectArtifacts{Type: cbtypes.ArtifactsTypeNoArtifacts}
	started, err := builds.StartBuild(t.Context(), &in)
	if err != nil {
		t.Fatal(err)
	}
	for {
		out, err := builds.BatchGetBuilds(t.Context(), &codebuild.BatchGetBuildsInput{Ids: []string{*started.Build.Id}})
		if err != nil {
			t.Fatal(err)
		}
		if build := out.Builds[0]; build.BuildComplete {
			if build.BuildStatus != cbtypes.StatusTypeSucceeded {
				r.showLog(t, build)
			}
			return build
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (r *rights) showLog(t *testing.T, build cbtypes.Build) {
	t.Helper()
	for _, line := range r.log(t, build) {
		t.Log(line)
	}
}

func (r *rights) log(t *testing.T, build cbtypes.Build) (lines []string) {
	t.Helper()
	if build.Logs == nil || build.Logs.GroupName == nil {
		return nil
	}
	out, err := cloudwatchlogs.NewFromConfig(r.engine.AWSConfig()).GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: build.Logs.GroupName, LogStreamName: build.Logs.StreamName})
	if err != nil {
		t.Log(err)
		return nil
	}
	for _, event := range out.Events {
		lines = append(lines, strings.TrimRight(*event.Message, "\n"))
	}
	return lines
}

// id is a resource's physical id, in the foundation or in a nested stack of the environment.
func (r *rights) id(t *testing.T, nested, resource string) string {
	t.Helper()
	stacks := cloudformation.NewFromConfig(r.engine.AWSConfig())
	stack := contract.FoundationStackName(r.name(t))
	find := func(stack, resource string) string {
		out, err := stacks.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{StackName: &stack, LogicalResourceId: &resource})
		if err != nil {
			t.Fatalf("%s of %s: %v", resource, stack, err)
		}
		return *out.StackResourceDetail.PhysicalResourceId
	}
	if nested != "" {
		stack = find(contract.EnvironmentStackName(r.name(t), "prod"), nested)
	}
	return find(stack, resource)
}

// arn is that of a role of the foundation.
func (r *rights) arn(t *testing.T, role string) string {
	t.Helper()
	out, err := iam.NewFromConfig(r.engine.AWSConfig()).GetRole(t.Context(), &iam.GetRoleInput{RoleName: new(r.id(t, "", role))})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Role.Arn
}

func lastPart(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

func objects(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

// image is what the environment runs.
func (r *rights) image(t *testing.T) string {
	t.Helper()
	out, err := cloudformation.NewFromConfig(r.engine.AWSConfig()).DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{
		StackName: new(contract.EnvironmentStackName(r.name(t), "prod"))})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range out.Stacks[0].Parameters {
		if *p.ParameterKey == contract.KeyImageURI {
			return *p.ParameterValue
		}
	}
	t.Fatal("the environment has no image")
	return ""
}

const branches = `name: branches

environments:
  - name: dev
    tasks: {min: 1}
  - name: prod
    network: {cidr: 10.1.0.0/16}

pipeline:
  branches:
    - {name: develop, environments: [dev]}
    - {name: main, environments: [prod]}
`

// testBranches has the pipelines of two branches deploy with their own roles: each to its own environment, and to no other.
func (s *system) testBranches(t *testing.T) {
	r := newRights(t, s, branches, "PipelineMain", contract.PipelineSource("main"))
	r.deployed(t, "administrator")
	image := r.image(t)
	r.write(t, editionFile, edition("later"))
	r.deployed(t, "administrator")
	for slug, own := range map[string]string{"Develop": "dev", "Main": "prod"} {
		project := r.id(t, contract.NestedPipeline, "DeployProject"+slug)
		for _, env := range []string{"dev", "prod"} {
			build := r.stage(t, project, contract.StageDeploy, env, image)
			log := strings.Join(r.log(t, build), "\n")
			switch {
			case env == own && build.BuildStatus != cbtypes.StatusTypeSucceeded:
				t.Errorf("%s does not deploy to %s", project, env)
			case env != own && (build.BuildStatus == cbtypes.StatusTypeSucceeded || !strings.Contains(log, "not authorized to perform")):
				t.Errorf("%s deploys to %s: %s\n%s", project, env, build.BuildStatus, log)
			}
		}
		r.denied(t, r.acting(t, project))
	}
	r.run(t, r.as(t, "remover"), "destroy.sh", "--yes").wantCode(t, 0)
	s.run(t, s.env, "destroy.sh", "--local", "--yes").wantCode(t, 0)
}
