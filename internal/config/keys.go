package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"slipway/internal/contract"
)

// kind is what a key's value must be.
type kind string

const (
	kindNumber    kind = "number"
	kindBoolean   kind = "boolean"
	kindText      kind = "text"
	kindChoice    kind = "choice" // one of a few words
	kindTexts     kind = "list of texts"
	kindMapping   kind = "mapping"   // of keys that are declared
	kindItems     kind = "list"      // of such mappings
	kindVariables kind = "variables" // a mapping of names to texts, numbers and booleans
	kindSecrets   kind = "secrets"   // a mapping of names to places
)

// key declares one key of slipway.yaml. The reader, its messages, the table in docs/configuration.md and the schema for
// editors are all made from it.
type key struct {
	path     string // from the file's root; an item of a list bears the list's path
	kind     kind
	required bool
	standard any    // what holds where the key is left out; nil for nothing, or where usually says it in words
	usually  string // the default in words, where it follows from other keys
	least    int    // number: the bounds; text: of its length; list: of its items. Both 0 for no bounds.
	most     int
	words    []string // of a choice
	pattern  string   // of a text, or of each of a list's; both of Go and of ECMAScript
	numeral  bool     // of a text: it may be written as a number
	allowed  string   // of a text, in words: "it must be ..."
	example  string   // a value, as YAML writes it; of a list's items, one of them
	about    string   // one sentence
}

// Patterns that several keys share. Partitions are those of docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html.
const (
	arnPattern    = `^arn:aws(-[a-z]+)*:`
	noneOfThem    = "none"
	pathPattern   = `^/([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*(\?([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?$`
	pathAllowed   = "a path that begins with a slash, without spaces or fragment, at most 1024 characters"
	branchPattern = `^[A-Za-z0-9._/#+-]+$`
	subnetPattern = `^subnet-([0-9a-f]{8}|[0-9a-f]{17})$`
	// resourcePattern is every resource, or an ARN that holds for any account and Region.
	resourcePattern = `^(\*|arn:\$\{AWS::Partition\}:[a-z0-9-]+:(\$\{AWS::Region\}|\*)?:(\$\{AWS::AccountId\}|\*|aws)?:([^\s${}]|\$\{AWS::(Partition|Region|AccountId)\})+)$`
	imagePattern    = `^([a-z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?@sha256:[0-9a-f]{64}$`
	userPattern     = `^[1-9][0-9]{0,8}(:(0|[1-9][0-9]{0,8}))?$`
)

// environmentPattern is that of an environment's name.
var environmentPattern = fmt.Sprintf(`^[a-z][a-z0-9]{0,%d}$`, maxEnvironmentName-1)

const nameAllowed = "lower-case letters, digits and single hyphens, beginning with a letter, 2 to 32 characters"

// keys are all of them, each mapping before what is in it, in the order in which messages and documents name them.
var keys = []key{
	{path: "name", kind: kindText, required: true, least: 2, most: 32, pattern: `^[a-z][a-z0-9]*(-[a-z0-9]+)*$`,
		allowed: nameAllowed, example: "shop-api",
		about: "Begins the name of every stack."},

	{path: "service", kind: kindMapping, about: "The container and how it is run."},
	{path: "service.port", kind: kindNumber, standard: DefaultPort, least: 1, most: 65535, example: "8080",
		about: "Where the container listens; it is told so in PORT."},
	{path: "service.cpu", kind: kindNumber, standard: DefaultCPU, least: 256, most: 16384, example: "512",
		about: "CPU units of a task, 1024 a vCPU: one of the sizes that Fargate has."},
	{path: "service.memory", kind: kindNumber, usually: "the least for the cpu", least: 512, most: 122880, example: "1024",
		about: "MiB of a task: one of the sizes that go with the cpu."},
	{path: "service.architecture", kind: kindChoice, standard: string(DefaultArchitecture), words: []string{string(X86), string(ARM64)}, example: "arm64",
		about: "Processor of the image and of the tasks."},
	{path: "service.bothArchitectures", kind: kindBoolean, standard: false, example: "true",
		about: "Whether the image is made for the other processor, too."},
	{path: "service.healthPath", kind: kindText, standard: DefaultHealthPath, least: 1, most: 1024,
		pattern: pathPattern,
		allowed: pathAllowed, example: "/healthz",
		about: "Where the load balancer asks whether a task is well; it must answer 200."},
	{path: "service.healthInterval", kind: kindNumber, standard: DefaultHealthInterval, least: 5, most: 300, example: "10",
		about: "Seconds between two health checks of a task."},
	{path: "service.healthGrace", kind: kindNumber, standard: DefaultHealthGrace, least: 0, most: 3600, example: "120",
		about: "Seconds in which a starting task may fail its health checks."},
	{path: "service.stopTimeout", kind: kindNumber, standard: DefaultStopTimeout, least: 2, most: 120, example: "60",
		about: "Seconds from SIGTERM to SIGKILL when a task stops."},
	{path: "service.drain", kind: kindNumber, standard: DefaultDrain, least: 0, most: 900, example: "60",
		about: "Seconds in which a leaving task still ends its requests."},
	{path: "service.command", kind: kindTexts, least: 1, most: 64, usually: "the image's own", allowed: "a text", example: `["/web", "-verbose"]`,
		about: "Arguments that take the place of the image's CMD."},
	{path: "service.user", kind: kindText, standard: DefaultUser, pattern: userPattern, numeral: true, allowed: "the number of a user other than 0, or user:group", example: "65532:65532",
		about: "Whom the container runs as, by number."},
	{path: "service.readOnlyRoot", kind: kindBoolean, standard: true, example: "false",
		about: "Whether the container's root file system is read-only."},
	{path: "service.exec", kind: kindBoolean, standard: false, example: "true",
		about: "Whether ECS Exec may open a shell in the tasks; it needs readOnlyRoot: false and an image with a shell."},
	{path: "service.storage", kind: kindNumber, usually: "the 20 that cost nothing", least: 21, most: 200, example: "50",
		about: "GiB of ephemeral storage of a task."},
	{path: "service.environment", kind: kindVariables, usually: noneOfThem, example: "{LOG_LEVEL: debug}",
		about: "Variables of the container, the same in every environment."},
	{path: "service.secrets", kind: kindSecrets, usually: noneOfThem, example: `{DB_PASSWORD: "ssm:/shop/{environment}/db"}`,
		about: "Variables whose values ECS reads from Parameter Store or Secrets Manager when a task starts."},
	{path: "service.sidecars", kind: kindItems, usually: noneOfThem, least: 1, most: 9, about: "Containers beside the application's in each task."},
	{path: "service.sidecars.name", kind: kindText, required: true, pattern: `^[a-z][a-z0-9-]{0,31}$`,
		allowed: "a lower-case letter, then lower-case letters, digits and hyphens, at most 32 characters", example: "proxy",
		about: "Names the container."},
	{path: "service.sidecars.image", kind: kindText, required: true, most: 512, pattern: imagePattern,
		allowed: "an image with its digest", example: "public.ecr.aws/nginx/nginx@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		about: "The image, by its digest."},
	{path: "service.sidecars.port", kind: kindNumber, usually: noneOfThem, least: 1, most: 65535, example: "9901",
		about: "Where the container listens; unlike the service's, and every other's."},
	{path: "service.sidecars.essential", kind: kindBoolean, standard: true, example: "false",
		about: "Whether the task stops when this container does."},
	{path: "service.sidecars.readOnlyRoot", kind: kindBoolean, standard: true, example: "false",
		about: "Whether the container's root file system is read-only."},
	{path: "service.sidecars.user", kind: kindText, usually: "the image's own", pattern: `^(0|[1-9][0-9]{0,8})(:(0|[1-9][0-9]{0,8}))?$`, numeral: true,
		allowed: "the number of a user, or user:group", example: "101:101",
		about: "Whom the container runs as, by number."},
	{path: "service.sidecars.command", kind: kindTexts, least: 1, most: 64, usually: "the image's own", allowed: "a text", example: `["--config", "/etc/x"]`,
		about: "Arguments that take the place of the image's CMD."},
	{path: "service.sidecars.environment", kind: kindVariables, usually: noneOfThem, example: "{LOG_LEVEL: debug}",
		about: "Variables of this container."},
	{path: "service.sidecars.secrets", kind: kindSecrets, usually: noneOfThem, example: `{API_KEY: "secretsmanager:shop-{environment}#key"}`,
		about: "Secret variables of this container."},
	{path: "service.permissions", kind: kindItems, usually: noneOfThem, least: 1, most: 20, about: "What the application may do in AWS: IAM statements of the task role."},
	{path: "service.permissions.actions", kind: kindTexts, required: true, least: 1, most: 50, pattern: `^[a-z0-9-]+:[A-Za-z0-9*]+$`,
		allowed: "an IAM action", example: "s3:GetObject",
		about: "The actions that are allowed."},
	{path: "service.permissions.resources", kind: kindTexts, required: true, least: 1, most: 50, pattern: resourcePattern,
		allowed: "an ARN in which partition, Region and account are ${AWS::Partition}, ${AWS::Region} and ${AWS::AccountId}", example: "arn:${AWS::Partition}:s3:::shop-data/*",
		about: "What they are allowed on."},
	{path: "service.beforeDeploy", kind: kindMapping, about: "A task of the new image that runs before the service gets it, such as a database's migrations."},
	{path: "service.beforeDeploy.command", kind: kindTexts, required: true, least: 1, most: 64, allowed: "a text", example: `["/app", "migrate"]`,
		about: "Arguments that take the place of the image's CMD; where they end with an error the deployment stops."},
	{path: "service.beforeDeploy.timeout", kind: kindNumber, standard: DefaultTimeout, least: 10, most: 3600, example: "1800",
		about: "Seconds that the task may take, from its start on, before it is stopped."},
	{path: "service.acceptance", kind: kindItems, usually: "what the service in web/ promises", least: 1, most: 20,
		about: "What is asked of the service after each deployment; it must answer so."},
	{path: "service.acceptance.path", kind: kindText, required: true, least: 1, most: 1024, pattern: pathPattern, allowed: pathAllowed, example: "/orders?limit=1",
		about: "What is asked for, with GET."},
	{path: "service.acceptance.status", kind: kindNumber, standard: DefaultStatus, least: 200, most: 599, example: "401",
		about: "The status of the answer; redirects are not followed."},
	{path: "service.acceptance.contentType", kind: kindText, usually: "any", least: 3, most: 128, pattern: `^[a-z0-9.+-]+/[a-z0-9.+-]+$`,
		allowed: "a media type in lower case, without parameters", example: "application/json",
		about: "The media type of the answer."},
	{path: "service.acceptance.contains", kind: kindText, usually: "anything", least: 1, most: 256, pattern: `^.+$`, allowed: "a line of text", example: "Welcome",
		about: "What the answer holds within its first 64 KiB."},
	{path: "service.build", kind: kindMapping, about: "How the local engine builds the service where there is no Docker."},
	{path: "service.build.command", kind: kindTexts, required: true, least: 1, most: 64, allowed: "a text", example: `[cargo, build, --release]`,
		about: "Program and arguments, run in the repository's root."},
	{path: "service.build.binary", kind: kindText, required: true, least: 1, most: 256, pattern: `^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$`,
		allowed: "a path below the repository's root, of letters, digits and . _ -", example: "target/release/app",
		about: "The executable that the command leaves, which is all that the image then has."},

	{path: "environments", kind: kindItems, required: true, least: 1, most: maxEnvironments, about: "The copies of the system, in the order in which a release passes through them."},
	{path: "environments.name", kind: kindText, required: true, pattern: environmentPattern,
		allowed: fmt.Sprintf("a lower-case letter, then lower-case letters and digits, at most %d characters", maxEnvironmentName), example: "prod",
		about: "Ends the name of the environment's stack."},
	{path: "environments.protected", kind: kindBoolean, standard: false, example: "true",
		about: "Whether stack and load balancer refuse to be deleted."},
	{path: "environments.approval", kind: kindBoolean, standard: false, example: "true",
		about: "Whether the pipeline waits for somebody's approval before it deploys here."},
	{path: "environments.environment", kind: kindVariables, usually: noneOfThem, example: "{LOG_LEVEL: info}",
		about: "Variables of this environment; they go before the service's of the same name."},
	{path: "environments.tasks", kind: kindMapping, about: "How many tasks run."},
	{path: "environments.tasks.min", kind: kindNumber, standard: DefaultMinTasks, least: 1, most: maxTasks, example: "2",
		about: "How many tasks run at least."},
	{path: "environments.tasks.max", kind: kindNumber, usually: "min", least: 1, most: maxTasks, example: "10",
		about: "How many tasks run at most; above min their number follows the load."},
	{path: "environments.tasks.scaleOnCPU", kind: kindNumber, usually: fmt.Sprintf("%d where tasks scale and nothing else says by what", DefaultScaleOnCPU), least: 10, most: 90, example: "60",
		about: "Percent of the tasks' CPU to keep to."},
	{path: "environments.tasks.scaleOnMemory", kind: kindNumber, usually: "not", least: 10, most: 90, example: "70",
		about: "Percent of the tasks' memory to keep to."},
	{path: "environments.tasks.scaleOnRequests", kind: kindNumber, usually: "not", least: 1, most: 1_000_000, example: "1000",
		about: "Requests a minute and task to keep to."},
	{path: "environments.tasks.schedule", kind: kindItems, usually: noneOfThem, least: 1, most: 20, about: "Other bounds of the number of tasks from a time on."},
	{path: "environments.tasks.schedule.at", kind: kindText, required: true, pattern: `^cron\([^()]+\)$`,
		allowed: "cron(minutes hours day-of-month month day-of-week year)", example: "cron(0 8 ? * MON-FRI *)",
		about: "When the bounds begin to hold."},
	{path: "environments.tasks.schedule.timezone", kind: kindText, usually: "UTC", most: 64, pattern: `^[A-Z][A-Za-z_]+(/[A-Za-z0-9_+-]+){1,2}$`,
		allowed: "the name of a time zone in the IANA database", example: "Europe/Berlin",
		about: "The time zone of at."},
	{path: "environments.tasks.schedule.min", kind: kindNumber, required: true, least: 1, most: maxTasks, example: "4",
		about: "How many tasks run at least from then on."},
	{path: "environments.tasks.schedule.max", kind: kindNumber, required: true, least: 1, most: maxTasks, example: "20",
		about: "How many tasks run at most from then on."},
	{path: "environments.tasks.spot", kind: kindNumber, standard: 0, least: 0, most: 100, example: "50",
		about: "Percent of the tasks on Fargate Spot, which is cheaper and may be taken away."},

	{path: "environments.network", kind: kindMapping, about: "The environment's VPC: its own, or one that exists."},
	{path: "environments.network.cidr", kind: kindText, standard: DefaultCIDR, pattern: `^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/[0-9]+$`,
		allowed: "a private IPv4 range from /16 to /24 in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16", example: "10.0.0.0/16",
		about: "The VPC's range; of a VPC that exists, the one that it has."},
	{path: "environments.network.zones", kind: kindNumber, standard: DefaultZones, least: 2, most: contract.MaxZones, example: "3",
		about: "In how many availability zones everything is."},
	{path: "environments.network.nat", kind: kindChoice, standard: string(DefaultNAT), words: []string{string(NATNone), string(NATOne), string(NATPerZone)}, example: "per-zone",
		about: "How tasks reach the internet: none for public tasks, one NAT gateway, or one in each zone, for private ones."},
	{path: "environments.network.endpoints", kind: kindBoolean, standard: false, example: "true",
		about: "Whether private tasks reach AWS by interface endpoints, without the internet."},
	{path: "environments.network.flowLogs", kind: kindBoolean, standard: false, example: "true",
		about: "Whether the VPC's connections are logged."},
	{path: "environments.network.vpc", kind: kindText, usually: "a VPC of its own", pattern: `^vpc-([0-9a-f]{8}|[0-9a-f]{17})$`,
		allowed: "the id of a VPC", example: "vpc-0123456789abcdef0",
		about: "A VPC that exists."},
	{path: "environments.network.publicSubnets", kind: kindTexts, usually: noneOfThem, least: 2, most: contract.MaxZones, pattern: subnetPattern,
		allowed: "the id of a subnet", example: "subnet-0123456789abcdef0",
		about: "Its public subnets, one a zone."},
	{path: "environments.network.privateSubnets", kind: kindTexts, usually: noneOfThem, least: 2, most: contract.MaxZones, pattern: subnetPattern,
		allowed: "the id of a subnet", example: "subnet-0123456789abcdef2",
		about: "Its private subnets, one a zone; the tasks are in them."},

	{path: "environments.entry", kind: kindMapping, about: "How requests come in."},
	{path: "environments.entry.domain", kind: kindText, usually: "the load balancer's own name, over HTTP", most: 253, pattern: `^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$`,
		allowed: "a domain name in lower case, without scheme, path or final dot", example: "shop.example.com",
		about: "The name under which users reach the service, over HTTPS."},
	{path: "environments.entry.hostedZone", kind: kindText, usually: "no record is made", pattern: `^Z[A-Z0-9]{1,31}$`,
		allowed: "the id of a Route 53 hosted zone", example: "Z0123456789ABCDEFGHIJ",
		about: "The Route 53 zone in which the domain's record is made."},
	{path: "environments.entry.certificate", kind: kindText, usually: "one is made for the domain", pattern: arnPattern + `acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$`,
		allowed: "the ARN of a certificate in Certificate Manager", example: "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012",
		about: "A certificate for the domain that exists."},
	{path: "environments.entry.internal", kind: kindBoolean, standard: false, example: "true",
		about: "Whether the load balancer is reachable inside the VPC only."},
	{path: "environments.entry.allow", kind: kindTexts, usually: "everybody", least: 1, most: maxAllowed, pattern: `^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/[0-9]+$`,
		allowed: "an IPv4 range", example: "203.0.113.0/24",
		about: "The ranges that may connect."},
	{path: "environments.entry.accessLogs", kind: kindBoolean, standard: false, example: "true",
		about: "Whether the load balancer writes each request to a bucket."},
	{path: "environments.entry.waf", kind: kindBoolean, standard: false, example: "true",
		about: "Whether a firewall with AWS's managed rules and a rate limit stands before the load balancer."},
	{path: "environments.entry.rateLimit", kind: kindNumber, standard: DefaultRateLimit, least: 10, most: 2_000_000_000, example: "5000",
		about: "Requests in five minutes that the firewall takes from one address."},
	{path: "environments.entry.idleTimeout", kind: kindNumber, standard: DefaultIdleTimeout, least: 1, most: 4000, example: "120",
		about: "Seconds after which the load balancer closes a connection that is silent."},

	{path: "environments.watch", kind: kindMapping, about: "What looks after the environment."},
	{path: "environments.watch.alarms", kind: kindBoolean, standard: true, example: "false",
		about: "Whether there are CloudWatch alarms."},
	{path: "environments.watch.email", kind: kindText, usually: "nobody is told", most: 254, pattern: `^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}$`,
		allowed: "an e-mail address", example: "team@example.com",
		about: "Who is told of alarms and failures."},
	{path: "environments.watch.topic", kind: kindText, usually: "one of its own where there is an email", pattern: arnPattern + `sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$`,
		allowed: "the ARN of an SNS topic that is not FIFO", example: "arn:aws:sns:eu-west-1:123456789012:alerts",
		about: "An SNS topic that exists, instead of email."},
	{path: "environments.watch.latency", kind: kindNumber, standard: DefaultLatency, least: 1, most: 3_600_000, example: "500",
		about: "Milliseconds that the slowest of a hundred requests may take before the alarm."},
	{path: "environments.watch.dashboard", kind: kindBoolean, standard: true, example: "false",
		about: "Whether there is a CloudWatch dashboard."},
	{path: "environments.watch.insights", kind: kindBoolean, standard: false, example: "true",
		about: "Whether Container Insights measures each task, at a price."},

	{path: "pipeline", kind: kindMapping, about: "The delivery pipeline."},
	{path: "pipeline.environment", kind: kindText, usually: "the last environment", allowed: "the name of an environment", example: "prod",
		about: "The environment whose stack holds the pipeline."},
	{path: "pipeline.checks", kind: kindChoice, standard: string(DefaultChecks), words: []string{string(ChecksSequential), string(ChecksParallel)}, example: "parallel",
		about: "Whether the checks run one after the other or at once."},
	{path: "pipeline.scope", kind: kindChoice, standard: string(DefaultScope), words: []string{string(ScopeAll), string(ScopeService)}, example: "service",
		about: "Whether the checks look at slipway's own code too, or at your service and your templates alone."},
	{path: "pipeline.mode", kind: kindChoice, standard: string(DefaultMode), words: []string{string(ModeSuperseded), string(ModeQueued)}, example: "queued",
		about: "Whether a newer run takes the place of one that waits, or each has its turn."},
	{path: "pipeline.branches", kind: kindItems, usually: "one pipeline for all environments", least: 1, most: maxEnvironments,
		about: "Branches that each have a pipeline of their own, through environments of their own."},
	{path: "pipeline.branches.name", kind: kindText, required: true, least: 1, most: 255, pattern: branchPattern,
		allowed: "the name of a branch", example: "develop",
		about: "The branch."},
	{path: "pipeline.branches.environments", kind: kindTexts, required: true, least: 1, most: maxEnvironments, pattern: environmentPattern, allowed: "the name of an environment", example: "dev",
		about: "Where the branch is deployed, in order; each environment belongs to one branch."},
	{path: "pipeline.source", kind: kindMapping, about: "A git host that the pipeline takes its source from."},
	{path: "pipeline.source.connection", kind: kindText, required: true, pattern: arnPattern + `(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[0-9a-f-]{36}$`,
		allowed: "the ARN of a connection", example: "arn:aws:codeconnections:eu-west-1:123456789012:connection/12345678-1234-1234-1234-123456789012",
		about: "The connection to the git host."},
	{path: "pipeline.source.repository", kind: kindText, required: true, least: 3, most: 200, pattern: `^[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)+$`,
		allowed: "owner/name as the git host writes it", example: "example/shop",
		about: "The repository."},
	{path: "pipeline.source.branch", kind: kindText, standard: DefaultBranch, least: 1, most: 255, pattern: branchPattern,
		allowed: "the name of a branch", example: "release",
		about: "The branch whose pushes start the pipeline."},
	{path: "pipeline.source.paths", kind: kindTexts, usually: "any file", least: 1, most: 8, pattern: `^[A-Za-z0-9._~*?{}\[\]!@+,/-]{1,255}$`,
		allowed: "a glob pattern of file paths", example: "web/**",
		about: "Files one of which a push must touch to start the pipeline."},

	{path: "security", kind: kindMapping, about: "What an organisation gives instead of slipway's own, and what the checks for known faults go by."},
	{path: "security.boundary", kind: kindText, usually: "slipway's own", pattern: arnPattern + `iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+$`,
		allowed: "the ARN of a managed policy", example: "arn:aws:iam::123456789012:policy/boundary",
		about: "The permissions boundary of every role."},
	{path: "security.key", kind: kindText, usually: "keys of AWS", pattern: arnPattern + `kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$`,
		allowed: "the ARN of a KMS key, not of an alias", example: "arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012",
		about: "The KMS key that encrypts logs, sources, artifacts and messages."},
	{path: "security.severity", kind: kindChoice, standard: string(High), words: []string{string(Critical), string(High), string(Medium), string(Low), string(NoSeverity)},
		example: "critical", about: "The severity of the registry's findings from which on an image is refused."},
	{path: "security.database", kind: kindText, usually: "the Go project's", least: 8, most: 512, pattern: `^(https?|file)://[^\s]+$`,
		allowed: "an address that begins with https://, http:// or file://", example: "https://vulnerabilities.example.com",
		about: "The database of Go vulnerabilities."},
	{path: "security.offline", kind: kindBoolean, standard: false, example: "true",
		about: "Whether a build of the pipeline goes on where that database cannot be reached."},
	{path: "security.accept", kind: kindItems, usually: noneOfThem, least: 1, most: 100, about: "Known vulnerabilities that are lived with."},
	{path: "security.accept.id", kind: kindText, required: true, least: 5, most: 64, pattern: `^[A-Z]+-[A-Za-z0-9-]+$`,
		allowed: "an identifier such as GO-2026-1234 or CVE-2026-1234", example: "GO-2026-1234",
		about: "Which one."},
	{path: "security.accept.reason", kind: kindText, required: true, least: 3, most: 256, pattern: `^.+$`, allowed: "a line of text", example: "only called in tests",
		about: "Why, for who reads the log of the check."},
	{path: "security.licences", kind: kindTexts, usually: strings.Join(StandardLicences(), ", "), least: 1, most: 50, pattern: `^[A-Za-z0-9][A-Za-z0-9.+-]*$`,
		allowed: "an SPDX identifier", example: "MIT",
		about: "The licences that Go modules may have."},
}

// declared gives the key at a path, which must be one of keys.
func declared(path string) key {
	i := slices.IndexFunc(keys, func(k key) bool { return k.path == path })
	if i < 0 {
		panic("config: the key " + path + " is read but not declared")
	}
	return keys[i]
}

// parent is the path of the mapping that holds the key; the file's own is empty.
func (k key) parent() string { return k.path[:max(strings.LastIndexByte(k.path, '.'), 0)] }

// name is the key as it stands in the file.
func (k key) name() string { return strings.TrimPrefix(strings.TrimPrefix(k.path, k.parent()), ".") }

// first is the first key declared in a list's items.
func (k key) first() key {
	return keys[slices.IndexFunc(keys, func(in key) bool { return in.parent() == k.path })]
}

// keysIn names what may stand in a mapping.
func keysIn(path string) []string {
	var names []string
	for _, k := range keys {
		if k.parent() == path {
			names = append(names, k.name())
		}
	}
	return names
}

// must ends a message: what the value has to be.
func (k key) must() string {
	switch k.kind {
	case kindNumber:
		return fmt.Sprintf("a whole number from %d to %d", k.least, k.most)
	case kindBoolean:
		return "true or false"
	case kindChoice:
		return "one of " + strings.Join(k.words, ", ")
	default:
		if k.example == "" || k.allowed == "a text" {
			return k.allowed
		}
		return k.allowed + ", such as " + k.example
	}
}

// fits says whether a text has the form that is declared. Patterns are compiled when used: a file uses few.
func (k key) fits(text string) bool {
	if k.kind == kindChoice {
		return slices.Contains(k.words, text)
	}
	return regexp.MustCompile(k.pattern).MatchString(text)
}
