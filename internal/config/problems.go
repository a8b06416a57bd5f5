package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// position is a place in the file; lines and columns count from 1, columns in characters.
type position struct{ line, column int }

// start is where a problem of the whole file is shown.
var start = position{1, 1}

// problem is one thing wrong in the file.
type problem struct {
	at   position
	text string // what was found; what is allowed
}

// problems is all that is wrong in one file, as an error with a line for each.
type problems struct {
	filename string
	found    []problem
}

func (p *problems) add(at position, format string, args ...any) {
	p.found = append(p.found, problem{at, fmt.Sprintf(format, args...)})
}

// err is nil where nothing is wrong, else the problems in the order of the file.
func (p *problems) err() error {
	if len(p.found) == 0 {
		return nil
	}
	slices.SortStableFunc(p.found, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.at.line, b.at.line), cmp.Compare(a.at.column, b.at.column))
	})
	return p
}

// Error has one line for each problem, in the form "file:line:column: what was found; what is allowed".
func (p *problems) Error() string {
	lines := make([]string, len(p.found))
	for i, one := range p.found {
		lines[i] = fmt.Sprintf("%s:%d:%d: %s", p.filename, one.at.line, one.at.column, one.text)
	}
	return strings.Join(lines, "\n")
}

// tokenPosition is where a token begins; the parser's own count can be 0 in text that it did not expect.
func tokenPosition(t *token.Token) position {
	if t == nil || t.Position == nil {
		return start
	}
	return position{max(t.Position.Line, 1), max(t.Position.Column, 1)}
}

// nodePosition is where a person sees the value begin: a block mapping at its first key, not at the colon after it.
func nodePosition(node ast.Node) position {
	mapping, ok := node.(*ast.MappingNode)
	if ok && !mapping.IsFlowStyle && len(mapping.Values) > 0 {
		return tokenPosition(mapping.Values[0].Key.GetToken())
	}
	return tokenPosition(node.GetToken())
}
