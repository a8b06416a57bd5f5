package launch

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/template"
)

// templateFile is one file of the templates folder.
type templateFile struct {
	path, text string // the path from the repository's root
	template.Template
}

func (l *Launcher) template(path string) (templateFile, error) {
	t := templateFile{path: contract.TemplatesDir + "/" + path}
	text, err := fs.ReadFile(l.Templates, path)
	if err == nil {
		t.text = string(text)
		t.Template, err = template.Parse(text)
	}
	if err != nil {
		return t, fmt.Errorf("read the template %s: %w; run `go run ./gen`", t.path, err)
	}
	return t, nil
}

func (l *Launcher) rootTemplate(env config.Environment) (templateFile, error) {
	return l.template(contract.EnvironmentTemplate(env.Name, contract.StackRoot))
}

// fill takes for each parameter the value of that name: CloudFormation refuses one that is missing as well as one that
// the template does not declare. What slipway.yaml asks for must be declared.
func (t templateFile) fill(asked, known map[string]string) (map[string]string, error) {
	for _, key := range slices.Sorted(maps.Keys(asked)) {
		if _, declared := t.Parameters[key]; !declared {
			return nil, fmt.Errorf("slipway.yaml gives a value for the parameter %s, which the template %s does not declare; run `go run ./gen`", key, t.path)
		}
	}
	values := map[string]string{}
	var missing []string
	for _, key := range slices.Sorted(maps.Keys(t.Parameters)) {
		value := cmp.Or(asked[key], known[key])
		if value == "" {
			missing = append(missing, key)
		}
		values[key] = value
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("the template %s declares %s, for which neither slipway.yaml nor the foundation has a value; run `go run ./gen`",
			t.path, strings.Join(missing, ", "))
	}
	return values, nil
}

// parametersFit fills every template with stand-ins before anything is asked or created: a parameter without a value would show
// only after the foundation and the image are made.
func (l *Launcher) parametersFit() error {
	foundation, err := l.template(contract.FoundationTemplate)
	if err != nil {
		return err
	}
	if _, err := foundation.fill(l.Config.FoundationParameters(), nil); err != nil {
		return err
	}
	for _, env := range l.Config.Environments {
		root, err := l.rootTemplate(env)
		if err != nil {
			return err
		}
		known := map[string]string{contract.KeyImageURI: "an image", contract.KeyBeforeDeployImageURI: "an image", contract.KeyVisitorImageURI: "an image"}
		for key := range foundation.Outputs {
			known[key] = "an output"
		}
		for key := range l.children(env) {
			known[key] = "a URL"
		}
		if !env.Network.Exists() {
			for i := range env.Network.Zones {
				known[contract.KeyZone(i)] = "a zone"
			}
		}
		if _, err := root.fill(l.Config.RootParameters(env), known); err != nil {
			return err
		}
	}
	return nil
}

// children are the nested stacks' templates, by the root's parameter with their URL.
func (l *Launcher) children(env config.Environment) map[string]string {
	children := map[string]string{contract.KeyECSTemplateURL: contract.EnvironmentTemplate(env.Name, contract.StackECS)}
	if !env.Network.Exists() {
		children[contract.KeyNetworkTemplateURL] = contract.EnvironmentTemplate(env.Name, contract.StackNetwork)
	}
	if l.Config.Service.BeforeDeploy.Runs() {
		children[contract.KeyBeforeDeployTemplateURL] = contract.EnvironmentTemplate(env.Name, contract.StackBeforeDeploy)
	}
	if l.Config.IsPipelineHome(env) {
		children[contract.KeyPipelineTemplateURL] = contract.EnvironmentTemplate(env.Name, contract.StackPipeline)
	}
	return children
}
