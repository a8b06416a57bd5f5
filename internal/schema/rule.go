package schema

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Rule is what is known of one value: JSON Schema as the registry uses it, and the keywords that cfn-lint adds.
type Rule struct {
	Ref  string   // to one of the type's definitions
	Type []string // string, integer, number, boolean, object, array; empty for any

	Properties           map[string]*Rule
	PatternProperties    map[string]*Rule // by a pattern of the key
	AdditionalProperties *bool            // whether any other key may stand there
	Items                *Rule

	Required                             []string
	RequiredXor                          []string // exactly one of these
	RequiredOr                           []string // at least one of these
	DependentRequired, DependentExcluded map[string][]string

	Enum                 []any
	EnumCaseInsensitive  []any
	Const                any
	Pattern              string
	MinLength, MaxLength *int // in characters
	Minimum, Maximum     *float64
	MinItems, MaxItems   *int
	UniqueItems          bool
	MinProperties        *int
	MaxProperties        *int

	OneOf, AnyOf, AllOf []*Rule
}

// isOpen tells whether keys that the rule does not name may stand in the map. JSON Schema would take them wherever it is
// not told otherwise; here a map with named keys is closed, so that a misspelt one is seen.
func (r *Rule) isOpen() bool {
	if r.AdditionalProperties != nil {
		return *r.AdditionalProperties
	}
	return !r.namesKeys() && (len(r.Type) == 0 || slices.Contains(r.Type, "object"))
}

func (r *Rule) namesKeys() bool { return len(r.Properties) > 0 || len(r.PatternProperties) > 0 }

func isIndex(step string) bool {
	return step == "*" || step != "" && strings.Trim(step, "0123456789") == ""
}

var patterns sync.Map

// matches tells whether a text fits a pattern.
func matches(pattern, text string) bool {
	known, ok := patterns.Load(pattern)
	if !ok {
		known, _ = patterns.LoadOrStore(pattern, compile(pattern))
	}
	return known.(*regexp.Regexp).MatchString(text)
}

// fromPython rewrites what Go's expressions spell in another way.
var fromPython = regexp.MustCompile(`\\u([0-9A-F]{4})`)

// compile gives an expression that fits everything for a pattern that Go cannot: those that look ahead, for example.
func compile(pattern string) *regexp.Regexp {
	rewritten := strings.ReplaceAll(fromPython.ReplaceAllString(pattern, `\x{$1}`), `\Z`, `\z`)
	if compiled, err := regexp.Compile(rewritten); err == nil {
		return compiled
	}
	return anything
}

var anything = regexp.MustCompile("")
