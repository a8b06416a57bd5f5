package progress

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const stackType = "AWS::CloudFormation::Stack"

// node is a stack or a resource in the operation that is shown.
type node struct {
	place, name  string
	stack        bool
	status       string
	begun, ended time.Time // by CloudFormation's clock; ended is zero while it goes on
	tasks        *Tasks
	children     []*node
}

type tree struct {
	roots []*node
	nodes map[string]*node
	// behind is how much later than CloudFormation's times events arrive at the least: the difference of the clocks.
	behind time.Duration
	seen   bool
}

func newTree() *tree { return &tree{nodes: map[string]*node{}} }

func (t *tree) add(e Event, now time.Time) {
	if behind := now.Sub(e.At); !t.seen || behind < t.behind {
		t.behind, t.seen = behind, true
	}
	n := t.node(e.Place)
	n.stack = n.stack || e.Type == stackType
	if n.status == "" || n.done() && inProgress(e.Status) {
		n.begun = e.At
	}
	n.status, n.ended = e.Status, time.Time{}
	if n.done() {
		n.ended = e.At
	}
}

// node finds a place, or makes it below its parent's.
func (t *tree) node(place string) *node {
	if n := t.nodes[place]; n != nil {
		return n
	}
	n := &node{place: place, name: place}
	t.nodes[place] = n
	if i := strings.LastIndex(place, "."); i >= 0 {
		n.name = place[i+1:]
		parent := t.node(place[:i])
		parent.stack = true
		parent.children = append(parent.children, n)
	} else {
		t.roots = append(t.roots, n)
	}
	return n
}

// tasks notes how far a service is, and says whether that is news.
func (t *tree) tasks(place string, tasks Tasks) bool {
	n := t.nodes[place]
	if n == nil || n.tasks != nil && *n.tasks == tasks {
		return false
	}
	n.tasks = &tasks
	return true
}

func inProgress(status string) bool { return strings.HasSuffix(status, "_IN_PROGRESS") }

func (n *node) done() bool { return n.status != "" && !inProgress(n.status) }

func (n *node) failed() bool {
	return strings.HasSuffix(n.status, "_FAILED") || strings.Contains(n.status, "ROLLBACK")
}

func (n *node) elapsed(now time.Time) time.Duration {
	if n.begun.IsZero() {
		return 0
	}
	if !n.ended.IsZero() {
		now = n.ended
	}
	return max(0, now.Sub(n.begun))
}

// line is a row of the tree.
type line struct {
	text   string
	status string // the part of the text that is painted
	paint  string
}

const (
	green, red, yellow = "\x1b[32m", "\x1b[31m", "\x1b[33m"
	plain              = "\x1b[0m"
)

func (l line) painted(color bool) string {
	if !color || l.status == "" {
		return l.text
	}
	return strings.Replace(l.text, l.status, l.paint+l.status+plain, 1)
}

// lines are the tree: every stack, and of the resources those that are waited for or have failed. What does not fit into
// the rows is counted.
func (t *tree) lines(now time.Time, columns, rows int) []line {
	var all []line
	for _, root := range t.roots {
		all = append(all, root.lines(now.Add(-t.behind), "", "")...)
	}
	if rows = max(rows, 1); len(all) > rows {
		hidden := len(all) - rows + 1
		all = append(all[:rows-1], line{text: fmt.Sprintf("… %d more lines", hidden)})
	}
	for i := range all {
		all[i].text = cut(all[i].text, columns)
		if !strings.Contains(all[i].text, all[i].status) {
			all[i].status = ""
		}
	}
	return all
}

func (n *node) lines(now time.Time, first, rest string) []line {
	list := []line{n.line(now, first)}
	shown := slices.DeleteFunc(slices.Clone(n.children), func(c *node) bool { return !c.stack && c.done() && !c.failed() })
	for i, child := range shown {
		if i == len(shown)-1 {
			list = append(list, child.lines(now, rest+"└ ", rest+"  ")...)
		} else {
			list = append(list, child.lines(now, rest+"├ ", rest+"│ ")...)
		}
	}
	return list
}

func (n *node) line(now time.Time, prefix string) line {
	l := line{status: n.status, paint: yellow}
	switch {
	case n.failed():
		l.paint = red
	case n.done():
		l.paint = green
	}
	l.text = prefix + n.name
	if n.status != "" {
		l.text += "  " + n.status + "  " + clock(n.elapsed(now))
	}
	if done, all := n.count(); n.stack && all > 0 {
		l.text += fmt.Sprintf("  %d of %d resources done", done, all)
	}
	if n.tasks != nil {
		l.text += "  " + n.tasks.String()
	}
	return l
}

// count is of a stack's own resources, as far as CloudFormation has begun with them.
func (n *node) count() (done, all int) {
	for _, c := range n.children {
		if c.stack {
			continue
		}
		all++
		if c.done() && !c.failed() {
			done++
		}
	}
	return done, all
}

// took words how long the whole and each nested stack took; empty where nothing has ended.
func (t *tree) took() string {
	var texts []string
	for _, root := range t.roots {
		if !root.done() {
			continue
		}
		text := fmt.Sprintf("%s took %s", root.name, clock(root.elapsed(time.Time{})))
		var parts []string
		for _, c := range root.children {
			if c.stack && c.done() {
				parts = append(parts, fmt.Sprintf("%s %s", c.name, clock(c.elapsed(time.Time{}))))
			}
		}
		if len(parts) > 0 {
			text += ": " + strings.Join(parts, ", ")
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "\n")
}

// clock writes minutes and seconds.
func clock(d time.Duration) string {
	seconds := int(d.Round(time.Second).Seconds())
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}

// cut shortens a text to a number of columns.
func cut(text string, columns int) string {
	runes := []rune(text)
	if columns < 1 || len(runes) <= columns {
		return text
	}
	return string(runes[:columns-1]) + "…"
}
