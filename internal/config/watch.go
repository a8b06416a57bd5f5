package config

func (r *reader) watch(environment object) Watch {
	o := r.sub(environment, "watch")
	email, _ := r.text(o, "email")
	topic, _ := r.text(o, "topic")
	latency, _ := r.number(o, "latency")
	w := Watch{Alarms: r.boolean(o, "alarms"), Email: email, Topic: topic, Latency: latency,
		Dashboard: r.boolean(o, "dashboard"), Insights: r.boolean(o, "insights")}
	if w.Email != "" && w.Topic != "" {
		r.Add(o.ValueAt("topic"), "%s is given beside email; keep one of them: a topic that exists has its own subscribers", o.Label("topic"))
	}
	if _, given := o.Field("latency"); given && !w.Alarms {
		r.Add(o.ValueAt("latency"), "%s is given, but alarms is false, so there is no alarm that it belongs to; leave it out", o.Label("latency"))
	}
	return w
}
