package awsdouble

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LogEvent is one line of a log stream.
type LogEvent struct {
	Time    time.Time
	Message string

	id string // of FilterLogEvents
}

func (d *Double) logsHandlers() map[string]handler {
	return map[string]handler{
		"DeleteLogGroup": d.deleteLogGroup, "DescribeLogGroups": d.describeLogGroups, "DescribeLogStreams": d.describeLogStreams,
		"GetLogEvents": d.getLogEvents, "FilterLogEvents": d.filterLogEvents,
	}
}

// PutLog writes lines to a stream, in a group that there is.
func (d *Double) PutLog(group, stream string, lines ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.putLog(group, stream, lines)
}

// putLog loses the lines where there is no group: the writers may not make one.
func (d *Double) putLog(group, stream string, lines []string) {
	if d.logs[group] == nil {
		return
	}
	for _, line := range lines {
		d.logs[group][stream] = append(d.logs[group][stream], LogEvent{d.now(), line, d.chars("0123456789", 56)})
	}
}

// SimpleLogs lets FilterLogEvents leave out the events' ids and heed no prefix of streams, as emulators do.
func (d *Double) SimpleLogs() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.simpleLogs = true
}

// PutLateLog writes a line with an earlier time, as a writer does whose lines are long under way.
func (d *Double) PutLateLog(group, stream string, at time.Time, line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.logs[group][stream] = append(d.logs[group][stream], LogEvent{at, line, d.chars("0123456789", 56)})
}

func (d *Double) describeLogGroups(in object) (object, error) {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(d.logs)) {
		if strings.HasPrefix(name, text(in, "logGroupNamePrefix")) {
			names = append(names, name)
		}
	}
	names, next := page(d, names, text(in, "nextToken"), number(in, "limit"))
	members := list{}
	for _, name := range names {
		members = append(members, object{
			"logGroupName": name, "arn": d.arn("logs", "log-group:"+name+":*"), "logGroupArn": d.arn("logs", "log-group:"+name),
		})
	}
	return object{"logGroups": members, "nextToken": opt(next)}, nil
}

func (d *Double) logGroup(in object) (map[string][]LogEvent, error) {
	name := text(in, "logGroupName")
	if arn := text(in, "logGroupIdentifier"); arn != "" {
		name = strings.TrimSuffix(lastPart(strings.TrimSuffix(arn, ":*"), ":"), ":*")
	}
	if group := d.logs[name]; group != nil {
		return group, nil
	}
	return nil, fail("ResourceNotFoundException", "The specified log group does not exist.")
}

func (d *Double) describeLogStreams(in object) (object, error) {
	group, err := d.logGroup(in)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(group)) {
		if strings.HasPrefix(name, text(in, "logStreamNamePrefix")) {
			names = append(names, name)
		}
	}
	if text(in, "orderBy") == "LastEventTime" {
		slices.SortFunc(names, func(a, b string) int { return last(group[a]).Compare(last(group[b])) })
	}
	if flag(in, "descending") {
		slices.Reverse(names)
	}
	names, next := page(d, names, text(in, "nextToken"), number(in, "limit"))
	members := list{}
	for _, name := range names {
		members = append(members, object{"logStreamName": name, "lastEventTimestamp": last(group[name]).UnixMilli()})
	}
	return object{"logStreams": members, "nextToken": opt(next)}, nil
}

func last(events []LogEvent) time.Time {
	if len(events) == 0 {
		return time.UnixMilli(0)
	}
	return events[len(events)-1].Time
}

// getLogEvents answers the newest events unless startFromHead; tokens are offsets, forward ("f/") or backward ("b/").
// As with the service, the end is told from a token that comes back unchanged.
func (d *Double) getLogEvents(in object) (object, error) {
	group, err := d.logGroup(in)
	if err != nil {
		return nil, err
	}
	events, ok := group[text(in, "logStreamName")]
	if !ok {
		return nil, fail("ResourceNotFoundException", "The specified log stream does not exist.")
	}
	size := d.pageSize
	if limit := number(in, "limit"); limit > 0 {
		size = min(size, limit)
	}
	start := max(0, len(events)-size)
	direction, offset, _ := strings.Cut(text(in, "nextToken"), "/")
	at, _ := strconv.Atoi(offset)
	switch {
	case direction == "f":
		start = min(at, len(events))
	case direction == "b":
		start = max(0, at-size)
		size = at - start
	case flag(in, "startFromHead"):
		start = 0
	}
	end := min(start+size, len(events))
	return object{
		"events":           logEvents(events[start:end], object{}),
		"nextForwardToken": "f/" + strconv.Itoa(end), "nextBackwardToken": "b/" + strconv.Itoa(start),
	}, nil
}

func logEvents(events []LogEvent, more object) list {
	members := list{}
	for _, e := range events {
		o := object{"timestamp": e.Time.UnixMilli(), "ingestionTime": e.Time.UnixMilli(), "message": e.Message}
		maps.Copy(o, more)
		members = append(members, o)
	}
	return members
}

func (d *Double) filterLogEvents(in object) (object, error) {
	group, err := d.logGroup(in)
	if err != nil {
		return nil, err
	}
	wanted := texts(in, "logStreamNames")
	var all list
	for _, name := range slices.Sorted(maps.Keys(group)) {
		if len(wanted) > 0 && !slices.Contains(wanted, name) || !d.simpleLogs && !strings.HasPrefix(name, text(in, "logStreamNamePrefix")) {
			continue
		}
		for _, e := range group[name] {
			id := any(e.id)
			if d.simpleLogs {
				id = nil
			}
			all = append(all, logEvents([]LogEvent{e}, object{"logStreamName": name, "eventId": id})...)
		}
	}
	from, to, pattern := int64(number(in, "startTime")), int64(number(in, "endTime")), strings.Trim(text(in, "filterPattern"), `"`)
	all = slices.DeleteFunc(all, func(e any) bool {
		o, _ := e.(object)
		at, _ := o["timestamp"].(int64)
		return at < from || to > 0 && at > to || !strings.Contains(text(o, "message"), pattern)
	})
	slices.SortStableFunc(all, func(a, b any) int { return eventTime(a) - eventTime(b) })
	events, next := page(d, all, text(in, "nextToken"), number(in, "limit"))
	return object{"events": events, "nextToken": opt(next)}, nil
}

func eventTime(event any) int {
	o, _ := event.(object)
	at, _ := o["timestamp"].(int64)
	return int(at)
}

func (d *Double) deleteLogGroup(in object) (object, error) {
	t := d.thing("AWS::Logs::LogGroup", text(in, "logGroupName"))
	if t == nil {
		return nil, fail("ResourceNotFoundException", "The specified log group does not exist.")
	}
	return object{}, d.removeThing(t)
}
