// Package stacks says what is in each stack and how the stacks are wired: configuration in, templates out. It does no
// I/O. Numbers, booleans and the shape are decided here, from the configuration; strings that are known only when
// deploying are parameters of the root, passed down under the same key; what AWS makes is a child's output.
package stacks

import (
	"slipway/internal/cfn"
	"slipway/internal/config"
	"slipway/internal/contract"
)

// File is one template and where it belongs below the templates folder, with forward slashes.
type File struct {
	Path     string
	Template *cfn.Template
}

// All returns every template that the configuration asks for: the foundation, then each environment's.
func All(cfg config.Config) []File {
	files := []File{{contract.FoundationTemplate, Foundation(cfg)}}
	for _, env := range cfg.Environments {
		files = append(files, File{contract.EnvironmentTemplate(env.Name, contract.StackRoot), Root(cfg, env)})
		if !env.Network.Exists() {
			files = append(files, File{contract.EnvironmentTemplate(env.Name, contract.StackNetwork), Network(cfg, env)})
		}
		files = append(files, File{contract.EnvironmentTemplate(env.Name, contract.StackECS), ECS(cfg, env)})
		if cfg.Service.BeforeDeploy.Runs() {
			files = append(files, File{contract.EnvironmentTemplate(env.Name, contract.StackBeforeDeploy), BeforeDeploy(cfg, env)})
		}
		if cfg.IsPipelineHome(env) {
			files = append(files, File{contract.EnvironmentTemplate(env.Name, contract.StackPipeline), Pipeline(cfg)})
		}
	}
	return files
}

// given declares parameters of type String. Every value that crosses a stack boundary is one: a typed parameter
// cannot be checked while the sibling's output that fills it is still unknown, which breaks nested change sets.
type given struct{ t *cfn.Template }

func (g given) string(key, description string) string {
	return g.t.Parameter(cfn.Parameter{Name: key, Description: description, Type: "String"})
}
