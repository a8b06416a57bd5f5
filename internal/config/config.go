// Package config reads slipway.yaml: its types, defaults and validation.
package config

import (
	"net/netip"
	"slices"
	"strings"
)

// Config is slipway.yaml, validated, with defaults filled in. It is passed by value and never changed.
type Config struct {
	Name         string // begins the name of every stack; 2 to 32 characters
	Service      Service
	Environments []Environment // in the order in which a release passes through them; at least one
	Pipeline     Pipeline
	Security     Security
}

// Service is the container and how it is run.
type Service struct {
	Port              int // the container's, 1 to 65535
	CPU               int // CPU units, 1024 a vCPU
	Memory            int // MiB
	Architecture      Architecture
	BothArchitectures bool   // the image is made for the other one, too
	HealthPath        string // begins with a slash
	HealthInterval    int    // seconds between two health checks, 5 to 300
	HealthGrace       int    // seconds in which a starting task may fail its health checks, 0 to 3600
	StopTimeout       int    // seconds from SIGTERM to SIGKILL, 2 to 120
	Drain             int    // seconds in which a leaving task still ends its requests, 0 to 900
	Command           []string
	Environment       []Variable // in the order of the file
	Secrets           []Secret   // in the order of the file
	Sidecars          []Sidecar
	Storage           int  // GiB of ephemeral storage, 21 to 200; 0 for the 20 that cost nothing
	Exec              bool // ECS Exec
	ReadOnlyRoot      bool // the root file system
	User              string
	Statements        []Statement // what the application itself may do in AWS
	BeforeDeploy      BeforeDeploy
	Acceptance        []Check // empty for what the service in web/ promises
	Build             Build   // empty for the service in web/
}

// Check is one request that is made of the service after a deployment, and how it must be answered.
type Check struct {
	Path        string // with its query
	Status      int
	ContentType string // media type; empty for any
	Contains    string // empty for anything
}

// Build is how the service is built without Docker, for the local engine.
type Build struct {
	Command []string
	Binary  string // that it leaves; a path below the repository's root, with slashes
}

// BeforeDeploy is a task of the new image that must end well before the service gets that image; without a command there is none.
type BeforeDeploy struct {
	Command []string
	Timeout int // seconds, 10 to 3600
}

// Architecture of the image and of the tasks.
type Architecture string

// The architectures that Fargate runs.
const (
	X86   Architecture = "x86"
	ARM64 Architecture = "arm64"
)

// Variable is one environment variable of a container.
type Variable struct{ Name, Value string }

// Secret is an environment variable whose value ECS reads when a task starts; it stands in no template.
type Secret struct {
	Name  string // of the variable
	Store SecretStore
	Path  string // of the parameter, with its slashes, or the secret's name; may hold {environment}
	Key   string // of a JSON secret in Secrets Manager; empty for the whole value
}

// In is the path in one environment.
func (s Secret) In(environment string) string {
	return strings.ReplaceAll(s.Path, EnvironmentPlaceholder, environment)
}

// SecretStore is where a secret's value lies.
type SecretStore string

// The stores, as the prefix in slipway.yaml names them.
const (
	ParameterStore SecretStore = "ssm"
	SecretsManager SecretStore = "secretsmanager"
)

// Sidecar is a container beside the application's in each task.
type Sidecar struct {
	Name         string
	Image        string // with a digest
	Port         int    // 0 where it listens nowhere
	Essential    bool   // the task stops when it stops
	ReadOnlyRoot bool
	User         string // empty for the image's own
	Command      []string
	Environment  []Variable
	Secrets      []Secret
}

// Statement is one IAM statement of the application's own role.
type Statement struct {
	Actions   []string // such as s3:GetObject
	Resources []string // ARNs, in which ${AWS::Partition}, ${AWS::Region} and ${AWS::AccountId} may stand
}

// Environment is one copy of the system, with its own network.
type Environment struct {
	Name      string
	Tasks     Tasks
	Network   Network
	Entry     Entry
	Watch     Watch
	Variables []Variable // beside the service's; the same name goes before
	Protected bool       // neither its stack nor its load balancer can be deleted
	Approval  bool       // the pipeline waits for a person before it deploys here
}

// Tasks is the number of tasks and what it follows; scaling is on where Max is above Min.
type Tasks struct {
	Min, Max        int
	ScaleOnCPU      int // percent of the tasks' CPU to keep to, 10 to 90; 0 for not
	ScaleOnMemory   int // percent of the tasks' memory, 10 to 90; 0 for not
	ScaleOnRequests int // requests a minute and task, 1 to 1,000,000; 0 for not
	Schedule        []Schedule
	Spot            int // percent of the tasks on Fargate Spot, 0 to 100
}

// Schedule sets the bounds of the number of tasks at a time.
type Schedule struct {
	At       string // cron(...) as Application Auto Scaling writes it
	Timezone string // of the IANA database, such as Europe/Berlin
	Min, Max int
}

// Network is the environment's VPC: its own, or one that exists.
type Network struct {
	CIDR      netip.Prefix // private (RFC 1918), /16 to /24
	Zones     int          // availability zones, 2 or 3; 0 for a VPC that exists, whose zones are those of its subnets
	NAT       NAT
	Endpoints bool // interface endpoints, so that private tasks reach AWS without the internet
	FlowLogs  bool

	VPC            string // of a VPC that exists; its id
	PublicSubnets  []string
	PrivateSubnets []string
}

// NAT says how tasks reach the internet.
type NAT string

// Without NAT the tasks are public, unless there are endpoints; with one they are private.
const (
	NATNone    NAT = "none"
	NATOne     NAT = "one"
	NATPerZone NAT = "per-zone"
)

// Entry is how requests come in.
type Entry struct {
	Domain      string         // under which users reach the service; empty for the load balancer's own name and plain HTTP
	HostedZone  string         // Route 53 zone in which the domain's record is made; its id
	Certificate string         // ARN; empty for one made for the domain
	Internal    bool           // reachable inside the VPC only
	Allow       []netip.Prefix // who may connect; empty for everybody
	AccessLogs  bool
	WAF         bool
	RateLimit   int // requests in five minutes from one address, 10 to 2,000,000,000; where WAF is on
	IdleTimeout int // seconds, 1 to 4000
}

// Watch is what looks after an environment.
type Watch struct {
	Alarms    bool
	Email     string // that alarms and failures are sent to
	Topic     string // or an SNS topic that exists; its ARN
	Latency   int    // milliseconds that the slowest of a hundred requests may take before the alarm, 1 to 3,600,000
	Dashboard bool
	Insights  bool // Container Insights
}

// Pipeline says where the delivery pipeline lives and how it goes about its work.
type Pipeline struct {
	Environment string // the last environment unless the file says otherwise
	Checks      Checks
	Scope       Scope
	Mode        Mode
	Branches    []Branch // each has a pipeline of its own; empty where one goes through all environments
	Source      Source
}

// Branch is deployed by a pipeline of its own.
type Branch struct {
	Name         string
	Environments []string // by name, in the order of the file's; each is in one branch
}

// Source is a branch at a git host, reached by a connection; empty where deploy.sh uploads the source.
type Source struct {
	Connection string   // its ARN
	Repository string   // owner/name
	Branch     string   // whose pushes start the pipeline; empty where each branch has its own
	Paths      []string // glob patterns, one of which a push must touch; empty for any push
}

// Connected says whether the pipeline takes its source from a git host.
func (s Source) Connected() bool { return s.Connection != "" }

// ConnectionService is the service that the connection's ARN names: older ones keep the service's former name.
func (s Source) ConnectionService() string {
	_, rest, _ := strings.Cut(strings.TrimPrefix(s.Connection, "arn:"), ":")
	service, _, _ := strings.Cut(rest, ":")
	return service
}

// Checks says whether the pipeline's checks run one after the other.
type Checks string

// Parallel checks are done sooner, in an account that may run several builds at once.
const (
	ChecksSequential Checks = "sequential"
	ChecksParallel   Checks = "parallel"
)

// Scope is how much of the source the checks look at.
type Scope string

// The checks look at slipway's own code too, or at what its user writes alone.
const (
	ScopeAll     Scope = "all"
	ScopeService Scope = "service"
)

// Mode is what becomes of a run of the pipeline when a newer one comes after it.
type Mode string

// A run that waits is left out for a newer one, or each has its turn.
const (
	ModeSuperseded Mode = "superseded"
	ModeQueued     Mode = "queued"
)

// Security is what an organisation gives instead of slipway's own, and what the checks for known faults go by.
type Security struct {
	Severity Severity // of the registry's findings, from which on an image is refused
	Database string   // of Go vulnerabilities; empty for the public one
	Offline  bool     // a build of the pipeline that cannot reach the database goes on, and says so
	Accept   []Accepted
	Licences []string // SPDX identifiers of those that modules may have

	Boundary string // permissions boundary of every role; a policy's ARN
	Key      string // KMS key for logs, sources, artifacts and messages; its ARN
}

// Accepted is a known vulnerability that is lived with.
type Accepted struct {
	ID     string // GO-2026-1234, CVE-2026-1234
	Reason string
}

// Accepted has the reasons by the vulnerabilities' IDs.
func (s Security) Accepted() map[string]string {
	reasons := map[string]string{}
	for _, a := range s.Accept {
		reasons[a.ID] = a.Reason
	}
	return reasons
}

// Severity as image registries grade findings.
type Severity string

// The severities, and one that no finding has.
const (
	Critical   Severity = "critical"
	High       Severity = "high"
	Medium     Severity = "medium"
	Low        Severity = "low"
	NoSeverity Severity = "none"
)

// StandardLicences are permissive licences, and one whose copyleft ends with the file.
func StandardLicences() []string {
	return []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}
}

// What holds where slipway.yaml says nothing. More defaults follow from other keys: memory is the least that Fargate
// pairs with the cpu, max is min, scaling follows the CPU, and the pipeline lives in the last environment.
const (
	DefaultPort           = 8080
	DefaultCPU            = 256 // the smallest and cheapest task
	DefaultArchitecture   = X86
	DefaultHealthPath     = "/healthz"
	DefaultHealthInterval = 10
	DefaultHealthGrace    = 60 // AWS's own default, 0, kills every task that is not up within a few checks
	DefaultStopTimeout    = 30
	DefaultDrain          = 15
	DefaultStatus         = 200
	DefaultTimeout        = 600
	DefaultUser           = "65532:65532" // a number, since a scratch image has no user database; the Dockerfile's own user
	DefaultMinTasks       = 2             // one a zone
	DefaultScaleOnCPU     = 60
	DefaultCIDR           = "10.0.0.0/16"
	DefaultZones          = 2
	DefaultNAT            = NATNone
	DefaultRateLimit      = 2000
	DefaultIdleTimeout    = 60
	DefaultLatency        = 1000
	DefaultChecks         = ChecksSequential // a new account may run one build at a time
	DefaultScope          = ScopeAll
	DefaultMode           = ModeSuperseded
	DefaultBranch         = "main"
)

// Runs says whether there is a task before a deployment.
func (b BeforeDeploy) Runs() bool { return len(b.Command) > 0 }

// Scales says whether the number of tasks changes by itself; then no template states it.
func (t Tasks) Scales() bool { return t.Max > t.Min || len(t.Schedule) > 0 }

// Most is the largest number of tasks that there can be, by whatever schedule.
func (t Tasks) Most() int {
	most := t.Max
	for _, s := range t.Schedule {
		most = max(most, s.Max)
	}
	return most
}

// Exists says whether the VPC is one that slipway did not make.
func (n Network) Exists() bool { return n.VPC != "" }

// Private says whether the tasks are in private subnets, without public addresses.
func (n Network) Private() bool {
	if n.Exists() {
		return len(n.PrivateSubnets) > 0
	}
	return n.NAT != NATNone || n.Endpoints
}

// PublicCount is the number of public subnets, PrivateCount that of private ones.
func (n Network) PublicCount() int {
	if n.Exists() {
		return len(n.PublicSubnets)
	}
	return n.Zones
}

// PrivateCount is the number of private subnets; 0 where the tasks are public.
func (n Network) PrivateCount() int {
	switch {
	case n.Exists():
		return len(n.PrivateSubnets)
	case n.Private():
		return n.Zones
	default:
		return 0
	}
}

// UsesPublicSubnets says whether anything is in them: the tasks, or a load balancer that the internet reaches.
func (e Environment) UsesPublicSubnets() bool { return !e.Network.Private() || !e.Entry.Internal }

// HTTPS says whether the load balancer speaks TLS.
func (e Entry) HTTPS() bool { return e.Domain != "" }

// Visited says whether a task inside the VPC asks the service: that is so where not everybody may, unless the security group of
// an internal load balancer has no room left to let the task in.
func (e Entry) Visited() bool {
	if e.Behind() {
		return true
	}
	ports := 1
	if e.HTTPS() {
		ports = 2
	}
	return e.Internal && (len(e.Allow)+1)*ports <= maxAllowed
}

// Behind says whether that task asks the service's tasks and not the load balancer: one with public addresses lets in certain
// ranges, and a task of the VPC comes to those from an address that nobody knows before it runs.
func (e Entry) Behind() bool { return !e.Internal && len(e.Allow) > 0 }

// Visits says whether that is so in an environment.
func (c Config) Visits() bool {
	return slices.ContainsFunc(c.Environments, func(e Environment) bool { return e.Entry.Visited() })
}

// Restricted says whether the service cannot be reached from anywhere.
func (e Entry) Restricted() bool { return e.Internal || len(e.Allow) > 0 }

// Notifies says whether somebody is told of alarms and failures.
func (w Watch) Notifies() bool { return w.Email != "" || w.Topic != "" }
