package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"slipway/internal/yamlfile"
)

// EnvironmentPlaceholder in a secret's place stands for the environment's name.
const EnvironmentPlaceholder = "{environment}"

// Places of secrets. The names are those of docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
// and docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html.
const (
	parameterPattern = `^ssm:(/([A-Za-z0-9_.-]|\{environment\})+){1,15}$`
	secretPattern    = `^secretsmanager:([A-Za-z0-9/_+=.@-]|\{environment\})+(#[A-Za-z0-9_.-]+)?$`
	secretAllowed    = "ssm:/path/of/the/parameter or secretsmanager:name#key"

	maxParameter = 1011
	maxSecret    = 512
)

var (
	parameterRule = regexp.MustCompile(parameterPattern)
	secretNamed   = regexp.MustCompile(secretPattern)
	// arnSuffix is what Secrets Manager puts behind a name in the ARN.
	arnSuffix = regexp.MustCompile(`-[A-Za-z0-9]{6}$`)
)

// secrets reads a container's secret variables, in the order of the file.
func (r *reader) secrets(o object) []Secret {
	f, given := o.Field("secrets")
	if !given {
		return nil
	}
	plain, _ := o.Field("environment")
	var secrets []Secret
	for _, f := range r.Mapping(f.Value, o.Label("secrets")).Fields {
		if problem := variableProblem(f.Key); problem != "" {
			r.Add(f.At, "secret variable %q %s", f.Key, problem)
			continue
		}
		if at, both := keyIn(plain, f.Key); both {
			r.Add(f.At, "secret variable %s is also in %s, on line %d; keep one of them", f.Key, o.Label("environment"), at.Line)
			continue
		}
		text, ok := yamlfile.TextOf(f.Value)
		if !ok {
			r.Add(yamlfile.NodePosition(f.Value), "secret variable %s is %s; it must be %s", f.Key, yamlfile.Describe(f.Value), secretAllowed)
			continue
		}
		secret, problem := parseSecret(text)
		if problem != "" {
			r.Add(yamlfile.NodePosition(f.Value), "secret variable %s %s", f.Key, problem)
			continue
		}
		secret.Name = f.Key
		secrets = append(secrets, secret)
	}
	return secrets
}

// parseSecret reads the place of a secret, or says what is wrong with it.
func parseSecret(text string) (s Secret, problem string) {
	store, place, _ := strings.Cut(text, ":")
	switch {
	case strings.HasPrefix(text, "arn:"):
		return s, arnOfSecret(text)
	case parameterRule.MatchString(text):
		s = Secret{Store: ParameterStore, Path: place}
	case secretNamed.MatchString(text):
		s.Store = SecretsManager
		s.Path, s.Key, _ = strings.Cut(place, "#")
	case SecretStore(store) == ParameterStore && place != "" && !strings.HasPrefix(place, "/"):
		return s, fmt.Sprintf("is %q; a parameter begins with a slash: ssm:/%s", shorten(text), shorten(place))
	case strings.Contains(strings.ReplaceAll(place, EnvironmentPlaceholder, ""), "{"):
		return s, fmt.Sprintf("is %q; of placeholders there is only %s", shorten(text), EnvironmentPlaceholder)
	case !strings.HasPrefix(text, string(ParameterStore)+":") && !strings.HasPrefix(text, string(SecretsManager)+":"):
		// The text may be the secret itself: it is not repeated.
		return s, "is a text that names no store; it must be " + secretAllowed + ", never the value itself"
	default:
		return s, fmt.Sprintf("is %q; it must be %s, of letters, digits and a few signs", shorten(text), secretAllowed)
	}
	return s, s.problem()
}

// problem says what AWS would refuse about a place that is well written.
func (s Secret) problem() string {
	most := maxSecret
	if s.Store == ParameterStore {
		most = maxParameter
	}
	// No environment's name is longer than this one.
	longest := strings.ReplaceAll(s.Path, EnvironmentPlaceholder, strings.Repeat("e", maxEnvironmentName))
	first := strings.ToLower(strings.TrimPrefix(s.Path, "/"))
	switch {
	case len(longest) > most:
		return fmt.Sprintf("has a name of %d characters; allowed are at most %d", len(longest), most)
	case s.Store == ParameterStore && (strings.HasPrefix(first, "aws") || strings.HasPrefix(first, "ssm")):
		return fmt.Sprintf("is %q; parameters whose path begins with aws or ssm are AWS's own, which keep no secrets of yours", shorten(s.Path))
	case s.Store == SecretsManager && arnSuffix.MatchString(s.Path):
		return fmt.Sprintf("is %q, which ends like the ARN of a secret; write the name without the hyphen and the six characters that AWS puts behind it "+
			"(and do not end a secret's own name so: AWS advises against it)", shorten(s.Path))
	default:
		return ""
	}
}

// arnOfSecret says what to write instead of an ARN: account and Region are not in this file.
func arnOfSecret(arn string) string {
	parts := strings.SplitN(arn, ":", 7)
	instead := secretAllowed
	switch {
	case len(parts) >= 6 && parts[2] == "ssm":
		instead = "ssm:/" + strings.TrimPrefix(strings.TrimPrefix(parts[5], "parameter"), "/")
	case len(parts) == 7 && parts[2] == "secretsmanager":
		name, key, _ := strings.Cut(parts[6], ":")
		instead = "secretsmanager:" + arnSuffix.ReplaceAllString(name, "")
		if key, _, _ = strings.Cut(key, ":"); key != "" {
			instead += "#" + key
		}
	}
	return fmt.Sprintf("is an ARN, which holds an account and a Region; write %s", instead)
}

// keyIn finds a key in the mapping that a field holds.
func keyIn(f field, name string) (position, bool) {
	mapping, ok := f.Value.(*ast.MappingNode)
	if !ok {
		return position{}, false
	}
	i := slices.IndexFunc(mapping.Values, func(entry *ast.MappingValueNode) bool { return entry.Key.GetToken().Value == name })
	if i < 0 {
		return position{}, false
	}
	return yamlfile.TokenPosition(mapping.Values[i].Key.GetToken()), true
}
