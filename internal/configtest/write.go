package configtest

import (
	"fmt"
	"strconv"
	"strings"

	"slipway/internal/config"
)

// Write puts a configuration into YAML, in block style or in flow style. What is off or empty by default is left out;
// everything else is written, defaults too.
func Write(cfg config.Config, flow bool) string {
	s := cfg.Service
	file := mapping{
		{"name", cfg.Name},
		{"service", mapping{
			{"port", s.Port}, {"cpu", s.CPU}, {"memory", s.Memory}, {"architecture", string(s.Architecture)}, {"bothArchitectures", s.BothArchitectures}, {"healthPath", s.HealthPath},
			{"healthInterval", s.HealthInterval}, {"healthGrace", s.HealthGrace}, {"stopTimeout", s.StopTimeout}, {"drain", s.Drain},
			{"command", texts(s.Command)}, {"user", s.User}, {"readOnlyRoot", s.ReadOnlyRoot}, {"exec", s.Exec}, {"storage", positive(s.Storage)},
			{"environment", variableNames(s.Environment)}, {"secrets", secretPlaces(s.Secrets)},
			{"sidecars", each(s.Sidecars, writeSidecar)}, {"permissions", each(s.Statements, writeStatement)},
			{"beforeDeploy", writeBeforeDeploy(s.BeforeDeploy)}, {"acceptance", each(s.Acceptance, writeCheck)}, {"build", writeBuild(s.Build)},
		}},
		{"environments", each(cfg.Environments, writeEnvironment)},
		{"pipeline", mapping{{"environment", cfg.Pipeline.Environment}, {"checks", string(cfg.Pipeline.Checks)}, {"scope", string(cfg.Pipeline.Scope)}, {"mode", string(cfg.Pipeline.Mode)},
			{"branches", each(cfg.Pipeline.Branches, writeBranch)}, {"source", writeSource(cfg.Pipeline.Source)}}},
		{"security", security(cfg.Security)},
	}
	var b strings.Builder
	b.WriteString("# a comment\n")
	if flow {
		writeFlow(&b, file)
	} else {
		writeBlock(&b, file, "")
	}
	b.WriteByte('\n')
	return b.String()
}

func writeSidecar(s config.Sidecar) any {
	return mapping{
		{"name", s.Name}, {"image", s.Image}, {"port", positive(s.Port)}, {"essential", s.Essential}, {"readOnlyRoot", s.ReadOnlyRoot}, {"user", given(s.User)},
		{"command", texts(s.Command)}, {"environment", variableNames(s.Environment)}, {"secrets", secretPlaces(s.Secrets)},
	}
}

func writeStatement(s config.Statement) any {
	return mapping{{"actions", texts(s.Actions)}, {"resources", texts(s.Resources)}}
}

func writeCheck(c config.Check) any {
	return mapping{{"path", c.Path}, {"status", c.Status}, {"contentType", given(c.ContentType)}, {"contains", given(c.Contains)}}
}

func writeBeforeDeploy(b config.BeforeDeploy) any {
	if !b.Runs() {
		return nil
	}
	return mapping{{"command", texts(b.Command)}, {"timeout", b.Timeout}}
}

func writeBuild(b config.Build) any {
	if b.Binary == "" {
		return nil
	}
	return mapping{{"command", texts(b.Command)}, {"binary", b.Binary}}
}

func writeSource(s config.Source) any {
	if !s.Connected() {
		return nil
	}
	return mapping{{"connection", s.Connection}, {"repository", s.Repository}, {"branch", given(s.Branch)}, {"paths", texts(s.Paths)}}
}

func writeBranch(b config.Branch) any {
	return mapping{{"name", b.Name}, {"environments", texts(b.Environments)}}
}

func writeEnvironment(e config.Environment) any {
	return mapping{
		{"name", e.Name}, {"protected", e.Protected}, {"approval", e.Approval}, {"environment", variableNames(e.Variables)},
		{"tasks", mapping{
			{"min", e.Tasks.Min}, {"max", e.Tasks.Max}, {"scaleOnCPU", positive(e.Tasks.ScaleOnCPU)}, {"scaleOnMemory", positive(e.Tasks.ScaleOnMemory)},
			{"scaleOnRequests", positive(e.Tasks.ScaleOnRequests)}, {"schedule", each(e.Tasks.Schedule, writeSchedule)}, {"spot", e.Tasks.Spot},
		}},
		{"network", writeNetwork(e.Network)},
		{"entry", writeEntry(e.Entry)},
		{"watch", writeWatch(e.Watch)},
	}
}

func writeSchedule(s config.Schedule) any {
	return mapping{{"at", s.At}, {"timezone", given(s.Timezone)}, {"min", s.Min}, {"max", s.Max}}
}

func writeNetwork(n config.Network) any {
	if n.Exists() {
		return mapping{{"cidr", n.CIDR.String()}, {"vpc", n.VPC}, {"publicSubnets", texts(n.PublicSubnets)}, {"privateSubnets", texts(n.PrivateSubnets)}}
	}
	return mapping{{"cidr", n.CIDR.String()}, {"zones", n.Zones}, {"nat", string(n.NAT)}, {"endpoints", n.Endpoints}, {"flowLogs", n.FlowLogs}}
}

func writeEntry(e config.Entry) any {
	var allow []string
	for _, prefix := range e.Allow {
		allow = append(allow, prefix.String())
	}
	m := mapping{
		{"domain", given(e.Domain)}, {"hostedZone", given(e.HostedZone)}, {"certificate", given(e.Certificate)}, {"internal", e.Internal},
		{"allow", texts(allow)}, {"accessLogs", e.AccessLogs}, {"waf", e.WAF}, {"idleTimeout", e.IdleTimeout},
	}
	if e.WAF {
		m = append(m, pair{"rateLimit", e.RateLimit})
	}
	return m
}

func writeWatch(w config.Watch) any {
	m := mapping{{"alarms", w.Alarms}, {"email", given(w.Email)}, {"topic", given(w.Topic)}, {"dashboard", w.Dashboard}, {"insights", w.Insights}}
	if w.Alarms {
		m = append(m, pair{"latency", w.Latency})
	}
	return m
}

// mapping keeps its order; a pair whose value is nil is left out.
type (
	mapping []pair
	pair    struct {
		key   string
		value any
	}
	list []any
)

func each[T any](values []T, write func(T) any) any {
	if len(values) == 0 {
		return nil
	}
	var l list
	for _, value := range values {
		l = append(l, write(value))
	}
	return l
}

func security(s config.Security) mapping {
	return mapping{
		{"boundary", given(s.Boundary)}, {"key", given(s.Key)}, {"severity", string(s.Severity)}, {"database", given(s.Database)}, {"offline", s.Offline},
		{"accept", each(s.Accept, func(a config.Accepted) any { return mapping{{"id", a.ID}, {"reason", a.Reason}} })},
		{"licences", texts(s.Licences)},
	}
}

func texts(values []string) any { return each(values, func(text string) any { return text }) }

func variableNames(variables []config.Variable) any {
	var m mapping
	for _, v := range variables {
		m = append(m, pair{v.Name, v.Value})
	}
	return orNil(m)
}

func secretPlaces(secrets []config.Secret) any {
	var m mapping
	for _, s := range secrets {
		place := string(s.Store) + ":" + s.Path
		if s.Key != "" {
			place += "#" + s.Key
		}
		m = append(m, pair{s.Name, place})
	}
	return orNil(m)
}

func orNil(m mapping) any {
	if m == nil {
		return nil
	}
	return m
}

// positive and given leave out what stands for "not given".
func positive(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

func given(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// scalar quotes texts as JSON does, which YAML takes: a name such as null or true is a text here.
func scalar(value any) string {
	if text, ok := value.(string); ok {
		return strconv.Quote(text)
	}
	return fmt.Sprint(value)
}

func writeFlow(b *strings.Builder, value any) {
	switch value := value.(type) {
	case mapping:
		b.WriteByte('{')
		for i, p := range value.given() {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(p.key + ": ")
			writeFlow(b, p.value)
		}
		b.WriteByte('}')
	case list:
		b.WriteByte('[')
		for i, item := range value {
			if i > 0 {
				b.WriteString(", ")
			}
			writeFlow(b, item)
		}
		b.WriteByte(']')
	default:
		b.WriteString(scalar(value))
	}
}

// writeBlock begins where the line has its indentation already.
func writeBlock(b *strings.Builder, value any, indent string) {
	switch value := value.(type) {
	case mapping:
		for i, p := range value.given() {
			if i > 0 {
				b.WriteString("\n" + indent)
			}
			b.WriteString(p.key + ":")
			writeInner(b, p.value, indent)
		}
	case list:
		for i, item := range value {
			if i > 0 {
				b.WriteString("\n" + indent)
			}
			b.WriteString("- ")
			writeBlock(b, item, indent+"  ")
		}
	default:
		b.WriteString(scalar(value))
	}
}

// writeInner writes the value of a key: what is nested on lines of its own, all else on the same.
func writeInner(b *strings.Builder, value any, indent string) {
	switch value := value.(type) {
	case mapping:
		if len(value.given()) == 0 {
			b.WriteString(" {}")
			return
		}
		b.WriteString("\n  " + indent)
	case list:
		b.WriteString("\n  " + indent)
	default:
		b.WriteByte(' ')
	}
	writeBlock(b, value, indent+"  ")
}

func (m mapping) given() []pair {
	var pairs []pair
	for _, p := range m {
		if p.value != nil {
			pairs = append(pairs, p)
		}
	}
	return pairs
}
