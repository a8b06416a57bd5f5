package evidence

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escapeSequence is what colours and moves a terminal's cursor (ECMA-48, control sequences).
var escapeSequence = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]`)

// clean makes one line of text from outside fit for a terminal: no control or direction characters, valid UTF-8, at most
// this many characters.
func clean(text string, most int) string {
	text = escapeSequence.ReplaceAllString(text, "")
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
