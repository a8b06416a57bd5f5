package source

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// rule is one line of a .gitignore (git-scm.com/docs/gitignore).
type rule struct {
	dir     string // of the .gitignore, "." for the root
	again   bool   // the line begins with "!": what it matches is not ignored after all
	dirOnly bool   // the line ends with "/"
	path    bool   // the line has a slash within: it matches paths from dir on, and names at any depth otherwise
	pattern *regexp.Regexp
}

// ignored lets the last rule decide that matches. What lies in an ignored directory is never asked for.
func ignored(rules []rule, name string, isDir bool) bool {
	for _, r := range slices.Backward(rules) {
		if r.matches(name, isDir) {
			return !r.again
		}
	}
	return false
}

func (r rule) matches(name string, isDir bool) bool {
	if r.dirOnly && !isDir {
		return false
	}
	below := name
	if r.dir != "." {
		var found bool
		if below, found = strings.CutPrefix(name, r.dir+"/"); !found {
			return false
		}
	}
	if !r.path {
		below = path.Base(below)
	}
	return r.pattern.MatchString(below)
}

func parseRules(dir, text string) []rule {
	var rules []rule
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		if r, ok := parseRule(dir, line); ok {
			rules = append(rules, r)
		}
	}
	return rules
}

// parseRule reads one line; false for comments, blank lines and patterns that can match nothing.
func parseRule(dir, line string) (rule, bool) {
	r := rule{dir: dir}
	line = trimEnd(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"))
	if strings.HasPrefix(line, "#") {
		return r, false
	}
	line, r.again = strings.CutPrefix(line, "!")
	line, r.dirOnly = strings.CutSuffix(line, "/")
	if line == "" {
		return r, false
	}
	r.path = strings.Contains(line, "/")
	text, ok := translate(strings.TrimPrefix(line, "/"), r.path)
	if !ok {
		return r, false
	}
	pattern, err := regexp.Compile(text)
	r.pattern = pattern
	return r, err == nil
}

// trimEnd takes off trailing spaces, but not one behind a backslash.
func trimEnd(line string) string {
	for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
		line = strings.TrimSuffix(line, " ")
	}
	return line
}

// translate turns git's pattern into a regular expression; false where the pattern breaks off in the middle. A question
// mark is a character here and a byte in git, which differs for names beyond ASCII only.
func translate(glob string, isPath bool) (string, bool) {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for rest := glob; rest != ""; {
		var text string
		switch {
		case rest[0] == '*':
			text, rest = star(glob, rest, isPath)
		case rest[0] == '?':
			text, rest = `[^/]`, rest[1:]
		case rest[0] == '[':
			var ok bool
			if text, rest, ok = class(rest); !ok {
				return "", false
			}
		case rest == `\`:
			return "", false
		case rest[0] == '\\':
			text, rest = regexp.QuoteMeta(rest[1:2]), rest[2:]
		default:
			text, rest = regexp.QuoteMeta(rest[:1]), rest[1:]
		}
		b.WriteString(text)
	}
	b.WriteString(`\z`)
	return b.String(), true
}

// star translates a run of stars. Two or more between slashes, or between a slash and an end, stand for any number of
// directories; otherwise any run is one star.
func star(glob, rest string, isPath bool) (text, after string) {
	after = strings.TrimLeft(rest, "*")
	stars, before := len(rest)-len(after), glob[:len(glob)-len(rest)]
	opens := before == "" || strings.HasSuffix(before, "/")
	switch {
	case !isPath || stars < 2 || !opens:
		return `[^/]*`, after
	case after == "":
		return `.*`, after
	case strings.HasPrefix(after, "/"):
		return `(?:.*/)?`, after[1:]
	default:
		return `[^/]*`, after
	}
}

// class translates a set of characters such as [a-z], [!0-9] or [[:space:]]; false where it is not closed.
func class(rest string) (text, after string, ok bool) {
	var b strings.Builder
	i := 1
	if i < len(rest) && (rest[i] == '!' || rest[i] == '^') {
		b.WriteString(`[^/`)
		i++
	} else {
		b.WriteString(`[`)
	}
	for first := i; i < len(rest); i++ {
		c := rest[i]
		switch {
		case c == ']' && i > first:
			return b.String() + `]`, rest[i+1:], true
		case strings.HasPrefix(rest[i:], "[:") && strings.Contains(rest[i:], ":]"):
			end := i + strings.Index(rest[i:], ":]") + 1
			b.WriteString(rest[i : end+1])
			i = end
		case c == '\\' && i+1 < len(rest):
			i++
			b.WriteString(literal(rest[i]))
		case c == '[' || c == ']' || c == '^':
			b.WriteString(literal(c))
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// literal writes a character that has no meaning of its own within a set.
func literal(c byte) string {
	if strings.IndexByte(`[]^-\`, c) >= 0 {
		return `\` + string(c)
	}
	return string([]byte{c})
}
