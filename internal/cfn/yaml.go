package cfn

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// write is the YAML of a checked template.
func write(header string, root node) []byte {
	w := &writer{}
	if header = strings.TrimRight(header, "\n"); header != "" {
		for line := range strings.SplitSeq(header, "\n") {
			w.print(strings.TrimRight("# "+line, " "), "\n")
		}
	}
	for i, key := range root.keys {
		if section := root.items[i]; section.kind == mapNode {
			w.print("\n", key, ":\n")
			w.section(section, key == "Resources")
		} else {
			w.print(key, ":")
			w.value(section, 0)
		}
	}
	return w.out
}

// writer writes YAML that parsers of both 1.1 and 1.2 read as the same tree.
type writer struct{ out []byte }

func (w *writer) print(parts ...string) {
	for _, s := range parts {
		w.out = append(w.out, s...)
	}
}

func (w *writer) indent(n int) {
	for range n {
		w.out = append(w.out, ' ')
	}
}

// section writes the entries of a section, with blank lines between them if spaced.
func (w *writer) section(n node, spaced bool) {
	for i := range n.keys {
		if spaced && i > 0 {
			w.print("\n")
		}
		w.indent(2)
		w.entry(n, i, 2)
	}
}

func (w *writer) entry(n node, i, indent int) {
	w.print(oneLine(n.keys[i]), ":")
	w.value(n.items[i], indent)
}

// value writes what follows a key that stands at indent, down to the end of its last line.
func (w *writer) value(n node, indent int) {
	switch {
	case n.kind == mapNode && len(n.keys) > 0:
		w.print("\n")
		w.indent(indent + 2)
		w.entries(n, indent+2)
	case n.kind == listNode && len(n.items) > 0:
		// At the key's own column, which is a tenth less text: the foundation's is limited to 51,200 bytes.
		w.print("\n")
		w.indent(indent)
		w.list(n.items, indent)
	case n.kind == subNode && len(n.keys) > 0:
		w.print(" !Sub\n")
		w.indent(indent + 2)
		w.list([]node{textOf(n.text), {kind: mapNode, keys: n.keys, items: n.items}}, indent+2)
	default:
		w.print(" ")
		w.scalar(n, indent+2)
	}
}

// entries writes a map whose first line is already indented.
func (w *writer) entries(n node, indent int) {
	for i := range n.keys {
		if i > 0 {
			w.indent(indent)
		}
		w.entry(n, i, indent)
	}
}

// list writes a list whose first line is already indented.
func (w *writer) list(items []node, indent int) {
	for i, item := range items {
		if i > 0 {
			w.indent(indent)
		}
		w.print("-")
		switch {
		case item.kind == mapNode && len(item.keys) > 0:
			w.print(" ")
			w.entries(item, indent+2)
		case item.kind == listNode && len(item.items) > 0:
			w.print(" ")
			w.list(item.items, indent+2)
		default:
			w.value(item, indent)
		}
	}
}

// scalar writes a value without children; the lines of a block stand at indent.
func (w *writer) scalar(n node, indent int) {
	switch n.kind {
	case mapNode:
		w.print("{}\n")
	case listNode:
		w.print("[]\n")
	case literalNode:
		w.print(n.text, "\n")
	case refNode:
		w.print("!Ref ", oneLine(n.text), "\n")
	case attNode:
		w.print("!GetAtt ", oneLine(n.text), "\n")
	case subNode:
		w.print("!Sub ")
		w.text(n.text, indent, quoted)
	default:
		w.text(n.text, indent, oneLine)
	}
}

func (w *writer) text(s string, indent int, single func(string) string) {
	if !isBlock(s) {
		w.print(single(s), "\n")
		return
	}
	body, ended := strings.CutSuffix(s, "\n")
	if ended {
		w.print("|\n")
	} else {
		w.print("|-\n")
	}
	for line := range strings.SplitSeq(body, "\n") {
		if line != "" {
			w.indent(indent)
		}
		w.print(line, "\n")
	}
}

// isBlock tells whether a literal block gives back exactly s: several lines of printable characters, the first neither
// empty nor indented, none of blanks only, and at most one line feed at the end.
func isBlock(s string) bool {
	body, _ := strings.CutSuffix(s, "\n")
	if !strings.Contains(body, "\n") || strings.HasPrefix(s, "\n") || strings.HasPrefix(s, " ") || strings.HasSuffix(body, "\n") {
		return false
	}
	for line := range strings.SplitSeq(body, "\n") {
		if !isPrintable(line) || line != "" && strings.TrimRight(line, " ") == "" {
			return false
		}
	}
	return true
}

// oneLine is the shortest safe form of s on one line.
func oneLine(s string) string {
	if isPlain(s) {
		return s
	}
	return quoted(s)
}

// quoted is s in quotes: double, or single where double would need backslashes and single does not.
func quoted(s string) string {
	if !isPrintable(s) {
		return escaped(s)
	}
	if strings.ContainsAny(s, `"\`) {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return `"` + s + `"`
}

// escaped is s in double quotes, with YAML's escapes for what cannot be printed.
func escaped(s string) string {
	out := []byte{'"'}
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, '\\', 'n')
		case r == '\t':
			out = append(out, '\\', 't')
		case unicode.IsPrint(r):
			out = append(out, string(r)...)
		case r < 0x100:
			out = append(out, '\\', 'x')
			out = appendHex(out, r, 2)
		case r < 0x10000:
			out = append(out, '\\', 'u')
			out = appendHex(out, r, 4)
		default:
			out = append(out, '\\', 'U')
			out = appendHex(out, r, 8)
		}
	}
	return string(append(out, '"'))
}

func appendHex(out []byte, r rune, digits int) []byte {
	hex := strconv.FormatInt(int64(r), 16)
	for range digits - len(hex) {
		out = append(out, '0')
	}
	return append(out, strings.ToUpper(hex)...)
}

func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// words are what YAML 1.1 or 1.2 reads as something else than text, in any case.
var words = [...]string{"y", "n", "yes", "no", "on", "off", "true", "false", "null", ".inf", "+.inf", ".nan"}

// numeric are the characters of numbers, of any base, sexagesimals, dates and times.
const numeric = "0123456789+-.,:_ abcdefoxABCDEFOXtTzZ"

// isPlain tells whether s needs no quotes, under the rules of YAML 1.1 and 1.2; where they are subtle it says no.
func isPlain(s string) bool {
	if s == "" || strings.ContainsRune("-?:,[]{}#&*!|>'\"%@`=~<", rune(s[0])) || !isPrintable(s) {
		return false
	}
	if strings.HasPrefix(s, " ") || strings.HasSuffix(s, " ") || strings.HasSuffix(s, ":") {
		return false
	}
	if strings.Contains(s, ": ") || strings.Contains(s, " #") {
		return false
	}
	if strings.ContainsRune("0123456789+.", rune(s[0])) && strings.Trim(s, numeric) == "" {
		return false
	}
	return !slices.ContainsFunc(words[:], func(word string) bool { return strings.EqualFold(word, s) })
}
