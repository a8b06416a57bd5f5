// Package yamlfile reads YAML that a person wrote: strictly, with the place of everything that is wrong in it.
package yamlfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Position is a place in the file; lines and columns count from 1, columns in characters.
type Position struct{ Line, Column int }

// Start is where a problem of the whole file is shown.
var Start = Position{1, 1}

// problem is one thing wrong in the file.
type problem struct {
	at   Position
	text string // what was found; what is allowed
}

// Problems is all that is wrong in one file, as an error with a line for each.
type Problems struct {
	Filename string // for the error only
	found    []problem
}

// Add notes a problem and where it is.
func (p *Problems) Add(at Position, format string, args ...any) {
	p.found = append(p.found, problem{at, fmt.Sprintf(format, args...)})
}

// Len is how many there are.
func (p *Problems) Len() int { return len(p.found) }

// Err is nil where nothing is wrong, else the problems in the order of the file.
func (p *Problems) Err() error {
	if len(p.found) == 0 {
		return nil
	}
	slices.SortStableFunc(p.found, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.at.Line, b.at.Line), cmp.Compare(a.at.Column, b.at.Column))
	})
	return p
}

// Error has one line for each problem, in the form "file:line:column: what was found; what is allowed".
func (p *Problems) Error() string {
	lines := make([]string, len(p.found))
	for i, one := range p.found {
		lines[i] = fmt.Sprintf("%s:%d:%d: %s", p.Filename, one.at.Line, one.at.Column, one.text)
	}
	return strings.Join(lines, "\n")
}

// TokenPosition is where a token begins; the parser's own count can be 0 in text that it did not expect.
func TokenPosition(t *token.Token) Position {
	if t == nil || t.Position == nil {
		return Start
	}
	return Position{max(t.Position.Line, 1), max(t.Position.Column, 1)}
}

// NodePosition is where a person sees the value begin: a block mapping at its first key, not at the colon after it.
func NodePosition(node ast.Node) Position {
	mapping, ok := node.(*ast.MappingNode)
	if ok && !mapping.IsFlowStyle && len(mapping.Values) > 0 {
		return TokenPosition(mapping.Values[0].Key.GetToken())
	}
	return TokenPosition(node.GetToken())
}
