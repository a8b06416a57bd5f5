package awsdouble

import (
	"maps"
	"slices"
	"strings"
	"time"

	"slipway/internal/contract"
)

// Build is a build that was started.
type Build struct {
	ID, Project string
	Environment map[string]string // the project's variables with those of the request over them
	In          map[string]any    // the StartBuild request
}

// BuildResult is how a build ends.
type BuildResult struct {
	FailedPhase string            // as in "BUILD"; empty where it succeeds
	Message     string            // why it failed
	Exported    map[string]string // variables that the buildspec exports
	Log         []string
	Reports     []string // names of report groups in the buildspec
}

type build struct {
	Build
	number     int
	status     string
	phases     []phase
	exported   map[string]string
	reports    []string // ARNs
	start, end time.Time
	stopped    bool
}

type phase struct {
	name, status, message string
	start, end            time.Time
}

func (d *Double) codeBuildHandlers() map[string]handler {
	return map[string]handler{
		"StartBuild": d.startBuild, "BatchGetBuilds": d.batchGetBuilds, "StopBuild": d.stopBuild,
		"ListBuildsForProject": d.listBuildsForProject, "BatchGetProjects": d.batchGetProjects,
		"BatchGetReportGroups": d.batchGetReportGroups, "DeleteReportGroup": d.deleteReportGroup,
	}
}

// OnBuild sets what a build does, in place of the default: an image under the tag SLIPWAY_IDENTITY in the repository
// SLIPWAY_REPOSITORY_URI, named by the exported variable IMAGE_URI. The hook may use all of the double.
func (d *Double) OnBuild(hook func(Build) BuildResult) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.buildHook = hook
}

func (d *Double) imageBuild(b Build) BuildResult {
	uri := b.Environment[contract.VarRepositoryURI]
	digest := d.putImage(uri[strings.Index(uri, "/")+1:], b.Environment[contract.VarIdentity], "")
	if digest == "" {
		return BuildResult{FailedPhase: "BUILD", Message: "Error while executing command: ./scripts/stage.sh \"$STAGE\". Reason: exit status 1"}
	}
	return BuildResult{Exported: map[string]string{contract.VarImageURI: uri + "@" + digest}, Log: []string{"pushed " + digest}}
}

func (d *Double) project(name string) *thing {
	return d.thing("AWS::CodeBuild::Project", lastPart(name, "/"))
}

// BuildsAtOnce sets how many builds the account may run at a time; below zero, as at first: any number.
func (d *Double) BuildsAtOnce(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.buildsAtOnce = n
}

// idempotent is how long StartBuild gives the same build for the same token
// (docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html).
const idempotent = 5 * time.Minute

// mayStart finds the build that a request has started already, or says why none can be started
// (the words: github.com/awslabs/landing-zone-accelerator-on-aws/issues/249).
func (d *Double) mayStart(in object) (*build, error) {
	running := 0
	for _, b := range d.builds {
		if token := text(in, "idempotencyToken"); token != "" && token == text(b.In, "idempotencyToken") && d.now().Sub(b.start) < idempotent {
			return b, nil
		}
		if b.status == "IN_PROGRESS" {
			running++
		}
	}
	if d.buildsAtOnce >= 0 && running >= d.buildsAtOnce {
		return nil, fail("AccountLimitExceededException", "Cannot have more than %d builds in queue for the account", d.buildsAtOnce)
	}
	return nil, nil
}

func (d *Double) startBuild(in object) (object, error) {
	project := d.project(text(in, "projectName"))
	if project == nil {
		return nil, fail("ResourceNotFoundException", "Project cannot be found: %s", d.arn("codebuild", "project/"+text(in, "projectName")))
	}
	there, err := d.mayStart(in)
	if err != nil {
		return nil, err
	}
	if there != nil {
		return object{"build": d.buildAnswer(there)}, nil
	}
	if t := text(sub(project.Properties, "Artifacts"), "Type"); t == "CODEPIPELINE" && text(sub(in, "artifactsOverride"), "type") == "" {
		return nil, fail("InvalidInputException", "Build for project %s cannot be started: CODEPIPELINE artifacts need artifactsOverride", project.ID)
	}
	environment := map[string]string{}
	for _, v := range objects(sub(project.Properties, "Environment"), "EnvironmentVariables") {
		environment[text(v, "Name")] = text(v, "Value")
	}
	for _, v := range objects(in, "environmentVariablesOverride") {
		environment[text(v, "name")] = text(v, "value")
	}
	b := &build{
		Build:  Build{ID: project.ID + ":" + d.uuid(), Project: project.ID, Environment: environment, In: in},
		number: len(d.builds) + 1, status: "IN_PROGRESS", start: d.now(),
	}
	d.builds = append(d.builds, b)
	d.background(func() { d.runBuild(b) })
	return object{"build": d.buildAnswer(b)}, nil
}

// runBuild goes through the phases that every build has; the hook works in BUILD.
func (d *Double) runBuild(b *build) {
	result := BuildResult{}
	for _, name := range []string{"SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD", "UPLOAD_ARTIFACTS", "FINALIZING"} {
		b.phases = append(b.phases, phase{name: name, start: d.now()})
		d.step()
		if b.stopped {
			d.endBuild(b, "STOPPED", "")
			return
		}
		if name == "BUILD" {
			result = d.runHook(b)
			b.exported = result.Exported
			d.reported(b, result.Reports)
			d.buildLog(b, result.Log)
		}
		if result.FailedPhase == name {
			d.endBuild(b, "FAILED", result.Message)
			return
		}
		d.endPhase(b, "SUCCEEDED", "")
	}
	d.endBuild(b, "SUCCEEDED", "")
}

func (d *Double) runHook(b *build) BuildResult {
	if d.buildHook == nil {
		return d.imageBuild(b.Build)
	}
	hook := d.buildHook
	d.mu.Unlock()
	defer d.mu.Lock()
	return hook(b.Build)
}

const reportGroupType = "AWS::CodeBuild::ReportGroup"

// reported makes the report groups of a build that are not there yet, by the project's name
// (docs.aws.amazon.com/codebuild/latest/userguide/test-report-group-naming.html).
func (d *Double) reported(b *build, names []string) {
	project := d.project(b.Project)
	for _, name := range names {
		group := b.Project + "-" + name
		if arn := d.arn("codebuild", "report-group/"+group); project != nil && d.thing(reportGroupType, arn) == nil {
			d.things = append(d.things, &thing{Type: reportGroupType, ID: arn, Properties: object{}, Created: d.now(), stack: project.stack, Attributes: map[string]string{}})
		}
		b.reports = append(b.reports, d.arn("codebuild", "report/"+group+":"+d.uuid()))
	}
}

func (d *Double) batchGetReportGroups(in object) (object, error) {
	found, missing := list{}, list{}
	for _, arn := range texts(in, "reportGroupArns") {
		if d.thing(reportGroupType, arn) != nil {
			found = append(found, object{"arn": arn, "status": "ACTIVE"})
		} else {
			missing = append(missing, arn)
		}
	}
	return object{"reportGroups": found, "reportGroupsNotFound": missing}, nil
}

func (d *Double) deleteReportGroup(in object) (object, error) {
	if t := d.thing(reportGroupType, text(in, "arn")); t != nil {
		if !flag(in, "deleteReports") {
			return nil, fail("InvalidInputException", "Report group cannot be deleted because it contains reports")
		}
		t.Gone = true
	}
	return object{}, nil
}

func (d *Double) endPhase(b *build, status, message string) {
	last := &b.phases[len(b.phases)-1]
	last.status, last.message, last.end = status, message, d.now()
}

func (d *Double) endBuild(b *build, status, message string) {
	d.endPhase(b, status, message)
	completed := phase{name: "COMPLETED", start: d.now()}
	b.phases = append(b.phases, completed)
	b.status, b.end = status, d.now()
}

func (b *build) stream() string { return lastPart(b.ID, ":") }

func (d *Double) buildLogGroup(b *build) string {
	project := d.project(b.Project)
	if project != nil {
		if group := text(sub(sub(project.Properties, "LogsConfig"), "CloudWatchLogs"), "GroupName"); group != "" {
			return group
		}
	}
	return "/aws/codebuild/" + b.Project
}

func (d *Double) buildLog(b *build, lines []string) {
	d.putLog(d.buildLogGroup(b), b.stream(), lines)
}

func (d *Double) buildAnswer(b *build) object {
	phases := list{}
	for _, p := range b.phases {
		o := object{"phaseType": p.name, "phaseStatus": opt(p.status), "startTime": p.start, "endTime": optTime(p.end)}
		if p.message != "" {
			o["contexts"] = list{object{"statusCode": "COMMAND_EXECUTION_ERROR", "message": p.message}}
		}
		phases = append(phases, o)
	}
	exported := list{}
	for _, name := range slices.Sorted(maps.Keys(b.exported)) {
		exported = append(exported, object{"name": name, "value": b.exported[name]})
	}
	current := "SUBMITTED"
	if len(b.phases) > 0 {
		current = b.phases[len(b.phases)-1].name
	}
	return object{
		"id": b.ID, "arn": d.arn("codebuild", "build/"+b.ID), "buildNumber": b.number, "projectName": b.Project,
		"buildStatus": b.status, "buildComplete": b.status != "IN_PROGRESS", "currentPhase": current,
		"startTime": b.start, "endTime": optTime(b.end), "phases": phases, "exportedEnvironmentVariables": exported,
		"logs": object{"groupName": d.buildLogGroup(b), "streamName": b.stream()}, "reportArns": asList(b.reports),
	}
}

func (d *Double) findBuild(id string) *build {
	for _, b := range d.builds {
		if b.ID == id || strings.HasSuffix(id, ":build/"+b.ID) {
			return b
		}
	}
	return nil
}

func (d *Double) batchGetBuilds(in object) (object, error) {
	found, missing := list{}, list{}
	for _, id := range texts(in, "ids") {
		if b := d.findBuild(id); b != nil {
			found = append(found, d.buildAnswer(b))
		} else {
			missing = append(missing, id)
		}
	}
	return object{"builds": found, "buildsNotFound": missing}, nil
}

func (d *Double) stopBuild(in object) (object, error) {
	b := d.findBuild(text(in, "id"))
	if b == nil {
		return nil, fail("ResourceNotFoundException", "Build cannot be found: %s", text(in, "id"))
	}
	b.stopped = true
	return object{"build": d.buildAnswer(b)}, nil
}

func (d *Double) listBuildsForProject(in object) (object, error) {
	if d.project(text(in, "projectName")) == nil {
		return nil, fail("ResourceNotFoundException", "Project cannot be found: %s", text(in, "projectName"))
	}
	var ids []string
	for _, b := range slices.Backward(d.builds) {
		if b.Project == text(in, "projectName") {
			ids = append(ids, b.ID)
		}
	}
	ids, next := page(d, ids, text(in, "nextToken"), 0)
	return object{"ids": asList(ids), "nextToken": opt(next)}, nil
}

func (d *Double) batchGetProjects(in object) (object, error) {
	found, missing := list{}, list{}
	for _, name := range texts(in, "names") {
		t := d.project(name)
		if t == nil {
			missing = append(missing, name)
			continue
		}
		found = append(found, object{"name": t.ID, "arn": t.Attributes["Arn"], "created": t.Created, "tags": d.tagList(t, "key", "value")})
	}
	return object{"projects": found, "projectsNotFound": missing}, nil
}
