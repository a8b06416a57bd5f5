package evidence

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escapeSequence is what colours and moves a terminal's cursor (ECMA-48, control sequences).
var escapeSequence = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]`)

// secrets are what must not leave an account: access key ids, session tokens, signed and other tokens, what stands behind
// a word like password, and who logs in where in a URL. Each keeps its groups.
var secrets = []*regexp.Regexp{
	regexp.MustCompile(`()\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`),
	regexp.MustCompile(`()\beyJ[\w-]{10,}\.[\w-]{5,}(?:\.[\w-]*)?`),
	regexp.MustCompile(`(?i)(\bbearer )[\w.~+/=-]{8,}`),
	regexp.MustCompile(`(://[^/\s:@]*:)[^/\s@]+(@)`),
	regexp.MustCompile(`(?i)(Encoded authorization failure message: )\S+`),
	regexp.MustCompile(`(?i)((?:password|passwd|secret|token|api[-_]?key|access[-_]?key|credential)s?(?:["']?=|["']: *)["']?)[^\s"',;&]{3,}`),
	regexp.MustCompile(`(?i)((?:password|passwd|secret|token|api[-_]?key|access[-_]?key|credential)s?["']?: +["']?)[^\s"',;&]*[\d!$%#@*][^\s"',;&]*`),
}

// Clean makes a text from outside fit to be shown and kept: one line of at most 1000 characters, without control
// characters, and without what looks like a secret.
func Clean(text string) string { return clean(text, maxText) }

// clean makes one line of text from outside fit for a terminal: no control or direction characters, valid UTF-8, nothing
// that looks like a secret, at most this many characters.
func clean(text string, most int) string {
	text = escapeSequence.ReplaceAllString(text, "")
	for _, secret := range secrets {
		text = secret.ReplaceAllString(text, "${1}[hidden]${2}")
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case r == '\r':
			return -1
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029':
			return utf8.RuneError
		}
		return r
	}, text)
	if utf8.RuneCountInString(text) > most {
		return string([]rune(text)[:most-1]) + "…"
	}
	return text
}
