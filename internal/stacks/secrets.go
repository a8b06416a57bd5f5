package stacks

import (
	"slices"

	"github.com/awslabs/goformation/v7/cloudformation/ecs"

	"slipway/internal/cfn"
	"slipway/internal/config"
)

// secrets are a container's, which ECS reads when a task starts.
func (s *service) secrets(list []config.Secret) []ecs.TaskDefinition_Secret {
	var secrets []ecs.TaskDefinition_Secret
	for _, secret := range list {
		secrets = append(secrets, ecs.TaskDefinition_Secret{Name: secret.Name, ValueFrom: valueFrom(secret, s.env.Name)})
	}
	return secrets
}

// valueFrom is where ECS finds a secret: a parameter's ARN, or that of a secret in Secrets Manager, followed by the key of a
// JSON value and two colons, for the current version
// (docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html). Behind the name of a secret its
// ARN has a hyphen and six random characters, which are known only where it exists. Without them Secrets Manager finds it as
// well, unless the name itself ends in a hyphen and six characters
// (docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen).
func valueFrom(secret config.Secret, environment string) string {
	arn := secret.ARN(environment)
	if secret.Key != "" {
		arn += ":" + secret.Key + "::"
	}
	return cfn.Sub(arn)
}

// hasSecrets says whether a container of the task has secrets of this store.
func hasSecrets(s config.Service, store config.SecretStore) bool {
	return slices.ContainsFunc(s.AllSecrets(), func(secret config.Secret) bool { return secret.Store == store })
}

// secretStores are what may be read of each store, and through which service its values are decrypted
// (docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html, kms:ViaService).
var secretStores = []struct {
	store               config.SecretStore
	sid, action, suffix string
}{
	{config.ParameterStore, "ReadParameters", "ssm:GetParameters", ""},
	// Six characters and no more: a "*" would be the secrets whose names go on, too.
	{config.SecretsManager, "ReadSecrets", "secretsmanager:GetSecretValue", "-??????"},
}

// secretStatements let a task's secrets be read in these environments, and no others. Key is a KMS key's ARN, empty where
// AWS's own encrypts them.
func secretStatements(service config.Service, environments []config.Environment, key string) []cfn.Statement {
	var statements []cfn.Statement
	var via []string
	for _, kind := range secretStores {
		var resources []string
		for _, secret := range service.AllSecrets() {
			for _, env := range environments {
				resource := cfn.Sub(secret.ARN(env.Name) + kind.suffix)
				if secret.Store == kind.store && !slices.Contains(resources, resource) {
					resources = append(resources, resource)
				}
			}
		}
		if len(resources) > 0 {
			statements = append(statements, cfn.Statement{Sid: kind.sid, Effect: cfn.Allow, Action: []string{kind.action}, Resource: resources})
			via = append(via, string(kind.store))
		}
	}
	return append(statements, decryptThrough("DecryptSecrets", key, via...)...)
}
