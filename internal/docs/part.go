// Package docs keeps the documents true: what they tell a reader to run is run by a test, what they link to exists, and the
// parts that are made from code are what the code says.
package docs

import (
	"fmt"
	"strings"
)

// Replace puts content in place of what stands between the lines "<!-- begin NAME: COMMAND -->" and "<!-- end NAME -->" of
// a page. It fails where either is missing.
func Replace(page, name, command, content string) (string, error) {
	begin, end := "<!-- begin "+name+": "+command+" -->\n", "<!-- end "+name+" -->\n"
	before, rest, found := strings.Cut(page, begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", fmt.Errorf("the page lacks the line %q or %q", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return before + begin + content + end + after, nil
}
