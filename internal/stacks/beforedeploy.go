package stacks

import (
	"fmt"

	"slipway/internal/cfn"
	"slipway/internal/config"
	"slipway/internal/contract"
)

// BeforeDeploy is the task that runs before the service gets a new image: the service's own in all but the command. It stands in
// a stack of its own, with an image of its own and roles of its own that have the service's rights, so that all of it can be
// changed before anything of the service is.
func BeforeDeploy(cfg config.Config, env config.Environment) *cfn.Template {
	cfg.Service.Command, cfg.Service.Exec = cfg.Service.BeforeDeploy.Command, false
	t := cfn.New(fmt.Sprintf("Task before a deployment of the environment %s.", env.Name))
	g := given{t}
	s := service{
		t: t, cfg: cfg, env: env, streamPrefix: contract.BeforeDeployStreamPrefix,
		image:         g.string(contract.KeyBeforeDeployImageURI, imageDescription),
		repositoryARN: g.string(contract.KeyRepositoryARN, repositoryDescription),
		boundary:      g.string(contract.KeyPermissionsBoundaryARN, boundaryDescription),
		logGroup:      g.string(contract.KeyLogGroupName, outputDescriptions[contract.KeyLogGroupName]),
	}
	s.logGroupARN = arns("logs", "log-group:${"+contract.KeyLogGroupName+"}:*")[0]
	if decrypts(cfg) {
		s.key = g.string(contract.KeyEncryptionKeyARN, keyDescription)
	}
	s.addTaskDefinition()
	t.Output(contract.KeyBeforeDeployTaskDefinitionARN, outputDescriptions[contract.KeyBeforeDeployTaskDefinitionARN], s.task.Ref())
	return t
}

// decrypts says whether the task needs the user's own key: its secrets may lie under it, and its log group is the service's.
func decrypts(cfg config.Config) bool {
	return cfg.Security.Key != "" && len(cfg.Service.AllSecrets()) > 0
}
