package stacks

import (
	"fmt"
	"strings"

	"github.com/awslabs/goformation/v7/cloudformation/cloudwatch"

	"slipway/internal/cfn"
)

// A dashboard has 24 columns, here three widgets of 8 in a row
// (docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html).
const (
	dashboardColumns = 24
	widgetColumns    = 8
	widgetRows       = 6
	alarmRows        = 3
)

// widget is one of them, with its properties as JSON.
type widget struct {
	kind, properties    string
	x, y, width, height int
}

// line is one metric of a graph, with its statistic and what it is called there.
type line struct {
	measure
	stat, label string
}

// graph is one widget of lines.
type graph struct {
	title string
	lines []line
	limit float64 // drawn where it is above 0
}

// addDashboard shows what there is of the stack. CloudFormation makes a dashboard's name of its logical id alone, though it
// is the account's, of all Regions: the nested stack's name tells it from others.
func (s *service) addDashboard() {
	s.t.Add("Dashboard", &cloudwatch.Dashboard{DashboardName: new(cfn.StackName), DashboardBody: cfn.Sub(s.dashboardBody())})
}

// dashboardBody is the JSON, for Sub, with a widget on each line. All texts in it are ours or logical ids, in ASCII, which Go
// quotes as JSON does.
func (s *service) dashboardBody() string {
	var lines []string
	for _, w := range s.widgets() {
		lines = append(lines, fmt.Sprintf(`{"type": %q, "x": %d, "y": %d, "width": %d, "height": %d, "properties": {%s}}`, w.kind, w.x, w.y, w.width, w.height, w.properties))
	}
	return "{\"widgets\": [\n" + strings.Join(lines, ",\n") + "\n]}\n"
}

func (s *service) widgets() []widget {
	var list []widget
	top := 0
	if len(s.alarms) > 0 {
		list, top = append(list, widget{kind: "alarm", width: dashboardColumns, height: alarmRows, properties: s.alarmBoard()}), alarmRows
	}
	const across = dashboardColumns / widgetColumns
	for i, g := range s.graphs() {
		list = append(list, widget{"metric", g.properties(), i % across * widgetColumns, top + i/across*widgetRows, widgetColumns, widgetRows})
	}
	return list
}

func (s *service) alarmBoard() string {
	var arns []string
	for _, alarm := range s.alarms {
		arns = append(arns, `"${`+alarm.ID()+`.Arn}"`)
	}
	return `"title": "Alarms", "alarms": [` + strings.Join(arns, ", ") + "]"
}

// graphs are those whose metrics exist: numbers of tasks come with Container Insights alone, blocked requests with the
// firewall.
func (s *service) graphs() []graph {
	list := []graph{
		{title: "Requests", lines: []line{{s.ofTargets("RequestCount"), "Sum", "requests"}, {s.ofTargets("HTTPCode_Target_4XX_Count"), "Sum", "4xx of the tasks"}}},
		{title: "Errors", lines: []line{{s.ofTargets("HTTPCode_Target_5XX_Count"), "Sum", "5xx of the tasks"}, {s.ofBalancer("HTTPCode_ELB_5XX_Count"), "Sum", "5xx of the load balancer"}}},
		{title: "Latency (s)", limit: float64(s.env.Watch.Latency) / 1000, lines: []line{
			{s.ofTargets("TargetResponseTime"), "p50", "half of the requests"}, {s.ofTargets("TargetResponseTime"), "p99", "99 of 100"}}},
		{title: "Hosts", lines: []line{{s.ofTargets("HealthyHostCount"), "Minimum", "healthy"}, {s.ofTargets("UnHealthyHostCount"), "Maximum", "unhealthy"}}},
		{title: "CPU (%)", limit: usagePercent, lines: []line{{s.ofTasks(taskMetrics, "CPUUtilization"), "Average", "average"}, {s.ofTasks(taskMetrics, "CPUUtilization"), "Maximum", "busiest task"}}},
		{title: "Memory (%)", limit: usagePercent, lines: []line{{s.ofTasks(taskMetrics, "MemoryUtilization"), "Average", "average"}, {s.ofTasks(taskMetrics, "MemoryUtilization"), "Maximum", "fullest task"}}},
	}
	if s.env.Watch.Insights {
		list = append(list, graph{title: "Tasks", lines: []line{
			{s.ofTasks(insightsMetrics, "DesiredTaskCount"), "Maximum", "wanted"}, {s.ofTasks(insightsMetrics, "RunningTaskCount"), "Minimum", "running"}}})
	}
	if s.env.Entry.WAF {
		list = append(list, graph{title: "Firewall", lines: []line{{ofFirewall("BlockedRequests"), "Sum", "blocked requests"}}})
	}
	return list
}

func (g graph) properties() string {
	var rows []string
	for _, l := range g.lines {
		rows = append(rows, l.row())
	}
	text := fmt.Sprintf(`"title": %q, "region": "${AWS::Region}", "view": "timeSeries", "period": %d, "yAxis": {"left": {"min": 0}}, "metrics": [%s]`,
		g.title, alarmMinute, strings.Join(rows, ", "))
	if g.limit > 0 {
		text += fmt.Sprintf(`, "annotations": {"horizontal": [{"label": "limit", "value": %g}]}`, g.limit)
	}
	return text
}

// row is namespace, name, dimensions and what the graph makes of it.
func (l line) row() string {
	row := fmt.Sprintf("%q, %q, ", l.namespace, l.name)
	for _, d := range l.of {
		row += fmt.Sprintf("%q, %q, ", d.name, d.text)
	}
	return fmt.Sprintf(`[%s{"stat": %q, "label": %q}]`, row, l.stat, l.label)
}
