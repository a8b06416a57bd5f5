package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"slipway/internal/suggest"
)

// maxSize of the file in bytes. ECS refuses task definitions above 64 KiB, the environment variables included
// (docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html); half of that leaves room for the rest.
const maxSize = 32 << 10

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
	r := &reader{problems: problems{filename: filename}, domains: map[string]int{}}
	root, ok := r.parse(text)
	if !ok {
		return Config{}, r.err()
	}
	cfg := r.config(root)
	if err := r.err(); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// parse gives the only document of the file; false after a problem.
func (r *reader) parse(text []byte) (ast.Node, bool) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !r.readable(text) {
		return nil, false
	}
	file, err := parseYAML(text)
	if err != nil {
		r.addSyntax(err)
		return nil, false
	}
	return r.document(file)
}

// document gives the only document, which must be a mapping; false after a problem.
func (r *reader) document(file *ast.File) (ast.Node, bool) {
	documents := slices.DeleteFunc(file.Docs, func(d *ast.DocumentNode) bool { return d == nil || d.Body == nil })
	if len(documents) == 0 {
		r.add(start, "the file is empty; it must have at least name and environments")
		return nil, false
	}
	body := documents[0].Body
	if _, isDirective := body.(*ast.DirectiveNode); isDirective {
		r.add(nodePosition(body), "found a YAML directive (%%); leave it out")
		return nil, false
	}
	if len(documents) > 1 {
		r.add(nodePosition(documents[1].Body), "a second YAML document begins here; the file must be a single one (no --- in between)")
		return nil, false
	}
	if _, isMapping := body.(*ast.MappingNode); !isMapping {
		r.add(nodePosition(body), "the file is %s; it must be a mapping of keys to values, such as name: shop-api", describe(body))
		return nil, false
	}
	return body, true
}

// readable refuses what no parser should be asked to make sense of.
func (r *reader) readable(text []byte) bool {
	if len(text) > maxSize {
		r.add(start, "the file has %d bytes; allowed are at most %d", len(text), maxSize)
		return false
	}
	line, column := 1, 1
	for len(text) > 0 {
		c, size := utf8.DecodeRune(text)
		if c == utf8.RuneError && size == 1 {
			r.add(position{line, column}, "found the byte 0x%02x, which is not UTF-8; save the file as UTF-8", text[0])
			return false
		}
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f {
			r.add(position{line, column}, "found the control character 0x%02x; leave it out", c)
			return false
		}
		text = text[size:]
		column++
		if c == '\n' {
			line, column = line+1, 1
		}
	}
	return true
}

// parseYAML also turns a panic of the parser into an error: the file is a person's and may hold anything. Keys that
// occur twice are let through, for anyMapping names them all and not only the first.
func parseYAML(text []byte) (file *ast.File, err error) {
	defer func() {
		if recover() != nil {
			file, err = nil, errors.New("the YAML parser gave up")
		}
	}()
	return parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
}

func (r *reader) addSyntax(err error) {
	syntax, ok := errors.AsType[*yaml.SyntaxError](err)
	if !ok {
		r.add(start, "not valid YAML: %v; see docs/configuration.md for an example", err)
		return
	}
	r.add(tokenPosition(syntax.Token), "not valid YAML: %s; check indentation, colons, quotes and brackets here", strings.TrimSpace(syntax.Message))
}

// reservedPrefixes are those of bucket names, which begin with the application's
// (docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html).
var reservedPrefixes = []string{"aws", "xn-", "sthree-", "amzn-"}

func (r *reader) config(root ast.Node) Config {
	o := r.mapping(root, "")
	cfg := Config{Name: r.name(o), Service: r.service(o)}
	cfg.Environments = r.environments(o, cfg.Service)
	cfg.Pipeline = r.pipeline(o, cfg.Environments)
	cfg.Security = r.security(o)
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
			r.add(o.valueAt("name"), "name is %q; it must not begin with %q, which AWS keeps for itself", name, prefix)
		}
	}
	return name
}

func (r *reader) pipeline(o object, environments []Environment) Pipeline {
	names := make([]string, len(environments))
	for i, environment := range environments {
		names[i] = environment.Name
	}
	pipeline := r.sub(o, "pipeline")
	// Where no environment could be read, that is the problem to show.
	if len(names) == 0 {
		return Pipeline{}
	}
	if _, given := pipeline.field("environment"); !given {
		return Pipeline{Environment: names[len(names)-1]}
	}
	home, ok := r.text(pipeline, "environment")
	if ok && !slices.Contains(names, home) {
		r.add(pipeline.valueAt("environment"), "%s is %q; it must be one of %s%s",
			pipeline.label("environment"), shorten(home), strings.Join(names, ", "), suggest.DidYouMean(home, names))
	}
	return Pipeline{Environment: home}
}

func (r *reader) security(o object) Security {
	security := r.sub(o, "security")
	boundary, _ := r.text(security, "boundary")
	key, _ := r.textOr(security, "key", keyHint)
	return Security{Boundary: boundary, Key: key}
}

// keyHint says why an alias will not do: a policy that names one allows nothing
// (docs.aws.amazon.com/kms/latest/developerguide/cmks-in-iam-policies.html), and a log group takes a key only.
func keyHint(text string) string {
	if strings.Contains(text, "alias/") {
		return "; policies and log groups know keys by their id, so write the ARN of the key that the alias stands for: aws kms describe-key --key-id ALIAS"
	}
	return ""
}
