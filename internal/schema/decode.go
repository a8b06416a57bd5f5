package schema

import (
	"fmt"
	"strconv"
	"strings"
)

// decoder reads JSON as schemas.py writes it: without blanks, in ASCII. That gen should be small is why encoding/json does
// not do it: with that come the MarshalJSON and UnmarshalJSON of every resource type of goformation, half a megabyte.
type decoder struct {
	text string
	at   int
	err  error
}

func (d *decoder) fail(wanted string) {
	if d.err == nil {
		d.err = fmt.Errorf("at byte %d: wanted %s", d.at, wanted)
	}
	d.at = len(d.text)
}

// next tells whether the next character is this one, and takes it if so.
func (d *decoder) next(c byte) bool {
	if d.at < len(d.text) && d.text[d.at] == c {
		d.at++
		return true
	}
	return false
}

func (d *decoder) want(c byte) {
	if !d.next(c) {
		d.fail(strconv.QuoteRune(rune(c)))
	}
}

// object calls each for every key; it has to read the value.
func (d *decoder) object(each func(key string)) {
	d.want('{')
	for more := !d.next('}'); more && d.err == nil; more = d.next(',') || !d.end('}') {
		key := d.string()
		d.want(':')
		each(key)
	}
}

// list calls each for every item; it has to read it.
func (d *decoder) list(each func()) {
	d.want('[')
	for more := !d.next(']'); more && d.err == nil; more = d.next(',') || !d.end(']') {
		each()
	}
}

// end takes the closing bracket; anything else is a fault.
func (d *decoder) end(bracket byte) bool {
	d.want(bracket)
	return true
}

func (d *decoder) string() string {
	d.want('"')
	start := d.at
	for escaped := false; d.at < len(d.text); d.at++ {
		switch c := d.text[d.at]; {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			d.at++
			return d.unescaped(d.text[start : d.at-1])
		}
	}
	d.fail("the end of a string")
	return ""
}

// unescaped is a string's text. Go has JSON's escapes but that of the slash, which is not written.
func (d *decoder) unescaped(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	plain, err := strconv.Unquote(`"` + text + `"`)
	if err != nil {
		d.fail("a string without escapes of its own")
	}
	return plain
}

// word is a number, true, false or null as it is written.
func (d *decoder) word() string {
	rest := d.text[d.at:]
	n := strings.IndexAny(rest, ",]}")
	if n < 1 {
		d.fail("a number, true, false or null")
		return ""
	}
	d.at += n
	return rest[:n]
}

func (d *decoder) float() *float64 {
	f, err := strconv.ParseFloat(d.word(), 64)
	if err != nil {
		d.fail("a number")
	}
	return &f
}

func (d *decoder) int() *int {
	i, err := strconv.Atoi(d.word())
	if err != nil {
		d.fail("a whole number")
	}
	return &i
}

func (d *decoder) bool() bool { return d.word() == "true" }

func (d *decoder) strings() []string {
	var all []string
	d.list(func() { all = append(all, d.string()) })
	return all
}

// stringLists are lists of strings by key.
func (d *decoder) stringLists() map[string][]string {
	all := map[string][]string{}
	d.object(func(key string) { all[key] = d.strings() })
	return all
}

// scalar is a string, a number or a boolean.
func (d *decoder) scalar() any {
	if strings.HasPrefix(d.text[d.at:], `"`) {
		return d.string()
	}
	word := d.word()
	if f, err := strconv.ParseFloat(word, 64); err == nil {
		return f
	}
	return word == "true"
}

func (d *decoder) scalars() []any {
	var all []any
	d.list(func() { all = append(all, d.scalar()) })
	return all
}

func (d *decoder) types() Types {
	t := Types{Types: map[string]*Type{}}
	d.object(func(key string) {
		switch key {
		case "source":
			t.Source = d.string()
		case "types":
			d.object(func(name string) { t.Types[name] = d.kind() })
		default:
			d.string() // made: by whom
		}
	})
	return t
}

func (d *decoder) kind() *Type {
	t := &Type{}
	d.object(func(key string) {
		switch key {
		case "definitions":
			t.Definitions = d.rules()
		case "attributes":
			t.Attributes = d.strings()
		case "readOnlyProperties":
			t.ReadOnlyProperties = d.strings()
		case "createOnlyProperties":
			t.CreateOnlyProperties = d.strings()
		case "conditionalCreateOnlyProperties":
			t.ConditionalCreateOnlyProperties = d.strings()
		case "writeOnlyProperties":
			t.WriteOnlyProperties = d.strings()
		case "primaryIdentifier":
			t.PrimaryIdentifier = d.strings()
		case "tagging":
			t.Tagging = d.tagging()
		case "handlers":
			t.Handlers = d.stringLists()
		default:
			d.keyword(&t.Rule, key)
		}
	})
	return t
}

func (d *decoder) tagging() (t Tagging) {
	d.object(func(key string) {
		switch key {
		case "tagProperty":
			t.TagProperty = d.string()
		case "permissions":
			t.Permissions = d.strings()
		default:
			d.fail("what is known of tagging, not " + key)
		}
	})
	return t
}

func (d *decoder) rules() map[string]*Rule {
	all := map[string]*Rule{}
	d.object(func(key string) { all[key] = d.rule() })
	return all
}

func (d *decoder) ruleList() []*Rule {
	var all []*Rule
	d.list(func() { all = append(all, d.rule()) })
	return all
}

func (d *decoder) rule() *Rule {
	r := &Rule{}
	d.object(func(key string) { d.keyword(r, key) })
	return r
}

// keyword reads one keyword of a rule; the script writes none but these.
func (d *decoder) keyword(r *Rule, key string) {
	switch key {
	case "$ref":
		r.Ref = d.string()
	case "type":
		if r.Type = nil; strings.HasPrefix(d.text[d.at:], "[") {
			r.Type = d.strings()
		} else {
			r.Type = []string{d.string()}
		}
	case "properties":
		r.Properties = d.rules()
	case "patternProperties":
		r.PatternProperties = d.rules()
	case "additionalProperties":
		r.AdditionalProperties = new(d.open())
	case "items":
		r.Items = d.rule()
	case "required":
		r.Required = d.strings()
	case "requiredXor":
		r.RequiredXor = d.strings()
	case "requiredOr":
		r.RequiredOr = d.strings()
	case "dependentRequired":
		r.DependentRequired = d.stringLists()
	case "dependentExcluded":
		r.DependentExcluded = d.stringLists()
	case "oneOf":
		r.OneOf = d.ruleList()
	case "anyOf":
		r.AnyOf = d.ruleList()
	case "allOf":
		r.AllOf = d.ruleList()
	default:
		d.limit(r, key)
	}
}

// limit reads one keyword about a single value.
func (d *decoder) limit(r *Rule, key string) {
	switch key {
	case "enum":
		r.Enum = d.scalars()
	case "enumCaseInsensitive":
		r.EnumCaseInsensitive = d.scalars()
	case "const":
		r.Const = d.scalar()
	case "pattern":
		r.Pattern = d.string()
	case "minLength":
		r.MinLength = d.int()
	case "maxLength":
		r.MaxLength = d.int()
	case "minimum":
		r.Minimum = d.float()
	case "maximum":
		r.Maximum = d.float()
	case "minItems":
		r.MinItems = d.int()
	case "maxItems":
		r.MaxItems = d.int()
	case "uniqueItems":
		r.UniqueItems = d.bool()
	case "minProperties":
		r.MinProperties = d.int()
	case "maxProperties":
		r.MaxProperties = d.int()
	default:
		d.fail("a keyword that is known, not " + key)
	}
}

// open tells whether other keys may stand in a map; a rule for them means yes.
func (d *decoder) open() bool {
	if strings.HasPrefix(d.text[d.at:], "{") {
		d.rule()
		return true
	}
	return d.bool()
}
