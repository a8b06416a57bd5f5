package config

import "strings"

// What IAM takes, in characters without white space: of a managed policy, as a boundary is one, and of all inline policies of
// a role (docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const (
	maxManagedPolicy  = 6144
	maxInlinePolicies = 10240
)

// What stands in the policies beside a file's own secrets and permissions, at the longest name. A test with the templates holds
// that these are enough.
const (
	standingRights = 660 // to start a task
	execRights     = 290
	decryptRights  = 350 // with a key of the user's own
	statementFrame = 80  // the rest of a statement
	listItem       = len(`"",`)
	secretSuffix   = len("-??????") // behind the name of a secret of Secrets Manager
)

// longest puts the longest values in the place of pseudo parameters.
var longest = strings.NewReplacer("${AWS::Partition}", "aws-us-gov", "${AWS::Region}", "ap-southeast-1", "${AWS::AccountId}", "123456789012")

// ARN is where the secret lies for an environment, with pseudo parameters for partition, Region and account. That of a secret
// in Secrets Manager lacks the hyphen and the six characters behind the name, which only AWS knows.
func (s Secret) ARN(environment string) string {
	const ours = ":${AWS::Region}:${AWS::AccountId}:"
	place := s.In(environment)
	if s.Store == ParameterStore {
		return "arn:${AWS::Partition}:ssm" + ours + "parameter/" + strings.TrimPrefix(place, "/")
	}
	return "arn:${AWS::Partition}:secretsmanager" + ours + "secret:" + place
}

// AllSecrets are those of all containers.
func (s Service) AllSecrets() []Secret {
	secrets := append([]Secret(nil), s.Secrets...)
	for _, sidecar := range s.Sidecars {
		secrets = append(secrets, sidecar.Secrets...)
	}
	return secrets
}

// FitsBoundary says whether the rights that slipway.yaml names fit into one policy. Only with a boundary of the user's own they
// need not.
func (c Config) FitsBoundary() bool { return c.boundarySize() <= maxManagedPolicy }

func (c Config) boundarySize() int {
	return standingRights + c.Service.permissionsSize() + c.secretsSize(c.Environments...)
}

// rights refuses more secrets and permissions than fit into the policies that are made of them.
func (r *reader) rights(service object, cfg Config) {
	permissions := cfg.Service.permissionsSize()
	key := "permissions"
	if cfg.secretsSize(cfg.Environments...) > permissions {
		if key = "secrets"; len(cfg.Service.Secrets) == 0 {
			key = "sidecars"
		}
	}
	if cfg.Security.Boundary == "" {
		if size := cfg.boundarySize(); size > maxManagedPolicy {
			r.Add(service.ValueAt(key), "the secrets of all environments and the permissions make the boundary of the environments' roles %d characters long; IAM takes %d: %s",
				size, maxManagedPolicy, fewerRights)
		}
		return
	}
	most := permissions
	for _, env := range cfg.Environments {
		most = max(most, cfg.secretsSize(env))
	}
	if size := standingRights + most; size > maxInlinePolicies {
		r.Add(service.ValueAt(key), "the policy of a role is %d characters long; IAM takes %d: %s", size, maxInlinePolicies, fewerRights)
	}
}

const fewerRights = "put several values into one secret (secretsmanager:name#key), leave secrets out, or name fewer actions and resources in service.permissions"

// permissionsSize is how many characters the statements of the task role have.
func (s Service) permissionsSize() int {
	size := 0
	if s.Exec {
		size += execRights
	}
	for _, statement := range s.Statements {
		size += statementFrame
		for _, text := range append(append([]string(nil), statement.Actions...), statement.Resources...) {
			size += len(longest.Replace(text)) + listItem
		}
	}
	return size
}

// secretsSize is how many characters the statements have that let the secrets of these environments be read.
func (c Config) secretsSize(environments ...Environment) int {
	size, known := 0, map[string]bool{}
	for _, secret := range c.Service.AllSecrets() {
		for _, env := range environments {
			arn := secret.ARN(env.Name)
			if known[arn] {
				continue
			}
			known[arn] = true
			size += len(longest.Replace(arn)) + listItem
			if secret.Store == SecretsManager {
				size += secretSuffix
			}
		}
	}
	if len(known) == 0 {
		return 0
	}
	if c.Security.Key != "" {
		size += decryptRights
	}
	return size + 2*statementFrame
}
