package preflight

import (
	"context"
	"slices"

	"slipway/internal/config"
)

// places are the paths or names in one of the stores, each once.
func places(s config.Service, store config.SecretStore, environment string) []string {
	all := slices.Clone(s.Secrets)
	for _, sidecar := range s.Sidecars {
		all = append(all, sidecar.Secrets...)
	}
	var names []string
	for _, secret := range all {
		if name := secret.In(environment); secret.Store == store && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// filterValues is how many values one filter may have
// (docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html).
const filterValues = 50

func (c *checker) parameters(ctx context.Context, s config.Service, environment string) error {
	for names := range slices.Chunk(places(s, config.ParameterStore, environment), filterValues) {
		there, err := c.parametersThere(ctx, names)
		if err != nil {
			return err
		}
		for _, name := range names {
			if !slices.Contains(there, name) {
				c.refuse("the parameter "+name, "is not in Parameter Store of account "+c.in.Account+", Region "+c.in.Region,
					"put it there: aws ssm put-parameter --type SecureString --name "+name+" --value ...")
			}
		}
	}
	return nil
}

func (c *checker) parametersThere(ctx context.Context, names []string) ([]string, error) {
	type filter struct {
		Key, Option string
		Values      []string
	}
	asked := struct {
		ParameterFilters []filter
		NextToken        string `json:",omitempty"`
	}{ParameterFilters: []filter{{"Name", "Equals", names}}}
	var there []string
	for {
		var answer struct {
			Parameters []struct{ Name string }
			NextToken  string
		}
		if err := c.params.Call(ctx, "DescribeParameters", asked, &answer); err != nil {
			return nil, err
		}
		for _, p := range answer.Parameters {
			there = append(there, p.Name)
		}
		if asked.NextToken = answer.NextToken; asked.NextToken == "" {
			return there, nil
		}
	}
}

func (c *checker) secretsThere(ctx context.Context, s config.Service, environment string) error {
	for _, name := range places(s, config.SecretsManager, environment) {
		what := "the secret " + name
		var answer struct{ DeletedDate float64 }
		err := c.secrets.Call(ctx, "DescribeSecret", map[string]string{"SecretId": name}, &answer)
		if c.missing(err, what, "make it: aws secretsmanager create-secret --name "+name+" --secret-string ...", "ResourceNotFoundException") {
			continue
		}
		if err != nil {
			return err
		}
		if answer.DeletedDate != 0 {
			c.refuse(what, "is about to be deleted", "restore it: aws secretsmanager restore-secret --secret-id "+name)
		}
	}
	return nil
}
