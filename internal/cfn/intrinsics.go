package cfn

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// An intrinsic is text between two marks. NUL can stand in no template, so no user's text is ever taken for one.
const (
	mark     = "\x00"
	markRef  = mark + "ref:"
	markAtt  = mark + "att:"
	markSub  = mark + "sub:"
	markVars = mark + "subvars:"
	markText = mark + "text:"
)

// Pseudo parameters, each a Ref to put into any string place; inside Sub they are written ${AWS::Region} and so on.
const (
	AccountID = markRef + "AWS::AccountId" + mark
	Partition = markRef + "AWS::Partition" + mark
	Region    = markRef + "AWS::Region" + mark
	StackID   = markRef + "AWS::StackId" + mark
	StackName = markRef + "AWS::StackName" + mark
	URLSuffix = markRef + "AWS::URLSuffix" + mark
	// NoValue leaves out the property that it is given to.
	NoValue = markRef + "AWS::NoValue" + mark
)

// Handle is a resource that was added to a template.
type Handle struct{ id string }

// ID is the logical id as plain text, for DependsOn.
func (h Handle) ID() string { return h.id }

// Ref is the intrinsic Ref to the resource, to put into any string place.
func (h Handle) Ref() string { return markRef + h.id + mark }

// Att is the intrinsic GetAtt of one attribute, for example "Arn", or "Outputs.VPCID" of a nested stack.
func (h Handle) Att(name string) string { return markAtt + h.id + "." + name + mark }

// Sub is Fn::Sub. Render checks each ${Name}: a parameter, a resource, Resource.Attribute or a pseudo parameter;
// ${!Name} stands for the text ${Name}.
func Sub(text string) string { return markSub + text + mark }

// SubVars is Fn::Sub with variables of its own, whose values are text or intrinsics; each must be used in the text.
func SubVars(text string, vars map[string]string) string {
	var b strings.Builder
	b.WriteString(markVars + strconv.Quote(text))
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		b.WriteString(strconv.Quote(name) + strconv.Quote(vars[name]))
	}
	return b.String() + mark
}

// Text is text from outside, a user's file for example: it may be empty and is never taken for an intrinsic. Render refuses
// NUL and {{resolve:...}} in it, for CloudFormation would put a parameter or secret in place of the latter.
func Text(s string) string { return markText + strconv.Quote(s) + mark }

// parseMark reads an intrinsic or what Text wrote; ok is false for anything else, an intrinsic inside other text included.
func parseMark(s string) (n node, ok bool) {
	if len(s) < 2 || s[0] != 0 || strings.IndexByte(s[1:], 0) != len(s)-2 {
		return node{}, false
	}
	name, body, _ := strings.Cut(s[1:len(s)-1], ":")
	switch name {
	case "ref":
		return node{kind: refNode, text: body}, true
	case "att":
		return node{kind: attNode, text: body}, true
	case "sub":
		return node{kind: subNode, text: body}, true
	case "subvars":
		return parseVars(body)
	case "text":
		text, err := strconv.Unquote(body)
		return literal(text), err == nil
	}
	return node{}, false
}

// literal is a text as it stands. Outside of Sub CloudFormation takes ${Name} as it stands too, but linters and people take it
// for a Sub that was forgotten; so it is the value of a variable of Sub's own, in which nothing is replaced.
func literal(text string) node {
	if !looksLikeSub.MatchString(text) {
		return textOf(text)
	}
	return node{kind: subNode, text: "${Text}", keys: []string{"Text"}, items: []node{textOf(text)}}
}

var looksLikeSub = regexp.MustCompile(`\$\{[A-Za-z0-9_.:]+\}`)

// parseVars reads what SubVars wrote: the text, then names and values, each a quoted Go string.
func parseVars(body string) (n node, ok bool) {
	var parts []string
	for body != "" {
		quoted, err := strconv.QuotedPrefix(body)
		if err != nil {
			return node{}, false
		}
		part, err := strconv.Unquote(quoted)
		if err != nil {
			return node{}, false
		}
		parts, body = append(parts, part), body[len(quoted):]
	}
	if len(parts)%2 == 0 {
		return node{}, false
	}
	n = node{kind: subNode, text: parts[0]}
	for i := 1; i < len(parts); i += 2 {
		n.keys = append(n.keys, parts[i])
		n.items = append(n.items, textOf(parts[i+1]))
	}
	return n, true
}

// isIntrinsicText tells an intrinsic that was joined to other text from a stray NUL.
func isIntrinsicText(s string) bool {
	return slices.ContainsFunc([]string{markRef, markAtt, markSub, markVars, markText}, func(m string) bool {
		return strings.Contains(s, m)
	})
}

// SubNames are the names in a Sub text, in order and without the ${!literals}; fault says what is wrong with the text.
func SubNames(text string) (names []string, fault string) {
	for {
		_, after, found := strings.Cut(text, "${")
		if !found {
			return names, ""
		}
		name, rest, closed := strings.Cut(after, "}")
		if !closed {
			return names, "the Sub text has ${ without }"
		}
		text = rest
		if strings.HasPrefix(name, "!") {
			continue
		}
		if !isSubName(name) {
			return names, "the Sub text names " + strconv.Quote(name) + ", which cannot be a name; for the text itself write ${!" + name + "}"
		}
		names = append(names, name)
	}
}

// isSubName: names may hold letters, digits, underscores, periods and colons
// (docs.aws.amazon.com, AWSCloudFormation/latest/TemplateReference, intrinsic-function-reference-sub).
func isSubName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !isAlphanumeric(r) && r != '_' && r != '.' && r != ':'
	})
}

func isAlphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
