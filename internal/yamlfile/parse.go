package yamlfile

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// MaxSize of the file in bytes. ECS refuses task definitions above 64 KiB, the environment variables included
// (docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html); half of that leaves room for the rest.
const MaxSize = 32 << 10

// Parse gives the only document of the file, which must be a mapping; false after a problem. What the file needs at
// least, and a line of it as an example, is said where it has something else.
func (p *Problems) Parse(text []byte, needs, example string) (ast.Node, bool) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !p.readable(text) {
		return nil, false
	}
	file, err := parseYAML(text)
	if err != nil {
		p.addSyntax(err)
		return nil, false
	}
	return p.document(file, needs, example)
}

// document gives the only document, which must be a mapping; false after a problem.
func (p *Problems) document(file *ast.File, needs, example string) (ast.Node, bool) {
	documents := slices.DeleteFunc(file.Docs, func(d *ast.DocumentNode) bool { return d == nil || d.Body == nil })
	if len(documents) == 0 {
		p.Add(Start, "the file is empty; %s", needs)
		return nil, false
	}
	body := documents[0].Body
	if _, isDirective := body.(*ast.DirectiveNode); isDirective {
		p.Add(NodePosition(body), "found a YAML directive (%%); leave it out")
		return nil, false
	}
	if len(documents) > 1 {
		p.Add(NodePosition(documents[1].Body), "a second YAML document begins here; the file must be a single one (no --- in between)")
		return nil, false
	}
	if _, isMapping := body.(*ast.MappingNode); !isMapping {
		p.Add(NodePosition(body), "the file is %s; it must be a mapping of keys to values, such as %s", Describe(body), example)
		return nil, false
	}
	return body, true
}

// readable refuses what no parser should be asked to make sense of.
func (p *Problems) readable(text []byte) bool {
	if len(text) > MaxSize {
		p.Add(Start, "the file has %d bytes; allowed are at most %d", len(text), MaxSize)
		return false
	}
	line, column := 1, 1
	for len(text) > 0 {
		c, size := utf8.DecodeRune(text)
		if c == utf8.RuneError && size == 1 {
			p.Add(Position{line, column}, "found the byte 0x%02x, which is not UTF-8; save the file as UTF-8", text[0])
			return false
		}
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f {
			p.Add(Position{line, column}, "found the control character 0x%02x; leave it out", c)
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
// occur twice are let through, for Mapping names them all and not only the first.
func parseYAML(text []byte) (file *ast.File, err error) {
	defer func() {
		if recover() != nil {
			file, err = nil, errors.New("the YAML parser gave up")
		}
	}()
	return parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
}

func (p *Problems) addSyntax(err error) {
	syntax, ok := errors.AsType[*yaml.SyntaxError](err)
	if !ok {
		p.Add(Start, "not valid YAML: %v; check indentation, colons, quotes and brackets", err)
		return
	}
	p.Add(TokenPosition(syntax.Token), "not valid YAML: %s; check indentation, colons, quotes and brackets here", strings.TrimSpace(syntax.Message))
}
