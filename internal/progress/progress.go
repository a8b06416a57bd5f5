// Package progress shows what a stack operation does while it goes on: on a terminal as a tree that is drawn again and
// again, elsewhere as one line an event.
package progress

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Event is one stack event.
type Event struct {
	Place  string // where in the tree: "shop-prod" for the root's own events, "shop-prod.ECS.Service" for a resource's
	Type   string // of the resource, as CloudFormation names it
	Status string // such as CREATE_IN_PROGRESS
	Reason string // why, where it failed
	At     time.Time
}

func (e Event) failed() bool { return strings.HasSuffix(e.Status, "_FAILED") }

// Tasks is how far a deployment of a service is. Numbers are of tasks.
type Tasks struct {
	Running, Pending, Desired, Failed int
	Rollout                           string // COMPLETED, FAILED or IN_PROGRESS; empty where ECS does not say
}

func (t Tasks) String() string {
	text := fmt.Sprintf("%d of %d tasks running", t.Running, t.Desired)
	if t.Pending > 0 {
		text += fmt.Sprintf(", %d starting", t.Pending)
	}
	if t.Failed > 0 {
		text += fmt.Sprintf(", %d failed", t.Failed)
	}
	if t.Rollout != "" {
		text += ", rollout " + strings.ToLower(strings.ReplaceAll(t.Rollout, "_", " "))
	}
	return text
}

// Display writes progress. It is for one goroutine.
type Display struct {
	w      io.Writer
	screen Screen
	now    func() time.Time
	tree   *tree
	drawn  []string // the lines of the tree that stand at the end of the terminal
	said   map[string]string
}

// Screen is the terminal that is written to.
type Screen struct {
	// Size tells columns and rows, which may change at any time; nil where there is no terminal.
	Size  func() (columns, rows int)
	Color bool
}

// New makes a display. Without a terminal it writes plain lines.
func New(w io.Writer, s Screen) *Display {
	return &Display{w: w, screen: s, now: time.Now, said: map[string]string{}}
}

// Line says something beside the events.
func (d *Display) Line(format string, args ...any) {
	d.above(fmt.Sprintf(format, args...))
}

// Event shows an event. One that says what the last of its place said, as a nested stack and its parent both do, is
// shown once.
func (d *Display) Event(e Event) {
	if d.tree == nil {
		d.tree = newTree()
	}
	d.tree.add(e, d.now())
	if said := e.Status + e.Reason; d.said[e.Place] != said {
		d.said[e.Place] = said
		if d.screen.Size == nil || e.failed() {
			d.above(e.line())
		}
	}
	d.Draw()
}

// line is an event where there is no tree, and a failure above it.
func (e Event) line() string {
	text := fmt.Sprintf("%s  %s: %s", e.At.Local().Format(time.TimeOnly), e.Place, e.Status)
	if e.Reason != "" && e.failed() {
		text += ": " + e.Reason
	}
	return text
}

// Service tells how far the deployment of the service at a place is.
func (d *Display) Service(place string, t Tasks) {
	if d.tree == nil || !d.tree.tasks(place, t) {
		return
	}
	if d.screen.Size == nil {
		d.above(fmt.Sprintf("%s  %s: %s", d.now().Local().Format(time.TimeOnly), place, t))
	}
	d.Draw()
}

// End leaves the tree as it is, and says how long each part took.
func (d *Display) End() {
	if d.tree == nil {
		return
	}
	d.Draw()
	took := d.tree.took()
	d.drawn, d.tree = nil, nil
	clear(d.said)
	if took != "" {
		d.above(took)
	}
}

// Draw brings the tree up to date; between events it is the time that changes.
func (d *Display) Draw() {
	if d.screen.Size != nil && d.tree != nil {
		d.write("")
	}
}

// above writes lines that stay, above the tree.
func (d *Display) above(text string) {
	d.write(text + "\n")
}

// write replaces the tree on the terminal by the text and the tree as it is now, in one write so that nothing flickers.
func (d *Display) write(text string) {
	if d.screen.Size == nil || d.tree == nil {
		_, _ = io.WriteString(d.w, text) // nobody could be told that nobody can be told
		return
	}
	columns, rows := d.screen.Size()
	var b strings.Builder
	if up := height(d.drawn, columns); up > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", up)
	}
	b.WriteString("\r\x1b[J" + text)
	d.drawn = nil
	for _, l := range d.tree.lines(d.now(), columns-1, rows-1) {
		d.drawn = append(d.drawn, l.text)
		b.WriteString(l.painted(d.screen.Color) + "\n")
	}
	_, _ = io.WriteString(d.w, b.String())
}

// height is how many rows lines take on a terminal that may have become narrower since they were written.
func height(lines []string, columns int) int {
	rows := 0
	for _, line := range lines {
		rows += max(1, (len([]rune(line))+columns-1)/max(1, columns))
	}
	return rows
}
