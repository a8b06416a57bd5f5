package launch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"slipway/internal/contract"
	"slipway/internal/template"
)

// foundation is what the foundation's stack tells the rest.
type foundation struct {
	bucket, repository, repositoryURI string
	imageProject, imageLogGroup       string
	outputs                           map[string]string
}

// raiseFoundation creates the foundation, or updates it where its template differs.
func (l *Launcher) raiseFoundation(ctx context.Context, o DeployOptions) (foundation, error) {
	t, parameters, s, err := l.foundationStack(ctx)
	if err != nil {
		return foundation{}, err
	}
	same, err := l.holds(ctx, s, t.text, parameters)
	if err != nil {
		return foundation{}, err
	}
	if same {
		return toFoundation(s)
	}
	r := l.foundationRequest(t, parameters, o)
	l.Progress.Line("%s: bucket, image registry, image build, roles", r.name)
	s, err = l.apply(ctx, r)
	if errors.Is(err, errNoChanges) {
		err = nil
	}
	if err != nil {
		return foundation{}, err
	}
	return toFoundation(s)
}

func (l *Launcher) foundationRequest(t templateFile, parameters map[string]string, o DeployOptions) request {
	return request{
		name: contract.FoundationStackName(l.Config.Name), environment: contract.StackFoundation, template: t.text, parameters: parameters,
		tags: tagsOf(l.Config.Name, "", contract.StackFoundation), by: contract.ChangeSetByPerson, gate: o.gate,
	}
}

// foundationStack is what the foundation's stack should hold, and the stack as it is.
func (l *Launcher) foundationStack(ctx context.Context) (templateFile, map[string]string, stack, error) {
	t, err := l.template(contract.FoundationTemplate)
	if err != nil {
		return t, nil, stack{}, err
	}
	parameters, err := t.fill(l.Config.FoundationParameters(), nil)
	if err != nil {
		return t, nil, stack{}, err
	}
	s, err := l.describe(ctx, contract.FoundationStackName(l.Config.Name))
	if err == nil {
		s, err = l.settle(ctx, s) // one that is being deleted still tells of its bucket
	}
	if err == nil {
		err = notNewer(s)
	}
	return t, parameters, s, err
}

// notNewer refuses a foundation that a newer slipway made: this one would take back what that one has changed. An older one is
// brought up to date.
func notNewer(s stack) error {
	version, err := strconv.Atoi(cmp.Or(s.outputs[contract.KeyVersion], "0"))
	if err != nil || version > contract.Version {
		return fmt.Errorf("stack %s was made by a newer slipway (foundation version %s, and this one knows %d): bring this clone up to date (git pull), or work with the clone that made it",
			s.name, s.outputs[contract.KeyVersion], contract.Version)
	}
	return nil
}

// foundationThere reads the foundation and refuses where it is not what the templates say: who may not change it still
// must not work with another one.
func (l *Launcher) foundationThere(ctx context.Context) (foundation, error) {
	t, parameters, s, err := l.foundationStack(ctx)
	if err != nil {
		return foundation{}, err
	}
	same, err := l.holds(ctx, s, t.text, parameters)
	if err != nil {
		return foundation{}, err
	}
	if !same {
		return foundation{}, l.definitionChanged()
	}
	return toFoundation(s)
}

// definitionChanged stops a pipeline's deploy that would have to change what holds the pipeline in check.
func (l *Launcher) definitionChanged() error {
	return fmt.Errorf("the pipeline's definition changed: run ./scripts/deploy.sh --environment %s --image keep", l.Config.Pipeline.Environment)
}

// pipelineStays returns an error where a root would change the pipeline that is nested in it: its template, what it is given, or
// whether it is there at all.
func (l *Launcher) pipelineStays(ctx context.Context, root stack, t templateFile, parameters map[string]string) error {
	if !hasRun(root) {
		return nil
	}
	text, err := l.templateOf(ctx, root.id)
	if err != nil {
		return err
	}
	live, err := template.Parse([]byte(text))
	if err != nil {
		return fmt.Errorf("read the template of stack %s: %w", root.name, err)
	}
	was, is := live.Resources[contract.NestedPipeline].Properties, t.Resources[contract.NestedPipeline].Properties
	if !reflect.DeepEqual(was, is) {
		return l.definitionChanged()
	}
	for key := range parameters {
		if refers(is, key) && parameters[key] != root.parameters[key] {
			return l.definitionChanged()
		}
	}
	return nil
}

// refers says whether a parameter's value stands somewhere in a value of a template.
func refers(v any, parameter string) bool {
	switch v := v.(type) {
	case map[string]any:
		if v["Ref"] == parameter {
			return true
		}
		for _, item := range v {
			if refers(item, parameter) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(item any) bool { return refers(item, parameter) })
	}
	return false
}

// holds says whether a stack is in good order and already holds this template and these parameters. CloudFormation
// would find that out as well, but only after minutes of change sets, and for nested stacks not reliably.
func (l *Launcher) holds(ctx context.Context, s stack, template string, parameters map[string]string) (bool, error) {
	if todo, _ := next(s.status); todo != update {
		return false, nil
	}
	for key, value := range parameters {
		if s.parameters[key] != value {
			return false, nil
		}
	}
	if len(s.parameters) != len(parameters) {
		return false, nil
	}
	text, err := l.templateOf(ctx, s.id)
	return text == template, err
}

func toFoundation(s stack) (foundation, error) {
	for _, key := range []string{contract.KeyBucketName, contract.KeyRepositoryName, contract.KeyRepositoryURI, contract.KeyImageProjectName} {
		if s.outputs[key] == "" {
			return foundation{}, fmt.Errorf("stack %s has no output %s: it was made by another version of slipway; run ./scripts/deploy.sh", s.name, key)
		}
	}
	return readFoundation(s), nil
}

// readFoundation takes what there is; nothing of a stack that does not exist.
func readFoundation(s stack) foundation {
	return foundation{
		bucket: s.outputs[contract.KeyBucketName], repository: s.outputs[contract.KeyRepositoryName],
		repositoryURI: s.outputs[contract.KeyRepositoryURI], imageProject: s.outputs[contract.KeyImageProjectName],
		imageLogGroup: s.outputs[contract.KeyImageLogGroupName], outputs: s.outputs,
	}
}
