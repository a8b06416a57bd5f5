package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/goccy/go-yaml/parser"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/plan"
	"slipway/internal/release"
	"slipway/internal/template"
)

// runsBefore says whether a task has to end well before this change of an environment: where the service gets another image, and
// as long as no release of it has ever stood.
func (l *Launcher) runsBefore(root stack, image string, earlier []release.Record) bool {
	if !l.Config.Service.BeforeDeploy.Runs() {
		return false
	}
	stands, _ := release.Current(earlier)
	return stands == nil || !hasRun(root) || root.parameters[contract.KeyImageURI] != image
}

// runBefore runs the task before a deployment. The plan of the whole change is shown and allowed first, once; then the task's own
// definition is all that changes, or, where nothing is up yet, the environment is made with its service at no task. It returns
// the root as it then is.
func (l *Launcher) runBefore(ctx context.Context, d *delivery, env config.Environment, root stack, r *request) (stack, error) {
	p, err := l.planAhead(ctx, *r, root, func(plan.Plan) bool { return true })
	if err == nil {
		l.tell(p)
		err = r.mayDo(root, p)
	}
	if err == nil {
		err = r.begin(ctx, p)
	}
	if err != nil {
		return root, err
	}
	r.begin, r.told = nil, true
	part, err := l.firstPart(ctx, d.f, env, root, *r)
	if err != nil {
		return root, err
	}
	l.Progress.Line("%s: preparing the task before the deployment", r.name)
	made, err := l.apply(ctx, part)
	if errors.Is(err, errNoChanges) {
		made, err = l.describe(ctx, r.name)
	}
	if err != nil {
		return made, err
	}
	if err := l.runTask(ctx, made); err != nil {
		return made, err
	}
	return made, l.raiseCount(ctx, env, made)
}

// firstPart is what of a change has to be there for the task to run.
func (l *Launcher) firstPart(ctx context.Context, f foundation, env config.Environment, root stack, r request) (request, error) {
	part := r
	part.part = true
	part.parameters = maps.Clone(r.parameters)
	if !hasRun(root) {
		text, err := l.withoutTasks(env)
		if err == nil {
			part.parameters[contract.KeyECSTemplateURL], err = l.uploadText(ctx, f.bucket, contract.EnvironmentTemplate(env.Name, contract.StackECS), text)
		}
		return part, err
	}
	alone, err := l.changesAlone(ctx, env, root)
	if err != nil {
		return part, err
	}
	if !alone {
		// The stack has no such task yet, or gives it something else: the rest comes first, with the image that runs.
		part.parameters[contract.KeyImageURI] = root.parameters[contract.KeyImageURI]
		return part, nil
	}
	part.url, part.template, part.previous = "", "", true
	part.parameters = maps.Clone(root.parameters)
	for _, key := range []string{contract.KeyBeforeDeployTemplateURL, contract.KeyBeforeDeployImageURI} {
		part.parameters[key] = r.parameters[key]
	}
	return part, nil
}

// changesAlone says whether the root, as it is, gives the task all that its template asks for.
func (l *Launcher) changesAlone(ctx context.Context, env config.Environment, root stack) (bool, error) {
	text, err := l.templateOf(ctx, root.id)
	if err != nil {
		return false, err
	}
	is, err := template.Parse([]byte(text))
	if err != nil {
		return false, fmt.Errorf("read the template of stack %s: %w", root.name, err)
	}
	wanted, err := l.rootTemplate(env)
	if err != nil {
		return false, err
	}
	_, has := is.Resources[contract.NestedBeforeDeploy]
	return has && reflect.DeepEqual(is.Resources[contract.NestedBeforeDeploy], wanted.Resources[contract.NestedBeforeDeploy]), nil
}

// withoutTasks is the service's template with the service at no task. The nonce is another one, so that the tasks come with a
// deployment, which ECS gives up where they fail.
func (l *Launcher) withoutTasks(env config.Environment) ([]byte, error) {
	t, err := l.template(contract.EnvironmentTemplate(env.Name, contract.StackECS))
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes([]byte(t.text), 0)
	if err != nil {
		return nil, fmt.Errorf("read the template %s: %w", t.path, err)
	}
	whole, err := template.Value(file.Docs[0].Body)
	if err != nil {
		return nil, fmt.Errorf("read the template %s: %w", t.path, err)
	}
	properties := whole
	for _, key := range []string{"Resources", contract.ServiceResource, "Properties"} {
		inner, _ := properties.(map[string]any)
		properties = inner[key]
	}
	service, ok := properties.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the template %s has no resource %s; run `go run ./gen`", t.path, contract.ServiceResource)
	}
	service["DesiredCount"] = 0
	service["ForceNewDeployment"] = map[string]any{"EnableForceNewDeployment": true, "ForceNewDeploymentNonce": "no task yet"}
	return json.Marshal(whole)
}

// The task before a deployment, as ECS is told who started it.
const startedBy = "slipway"

// runTask runs the task that the stack defines until it has ended, and returns an error unless it ended well. A task of a run
// that was cut off is followed and not run a second time; one of another release is waited for, since two at once may get in
// each other's way. Where this run is interrupted the task is stopped.
func (l *Launcher) runTask(ctx context.Context, root stack) error {
	t := l.taskBefore(root)
	living, err := t.living(ctx)
	if err != nil {
		return err
	}
	for _, task := range living {
		if aws.ToString(task.TaskDefinitionArn) == t.definition && aws.ToString(task.DesiredStatus) == string(ecstypes.DesiredStatusRunning) {
			l.Progress.Line("%s: the task %s of a run that was cut off still runs: following it", root.name, lastPart(aws.ToString(task.TaskArn)))
			return t.withLog().follow(ctx, task)
		}
		l.Progress.Line("%s: waiting for the task %s to end, which an earlier run has started", root.name, lastPart(aws.ToString(task.TaskArn)))
		if _, err := t.withLog().ended(ctx, task); err != nil {
			return err
		}
	}
	task, err := t.start(ctx)
	if err != nil {
		return err
	}
	return t.withLog().follow(ctx, task)
}

// taskBefore is the task before a deployment.
func (l *Launcher) taskBefore(root stack) oneTask {
	return oneTask{
		l: l, root: root, cluster: root.outputs[contract.KeyClusterName], definition: root.outputs[contract.KeyBeforeDeployTaskDefinitionARN],
		timeout: time.Duration(l.Config.Service.BeforeDeploy.Timeout) * time.Second,
		job: job{
			what: "task before the deployment", stream: contract.BeforeDeployStreamPrefix,
			begins: "running " + strings.Join(l.Config.Service.BeforeDeploy.Command, " ") + " before the deployment",
			after:  "the service is as it was", limit: "service.beforeDeploy.timeout allows", late: "TaskTimedOut",
			failed: "the task before the deployment to " + root.name + " %s; the service was not changed",
		},
	}
}
