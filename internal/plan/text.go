package plan

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"slipway/internal/contract"
)

// Text writes the plan for a terminal.
func (p Plan) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", p.title("%s"))
	for _, r := range p.Risks {
		fmt.Fprintf(&b, "! %s\n    %s\n", r.Name, r.Text)
	}
	if len(p.Risks) == 0 {
		b.WriteString("Nothing at risk was found.\n")
	}
	if p.Cost.Region != "" {
		fmt.Fprintf(&b, "\n%s\n", p.Cost)
	}
	for _, note := range p.Notes {
		fmt.Fprintf(&b, "Note: %s.\n", note)
	}
	fmt.Fprintf(&b, "\n%s.\n%s", p.summary(), p.tree())
	_, err := io.WriteString(w, b.String())
	return err
}

// title says what the plan is about; quote is how a name is written.
func (p Plan) title(quote string) string {
	switch p.Environment {
	case "":
		return fmt.Sprintf("What the templates change against "+quote, p.Against)
	case contract.StackFoundation:
		return fmt.Sprintf("What changes in the foundation (stack "+quote+")", p.Stack)
	}
	return fmt.Sprintf("What changes in environment "+quote+" (stack "+quote+")", p.Environment, p.Stack)
}

// Markdown writes the plan as a comment of a pull request.
func (p Plan) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", p.title("`%s`"))
	for i, r := range p.Risks {
		if i == 0 {
			b.WriteString("| risk | what happens |\n| --- | --- |\n")
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", r.Name, escaped(r.Text))
	}
	if len(p.Risks) == 0 {
		b.WriteString("Nothing at risk was found.\n")
	}
	if p.Cost.Region != "" {
		fmt.Fprintf(&b, "\n%s\n", p.Cost)
	}
	for _, note := range p.Notes {
		fmt.Fprintf(&b, "\n> %s.\n", escaped(note))
	}
	if len(p.Changes) == 0 {
		fmt.Fprintf(&b, "\n%s.\n", p.summary())
	} else {
		// No line of the tree begins with the fence: those of values are indented by more than three spaces.
		fmt.Fprintf(&b, "\n<details><summary>%s</summary>\n\n```text%s```\n\n</details>\n", p.summary(), p.tree())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var escaped = strings.NewReplacer(`\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "<", "&lt;", "[", `\[`, "\n", " ").Replace

// summary counts the changes.
func (p Plan) summary() string {
	count := map[string]int{}
	for _, c := range p.Changes {
		if c.perhaps() {
			count["perhaps modify"]++
			continue
		}
		count[c.Action]++
	}
	var parts []string
	for _, action := range []string{"add", "modify", "perhaps modify", "replace", "perhaps replace", "remove"} {
		if n := count[action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", action, n))
		}
	}
	if len(parts) == 0 {
		return "No resource changes"
	}
	return "Resources: " + strings.Join(parts, ", ")
}

var signs = map[string]string{"add": "+", "modify": "~", "replace": "-/+", "perhaps replace": "-/+?", "remove": "-"}

// tree lists the changes below their stacks.
func (p Plan) tree() string {
	var b strings.Builder
	stack := ""
	for _, c := range p.Changes {
		if c.Stack != stack {
			stack = c.Stack
			fmt.Fprintf(&b, "\n%s\n", stack)
		}
		more := ""
		if c.Retained {
			more = ", the old one kept"
		}
		sign := signs[c.Action]
		switch {
		case c.perhaps():
			sign += "?"
			more += " (AWS only guesses that it is changed: it does not know a value yet)"
		case c.Guess:
			more += " (AWS only guesses that it is replaced: it is not)"
		}
		fmt.Fprintf(&b, "  %-4s %s (%s): %s%s\n", sign, c.LogicalID, c.Type, c.Action, more)
		for _, property := range c.Properties {
			fmt.Fprintf(&b, "         %s\n", property)
		}
	}
	return b.String()
}

// perhaps tells a change of which no value is known.
func (c Change) perhaps() bool {
	return c.Guess && !slices.ContainsFunc(c.Properties, func(p Property) bool { return p.After != unknown })
}

func (p Property) String() string {
	if p.Follows != "" && p.Before == p.After {
		return p.Path + ": follows " + p.Follows
	}
	before, after := short(p.Before, p.After)
	if p.Follows != "" {
		return fmt.Sprintf("%s: %s -> %s (follows %s)", p.Path, before, after, p.Follows)
	}
	return fmt.Sprintf("%s: %s -> %s", p.Path, before, after)
}

// limit is how much of a value stands in a line, and lead what stands of it before the place where it differs, in characters.
const limit, lead = 100, 20

// short are two values in as much space as a line has for them, both from about where they differ on.
func short(before, after string) (string, string) {
	a, b := []rune(before), []rune(after)
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	from := max(0, same-lead)
	if len(a) <= limit && len(b) <= limit {
		from = 0
	}
	return cut(a, from), cut(b, from)
}

func cut(value []rune, from int) string {
	if len(value) == 0 {
		return "(none)"
	}
	begin, end := "", ""
	if from > 0 {
		begin = "..."
	}
	if value = value[from:]; len(value) > limit {
		value, end = value[:limit], "..."
	}
	return begin + strings.ReplaceAll(string(value), "\n", `\n`) + end
}

func (c Cost) String() string {
	before, after := span(c.BeforeLow, c.BeforeHigh), span(c.AfterLow, c.AfterHigh)
	if before == after {
		return fmt.Sprintf("Cost in %s: %s USD a month before traffic, as before.", c.Region, after)
	}
	return fmt.Sprintf("Cost in %s: %s USD a month before traffic; it was %s.", c.Region, after, before)
}

// span words an amount, or its lowest and highest.
func span(low, high float64) string {
	if high > low {
		return fmt.Sprintf("%.2f to %.2f", low, high)
	}
	return fmt.Sprintf("%.2f", low)
}

// rounded is to cents.
func rounded(low, high float64) (float64, float64) {
	return math.Round(low*100) / 100, math.Round(high*100) / 100
}
