package config

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"slipway/internal/suggest"
)

// maxTasks is far below the quota of 5000 tasks a service
// (docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html), and above what one file should bring up by a slip.
const maxTasks = 1000

func (r *reader) tasks(environment object, service Service) Tasks {
	o := r.sub(environment, "tasks")
	least, leastRead := r.number(o, "min")
	most, mostRead := r.numberOr(o, "max", least)
	r.inOrder(o, least, most, leastRead && mostRead)
	t := Tasks{Min: least, Max: most}
	t.ScaleOnCPU, _ = r.number(o, "scaleOnCPU")
	t.ScaleOnMemory, _ = r.number(o, "scaleOnMemory")
	t.ScaleOnRequests, _ = r.number(o, "scaleOnRequests")
	t.Spot, _ = r.number(o, "spot")
	t.Schedule = r.schedule(o)
	r.scaling(o, t)
	r.spot(o, t, service)
	if t.Scales() && t.ScaleOnCPU == 0 && t.ScaleOnMemory == 0 && t.ScaleOnRequests == 0 {
		t.ScaleOnCPU = DefaultScaleOnCPU
	}
	return t
}

// schedule reads the bounds that hold from a time on.
func (r *reader) schedule(tasks object) []Schedule {
	var schedules []Schedule
	for _, o := range r.items(tasks, "schedule", "") {
		at, ok := r.textOr(o, "at", scheduleHint)
		if problem := cronProblem(at); ok && problem != "" {
			r.Add(o.ValueAt("at"), "%s is %q, %s", o.Label("at"), shorten(at), problem)
		}
		timezone := r.timezone(o)
		least, leastRead := r.number(o, "min")
		most, mostRead := r.number(o, "max")
		r.inOrder(o, least, most, leastRead && mostRead)
		if i := slices.IndexFunc(schedules, func(s Schedule) bool { return s.At == at && s.Timezone == timezone }); ok && i >= 0 {
			r.Add(o.ValueAt("at"), "%s is %q again; two bounds at one time would race: keep one of them", o.Label("at"), shorten(at))
		}
		schedules = append(schedules, Schedule{At: at, Timezone: timezone, Min: least, Max: most})
	}
	return schedules
}

// timezones are the names of the IANA database with an area, as Go 1.26 has it (lib/time/zoneinfo.zip). They stand here, and
// are not asked of the machine, since one without the database would otherwise refuse what another takes.
//
//go:embed timezones.txt
var timezones string

// timezone reads a name of the IANA database, of which Application Auto Scaling takes the canonical ones
// (docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html); empty for UTC.
func (r *reader) timezone(o object) string {
	zone, ok := r.textOr(o, "timezone", timezoneHint)
	if known := strings.Fields(timezones); ok && zone != "" && !slices.Contains(known, zone) {
		r.Add(o.ValueAt("timezone"), "%s is %q, which the IANA database does not have; it must be %s%s",
			o.Label("timezone"), zone, declared(o.Label("timezone")).must(), suggest.DidYouMean(zone, known))
	}
	return zone
}

func (r *reader) inOrder(o object, least, most int, read bool) {
	if read && most < least {
		r.Add(o.ValueAt("max"), "%s is %d, less than min, which is %d; it must be %d to %d", o.Label("max"), most, least, least, maxTasks)
	}
}

// scaling refuses a target for a number of tasks that never changes.
func (r *reader) scaling(o object, t Tasks) {
	if t.Scales() {
		return
	}
	for _, key := range []string{"scaleOnCPU", "scaleOnMemory", "scaleOnRequests"} {
		if _, given := o.Field(key); given {
			r.Add(o.ValueAt(key), "%s is given, but the number of tasks never changes: max is %d, as min is; set max above it, or leave %s out", o.Label(key), t.Max, key)
		}
	}
}

// spot holds the time to drain against the time to stop. A task on Spot is told to stop (SIGTERM) when AWS takes its capacity
// back, and not only after its target has drained: it must go on serving as long as requests may still come
// (docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html).
func (r *reader) spot(o object, t Tasks, service Service) {
	if t.Spot > 0 && service.Drain > service.StopTimeout {
		r.Add(o.ValueAt("spot"), "%s is %d, but service.drain is %d and service.stopTimeout %d: a task on Spot is killed stopTimeout after it is told to stop, "+
			"while the load balancer still sends it requests; set drain to %d at most, or stopTimeout (at most %d) to drain",
			o.Label("spot"), t.Spot, service.Drain, service.StopTimeout, service.StopTimeout, declared("service.stopTimeout").most)
	}
}

// scheduleHint says what to write for the expressions that are not taken.
func scheduleHint(text string) string {
	switch {
	case strings.HasPrefix(text, "at("):
		return "; what happens once does not belong into a file that lasts"
	case strings.HasPrefix(text, "rate("):
		return "; bounds that come back at a rate have no time of day"
	case len(strings.Fields(text)) == 5:
		return "; cron of Unix has five fields, that of AWS a sixth for the year, and ? in one of the two days"
	default:
		return ""
	}
}

// timezoneHint says what to write for the names that are not taken.
func timezoneHint(text string) string {
	if text == "UTC" || text == "GMT" {
		return "; leave it out for UTC"
	}
	return "; abbreviations and offsets are not taken, since they know no summer time"
}

// cronField is one of the six fields of a schedule expression
// (docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html).
type cronField struct {
	name        string
	least, most int
	words       []string // may stand for numbers, beginning with the least
	day         bool     // ? may stand here
}

var cronFields = []cronField{
	{name: "minutes", least: 0, most: 59},
	{name: "hours", least: 0, most: 23},
	{name: "day-of-month", least: 1, most: 31, day: true},
	{name: "month", least: 1, most: 12, words: strings.Fields("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC")},
	{name: "day-of-week", least: 1, most: 7, words: strings.Fields("SUN MON TUE WED THU FRI SAT"), day: true},
	{name: "year", least: 1970, most: 2199},
}

// cronProblem says what is wrong with a schedule expression, or nothing.
func cronProblem(expression string) string {
	fields := strings.Fields(strings.TrimSuffix(strings.TrimPrefix(expression, "cron("), ")"))
	if len(fields) != len(cronFields) {
		return fmt.Sprintf("which has %d fields; it must have 6: minutes, hours, day-of-month, month, day-of-week and year", len(fields))
	}
	for i, text := range fields {
		if !cronFields[i].has(text) {
			return fmt.Sprintf("where %s is %q; it must be %s", cronFields[i].name, text, cronFields[i])
		}
	}
	if (fields[2] == "?") == (fields[4] == "?") {
		return "where one of day-of-month and day-of-week must be ?, and the other not"
	}
	return ""
}

// has says whether the field may be so.
func (f cronField) has(text string) bool {
	if text == "*" {
		return true
	}
	if f.day && f.hasDay(text) {
		return true
	}
	for part := range strings.SplitSeq(text, ",") {
		span, step, stepped := strings.Cut(part, "/")
		if stepped && !within(step, 1, f.most) {
			return false
		}
		from, to, isRange := strings.Cut(span, "-")
		first, ok := f.number(from)
		if span == "*" && stepped {
			first, ok = f.least, true
		}
		if !ok {
			return false
		}
		if last, ok := f.number(to); isRange && (!ok || last < first) {
			return false
		}
	}
	return true
}

// hasDay knows what only days can be: any, the last, the nearest weekday to one, the third Friday.
func (f cronField) hasDay(text string) bool {
	if text == "?" || text == "L" {
		return true
	}
	if day, ok := strings.CutSuffix(text, "W"); ok && f.words == nil {
		return day == "L" || within(day, f.least, f.most)
	}
	if f.words == nil {
		return false
	}
	if day, ok := strings.CutSuffix(text, "L"); ok {
		_, ok = f.number(day)
		return ok
	}
	day, week, ok := strings.Cut(text, "#")
	_, known := f.number(day)
	return ok && known && within(week, 1, 5)
}

// number is a value of the field, by its number or its word.
func (f cronField) number(text string) (int, bool) {
	for i, word := range f.words {
		if strings.EqualFold(word, text) {
			return f.least + i, true
		}
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && wholeNumber.MatchString(text) && f.least <= n && n <= f.most
}

func within(text string, least, most int) bool {
	_, ok := cronField{least: least, most: most}.number(text)
	return ok
}

// String lists for a person what may stand in the field.
func (f cronField) String() string {
	text := fmt.Sprintf("%d to %d", f.least, f.most)
	if f.words != nil {
		text += fmt.Sprintf(" or %s to %s", f.words[0], f.words[len(f.words)-1])
	}
	return text + ", *, a range (1-5), a list (1,3) or steps (0/15)"
}
