package progress

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var start = time.Date(2026, 11, 25, 10, 0, 0, 0, time.Local)

// story is a first launch: an event's place, status and second.
func story(d *Display, now *time.Time, ahead time.Duration) {
	tell := func(second int, place, kind, status, reason string) {
		*now = start.Add(time.Duration(second) * time.Second)
		d.Event(Event{place, kind, status, reason, now.Add(ahead)})
	}
	tell(0, "shop", stackType, "CREATE_IN_PROGRESS", "")
	tell(1, "shop.Network", stackType, "CREATE_IN_PROGRESS", "")
	tell(1, "shop.Network", stackType, "CREATE_IN_PROGRESS", "") // the nested stack's own
	tell(2, "shop.Network.VPC", "AWS::EC2::VPC", "CREATE_IN_PROGRESS", "")
	tell(12, "shop.Network.VPC", "AWS::EC2::VPC", "CREATE_COMPLETE", "")
	tell(20, "shop.Network", stackType, "CREATE_COMPLETE", "")
	tell(21, "shop.ECS", stackType, "CREATE_IN_PROGRESS", "")
	tell(22, "shop.ECS.Service", "AWS::ECS::Service", "CREATE_IN_PROGRESS", "")
	d.Service("shop.ECS.Service", Tasks{Running: 0, Desired: 2, Pending: 2})
	d.Service("shop.ECS.Service", Tasks{Running: 1, Desired: 2, Pending: 1, Failed: 1, Rollout: "IN_PROGRESS"})
	d.Service("shop.ECS.Service", Tasks{Running: 1, Desired: 2, Pending: 1, Failed: 1, Rollout: "IN_PROGRESS"})
}

func end(d *Display, now *time.Time, ahead time.Duration) {
	*now = start.Add(81 * time.Second)
	d.Event(Event{"shop.ECS.Service", "AWS::ECS::Service", "CREATE_FAILED", "it is unwell", now.Add(ahead)})
	d.Event(Event{"shop.ECS", stackType, "CREATE_FAILED", "", now.Add(ahead)})
	*now = start.Add(90 * time.Second)
	d.Event(Event{"shop", stackType, "ROLLBACK_COMPLETE", "", now.Add(ahead)})
	d.End()
}

// Where there is no terminal every event is one line with its time, and nothing is said twice.
func TestPlain(t *testing.T) {
	var out bytes.Buffer
	d := New(&out, Screen{})
	now := start
	d.now = func() time.Time { return now }
	d.Line("uploading %d templates", 3)
	story(d, &now, 0)
	end(d, &now, 0)
	want := `uploading 3 templates
10:00:00  shop: CREATE_IN_PROGRESS
10:00:01  shop.Network: CREATE_IN_PROGRESS
10:00:02  shop.Network.VPC: CREATE_IN_PROGRESS
10:00:12  shop.Network.VPC: CREATE_COMPLETE
10:00:20  shop.Network: CREATE_COMPLETE
10:00:21  shop.ECS: CREATE_IN_PROGRESS
10:00:22  shop.ECS.Service: CREATE_IN_PROGRESS
10:00:22  shop.ECS.Service: 0 of 2 tasks running, 2 starting
10:00:22  shop.ECS.Service: 1 of 2 tasks running, 1 starting, 1 failed, rollout in progress
10:01:21  shop.ECS.Service: CREATE_FAILED: it is unwell
10:01:21  shop.ECS: CREATE_FAILED
10:01:30  shop: ROLLBACK_COMPLETE
shop took 1:30: Network 0:19, ECS 1:00
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// On a terminal one tree stands below what was said, whatever the difference of the clocks is.
func TestTree(t *testing.T) {
	for _, ahead := range []time.Duration{0, time.Hour, -time.Hour} {
		s := &screen{columns: 120, rows: 30}
		d := New(s, Screen{Size: s.size})
		now := start
		d.now = func() time.Time { return now }
		d.Line("before")
		story(d, &now, ahead)
		now = start.Add(42 * time.Second)
		d.Draw()
		d.Line("between")
		s.want(t, `before
between
shop  CREATE_IN_PROGRESS  0:42
├ Network  CREATE_COMPLETE  0:19  1 of 1 resources done
└ ECS  CREATE_IN_PROGRESS  0:21  0 of 1 resources done
  └ Service  CREATE_IN_PROGRESS  0:20  1 of 2 tasks running, 1 starting, 1 failed, rollout in progress`)
		end(d, &now, ahead)
		d.Line("after")
		failed := start.Add(81*time.Second + ahead).Format(time.TimeOnly)
		s.want(t, `before
between
`+failed+`  shop.ECS.Service: CREATE_FAILED: it is unwell
`+failed+`  shop.ECS: CREATE_FAILED
shop  ROLLBACK_COMPLETE  1:30
├ Network  CREATE_COMPLETE  0:19  1 of 1 resources done
└ ECS  CREATE_FAILED  1:00  0 of 1 resources done
  └ Service  CREATE_FAILED  0:59  1 of 2 tasks running, 1 starting, 1 failed, rollout in progress
shop took 1:30: Network 0:19, ECS 1:00
after`)
	}
}

// A window that becomes narrow or low while the tree is drawn shows one tree, cut to what there is.
func TestResize(t *testing.T) {
	s := &screen{columns: 120, rows: 30}
	d := New(s, Screen{Size: s.size})
	now := start
	d.now = func() time.Time { return now }
	story(d, &now, 0)
	s.resize(31, 4)
	d.Draw()
	s.want(t, `shop  CREATE_IN_PROGRESS  0:22
├ Network  CREATE_COMPLETE  0…
… 2 more lines`)
	for range 3 {
		d.Draw()
	}
	if got := strings.Count(s.String(), "Network"); got != 1 {
		t.Errorf("the tree stands there %d times:\n%s", got, s)
	}
	s.resize(1, 1)
	d.Draw()
	s.resize(120, 30)
	d.Draw()
	if got := s.String(); !strings.Contains(got, "└ ECS  CREATE_IN_PROGRESS  0:01") {
		t.Errorf("the tree has not come back:\n%s", got)
	}
}

// Color is for those who can have it, and is not in the text's width.
func TestColor(t *testing.T) {
	for _, color := range []bool{false, true} {
		var out bytes.Buffer
		d := New(&out, Screen{Size: func() (int, int) { return 80, 24 }, Color: color})
		d.Event(Event{"shop", stackType, "CREATE_COMPLETE", "", start})
		if got := strings.Contains(out.String(), green+"CREATE_COMPLETE"+plain); got != color {
			t.Errorf("color is %v: %q", color, out.String())
		}
	}
}

// screen is a terminal, as far as a Display needs one: it wraps long lines, moves up and clears to its end.
type screen struct {
	columns, rows int
	lines         []string // as they stand, wrapped
	row           int
}

func (s *screen) size() (int, int) { return s.columns, s.rows }

var control = regexp.MustCompile(`^\x1b\[(\d*)([AJm])`)

func (s *screen) Write(p []byte) (int, error) {
	text := string(p)
	for text != "" {
		if m := control.FindStringSubmatch(text); m != nil {
			n, _ := strconv.Atoi(m[1])
			switch m[2] {
			case "A":
				s.row = max(0, s.row-n)
			case "J":
				s.lines = s.lines[:min(s.row, len(s.lines))]
			}
			text = text[len(m[0]):]
			continue
		}
		part, rest, ended := strings.Cut(text, "\n")
		if strings.HasPrefix(part, "\r") {
			text = text[1:]
			continue
		}
		if !ended {
			return 0, fmt.Errorf("a line without an end: %q", part)
		}
		for _, row := range wrap(part, s.columns) {
			s.lines = append(s.lines[:min(s.row, len(s.lines))], row)
			s.row++
		}
		text = rest
	}
	return len(p), nil
}

func wrap(text string, columns int) []string {
	runes := []rune(text)
	var rows []string
	for len(runes) > columns {
		rows, runes = append(rows, string(runes[:columns])), runes[columns:]
	}
	return append(rows, string(runes))
}

// resize wraps what stands there anew, as terminals do.
func (s *screen) resize(columns, rows int) {
	s.columns, s.rows = columns, rows
	old := s.lines
	s.lines = nil
	for _, l := range old {
		s.lines = append(s.lines, wrap(l, columns)...)
	}
	s.row = len(s.lines)
}

func (s *screen) String() string { return strings.Join(s.lines, "\n") }

func (s *screen) want(t *testing.T, want string) {
	t.Helper()
	if diff := cmp.Diff(want, s.String()); diff != "" {
		t.Error(diff)
	}
}
