// Package configtest draws random configurations for tests, and writes them down as slipway.yaml.
package configtest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"slipway/internal/config"
)

const (
	maxTasks        = 1000
	maxEnvironments = 10
	digest          = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	account         = "123456789012"
)

// Configs are configurations as Parse gives them: valid, with every default filled in, and with names up to the longest.
func Configs() *rapid.Generator[config.Config] {
	return rapid.Custom(func(t *rapid.T) config.Config {
		cfg := config.Config{
			// The letters keep clear of the prefixes that are reserved.
			Name:    rapid.OneOf(rapid.StringMatching(`[b-v][a-r0-9]{1,9}(-[a-z0-9]{1,9}){0,2}`), rapid.StringMatching(`[b-v][a-r0-9]{31}`)).Draw(t, "name"),
			Service: service(t),
		}
		names := rapid.SliceOfNDistinct(rapid.OneOf(rapid.StringMatching(`[a-z][a-z0-9]{0,15}`), rapid.StringMatching(`[a-z][a-z0-9]{15}`)),
			1, maxEnvironments, rapid.ID).Filter(func(names []string) bool { return !slices.Contains(names, "foundation") }).Draw(t, "environments")
		for _, name := range names {
			cfg.Environments = append(cfg.Environments, environment(t, name, cfg.Service))
		}
		cfg.Pipeline = config.Pipeline{
			Environment: rapid.SampledFrom(names).Draw(t, "home"),
			Checks:      rapid.SampledFrom([]config.Checks{config.ChecksSequential, config.ChecksParallel}).Draw(t, "checks"),
			Scope:       rapid.SampledFrom([]config.Scope{config.ScopeAll, config.ScopeService}).Draw(t, "scope"),
			Mode:        rapid.SampledFrom([]config.Mode{config.ModeSuperseded, config.ModeQueued}).Draw(t, "mode"),
			Source:      source(t),
		}
		cfg.Security = config.Security{
			Boundary: maybe(t, "boundary", arn("iam::"+account+":policy/team/boundary")),
			Key:      maybe(t, "key", arn("kms:eu-west-1:"+account+":key/12345678-1234-1234-1234-123456789012")),
			Severity: rapid.SampledFrom([]config.Severity{config.High, config.Critical, config.NoSeverity}).Draw(t, "severity"),
			Database: maybe(t, "database", rapid.Just("https://vulnerabilities.example.com/")),
			Offline:  rapid.Bool().Draw(t, "offline"),
			Accept:   rapid.SampledFrom([][]config.Accepted{nil, {{ID: "GO-2026-0001", Reason: "not: \"reached\""}, {ID: "CVE-2026-1", Reason: "yes"}}}).Draw(t, "accept"),
			Licences: rapid.SampledFrom([][]string{config.StandardLicences(), {"MIT", "LGPL-2.1"}}).Draw(t, "licences"),
		}
		cfg.Service.Acceptance, cfg.Service.Build, cfg.Service.BeforeDeploy = acceptance(t), build(t), beforeDeploy(t)
		if cfg.Pipeline.Branches = branches(t, names); len(cfg.Pipeline.Branches) > 0 {
			cfg.Pipeline.Source.Branch = ""
		}
		return cfg
	})
}

// Few is a configuration with the first of its environments alone; the pipeline lives in the first.
func Few(cfg config.Config, most int) config.Config {
	cfg.Environments = cfg.Environments[:min(most, len(cfg.Environments))]
	cfg.Pipeline.Environment = cfg.Environments[0].Name
	var left []config.Branch
	for _, b := range cfg.Pipeline.Branches {
		kept := config.Branch{Name: b.Name}
		for _, e := range cfg.Environments {
			if slices.Contains(b.Environments, e.Name) {
				kept.Environments = append(kept.Environments, e.Name)
			}
		}
		if kept.Environments != nil {
			left = append(left, kept)
		}
	}
	cfg.Pipeline.Branches = left
	return cfg
}

// branches deal the environments out, to none at all more often than not.
func branches(t *rapid.T, environments []string) []config.Branch {
	if rapid.IntRange(0, 2).Draw(t, "branches") > 0 {
		return nil
	}
	all := []config.Branch{{Name: "main"}, {Name: "develop"}, {Name: "release/1.x"}, {Name: "0"}}
	for _, name := range environments {
		i := rapid.IntRange(0, len(all)-1).Draw(t, "branch of "+name)
		all[i].Environments = append(all[i].Environments, name)
	}
	return slices.DeleteFunc(all, func(b config.Branch) bool { return len(b.Environments) == 0 })
}

func source(t *rapid.T) config.Source {
	service := rapid.SampledFrom([]string{"codeconnections", "codestar-connections"}).Draw(t, "connection's service")
	connection := maybe(t, "connection", arn(service+":eu-west-1:"+account+":connection/12345678-1234-1234-1234-123456789012"))
	if connection == "" {
		return config.Source{}
	}
	return config.Source{
		Connection: connection,
		Repository: rapid.SampledFrom([]string{"example/shop", "group/below/shop.git"}).Draw(t, "repository"),
		Branch:     rapid.SampledFrom([]string{config.DefaultBranch, "release/1.x"}).Draw(t, "branch"),
		Paths:      rapid.SampledFrom([][]string{nil, {"web/**"}, {"*.go", "Dockerfile"}}).Draw(t, "paths"),
	}
}

func acceptance(t *rapid.T) []config.Check {
	return rapid.SampledFrom([][]config.Check{nil, {{Path: "/", Status: 200}},
		{{Path: "/x?y=1", Status: 404, ContentType: "text/html", Contains: "ä: \"b\""}, {Path: "/z", Status: 301}}}).Draw(t, "acceptance")
}

func beforeDeploy(t *rapid.T) config.BeforeDeploy {
	if rapid.Bool().Draw(t, "runs nothing before") {
		return config.BeforeDeploy{}
	}
	return config.BeforeDeploy{
		Command: rapid.SampledFrom([][]string{{"migrate"}, {"/app", "--to", "latest: \"1\""}}).Draw(t, "before"),
		Timeout: rapid.IntRange(10, 3600).Draw(t, "timeout"),
	}
}

func build(t *rapid.T) config.Build {
	if rapid.Bool().Draw(t, "builds otherwise") {
		return config.Build{}
	}
	return config.Build{
		Command: rapid.SampledFrom([][]string{{"make"}, {"cargo", "build", "--release"}}).Draw(t, "build"),
		Binary:  rapid.SampledFrom([]string{"app", "target/release/app"}).Draw(t, "binary"),
	}
}

func service(t *rapid.T) config.Service {
	cpu := rapid.SampledFrom([]int{256, 512, 1024, 2048, 4096, 8192, 16384}).Draw(t, "cpu")
	s := config.Service{
		Port: rapid.IntRange(1, 65535).Draw(t, "port"), CPU: cpu, Memory: cpu * rapid.SampledFrom([]int{2, 4}).Draw(t, "memory"),
		Architecture:      rapid.SampledFrom([]config.Architecture{config.X86, config.ARM64}).Draw(t, "architecture"),
		BothArchitectures: rapid.Bool().Draw(t, "both"),
		HealthPath:        rapid.StringMatching(`/[a-z0-9._~-]{0,20}(\?[a-z0-9&=]{0,9})?`).Draw(t, "path"),
		HealthInterval:    rapid.IntRange(5, 300).Draw(t, "interval"),
		HealthGrace:       rapid.IntRange(0, 3600).Draw(t, "grace"),
		StopTimeout:       rapid.IntRange(2, 120).Draw(t, "stop"),
		Drain:             rapid.IntRange(0, 900).Draw(t, "drain"),
		Command:           command(t), Environment: variables(t), Secrets: secrets(t), Statements: statements(t),
		ReadOnlyRoot: rapid.Bool().Draw(t, "read-only"),
		User:         rapid.SampledFrom([]string{config.DefaultUser, "1", "1000", "1000:0", "999999999:999999999"}).Draw(t, "user"),
	}
	s.Exec = !s.ReadOnlyRoot && rapid.Bool().Draw(t, "exec")
	if rapid.Bool().Draw(t, "has storage") {
		s.Storage = rapid.IntRange(21, 200).Draw(t, "storage")
	}
	for i := range rapid.SampledFrom([]int{0, 0, 1, 2, 9}).Draw(t, "sidecars") {
		s.Sidecars = append(s.Sidecars, sidecar(t, i, s.Port))
	}
	return s
}

func sidecar(t *rapid.T, i, taken int) config.Sidecar {
	s := config.Sidecar{
		Name:         rapid.SampledFrom([]string{"s", strings.Repeat("s", 31)}).Draw(t, "sidecar") + fmt.Sprint(i),
		Image:        rapid.SampledFrom([]string{"public.ecr.aws/nginx/nginx", "nginx", "ghcr.io/x/y:1.2", "localhost:5000/a_b/c"}).Draw(t, "image") + digest,
		Essential:    rapid.Bool().Draw(t, "essential"),
		ReadOnlyRoot: rapid.Bool().Draw(t, "read-only"),
		User:         maybe(t, "user", rapid.SampledFrom([]string{"0", "101", "101:0"})),
		Command:      command(t), Environment: variables(t), Secrets: secrets(t),
	}
	if port := 1 + (taken+i)%65535; rapid.Bool().Draw(t, "listens") {
		s.Port = port
	}
	return s
}

func command(t *rapid.T) []string {
	return rapid.SampledFrom([][]string{nil, {"/web"}, {"/bin/sh", "-c", "echo \"${HOME}\"; exec /web"}, {"", "ä€😀", "a: b", "- c"}}).Draw(t, "command")
}

// variables have a prefix that keeps clear of the names that are reserved or look like secrets.
func variables(t *rapid.T) []config.Variable {
	var variables []config.Variable
	for _, name := range rapid.SliceOfDistinct(rapid.StringMatching(`X[A-Z]{0,5}_[0-9]`), rapid.ID).Draw(t, "variables") {
		value := rapid.StringOf(rapid.RuneFrom([]rune("aZ0 :#-{}[]'\"\\\n\tä€😀,&*!|>%@`~=$"))).Filter(func(value string) bool {
			return !strings.Contains(value, "{{resolve:")
		}).Draw(t, "value")
		variables = append(variables, config.Variable{Name: name, Value: value})
	}
	return variables
}

func secrets(t *rapid.T) []config.Secret {
	var secrets []config.Secret
	for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`S[A-Z]{0,5}_(PASSWORD|1)`), 0, 4, rapid.ID).Draw(t, "secrets") {
		secret := rapid.SampledFrom([]config.Secret{
			{Store: config.ParameterStore, Path: "/shop/{environment}/db"}, {Store: config.ParameterStore, Path: "/x"},
			{Store: config.SecretsManager, Path: "shop-{environment}", Key: "password"}, {Store: config.SecretsManager, Path: "shop/db"},
		}).Draw(t, "secret")
		secret.Name = name
		secrets = append(secrets, secret)
	}
	return secrets
}

func statements(t *rapid.T) []config.Statement {
	return rapid.SampledFrom([][]config.Statement{
		nil, nil,
		{{Actions: []string{"s3:GetObject", "s3:List*"}, Resources: []string{"arn:${AWS::Partition}:s3:::shop-data", "arn:${AWS::Partition}:s3:::shop-data/*"}}},
		{{Actions: []string{"cloudwatch:PutMetricData"}, Resources: []string{"*"}},
			{Actions: []string{"dynamodb:*"}, Resources: []string{"arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/shop"}}},
	}).Draw(t, "permissions")
}

func environment(t *rapid.T, name string, service config.Service) config.Environment {
	e := config.Environment{
		Name: name, Tasks: tasks(t, service), Entry: entry(t, name), Watch: watch(t), Variables: variables(t),
		Protected: rapid.Bool().Draw(t, "protected"), Approval: rapid.Bool().Draw(t, "approval"),
	}
	e.Network = network(t, service, e.Entry)
	return e
}

func tasks(t *rapid.T, service config.Service) config.Tasks {
	least := rapid.IntRange(1, maxTasks).Draw(t, "min")
	drawn := config.Tasks{Min: least, Max: rapid.OneOf(rapid.Just(least), rapid.IntRange(least, maxTasks)).Draw(t, "max")}
	expressions := rapid.SampledFrom([]string{"cron(0 8 ? * MON-FRI *)", "cron(30/15 20 L * ? *)", "cron(0 0 15W JAN,6 ? 2026-2030)", "cron(* * ? 1-3 6#3 *)"})
	for _, at := range rapid.OneOf(rapid.Just([]string(nil)), rapid.SliceOfNDistinct(expressions, 0, 4, rapid.ID)).Draw(t, "schedules") {
		least := rapid.IntRange(1, maxTasks).Draw(t, "scheduled min")
		drawn.Schedule = append(drawn.Schedule, config.Schedule{
			At:       at,
			Timezone: maybe(t, "timezone", rapid.SampledFrom([]string{"Europe/Berlin", "Etc/GMT+9", "America/Argentina/Buenos_Aires"})),
			Min:      least, Max: rapid.IntRange(least, maxTasks).Draw(t, "scheduled max"),
		})
	}
	if drawn.Scales() {
		drawn.ScaleOnCPU = rapid.SampledFrom([]int{0, 10, 90}).Draw(t, "cpu")
		drawn.ScaleOnMemory = rapid.SampledFrom([]int{0, 10, 90}).Draw(t, "memory")
		drawn.ScaleOnRequests = rapid.SampledFrom([]int{0, 1, 1_000_000}).Draw(t, "requests")
		if drawn.ScaleOnCPU+drawn.ScaleOnMemory+drawn.ScaleOnRequests == 0 {
			drawn.ScaleOnCPU = config.DefaultScaleOnCPU
		}
	}
	if service.Drain <= service.StopTimeout {
		drawn.Spot = rapid.IntRange(0, 100).Draw(t, "spot")
	}
	return drawn
}

func network(t *rapid.T, service config.Service, entry config.Entry) config.Network {
	if rapid.SampledFrom([]bool{false, false, true}).Draw(t, "exists") {
		return existing(t, entry)
	}
	address := rapid.SampledFrom([]string{"10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.7.1", "172.17.0.0"}).Draw(t, "address")
	n := config.Network{
		// As large as the largest number of tasks needs.
		CIDR:     netip.PrefixFrom(netip.MustParseAddr(address), rapid.IntRange(16, 19).Draw(t, "bits")).Masked(),
		Zones:    rapid.IntRange(2, 3).Draw(t, "zones"),
		NAT:      rapid.SampledFrom([]config.NAT{config.NATNone, config.NATOne, config.NATPerZone}).Draw(t, "nat"),
		FlowLogs: rapid.Bool().Draw(t, "flow logs"),
	}
	if n.NAT != config.NATNone || len(service.Sidecars) == 0 {
		n.Endpoints = rapid.Bool().Draw(t, "endpoints")
	}
	return n
}

func existing(t *rapid.T, entry config.Entry) config.Network {
	n := config.Network{
		CIDR: netip.PrefixFrom(netip.MustParseAddr("100.64.3.77"), rapid.IntRange(16, 28).Draw(t, "bits")).Masked(),
		NAT:  config.NATNone, VPC: rapid.SampledFrom([]string{"vpc-01234567", "vpc-0123456789abcdef0"}).Draw(t, "vpc"),
	}
	count := rapid.IntRange(2, 3).Draw(t, "subnets")
	private := rapid.Bool().Draw(t, "private")
	if public := !private || !entry.Internal || rapid.Bool().Draw(t, "public"); public {
		n.PublicSubnets = subnets(count, 0)
	}
	if private {
		n.PrivateSubnets = subnets(count, 3)
	}
	return n
}

func subnets(count, from int) []string {
	var ids []string
	for i := range count {
		ids = append(ids, fmt.Sprintf("subnet-%017x", from+i))
	}
	return ids
}

func entry(t *rapid.T, name string) config.Entry {
	e := config.Entry{
		Internal: rapid.Bool().Draw(t, "internal"), AccessLogs: rapid.Bool().Draw(t, "access logs"), WAF: rapid.Bool().Draw(t, "waf"),
		RateLimit: config.DefaultRateLimit, IdleTimeout: rapid.IntRange(1, 4000).Draw(t, "idle"),
	}
	if e.WAF {
		e.RateLimit = rapid.IntRange(10, 2_000_000_000).Draw(t, "rate")
	}
	most := 60
	if rapid.Bool().Draw(t, "domain") {
		most = 30
		e.Domain = name + ".shop.example.com"
		e.Certificate = maybe(t, "certificate", arn("acm:eu-west-1:"+account+":certificate/12345678-1234-1234-1234-123456789012"))
		if zone := rapid.StringMatching(`Z[A-Z0-9]{1,31}`).Draw(t, "zone"); e.Certificate == "" || rapid.Bool().Draw(t, "record") {
			e.HostedZone = zone
		}
	}
	for i := range rapid.SampledFrom([]int{0, 0, 1, 2, most}).Draw(t, "allow") {
		e.Allow = append(e.Allow, netip.MustParsePrefix(fmt.Sprintf("203.0.%d.0/24", i)))
	}
	return e
}

func watch(t *rapid.T) config.Watch {
	w := config.Watch{
		Alarms: rapid.Bool().Draw(t, "alarms"), Latency: config.DefaultLatency,
		Dashboard: rapid.Bool().Draw(t, "dashboard"), Insights: rapid.Bool().Draw(t, "insights"),
		Email: maybe(t, "email", rapid.SampledFrom([]string{"team@example.com", "o'neil+x@a-b.example.co"})),
	}
	if w.Alarms {
		w.Latency = rapid.IntRange(1, 3_600_000).Draw(t, "latency")
	}
	if w.Email == "" {
		w.Topic = maybe(t, "topic", arn("sns:eu-west-1:"+account+":alerts"))
	}
	return w
}

// arn is of any partition.
func arn(rest string) *rapid.Generator[string] {
	return rapid.Map(rapid.SampledFrom([]string{"aws", "aws-cn", "aws-us-gov"}), func(partition string) string { return "arn:" + partition + ":" + rest })
}

// maybe draws a text, or none.
func maybe(t *rapid.T, label string, texts *rapid.Generator[string]) string {
	return rapid.OneOf(rapid.Just(""), texts).Draw(t, label)
}
