package main

// flush writes the counts since the last one.
func (m *metrics) flush() {
	m.mu.Lock()
	interval := m.counts
	m.counts = counts{}
	m.mu.Unlock()
	definitions := []metricDefinition{{"Requests", "Count"}, {"ClientErrors", "Count"}, {"ServerErrors", "Count"}, {"Panics", "Count"}}
	if len(interval.Duration) > 0 {
		definitions = append(definitions, metricDefinition{"Duration", "Microseconds"})
	}
	line := metricsLine{Message: "metrics", counts: interval}
	line.AWS.Timestamp = m.now().UnixMilli()
	line.AWS.CloudWatchMetrics = []metricDirective{{Namespace: m.namespace, Dimensions: [][]string{{}}, Metrics: definitions}}
	_, _ = m.out.Write(append(mustMarshal(line), '\n'))
}

// metricsLine is a line in CloudWatch's embedded metric format. Its metrics have no dimension: what tells services and
// environments apart is the namespace.
type metricsLine struct {
	Message string `json:"msg"`
	AWS     struct {
		Timestamp         int64 // milliseconds since 1970
		CloudWatchMetrics []metricDirective
	} `json:"_aws"`
	counts
}

type metricDirective struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metricDefinition
}

type metricDefinition struct{ Name, Unit string }
