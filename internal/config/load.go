package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"slipway/internal/yamlfile"
)

// Load reads the file at path, strictly. The error names every problem, a line each: "path:line:column: what was
// found; what is allowed".
func Load(path string) (Config, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("%s: there is no such file; it says what to build and stands in the root of the repository "+
			"(docs/configuration.md has one to begin with)", path)
	}
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(path, text)
}

// Parse is Load for text that is already read; the file name is for the error only.
func Parse(filename string, text []byte) (Config, error) {
	r := &reader{Problems: yamlfile.Problems{Filename: filename}, domains: map[string]int{}}
	root, ok := r.Parse(text, "it must have at least name and environments", "name: shop-api")
	if !ok {
		return Config{}, r.Err()
	}
	cfg := r.config(root)
	if err := r.Err(); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// reservedPrefixes are those of bucket names, which begin with the application's
// (docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html).
var reservedPrefixes = []string{"aws", "xn-", "sthree-", "amzn-"}

func (r *reader) config(root ast.Node) Config {
	o := r.mapping(root, "")
	name, service := r.name(o), r.sub(o, "service")
	cfg := Config{Name: name, Service: r.service(service)}
	cfg.Environments = r.environments(o, cfg.Service)
	cfg.Pipeline = r.pipeline(o, cfg.Environments)
	cfg.Security = r.security(o)
	r.rights(service, cfg)
	return cfg
}

// name begins the names of stacks, and through them those of buckets, repositories and roles, which allow less than
// stacks do: a bucket has lower-case letters, digits and single hyphens at most.
func (r *reader) name(o object) string {
	name, ok := r.text(o, "name")
	if !ok {
		return ""
	}
	for _, prefix := range reservedPrefixes {
		if strings.HasPrefix(name, prefix) {
			r.Add(o.ValueAt("name"), "name is %q; it must not begin with %q, which AWS keeps for itself", name, prefix)
		}
	}
	return name
}

func (r *reader) security(o object) Security {
	security := r.sub(o, "security")
	boundary, _ := r.text(security, "boundary")
	key, _ := r.textOr(security, "key", keyHint)
	severity, _ := choice[Severity](r, security, "severity")
	database, _ := r.text(security, "database")
	licences := r.unique(security, "licences", noHint)
	if licences == nil {
		licences = StandardLicences()
	}
	return Security{Boundary: boundary, Key: key, Severity: severity, Database: database, Offline: r.boolean(security, "offline"),
		Accept: r.accepted(security), Licences: licences}
}

func (r *reader) accepted(security object) []Accepted {
	var accepted []Accepted
	for _, o := range r.items(security, "accept", "") {
		id, _ := r.text(o, "id")
		reason, _ := r.text(o, "reason")
		accepted = append(accepted, Accepted{ID: id, Reason: reason})
	}
	return accepted
}

// keyHint says why an alias will not do: a policy that names one allows nothing
// (docs.aws.amazon.com/kms/latest/developerguide/cmks-in-iam-policies.html), and a log group takes a key only.
func keyHint(text string) string {
	if strings.Contains(text, "alias/") {
		return "; policies and log groups know keys by their id, so write the ARN of the key that the alias stands for: aws kms describe-key --key-id ALIAS"
	}
	return ""
}
