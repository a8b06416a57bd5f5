package config

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const everything = `
name: shop
service:
  port: 9000
  cpu: 512
  memory: 2048
  architecture: arm64
  bothArchitectures: true
  healthPath: /up
  healthInterval: 20
  healthGrace: 90
  stopTimeout: 60
  drain: 45
  command: [/app, "-v"]
  user: "1000:100"
  readOnlyRoot: false
  exec: true
  storage: 50
  environment: {LOG_LEVEL: debug}
  secrets:
    DB_PASSWORD: ssm:/shop/{environment}/db
    API_KEY: secretsmanager:shop-{environment}#key
  sidecars:
    - name: proxy
      image: public.ecr.aws/x/proxy@sha256:` + digest + `
      port: 9901
      essential: false
      readOnlyRoot: false
      user: "101"
      command: [--quiet]
      environment: {A: b}
      secrets: {TOKEN: secretsmanager:shop}
  permissions:
    - actions: [s3:GetObject, "s3:List*"]
      resources: ["arn:${AWS::Partition}:s3:::shop-data/*"]
  beforeDeploy:
    command: [/app, migrate]
    timeout: 1200
  acceptance:
    - path: /orders?limit=1
      status: 401
      contentType: application/json
      contains: "log in"
    - path: /
  build:
    command: [make, app]
    binary: out/app
environments:
  - name: test
    protected: true
    approval: true
    environment: {LOG_LEVEL: info}
    tasks:
      min: 2
      max: 4
      scaleOnCPU: 50
      scaleOnMemory: 70
      scaleOnRequests: 1000
      schedule: [{at: cron(0 8 ? * MON-FRI *), timezone: Europe/Berlin, min: 3, max: 9}]
      spot: 50
    network: {cidr: 10.1.0.0/16, zones: 3, nat: one, endpoints: true, flowLogs: true}
    entry:
      domain: shop.example.com
      hostedZone: Z0123456789ABCDEFGHIJ
      certificate: arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012
      internal: true
      allow: [203.0.113.0/24]
      accessLogs: true
      waf: true
      rateLimit: 500
      idleTimeout: 30
    watch: {alarms: true, email: team@example.com, latency: 500, dashboard: false, insights: true}
  - name: prod
    network:
      vpc: vpc-0123456789abcdef0
      cidr: 100.64.0.0/28
      publicSubnets: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
      privateSubnets: [subnet-0123456789abcdef2, subnet-0123456789abcdef3]
    watch: {topic: arn:aws:sns:eu-west-1:123456789012:alerts}
pipeline:
  environment: test
  checks: parallel
  scope: service
  mode: queued
  branches: [{name: develop, environments: [test]}, {name: "release/1.x", environments: [prod]}]
  source: {connection: "` + someConnection + `", repository: example/shop, paths: ["web/**", Dockerfile]}
security:
  boundary: arn:aws:iam::123456789012:policy/team/boundary
  key: arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012
  severity: critical
  database: file:///srv/vulndb
  offline: true
  accept: [{id: GO-2026-0001, reason: not reached}]
  licences: [MIT, 0BSD]
`

const someConnection = "arn:aws:codeconnections:eu-west-1:123456789012:connection/12345678-1234-1234-1234-123456789012"

const digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParseReadsEveryKey(t *testing.T) {
	got, err := Parse("f", []byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Name: "shop",
		Service: Service{
			Port: 9000, CPU: 512, Memory: 2048, Architecture: ARM64, BothArchitectures: true, HealthPath: "/up", HealthInterval: 20, HealthGrace: 90,
			StopTimeout: 60, Drain: 45, Command: []string{"/app", "-v"}, Environment: []Variable{{"LOG_LEVEL", "debug"}},
			Secrets: []Secret{
				{Name: "DB_PASSWORD", Store: ParameterStore, Path: "/shop/{environment}/db"},
				{Name: "API_KEY", Store: SecretsManager, Path: "shop-{environment}", Key: "key"},
			},
			Sidecars: []Sidecar{{
				Name: "proxy", Image: "public.ecr.aws/x/proxy@sha256:" + digest, Port: 9901, User: "101", Command: []string{"--quiet"},
				Environment: []Variable{{"A", "b"}}, Secrets: []Secret{{Name: "TOKEN", Store: SecretsManager, Path: "shop"}},
			}},
			Storage: 50, Exec: true, User: "1000:100",
			Statements:   []Statement{{Actions: []string{"s3:GetObject", "s3:List*"}, Resources: []string{"arn:${AWS::Partition}:s3:::shop-data/*"}}},
			Acceptance:   []Check{{Path: "/orders?limit=1", Status: 401, ContentType: "application/json", Contains: "log in"}, {Path: "/", Status: 200}},
			BeforeDeploy: BeforeDeploy{Command: []string{"/app", "migrate"}, Timeout: 1200},
			Build:        Build{Command: []string{"make", "app"}, Binary: "out/app"},
		},
		Environments: []Environment{{
			Name: "test", Protected: true, Approval: true, Variables: []Variable{{"LOG_LEVEL", "info"}},
			Tasks: Tasks{Min: 2, Max: 4, ScaleOnCPU: 50, ScaleOnMemory: 70, ScaleOnRequests: 1000, Spot: 50,
				Schedule: []Schedule{{At: "cron(0 8 ? * MON-FRI *)", Timezone: "Europe/Berlin", Min: 3, Max: 9}}},
			Network: Network{CIDR: netip.MustParsePrefix("10.1.0.0/16"), Zones: 3, NAT: NATOne, Endpoints: true, FlowLogs: true},
			Entry: Entry{Domain: "shop.example.com", HostedZone: "Z0123456789ABCDEFGHIJ",
				Certificate: "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012", Internal: true,
				Allow: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, AccessLogs: true, WAF: true, RateLimit: 500, IdleTimeout: 30},
			Watch: Watch{Alarms: true, Email: "team@example.com", Latency: 500, Insights: true},
		}, {
			Name: "prod", Tasks: Tasks{Min: 2, Max: 2},
			Network: Network{CIDR: netip.MustParsePrefix("100.64.0.0/28"), NAT: NATNone, VPC: "vpc-0123456789abcdef0",
				PublicSubnets:  []string{"subnet-0123456789abcdef0", "subnet-0123456789abcdef1"},
				PrivateSubnets: []string{"subnet-0123456789abcdef2", "subnet-0123456789abcdef3"}},
			Entry: Entry{RateLimit: DefaultRateLimit, IdleTimeout: DefaultIdleTimeout},
			Watch: Watch{Alarms: true, Topic: "arn:aws:sns:eu-west-1:123456789012:alerts", Latency: DefaultLatency, Dashboard: true},
		}},
		Pipeline: Pipeline{Environment: "test", Checks: ChecksParallel, Scope: ScopeService, Mode: ModeQueued,
			Branches: []Branch{{Name: "develop", Environments: []string{"test"}}, {Name: "release/1.x", Environments: []string{"prod"}}},
			Source:   Source{Connection: someConnection, Repository: "example/shop", Paths: []string{"web/**", "Dockerfile"}}},
		Security: Security{Boundary: "arn:aws:iam::123456789012:policy/team/boundary",
			Key:      "arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012",
			Severity: Critical, Database: "file:///srv/vulndb", Offline: true, Accept: []Accepted{{"GO-2026-0001", "not reached"}}, Licences: []string{"MIT", "0BSD"}},
	}
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The file above really has every key.
func TestEverythingIsEveryKey(t *testing.T) {
	for _, k := range keys {
		if k.path != "pipeline.source.branch" && // pipeline.branches takes its place
			!strings.Contains(everything, k.name()+":") {
			t.Errorf("%s is not in the example of every key", k.path)
		}
	}
}
