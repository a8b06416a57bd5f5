package iamref

import (
	"regexp"
	"strings"
)

// placeholder is a part of a type's ARN that stands for something.
var placeholder = regexp.MustCompile(`\$\{[^}]*\}`)

// withSlashes are the placeholders that can stand for a text with slashes or colons; all others stand for one part.
var withSlashes = regexp.MustCompile(`^\$\{(KeyName|LogGroupName|LogStreamName|ObjectName|ParameterNameWithoutLeadingSlash|SecretId|.*WithPath)\}$`)

// Marks of a placeholder in a type's ARN.
const (
	onePart   = '\x01' // one or more characters, none of which is a slash or a colon
	manyParts = '\x02' // one or more characters
)

// overlaps says whether some ARN of a type fits a pattern, in which "*" stands for any text and "?" for one character.
func overlaps(pattern, arn string) bool {
	marked := placeholder.ReplaceAllStringFunc(arn, func(name string) string {
		if name == "${Region}" || name == "${Account}" || name == "${Partition}" || !withSlashes.MatchString(name) {
			return string(onePart)
		}
		return string(manyParts)
	})
	return meet(pattern, marked)
}

// meet goes through both at once; each side's wild card may take what the other has.
func meet(pattern, arn string) bool {
	type place struct{ p, a int }
	seen := map[place]bool{}
	var from func(p, a int) bool
	from = func(p, a int) bool {
		if p == len(pattern) && a == len(arn) {
			return true
		}
		if seen[place{p, a}] {
			return false
		}
		seen[place{p, a}] = true
		if p < len(pattern) && pattern[p] == '*' {
			// The star ends here, or takes one more character of the ARN.
			return from(p+1, a) || a < len(arn) && from(p, a+1)
		}
		if p == len(pattern) || a == len(arn) {
			return false
		}
		switch arn[a] {
		case onePart, manyParts:
			// The placeholder takes this character and ends, or takes more.
			if arn[a] == onePart && strings.ContainsRune("/:", rune(pattern[p])) {
				return false
			}
			return from(p+1, a+1) || from(p+1, a)
		}
		return (pattern[p] == '?' || pattern[p] == arn[a]) && from(p+1, a+1)
	}
	return from(0, 0)
}
